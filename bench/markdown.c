// markdown.c -- MB/s of reading the blocks of Markdown, over texts made here, with and without wide
// registers; or, with --files LIST, CPU seconds a pass over the files that LIST names, as JSON.
#include "text/structure.h"

#include "hotpathd/cpu.h"

#include <stdio.h>
#include <stdlib.h>

enum { BYTES = 1 << 20, ROUNDS = 30, PASSES = 5, PATH_MAX_BYTES = 4096 };

static const struct {
    const char *name, *unit;
} texts[] = {
    { "prose, wrapped", "The quick brown fox jumps over the lazy dog, and then it sleeps until\n"
                        "noon, when the sun is warm and the grass is dry, and there is little to\n"
                        "do but wait.\n\n" },
    { "prose, a line each",
        "The quick brown fox jumps over the lazy dog, and then it sleeps until noon, when the sun "
        "is warm and the grass is dry, and there is little to do but wait for the evening and the "
        "next dog.\n\n" },
    { "documentation", "## Options\n\nThese are read at the start, and again on `SIGHUP`.\n\n"
                       "- `listen`: where to listen,\n  a port or a path.\n- `limit`: bytes.\n\n"
                       "```yaml\nlisten: 127.0.0.1:80\nlimit: 1000\n```\n\n| name | is |\n"
                       "|---|---|\n| a | first |\n| b | second |\n\n> A note on this.\n\n" },
    { "code in fences", "```c\nint main(void)\n{\n    return puts(\"x\");\n}\n```\n\n" },
    { "lists", "- one\n- two\n  - three, which is\n    longer\n  - four\n- five\n\n" },
    { "quotes", "> > one and more of it\n> > two\n> three\n\n" },
    { "table", "| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |\n| 4 | 5 | 6 |\n\n" },
};

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void read_once(hp_str text)
{
    static const struct hp_deadline never = { 0 };
    struct hp_arena arena;
    struct hp_structure structure;
    struct hp_fault fault;
    hp_arena_init(&arena, NULL, SIZE_MAX);
    if (hp_markdown_read(text, &arena, &never, &structure, &fault))
        exit(EXIT_FAILURE);
    hp_arena_done(&arena);
}

static double speed(hp_str text)
{
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t from = hp_thread_cpu_ns();
        read_once(text);
        best = lesser(best, hp_thread_cpu_ns() - from);
    }
    return (double)text.len * 1e3 / (double)best;
}

static double plain_speed(hp_str text)
{
    enum hp_cpu best = hp_cpu();
    hp_cpu_limit(HP_CPU_BASELINE);
    double mb = speed(text);
    hp_cpu_limit(best);
    return mb;
}

static int texts_made_here(void)
{
    char *text = malloc(BYTES);
    if (!text)
        return EXIT_FAILURE;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = strlen(texts[i].unit), filled = 0;
        for (; filled + len <= BYTES; filled += len)
            memcpy(text + filled, texts[i].unit, len);
        hp_str s = { text, filled };
        double fast = speed(s);
        printf("%-20s %9.0f MB/s, plain %9.0f MB/s\n", texts[i].name, fast, plain_speed(s));
    }
    free(text);
    return EXIT_SUCCESS;
}

static hp_str contents(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        exit(EXIT_FAILURE);
    size_t len = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(len + 1);
    if (!bytes || fread(bytes, 1, len, file) != len)
        exit(EXIT_FAILURE);
    fclose(file);
    return (hp_str){ bytes, len };
}

static int files(const char *list)
{
    FILE *file = fopen(list, "r");
    char path[PATH_MAX_BYTES];
    size_t count = 0, cap = 0, bytes = 0;
    hp_str *documents = NULL;
    if (!file)
        return EXIT_FAILURE;
    while (fgets(path, sizeof path, file)) {
        path[strcspn(path, "\n")] = '\0';
        if (count == cap)
            documents = realloc(documents, (cap = cap * 2 + 64) * sizeof *documents);
        if (!documents)
            return EXIT_FAILURE;
        documents[count] = contents(path);
        bytes += documents[count++].len;
    }
    fclose(file);
    uint64_t best = UINT64_MAX;
    for (int pass = 0; pass < PASSES; pass++) {
        uint64_t from = hp_thread_cpu_ns();
        for (size_t i = 0; i < count; i++)
            read_once(documents[i]);
        best = lesser(best, hp_thread_cpu_ns() - from);
    }
    printf("{\"cpu_seconds\": %.9f, \"bytes\": %zu, \"files\": %zu}\n", (double)best / 1e9, bytes,
        count);
    for (size_t i = 0; i < count; i++)
        free((void *)documents[i].ptr);
    free(documents);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--files") == 0)
        return files(argv[2]);
    return texts_made_here();
}
