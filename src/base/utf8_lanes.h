// utf8_lanes.h -- validation a register at a time. Every error of UTF-8 but a wrong number of
// continuation bytes shows in two neighbouring bytes: three tables (high and low half of the first
// byte, high half of the second) name the errors that each half allows; an error is one that all
// three allow. After J. Keiser and D. Lemire, "Validating UTF-8 in less than one instruction per
// byte" (2021).
#pragma once

#include "base/lanes.h"
#include "hotpathd/utf8.h"

#ifdef __x86_64__
enum {
    HP_UTF8_SHORT = 1 << 0,      // a lead byte, then no continuation
    HP_UTF8_LONG = 1 << 1,       // ASCII, then a continuation
    HP_UTF8_OVER_3 = 1 << 2,     // e0 80..9f
    HP_UTF8_LARGE = 1 << 3,      // f4 90..bf, f5..ff 90..bf
    HP_UTF8_SURROGATE = 1 << 4,  // ed a0..bf
    HP_UTF8_OVER_2 = 1 << 5,     // c0, c1
    HP_UTF8_LARGE_1000 = 1 << 6, // f5..ff 80..8f
    HP_UTF8_OVER_4 = 1 << 6,     // f0 80..8f
    HP_UTF8_PAIR = 1 << 7,       // two continuations: right only for a third or fourth byte
    HP_UTF8_ANY = HP_UTF8_SHORT | HP_UTF8_LONG | HP_UTF8_PAIR
};

static const uint8_t hp_utf8_first_high[16] = { HP_UTF8_LONG, HP_UTF8_LONG, HP_UTF8_LONG,
    HP_UTF8_LONG, HP_UTF8_LONG, HP_UTF8_LONG, HP_UTF8_LONG, HP_UTF8_LONG, HP_UTF8_PAIR,
    HP_UTF8_PAIR, HP_UTF8_PAIR, HP_UTF8_PAIR, HP_UTF8_SHORT | HP_UTF8_OVER_2, HP_UTF8_SHORT,
    HP_UTF8_SHORT | HP_UTF8_OVER_3 | HP_UTF8_SURROGATE,
    HP_UTF8_SHORT | HP_UTF8_LARGE | HP_UTF8_LARGE_1000 | HP_UTF8_OVER_4 };

static const uint8_t hp_utf8_first_low[16] = { HP_UTF8_ANY | HP_UTF8_OVER_3 | HP_UTF8_OVER_2 |
                                                   HP_UTF8_OVER_4,
    HP_UTF8_ANY | HP_UTF8_OVER_2, HP_UTF8_ANY, HP_UTF8_ANY, HP_UTF8_ANY | HP_UTF8_LARGE,
    HP_UTF8_ANY | HP_UTF8_LARGE | HP_UTF8_LARGE_1000,
    HP_UTF8_ANY | HP_UTF8_LARGE | HP_UTF8_LARGE_1000,
    HP_UTF8_ANY | HP_UTF8_LARGE | HP_UTF8_LARGE_1000,
    HP_UTF8_ANY | HP_UTF8_LARGE | HP_UTF8_LARGE_1000,
    HP_UTF8_ANY | HP_UTF8_LARGE | HP_UTF8_LARGE_1000,
    HP_UTF8_ANY | HP_UTF8_LARGE | HP_UTF8_LARGE_1000,
    HP_UTF8_ANY | HP_UTF8_LARGE | HP_UTF8_LARGE_1000,
    HP_UTF8_ANY | HP_UTF8_LARGE | HP_UTF8_LARGE_1000,
    HP_UTF8_ANY | HP_UTF8_LARGE | HP_UTF8_LARGE_1000 | HP_UTF8_SURROGATE,
    HP_UTF8_ANY | HP_UTF8_LARGE | HP_UTF8_LARGE_1000,
    HP_UTF8_ANY | HP_UTF8_LARGE | HP_UTF8_LARGE_1000 };

static const uint8_t hp_utf8_second_high[16] = { HP_UTF8_SHORT, HP_UTF8_SHORT, HP_UTF8_SHORT,
    HP_UTF8_SHORT, HP_UTF8_SHORT, HP_UTF8_SHORT, HP_UTF8_SHORT, HP_UTF8_SHORT,
    HP_UTF8_LONG | HP_UTF8_OVER_2 | HP_UTF8_PAIR | HP_UTF8_OVER_3 | HP_UTF8_LARGE_1000 |
        HP_UTF8_OVER_4,
    HP_UTF8_LONG | HP_UTF8_OVER_2 | HP_UTF8_PAIR | HP_UTF8_OVER_3 | HP_UTF8_LARGE,
    HP_UTF8_LONG | HP_UTF8_OVER_2 | HP_UTF8_PAIR | HP_UTF8_SURROGATE | HP_UTF8_LARGE,
    HP_UTF8_LONG | HP_UTF8_OVER_2 | HP_UTF8_PAIR | HP_UTF8_SURROGATE | HP_UTF8_LARGE, HP_UTF8_SHORT,
    HP_UTF8_SHORT, HP_UTF8_SHORT, HP_UTF8_SHORT };

// The bytes `back` places earlier; `joint` is the last half of `before` and the first half of
// `now`.
#define HP_EARLIER256(now, joint, back) _mm256_alignr_epi8((now), (joint), 16 - (back))

// Non-zero where a byte of `now` is wrong after what stands before it.
HP_AVX2 static inline __m256i hp_utf8_errors256(__m256i now, __m256i before)
{
    __m256i joint = _mm256_permute2x128_si256(before, now, 0x21);
    __m256i one = HP_EARLIER256(now, joint, 1), two = HP_EARLIER256(now, joint, 2),
            three = HP_EARLIER256(now, joint, 3);
    __m256i second = _mm256_shuffle_epi8(hp_row256(hp_utf8_second_high), hp_high_halves256(now));
    __m256i pairs =
        _mm256_and_si256(hp_classes256(one, hp_utf8_first_high, hp_utf8_first_low), second);
    // the top bit is set where two bytes before stands e0.. or three bytes before f0..
    __m256i third = _mm256_subs_epu8(two, _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(three, _mm256_set1_epi8(0xf0 - 0x80));
    __m256i wanted = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
    return _mm256_xor_si256(pairs, wanted);
}

// Registers end anywhere: back from `at`, before which they found no error, to the start of the
// character that may be cut there.
static inline size_t hp_utf8_uncut(hp_str s, size_t at)
{
    for (size_t back = 1; back <= 3 && back <= at; back++) {
        unsigned char c = (unsigned char)s.ptr[at - back];
        if (c >= 0xc0)
            return at - back;
        if (c < 0x80)
            return at;
    }
    return at;
}
#endif
