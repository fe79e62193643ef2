// scan.c -- membership of 32 bytes at a time: the low half of a byte picks a row of eight bits, the
// high half the bit in it (W. Mula, "SIMD byte lookup", the universal algorithm).
#include "text/scan.h"

#include "hotpathd/cpu.h"

#include <assert.h>

struct hp_bytes hp_bytes_of(hp_str members)
{
    struct hp_bytes set = { 0 };
    for (size_t i = 0; i < members.len; i++) {
        unsigned char byte = (unsigned char)members.ptr[i];
        set.row[byte >> 7][byte & 15] |= (uint8_t)(1 << (byte >> 4 & 7));
    }
    return set;
}

size_t hp_scan_plain(hp_str s, size_t at, const struct hp_bytes *set)
{
    while (at < s.len && !hp_bytes_has(set, (unsigned char)s.ptr[at]))
        at++;
    return at;
}

void hp_pairs_add_byte(struct hp_pairs *set, unsigned char byte)
{
    assert(byte < 0x80);
    set->one_high[byte >> 4] |= (uint8_t)(1 << (byte >> 4));
    set->one_low[byte & 15] |= (uint8_t)(1 << (byte >> 4));
}

static unsigned class_of(struct hp_pairs *set, unsigned char first, unsigned char last)
{
    unsigned class = 0;
    while (class < set->classes && (set->first[class] != first || set->last[class] != last))
        class ++;
    assert(class < sizeof set->first && first >> 4 == last >> 4);
    set->first[class] = first;
    set->last[class] = last;
    if (class == set->classes)
        set->classes++;
    return class;
}

void hp_pairs_add(struct hp_pairs *set, unsigned char lead_first, unsigned char lead_last,
    unsigned char next_first, unsigned char next_last)
{
    uint8_t bit = (uint8_t)(1 << class_of(set, lead_first, lead_last));
    set->lead_high[lead_first >> 4] |= bit;
    for (int lead = lead_first; lead <= lead_last; lead++)
        set->lead_low[lead & 15] |= bit;
    for (int next = next_first; next <= next_last; next++) {
        set->next_high[next >> 4] |= bit;
        set->next_low[next & 15] |= bit;
    }
}

size_t hp_scan_pairs_plain(hp_str s, size_t at, size_t stop, const struct hp_pairs *set)
{
    for (; at < stop; at++) {
        char next = at + 1 < s.len ? s.ptr[at + 1] : 0;
        if (hp_pairs_has(set, (unsigned char)s.ptr[at], (unsigned char)next))
            break;
    }
    return at;
}

// The places of p[0, len) that are in, one after the other; p[len] is looked at. Most lanes are
// ASCII, where no pair is.
static uint32_t lane_plain(const char *p, size_t len, const struct hp_pairs *set)
{
    uint32_t mask = 0;
    unsigned char all = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)p[i];
        all |= byte;
        mask |= (uint32_t)((set->one_high[byte >> 4] & set->one_low[byte & 15]) != 0) << i;
    }
    for (size_t i = 0; i < len && all >= 0x80; i++)
        mask |= (uint32_t)hp_pairs_has(set, (unsigned char)p[i], (unsigned char)p[i + 1]) << i;
    return mask;
}

static void fill_plain(struct hp_hits *hits, size_t at)
{
    for (; hits->lanes < HP_LANES && at < hits->stop; at += HP_LANE) {
        size_t len = hits->stop - at < HP_LANE ? hits->stop - at : HP_LANE;
        char padded[HP_LANE + 1] = { 0 };
        if (at + len == hits->s.len) // nothing lies behind the text
            memcpy(padded, hits->s.ptr + at, len);
        const char *p = at + len == hits->s.len ? padded : hits->s.ptr + at;
        hits->mask[hits->lanes++] = lane_plain(p, len, hits->set);
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

enum { STEP = 32 };

#define AVX2 __attribute__((target("avx2")))

AVX2 static __m256i twice(const uint8_t row[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)row));
}

