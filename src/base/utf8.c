// utf8.c -- UTF-8 one character at a time, and counting sixteen bytes at a time: a character has
// one byte that is not a continuation (10xxxxxx), a surrogate pair in UTF-16 one lead byte of four
// (11110xxx).
#include "hotpathd/utf8.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"

// The bytes that may follow a lead byte: how many, and the range of the first of them (table 3-7).
struct lead {
    uint8_t more, least, most;
};

static struct lead lead_of(unsigned char c)
{
    if (c >= 0xc2 && c <= 0xdf)
        return (struct lead){ 1, 0x80, 0xbf };
    if (c >= 0xe0 && c <= 0xef)
        return (struct lead){ 2, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf };
    if (c >= 0xf0 && c <= 0xf4)
        return (struct lead){ 3, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf };
    return (struct lead){ 0, 1, 0 };
}

size_t hp_utf8_len(hp_str s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    if (p[0] < 0x80)
        return 1;
    struct lead lead = lead_of(p[0]);
    if (lead.more == 0 || lead.more >= s.len - at || p[1] < lead.least || p[1] > lead.most)
        return 0;
    for (size_t i = 2; i <= lead.more; i++)
        if (!hp_utf8_continues((char)p[i]))
            return 0;
    return lead.more + 1u;
}

size_t hp_utf8_valid_plain(hp_str s)
{
    size_t at = 0;
    while (at < s.len) {
        size_t step = hp_utf8_len(s, at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

size_t hp_utf8_subpart(hp_str s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    struct lead lead = lead_of(p[0]);
    size_t len = 1, left = s.len - at;
    if (lead.more == 0 || left == 1 || p[1] < lead.least || p[1] > lead.most)
        return 1;
    for (len = 2; len <= lead.more && len < left && hp_utf8_continues((char)p[len]);)
        len++;
    return len;
}

uint32_t hp_utf8_before(hp_str s, size_t end, size_t *len)
{
    return hp_utf8_at(s, hp_utf8_start(s, end), len);
}

size_t hp_utf8_put(char out[4], uint32_t code_point)
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xc0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xe0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code_point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code_point & 0x3f));
    return 4;
}

#ifdef __x86_64__
enum { WIDE = 64 };

// Of count_above, two registers at a time; what is left from *at on is shorter.
HP_AVX2 static size_t count_wide(hp_str s, int flip, int above, size_t *at)
{
    const __m256i flips = _mm256_set1_epi8((char)flip), aboves = _mm256_set1_epi8((char)above);
    size_t sum = 0;
    for (; s.len - *at >= WIDE; *at += WIDE) {
        __m256i low = _mm256_xor_si256(hp_load256(s.ptr + *at), flips);
        __m256i high = _mm256_xor_si256(hp_load256(s.ptr + *at + WIDE / 2), flips);
        sum += (size_t)__builtin_popcountll(
            hp_mask256x2(_mm256_cmpgt_epi8(low, aboves), _mm256_cmpgt_epi8(high, aboves)));
    }
    return sum;
}
#endif

// Bytes of s that are above `above` as signed numbers once the bits of `flip` are turned.
static inline size_t count_above(hp_str s, int flip, int above)
{
    size_t sum = 0, at = 0;
#ifdef __x86_64__
    if (s.len >= WIDE && hp_cpu() >= HP_CPU_AVX2)
        sum = count_wide(s, flip, above, &at);
    enum { LANE = 16, LANES_MAX = 255 }; // a byte-wide counter holds so many steps
    const __m128i flips = _mm_set1_epi8((char)flip), aboves = _mm_set1_epi8((char)above);
    while (s.len - at >= LANE) {
        size_t lanes = (s.len - at) / LANE;
        size_t stop = at + (lanes < LANES_MAX ? lanes : LANES_MAX) * LANE;
        __m128i counters = _mm_setzero_si128();
        for (; at < stop; at += LANE) {
            __m128i bytes = _mm_xor_si128(hp_load128(s.ptr + at), flips);
            counters = _mm_sub_epi8(counters, _mm_cmpgt_epi8(bytes, aboves));
        }
        __m128i sums = _mm_sad_epu8(counters, _mm_setzero_si128());
        sum += (size_t)_mm_cvtsi128_si32(sums) + (size_t)_mm_extract_epi16(sums, 4);
    }
#endif
    for (; at < s.len; at++)
        sum += (signed char)(s.ptr[at] ^ flip) > above;
    return sum;
}

// Continuation bytes are 0x80 to 0xbf, -128 to -65.
size_t hp_utf8_chars(hp_str s)
{
    return count_above(s, 0, -65);
}

// Lead bytes of four are 0xf0 and more; turned, 0x70 and more.
size_t hp_utf8_utf16(hp_str s)
{
    return hp_utf8_chars(s) + count_above(s, 0x80, 0x6f);
}

size_t hp_ascii_prefix(hp_str s)
{
    size_t at = 0;
#ifdef __x86_64__
    for (; s.len - at >= sizeof(__m128i); at += sizeof(__m128i)) {
        uint32_t high = hp_mask128(hp_load128(s.ptr + at));
        if (high)
            return at + (size_t)__builtin_ctz(high);
    }
#endif
    while (at < s.len && (unsigned char)s.ptr[at] < 0x80)
        at++;
    return at;
}
