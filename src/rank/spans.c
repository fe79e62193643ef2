// spans.c -- every byte has a class; a block of 64 is one bit mask a class. A word is a run of
// letters, digits and low lines, and of the marks that UAX #29 lets join their neighbours: . : '
// between letters, . , ; ' between digits (WB6, WB7, WB11, WB12).
#include "rank/spans.h"

#include "hotpathd/cpu.h"

enum class {
    LETTER_LOW = 1,  // @ and behind: 41 to 4F, 61 to 6F
    LETTER_HIGH = 2, // 50 to 5A, 70 to 7A
    DIGIT = 4,
    LOW_LINE = 8,
    MID_BOTH = 16,   // . '
    MID_LETTER = 32, // :
    MID_COMMA = 64,
    MID_SEMICOLON = 128,
    LETTER = LETTER_LOW | LETTER_HIGH,
    MID_NUMBER = MID_COMMA | MID_SEMICOLON
};

// A class is what the rows of both halves of a byte have in common.
static const uint8_t by_low[16] = {
    DIGIT | LETTER_HIGH,
    DIGIT | LETTER,
    DIGIT | LETTER,
    DIGIT | LETTER,
    DIGIT | LETTER,
    DIGIT | LETTER,
    DIGIT | LETTER,
    DIGIT | LETTER | MID_BOTH,
    DIGIT | LETTER,
    DIGIT | LETTER,
    LETTER | MID_LETTER,
    LETTER_LOW | MID_SEMICOLON,
    LETTER_LOW | MID_COMMA,
    LETTER_LOW,
    LETTER_LOW | MID_BOTH,
    LETTER_LOW | LOW_LINE,
};

static const uint8_t by_high[16] = {
    [2] = MID_BOTH | MID_COMMA,
    [3] = DIGIT | MID_LETTER | MID_SEMICOLON,
    [4] = LETTER_LOW,
    [5] = LETTER_HIGH | LOW_LINE,
    [6] = LETTER_LOW,
    [7] = LETTER_HIGH,
};

static uint8_t class_of(unsigned char c)
{
    return by_low[c & 15] & by_high[c >> 4];
}

// One bit a byte, the first lowest.
struct masks {
    uint64_t letter, digit, low_line, both, colon, number, quote, high;
};

// What the neighbour of a block is, as bits of `before`.
enum { IS_LETTER = 1, IS_DIGIT = 2, IS_WORD = 4, IS_HIGH = 8 };

static uint64_t neighbour(unsigned char c)
{
    uint8_t class = class_of(c);
    return (class & LETTER ? IS_LETTER : 0) | (class & DIGIT ? IS_DIGIT : 0) |
           (class & (LETTER | DIGIT | LOW_LINE) ? IS_WORD : 0) | (c >= 0x80 ? IS_HIGH : 0);
}

static inline uint64_t bit(uint64_t flags, unsigned flag)
{
    return (flags & flag) != 0;
}

// Both neighbours are in `mask`, which goes on before and behind the block as told.
static inline uint64_t between(uint64_t mask, uint64_t before, uint64_t behind)
{
    return (mask << 1 | before) & (mask >> 1 | behind << 63);
}

// --- from masks to spans -------------------------------------------------------------------------

static inline uint64_t word_bytes(const struct masks *m)
{
    return m->letter | m->digit | m->low_line;
}

static uint64_t joining(const struct masks *m, uint64_t before, uint64_t behind)
{
    uint64_t letters = between(m->letter, bit(before, IS_LETTER), bit(behind, IS_LETTER));
    uint64_t digits = between(m->digit, bit(before, IS_DIGIT), bit(behind, IS_DIGIT));
    return (letters & (m->both | m->colon)) | (digits & (m->both | m->number));
}

// Beside a byte beyond ASCII any mark may join: split.c will tell.
static uint64_t maybe_joining(const struct masks *m, uint64_t before, uint64_t behind)
{
    uint64_t any = word_bytes(m) | m->high;
    uint64_t beside =
        (m->high << 1 | bit(before, IS_HIGH)) | (m->high >> 1 | bit(behind, IS_HIGH) << 63);
    uint64_t inside = between(any, bit(before, IS_WORD | IS_HIGH), bit(behind, IS_WORD | IS_HIGH));
    return inside & beside & (m->both | m->colon | m->number | m->quote);
}

static void close_run(struct hp_spans *spans, uint32_t end)
{
    if (spans->open_foreign) {
        spans->foreign[2 * spans->foreigns] = spans->open_start;
        spans->foreign[2 * spans->foreigns + 1] = end;
        spans->foreigns++;
    } else {
        spans->edge[spans->edges++] = spans->open_start;
        spans->edge[spans->edges++] = end;
    }
    spans->open = spans->open_foreign = false;
}

static uint64_t behind_bit(unsigned at)
{
    return at >= 64 ? 0 : ~UINT64_C(0) << at;
}