AVX2 static size_t scan_steps(hp_str s, size_t at, const struct hp_bytes *set)
{
    const __m256i ascii = twice(set->row[0]), high = twice(set->row[1]);
    const __m256i bit_of = _mm256_set1_epi64x((long long)0x8040201008040201u);
    const __m256i half = _mm256_set1_epi8(0x0f);
    for (; s.len - at >= STEP; at += STEP) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(s.ptr + at));
        __m256i low = _mm256_and_si256(bytes, half);
        __m256i rows = _mm256_blendv_epi8(
            _mm256_shuffle_epi8(ascii, low), _mm256_shuffle_epi8(high, low), bytes);
        __m256i bits =
            _mm256_shuffle_epi8(bit_of, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half));
        __m256i out = _mm256_cmpeq_epi8(_mm256_and_si256(rows, bits), _mm256_setzero_si256());
        unsigned in = ~(unsigned)_mm256_movemask_epi8(out);
        if (in)
            return at + (size_t)__builtin_ctz(in);
    }
    return at;
}

AVX2 static __m256i halves(const uint8_t high[16], const uint8_t low[16], __m256i bytes)
{
    const __m256i half = _mm256_set1_epi8(0x0f);
    return _mm256_and_si256(
        _mm256_shuffle_epi8(twice(high), _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half)),
        _mm256_shuffle_epi8(twice(low), _mm256_and_si256(bytes, half)));
}

AVX2 static __m256i load(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

// The places of p[0, 32) that are in; p[32] is looked at.
AVX2 static inline uint32_t lane_in(const char *p, const struct hp_pairs *set)
{
    __m256i bytes = load(p), in = halves(set->one_high, set->one_low, bytes);
    if (_mm256_movemask_epi8(bytes)) { // classes of leads are above ASCII
        __m256i pairs = _mm256_and_si256(halves(set->lead_high, set->lead_low, bytes),
            halves(set->next_high, set->next_low, load(p + 1)));
        in = _mm256_or_si256(in, pairs);
    }
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(in, _mm256_setzero_si256()));
}

AVX2 static size_t fill_lanes(struct hp_hits *hits, size_t at)
{
    while (hits->lanes < HP_LANES && hits->stop - at >= STEP && hits->s.len - at > STEP) {
        hits->mask[hits->lanes++] = lane_in(hits->s.ptr + at, hits->set);
        at += STEP;
    }
    return at;
}

void hp_hits_fill(struct hp_hits *hits, size_t at)
{
    hits->base = at;
    hits->lanes = 0;
    if (hp_cpu() >= HP_CPU_AVX2)
        at = fill_lanes(hits, at);
    fill_plain(hits, at);
}

AVX2 static size_t pair_steps(hp_str s, size_t at, size_t stop, const struct hp_pairs *set)
{
    for (; stop - at >= STEP && s.len - at > STEP; at += STEP) {
        unsigned in = lane_in(s.ptr + at, set);
        if (in)
            return at + (size_t)__builtin_ctz(in);
    }
    return at;
}

size_t hp_scan_pairs(hp_str s, size_t at, size_t stop, const struct hp_pairs *set)
{
    if (stop - at >= STEP && hp_cpu() >= HP_CPU_AVX2)
        at = pair_steps(s, at, stop, set);
    return hp_scan_pairs_plain(s, at, stop, set);
}

size_t hp_scan(hp_str s, size_t at, const struct hp_bytes *set)
{
    if (s.len - at >= STEP && hp_cpu() >= HP_CPU_AVX2)
        at = scan_steps(s, at, set);
    return hp_scan_plain(s, at, set);
}
#else
size_t hp_scan(hp_str s, size_t at, const struct hp_bytes *set)
{
    return hp_scan_plain(s, at, set);
}

size_t hp_scan_pairs(hp_str s, size_t at, size_t stop, const struct hp_pairs *set)
{
    return hp_scan_pairs_plain(s, at, stop, set);
}

void hp_hits_fill(struct hp_hits *hits, size_t at)
{
    hits->base = at;
    hits->lanes = 0;
    fill_plain(hits, at);
}
#endif
