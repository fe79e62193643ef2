// hostile.c -- documents made to be slow, of 1, 2, 4 and 8 MB, through the whole engine: CPU ms a
// MB, and the largest step from one size to its double (2 is linear).
#include "text/document.h"

#include <stdio.h>
#include <stdlib.h>

enum { MB = 1000000, SIZES = 4 };

static const struct {
    int format; // enum hp_format
    const char *name, *unit;
} documents[] = {
    { HP_PLAIN, "one letter", "a" },
    { HP_PLAIN, "one sign", "-" },
    { HP_PLAIN, "spaces", " " },
    { HP_PLAIN, "line ends", "\n" },
    { HP_PLAIN, "letters and blanks", "a " },
    { HP_PLAIN, "digits", "7" },
    { HP_PLAIN, "base64", "QUJDRGVm9+/xYz01" },
    { HP_PLAIN, "no blank", "abcdefghijklmnopqrstuvwxyz" },
    { HP_PLAIN, "Han without a stop", "\u4e2d\u6587\u6ca1\u6709\u7a7a\u683c" },
    { HP_PLAIN, "combining marks", "\u0301" },
    { HP_PLAIN, "mixed marks", "\u0301\u0327\u0323" },
    { HP_PLAIN, "joiners", "\u200d" },
    { HP_PLAIN, "flags", "\U0001f1e9" },
    { HP_PLAIN, "family", "\U0001f469\u200d" },
    { HP_PLAIN, "Thai", "\u0e01\u0e33" },
    { HP_PLAIN, "abbreviations", "Mr. " },
    { HP_PLAIN, "stops", "." },
    { HP_PLAIN, "quotes", "\"" },
    { HP_PLAIN, "closing brackets", ")" },
    { HP_PLAIN, "form feeds", "a\f" },
    { HP_PLAIN, "CRLF", "a\r\n" },
    { HP_PLAIN, "controls", "a\x01" },
    { HP_PLAIN, "mojibake", "\u00c3\u00a9" },
    { HP_PLAIN, "leads of mojibake", "\u00c3" },
    { HP_PLAIN, "lost characters", "\ufffd" },
    { HP_PLAIN, "decomposed", "e\u0301" },
    { HP_HTML, "less-than", "<" },
    { HP_HTML, "open tags", "<a " },
    { HP_HTML, "ampersands", "&" },
    { HP_HTML, "comments", "<!--" },
    { HP_HTML, "elements", "<div>" },
    { HP_HTML, "lists", "<ul><li>" },
    { HP_HTML, "tables", "<table><tr><td>" },
    { HP_HTML, "preformatted", "<pre>" },
    { HP_HTML, "quoted attributes", "<a b=\"" },
    { HP_HTML, "headings", "<h1>x" },
    { HP_MARKDOWN, "quotes", ">" },
    { HP_MARKDOWN, "nested items", "- " },
    { HP_MARKDOWN, "items", "- a\n" },
    { HP_MARKDOWN, "backticks", "`" },
    { HP_MARKDOWN, "fences", "```\n" },
    { HP_MARKDOWN, "brackets", "[" },
    { HP_MARKDOWN, "headings", "# a\n" },
    { HP_MARKDOWN, "pipes", "|" },
    { HP_MARKDOWN, "tables", "|a|\n|-|\n" },
    { HP_MARKDOWN, "tabs", "\t" },
    { HP_MARKDOWN, "HTML", "<pre>\n" },
};

static const struct hp_deadline never = { 0 };

static uint64_t time_of(const struct hp_vocab *vocab, hp_str text, int format)
{
    struct hp_arena arena;
    struct hp_document document;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_document_options options = { .clean = hp_clean_standard,
        .chunk = { .max = 512, .overlap = 64 } };
    options.clean.format = format;
    hp_arena_init(&arena, NULL, (size_t)8 << 30);
    uint64_t from = hp_thread_cpu_ns();
    if (hp_document_read(vocab, text, &options, &arena, &never, &document, &fault)) {
        fprintf(stderr, "hostile: %s\n", fault.detail);
        exit(EXIT_FAILURE);
    }
    uint64_t spent = hp_thread_cpu_ns() - from;
    hp_arena_done(&arena);
    return spent;
}

static void row(const struct hp_vocab *vocab, char *text, size_t i)
{
    static const char *const formats[] = { "plain", "markdown", "html" };
    size_t len = strlen(documents[i].unit);
    double before = 0, worst = 0;
    for (size_t at = 0; at + len <= (size_t)8 * MB; at += len)
        memcpy(text + at, documents[i].unit, len);
    printf("%-9s %-20s", formats[documents[i].format], documents[i].name);
    for (int size = 0; size < SIZES; size++) {
        size_t bytes = ((size_t)MB << size) / len * len;
        double ms = (double)time_of(vocab, (hp_str){ text, bytes }, documents[i].format) / 1e6;
        printf(" %8.1f", ms / (1 << size));
        if (size > 0 && ms / before > worst)
            worst = ms / before;
        before = ms;
        fflush(stdout);
    }
    printf("   x%.2f\n", worst);
}

int main(void)
{
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_vocab *vocab = hp_vocab_open("build/vocab", HP_O200K_BASE, &fault);
    char *text = malloc((size_t)8 * MB + 64);
    if (!text)
        return EXIT_FAILURE;
    printf(
        "CPU ms a MB %18s %8s %8s %8s %8s   worst doubling\n", "", "1 MB", "2 MB", "4 MB", "8 MB");
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
        row(vocab, text, i);
    free(text);
    hp_vocab_close(vocab);
    return EXIT_SUCCESS;
}
