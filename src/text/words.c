// words.c -- keys, hashes and slots of words: one after the other, or eight side by side.
#include "text/words.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"

enum { BITS = 64 };

// --- one after the other -------------------------------------------------------------------------

#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t ask_each(struct hp_words *words, const struct hp_vocab *vocab, const char *window,
    uint32_t at, uint64_t borders)
{
    const struct hp_vocab v = *vocab; // what is written below does not change it
    struct hp_word *key = words->key + words->count;
    uint32_t *behind = words->behind + words->count, *place = words->at + words->count;
    uint64_t longer = 0;
    unsigned from = 0;
    for (uint64_t rest = borders & (borders - 1); rest; rest &= rest - 1) {
        unsigned to = (unsigned)__builtin_ctzll(rest), len = to - from;
        if (len <= HP_WORD_SHORT) {
            *key = hp_word_key_near(window + from, len);
            *behind = hp_word_slot_of(&v, hp_word_hash_short(*key)) * (uint32_t)sizeof *key;
            __builtin_prefetch((const char *)v.word + *behind);
            *place = at + from;
            key++, behind++, place++;
        } else {
            longer |= (uint64_t)1 << from;
        }
        from = to;
    }
    words->count = (size_t)(key - words->key);
    return longer;
}

static const char *slot_of(const struct hp_words *words, const struct hp_vocab *vocab, size_t i)
{
    return (const char *)vocab->word + words->behind[i];
}

static inline size_t end_of(const struct hp_words *words, size_t from)
{
    return words->count - from < BITS ? words->count : from + BITS;
}

static uint64_t ask_plain(struct hp_words *words, const struct hp_vocab *vocab, const char *window,
    uint32_t at, uint64_t borders)
{
    return ask_each(words, vocab, window, at, borders);
}

static uint64_t unknown_plain(struct hp_words *words, const struct hp_vocab *vocab, size_t from)
{
    uint64_t unknown = 0;
    for (size_t i = from; i < end_of(words, from); i++) {
        bool known = memcmp(slot_of(words, vocab, i), &words->key[i], sizeof words->key[i]) == 0;
        unknown |= (uint64_t)!known << (i - from);
    }
    return unknown;
}

#ifdef __x86_64__
HP_AVX2 static uint64_t ask_avx2(struct hp_words *words, const struct hp_vocab *vocab,
    const char *window, uint32_t at, uint64_t borders)
{
    return ask_each(words, vocab, window, at, borders);
}

// A bit for each half of two words that is the same in their slots.
HP_AVX2 static inline uint64_t two_known(
    const struct hp_words *words, const struct hp_vocab *vocab, size_t i)
{
    __m256i slots =
        _mm256_inserti128_si256(_mm256_castsi128_si256(hp_load128(slot_of(words, vocab, i))),
            hp_load128(slot_of(words, vocab, i + 1)), 1);
    __m256i same = _mm256_cmpeq_epi64(slots, hp_load256(&words->key[i]));
    return (uint64_t)_mm256_movemask_pd(_mm256_castsi256_pd(same));
}

// The words of 32, or as many as there are, that are not in their slots, by the halves that are.
HP_AVX2 static inline uint64_t not_both(uint64_t known, size_t count)
{
    uint64_t both = _pext_u64(known & known >> 1, 0x5555555555555555);
    return ~both & UINT64_MAX >> (BITS - count);
}

enum { TOGETHER = 32 }; // words, whose halves are 64 bits

// What is looked at together with the last word is the first slot.
static void pad(struct hp_words *words)
{
    memset(words->behind + words->count, 0, 4 * sizeof *words->behind);
}

// `known` says it of `step` words at a time, two bits each.
INLINE uint64_t unknown_by(
    uint64_t (*known)(const struct hp_words *words, const struct hp_vocab *vocab, size_t i),
    size_t step, struct hp_words *words, const struct hp_vocab *vocab, size_t from)
{
    size_t end = end_of(words, from);
    uint64_t unknown = 0;
    pad(words);
    for (size_t start = from; start < end; start += TOGETHER) {
        size_t count = end - start < TOGETHER ? end - start : TOGETHER;
        uint64_t halves = 0;
        for (size_t i = 0; i < count; i += step)
            halves |= known(words, vocab, start + i) << 2 * i;
        unknown |= not_both(halves, count) << (start - from);
    }
    return unknown;
}

