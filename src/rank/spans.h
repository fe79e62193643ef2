// spans.h -- where ASCII words start and end, 64 bytes at a time: the words of UAX #29, found by
// bit operations. What holds other bytes is only fenced in, between places that are boundaries
// whatever stands there, and left to split.c.
#pragma once

#include "hotpathd/str.h"

enum { HP_EDGES_MAX = 2048, HP_FOREIGN_MAX = 256, HP_SPANS_BLOCK = 64 };

struct hp_spans {
    hp_str text; // below 4 GiB
    size_t at;
    size_t edges;                                     // of whole words in `edge`: an even number
    uint32_t edge[HP_EDGES_MAX + 2 * HP_SPANS_BLOCK]; // start and end of one word after the other
    size_t foreigns;
    uint32_t foreign[2 * (HP_FOREIGN_MAX + HP_SPANS_BLOCK)]; // the same of what is left to split.c
    uint64_t joined; // not zero: some word may hold an apostrophe
    // between two calls
    bool open, open_foreign;
    uint32_t open_start;
    uint64_t before; // what the byte before `at` is: enum of spans.c
};

void hp_spans_begin(struct hp_spans *spans, hp_str text);

// The next words and fenced-in spans of the text, in `edge` and `foreign`; false behind the last.
// A word that is all low lines is among them. Reads no byte outside of the text.
bool hp_spans_next(struct hp_spans *spans);
