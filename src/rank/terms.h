// terms.h -- the words that a request looks for, analysed: those of the query, then those of its
// filters. A document's word is one of them where its stem is; most words are turned away by their
// first four bytes, and a word that came before is known by its surface.
#pragma once

#include "rank/analyzer.h"
#include "rank/split.h"

enum { HP_TERMS_MAX = 256, HP_TERM_SETS = HP_TERMS_MAX / 64, HP_HEADS = 1024 / 64 };

// A set of terms.
struct hp_term_set {
    uint64_t bits[HP_TERM_SETS];
};

static inline void hp_term_set_add(struct hp_term_set *set, size_t term)
{
    set->bits[term / 64] |= UINT64_C(1) << term % 64;
}

static inline bool hp_term_set_has(const struct hp_term_set *set, size_t term)
{
    return set->bits[term / 64] >> term % 64 & 1;
}

struct hp_surface;

struct hp_terms {
    const struct hp_analyzer *analyzer;
    struct hp_arena *arena;
    size_t count, limit;
    hp_str term[HP_TERMS_MAX]; // distinct, in the order of their first use
    uint64_t head[HP_HEADS];   // a bit each, by hp_terms_pair: a word that begins so may be a term,
    uint64_t neck[HP_HEADS];   // and so where its third and fourth byte are these
    struct hp_surface *known;  // words seen, by their surface: open addressing
    size_t known_count, known_size, known_bytes;
    struct hp_split split; // its scratch serves every text that is analysed
};

// What analysing one text came to.
struct hp_analysed {
    size_t words; // stop words among them
    size_t stops; // passed over
    size_t terms; // words that became terms
    struct hp_term_set set;
};

// `limit` is at most HP_TERMS_MAX. The analyzer outlives the terms.
HP_MUST_USE enum hp_code hp_terms_init(struct hp_terms *terms, const struct hp_analyzer *analyzer,
    size_t limit, struct hp_arena *arena, struct hp_fault *fault);

// Analyses `text` and adds its terms; `times`, where it is not NULL, counts each. HP_TOO_MANY_TERMS
// with `pointer` where that makes more than the limit.
HP_MUST_USE enum hp_code hp_terms_add(struct hp_terms *terms, hp_str text, uint32_t *times,
    const char *pointer, struct hp_analysed *out, struct hp_fault *fault);

// The same, but only looks which of the terms are in `text`.
HP_MUST_USE enum hp_code hp_terms_match(
    struct hp_terms *terms, hp_str text, struct hp_analysed *out, struct hp_fault *fault);

// The two lowest bytes as the number of a bit of `head` or `neck`.
static inline size_t hp_terms_pair(uint64_t bytes)
{
    return (bytes & 31) | (bytes >> 3 & (31 << 5));
}

// By the first four bytes of a folded word, zero behind its end.
static inline bool hp_terms_may_be(const struct hp_terms *terms, uint64_t first_bytes)
{
    size_t head = hp_terms_pair(first_bytes), neck = hp_terms_pair(first_bytes >> 16);
    return terms->head[head / 64] >> head % 64 & terms->neck[neck / 64] >> neck % 64 & 1;
}

// The term that this folded word is, or -1. Its head has been looked at, it is no stop word.
int hp_terms_find(struct hp_terms *terms, hp_str folded);

// Where the first eight bytes are at hand (zero behind the end of a shorter word): the term if the
// word is known, -1 if it is known to be none, -2 where it is not known. For words of at most eight
// bytes.
int hp_terms_known(const struct hp_terms *terms, uint64_t bytes);
