// fuzz_markdown.c -- any bytes as Markdown: the structure's shape, the same structure for the same
// text with other line ends, in a quote and in an item, and the line ends that the registers find.
#include "fuzz.h"
#include "markdown_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hp_str text = { (const char *)data, size };
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, SIZE_MAX);
    struct hp_structure structure = markdown(text, &arena);
    must_hold(check_structure(text, &structure));
    must_hold(check_dresses(text, &structure));
    must_hold(check_line_ends(text));
    hp_arena_done(&arena);
    return 0;
}
