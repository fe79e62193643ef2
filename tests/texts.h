// texts.h -- random and hostile texts for the tests of segmenting and chunking. The same seed, the
// same text.
#pragma once

#include "hotpathd/str.h"

#include "random.h"

// What random texts are made of: words, signs, blanks, and everything that joins or refuses to.
static const char *const text_parts[] = { "a", "word", "The", "Mr.", "U.S.", "J.", "e.g.", "1.",
    "3.14", "antidisestablishmentarianism", "don't", "x_y", " ", " ", " ", " ", "  ", ", ", "; ",
    ". ", "! ", "? ", "...", "\xe2\x80\xa6 ", "\"", ") ", "\n", "\n\n", "\r\n", "\r", "\f", "\v",
    "\t", "\xc2\x85", "\xc2\xa0", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe3\x80\x80",
    "\xcc\x88", " \xcc\x88", "\xe2\x80\x8d", "\xe2\x80\x8c", "\xc2\xad", "\xe4\xb8\xad\xe6\x96\x87",
    "\xe3\x80\x82", "\xef\xbc\x8c", "\xe3\x80\x8d", "\xe3\x82\xab\xe3\x82\xbf",
    "\xed\x95\x9c\xea\xb5\xad", "\xe1\x84\x80\xe1\x85\xa1", "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa",
    "\xf0\x9f\x87\xa9", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
    "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", "\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7", "\xe0\xa5\xa4 ",
    "\xe0\xb8\x81\xe0\xb8\xb3", "\xd8\x9f ", "\xd8\x8c ", "\xd8\x80", "\xd7\x90\"\xd7\x91",
    "\xd0\xbc\xd0\xb8\xd1\x80", "\xc3\xa9", "e\xcc\x81", "\x00x" };

// A text of `parts` random parts in `out`, drawn from at most `kinds` of them; returns its length.
static inline size_t random_text(struct random *random, char *out, size_t parts, uint32_t kinds)
{
    enum { ALL = sizeof text_parts / sizeof *text_parts };
    uint32_t drawn[ALL], count = kinds < ALL ? kinds : ALL;
    size_t len = 0;
    for (uint32_t i = 0; i < count; i++)
        drawn[i] = random_below(random, ALL);
    for (size_t i = 0; i < parts; i++) {
        const char *part = text_parts[drawn[random_below(random, count)]];
        size_t part_len = *part ? strlen(part) : 2;
        memcpy(out + len, part, part_len);
        len += part_len;
    }
    return len;
}

enum { TEXT_PART_MAX = 32 };
