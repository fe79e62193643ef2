// mojibake.c -- MB/s of mojibake repair alone over the files that are named, or over texts made
// here: right text, damaged text, and text that is hard on purpose. CPU time, best of ROUNDS. With
// --serve a measuring instrument for bench/mojibake.py: reads a length (4 bytes, of this machine's
// order) and a text, answers with nanoseconds (8 bytes), a length (8) and the repaired text.
#include "text/passes.h"
#include "hotpathd/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 9, FILE_MAX = 64 << 20, BYTES = 1 << 20 };

static uint64_t time_repair(hp_str text, struct hp_arena *arena, struct hp_clean *out)
{
    struct hp_clean_options options = hp_clean_none;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_deadline far = { hp_now_ns() + (uint64_t)60000 * HP_NS_PER_MS };
    options.on[HP_FIX_MOJIBAKE] = true;
    uint64_t from = hp_thread_cpu_ns();
    if (hp_clean(text, &options, arena, &far, out, &fault))
        exit(EXIT_FAILURE);
    return hp_thread_cpu_ns() - from;
}

static void row(const char *name, hp_str text)
{
    uint64_t best = UINT64_MAX;
    struct hp_clean out;
    for (int round = 0; round < ROUNDS; round++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, (size_t)4 << 30);
        uint64_t took = time_repair(text, &arena, &out);
        best = took < best ? took : best;
        hp_arena_done(&arena);
    }
    printf("%-28s %9.0f MB/s %9u changes\n", name, (double)text.len * 1e3 / (double)best,
        out.changes[HP_FIX_MOJIBAKE]);
}

static int serve(char *space)
{
    uint32_t len;
    while (fread(&len, sizeof len, 1, stdin) == 1) {
        if (len > FILE_MAX || fread(space, 1, len, stdin) != len)
            return EXIT_FAILURE;
        struct hp_arena arena;
        struct hp_clean out;
        hp_arena_init(&arena, NULL, (size_t)4 << 30);
        uint64_t head[2];
        head[0] = time_repair((hp_str){ space, len }, &arena, &out);
        head[1] = out.text.len;
        fwrite(head, sizeof head, 1, stdout);
        fwrite(out.text.ptr, 1, out.text.len, stdout);
        fflush(stdout);
        hp_arena_done(&arena);
    }
    return EXIT_SUCCESS;
}

static void file_row(const char *name, char *space)
{
    FILE *file = fopen(name, "rb");
    if (!file)
        exit(EXIT_FAILURE);
    hp_str text = { space, fread(space, 1, FILE_MAX, file) };
    text.len = hp_utf8_valid(text);
    (void)fclose(file);
    row(name, text);
}

static const struct {
    const char *name, *unit;
} texts[] = {
    { "ascii", "The quick brown fox jumps over the lazy dog, and then it sleeps.\n" },
    { "french", "L\u2019\u00e9t\u00e9 dernier, o\u00f9 \u00e0 la for\u00eat pr\u00e8s du "
                "ch\u00e2teau, \u00ab il faisait beau \u00bb.\n" },
    { "russian", "\u0413\u0430\u0432\u0430\u043d\u044c \u0431\u044b\u043b\u0430 \u0442\u0438"
                 "\u0445\u043e\u0439 \u2014 \u00ab\u043a\u043e\u0433\u0434\u0430\u00bb.\n" },
    { "chinese", "\u6e05\u6d17\u6587\u672c\u7684\u901f\u5ea6\u5f88\u91cd\u8981\uff0c\u56e0\u4e3a"
                 "\u201c\u6587\u6863\u201d\u5f88\u591a\u3002\n" },
    { "french as windows-1252",
        "L\u00e2\u20ac\u2122\u00c3\u00a9t\u00c3\u00a9 dernier, o\u00c3\u00b9 "
        "la for\u00c3\u00aat pr\u00c3\u00a8s du ch\u00c3\u00a2teau.\n" },
    { "part of a line", "\u0413\u0430\u0432\u0430\u043d\u044c \u2014 pr\u00c3\u00a8s du "
                        "ch\u00c3\u00a2teau.\n" },
    { "A tilde", "\u00c3" },
    { "three layers, no line end", "\u00c3\u0192\u00c6\u2019\u00c3\u201a\u00c2\u00a9" },
    { "replacement characters", "\ufffd" },
    { "C1", "\xc2\x85" },
};

int main(int argc, char **argv)
{
    char *space = malloc(FILE_MAX);
    if (!space)
        return EXIT_FAILURE;
    if (argc == 2 && strcmp(argv[1], "--serve") == 0)
        return serve(space);
    for (int i = 1; i < argc; i++)
        file_row(argv[i], space);
    for (size_t i = 0; argc == 1 && i < sizeof texts / sizeof *texts; i++) {
        size_t len = strlen(texts[i].unit), filled = 0;
        for (; filled + len <= BYTES; filled += len)
            memcpy(space + filled, texts[i].unit, len);
        row(texts[i].name, (hp_str){ space, filled });
    }
    free(space);
    return EXIT_SUCCESS;
}
