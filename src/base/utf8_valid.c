// utf8_valid.c -- the wide version vouches for a prefix, in whole blocks; the plain one goes on
// from there, so it alone says where an error is.
#include "hotpathd/utf8.h"

#include "base/utf8_lanes.h"
#include "hotpathd/cpu.h"

#ifdef __x86_64__
enum { STEP = 32, BLOCK = 64 };

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
        __m256i errors = _mm256_or_si256(hp_utf8_errors256(a, before), hp_utf8_errors256(b, a));
        if (!_mm256_testz_si256(errors, errors))
            break;
        before = b;
    }
    return at;
}

size_t hp_utf8_valid(hp_str s)
{
    if (s.len < BLOCK || hp_cpu() < HP_CPU_AVX2)
        return hp_utf8_valid_plain(s);
    size_t from = hp_utf8_uncut(s, sound_blocks(s));
    return from + hp_utf8_valid_plain((hp_str){ s.ptr + from, s.len - from });
}
#else
size_t hp_utf8_valid(hp_str s)
{
    return hp_utf8_valid_plain(s);
}
#endif
