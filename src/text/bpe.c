// bpe.c -- byte-pair encoding without merging: the merges lead to the one sequence of tokens in
// which every two neighbours, merged from their bytes side by side, stay these two
// (github.com/github/rust-gems, crates/bpe, corollary IIa). So take the longest token that its left
// neighbour lets stand; where none does, go back one token and shorten that. A position from which
// nothing led on is marked dead and never tried again: linear in the bytes.
#include "text/bpe.h"

#include <assert.h>

// Replays both tokens' merges in order of rank, the last one first, and looks whether a merge
// across the border would have come before one of them. Of two merges of one rank the left one goes
// first: that is the + 1.
bool hp_bpe_neighbours(const struct hp_vocab *vocab, uint32_t left, uint32_t right)
{
    const struct hp_token *token = vocab->token;
    uint32_t limit = HP_NO_TOKEN;
    for (;;) {
        if (hp_vocab_merge(vocab, left, right) < limit)
            return false;
        bool undo_left = left > right;
        for (int tries = 0;; tries++) {
            if (tries == 2)
                return true;
            uint32_t whole = undo_left ? left : right;
            uint32_t half = undo_left ? token[left].right : token[right].left;
            limit = undo_left ? left : right + 1;
            if (half != whole) {
                *(undo_left ? &left : &right) = half;
                break;
            }
            undo_left = !undo_left;
        }
    }
}

uint32_t hp_bpe_longest(const struct hp_vocab *vocab, const char *text, size_t at, size_t end)
{
    uint32_t base = vocab->head->root, token = HP_NO_TOKEN;
    for (; at < end; at++) {
        uint8_t byte = (uint8_t)text[at];
        struct hp_node node = vocab->node[base ^ byte];
        if ((node.edge & 0x1ff) != (HP_NODE_USED | byte))
            break;
        if (node.token != HP_NO_TOKEN)
            token = node.token;
        base = node.edge >> 9;
    }
    return token;
}

static uint32_t token_between(const struct hp_vocab *vocab, const char *text, size_t at, size_t end)
{
    return hp_vocab_find(vocab, text + at, end - at);
}

// The longest beginning of `token` that may stand at `at`, behind `last`, or HP_NO_TOKEN.
static uint32_t fitting(
    const struct hp_vocab *vocab, uint32_t last, uint32_t token, size_t at, const uint64_t *dead)
{
    for (; token != HP_NO_TOKEN; token = vocab->token[token].prefix) {
        if (hp_bit(dead, at + vocab->token[token].len))
            continue;
        if (last == HP_NO_TOKEN || hp_bpe_neighbours(vocab, last, token))
            break;
    }
    return token;
}

enum { STEPS_A_LOOK = 4096 };

size_t hp_bpe_split(const struct hp_vocab *vocab, const char *text, size_t at, size_t end,
    uint64_t *starts, uint64_t *dead, const struct hp_deadline *deadline)
{
    const size_t begin = at;
    size_t steps = 0;
    size_t count = 0;
    uint32_t last = HP_NO_TOKEN;
    uint32_t next = token_between(vocab, text, at, end);
    if (next != HP_NO_TOKEN) {
        hp_bit_set(starts, at);
        return 1;
    }
    next = hp_bpe_longest(vocab, text, at, end);
    while (at < end) {
        if (++steps % STEPS_A_LOOK == 0 && deadline && hp_deadline_passed(deadline))
            return count;
        uint32_t token = fitting(vocab, last, next, at, dead);
        if (token != HP_NO_TOKEN) {
            hp_bit_set(starts, at);
            at += vocab->token[token].len;
            count++;
            last = token;
            next = hp_bpe_longest(vocab, text, at, end);
            continue;
        }
        assert(at > begin); // single bytes always lead somewhere
        hp_bit_set(dead, at);
        at = hp_bit_before(starts, begin, at);
        hp_bit_clear(starts, at);
        count--;
        next = last;
        last = at == begin ? HP_NO_TOKEN
                           : token_between(vocab, text, hp_bit_before(starts, begin, at), at);
    }
    return count;
}
