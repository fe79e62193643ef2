// bpe.h -- the tokens of one pre-token. Marks go into bitmaps over the whole text: one bit a byte.
#pragma once

#include "text/vocab.h"

// Sets the bit of every byte in [at, end) where a token of text[at, end) starts; returns how many
// there are. `dead` is scratch of the same shape; of both the bits of [at, end) are 0 before.
// Linear.
size_t hp_bpe_split(const struct hp_vocab *vocab, const char *text, size_t at, size_t end,
    uint64_t *starts, uint64_t *dead);

// Whether `left` and `right` stay two tokens when they stand side by side.
bool hp_bpe_neighbours(const struct hp_vocab *vocab, uint32_t left, uint32_t right);

static inline bool hp_bit(const uint64_t *bits, size_t at)
{
    return bits[at / 64] >> at % 64 & 1;
}

static inline void hp_bit_set(uint64_t *bits, size_t at)
{
    bits[at / 64] |= (uint64_t)1 << at % 64;
}

static inline void hp_bit_clear(uint64_t *bits, size_t at)
{
    bits[at / 64] &= ~((uint64_t)1 << at % 64);
}

// The last set bit before `at`; there is one.
static inline size_t hp_bit_before(const uint64_t *bits, size_t at)
{
    size_t word = at / 64;
    uint64_t rest = at % 64 ? bits[word] << (64 - at % 64) : 0;
    if (rest)
        return at - 1 - (size_t)__builtin_clzll(rest);
    while (bits[--word] == 0)
        ;
    return word * 64 + 63 - (size_t)__builtin_clzll(bits[word]);
}
