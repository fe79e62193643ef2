// clean_lines.h -- what the passes that look at lines share: a text as lines, and what may be said
// of the letters around a line end.
#pragma once

#include "text/rewrite.h"

// A line: text[start, end) without its line end, which reaches to `next`; text[first, last) is what
// is left without the blanks at both ends (first == last: blank).
struct hp_line {
    size_t start, end, next;
    size_t first, last;
    bool page; // a page break ends it
};

// Reads the line that starts at `at`, which is below the text's length. Looks at the deadline.
HP_MUST_USE enum hp_code hp_line_read(struct hp_rewrite *rewrite, size_t at, struct hp_line *line);

static inline bool hp_line_blank(const struct hp_line *line)
{
    return line->first == line->last;
}

// Whether the line begins as an item of a list does: a bullet, or a number or letter with a full
// stop or bracket, and a blank behind it.
bool hp_line_lists(hp_str s, const struct hp_line *line);

// Whether the character at `at` is a letter (with `lower`: a lower-case one) that joins nothing
// before it under any normalization form; *len is its length.
bool hp_letter_at(hp_str s, size_t at, bool lower, size_t *len);

// Whether the word at `at` is an "and" or "or" of some language: a hyphen before it hangs in the
// air (pre- and post-).
bool hp_conjunction_at(hp_str s, size_t at);
