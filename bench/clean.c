// clean.c -- MB/s of cleaning (standard) and of UTF-8 validation over 1 MB texts made here; memcpy
// is the yardstick. Best of ROUNDS, one thread, CPU time.
//
//     build/bench/clean --files list.txt [--format plain|markdown|html]
//
// cleans the files that list.txt names, a path a line, each once, and prints one JSON object: the
// CPU seconds of cleaning alone (reading and checking UTF-8 apart), for bench/ to set beside
// others.
#include "text/clean.h"
#include "hotpathd/utf8.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { BYTES = 1 << 20, ROUNDS = 30 };

static const struct {
    const char *name, *unit;
} texts[] = {
    { "ascii", "The quick brown fox jumps over the lazy dog, and then it sleeps.\n" },
    { "english, curly quotes",
        "\u201cIt\u2019s a plain sentence\u201d \u2014 with some words around it, and more of "
        "them to come before the line ends.\n" },
    { "accented (NFC)",
        "L\u2019\u00e9t\u00e9 dernier, o\u00f9 \u00e0 la for\u00eat pr\u00e8s du ch\u00e2teau.\n" },
    { "accented (NFD)", "Le\u0301te\u0301 dernier, ou\u0300 a\u0300 la fore\u0302t pre\u0300s du "
                        "cha\u0302teau.\n" },
    { "chinese", "\u6e05\u6d17\u6587\u672c\u7684\u901f\u5ea6\u5f88\u91cd\u8981\uff0c\u56e0\u4e3a"
                 "\u6587\u6863\u5f88\u591a"
                 "\u3002\n" },
    { "japanese", "\u3053\u308c\u306f\u30c6\u30b9\u30c8\u306e\u6587\u7ae0\u3067\u3059\u3002\n" },
    { "messy", "Some\u00a0text \x1b[31mred\x1b[0m  with   blanks\t \r\n\r\n\r\ncafe\u0301 "
               "soft\u00adhyphen\x01 end \r\n" },
};

static void row(const char *what, const char *name, uint64_t best_ns)
{
    printf("%-9s %-24s %9.0f MB/s\n", what, name, BYTES * 1e3 / (double)best_ns);
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t time_clean(hp_str text)
{
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        struct hp_arena arena;
        struct hp_clean out;
        struct hp_fault fault;
        struct hp_deadline never = { 0 };
        hp_arena_init(&arena, NULL, (size_t)1 << 30);
        uint64_t from = hp_thread_cpu_ns();
        if (hp_clean(text, &hp_clean_standard, &arena, &never, &out, &fault))
            exit(EXIT_FAILURE);
        best = lesser(best, hp_thread_cpu_ns() - from);
        hp_arena_done(&arena);
    }
    return best;
}

static uint64_t time_valid(hp_str text)
{
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t from = hp_thread_cpu_ns();
        if (hp_utf8_valid(text) != text.len)
            exit(EXIT_FAILURE);
        best = lesser(best, hp_thread_cpu_ns() - from);
    }
    return best;
}

static uint64_t time_copy(char *to, hp_str text)
{
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t from = hp_thread_cpu_ns();
        memcpy(to, text.ptr, text.len);
        __asm__ volatile("" : : "r"(to) : "memory");
        best = lesser(best, hp_thread_cpu_ns() - from);
    }
    return best;
}

static int all_texts(void)
{
    char *text = malloc(BYTES), *copy = malloc(BYTES);
    if (!text || !copy)
        return EXIT_FAILURE;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = strlen(texts[i].unit), filled = 0;
        for (; filled + len <= BYTES; filled += len)
            memcpy(text + filled, texts[i].unit, len);
        text[filled - 1] = '.'; // no line end at the end: the clean texts stay as they are
        memset(text + filled, '.', BYTES - filled);
        hp_str s = { text, BYTES };
        if (i == 0)
            row("memcpy", texts[i].name, time_copy(copy, s));
        row("valid", texts[i].name, time_valid(s));
        row("clean", texts[i].name, time_clean(s));
    }
    free(text);
    free(copy);
    return EXIT_SUCCESS;
}

struct sums {
    size_t files, bytes, changes;
    uint64_t cpu_ns;
};

static void clean_text(hp_str text, const struct hp_clean_options *options, struct sums *sums)
{
    struct hp_arena arena;
    struct hp_clean out;
    struct hp_fault fault;
    struct hp_deadline never = { 0 };
    hp_arena_init(&arena, NULL, (size_t)1 << 31);
    uint64_t from = hp_thread_cpu_ns();
    if (hp_clean(text, options, &arena, &never, &out, &fault))
        exit(EXIT_FAILURE);
    sums->cpu_ns += hp_thread_cpu_ns() - from;
    sums->files++;
    sums->bytes += text.len;
    for (int fix = 0; fix < HP_FIXES; fix++)
        sums->changes += out.changes[fix];
    hp_arena_done(&arena);
}

// The whole file; exits where that fails.
static hp_str read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t len = (size_t)ftell(file);
    char *bytes = malloc(len + 1);
    rewind(file);
    if (!bytes || fread(bytes, 1, len, file) != len) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    return (hp_str){ bytes, len };
}

static int all_files(const char *list, int format)
{
    struct hp_clean_options options = hp_clean_standard;
    struct sums sums = { 0 };
    hp_str names = read_file(list);
    options.format = format;
    while (names.len > 0) {
        char path[4096];
        hp_str name = hp_str_cut(&names, '\n');
        if (name.len == 0)
            continue;
        snprintf(path, sizeof path, "%.*s", (int)name.len, name.ptr);
        hp_str text = read_file(path);
        if (hp_utf8_valid(text) != text.len) {
            fprintf(stderr, "%s is not UTF-8\n", path);
            return EXIT_FAILURE;
        }
        clean_text(text, &options, &sums);
        free((char *)text.ptr);
    }
    printf("{\"files\":%zu,\"bytes\":%zu,\"changes\":%zu,\"cpu_s\":%.6f}\n", sums.files, sums.bytes,
        sums.changes, (double)sums.cpu_ns / 1e9);
    return EXIT_SUCCESS;
}

static int format_of(const char *name)
{
    static const char *const names[HP_FORMATS] = { "plain", "markdown", "html" };
    for (int format = 0; format < HP_FORMATS; format++)
        if (strcmp(names[format], name) == 0)
            return format;
    fprintf(stderr, "--format is plain, markdown or html\n");
    exit(EXIT_FAILURE);
}

int main(int count, char **word)
{
    mallopt(M_TRIM_THRESHOLD, 256 << 20); // as the daemon does: memory is faulted in once
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    if (count == 1)
        return all_texts();
    bool files = strcmp(word[1], "--files") == 0 && (count == 3 || count == 5);
    if (!files || (count == 5 && strcmp(word[3], "--format") != 0)) {
        fprintf(stderr, "usage: clean [--files LIST [--format plain|markdown|html]]\n");
        return EXIT_FAILURE;
    }
    return all_files(word[2], count == 5 ? format_of(word[4]) : HP_PLAIN);
}
