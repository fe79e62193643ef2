// reach.c -- where a search for the end of a chunk can begin: a bound on how far `max` tokens go.
//
// From the border of a pre-token behind more than `max` tokens on, every end has more than `max`
// before it. Inside a long pre-token, where the next border may be far away, the bound is that no
// token is longer than the longest one that could stand where it stands.
#include "text/encoded.h"

#include "text/estimate.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

// Whether so many bytes at `at` are alike that a token more would not show.
static bool in_run(hp_str text, size_t at)
{
    const char *here = text.ptr + at;
    return text.len - at >= HP_TOKEN_MAX && here[0] == here[1] &&
           memcmp(here, here + 1, HP_TOKEN_MAX - 1) == 0;
}

static uint8_t look_longest(const struct hp_tokens *tokens, size_t at)
{
    uint32_t token = hp_bpe_longest(tokens->vocab, tokens->text.ptr, at, tokens->text.len);
    return (uint8_t)tokens->vocab->token[token].len;
}

// Length of the longest token that could stand at `at`.
static size_t longest_at(const struct hp_tokens *tokens, size_t at)
{
    if (!tokens->longest)
        return look_longest(tokens, at);
    uint8_t *here = &tokens->longest[at], *known = here;
    if (*here == 0 && in_run(tokens->text, at))
        known = &tokens->longest[tokens->text.len + (uint8_t)tokens->text.ptr[at]];
    if (*known == 0)
        *known = look_longest(tokens, at);
    return *here = *known;
}

// Up to where `max` tokens from `at` can lead at the very most, whatever they are.
static size_t farthest(const struct hp_tokens *tokens, size_t at, size_t max)
{
    hp_str text = tokens->text;
    size_t most = tokens->vocab ? HP_TOKEN_MAX : HP_ESTIMATE_BYTES;
    if (!tokens->vocab)
        return max < (text.len - at) / most ? at + max * most : text.len;
    size_t reached = at;
    for (size_t i = 0; i < max && reached < text.len; i++) {
        size_t next = reached, from = at;
        at = reached < text.len ? reached + 1 : reached;
        for (size_t back = at; back-- > from && back + HP_TOKEN_MAX > next;) {
            size_t end = back + longest_at(tokens, back);
            next = end > next ? end : next;
            if (in_run(text, back) &&
                memcmp(text.ptr + from, text.ptr + from + 1, back - from) == 0)
                break; // what lies before is the same, and nearer
        }
        reached = next;
    }
    return reached;
}

// Blanks change with what follows them: behind them all is settled.
static size_t behind_blanks(hp_str text, size_t at)
{
    size_t len;
    while (at < text.len && hp_unicode_blank(hp_utf8_at(text, at, &len)))
        at += len;
    return at;
}

// The byte at which token number `index` of the whole text starts; it has that many.
static size_t token_start(const struct hp_tokens *tokens, size_t index)
{
    size_t low = 0, high = hp_bit_words(tokens->text.len);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(tokens->before[middle] <= index ? &low : &high) = middle;
    }
    uint64_t rest = tokens->starts[low];
    for (size_t i = tokens->before[low]; i < index; i++)
        rest &= rest - 1;
    return low * 64 + (size_t)__builtin_ctzll(rest);
}

// The end of what text[at, at + HP_LONG_PIECE) holds.
static size_t near(const struct hp_tokens *tokens, size_t at)
{
    size_t left = tokens->text.len - at;
    return at + (left < HP_LONG_PIECE ? left : HP_LONG_PIECE);
}

// The same question from a border of the whole text.
static size_t reach_from_border(const struct hp_tokens *tokens, size_t at, size_t max)
{
    hp_str text = tokens->text;
    size_t before = hp_tokens_rank(tokens, at);
    if (hp_tokens_rank(tokens, text.len) - before <= max)
        return text.len;
    size_t over = token_start(tokens, before + max);
    size_t piece = hp_bit_before(tokens->pieces, at, over + 1);
    size_t end = hp_bit_from(tokens->pieces, over + 1, near(tokens, over));
    if (hp_bit(tokens->pieces, end))
        return behind_blanks(text, end);
    size_t far = farthest(tokens, piece, max - (hp_tokens_rank(tokens, piece) - before));
    size_t settled = behind_blanks(text, piece);
    return far > settled ? far : settled;
}

size_t hp_tokens_reach(const struct hp_tokens *tokens, size_t start, size_t max)
{
    hp_str text = tokens->text;
    if (start >= text.len)
        return text.len;
    size_t border = hp_bit_from(tokens->pieces, start, near(tokens, start));
    if (!hp_bit(tokens->pieces, border))
        return farthest(tokens, start, max);
    for (size_t at = start, end;; at = end) {
        if (hp_bit(tokens->pieces, at))
            return reach_from_border(tokens, at, max);
        end = hp_piece_end(tokens->vocab, text, at);
        size_t count = hp_piece_count(tokens, at, end);
        if (count > max)
            return behind_blanks(text, end);
        max -= count;
    }
}
