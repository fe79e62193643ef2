// sift.c -- a table for stop words and one for heads, asked without a branch: which of both a word
// is cannot be foretold.
#include "rank/sift.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"

// The words from edge `at` on.
static inline void sift_from(const struct hp_spans *spans, const struct hp_terms *terms, bool stops,
    size_t at, struct hp_sifted *out)
{
    const hp_str text = spans->text;
    for (; at < spans->edges; at += 2) {
        uint32_t start = spans->edge[at], end = spans->edge[at + 1];
        uint64_t bytes = hp_word_bytes(text, start, end);
        unsigned stop = stops && hp_english_stop_head(bytes);
        unsigned may_be = hp_terms_may_be(terms, bytes);
        unsigned odd = text.ptr[start] == '_' || hp_word_possessive(text, start, end);
        out->edge[out->edges] = start;
        out->edge[out->edges + 1] = end;
        out->edges += (size_t)2 * ((stop ^ 1) & (may_be | odd));
        out->stops += stop;
    }
}

static void sift_plain(
    const struct hp_spans *spans, const struct hp_terms *terms, bool stops, struct hp_sifted *out)
{
    if (stops)
        sift_from(spans, terms, true, 0, out);
    else
        sift_from(spans, terms, false, 0, out);
}

#ifdef __x86_64__
enum { LANES = 8 };

// hp_word_bytes of eight words; each lane of `edges` is a start and, in its upper half, an end.
HP_AVX512 static inline __m512i word_bytes(const char *text, __m512i edges)
{
    const __m512i start = _mm512_and_si512(edges, _mm512_set1_epi64(0xffffffff));
    const __m512i bits =
        _mm512_slli_epi64(_mm512_sub_epi64(_mm512_srli_epi64(edges, 32), start), 3);
    const __m512i unused = _mm512_subs_epu16(_mm512_set1_epi64(64), // saturates: 64 bits at most
        _mm512_min_epu64(bits, _mm512_set1_epi64(64)));
    const __m512i bytes = _mm512_i64gather_epi64(start, text, 1);
    return _mm512_and_si512(_mm512_or_si512(bytes, _mm512_set1_epi8(0x20)),
        _mm512_srlv_epi64(_mm512_set1_epi64(-1), unused));
}

HP_AVX512 static inline __mmask8 are_stops(__m512i bytes)
{
    const __m512i factor = _mm512_set1_epi64((int64_t)HP_STOP_FACTOR);
    const __m512i slot = _mm512_srli_epi64(_mm512_mullo_epi64(bytes, factor), HP_STOP_SHIFT);
    return _mm512_cmpeq_epi64_mask(_mm512_i64gather_epi64(slot, hp_english_stops, 8), bytes);
}

// A table of hp_terms_pair.
struct pairs {
    __m512i low, high;
};

HP_AVX512 static inline struct pairs pairs_of(const uint64_t *table)
{
    return (struct pairs){ _mm512_loadu_si512(table), _mm512_loadu_si512(table + LANES) };
}

// Those whose two lowest bytes are in the table.
HP_AVX512 static inline __mmask8 are_in(struct pairs table, __m512i bytes)
{
    const __m512i first = _mm512_and_si512(bytes, _mm512_set1_epi64(31));
    const __m512i second =
        _mm512_and_si512(_mm512_srli_epi64(bytes, 3), _mm512_set1_epi64(31 << 5));
    const __m512i pair = _mm512_or_si512(first, second);
    const __m512i row =
        _mm512_permutex2var_epi64(table.low, _mm512_srli_epi64(pair, 6), table.high);
    const __m512i at = _mm512_srlv_epi64(row, _mm512_and_si512(pair, _mm512_set1_epi64(63)));
    return _mm512_test_epi64_mask(at, _mm512_set1_epi64(1));
}

HP_AVX512 static inline __mmask8 begin_with_low_line(__m512i bytes)
{
    const __m512i first = _mm512_and_si512(bytes, _mm512_set1_epi64(0xff));
    return _mm512_cmpeq_epi64_mask(first, _mm512_set1_epi64('_' | 0x20));
}

// Eight words at a time, while none of them is near the end of the text. Not where some word has an
// apostrophe: that is rare.
HP_AVX512 static void sift_avx512(
    const struct hp_spans *spans, const struct hp_terms *terms, bool stops, struct hp_sifted *out)
{
    const struct pairs head = pairs_of(terms->head), neck = pairs_of(terms->neck);
    size_t at = 0;
    for (; at + (size_t)2 * LANES <= spans->edges && !spans->joined; at += (size_t)2 * LANES) {
        if (spans->edge[at + 2 * LANES - 2] + HP_SHORT_WORD > spans->text.len)
            break;
        const __m512i edges = _mm512_loadu_si512(spans->edge + at);
        const __m512i bytes = word_bytes(spans->text.ptr, edges);
        __mmask8 stop = stops ? are_stops(bytes) : 0;
        __mmask8 kept = are_in(head, bytes) & are_in(neck, _mm512_srli_epi64(bytes, 16));
        kept |= begin_with_low_line(bytes);
        kept &= (__mmask8)~stop;
        _mm512_storeu_si512(out->edge + out->edges, _mm512_maskz_compress_epi64(kept, edges));
        out->edges += (size_t)2 * (unsigned)__builtin_popcount(kept);
        out->stops += (unsigned)__builtin_popcount(stop);
    }
    sift_from(spans, terms, stops, at, out);
}
#else
#define sift_avx512 sift_plain
#endif

void hp_sift(
    const struct hp_spans *spans, const struct hp_terms *terms, bool stops, struct hp_sifted *out)
{
    out->stops = out->edges = 0;
    if (hp_cpu() >= HP_CPU_AVX512)
        sift_avx512(spans, terms, stops, out);
    else
        sift_plain(spans, terms, stops, out);
}
