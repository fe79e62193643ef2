// breaks.h -- what grapheme.c, word.c, sentence.c and edges.c share: the class of the character at
// a place.
#pragma once

#include "text/segment.h"
#include "text/segment_data.h"

// The one of valid UTF-8 at `at`, which is below s.len; *next is where the following one starts.
static inline uint32_t hp_char_at(hp_str s, size_t at, size_t *next)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    if (p[0] < 0x80) {
        *next = at + 1;
        return p[0];
    }
    if (p[0] < 0xe0) {
        *next = at + 2;
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    }
    if (p[0] < 0xf0) {
        *next = at + 3;
        return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    }
    *next = at + 4;
    return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
}

static inline const struct hp_break *hp_break_at(hp_str s, size_t at, size_t *next)
{
    return hp_break_of(hp_char_at(s, at, next));
}

static inline bool hp_ascii_at(hp_str s, size_t at)
{
    return (unsigned char)s.ptr[at] < 0x80;
}

// As hp_word_end, but ended by NARROW NO-BREAK SPACE too, the one blank that UAX #29 keeps in a
// word.
size_t hp_word_unblank(hp_str s, size_t at);
