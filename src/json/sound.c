// sound.c -- valid UTF-8 and no control characters, 64 bytes at a time. The wide version only
// vouches for a prefix, in whole blocks; the plain one goes on from there, so it alone says what is
// a fault.
#include "json/strings.h"

#include "base/utf8_lanes.h"
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
        size_t step = hp_utf8_len(s, at);
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

HP_AVX2 static bool any(__m256i v)
{
    return !_mm256_testz_si256(v, v);
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
            faults = _mm256_or_si256(faults, hp_utf8_errors256(one, last));
            faults = _mm256_or_si256(faults, hp_utf8_errors256(two, one));
        }
        if (any(faults))
            break;
        if (any(_mm256_or_si256(hp_equal256(one, '\\'), hp_equal256(two, '\\'))))
            *escaped = true;
        last = two;
    }
    return hp_utf8_uncut(s, at);
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
