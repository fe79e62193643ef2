// encoded.h -- what tokens.c makes of a text, for the files that answer questions about it.
#pragma once

#include "text/bits.h"
#include "text/bpe.h"

// What encoding one long piece by itself needs: bits that are 0 between two calls, from the first
// word on as far as `clean` goes; nothing behind has been written yet.
struct hp_scratch {
    uint64_t *starts, *dead;
    size_t clean; // words
};

struct hp_tokens {
    const struct hp_vocab *vocab; // NULL: the estimator
    hp_str text;
    uint64_t *pieces;           // bit: a pre-token starts here; the bit at text.len is set too
    uint64_t *starts;           // bit: a token starts here
    uint32_t *before;           // tokens before each word of `starts`
    struct hp_scratch *scratch; // a result is one thread's
    // Where there is a long piece, the length of the longest token that could stand at each byte,
    // and behind these, for each value of a byte, in a run of it; 0 where nobody asked yet. Else
    // NULL.
    uint8_t *longest;
};

enum { HP_BYTES = 256 };
enum { HP_LONG_PIECE = 448 }; // bytes; of longer ones nothing is scanned or encoded as a whole

// Tokens of the whole text that start before `at`.
static inline size_t hp_tokens_rank(const struct hp_tokens *tokens, size_t at)
{
    uint64_t below = ((uint64_t)1 << at % 64) - 1;
    return tokens->before[at / 64] + hp_bit_count(tokens->starts[at / 64] & below);
}

// The tokens of a piece of at most HP_MERGE_BYTES: a bit for every byte where one starts.
uint64_t hp_short_tokens(const struct hp_vocab *vocab, hp_str piece);

// The same of a piece that is likely to come again: what is more than one token is remembered.
uint64_t hp_lasting_tokens(const struct hp_vocab *vocab, hp_str piece);

// Encodes a piece that is too long to merge, by itself; the bits of its tokens are in
// scratch->starts until hp_scratch_clear.
size_t hp_split_long(const struct hp_vocab *vocab, hp_str piece, struct hp_scratch *scratch,
    const struct hp_deadline *deadline);
void hp_scratch_clear(struct hp_scratch *scratch, size_t bits);

// End of the pre-token of `text` that begins at `at`.
size_t hp_piece_end(const struct hp_vocab *vocab, hp_str text, size_t at);

// Tokens of text[at, end), which is a pre-token by itself.
size_t hp_piece_count(const struct hp_tokens *tokens, size_t at, size_t end);
