// tokens_part.c -- a part of the text, standing alone, is cut like the whole but near its edges: up
// to the first border of a pre-token that the whole has too, and behind the last one that does not
// depend on what follows the end. Only these two stretches are encoded anew; and of a long
// pre-token that is cut, only what lies between its edge and where the two encodings meet.
#include "text/encoded.h"

#include "text/estimate.h"
#include "text/runs.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

#include <assert.h>

// --- a pre-token of a part -----------------------------------------------------------------------

// Encodes text[at, end) by itself; *first and *last are its outer tokens (where there is a
// vocabulary).
static size_t encode_anew(
    const struct hp_tokens *tokens, size_t at, size_t end, uint32_t *first, uint32_t *last)
{
    const char *text = tokens->text.ptr + at;
    size_t len = end - at, count, second, final;
    struct hp_runs runs;
    if (len > HP_MERGE_BYTES && tokens->vocab && hp_runs_encode(tokens->vocab, text, len, &runs)) {
        *first = runs.run[0].token;
        *last = runs.run[runs.count - 1].token;
        return hp_runs_tokens(&runs);
    }
    if (len <= HP_MERGE_BYTES) {
        uint64_t mask = hp_short_tokens(tokens->vocab, (hp_str){ text, len });
        count = hp_bit_count(mask);
        second = hp_bit_from(&mask, 1, len);
        final = hp_bit_before(&mask, 0, len);
    } else if (tokens->vocab) {
        struct hp_scratch *scratch = tokens->scratch;
        count = hp_split_long(tokens->vocab, (hp_str){ text, len }, scratch, NULL);
        second = hp_bit_from(scratch->starts, 1, len);
        final = hp_bit_before(scratch->starts, 0, len);
        hp_scratch_clear(scratch, len);
    } else {
        return hp_estimate_tokens((hp_str){ text, len });
    }
    if (tokens->vocab) {
        *first = hp_vocab_find(tokens->vocab, text, second);
        *last = hp_vocab_find(tokens->vocab, text + final, len - final);
    }
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

// How often the token that begins text[at, end) stands there in a row, as far as that is certain
// whatever follows: but for the last one. Runs of one sign are out of step with the whole wherever
// the part begins; so they are leapt over.
static size_t repeats(const struct hp_tokens *tokens, size_t at, size_t end, uint32_t *token)
{
    const struct hp_vocab *vocab = tokens->vocab;
    const char *text = tokens->text.ptr;
    *token = hp_bpe_longest(vocab, text, at, end);
    size_t len = vocab->token[*token].len, alike = at;
    while (alike + len + 64 <= end && memcmp(text + alike, text + alike + len, 64) == 0)
        alike += 64;
    while (alike + len < end && text[alike] == text[alike + len])
        alike++;
    size_t times = (alike - at) / len;
    return times > 1 && hp_bpe_neighbours(vocab, *token, *token) ? times - 1 : 0;
}

enum { NEAR_BYTES = 320, NEAR_TOKENS = 8 }; // within which the encodings meet as a rule

// Encodes what begins at `at`, behind `left` where that is a token, one by one until the last token
// and the whole text's next one are neighbours: from there on the two go on alike. The place, or
// `end`.
static size_t meet_soon(
    const struct hp_tokens *tokens, uint32_t left, size_t at, size_t end, size_t *count)
{
    const struct hp_vocab *vocab = tokens->vocab;
    const char *text = tokens->text.ptr;
    uint32_t stack[NEAR_BYTES];
    uint64_t dead[NEAR_BYTES / 64] = { 0 };
    size_t here = at, depth = 0;
    uint32_t token = hp_bpe_longest(vocab, text, here, end);
    while (here - at + HP_TOKEN_MAX < NEAR_BYTES && here + HP_TOKEN_MAX < end) {
        for (; token != HP_NO_TOKEN; token = vocab->token[token].prefix) {
            if (hp_bit(dead, here - at + vocab->token[token].len))
                continue;
            uint32_t before = depth ? stack[depth - 1] : left;
            if (before == HP_NO_TOKEN || hp_bpe_neighbours(vocab, before, token))
                break;
        }
        if (token == HP_NO_TOKEN && depth == 0)
            break; // what is left of here would have to change
        if (token == HP_NO_TOKEN) {
            hp_bit_set(dead, here - at);
            token = stack[--depth];
            here -= vocab->token[token].len;
            token = vocab->token[token].prefix;
            continue;
        }
        stack[depth++] = token;
        here += vocab->token[token].len;
        if (hp_bit(tokens->starts, here) &&
            hp_bpe_neighbours(vocab, token, token_at(tokens, here))) {
            *count = depth;
            return here;
        }
        token = hp_bpe_longest(vocab, text, here, end);
    }
    return end;
}

// A place in [at, end) from which on the tokens of the whole text are also those of the part that
// begins at `at`; `end` where none was found. *count is the part's tokens before it.
static size_t meet_ahead(const struct hp_tokens *tokens, size_t at, size_t end, size_t *count)
{
    uint32_t first, last;
    *count = 0;
    if (hp_bit(tokens->starts, at))
        return at;
    uint32_t token;
    size_t times = repeats(tokens, at, end, &token);
    size_t from = at + times * tokens->vocab->token[token].len;
    size_t soon = meet_soon(tokens, times ? token : HP_NO_TOKEN, from, end, count);
    *count += times;
    if (soon < end)
        return soon;
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
    size_t meet = end;
    for (size_t i = 0; i < NEAR_TOKENS; i++) {
        meet = hp_bit_before(tokens->starts, at, meet);
        if (meet == at || end - meet > HP_MERGE_BYTES)
            break;
        *count = encode_anew(tokens, meet, end, &first, &last);
        if (hp_bpe_neighbours(tokens->vocab, token_before(tokens, meet), first))
            return meet;
    }
    for (size_t step = HP_TOKEN_MAX; step < end - at; step *= 2) {
        meet = hp_bit_before(tokens->starts, at, end - step);
        if (meet == at)
            break;
        *count = encode_anew(tokens, meet, end, &first, &last);
        if (hp_bpe_neighbours(tokens->vocab, token_before(tokens, meet), first))
            return meet;
    }
    return at;
}

// A piece that is one token over and over, to its end.
static bool count_repeats(const struct hp_tokens *tokens, size_t at, size_t end, size_t *count)
{
    uint32_t token, first, last;
    size_t times = repeats(tokens, at, end, &token);
    size_t rest = at + times * tokens->vocab->token[token].len;
    if (times == 0 || end - rest > (size_t)4 * HP_TOKEN_MAX)
        return false;
    *count = times + encode_anew(tokens, rest, end, &first, &last);
    return hp_bpe_neighbours(tokens->vocab, token, first);
}

// A long piece inside one pre-token of the whole text: but for a few tokens at both ends it has the
// same.
static bool count_inside(const struct hp_tokens *tokens, size_t at, size_t end, size_t *count)
{
    size_t before, behind;
    if (!tokens->vocab || hp_bit_from(tokens->pieces, at + 1, end) < end)
        return false;
    if (count_repeats(tokens, at, end, count))
        return true;
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
    struct hp_runs runs;
    hp_str piece = { tokens->text.ptr + at, end - at };
    if (piece.len <= HP_MERGE_BYTES)
        return hp_bit_count(hp_lasting_tokens(tokens->vocab, piece));
    if (tokens->vocab && hp_runs_encode(tokens->vocab, piece.ptr, piece.len, &runs))
        return hp_runs_tokens(&runs);
    if (count_inside(tokens, at, end, &count))
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
