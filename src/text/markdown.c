// markdown.c -- the blocks of Markdown.
#include "text/structure.h"

enum hp_code hp_markdown_read(hp_str text, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_structure *out, struct hp_fault *fault)
{
    (void)text, (void)arena, (void)deadline, (void)fault;
    *out = (struct hp_structure){ 0 };
    return HP_OK;
}
