// tool_html.c -- HTML to text over a pipe, for tests in other languages: reads a page as its length
// (4 bytes, little endian) and bytes, and answers likewise with its title and its text, in which
// what html.c has put between the words of the page (markers, bars, line ends) is U+E000 if
// `tool_html words`.
#include "text/html_entities.h"
#include "text/passes.h"

#include <stdio.h>
#include <stdlib.h>

static void answer(hp_str s)
{
    uint32_t len = (uint32_t)s.len;
    fwrite(&len, sizeof len, 1, stdout);
    fwrite(s.ptr, 1, s.len, stdout);
}

// Whether the edit is a character reference and what it says.
static bool is_reference(hp_str in, hp_str text, const struct hp_edit *edit)
{
    char said[HP_ENTITY_TEXT_MAX];
    size_t len;
    hp_str raw = { in.ptr, (size_t)edit->raw_at + edit->raw_len };
    if (in.ptr[edit->raw_at] != '&')
        return false;
    if (hp_html_entity(raw, edit->raw_at, false, said, &len) != edit->raw_len)
        return false;
    return hp_str_equal((hp_str){ said, len }, (hp_str){ text.ptr + edit->at, edit->len });
}

static void add_part(struct hp_buf *out, hp_str text, size_t from, size_t to)
{
    hp_buf_add(out, (hp_str){ text.ptr + from, to - from });
}

static hp_str words(hp_str in, hp_str text, const struct hp_edits *edits, struct hp_buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < edits->count; i++) {
        const struct hp_edit *edit = &edits->edit[i];
        add_part(out, text, at, edit->at);
        at = edit->at;
        if (edit->len > 0 && !is_reference(in, text, edit)) {
            at += edit->len;
            hp_buf_add(out, HP_S("\ue000"));
        }
    }
    add_part(out, text, at, text.len);
    return hp_buf_str(out);
}

static int serve(hp_str page, bool only_words)
{
    static const struct hp_deadline never = { 0 };
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_structure structure;
    struct hp_edits edits = { 0 };
    hp_str text;
    hp_arena_init(&arena, NULL, (size_t)1 << 32);
    struct hp_buf out = hp_buf_in(&arena), kept = hp_buf_in(&arena);
    struct hp_rewrite rewrite = {
        .in = page, .out = &out, .edits = &edits, .deadline = &never, .fault = &fault
    };
    if (hp_html_read(&rewrite, &structure) || hp_rewrite_end(&rewrite, &text))
        return EXIT_FAILURE;
    answer(structure.title);
    answer(only_words ? words(page, text, &edits, &kept) : text);
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
