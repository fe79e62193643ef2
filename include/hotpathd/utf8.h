// utf8.h -- UTF-8: validation, decoding, counting. All but the first four take valid UTF-8 for
// granted.
#pragma once

#include "hotpathd/str.h"

// Length of the longest valid prefix (Unicode 16, table 3-7: no surrogates, no overlong forms).
size_t hp_utf8_valid(hp_str s);

// The same, byte by byte: what finds the exact place of an error, and what the fast one is tested
// against.
size_t hp_utf8_valid_plain(hp_str s);

// Length of the valid character at `at`, which is below s.len; 0 where there is none.
size_t hp_utf8_len(hp_str s, size_t at);

// How many bytes at `at`, where no valid character stands, one U+FFFD should replace: the maximal
// subpart of The Unicode Standard, 3.9 (at least 1).
size_t hp_utf8_subpart(hp_str s, size_t at);

// The code point at `at`, which is below s.len; *len is its length in bytes (1 to 4).
static inline uint32_t hp_utf8_at(hp_str s, size_t at, size_t *len)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    if (p[0] < 0x80) {
        *len = 1;
        return p[0];
    }
    if (p[0] < 0xe0) {
        *len = 2;
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    }
    if (p[0] < 0xf0) {
        *len = 3;
        return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    }
    *len = 4;
    return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
}

static inline bool hp_utf8_continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

// Where the character starts that ends at `end`, which is above 0.
static inline size_t hp_utf8_start(hp_str s, size_t end)
{
    do
        end--;
    while (hp_utf8_continues(s.ptr[end]));
    return end;
}

// The code point that ends at `end`, which is above 0.
uint32_t hp_utf8_before(hp_str s, size_t end, size_t *len);

// Writes 1 to 4 bytes, returns how many.
size_t hp_utf8_put(char out[4], uint32_t code_point);

// Code points, and UTF-16 units, in s.
size_t hp_utf8_chars(hp_str s);
size_t hp_utf8_utf16(hp_str s);

// Length of the prefix that is ASCII.
size_t hp_ascii_prefix(hp_str s);