HP_AVX2 static uint64_t unknown_avx2(
    struct hp_words *words, const struct hp_vocab *vocab, size_t from)
{
    return unknown_by(two_known, 2, words, vocab, from);
}

// --- eight side by side --------------------------------------------------------------------------

enum { WORDS = 8 };

#define ONES 0x0101010101010101

// hp_word_hash_short of each: the product of two words of 64 bits from those of their halves.
HP_AVX512 static inline __m512i hash_of(__m512i low, __m512i high)
{
    const __m512i half = _mm512_set1_epi64(UINT32_MAX);
    __m512i x = _mm512_xor_si512(low, _mm512_set1_epi64((long long)HP_HASH_LOW));
    __m512i y = _mm512_xor_si512(high, _mm512_set1_epi64((long long)HP_HASH_HIGH));
    __m512i x_up = _mm512_srli_epi64(x, 32), y_up = _mm512_srli_epi64(y, 32);
    __m512i lowest = _mm512_mul_epu32(x, y);
    __m512i middle = _mm512_add_epi64(_mm512_mul_epu32(x_up, y), _mm512_srli_epi64(lowest, 32));
    __m512i other = _mm512_add_epi64(_mm512_mul_epu32(x, y_up), _mm512_and_si512(middle, half));
    __m512i upper = _mm512_add_epi64(_mm512_mul_epu32(x_up, y_up),
        _mm512_add_epi64(_mm512_srli_epi64(middle, 32), _mm512_srli_epi64(other, 32)));
    __m512i lower = _mm512_mask_mov_epi32(_mm512_slli_epi64(other, 32), 0x5555, lowest);
    return _mm512_xor_si512(lower, upper);
}

// hp_word_slot_of each. A pilot is fetched with three bytes behind it: the array is not the last.
HP_AVX512 static inline __m256i slots_of(const struct hp_vocab *vocab, __m512i hash)
{
    __m256i lower = _mm512_cvtepi64_epi32(hash);
    __m256i upper = _mm512_cvtepi64_epi32(_mm512_srli_epi64(hash, 32));
    __m256i bucket = _mm256_srl_epi32(lower, _mm_cvtsi32_si128((int)vocab->word_shift));
    __m256i pilot = _mm256_and_si256(
        _mm256_i32gather_epi32((const int *)(const void *)vocab->word_pilot, bucket, 1),
        _mm256_set1_epi32(0xff));
    __m256i step = _mm256_mullo_epi32(pilot, _mm256_or_si256(lower, _mm256_set1_epi32(1)));
    return _mm256_and_si256(
        _mm256_add_epi32(upper, step), _mm256_set1_epi32((int)vocab->word_mask));
}

// Of the words that begin at `place`, each in the eight bytes of its lane, as `len`.
HP_AVX512 static inline void ask_eight(struct hp_words *words, const struct hp_vocab *vocab,
    const __m512i window[2], __m512i place, __m512i len, size_t to)
{
    const __m512i byte = _mm512_set1_epi64(0x0706050403020100);
    const __m512i behind = _mm512_add_epi8(byte, _mm512_set1_epi8(WORDS));
    __mmask64 in_low = _mm512_cmplt_epu8_mask(byte, len);
    __mmask64 in_high = _mm512_cmplt_epu8_mask(behind, len);
    __m512i low =
        _mm512_maskz_permutex2var_epi8(in_low, window[0], _mm512_add_epi8(place, byte), window[1]);
    __m512i high = _mm512_maskz_permutex2var_epi8(
        in_high, window[0], _mm512_add_epi8(place, behind), window[1]);
    high = _mm512_mask_mov_epi8(high, 0x8080808080808080, len);
    __m256i behind_word = _mm256_slli_epi32(slots_of(vocab, hash_of(low, high)), 4);
    const __m512i first = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
    const __m512i last = _mm512_add_epi64(first, _mm512_set1_epi64(4));
    _mm512_storeu_si512(words->key + to, _mm512_permutex2var_epi64(low, first, high));
    _mm512_storeu_si512(words->key + to + 4, _mm512_permutex2var_epi64(low, last, high));
    _mm256_storeu_si256((__m256i *)(void *)(words->behind + to), behind_word);
#pragma GCC unroll 8
    for (size_t i = to; i < to + WORDS; i++)
        __builtin_prefetch(slot_of(words, vocab, i));
}

