// memo.h -- the words that are more than one token and were met lately, with their tokens: of fixed
// size, shared by all threads without a lock. What another thread overwrites in the middle of being
// read does not pass for an answer.
//
// An entry keeps its tokens sealed with a hash of its key. The key is compared as it stands; tokens
// that were sealed with another key come out with bits that no tokens have, but for one in 2^33 of
// such meetings of threads. The seal is not the hash that chooses the entry: two words that were
// made to share that do not share the seal.
#pragma once

#include "text/vocab.h"

#include <stdatomic.h>

enum { HP_MEMO_BITS = 14 };                 // log2 of the entries, of each length
enum { HP_MEMO_LONG = 16 + HP_WORD_SHORT }; // bytes of the longest piece that it holds

// A piece of up to HP_WORD_SHORT bytes, by its key.
struct hp_memo_short {
    _Atomic uint64_t low, high, sealed;
};

// A piece of 16 to HP_MEMO_LONG bytes: the first 16, and the key of those behind.
struct hp_memo_long {
    _Atomic uint64_t first[2], low, high, sealed;
};

struct hp_memo {
    struct hp_memo_short few[1 << HP_MEMO_BITS];
    struct hp_memo_long many[1 << HP_MEMO_BITS];
};

static inline uint64_t hp_memo_get(const _Atomic uint64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

static inline void hp_memo_put(_Atomic uint64_t *to, uint64_t value)
{
    atomic_store_explicit(to, value, memory_order_relaxed);
}

static inline uint64_t hp_memo_seal(struct hp_word key, uint64_t hash)
{
    return hash ^ hp_mix(key.low + hp_mix(key.high + hp_mix(hash)));
}

// The tokens of the piece with this key and hash, a bit for every byte where one starts; 0 where
// they are not known.
static inline uint64_t hp_memo_find(struct hp_memo *memo, struct hp_word key, uint64_t hash)
{
    const struct hp_memo_short *entry = &memo->few[hash >> (64 - HP_MEMO_BITS)];
    uint64_t other = (hp_memo_get(&entry->low) ^ key.low) | (hp_memo_get(&entry->high) ^ key.high);
    uint64_t tokens = hp_memo_get(&entry->sealed) ^ hp_memo_seal(key, hash);
    return other | tokens >> HP_WORD_SHORT ? 0 : tokens;
}

static inline void hp_memo_keep(
    struct hp_memo *memo, struct hp_word key, uint64_t hash, uint64_t tokens)
{
    struct hp_memo_short *entry = &memo->few[hash >> (64 - HP_MEMO_BITS)];
    hp_memo_put(&entry->low, key.low);
    hp_memo_put(&entry->high, key.high);
    hp_memo_put(&entry->sealed, tokens ^ hp_memo_seal(key, hash));
}

// The same for longer ones.
static inline uint64_t hp_memo_find_long(
    struct hp_memo *memo, struct hp_word first, struct hp_word key, uint64_t hash)
{
    const struct hp_memo_long *entry = &memo->many[hash >> (64 - HP_MEMO_BITS)];
    uint64_t other = (hp_memo_get(&entry->low) ^ key.low) | (hp_memo_get(&entry->high) ^ key.high) |
                     (hp_memo_get(&entry->first[0]) ^ first.low) |
                     (hp_memo_get(&entry->first[1]) ^ first.high);
    uint64_t tokens = hp_memo_get(&entry->sealed) ^ hp_memo_seal(first, hp_memo_seal(key, hash));
    return other | tokens >> HP_MEMO_LONG ? 0 : tokens;
}

static inline void hp_memo_keep_long(
    struct hp_memo *memo, struct hp_word first, struct hp_word key, uint64_t hash, uint64_t tokens)
{
    struct hp_memo_long *entry = &memo->many[hash >> (64 - HP_MEMO_BITS)];
    hp_memo_put(&entry->first[0], first.low);
    hp_memo_put(&entry->first[1], first.high);
    hp_memo_put(&entry->low, key.low);
    hp_memo_put(&entry->high, key.high);
    hp_memo_put(&entry->sealed, tokens ^ hp_memo_seal(first, hp_memo_seal(key, hash)));
}
