// measure.h -- how long a span of a text is, in the unit of a request: tokens, characters or bytes.
#pragma once

#include "text/chunk.h"

struct hp_measure {
    hp_str text;
    const struct hp_tokens *tokens;
    const uint32_t *chars_before; // of each block of the text; NULL unless the unit is characters
    int unit;                     // enum hp_unit
    size_t token_bytes;           // 16 times what a token took of late: a guess
};

HP_MUST_USE enum hp_code hp_measure_init(struct hp_measure *measure, hp_str text,
    const struct hp_tokens *tokens, int unit, struct hp_arena *arena, struct hp_fault *fault);

// Tokens are those of the span alone, and may be fewer where the span is longer.
size_t hp_measure_span(const struct hp_measure *measure, size_t start, size_t end);

// No end behind this place is within `max` of `start`. Near to the last one that is.
size_t hp_measure_reach(const struct hp_measure *measure, size_t start, size_t max);

// A place, at least `low`, from which text[place, end) is more than `limit`, near to the first one
// from which it is not; `low` where all of it is near.
size_t hp_measure_back(struct hp_measure *measure, size_t low, size_t end, size_t limit);

// What any span of so many bytes measures at least.
size_t hp_measure_least(const struct hp_measure *measure, size_t bytes);

// The start of the character at `at`.
size_t hp_measure_align(const struct hp_measure *measure, size_t at);

// By how much a longer span may measure less: what a search has to look beyond the first failure.
// Of spans that start at words the second.
size_t hp_measure_slack(const struct hp_measure *measure);
size_t hp_measure_word_slack(const struct hp_measure *measure);
