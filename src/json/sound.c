// sound.c -- valid UTF-8 and no control characters, 64 bytes at a time. The wide version only
// vouches for a prefix, in whole blocks; the plain one goes on from there, so it alone says what is
// a fault.
#include "json/strings.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"

enum { WORD = 8 }; // bytes

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static bool any_high(uint64_t word)
{
    return word & EACH(0x80);
}

static bool any_zero(uint64_t word)
{
    return (word - EACH(1)) & ~word & EACH(0x80);
}

static bool any_control(uint64_t word)
{
    return (word - EACH(0x20)) & ~word & EACH(0x80);
}

// Length of the prefix that is ASCII without controls, in whole words.
static size_t ascii_words(const unsigned char *s, size_t len, bool *escaped)
{
    size_t at = 0;
    for (uint64_t word; at + WORD <= len; at += WORD) {
        memcpy(&word, s + at, WORD);
        if (any_high(word) || any_control(word))
            break;
        if (any_zero(word ^ EACH('\\')))
            *escaped = true;
    }
    return at;
}

// Table 3-7: only the second byte's range depends on the first.
static const struct row {
    unsigned char first, last, low, high, len;
} rows[] = {
    { 0xc2, 0xdf, 0x80, 0xbf, 2 },
    { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
    { 0xe1, 0xec, 0x80, 0xbf, 3 },
    { 0xed, 0xed, 0x80, 0x9f, 3 },
    { 0xee, 0xef, 0x80, 0xbf, 3 },
    { 0xf0, 0xf0, 0x90, 0xbf, 4 },
    { 0xf1, 0xf3, 0x80, 0xbf, 4 },
    { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

enum { ROWS = sizeof rows / sizeof *rows };

static bool between(unsigned char c, unsigned char low, unsigned char high)
{
    return c >= low && c <= high;
}

// Length of the well-formed sequence of two to four bytes at `s`, 0 where there is none.
static size_t sequence(const unsigned char *s, size_t len)
{
    const struct row *row = rows;
    while (row < rows + ROWS && !between(s[0], row->first, row->last))
        row++;
    if (row == rows + ROWS || row->len > len || !between(s[1], row->low, row->high))
        return 0;
    for (size_t i = 2; i < row->len; i++)
        if (!between(s[i], 0x80, 0xbf))
            return 0;
    return row->len;
}

static size_t sound_from(hp_str s, size_t at, bool *escaped)
{
    const unsigned char *bytes = (const unsigned char *)s.ptr;
    while (at < s.len) {
        if (bytes[at] < 0x20)
            return at;
        if (bytes[at] < 0x80) {
            *escaped = *escaped || bytes[at] == '\\';
            at++;
            at += ascii_words(bytes + at, s.len - at, escaped);
            continue;
        }
        size_t step = sequence(bytes + at, s.len - at);
        if (step == 0)
            return at;
        at += step;
    }
    return at;
}

size_t hp_json_sound_plain(hp_str s, bool *escaped)
{
    return sound_from(s, 0, escaped);
}

#ifdef __x86_64__
enum { WIDTH = 32, BLOCK = 2 * WIDTH };

// After Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte" (2021): three
// look-ups by half a byte, and-ed; a bit that survives is the fault that it is named for.
enum {
    SHORT = 1 << 0,     // a lead byte, then no continuation
    LONG = 1 << 1,      // ASCII, then a continuation
    OVERLONG3 = 1 << 2, // E0, then below A0
    LARGE = 1 << 3,     // F4, then above 8F; F5 and more, then above 8F
    SURROGATE = 1 << 4, // ED, then above 9F
    OVERLONG2 = 1 << 5, // C0 or C1
    BEYOND = 1 << 6,    // F0, then below 90 (overlong); F5 and more, then below 90
    TWO = 1 << 7,       // two continuations: a fault unless a lead of three or four is before them
    CARRY = SHORT | LONG | TWO,
    LARGE_ANY = CARRY | LARGE | BEYOND,
    SECOND = LONG | OVERLONG2 | TWO
};

// clang-format off
static const unsigned char by_lead_high[16] = {
    LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG,  // 0 to 7: ASCII
    TWO, TWO, TWO, TWO,                              // 8 to B
    SHORT | OVERLONG2, SHORT,                        // C, D: a lead of two
    SHORT | OVERLONG3 | SURROGATE,                   // E: of three
    SHORT | LARGE | BEYOND,                          // F: of four
};

static const unsigned char by_lead_low[16] = {
    CARRY | OVERLONG3 | OVERLONG2 | BEYOND,          // C0, E0, F0
    CARRY | OVERLONG2,                               // C1
    CARRY, CARRY,
    CARRY | LARGE,                                   // F4
    LARGE_ANY, LARGE_ANY, LARGE_ANY, LARGE_ANY, LARGE_ANY, LARGE_ANY, LARGE_ANY, LARGE_ANY,
    LARGE_ANY | SURROGATE,                           // ED
    LARGE_ANY, LARGE_ANY,
};

static const unsigned char by_second_high[16] = {
    SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT,
    SECOND | OVERLONG3 | BEYOND,                     // 80 to 8F
    SECOND | OVERLONG3 | LARGE,                      // 90 to 9F
    SECOND | SURROGATE | LARGE, SECOND | SURROGATE | LARGE,
    SHORT, SHORT, SHORT, SHORT,
};
// clang-format on

// Top bit set where a byte is at least `least`, which is above 0x80.
HP_AVX2 static __m256i at_least(__m256i v, int least)
{
    return _mm256_subs_epu8(v, _mm256_set1_epi8((char)(least - 0x80)));
}

// Not zero where `now`, with the 32 bytes before it, is not UTF-8.
HP_AVX2 static __m256i utf8_faults(__m256i now, __m256i before)
{
    const __m256i seam = _mm256_permute2x128_si256(before, now, 0x21);
    const __m256i back1 = _mm256_alignr_epi8(now, seam, 15);
    const __m256i back2 = _mm256_alignr_epi8(now, seam, 14);
    const __m256i back3 = _mm256_alignr_epi8(now, seam, 13);
    const __m256i second = _mm256_shuffle_epi8(hp_row256(by_second_high), hp_high_halves256(now));
    const __m256i faults =
        _mm256_and_si256(hp_classes256(back1, by_lead_high, by_lead_low), second);
    const __m256i continues = _mm256_or_si256(at_least(back2, 0xe0), at_least(back3, 0xf0));
    const __m256i two = _mm256_and_si256(continues, _mm256_set1_epi8((char)TWO));
    return _mm256_xor_si256(faults, two);
}

HP_AVX2 static bool any(__m256i v)
{
    return !_mm256_testz_si256(v, v);
}

// Blocks end anywhere: back to the start of the character that the last one may have cut.
static size_t back_to_lead(const char *s, size_t at)
{
    for (size_t back = 1; back <= 3 && back <= at; back++) {
        unsigned char c = (unsigned char)s[at - back];
        if (c >= 0xc0)
            return at - back;
        if (c < 0x80)
            return at;
    }
    return at;
}

HP_AVX2 static size_t sound_blocks(hp_str s, bool *escaped)
{
    __m256i last = _mm256_setzero_si256();
    size_t at = 0;
    for (; at + BLOCK <= s.len; at += BLOCK) {
        const __m256i one = hp_load256(s.ptr + at);
        const __m256i two = hp_load256(s.ptr + at + WIDTH);
        __m256i faults = _mm256_or_si256(hp_upto256(one, 0x1f), hp_upto256(two, 0x1f));
        const __m256i near = _mm256_or_si256(last, _mm256_or_si256(one, two));
        if (hp_mask256(near) != 0) { // not all of it is ASCII
            faults = _mm256_or_si256(faults, utf8_faults(one, last));
            faults = _mm256_or_si256(faults, utf8_faults(two, one));
        }
        if (any(faults))
            break;
        if (any(_mm256_or_si256(hp_equal256(one, '\\'), hp_equal256(two, '\\'))))
            *escaped = true;
        last = two;
    }
    return back_to_lead(s.ptr, at);
}

size_t hp_json_sound(hp_str s, bool *escaped)
{
    size_t vouched = 0;
    if (s.len >= BLOCK && hp_cpu() >= HP_CPU_AVX2)
        vouched = sound_blocks(s, escaped);
    return sound_from(s, vouched, escaped);
}
#else
size_t hp_json_sound(hp_str s, bool *escaped)
{
    return hp_json_sound_plain(s, escaped);
}
#endif
