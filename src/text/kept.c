// kept.c -- the kept elements as a forest in which every one also points far outwards, so that a
// way of n steps takes O(log n) (E. Myers, "An applicative random-access stack", 1983).
#include "text/kept.h"

#include "text/gaps.h"

enum { CHECK_EVERY = 256 };

// No edge lies inside a single byte.
static bool can_be_cut(const struct hp_element *element)
{
    return element->end - element->start > 1;
}

static bool fits(const struct hp_measure *measure, const struct hp_element *element, size_t max)
{
    size_t start = element->start;
    if (element->end - start <= max)
        return true; // nothing is longer than its bytes
    start = hp_gap_at(measure->text, start).end;
    return start < element->end && hp_measure_span(measure, start, element->end) <= max;
}

// The innermost of the elements so far that holds the place `start`; `count` where none does.
static size_t open_at(const struct hp_kept_element *all, size_t count, size_t start)
{
    size_t at = count > 0 ? count - 1 : count;
    while (at < count && all[at].end <= start)
        at = all[at].parent == at ? count : all[at].parent;
    return at;
}

// Adds an element whose parent is number `parent`, itself where there is none.
static void add(
    struct hp_kept_element *all, size_t count, const struct hp_element *element, uint32_t parent)
{
    struct hp_kept_element *new = &all[count];
    *new = (struct hp_kept_element){ element->start, element->end, parent, parent, 0 };
    if (parent == count)
        return;
    const struct hp_kept_element *up = &all[parent], *far = &all[up->jump];
    new->depth = up->depth + 1;
    if (up->depth - far->depth == far->depth - all[far->jump].depth)
        new->jump = far->jump;
}

enum hp_code hp_kept_find(struct hp_kept *kept, const struct hp_measure *measure,
    const struct hp_structure *structure, size_t max, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    *kept = (struct hp_kept){ 0 };
    if (!structure || structure->elements == 0)
        return HP_OK;
    size_t most = 0, count = 0;
    for (size_t i = 0; i < structure->elements; i++)
        most += can_be_cut(&structure->element[i]);
    struct hp_kept_element *all = HP_NEW_RAW(arena, struct hp_kept_element, most);
    if (!all)
        return hp_no_memory(arena, fault);
    for (size_t i = 0; i < structure->elements; i++) {
        const struct hp_element *element = &structure->element[i];
        if (i % CHECK_EVERY == 0)
            HP_TRY(hp_deadline_check(deadline, fault));
        if (!can_be_cut(element) || !fits(measure, element, max))
            continue;
        uint32_t parent = (uint32_t)open_at(all, count, element->start);
        add(all, count++, element, parent);
    }
    *kept = (struct hp_kept){ all, count };
    return HP_OK;
}

// How many begin before `at`.
static size_t begun(const struct hp_kept *kept, size_t at)
{
    size_t low = 0, high = kept->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (kept->element[middle].start < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct hp_kept_element *hp_kept_around(const struct hp_kept *kept, size_t start, size_t at)
{
    const struct hp_kept_element *all = kept->element;
    size_t count = begun(kept, at);
    if (count == 0)
        return NULL;
    const struct hp_kept_element *inner = &all[count - 1];
    while (inner->end <= at) { // outwards, to one that is still open
        const struct hp_kept_element *up = &all[inner->parent], *far = &all[inner->jump];
        if (up == inner)
            return NULL;
        inner = far->end <= at ? far : up;
    }
    if (inner->start <= start)
        return NULL;
    for (;;) { // outwards, as long as they begin behind `start`
        const struct hp_kept_element *up = &all[inner->parent], *far = &all[inner->jump];
        if (up == inner || up->start <= start)
            return inner;
        inner = far->start > start ? far : up;
    }
}

const struct hp_kept_element *hp_kept_in(const struct hp_kept *kept, size_t low, size_t high)
{
    size_t i = begun(kept, low);
    return i < kept->count && kept->element[i].start <= high ? &kept->element[i] : NULL;
}
