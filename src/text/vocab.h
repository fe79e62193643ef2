// vocab.h -- the map behind a vocabulary: a file of arrays, ready to use as it lies on disk.
// mkvocab.c writes it, vocab.c checks and maps it, bpe.c reads it. Read-only, so all threads share
// one.
//
// A token's number is its rank: of two possible merges the one with the smaller number goes first.
//
// Most pairs that are asked for do not merge. So that these do not drive what is needed out of the
// caches, a filter small enough to stay there answers most of them.
//
// Both look-ups, of bytes and of pairs, are perfect hashes (hash and displace): a key's bucket has
// a pilot, a byte that mkvocab chose so that no two keys share a slot. So an answer, yes or no, is
// one look at a small table, one at a large one, and no loop.
#pragma once

#include "text/tokens.h"

enum {
    HP_VOCAB_VERSION = 3,
    HP_VOCAB_ORDER = 0x01020304, // another byte order reads another number
    HP_TOKEN_MAX = 128,          // bytes
    HP_TOKEN_BITS = 20,
    HP_NO_TOKEN = (1 << HP_TOKEN_BITS) - 1,
    HP_WORD_SHORT = 15, // bytes that a word holds in itself
    HP_NODE_USED = 0x100,
    HP_CHARS = 1 << 16 // code points that have an entry in `character`
};

struct hp_vocab_head {
    char magic[8]; // "hpvocab"
    uint32_t version, order;
    char name[32];
    char sha256[72];   // of the published file, in hexadecimal
    uint64_t checksum; // XXH3 of what follows the head, seeded with that of the head with 0 here
    uint64_t bytes;    // of the whole file
    uint32_t tokens, nodes, root, spelled;
    uint32_t word_bits, word_pilot_bits; // log2 of the slots, of the buckets
    uint32_t pair_bits, pair_pilot_bits;
    uint32_t unused[6];
};

// What bytes look like in their slot. Up to 15 stand in the slot itself, padded with zeros, behind
// them in the top byte their number; of longer ones `low` is a hash, and `high` the number with the
// top bit set over the place in `spelling`.
struct hp_word {
    uint64_t low, high; // both 0: empty
};

// Node of the trie of all tokens: the child by byte c is node[base ^ c], if it
// bears the label c (a double array; no two nodes have the same base).
struct hp_node {
    uint32_t edge; // base << 9 | HP_NODE_USED | label; 0: empty
    uint32_t token;
};

struct hp_token {
    uint32_t left, right; // the two that merge into this one; both are itself where none do
    uint32_t prefix;      // the longest token that is its beginning, or HP_NO_TOKEN
    uint32_t len;         // bytes
};

// A code point below HP_CHARS, and the token of its bytes, or HP_NO_TOKEN. Merging may begin with
// characters instead of bytes: the bytes become the token before anything else happens to them, if
// its number is below three limits. One is that of the character before: the lowest rank at which
// something that ends in it merges with the first bytes of a next one. For the others see `seam`.
struct hp_character {
    uint32_t token, limit;
};

struct hp_vocab {
    const struct hp_vocab_head *head;
    const uint8_t *word_pilot;
    const struct hp_word *word;
    const uint32_t *word_token; // of each slot of `word`
    const uint8_t *pair_pilot;
    const uint64_t *pair_filter; // a bit that is set for every pair that merges, and few others
    const uint64_t *pair;        // left << 40 | right << 20 | what they make; all ones: empty
    const struct hp_character *character;
    // seam[last byte of a character & 63][first byte behind it]: the lowest rank at which bytes
    // from inside the character merge with what begins there. Limits the characters on both sides.
    const uint32_t (*seam)[256];
    const uint32_t *byte; // the token of a single byte
    const struct hp_node *node;
    const struct hp_token *token;
    const char *spelling;
    uint32_t word_mask, pair_mask;                 // of the slots
    uint32_t word_shift, pair_shift, filter_shift; // that leave a bucket's number
    enum hp_encoding encoding;
    struct hp_memo *memo; // memo.h; the one thing here that is written to
};

// The arrays behind `head`, by the sizes it names.
struct hp_vocab hp_vocab_bind(const struct hp_vocab_head *head);

