// bpe.c -- byte-pair encoding without merging: the merges lead to the one sequence of tokens in
// which every two neighbours, merged from their bytes side by side, stay these two
// (github.com/github/rust-gems, crates/bpe, corollary IIa). So take the longest token that its left
// neighbour lets stand; where none does, go back one token and shorten that. A position from which
// nothing led on is marked dead and never tried again: linear in the bytes.
#include "text/bpe.h"

#include "hotpathd/utf8.h"

#include <assert.h>

// --- merging -------------------------------------------------------------------------------------

// The symbols of a short piece. Number 0 and the one behind the last are sentinels that merge with
// nothing; `live` has a bit for each that has not been swallowed by its left neighbour.
enum { SYMBOLS = HP_MERGE_BYTES + 2, EIGHT = 8 };

struct symbols {
    uint32_t token[SYMBOLS];
    uint8_t start[SYMBOLS];
    // What each and its right neighbour merge into, above its own number: the least is the merge
    // that goes first.
    uint64_t merge[(SYMBOLS + EIGHT - 1) / EIGHT * EIGHT];
    uint32_t count; // without sentinels
};

enum { NUMBER_BITS = 6, SYMBOL_MASK = (1 << NUMBER_BITS) - 1 };
enum { NOTHING = HP_NO_TOKEN << NUMBER_BITS };

static inline void put_symbol(struct symbols *symbols, uint32_t token, size_t start)
{
    symbols->count++;
    symbols->token[symbols->count] = token;
    symbols->start[symbols->count] = (uint8_t)start;
}

// The piece's characters; where one may not be taken whole (see struct hp_character), its bytes.
static void begin_with_characters(
    const struct hp_vocab *vocab, const char *bytes, size_t len, struct symbols *symbols)
{
    hp_str text = { bytes, len };
    uint32_t limit = HP_NO_TOKEN; // from the character before
    for (size_t at = 0, size; at < len; at += size) {
        uint32_t code_point = hp_utf8_at(text, at, &size);
        if (code_point < 0x80) {
            put_symbol(symbols, vocab->byte[code_point], at);
            limit = vocab->character[code_point].limit;
            continue;
        }
        uint32_t seam = HP_NO_TOKEN;
        if (at + size < len)
            seam = vocab->seam[bytes[at + size - 1] & 63][(uint8_t)bytes[at + size]];
        struct hp_character character = { HP_NO_TOKEN, 0 };
        if (code_point < HP_CHARS)
            character = vocab->character[code_point];
        if (character.token < (limit < seam ? limit : seam))
            put_symbol(symbols, character.token, at);
        else
            for (size_t i = at; i < at + size; i++)
                put_symbol(symbols, vocab->byte[(uint8_t)bytes[i]], i);
        limit = character.limit < seam ? character.limit : seam;
    }
}

static inline uint64_t merge_of(
    const struct hp_vocab *vocab, const struct symbols *symbols, uint32_t left, uint32_t right)
{
    uint32_t made = hp_vocab_merge(vocab, symbols->token[left], symbols->token[right]);
    return (uint64_t)made << NUMBER_BITS | left;
}

static inline uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t least_of_eight(const uint64_t *merge)
{
    uint64_t a = lesser(merge[0], merge[1]), b = lesser(merge[2], merge[3]);
    uint64_t c = lesser(merge[4], merge[5]), d = lesser(merge[6], merge[7]);
    return lesser(lesser(a, b), lesser(c, d));
}

static inline uint64_t least(const struct symbols *symbols)
{
    uint64_t best = least_of_eight(symbols->merge);
    for (size_t i = EIGHT; i <= symbols->count; i += EIGHT)
        best = lesser(best, least_of_eight(symbols->merge + i));
    return best;
}

uint64_t hp_bpe_merge(const struct hp_vocab *vocab, const char *bytes, size_t len)
{
    struct symbols symbols;
    symbols.count = 0;
    begin_with_characters(vocab, bytes, len, &symbols);
    uint64_t best;
    uint32_t last = symbols.count;
    symbols.token[0] = symbols.token[last + 1] = HP_NO_TOKEN;
    for (uint32_t i = 1; i <= last; i++)
        symbols.merge[i] = merge_of(vocab, &symbols, i, i + 1);
    for (uint32_t i = last + 1; i % EIGHT; i++)
        symbols.merge[i] = NOTHING;
    symbols.merge[0] = NOTHING;
    uint64_t live = UINT64_MAX >> (62 - last); // with both sentinels
    while ((best = least(&symbols)) < NOTHING) {
        uint32_t left = (uint32_t)best & SYMBOL_MASK;
        uint64_t behind = live >> left >> 1;
        uint32_t right = left + 1 + (uint32_t)__builtin_ctzll(behind);
        live &= ~((uint64_t)1 << right);
        uint32_t next = right + (uint32_t)__builtin_ctzll(live >> right);
        uint32_t before = 63 - (uint32_t)__builtin_clzll(live & (((uint64_t)1 << left) - 1));
        symbols.token[left] = (uint32_t)(best >> NUMBER_BITS);
        symbols.merge[right] = NOTHING;
        symbols.merge[left] = merge_of(vocab, &symbols, left, next);
        symbols.merge[before] = merge_of(vocab, &symbols, before, left);
    }
    uint64_t starts = 0;
    for (uint64_t rest = live >> 1; rest & (rest - 1); rest &= rest - 1)
        starts |= (uint64_t)1 << symbols.start[1 + __builtin_ctzll(rest)];
    return starts;
}

// --- going back ----------------------------------------------------------------------------------

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
