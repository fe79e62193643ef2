// structure.c -- moves a structure along with its text.
#include "text/rewrite.h"

// What became of the byte at `at`: where the edit that took it begins or (`behind`) ends, else the
// same byte. O(log edits).
static uint32_t moved(const struct hp_edits *edits, uint32_t at, bool behind)
{
    size_t low = 0, high = edits->count; // the edits before `low` end at or before `at`
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hp_edit *edit = &edits->edit[middle];
        if (edit->raw_at + edit->raw_len <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < edits->count && edits->edit[low].raw_at <= at)
        return edits->edit[low].at + (behind ? edits->edit[low].len : 0);
    if (low == 0)
        return at + behind;
    const struct hp_edit *last = &edits->edit[low - 1];
    return at - (last->raw_at + last->raw_len) + last->at + last->len + behind;
}

// false where nothing is left of it
static bool move_span(const struct hp_edits *edits, uint32_t *start, uint32_t *end)
{
    if (*start == *end)
        return false;
    *start = moved(edits, *start, false);
    *end = moved(edits, *end - 1, true);
    return *start < *end;
}

enum hp_code hp_structure_move(struct hp_structure *structure, const struct hp_edits *edits,
    struct hp_arena *arena, struct hp_fault *fault)
{
    struct hp_heading *headings = HP_NEW_RAW(arena, struct hp_heading, structure->headings + 1);
    struct hp_element *elements = HP_NEW_RAW(arena, struct hp_element, structure->elements + 1);
    if (!headings || !elements)
        return hp_no_memory(arena, fault);
    size_t kept = 0;
    for (size_t i = 0; i < structure->headings; i++) {
        struct hp_heading heading = structure->heading[i];
        if (move_span(edits, &heading.start, &heading.end) &&
            move_span(edits, &heading.text_start, &heading.text_end))
            headings[kept++] = heading;
    }
    structure->headings = kept;
    structure->heading = headings;
    kept = 0;
    for (size_t i = 0; i < structure->elements; i++) {
        struct hp_element element = structure->element[i];
        if (move_span(edits, &element.start, &element.end))
            elements[kept++] = element;
    }
    structure->elements = kept;
    structure->element = elements;
    return HP_OK;
}
