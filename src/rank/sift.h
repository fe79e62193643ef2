// sift.h -- of many ASCII words the few that may be terms, by their first eight bytes: a word that
// is a stop word, or begins as no term's words do, is done with.
#pragma once

#include "rank/spans.h"
#include "rank/terms.h"

enum { HP_SHORT_WORD = 8 }; // bytes

// The first eight bytes of a word, zero behind its end, the first lowest. Letters are in lower
// case; a low line is DEL, which is in no word otherwise.
static inline uint64_t hp_word_bytes(hp_str text, size_t start, size_t end)
{
    uint64_t bytes = 0, lower = UINT64_C(0x2020202020202020);
    size_t len = end - start < HP_SHORT_WORD ? end - start : HP_SHORT_WORD;
    if (start + HP_SHORT_WORD <= text.len)
        memcpy(&bytes, text.ptr + start, HP_SHORT_WORD);
    else
        memcpy(&bytes, text.ptr + start, len);
    return (bytes | lower) & ~UINT64_C(0) >> (HP_SHORT_WORD - len) * 8;
}

// Whether it may be an English possessive: it ends in an apostrophe and one more byte.
static inline bool hp_word_possessive(hp_str text, size_t start, size_t end)
{
    return end - start > 1 && text.ptr[end - 2] == '\'';
}

struct hp_sifted {
    size_t stops;                                     // stop words, where they are looked for
    size_t edges;                                     // of words that may be terms, in `edge`
    uint32_t edge[2 * HP_EDGES_MAX + HP_SPANS_BLOCK]; // those that begin with a low line and
};                                                    // possessives are always among them

// Sifts the words of spans->edge.
void hp_sift(
    const struct hp_spans *spans, const struct hp_terms *terms, bool stops, struct hp_sifted *out);
