// token_ranks.h -- the tokens of a text themselves, of which the engine only keeps the places.
#pragma once

#include "text/encoded.h"

#include <assert.h>

// Writes at most `max` ranks, returns how many there are.
static inline size_t token_ranks(
    const struct hp_vocab *vocab, hp_str text, uint32_t *ranks, size_t max)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_deadline never = { 0 };
    struct hp_tokens *tokens;
    hp_arena_init(&arena, NULL, SIZE_MAX / 2);
    enum hp_code code = hp_tokens_encode(vocab, text, &arena, &never, &tokens, &fault);
    assert(code == HP_OK);
    size_t count = 0;
    for (size_t at = 0, end; at < text.len; at = end) {
        end = hp_bit_from(tokens->starts, at + 1, text.len);
        if (count < max)
            ranks[count] = hp_vocab_find(vocab, text.ptr + at, end - at);
        count++;
    }
    hp_arena_done(&arena);
    return count;
}
