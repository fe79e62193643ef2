// lanes.h -- 16, 32 or 64 bytes side by side in a register, and what every search among them is
// made of: a load, comparisons, and a mask with one bit a byte, the first byte lowest. SSE2 is
// there always; HP_AVX2 and HP_AVX512 mark functions that may be called from that level of hp_cpu()
// on.
#pragma once

#ifdef __x86_64__
#include <immintrin.h>
#include <stdint.h>

// As hotpathd/cpu.h says what the levels hold.
#define HP_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define HP_AVX512                                                                                  \
    __attribute__((                                                                                \
        target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt")))

// --- 16 bytes ------------------------------------------------------------------------------------

static inline __m128i hp_load128(const void *from)
{
    return _mm_loadu_si128(from);
}

static inline __m128i hp_equal128(__m128i bytes, int byte)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)byte));
}

// Bytes of at most `most`, as all comparisons here without a sign.
static inline __m128i hp_upto128(__m128i bytes, int most)
{
    return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8((char)most)), bytes);
}

static inline uint32_t hp_mask128(__m128i bytes)
{
    return (uint32_t)_mm_movemask_epi8(bytes);
}

// --- 32 bytes ------------------------------------------------------------------------------------

HP_AVX2 static inline __m256i hp_load256(const void *from)
{
    return _mm256_loadu_si256(from);
}

HP_AVX2 static inline __m256i hp_equal256(__m256i bytes, int byte)
{
    return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8((char)byte));
}

HP_AVX2 static inline __m256i hp_upto256(__m256i bytes, int most)
{
    return _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8((char)most)), bytes);
}

// Bytes from `least` to `most`. The registers compare with a sign: both sides move to the bottom.
HP_AVX2 static inline __m256i hp_within256(__m256i bytes, int least, int most)
{
    const __m256i moved = _mm256_sub_epi8(bytes, _mm256_set1_epi8((char)(least - 128)));
    return _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(most - least + 1 - 128)), moved);
}

HP_AVX2 static inline uint32_t hp_mask256(__m256i bytes)
{
    return (uint32_t)_mm256_movemask_epi8(bytes);
}

// A row of 16, twice: a shuffle looks up within each half of the register.
HP_AVX2 static inline __m256i hp_row256(const uint8_t row[16])
{
    return _mm256_broadcastsi128_si256(hp_load128(row));
}

HP_AVX2 static inline __m256i hp_low_halves256(__m256i bytes)
{
    return _mm256_and_si256(bytes, _mm256_set1_epi8(0x0f));
}

HP_AVX2 static inline __m256i hp_high_halves256(__m256i bytes)
{
    return hp_low_halves256(_mm256_srli_epi16(bytes, 4));
}

// The bits that the rows of both halves of a byte have in common (W. Mula, "SIMD byte lookup").
HP_AVX2 static inline __m256i hp_classes256(
    __m256i bytes, const uint8_t by_high[16], const uint8_t by_low[16])
{
    return _mm256_and_si256(_mm256_shuffle_epi8(hp_row256(by_high), hp_high_halves256(bytes)),
        _mm256_shuffle_epi8(hp_row256(by_low), hp_low_halves256(bytes)));
}

// --- 64 bytes, in two registers ------------------------------------------------------------------

HP_AVX2 static inline uint64_t hp_mask256x2(__m256i first, __m256i second)
{
    return (uint64_t)hp_mask256(second) << 32 | hp_mask256(first);
}

HP_AVX2 static inline uint64_t hp_equal256x2(__m256i first, __m256i second, int byte)
{
    return hp_mask256x2(hp_equal256(first, byte), hp_equal256(second, byte));
}

HP_AVX2 static inline uint64_t hp_within256x2(__m256i first, __m256i second, int least, int most)
{
    return hp_mask256x2(hp_within256(first, least, most), hp_within256(second, least, most));
}

// --- 64 bytes, in one ----------------------------------------------------------------------------

HP_AVX512 static inline uint64_t hp_equal512(__m512i bytes, int byte)
{
    return _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8((char)byte));
}

HP_AVX512 static inline uint64_t hp_within512(__m512i bytes, int least, int most)
{
    const __m512i moved = _mm512_sub_epi8(bytes, _mm512_set1_epi8((char)least));
    return _mm512_cmple_epu8_mask(moved, _mm512_set1_epi8((char)(most - least)));
}

HP_AVX512 static inline __m512i hp_row512(const uint8_t row[16])
{
    return _mm512_broadcast_i32x4(hp_load128(row));
}

HP_AVX512 static inline __m512i hp_low_halves512(__m512i bytes)
{
    return _mm512_and_si512(bytes, _mm512_set1_epi8(0x0f));
}

// As hp_classes256.
HP_AVX512 static inline __m512i hp_classes512(
    __m512i bytes, const uint8_t by_high[16], const uint8_t by_low[16])
{
    __m512i high = hp_low_halves512(_mm512_srli_epi16(bytes, 4));
    return _mm512_and_si512(_mm512_shuffle_epi8(hp_row512(by_high), high),
        _mm512_shuffle_epi8(hp_row512(by_low), hp_low_halves512(bytes)));
}
#endif
