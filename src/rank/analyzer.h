// analyzer.h -- what is done to a word before it is compared: nothing more than folding (simple),
// a Snowball stemmer (a language's name), and for English possessives and stop words as well.
// An analyzer belongs to one request: libstemmer's stemmers are not to be shared.
#pragma once

#include "hotpathd/arena.h"

struct sb_stemmer;

// What a stemmer leaves of a word's head, which tells most words that cannot be a term without
// stemming them.
enum hp_head {
    HP_HEAD_ANY,   // nothing is known
    HP_HEAD_EXACT, // all of it: there is no stemmer
    HP_HEAD_ENGLISH,
    HP_HEAD_PORTER,
};

struct hp_analyzer {
    bool english; // possessives, and stop words unless they are kept
    bool keep_stops;
    enum hp_head head;
    struct sb_stemmer *stemmer; // NULL: none
};

enum { HP_STEM_MAX = 255 }; // bytes; longer words are compared as they are

// `simple`, `english`, `porter`, or the name of another stemmer of libstemmer; HP_UNKNOWN_ANALYZER
// with `pointer` for any other name. hp_analyzer_close takes one that was not opened.
HP_MUST_USE enum hp_code hp_analyzer_open(
    hp_str name, const char *pointer, struct hp_analyzer *out, struct hp_fault *fault);
void hp_analyzer_close(struct hp_analyzer *analyzer);

// Beside the declaration of a struct hp_analyzer: closed when it goes out of scope.
#define HP_CLOSED __attribute__((cleanup(hp_analyzer_close)))

// The stem of a folded word; lives in the stemmer until its next word. Never empty, never of a
// word longer than HP_STEM_MAX.
hp_str hp_stem(const struct hp_analyzer *analyzer, hp_str folded);

// The folded word without English 's (Lucene's EnglishPossessiveFilter).
hp_str hp_unpossessed(hp_str folded);

// Lucene's 33 English stop words.
bool hp_english_stop(hp_str folded);

// The same for the first eight bytes of a word as a number, the first byte lowest, zero behind its
// end. No stop word has more than five.
extern const uint64_t hp_english_stops[64];

#define HP_STOP_FACTOR UINT64_C(0xfd430dcc71e6cba5)
enum { HP_STOP_SHIFT = 58 };

static inline size_t hp_english_stop_slot(uint64_t head)
{
    return head * HP_STOP_FACTOR >> HP_STOP_SHIFT;
}

static inline bool hp_english_stop_head(uint64_t head)
{
    return hp_english_stops[hp_english_stop_slot(head)] == head;
}
