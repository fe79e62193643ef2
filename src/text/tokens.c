// tokens.c -- a text is encoded once into two bitmaps, one bit a byte: where pre-tokens start and
// where tokens start. A count is a difference of two ranks.
//
// A part of the text, standing alone, is cut like the whole but near its edges: from its start to
// the first border of a pre-token that the whole has too, and behind the last border that does not
// depend on what follows the end. Only these two stretches are encoded anew.
#include "text/bpe.h"
#include "text/estimate.h"
#include "text/pretoken.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <assert.h>

enum {
    DEADLINE_BYTES = 16384, // between two looks at the clock
    SHORT_PIECE = 448       // bytes of a piece whose bitmaps fit on the stack
};

struct hp_tokens {
    const struct hp_vocab *vocab;
    hp_str text;
    uint64_t *pieces; // bit: a pre-token starts here; the bit at text.len is set too
    uint64_t *starts; // bit: a token starts here
    uint32_t *before; // tokens before each word of `starts`
    uint64_t *scratch_starts,
        *scratch_dead; // all 0 between calls; what makes a result one thread's
};

static size_t words_of(size_t bits)
{
    return bits / 64 + 1;
}

static size_t piece_end(const struct hp_vocab *vocab, hp_str text, size_t at)
{
    return vocab ? hp_pretoken_end(vocab->encoding, text, at) : hp_estimate_end(text, at);
}

static size_t piece_split(const struct hp_vocab *vocab, const char *text, size_t at, size_t end,
    uint64_t *starts, uint64_t *dead)
{
    if (vocab)
        return hp_bpe_split(vocab, text, at, end, starts, dead);
    size_t count = hp_estimate_tokens(text + at, end - at);
    for (size_t i = 0; i < count; i++)
        hp_bit_set(starts, at + i);
    return count;
}

// --- encode
// ---------------------------------------------------------------------------------------

static enum hp_code encode(
    struct hp_tokens *tokens, const struct hp_deadline *deadline, struct hp_fault *fault)
{
    hp_str text = tokens->text;
    size_t look = DEADLINE_BYTES;
    for (size_t at = 0, end; at < text.len; at = end) {
        if (at >= look) {
            HP_TRY(hp_deadline_check(deadline, fault));
            look = at + DEADLINE_BYTES;
        }
        end = piece_end(tokens->vocab, text, at);
        hp_bit_set(tokens->pieces, at);
        piece_split(tokens->vocab, text.ptr, at, end, tokens->starts, tokens->scratch_dead);
    }
    hp_bit_set(tokens->pieces, text.len);
    memset(tokens->scratch_dead, 0, words_of(text.len) * sizeof *tokens->scratch_dead);
    return HP_OK;
}

static void sum_up(struct hp_tokens *tokens)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < words_of(tokens->text.len); i++) {
        tokens->before[i] = sum;
        sum += (uint32_t)__builtin_popcountll(tokens->starts[i]);
    }
}

enum hp_code hp_tokens_encode(const struct hp_vocab *vocab, hp_str text, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_tokens **out, struct hp_fault *fault)
{
    size_t words = words_of(text.len);
    struct hp_tokens *tokens = HP_NEW(arena, struct hp_tokens, 1);
    uint64_t *bits = HP_NEW(arena, uint64_t, words * 4);
    uint32_t *before = HP_NEW_RAW(arena, uint32_t, words);
    if (!tokens || !bits || !before)
        return hp_no_memory(arena, fault);
    *tokens = (struct hp_tokens){
        .vocab = vocab,
        .text = text,
        .pieces = bits,
        .starts = bits + words,
        .scratch_starts = bits + words * 2,
        .scratch_dead = bits + words * 3,
        .before = before,
    };
    HP_TRY(encode(tokens, deadline, fault));
    sum_up(tokens);
    *out = tokens;
    return HP_OK;
}

// --- counts
// ---------------------------------------------------------------------------------------

