// edits.h -- where a text differs from the one that it was made from, and the way from one to the
// other. A place takes two bytes where it is small, so that the map of a text that changes at every
// second byte is no larger than the text: a head with both lengths, then the distance from the
// place before. Every 64 edits a mark makes it searchable.
#pragma once

#include "hotpathd/deadline.h"

#include "hotpathd/arena.h"

// One place where clean and raw differ: raw[raw_at, raw_at + raw_len) became clean[at, at + len).
// Between two edits the bytes are the same. Sorted by `at` and by `raw_at`; raw_len > 0; edits may
// touch, not overlap.
struct hp_edit {
    uint32_t at, len, raw_at, raw_len;
};

struct hp_edits_mark {
    size_t code;         // where its edit is written
    uint32_t at, raw_at; // where the edit before it ends
};

// All zero: none.
struct hp_edits {
    uint8_t *code;
    size_t size, cap;
    struct hp_edits_mark *mark;
    size_t marks_cap;
    size_t count;
    uint32_t at, raw_at; // where the last one ends
    size_t last_code;    // where it is written
    bool removal;        // it only takes away
};

// Forgets all, keeps the memory.
void hp_edits_clear(struct hp_edits *edits);

// Appends one. Removals that touch become one; others stay apart, so that spans of the raw text
// stay exact. false where there is no memory.
bool hp_edits_add(struct hp_edits *edits, struct hp_edit edit, struct hp_arena *arena);

// A walk over all, from the first.
struct hp_edits_walk {
    const uint8_t *next, *end;
    uint32_t at, raw_at; // where the edit before ends
};

struct hp_edits_walk hp_edits_walk(const struct hp_edits *edits);
bool hp_edits_next(struct hp_edits_walk *walk, struct hp_edit *out);

// The last edit that begins at or before byte `raw_at` of the raw text. Where `raw_at` lies behind
// that edit only its ends are sure to be right: what matters is how far both texts are apart.
// Nothing at 0 where there is none. O(log edits).
struct hp_edit hp_edits_before_raw(const struct hp_edits *edits, uint32_t raw_at);

// The raw span behind clean[start, end): what lies between its first and its last byte, edits that
// touch them included where they made one of its bytes, and left out where they only removed text
// beside it. Empty where the span is. O(log edits).
void hp_edits_source(
    const struct hp_edits *edits, size_t start, size_t end, size_t *raw_start, size_t *raw_end);

// Whether the second map, which starts from the text that the first one makes, changes nothing
// before the end of the first one's last edit, as where only the text's end was trimmed.
bool hp_edits_follow(const struct hp_edits *first, const struct hp_edits *second);

// Joins a second map that follows to the first, at the cost of the second.
HP_MUST_USE enum hp_code hp_edits_append(struct hp_edits *first, const struct hp_edits *second,
    struct hp_arena *arena, const struct hp_deadline *deadline, struct hp_fault *fault);

// raw -> middle and middle -> clean become raw -> clean, appended to `out`. Linear.
HP_MUST_USE enum hp_code hp_edits_join(const struct hp_edits *first, const struct hp_edits *second,
    struct hp_arena *arena, const struct hp_deadline *deadline, struct hp_edits *out,
    struct hp_fault *fault);
