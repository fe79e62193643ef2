// structure.c -- moves a structure along with its text, and walks over what it protects.
#include "text/rewrite.h"

// What became of the byte at `at`: where the edit that took it begins or (`behind`) ends, else the
// same byte. O(log edits).
static uint32_t moved(const struct hp_edits *edits, uint32_t at, bool behind)
{
    struct hp_edit edit = hp_edits_before_raw(edits, at);
    uint32_t raw_end = edit.raw_at + edit.raw_len;
    if (at < raw_end)
        return edit.at + (behind ? edit.len : 0);
    return at - raw_end + edit.at + edit.len + behind;
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

struct span {
    size_t start, end;
};

static const struct span no_span = { SIZE_MAX, SIZE_MAX };

static struct span next_element(struct hp_shield *shield)
{
    const struct hp_structure *of = shield->of;
    size_t *next = &shield->next_element;
    while (*next < of->elements && !(shield->kinds >> of->element[*next].kind & 1))
        ++*next;
    if (*next == of->elements)
        return no_span;
    return (struct span){ of->element[*next].start, of->element[*next].end };
}

static struct span next_heading(const struct hp_shield *shield)
{
    const struct hp_structure *of = shield->of;
    if (!shield->headings || shield->next_heading == of->headings)
        return no_span;
    const struct hp_heading *heading = &of->heading[shield->next_heading];
    return (struct span){ heading->start, heading->end };
}

void hp_shield_move(struct hp_shield *shield, size_t at)
{
    while (shield->end <= at && shield->start != SIZE_MAX) {
        struct span element = next_element(shield), heading = next_heading(shield);
        bool first = element.start <= heading.start;
        struct span next = first ? element : heading;
        if (next.start != SIZE_MAX)
            ++*(first ? &shield->next_element : &shield->next_heading);
        if (next.end > shield->end) {
            shield->start = next.start;
            shield->end = next.end;
        }
    }
}
