// tool_mojibake.c -- repairs texts for a test that compares with ftfy: reads a length (4 bytes,
// little endian) and so many bytes of UTF-8, writes the same of what cleaning made of it. With an
// argument every switch of `standard` is on, else only mojibake.
#include "text/clean.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 64 << 20 };

static bool answer(hp_str text, const struct hp_clean_options *options)
{
    static const struct hp_deadline never = { 0 };
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_clean out = { .text = text };
    hp_arena_init(&arena, NULL, (size_t)4 << 30);
    bool fine = hp_clean(text, options, &arena, &never, &out, &fault) == HP_OK;
    uint32_t len = (uint32_t)out.text.len;
    fine = fine && fwrite(&len, sizeof len, 1, stdout) == 1 &&
           fwrite(out.text.ptr, 1, len, stdout) == len && fflush(stdout) == 0;
    hp_arena_done(&arena);
    return fine;
}

int main(int argc, char **argv)
{
    (void)argv;
    struct hp_clean_options options = hp_clean_none;
    options.on[HP_FIX_MOJIBAKE] = true;
    if (argc > 1)
        options = hp_clean_standard;
    char *text = malloc(TEXT_MAX);
    uint32_t len;
    bool fine = text != NULL;
    while (fine && fread(&len, sizeof len, 1, stdin) == 1) {
        fine = len <= TEXT_MAX && fread(text, 1, len, stdin) == len &&
               answer((hp_str){ text, len }, &options);
    }
    free(text);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
