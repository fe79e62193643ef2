// tool_html.c -- HTML to text over a pipe, for tests in other languages: reads a page as its length
// (4 bytes, little endian) and bytes, and answers likewise with its title and its text, in which
// what html.c has put between the words of the page (markers, bars, line ends) is U+E000 if
// `tool_html words`.
#include "html_checks.h"

#include <stdio.h>
#include <stdlib.h>

static void answer(hp_str s)
{
    uint32_t len = (uint32_t)s.len;
    fwrite(&len, sizeof len, 1, stdout);
    fwrite(s.ptr, 1, s.len, stdout);
}

static int serve(hp_str raw, bool only_words)
{
    static const struct hp_deadline never = { 0 };
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    struct html_page page;
    hp_arena_init(&arena, NULL, (size_t)1 << 32);
    if (html_read(raw, &arena, &never, &page, &fault))
        return EXIT_FAILURE;
    struct hp_buf words = hp_buf_in(&arena);
    answer(page.clean.structure.title);
    answer(only_words ? html_words(&page, HP_S("\ue000"), &words) : page.clean.text);
    fflush(stdout);
    hp_arena_done(&arena);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    bool only_words = argc > 1 && strcmp(argv[1], "words") == 0;
    uint32_t len;
    while (fread(&len, sizeof len, 1, stdin) == 1) {
        char *bytes = malloc(len + 1u);
        if (!bytes || fread(bytes, 1, len, stdin) != len)
            return EXIT_FAILURE;
        if (serve((hp_str){ bytes, len }, only_words))
            return EXIT_FAILURE;
        free(bytes);
    }
    return EXIT_SUCCESS;
}
