// bits.h -- a bitmap over a text: one bit a byte.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t hp_bit_words(size_t bits)
{
    return bits / 64 + 2;
}

// Set bits of a word; in the baseline the compiler's own is a call.
static inline unsigned hp_bit_count(uint64_t word)
{
    const uint64_t ones = 0x5555555555555555u, twos = 0x3333333333333333u;
    word -= word >> 1 & ones;
    word = (word & twos) + (word >> 2 & twos);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)(word * 0x0101010101010101u >> 56);
}

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

// The last set bit in [floor, at), or `floor`.
static inline size_t hp_bit_before(const uint64_t *bits, size_t floor, size_t at)
{
    if (at <= floor)
        return floor;
    size_t word = (at - 1) / 64;
    uint64_t rest = bits[word] << (63 - (at - 1) % 64) >> (63 - (at - 1) % 64);
    while (rest == 0 && word > floor / 64)
        rest = bits[--word];
    size_t found = rest ? word * 64 + 63 - (size_t)__builtin_clzll(rest) : floor;
    return found > floor ? found : floor;
}

// The first set bit in [at, limit), or `limit`.
static inline size_t hp_bit_from(const uint64_t *bits, size_t at, size_t limit)
{
    if (at >= limit)
        return limit;
    size_t word = at / 64;
    uint64_t rest = bits[word] >> at % 64 << at % 64;
    while (rest == 0 && word < (limit - 1) / 64)
        rest = bits[++word];
    size_t found = rest ? word * 64 + (size_t)__builtin_ctzll(rest) : limit;
    return found < limit ? found : limit;
}
