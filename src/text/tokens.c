// tokens.c -- a text is encoded once into two bitmaps, one bit a byte: where pre-tokens start and
// where tokens start. A count is a difference of two ranks.
//
// A part of the text, standing alone, is cut like the whole but near its edges: up to the first
// border of a pre-token that the whole has too, and behind the last one that does not depend on
// what follows the end. Only these two stretches are encoded anew.
#include "text/tokens.h"

#include "text/encoded.h"
#include "text/estimate.h"
#include "text/pretoken.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <assert.h>

enum { DEADLINE_BYTES = 16384 }; // between two looks at the clock

size_t hp_piece_end(const struct hp_vocab *vocab, hp_str text, size_t at)
{
    return hp_pretoken_end(vocab ? vocab->encoding : HP_O200K_BASE, text, at);
}

static size_t split(const struct hp_vocab *vocab, const char *text, size_t at, size_t end,
    uint64_t *starts, uint64_t *dead, const struct hp_deadline *deadline)
{
    if (vocab)
        return hp_bpe_split(vocab, text, at, end, starts, dead, deadline);
    size_t count = hp_estimate_tokens((hp_str){ text + at, end - at });
    for (size_t i = 0; i < count; i++)
        hp_bit_set(starts, at + i);
    return count;
}

// --- encode --------------------------------------------------------------------------------------

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
        end = hp_piece_end(tokens->vocab, text, at);
        hp_bit_set(tokens->pieces, at);
        split(tokens->vocab, text.ptr, at, end, tokens->starts, tokens->scratch_dead, deadline);
    }
    HP_TRY(hp_deadline_check(deadline, fault));
    hp_bit_set(tokens->pieces, text.len);
    memset(tokens->scratch_dead, 0, hp_bit_words(text.len) * sizeof *tokens->scratch_dead);
    return HP_OK;
}

static void sum_up(struct hp_tokens *tokens)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < hp_bit_words(tokens->text.len); i++) {
        tokens->before[i] = sum;
        sum += (uint32_t)__builtin_popcountll(tokens->starts[i]);
    }
}