// Tokens of the whole text that start before `at`.
static size_t rank(const struct hp_tokens *tokens, size_t at)
{
    uint64_t below = ((uint64_t)1 << at % 64) - 1;
    return tokens->before[at / 64] + (size_t)__builtin_popcountll(tokens->starts[at / 64] & below);
}

size_t hp_tokens_all(const struct hp_tokens *tokens)
{
    return rank(tokens, tokens->text.len);
}

static size_t count_long_piece(const struct hp_tokens *tokens, size_t at, size_t end)
{
    size_t bytes = words_of(end - at) * sizeof(uint64_t);
    size_t count = piece_split(tokens->vocab, tokens->text.ptr + at, 0, end - at,
        tokens->scratch_starts, tokens->scratch_dead);
    memset(tokens->scratch_starts, 0, bytes);
    memset(tokens->scratch_dead, 0, bytes);
    return count;
}

static size_t count_piece(const struct hp_tokens *tokens, size_t at, size_t end)
{
    if (end - at > SHORT_PIECE)
        return count_long_piece(tokens, at, end);
    uint64_t starts[SHORT_PIECE / 64 + 1] = {0}, dead[SHORT_PIECE / 64 + 1] = {0};
    return piece_split(tokens->vocab, tokens->text.ptr + at, 0, end - at, starts, dead);
}

static bool blank_at(hp_str text, size_t at, size_t *len)
{
    return hp_unicode_blank(hp_utf8_at(text, at, len));
}

static bool blank_before(hp_str text, size_t at)
{
    size_t len;
    return hp_unicode_blank(hp_utf8_before(text, at, &len));
}

// No pre-token but one of blanks begins with two of them.
static bool is_all_blank(hp_str text, size_t at, size_t end)
{
    size_t len, second;
    if (!blank_at(text, at, &len))
        return false;
    return at + len == end || blank_at(text, at + len, &second);
}

// The last border before `end` that the whole text and text[.., end) share from there back. Only
// blanks look at what follows them, so it is the border before the pre-token that `end` falls in,
// and if blanks stand before `end`, before the pre-tokens made of them (three at the most).
static size_t safe_border(const struct hp_tokens *tokens, size_t end)
{
    hp_str text = tokens->text;
    size_t at = hp_bit_before(tokens->pieces, end + 1 > text.len ? text.len : end + 1);
    if (!blank_before(text, end))
        return at;
    while (at > 0) {
        size_t before = hp_bit_before(tokens->pieces, at);
        if (!is_all_blank(text, before, at))
            break;
        at = before;
    }
    return at;
}

size_t hp_tokens_count(const struct hp_tokens *tokens, size_t start, size_t end)
{
    assert(start <= end && end <= tokens->text.len);
    if (start == end)
        return 0;
    hp_str part = {tokens->text.ptr, end};
    size_t border = safe_border(tokens, end);
    size_t count = 0;
    for (size_t at = start, next; at < end; at = next) {
        if (at < border && hp_bit(tokens->pieces, at)) {
            count += rank(tokens, border) - rank(tokens, at);
            next = border;
            continue;
        }
        next = piece_end(tokens->vocab, part, at);
        count += count_piece(tokens, at, next);
    }
    return count;
}

size_t hp_tokens_reach(const struct hp_tokens *tokens, size_t start, size_t max)
{
    (void)start, (void)max;
    return tokens->text.len;
}

// --- tests and tools
// ------------------------------------------------------------------------------

size_t hp_tokens_ranks(const struct hp_vocab *vocab, hp_str text, uint32_t *ranks, size_t max)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_deadline never = {0};
    struct hp_tokens *tokens;
    hp_arena_init(&arena, NULL, SIZE_MAX / 2);
    enum hp_code code = hp_tokens_encode(vocab, text, &arena, &never, &tokens, &fault);
    assert(code == HP_OK);
    size_t count = 0;
    for (size_t at = 0, end; at < text.len; at = end) {
        for (end = at + 1; end < text.len && !hp_bit(tokens->starts, end); end++)
            ;
        if (count < max)
            ranks[count] = hp_vocab_find(vocab, text.ptr + at, end - at);
        count++;
    }
    hp_arena_done(&arena);
    return count;
}
