// utf8_valid.c -- validation a register at a time. Every error of UTF-8 but a wrong number of
// continuation bytes shows in two neighbouring bytes: three tables (high and low half of the first
// byte, high half of the second) name the errors that each half allows; an error is one that all
// three allow. After J. Keiser and D. Lemire, "Validating UTF-8 in less than one instruction per
// byte" (2021).
#include "text/utf8.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"

#ifdef __x86_64__
enum {
    SHORT = 1 << 0,      // a lead byte, then no continuation
    LONG = 1 << 1,       // ASCII, then a continuation
    OVER_3 = 1 << 2,     // e0 80..9f
    LARGE = 1 << 3,      // f4 90..bf, f5..ff 90..bf
    SURROGATE = 1 << 4,  // ed a0..bf
    OVER_2 = 1 << 5,     // c0, c1
    LARGE_1000 = 1 << 6, // f5..ff 80..8f
    OVER_4 = 1 << 6,     // f0 80..8f
    PAIR = 1 << 7,       // two continuations: right only for a third or fourth byte
    ANY = SHORT | LONG | PAIR
};

static const uint8_t first_high[16] = { LONG, LONG, LONG, LONG, LONG, LONG, LONG, LONG, PAIR, PAIR,
    PAIR, PAIR, SHORT | OVER_2, SHORT, SHORT | OVER_3 | SURROGATE,
    SHORT | LARGE | LARGE_1000 | OVER_4 };

static const uint8_t first_low[16] = { ANY | OVER_3 | OVER_2 | OVER_4, ANY | OVER_2, ANY, ANY,
    ANY | LARGE, ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000,
    ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000,
    ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000 | SURROGATE,
    ANY | LARGE | LARGE_1000, ANY | LARGE | LARGE_1000 };

static const uint8_t second_high[16] = { SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT, SHORT,
    LONG | OVER_2 | PAIR | OVER_3 | LARGE_1000 | OVER_4, LONG | OVER_2 | PAIR | OVER_3 | LARGE,
    LONG | OVER_2 | PAIR | SURROGATE | LARGE, LONG | OVER_2 | PAIR | SURROGATE | LARGE, SHORT,
    SHORT, SHORT, SHORT };

enum { STEP = 32, BLOCK = 64 };

// The bytes `back` places earlier; `joint` is the last half of `before` and the first half of
// `now`.
#define EARLIER(now, joint, back) _mm256_alignr_epi8((now), (joint), 16 - (back))

// Non-zero where a byte of `now` is wrong after what stands before it.
HP_AVX2 static __m256i errors_in(__m256i now, __m256i before)
{
    __m256i joint = _mm256_permute2x128_si256(before, now, 0x21);
    __m256i one = EARLIER(now, joint, 1), two = EARLIER(now, joint, 2),
            three = EARLIER(now, joint, 3);
    __m256i second = _mm256_shuffle_epi8(hp_row256(second_high), hp_high_halves256(now));
    __m256i pairs = _mm256_and_si256(hp_classes256(one, first_high, first_low), second);
    // the top bit is set where two bytes before stands e0.. or three bytes before f0..
    __m256i third = _mm256_subs_epu8(two, _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth = _mm256_subs_epu8(three, _mm256_set1_epi8(0xf0 - 0x80));
    __m256i wanted = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
    return _mm256_xor_si256(pairs, wanted);
}

// How many blocks from the start hold no error; a character may reach over the end of the last.
HP_AVX2 static size_t sound_blocks(hp_str s)
{
    __m256i before = _mm256_setzero_si256();
    size_t at = 0;
    for (; s.len - at >= BLOCK; at += BLOCK) {
        __m256i a = hp_load256(s.ptr + at), b = hp_load256(s.ptr + at + STEP);
        // a character that `before` leaves open ends in one of its last three bytes
        __m256i high =
            _mm256_or_si256(_mm256_or_si256(a, b), _mm256_permute2x128_si256(before, before, 0x81));
        if (hp_mask256(high) == 0) {
            before = b;
            continue;
        }
        __m256i errors = _mm256_or_si256(errors_in(a, before), errors_in(b, a));
        if (!_mm256_testz_si256(errors, errors))
            break;
        before = b;
    }
    return at;
}

// The start of the character that a cut at `at` falls into.
static size_t back_to_start(hp_str s, size_t at)
{
    size_t start = at;
    while (start > 0 && at - start < 3 && hp_utf8_continues(s.ptr[start]))
        start--;
    return start;
}

size_t hp_utf8_valid(hp_str s)
{
    if (s.len < BLOCK || hp_cpu() < HP_CPU_AVX2)
        return hp_utf8_valid_plain(s);
    size_t sound = sound_blocks(s);
    size_t from = sound > 0 ? back_to_start(s, sound - 1) : 0;
    return from + hp_utf8_valid_plain((hp_str){ s.ptr + from, s.len - from });
}
#else
size_t hp_utf8_valid(hp_str s)
{
    return hp_utf8_valid_plain(s);
}
#endif
