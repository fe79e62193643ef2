// normalize.h -- normalization forms NFC and NFKC (UAX #15), from the same generated tables.
#pragma once

#include "text/scan.h"

#include "hotpathd/buf.h"
#include "hotpathd/deadline.h"

enum hp_form { HP_FORM_NONE, HP_FORM_NFC, HP_FORM_NFKC };

// A text that is normalized, and what that needs at hand.
struct hp_normalizer {
    hp_str s;
    enum hp_form form;
    const struct hp_deadline *deadline;
    struct hp_arena *arena; // of `word`
    struct hp_hits hits;
    uint32_t *word;
    size_t words;
};

struct hp_normalizer hp_normalizer_of(
    hp_str s, enum hp_form form, const struct hp_deadline *deadline, struct hp_arena *arena);

// Length of the longest prefix of s[at, stop) that is certainly in the form already and ends before
// a starter that does not combine backwards: what follows can be normalized apart from it. Fast
// (quick check). `at` never goes back.
HP_MUST_USE enum hp_code hp_normalizer_prefix(
    struct hp_normalizer *normalizer, size_t at, size_t stop, size_t *len, struct hp_fault *fault);

// Normalizes the one segment at the start of s[at, stop), which is not empty: from its first code
// point to before the next starter that nothing before it can combine with. Appends the result to
// `out`; *len is the segment's length in bytes. Linear, the deadline is looked at on the way: a
// segment may be a million combining marks.
HP_MUST_USE enum hp_code hp_normalizer_segment(struct hp_normalizer *normalizer, size_t at,
    size_t stop, struct hp_buf *out, size_t *len, struct hp_fault *fault);
