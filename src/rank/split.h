// split.h -- a text's words as they are compared, one after the other: UAX #29 words that hold a
// letter or number, under NFKC_Casefold. What is written without spaces (Han, kana, Hangul, Thai,
// Lao, Khmer, Myanmar and their kin) comes as overlapping pairs of characters instead; one alone
// comes alone. A character here has its marks with it, and a pair crosses no other character.
#pragma once

#include "hotpathd/buf.h"
#include "hotpathd/deadline.h"

struct hp_split {
    void (*take)(void *context, hp_str word); // called for each; the bytes are its for that long
    void *context;
    struct hp_buf word; // scratch
    struct hp_buf run;  // the characters of an unspaced run, folded, as far as pairs need them
    size_t run_end;     // where it ends in the text
    size_t last;        // where its last character starts in `run`
    size_t chars;       // that it holds so far
    size_t longest;     // bytes: of a folded word of more something as long is given instead
    const struct hp_deadline *deadline; // NULL: none
    size_t unchecked;                   // bytes since it was looked at
    bool late;                          // it has passed, and the text was left
};

// Scratch comes from `arena` and is used again for every text.
void hp_split_init(struct hp_split *split, struct hp_arena *arena,
    void (*take)(void *context, hp_str word), void *context);

// `text` is valid UTF-8. Stops where the deadline has passed. On failure of memory
// `split->word.failed` or `split->run.failed`.
void hp_split_text(struct hp_split *split, hp_str text);

static inline bool hp_split_failed(const struct hp_split *split)
{
    return split->word.failed || split->run.failed;
}