// A block in which some runs may be foreign: one edge at a time.
static void put_mixed(struct hp_spans *spans, uint64_t run, uint64_t high, uint32_t base)
{
    uint64_t edges = run ^ (run << 1 | (spans->open ? 1 : 0));
    unsigned from = 0; // where the open run starts in this block
    for (; edges; edges &= edges - 1) {
        unsigned at = (unsigned)__builtin_ctzll(edges);
        if (spans->open) {
            if (high & behind_bit(from) & ~behind_bit(at))
                spans->open_foreign = true;
            close_run(spans, base + at);
        } else {
            spans->open = true;
            spans->open_start = base + at;
            from = at;
        }
    }
    if (spans->open && high & behind_bit(from))
        spans->open_foreign = true;
}

static inline void put_edges_plain(uint32_t *to, uint64_t edges, uint32_t base)
{
    for (; edges; edges &= edges - 1)
        *to++ = base + (uint32_t)__builtin_ctzll(edges);
}

// A block of ASCII alone: all its edges at once. An open run's start stands last, as in a word
// that is not finished.
static inline void put_ascii(struct hp_spans *spans, uint64_t run, uint32_t base,
    void (*put_edges)(uint32_t *to, uint64_t edges, uint32_t base))
{
    uint64_t edges = run ^ (run << 1 | (spans->open ? 1 : 0));
    uint32_t *to = spans->edge + spans->edges;
    if (spans->open)
        *to++ = spans->open_start;
    put_edges(to, edges, base);
    to += __builtin_popcountll(edges);
    spans->open = run >> 63;
    if (spans->open)
        spans->open_start = *--to;
    spans->edges = (size_t)(to - spans->edge);
}

static inline void put_block(struct hp_spans *spans, const struct masks *m,
    void (*put_edges)(uint32_t *to, uint64_t edges, uint32_t base))
{
    size_t next = spans->at + HP_SPANS_BLOCK;
    uint64_t behind = next < spans->text.len ? neighbour((unsigned char)spans->text.ptr[next]) : 0;
    uint64_t run = word_bytes(m);
    if (m->both | m->colon | m->number)
        run |= joining(m, spans->before, behind);
    if (m->high || spans->open_foreign || (behind & IS_HIGH) || (spans->before & IS_HIGH))
        put_mixed(spans, run | m->high | maybe_joining(m, spans->before, behind), m->high,
            (uint32_t)spans->at);
    else
        put_ascii(spans, run, (uint32_t)spans->at, put_edges);
    spans->before = (m->letter >> 63 ? IS_LETTER : 0) | (m->digit >> 63 ? IS_DIGIT : 0) |
                    (word_bytes(m) >> 63 ? IS_WORD : 0) | (m->high >> 63 ? IS_HIGH : 0);
    spans->at = next;
}

// --- from bytes to masks -------------------------------------------------------------------------

static inline void classify_plain(const char *block, struct masks *m)
{
    *m = (struct masks){ 0 };
    for (unsigned i = 0; i < HP_SPANS_BLOCK; i++) {
        unsigned char c = (unsigned char)block[i];
        uint8_t class = class_of(c);
        m->letter |= (uint64_t)((class & LETTER) != 0) << i;
        m->digit |= (uint64_t)((class & DIGIT) != 0) << i;
        m->low_line |= (uint64_t)((class & LOW_LINE) != 0) << i;
        m->both |= (uint64_t)((class & MID_BOTH) != 0) << i;
        m->colon |= (uint64_t)((class & MID_LETTER) != 0) << i;
        m->number |= (uint64_t)((class & MID_NUMBER) != 0) << i;
        m->quote |= (uint64_t)(c == '"') << i;
        m->high |= (uint64_t)(c >> 7) << i;
    }
}

// The last block is filled up with bytes that are nothing.
static inline const char *block_at(const struct hp_spans *spans, char spare[HP_SPANS_BLOCK])
{
    size_t left = spans->text.len - spans->at;
    if (left >= HP_SPANS_BLOCK)
        return spans->text.ptr + spans->at;
    memset(spare, 0, HP_SPANS_BLOCK);
    memcpy(spare, spans->text.ptr + spans->at, left);
    return spare;
}

static inline bool has_room(const struct hp_spans *spans)
{
    return spans->edges < HP_EDGES_MAX - 2 && spans->foreigns < HP_FOREIGN_MAX;
}

// One loop for each kind of machine: the way to masks, and the way from a mask to numbers.
#define LOOP(classify, put_edges)                                                                  \
    char spare[HP_SPANS_BLOCK];                                                                    \
    struct masks m;                                                                                \
    while (spans->at < spans->text.len && has_room(spans)) {                                       \
        classify(block_at(spans, spare), &m);                                                      \
        put_block(spans, &m, put_edges);                                                           \
    }

static void scan_plain(struct hp_spans *spans){ LOOP(classify_plain, put_edges_plain) }

