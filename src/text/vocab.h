// vocab.h -- the map behind a vocabulary: a file of arrays, ready to use as it lies on disk.
// mkvocab.c writes it, vocab.c checks and maps it, bpe.c reads it. Read-only, so all threads share
// one.
//
// A token's number is its rank: of two possible merges the one with the smaller number goes first.
#pragma once

#include "text/tokens.h"

enum {
    HP_VOCAB_VERSION = 1,
    HP_VOCAB_ORDER = 0x01020304, // another byte order reads another number
    HP_TOKEN_MAX = 128,          // bytes
    HP_TOKEN_BITS = 20,
    HP_NO_TOKEN = (1 << HP_TOKEN_BITS) - 1,
    HP_WORD_SHORT = 12, // bytes that a word holds in itself
    HP_NODE_USED = 0x100
};

struct hp_vocab_head {
    char magic[8]; // "hpvocab"
    uint32_t version, order;
    char name[32];
    char sha256[72];   // of the published file, in hexadecimal
    uint64_t checksum; // of the whole file, this field taken as 0
    uint64_t bytes;    // of the whole file
    uint32_t tokens, words, pairs, nodes, root, spelled;
};

// Slot of the table from bytes to token. Up to 12 bytes stand in the slot itself, padded with
// zeros; of longer ones `head` is a hash and `tail` the place in `spelling`.
struct hp_word {
    uint64_t head;
    uint32_t tail;
    uint32_t tag; // length << 24 | token; 0: empty
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

struct hp_vocab {
    const struct hp_vocab_head *head;
    const struct hp_word *word;
    const uint64_t *pair; // left << 40 | right << 20 | what they make; 0: empty
    const struct hp_node *node;
    const struct hp_token *token;
    const char *spelling;
    enum hp_encoding encoding;
};

// The arrays behind `head`, by the sizes it names.
struct hp_vocab hp_vocab_bind(const struct hp_vocab_head *head);

// Bytes of the whole file.
uint64_t hp_vocab_bytes(const struct hp_vocab_head *head);

uint64_t hp_vocab_checksum(const struct hp_vocab_head *head);

// What a word of 1 to HP_TOKEN_MAX bytes looks like in its slot, but for the token and a long one's
// place.
struct hp_word hp_word_key(const char *bytes, size_t len);

static inline uint64_t hp_mix(uint64_t a)
{
    a *= 0x9e3779b97f4a7c15u;
    return a ^ a >> 32;
}

// Where the search for a key begins in a table of `slots`.
static inline size_t hp_word_slot(struct hp_word key, uint32_t slots)
{
    uint64_t rest =
        (uint64_t)(key.tag >> 24) << 32 | (key.tag >> 24 > HP_WORD_SHORT ? 0 : key.tail);
    uint64_t hash = hp_mix(hp_mix(key.head) ^ rest);
    return (hash & UINT32_MAX) * slots >> 32;
}

static inline size_t hp_pair_slot(uint64_t pair, uint32_t slots)
{
    return (hp_mix(pair) & UINT32_MAX) * slots >> 32;
}

// The token that is spelled with these bytes, or HP_NO_TOKEN.
uint32_t hp_vocab_find(const struct hp_vocab *vocab, const char *bytes, size_t len);

// What two neighbours merge into, or HP_NO_TOKEN.
static inline uint32_t hp_vocab_merge(const struct hp_vocab *vocab, uint32_t left, uint32_t right)
{
    uint64_t pair = (uint64_t)left << HP_TOKEN_BITS | right;
    uint32_t slots = vocab->head->pairs;
    for (size_t at = hp_pair_slot(pair, slots);; at = at + 1 == slots ? 0 : at + 1) {
        uint64_t slot = vocab->pair[at];
        if (slot == 0)
            return HP_NO_TOKEN;
        if (slot >> HP_TOKEN_BITS == pair)
            return (uint32_t)slot & HP_NO_TOKEN;
    }
}