enum hp_code hp_tokens_encode(const struct hp_vocab *vocab, hp_str text, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_tokens **out, struct hp_fault *fault)
{
    size_t words = hp_bit_words(text.len);
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

// --- a pre-token of a part -----------------------------------------------------------------------

size_t hp_tokens_all(const struct hp_tokens *tokens)
{
    return hp_tokens_rank(tokens, tokens->text.len);
}

// Encodes text[at, end) by itself; *first and *last are its outer tokens (where there is a
// vocabulary).
static size_t encode_anew(
    const struct hp_tokens *tokens, size_t at, size_t end, uint32_t *first, uint32_t *last)
{
    const char *text = tokens->text.ptr + at;
    uint64_t *starts = tokens->scratch_starts;
    size_t len = end - at, bytes = hp_bit_words(len) * sizeof *starts;
    size_t count = split(tokens->vocab, text, 0, len, starts, tokens->scratch_dead, NULL);
    if (tokens->vocab) {
        size_t second = hp_bit_from(starts, 1, len), final = hp_bit_before(starts, 0, len);
        *first = hp_vocab_find(tokens->vocab, text, second);
        *last = hp_vocab_find(tokens->vocab, text + final, len - final);
    }
    memset(starts, 0, bytes);
    memset(tokens->scratch_dead, 0, bytes);
    return count;
}

// The token of the whole text that starts at `at`, and the one that ends there.
static uint32_t token_at(const struct hp_tokens *tokens, size_t at)
{
    size_t end = hp_bit_from(tokens->starts, at + 1, tokens->text.len);
    return hp_vocab_find(tokens->vocab, tokens->text.ptr + at, end - at);
}

static uint32_t token_before(const struct hp_tokens *tokens, size_t at)
{
    size_t start = hp_bit_before(tokens->starts, 0, at);
    return hp_vocab_find(tokens->vocab, tokens->text.ptr + start, at - start);
}

// A place in [at, end) from which on the tokens of the whole text are also those of the part that
// begins at `at`; `end` where none was found. *count is the part's tokens before it.
static size_t meet_ahead(const struct hp_tokens *tokens, size_t at, size_t end, size_t *count)
{
    uint32_t first, last;
    *count = 0;
    if (hp_bit(tokens->starts, at))
        return at;
    for (size_t step = HP_TOKEN_MAX; step < end - at; step *= 2) {
        size_t meet = hp_bit_from(tokens->starts, at + step, end);
        if (meet == end)
            break;
        *count = encode_anew(tokens, at, meet, &first, &last);
        if (hp_bpe_neighbours(tokens->vocab, last, token_at(tokens, meet)))
            return meet;
    }
    return end;
}

// The same from behind: up to the place returned the tokens of the whole are those of the part that
// ends at `end`; `at` where none was found.
static size_t meet_behind(const struct hp_tokens *tokens, size_t at, size_t end, size_t *count)
{
    uint32_t first, last;
    *count = 0;
    if (hp_bit(tokens->starts, end) || end == tokens->text.len)
        return end;
    for (size_t step = HP_TOKEN_MAX; step < end - at; step *= 2) {
        size_t meet = hp_bit_before(tokens->starts, at, end - step);
        if (meet == at)
            break;
        *count = encode_anew(tokens, meet, end, &first, &last);
        if (hp_bpe_neighbours(tokens->vocab, token_before(tokens, meet), first))
            return meet;
    }
    return at;
}

// A long piece inside one pre-token of the whole text: but for a few tokens at both ends it has the
// same.
static bool count_inside(const struct hp_tokens *tokens, size_t at, size_t end, size_t *count)
{
    size_t before, behind;
    if (!tokens->vocab || hp_bit_from(tokens->pieces, at + 1, end) < end)
        return false;
    size_t from = meet_ahead(tokens, at, end, &before);
    if (from == end)
        return false;
    size_t to = meet_behind(tokens, from, end, &behind);
    if (to == from)
        return false;
    *count = before + hp_tokens_rank(tokens, to) - hp_tokens_rank(tokens, from) + behind;
    return true;
}

size_t hp_piece_count(const struct hp_tokens *tokens, size_t at, size_t end)
{
    uint32_t first, last;
    size_t count;
    if (end - at > HP_LONG_PIECE && count_inside(tokens, at, end, &count))
        return count;
    return encode_anew(tokens, at, end, &first, &last);
}

// --- counts of parts -----------------------------------------------------------------------------

static bool blank_at(hp_str text, size_t at, size_t *len)
{
    return hp_unicode_blank(hp_utf8_at(text, at, len));
}

// No pre-token but one of blanks begins with two of them.
static bool is_all_blank(hp_str text, size_t at, size_t end)
{
    size_t len, second;
    if (!blank_at(text, at, &len))
        return false;
    return at + len == end || blank_at(text, at + len, &second);
}

// The last border in [start, end] that the whole text and its part text[start, end) share, if they
// share any. Only blanks look at what follows them: so it is the border before the pre-token that
// `end` falls in; where a blank stands before `end`, the one before the pre-tokens made of blanks
// (three at most).
static size_t safe_border(const struct hp_tokens *tokens, size_t start, size_t end)
{
    hp_str text = tokens->text;
    size_t len;
    size_t at = hp_bit_before(tokens->pieces, start, end + 1);
    if (!hp_unicode_blank(hp_utf8_before(text, end, &len)))
        return at;
    while (at > start) {
        size_t before = hp_bit_before(tokens->pieces, start, at);
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
    hp_str part = { tokens->text.ptr, end };
    size_t border = safe_border(tokens, start, end);
    size_t count = 0;
    for (size_t at = start, next; at < end; at = next) {
        if (at < border && hp_bit(tokens->pieces, at)) {
            count += hp_tokens_rank(tokens, border) - hp_tokens_rank(tokens, at);
            next = border;
            continue;
        }
        next = hp_piece_end(tokens->vocab, part, at);
        count += hp_piece_count(tokens, at, next);
    }
    return count;
}

// --- tests and tools -----------------------------------------------------------------------------

size_t hp_tokens_ranks(const struct hp_vocab *vocab, hp_str text, uint32_t *ranks, size_t max)
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
            ranks[count] = token_at(tokens, at);
        count++;
    }
    hp_arena_done(&arena);
    return count;
}
