// measure.c -- spans in tokens, characters or bytes. Characters are counted from a table with one
// entry a block.
#include "text/measure.h"

#include "hotpathd/utf8.h"
#include "text/vocab.h"

enum { BLOCK = 256, SIXTEENTHS = 16, USUAL_BYTES = 5 * SIXTEENTHS, MARGIN = 2 };

enum hp_code hp_measure_init(struct hp_measure *measure, hp_str text,
    const struct hp_tokens *tokens, int unit, struct hp_arena *arena, struct hp_fault *fault)
{
    *measure = (struct hp_measure){
        .text = text, .tokens = tokens, .unit = unit, .token_bytes = USUAL_BYTES
    };
    if (unit != HP_UNIT_CHARS || hp_ascii_prefix(text) == text.len)
        return HP_OK; // characters of ASCII are bytes
    uint32_t *before = HP_NEW_RAW(arena, uint32_t, text.len / BLOCK + 1);
    if (!before)
        return hp_no_memory(arena, fault);
    uint32_t sum = 0;
    for (size_t at = 0; at <= text.len; at += BLOCK) {
        size_t len = text.len - at < BLOCK ? text.len - at : BLOCK;
        before[at / BLOCK] = sum;
        sum += (uint32_t)hp_utf8_chars((hp_str){ text.ptr + at, len });
    }
    measure->chars_before = before;
    return HP_OK;
}

static size_t chars_to(const struct hp_measure *measure, size_t at)
{
    size_t block = at / BLOCK;
    hp_str rest = { measure->text.ptr + block * BLOCK, at % BLOCK };
    return measure->chars_before[block] + hp_utf8_chars(rest);
}

size_t hp_measure_span(const struct hp_measure *measure, size_t start, size_t end)
{
    if (measure->unit == HP_UNIT_TOKENS)
        return hp_tokens_count(measure->tokens, start, end);
    if (measure->chars_before)
        return chars_to(measure, end) - chars_to(measure, start);
    return end - start;
}

size_t hp_measure_align(const struct hp_measure *measure, size_t at)
{
    hp_str text = measure->text;
    while (at < text.len && at > 0 && hp_utf8_continues(text.ptr[at]))
        at--;
    return at;
}

// The place behind the first `count` characters of the text.
static size_t place_of_char(const struct hp_measure *measure, size_t count)
{
    hp_str text = measure->text;
    const uint32_t *before = measure->chars_before;
    // before[low] <= count, and high is behind the last such
    size_t low = 0, high = text.len / BLOCK + 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(before[middle] <= count ? &low : &high) = middle;
    }
    size_t at = low * BLOCK, left = count - before[low];
    for (; at < text.len; at++)
        if (!hp_utf8_continues(text.ptr[at]) && left-- == 0)
            return at;
    return text.len;
}

// Over 20 million pairs of words at most 40 words apart, in eight languages, code and texts of
// random parts, the longer span was never more than 2 tokens the smaller one.
enum { TOKEN_SLACK = 8, WORD_SLACK = 3 };

size_t hp_measure_slack(const struct hp_measure *measure)
{
    return measure->unit == HP_UNIT_TOKENS ? TOKEN_SLACK : 0;
}

size_t hp_measure_word_slack(const struct hp_measure *measure)
{
    return measure->unit == HP_UNIT_TOKENS ? WORD_SLACK : 0;
}

enum { TOKEN_BYTES = 16 }; // more than a token has in any text but runs of one sign

// An end nearer to `start` than `at`, but still more than `limit` tokens away; `at` is `size` away.
static size_t nearer(
    const struct hp_measure *measure, size_t start, size_t at, size_t size, size_t limit)
{
    while (size > limit + 2 * MARGIN) {
        size_t bytes = (at - start) * (limit + MARGIN) / size;
        size_t guess = hp_measure_align(measure, start + bytes);
        size = hp_tokens_count(measure->tokens, start, guess);
        if (guess >= at || size <= limit)
            break;
        at = guess;
    }
    return at;
}

// hp_tokens_reach stops at the end of a pre-token, which may be a megabyte away: then the way is
// felt from below, so that a search costs what the chunk is long and not what the pre-token is.
static size_t token_reach(const struct hp_measure *measure, size_t start, size_t max)
{
    size_t far = hp_tokens_reach(measure->tokens, start, max);
    size_t limit = max + hp_measure_slack(measure);
    for (size_t step = max * TOKEN_BYTES + 64; step < far - start; step *= 2) {
        size_t at = hp_measure_align(measure, start + step);
        size_t size = hp_tokens_count(measure->tokens, start, at);
        if (size > limit)
            return nearer(measure, start, at, size, limit);
    }
    return far;
}

size_t hp_measure_reach(const struct hp_measure *measure, size_t start, size_t max)
{
    size_t left = measure->text.len - start;
    if (max >= left)
        return measure->text.len; // nothing measures more than its bytes
    if (measure->unit == HP_UNIT_TOKENS)
        return token_reach(measure, start, max);
    if (measure->chars_before)
        return place_of_char(measure, chars_to(measure, start) + max);
    return start + max;
}

// Guesses from what a token took the last time, and from what the guess was worth.
static size_t tokens_back(struct hp_measure *measure, size_t low, size_t end, size_t limit)
{
    size_t bytes = (limit + MARGIN) * measure->token_bytes / SIXTEENTHS + 1, at, size;
    for (;;) {
        if (bytes >= end - low)
            return low;
        at = hp_measure_align(measure, end - bytes);
        size = hp_tokens_count(measure->tokens, at, end);
        if (size > limit)
            break;
        bytes += bytes * (limit + MARGIN - size) / (size + 1) + 4;
    }
    bytes = end - at;
    measure->token_bytes = bytes * SIXTEENTHS / size + 1;
    size_t fewer = bytes * (limit + MARGIN) / size;
    if (size <= limit + 3 * MARGIN)
        return at;
    size_t closer = hp_measure_align(measure, end - fewer);
    return hp_tokens_count(measure->tokens, closer, end) > limit ? closer : at;
}

size_t hp_measure_back(struct hp_measure *measure, size_t low, size_t end, size_t limit)
{
    size_t at = low;
    if (measure->unit == HP_UNIT_TOKENS)
        return tokens_back(measure, low, end, limit);
    if (measure->chars_before) {
        size_t chars = chars_to(measure, end);
        at = chars > limit ? place_of_char(measure, chars - limit) : 0;
    } else if (end > limit) {
        at = end - limit;
    }
    return at > low ? at : low;
}

enum { CHARACTER_BYTES = 4 };

size_t hp_measure_least(const struct hp_measure *measure, size_t bytes)
{
    if (measure->unit == HP_UNIT_TOKENS)
        return bytes / HP_TOKEN_MAX;
    return measure->chars_before ? bytes / CHARACTER_BYTES : bytes;
}
