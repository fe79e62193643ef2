// scan.c -- membership of 32 bytes at a time: the low half of a byte picks a row of eight bits, the
// high half the bit in it (W. Mula, "SIMD byte lookup", the universal algorithm).
#include "text/scan.h"

#include "base/lanes.h"
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

// The places of p[0, HP_LANE) that are in; p[HP_LANE] is looked at.
typedef uint64_t lane_fn(const char *p, const struct hp_pairs *set);

// One after the other. Most halves are ASCII, where no pair is.
static uint32_t half_plain(const char *p, const struct hp_pairs *set)
{
    uint32_t mask = 0;
    unsigned char all = 0;
    for (size_t i = 0; i < HP_LANE / 2; i++) {
        unsigned char byte = (unsigned char)p[i];
        all |= byte;
        mask |= (uint32_t)((set->one_high[byte >> 4] & set->one_low[byte & 15]) != 0) << i;
    }
    for (size_t i = 0; i < HP_LANE / 2 && all >= 0x80; i++)
        mask |= (uint32_t)hp_pairs_has(set, (unsigned char)p[i], (unsigned char)p[i + 1]) << i;
    return mask;
}

static uint64_t lane_plain(const char *p, const struct hp_pairs *set)
{
    return half_plain(p, set) | (uint64_t)half_plain(p + HP_LANE / 2, set) << HP_LANE / 2;
}

static inline __attribute__((always_inline)) void put_lane(struct hp_hits *hits, uint64_t mask)
{
    hits->some |= (unsigned)(mask != 0) << hits->lanes;
    hits->mask[hits->lanes++] = mask;
}

// The lane that `stop` or the end of the text lies in, or touches: nothing lies behind the text.
static inline __attribute__((always_inline)) void fill_last(
    struct hp_hits *hits, size_t at, lane_fn *lane)
{
    char padded[HP_LANE + 1] = { 0 };
    size_t left = hits->s.len - at, len = hits->stop - at;
    memcpy(padded, hits->s.ptr + at, left < sizeof padded ? left : sizeof padded);
    uint64_t mask = lane(padded, hits->set);
    put_lane(hits, len < HP_LANE ? mask & (((uint64_t)1 << len) - 1) : mask);
}

static inline __attribute__((always_inline)) void fill(
    struct hp_hits *hits, size_t at, lane_fn *lane)
{
    while (hits->lanes < HP_LANES && hits->stop - at >= HP_LANE && hits->s.len - at > HP_LANE) {
        put_lane(hits, lane(hits->s.ptr + at, hits->set));
        at += HP_LANE;
    }
    if (hits->lanes < HP_LANES && at < hits->stop)
        fill_last(hits, at, lane);
}

#ifdef __x86_64__
enum { STEP = 32 };

HP_AVX2 static size_t scan_steps(hp_str s, size_t at, const struct hp_bytes *set)
{
    const __m256i ascii = hp_row256(set->row[0]), high = hp_row256(set->row[1]);
    const __m256i bit_of = _mm256_set1_epi64x((long long)0x8040201008040201u);
    for (; s.len - at >= STEP; at += STEP) {
        __m256i bytes = hp_load256(s.ptr + at);
        __m256i low = hp_low_halves256(bytes);
        __m256i rows = _mm256_blendv_epi8(
            _mm256_shuffle_epi8(ascii, low), _mm256_shuffle_epi8(high, low), bytes);
        __m256i bits = _mm256_shuffle_epi8(bit_of, hp_high_halves256(bytes));
        uint32_t in = ~hp_mask256(hp_equal256(_mm256_and_si256(rows, bits), 0));
        if (in)
            return at + (size_t)__builtin_ctz(in);
    }
    return at;
}

// The places of p[0, 32) that are in; p[32] is looked at.
HP_AVX2 static inline uint32_t lane_in(const char *p, const struct hp_pairs *set)
{
    __m256i bytes = hp_load256(p), in = hp_classes256(bytes, set->one_high, set->one_low);
    if (hp_mask256(bytes)) { // classes of leads are above ASCII
        __m256i leads = hp_classes256(bytes, set->lead_high, set->lead_low);
        __m256i nexts = hp_classes256(hp_load256(p + 1), set->next_high, set->next_low);
        in = _mm256_or_si256(in, _mm256_and_si256(leads, nexts));
    }
    return ~hp_mask256(hp_equal256(in, 0));
}

HP_AVX2 static inline uint64_t lane_avx2(const char *p, const struct hp_pairs *set)
{
    return lane_in(p, set) | (uint64_t)lane_in(p + STEP, set) << STEP;
}

HP_AVX2 static void fill_avx2(struct hp_hits *hits, size_t at)
{
    fill(hits, at, lane_avx2);
}

HP_AVX512 static inline uint64_t lane_avx512(const char *p, const struct hp_pairs *set)
{
    __m512i bytes = _mm512_loadu_si512(p);
    __m512i in = hp_classes512(bytes, set->one_high, set->one_low);
    if (_mm512_movepi8_mask(bytes)) { // as in lane_in
        __m512i leads = hp_classes512(bytes, set->lead_high, set->lead_low);
        __m512i nexts = hp_classes512(_mm512_loadu_si512(p + 1), set->next_high, set->next_low);
        in = _mm512_or_si512(in, _mm512_and_si512(leads, nexts));
    }
    return _mm512_test_epi8_mask(in, in);
}

HP_AVX512 static void fill_avx512(struct hp_hits *hits, size_t at)
{
    fill(hits, at, lane_avx512);
}

HP_AVX2 static size_t pair_steps(hp_str s, size_t at, size_t stop, const struct hp_pairs *set)
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

#endif

void hp_hits_fill(struct hp_hits *hits, size_t at)
{
    hits->base = at;
    hits->lanes = hits->some = 0;
#ifdef __x86_64__
    if (hp_cpu() == HP_CPU_AVX512)
        fill_avx512(hits, at);
    else if (hp_cpu() == HP_CPU_AVX2)
        fill_avx2(hits, at);
    else
#endif
        fill(hits, at, lane_plain);
}
