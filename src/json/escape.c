// escape.c -- escapes, in place: what one stands for is never longer than itself, so the write end
// follows the read end through the same bytes.
#include "json/strings.h"

#include "base/lanes.h"
#include "hotpathd/utf8.h"

// --- one escape ----------------------------------------------------------------------------------

// What the letter behind a backslash stands for; 0: not a letter of its own.
static const char letters[256] = {
    ['"'] = '"',
    ['\\'] = '\\',
    ['/'] = '/',
    ['b'] = '\b',
    ['f'] = '\f',
    ['n'] = '\n',
    ['r'] = '\r',
    ['t'] = '\t',
};

enum { DIGIT = 1 << 4 };

// What a hexadecimal digit is worth; 0: no digit.
static const unsigned char digits[256] = {
    ['0'] = DIGIT | 0,
    ['1'] = DIGIT | 1,
    ['2'] = DIGIT | 2,
    ['3'] = DIGIT | 3,
    ['4'] = DIGIT | 4,
    ['5'] = DIGIT | 5,
    ['6'] = DIGIT | 6,
    ['7'] = DIGIT | 7,
    ['8'] = DIGIT | 8,
    ['9'] = DIGIT | 9,
    ['a'] = DIGIT | 10,
    ['b'] = DIGIT | 11,
    ['c'] = DIGIT | 12,
    ['d'] = DIGIT | 13,
    ['e'] = DIGIT | 14,
    ['f'] = DIGIT | 15,
    ['A'] = DIGIT | 10,
    ['B'] = DIGIT | 11,
    ['C'] = DIGIT | 12,
    ['D'] = DIGIT | 13,
    ['E'] = DIGIT | 14,
    ['F'] = DIGIT | 15,
};

enum { UNIT_LEN = 6 }; // of \uXXXX

// Reads \uXXXX at `at`; false where it is anything else.
static bool read_unit(const char *at, const char *end, uint32_t *unit)
{
    if (end - at < UNIT_LEN || at[0] != '\\' || at[1] != 'u')
        return false;
    const unsigned char *p = (const unsigned char *)at + 2;
    unsigned a = digits[p[0]], b = digits[p[1]], c = digits[p[2]], d = digits[p[3]];
    *unit = (a & 15) << 12 | (b & 15) << 8 | (c & 15) << 4 | (d & 15);
    return a & b & c & d & DIGIT;
}

static bool in_surrogates(uint32_t unit, uint32_t first)
{
    return unit >= first && unit < first + 0x400;
}

static enum hp_code unescape_unit(struct hp_json_span *span)
{
    uint32_t unit, low;
    if (!read_unit(span->from, span->end, &unit))
        return HP_BAD_JSON;
    if (in_surrogates(unit, 0xdc00))
        return HP_BAD_UTF8;
    size_t len = UNIT_LEN;
    if (in_surrogates(unit, 0xd800)) {
        if (!read_unit(span->from + len, span->end, &low) || !in_surrogates(low, 0xdc00))
            return HP_BAD_UTF8;
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        len += UNIT_LEN;
    }
    span->to += hp_utf8_put(span->to, unit);
    span->from += len;
    return HP_OK;
}

static enum hp_code unescape_one(struct hp_json_span *span)
{
    if (span->end - span->from < 2)
        return HP_BAD_JSON;
    char letter = letters[(unsigned char)span->from[1]];
    if (letter == 0)
        return unescape_unit(span);
    *span->to++ = letter;
    span->from += 2;
    return HP_OK;
}

// --- what lies between ---------------------------------------------------------------------------

// Moves the bytes up to the next backslash.
static void move_plain(struct hp_json_span *span)
{
    size_t left = (size_t)(span->stop - span->from);
    const char *stop = memchr(span->from, '\\', left);
    size_t len = stop ? (size_t)(stop - span->from) : left;
    memmove(span->to, span->from, len);
    span->to += len;
    span->from += len;
}

#ifdef __x86_64__
enum { WIDTH = 16 };

static void move_bytes(struct hp_json_span *span, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *span->to++ = *span->from++;
}

static void store(char *to, __m128i bytes)
{
    _mm_storeu_si128((__m128i *)to, bytes);
}

// The same, a register at a time. Of a register that holds a backslash the head alone is wanted,
// and the whole may be stored only where nothing unread lies below it.
static void move_wide(struct hp_json_span *span)
{
    while (span->stop - span->from >= WIDTH) {
        const __m128i bytes = hp_load128(span->from);
        unsigned stops = hp_mask128(hp_equal128(bytes, '\\'));
        size_t len = stops ? (size_t)__builtin_ctz(stops) : WIDTH;
        if (stops && span->from - span->to < WIDTH) {
            move_bytes(span, len);
            return;
        }
        store(span->to, bytes);
        span->to += len;
        span->from += len;
        if (stops)
            return;
    }
    while (span->from < span->stop && *span->from != '\\')
        move_bytes(span, 1);
}
#else
#define move_wide move_plain
#endif

// --- the whole -----------------------------------------------------------------------------------

// While there was no escape, the bytes stand where they should.
static void skip_plain(struct hp_json_span *span)
{
    const char *first = memchr(span->from, '\\', (size_t)(span->stop - span->from));
    span->to += (first ? first : span->stop) - span->from;
    span->from = span->to;
}

static inline enum hp_code unescape(
    struct hp_json_span *span, void (*move)(struct hp_json_span *span))
{
    if (span->to == span->from)
        skip_plain(span);
    else if (*span->from != '\\')
        move(span);
    while (span->from < span->stop) {
        HP_TRY(unescape_one(span));
        if (span->from < span->stop && *span->from != '\\')
            move(span);
    }
    return HP_OK;
}

enum hp_code hp_json_unescape(struct hp_json_span *span)
{
    return unescape(span, move_wide);
}

enum hp_code hp_json_unescape_plain(struct hp_json_span *span)
{
    return unescape(span, move_plain);
}