#ifdef __x86_64__
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define AVX512                                                                                     \
    __attribute__((                                                                                \
        target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt")))

AVX2 static inline __m256i classes(__m256i bytes)
{
    const __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)by_low));
    const __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)by_high));
    const __m256i half = _mm256_set1_epi8(15);
    return _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(bytes, half)),
        _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half)));
}

// The bytes of both halves that have one of `flags`.
AVX2 static inline uint64_t having(__m256i first, __m256i second, int flags)
{
    const __m256i wanted = _mm256_set1_epi8((char)flags), none = _mm256_setzero_si256();
    uint32_t a =
        (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_and_si256(first, wanted), none));
    uint32_t b =
        (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_and_si256(second, wanted), none));
    return ~((uint64_t)b << 32 | a);
}

AVX2 static inline void classify_avx2(const char *block, struct masks *m)
{
    const __m256i first = _mm256_loadu_si256((const __m256i *)block);
    const __m256i second = _mm256_loadu_si256((const __m256i *)(block + 32));
    const __m256i a = classes(first), b = classes(second), quote = _mm256_set1_epi8('"');
    *m = (struct masks){ .letter = having(a, b, LETTER),
        .digit = having(a, b, DIGIT),
        .low_line = having(a, b, LOW_LINE),
        .both = having(a, b, MID_BOTH),
        .colon = having(a, b, MID_LETTER),
        .number = having(a, b, MID_NUMBER),
        .quote = (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(second, quote)) << 32 |
                 (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(first, quote)),
        .high = (uint64_t)(uint32_t)_mm256_movemask_epi8(second) << 32 |
                (uint32_t)_mm256_movemask_epi8(first) };
}

AVX2 static void scan_avx2(struct hp_spans *spans){ LOOP(classify_avx2, put_edges_plain) }

AVX512 static inline void classify_avx512(const char *block, struct masks *m)
{
    const __m512i bytes = _mm512_loadu_si512(block), half = _mm512_set1_epi8(15);
    const __m512i low = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)by_low));
    const __m512i high = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)by_high));
    const __m512i class = _mm512_and_si512(_mm512_shuffle_epi8(low, _mm512_and_si512(bytes, half)),
        _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), half)));
    *m = (struct masks){ .letter = _mm512_test_epi8_mask(class, _mm512_set1_epi8(LETTER)),
        .digit = _mm512_test_epi8_mask(class, _mm512_set1_epi8(DIGIT)),
        .low_line = _mm512_test_epi8_mask(class, _mm512_set1_epi8(LOW_LINE)),
        .both = _mm512_test_epi8_mask(class, _mm512_set1_epi8(MID_BOTH)),
        .colon = _mm512_test_epi8_mask(class, _mm512_set1_epi8(MID_LETTER)),
        .number = _mm512_test_epi8_mask(class, _mm512_set1_epi8((char)MID_NUMBER)),
        .quote = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"')),
        .high = _mm512_movepi8_mask(bytes) };
}

static const uint8_t places[64] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
    18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
    42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63 };

// Writes up to 15 numbers behind the last: the arrays have room for a block more.
AVX512 static inline void put_edges_avx512(uint32_t *to, uint64_t edges, uint32_t base)
{
    const __m512i at = _mm512_maskz_compress_epi8(edges, _mm512_loadu_si512(places));
    const __m512i from = _mm512_set1_epi32((int)base);
    int left = __builtin_popcountll(edges);
    _mm512_storeu_si512(
        to, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(at))));
    if (left <= 16)
        return;
    _mm512_storeu_si512(
        to + 16, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(at, 1))));
    if (left <= 32)
        return;
    _mm512_storeu_si512(
        to + 32, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(at, 2))));
    _mm512_storeu_si512(
        to + 48, _mm512_add_epi32(from, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(at, 3))));
}

AVX512 static void scan_avx512(struct hp_spans *spans)
{
    LOOP(classify_avx512, put_edges_avx512)
}

static void scan(struct hp_spans *spans)
{
    static void (*const by_cpu[])(struct hp_spans *) = {
        [HP_CPU_BASELINE] = scan_plain, [HP_CPU_AVX2] = scan_avx2, [HP_CPU_AVX512] = scan_avx512
    };
    by_cpu[hp_cpu()](spans);
}
#else
static void scan(struct hp_spans *spans)
{
    scan_plain(spans);
}
#endif

// --- the whole -----------------------------------------------------------------------------------

void hp_spans_begin(struct hp_spans *spans, hp_str text)
{
    spans->text = text;
    spans->at = 0;
    spans->open = spans->open_foreign = false;
    spans->before = 0;
}

bool hp_spans_next(struct hp_spans *spans)
{
    spans->edges = spans->foreigns = 0;
    if (spans->at >= spans->text.len)
        return false;
    scan(spans);
    if (spans->at >= spans->text.len && spans->open)
        close_run(spans, (uint32_t)spans->text.len);
    return true;
}
