// nesting.h -- where a string or a pair of brackets closes, piece by piece: the state goes from one
// piece to the next, so that its caller can look at the clock between them.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct hp_nesting {
    size_t depth; // of brackets, of either kind
    bool quoted;  // the next byte lies in a string
    bool escaped; // and a backslash before it takes its meaning
};

// Behind the quote that closes the string that is open; NULL: not in [first, end).
const char *hp_json_unquote(struct hp_nesting *nesting, const char *first, const char *end);

// Behind the bracket that closes the first one; NULL: not in [at, end).
const char *hp_json_close(struct hp_nesting *nesting, const char *at, const char *end);
const char *hp_json_close_plain(struct hp_nesting *nesting, const char *at, const char *end);
