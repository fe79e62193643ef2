// kept.h -- the elements of a document that a chunk keeps whole: those that are at most `max` long.
// A chunk that starts before one does not end inside it.
#pragma once

#include "text/measure.h"

struct hp_kept_element {
    uint32_t start, end;
    uint32_t parent, jump, depth; // the kept element around it, and one farther out (or itself)
};

struct hp_kept {
    const struct hp_kept_element *element; // sorted by start, the outer one first
    size_t count;
};

HP_MUST_USE enum hp_code hp_kept_find(struct hp_kept *kept, const struct hp_measure *measure,
    const struct hp_structure *structure, size_t max, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_fault *fault);

// The outermost kept element that begins behind `start` and has `at` strictly inside; NULL where
// there is none. O(log elements).
const struct hp_kept_element *hp_kept_around(const struct hp_kept *kept, size_t start, size_t at);

// The outermost kept element that begins in [low, high]; NULL where none does.
const struct hp_kept_element *hp_kept_in(const struct hp_kept *kept, size_t low, size_t high);
