// html.c -- HTML to text:
//     html                           MB/s over pages made here
//     html --files LIST [ROUNDS]     CPU seconds over real pages, one path a line, as JSON for
//                                    bench/html_pages.py; files that are not UTF-8 are passed over
//     html --text [clean] <PAGE      the text of one page and what was found in it, to look at
#include "text/clean.h"
#include "text/passes.h"
#include "hotpathd/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 5, LINE = 4096, BYTES = 1 << 20 };

struct pages {
    hp_str *page;
    size_t count, bytes;
};

static hp_str read_all(FILE *file)
{
    size_t len = 0, cap = 1 << 16;
    char *text = malloc(cap);
    for (char *more = text; more; more = realloc(text, cap *= 2)) {
        text = more;
        len += fread(text + len, 1, cap - len, file);
        if (len < cap)
            return (hp_str){ text, len };
    }
    perror("no memory");
    exit(EXIT_FAILURE);
}

static void add_page(struct pages *pages, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    hp_str page = read_all(file);
    fclose(file);
    if (hp_utf8_valid(page) < page.len)
        return;
    pages->page = realloc(pages->page, (pages->count + 1) * sizeof *pages->page);
    if (!pages->page)
        exit(EXIT_FAILURE);
    pages->page[pages->count++] = page;
    pages->bytes += page.len;
}

static struct pages read_list(const char *path)
{
    struct pages pages = { 0 };
    char line[LINE];
    FILE *list = fopen(path, "r");
    if (!list) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    while (fgets(line, sizeof line, list)) {
        line[strcspn(line, "\n")] = '\0';
        add_page(&pages, line);
    }
    fclose(list);
    return pages;
}

// The text of one page; its length keeps the work from being dropped.
static size_t text_of(hp_str page)
{
    static const struct hp_deadline never = { 0 };
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_structure structure;
    struct hp_edits edits = { 0 };
    hp_str text;
    hp_arena_init(&arena, NULL, (size_t)1 << 32);
    struct hp_buf out = hp_buf_in(&arena);
    struct hp_rewrite rewrite = {
        .in = page, .out = &out, .edits = &edits, .deadline = &never, .fault = &fault
    };
    if (hp_html_read(&rewrite, &structure) || hp_rewrite_end(&rewrite, &text))
        exit(EXIT_FAILURE);
    hp_arena_done(&arena);
    return text.len;
}

// CPU time of the last round: those before it warm up.
static uint64_t time_pages(const struct pages *pages, int rounds, size_t *text)
{
    uint64_t took = 0;
    for (int round = 0; round < rounds; round++) {
        uint64_t from = hp_thread_cpu_ns();
        *text = 0;
        for (size_t i = 0; i < pages->count; i++)
            *text += text_of(pages->page[i]);
        took = hp_thread_cpu_ns() - from;
    }
    return took;
}

static int run_list(const char *path, int rounds)
{
    struct pages pages = read_list(path);
    size_t text = 0;
    uint64_t took = time_pages(&pages, rounds, &text);
    printf("{\"pages\": %zu, \"bytes\": %zu, \"text_bytes\": %zu, \"cpu_seconds\": %.6f}\n",
        pages.count, pages.bytes, text, (double)took / 1e9);
    return EXIT_SUCCESS;
}

static const struct {
    const char *name, *unit;
} made[] = {
    { "prose",
        "<p>The quick brown fox jumps over the lazy dog, and then it <em>sleeps</em> until the "
        "evening comes\nand the stars are out.</p>\n" },
    { "links and entities",
        "<li class=\"entry\"><a href=\"/x/y?z=1&amp;w=2\" title=\"t\">Tom &amp; "
        "Jerry</a> &lt;b&gt; &mdash; <span class='n'>12</span></li>\n" },
    { "highlighted code", "<pre><span class=\"kw\">if</span> <span class=\"n\">x</span> <span "
                          "class=\"o\">==</span> <span class=\"mi\">1</span>:\n    y()\n</pre>\n" },
    { "scripts", "<script>var a = [1, 2, 3]; if (a < 2) { document.write(\"<p>\"); }</script>\n" },
    { "<", "<" },
};

static int run_made(void)
{
    char *text = malloc(BYTES);
    if (!text)
        return EXIT_FAILURE;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        size_t len = strlen(made[i].unit), filled = 0, ignored = 0;
        for (; filled + len <= BYTES; filled += len)
            memcpy(text + filled, made[i].unit, len);
        hp_str page = { text, filled };
        uint64_t took = time_pages(&(struct pages){ &page, 1, filled }, ROUNDS, &ignored);
        printf("html      %-24s %9.0f MB/s\n", made[i].name, (double)filled * 1e3 / (double)took);
    }
    free(text);
    return EXIT_SUCCESS;
}

static int show_text(const struct hp_clean_options *preset)
{
    static const struct hp_deadline never = { 0 };
    static const char *const kinds[] = { "code", "table", "item", "html", "front matter" };
    struct hp_clean_options options = *preset;
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_clean out;
    hp_arena_init(&arena, NULL, (size_t)1 << 32);
    options.format = HP_HTML;
    if (hp_clean(read_all(stdin), &options, &arena, &never, &out, &fault))
        return EXIT_FAILURE;
    fwrite(out.text.ptr, 1, out.text.len, stdout);
    fprintf(stderr, "\n--- title: %.*s\n", (int)out.structure.title.len, out.structure.title.ptr);
    for (size_t i = 0; i < out.structure.headings; i++) {
        const struct hp_heading *h = &out.structure.heading[i];
        fprintf(stderr, "h%d %u-%u %.*s\n", h->level, h->start, h->end,
            (int)(h->text_end - h->text_start), out.text.ptr + h->text_start);
    }
    for (size_t i = 0; i < out.structure.elements; i++) {
        const struct hp_element *e = &out.structure.element[i];
        fprintf(stderr, "%s %u-%u\n", kinds[e->kind], e->start, e->end);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "--files") == 0)
        return run_list(argv[2], argc > 3 ? atoi(argv[3]) : ROUNDS);
    if (argc >= 2 && strcmp(argv[1], "--text") == 0)
        return show_text(argc > 2 ? &hp_clean_standard : &hp_clean_none);
    if (argc == 1)
        return run_made();
    fprintf(stderr, "usage: html | html --files LIST [ROUNDS] | html --text [clean] <PAGE\n");
    return EXIT_FAILURE;
}