HP_AVX512 static uint64_t ask_avx512(struct hp_words *words, const struct hp_vocab *vocab,
    const char *window, uint32_t at, uint64_t borders)
{
    const __m512i eighth = _mm512_set_epi64(
        7 * ONES, 6 * ONES, 5 * ONES, 4 * ONES, 3 * ONES, 2 * ONES, ONES, 0); // of each byte
    const __m512i number =
        _mm512_add_epi8(_mm512_slli_epi64(eighth, 3), _mm512_set1_epi64(0x0706050403020100));
    const __m512i bytes[2] = { _mm512_loadu_si512(window),
        _mm512_castsi256_si512(hp_load256(window + HP_WINDOW)) };
    __m512i place = _mm512_maskz_compress_epi8(borders, number);
    __m512i next = _mm512_maskz_compress_epi8(borders & (borders - 1), number);
    __m512i len = _mm512_sub_epi8(next, place);
    uint64_t all = ((uint64_t)1 << (__builtin_popcountll(borders) - 1)) - 1;
    uint64_t near = all & _mm512_cmple_epu8_mask(len, _mm512_set1_epi8(HP_WORD_SHORT));
    place = _mm512_maskz_compress_epi8(near, place);
    len = _mm512_maskz_compress_epi8(near, len);
    size_t count = (size_t)__builtin_popcountll(near), to = words->count;
    for (size_t i = 0; i < count; i += WORDS) {
        __m512i which = _mm512_add_epi8(eighth, _mm512_set1_epi8((char)i));
        __m512i places = _mm512_permutexvar_epi8(which, place);
        __m256i place_of = _mm256_and_si256(_mm512_cvtepi64_epi32(places), _mm256_set1_epi32(0xff));
        ask_eight(words, vocab, bytes, places, _mm512_permutexvar_epi8(which, len), to + i);
        _mm256_storeu_si256((__m256i *)(void *)(words->at + to + i),
            _mm256_add_epi32(place_of, _mm256_set1_epi32((int)at)));
    }
    words->count = to + count;
    return _pdep_u64(all & ~near, borders);
}

// A bit for each half of four words that is the same in their slots.
HP_AVX512 static inline uint64_t four_known(
    const struct hp_words *words, const struct hp_vocab *vocab, size_t i)
{
    __m512i slots = _mm512_castsi128_si512(hp_load128(slot_of(words, vocab, i)));
    slots = _mm512_inserti64x2(slots, hp_load128(slot_of(words, vocab, i + 1)), 1);
    slots = _mm512_inserti64x2(slots, hp_load128(slot_of(words, vocab, i + 2)), 2);
    slots = _mm512_inserti64x2(slots, hp_load128(slot_of(words, vocab, i + 3)), 3);
    return _mm512_cmpeq_epi64_mask(slots, _mm512_loadu_si512(&words->key[i]));
}

HP_AVX512 static uint64_t unknown_avx512(
    struct hp_words *words, const struct hp_vocab *vocab, size_t from)
{
    return unknown_by(four_known, 4, words, vocab, from);
}
#endif

const struct hp_words_how *hp_words_best(void)
{
    static const struct hp_words_how how[] = {
        [HP_CPU_BASELINE] = { ask_plain, unknown_plain },
#ifdef __x86_64__
        [HP_CPU_AVX2] = { ask_avx2, unknown_avx2 },
        [HP_CPU_AVX512] = { ask_avx512, unknown_avx512 },
#endif
    };
    return &how[hp_cpu()];
}