// Bytes of the whole file.
uint64_t hp_vocab_bytes(const struct hp_vocab_head *head);

uint64_t hp_vocab_checksum(const struct hp_vocab_head *head);

static inline uint64_t hp_mix(uint64_t a)
{
    a *= 0x9e3779b97f4a7c15u;
    return a ^ a >> 32;
}

__extension__ typedef unsigned __int128 hp_product;

#define HP_HASH_LOW 0x9e3779b97f4a7c15u
#define HP_HASH_HIGH 0xd1b54a32d192ed03u

// Of a key of up to HP_WORD_SHORT bytes.
static inline uint64_t hp_word_hash_short(struct hp_word key)
{
    hp_product product = (hp_product)(key.low ^ HP_HASH_LOW) * (key.high ^ HP_HASH_HIGH);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hp_word_hash(struct hp_word key)
{
    uint64_t high = key.high >> 63 ? key.high >> 56 << 56 : key.high;
    return hp_word_hash_short((struct hp_word){ key.low, high });
}

static inline uint64_t hp_pair_hash(uint64_t pair)
{
    return hp_mix(pair);
}

// The upper bits of the lower half choose the bucket, the upper half and the pilot the slot.
static inline uint32_t hp_slot(uint64_t hash, uint8_t pilot, uint32_t mask)
{
    return ((uint32_t)(hash >> 32) + pilot * ((uint32_t)hash | 1)) & mask;
}

// The key of 1 to HP_TOKEN_MAX bytes, but for the place of long ones.
struct hp_word hp_word_key(const char *bytes, size_t len);

// Of each length the bits of both halves, and the length where the key holds it.
extern const uint64_t hp_word_masks[HP_WORD_SHORT + 1][3];

// The same for up to HP_WORD_SHORT bytes of which 16 may be read.
static inline struct hp_word hp_word_key_near(const char *bytes, size_t len)
{
    struct hp_word key;
    memcpy(&key, bytes, sizeof key);
    const uint64_t *masks = hp_word_masks[len];
    return (struct hp_word){ key.low & masks[0], (key.high & masks[1]) | masks[2] };
}

// The slot where the key stands if it stands anywhere.
static inline uint32_t hp_word_slot_of(const struct hp_vocab *vocab, uint64_t hash)
{
    uint8_t pilot = vocab->word_pilot[(uint32_t)hash >> vocab->word_shift];
    return hp_slot(hash, pilot, vocab->word_mask);
}

static inline uint32_t hp_word_slot(const struct hp_vocab *vocab, struct hp_word key)
{
    return hp_word_slot_of(vocab, hp_word_hash(key));
}

// Whether a short key stands in its slot.
static inline bool hp_word_is(const struct hp_vocab *vocab, uint32_t slot, struct hp_word key)
{
    const struct hp_word *word = &vocab->word[slot];
    return ((word->low ^ key.low) | (word->high ^ key.high)) == 0;
}

// The token that is spelled with these bytes, or HP_NO_TOKEN.
uint32_t hp_vocab_find(const struct hp_vocab *vocab, const char *bytes, size_t len);

enum { HP_FILTER_BITS = 3 }; // log2 of the filter's bits for every slot

static inline bool hp_pair_may_merge(const struct hp_vocab *vocab, uint64_t hash)
{
    uint64_t bit = hash >> vocab->filter_shift;
    return vocab->pair_filter[bit / 64] >> bit % 64 & 1;
}

// What two neighbours merge into, or HP_NO_TOKEN.
static inline uint32_t hp_vocab_merge(const struct hp_vocab *vocab, uint32_t left, uint32_t right)
{
    uint64_t pair = (uint64_t)left << HP_TOKEN_BITS | right;
    uint64_t hash = hp_pair_hash(pair);
    if (!hp_pair_may_merge(vocab, hash))
        return HP_NO_TOKEN;
    uint8_t pilot = vocab->pair_pilot[(uint32_t)hash >> vocab->pair_shift];
    uint64_t slot = vocab->pair[hp_slot(hash, pilot, vocab->pair_mask)];
    return slot >> HP_TOKEN_BITS == pair ? (uint32_t)slot & HP_NO_TOKEN : HP_NO_TOKEN;
}
