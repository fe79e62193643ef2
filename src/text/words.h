// words.h -- short words on their way into a vocabulary: the slots of many are asked for before the
// first is looked at, so that memory answers for all of them at once.
#pragma once

#include "text/vocab.h"
#include "text/window.h"

enum {
    HP_WORDS_WAITING = HP_WINDOW,                     // from so many on they are to be looked at
    HP_WORDS_ROOM = HP_WORDS_WAITING + HP_WINDOW + 8, // eight are written at a time
    HP_WORDS_READ = HP_WINDOW + 32                    // bytes of the text from a window on
};

// The words that wait: `behind` is how many bytes behind vocab->word the slot lies in which each
// stands if it stands anywhere.
struct hp_words {
    size_t count;
    struct hp_word key[HP_WORDS_ROOM];
    uint32_t behind[HP_WORDS_ROOM], at[HP_WORDS_ROOM];
};

struct hp_words_how {
    // Adds the pieces of up to HP_WORD_SHORT bytes that begin at one border and end at the next, in
    // a window of the text that begins at its byte `at`, and returns the borders where longer ones
    // begin. `count` is below HP_WORDS_WAITING.
    uint64_t (*ask)(struct hp_words *words, const struct hp_vocab *vocab, const char *window,
        uint32_t at, uint64_t borders);
    // Those of the 64 words from `from` on, which is below `count`, that are no token: a bit each.
    uint64_t (*unknown)(struct hp_words *words, const struct hp_vocab *vocab, size_t from);
};

// The fastest that hp_cpu() allows.
const struct hp_words_how *hp_words_best(void);
