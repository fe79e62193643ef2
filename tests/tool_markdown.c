// tool_markdown.c -- the structure of Markdown over a pipe, for tests in other languages: reads a
// text as its length (4 bytes, little endian) and bytes, and answers with the number of headings
// and of elements (4 bytes each), five numbers a heading (start, end, text_start, text_end, level)
// and three an element (start, end, kind).
#include "text/structure.h"

#include <stdio.h>
#include <stdlib.h>

static void put(uint32_t number)
{
    fwrite(&number, sizeof number, 1, stdout);
}

static void answer(const struct hp_structure *structure)
{
    put((uint32_t)structure->headings);
    put((uint32_t)structure->elements);
    for (size_t i = 0; i < structure->headings; i++) {
        const struct hp_heading *heading = &structure->heading[i];
        put(heading->start), put(heading->end);
        put(heading->text_start), put(heading->text_end);
        put(heading->level);
    }
    for (size_t i = 0; i < structure->elements; i++) {
        const struct hp_element *element = &structure->element[i];
        put(element->start), put(element->end), put(element->kind);
    }
    fflush(stdout);
}

int main(void)
{
    static const struct hp_deadline never = { 0 };
    uint32_t len;
    while (fread(&len, sizeof len, 1, stdin) == 1) {
        char *bytes = malloc(len + 1u);
        if (!bytes || fread(bytes, 1, len, stdin) != len)
            return EXIT_FAILURE;
        struct hp_arena arena;
        struct hp_structure structure;
        struct hp_fault fault = HP_FAULT_NONE;
        hp_arena_init(&arena, NULL, SIZE_MAX);
        if (hp_markdown_read((hp_str){ bytes, len }, &arena, &never, &structure, &fault))
            return EXIT_FAILURE;
        answer(&structure);
        hp_arena_done(&arena);
        free(bytes);
    }
    return EXIT_SUCCESS;
}
