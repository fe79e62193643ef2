// spans.c -- every byte has a class; a block of 64 is one bit mask a class. A word is a run of
// letters, digits and low lines, and of the marks that UAX #29 lets join their neighbours: . : '
// between letters, . , ; ' between digits (WB6, WB7, WB11, WB12).
#include "rank/spans.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"

// Into each of the loops below, for the instructions of its machine.
#define INLINE static inline __attribute__((always_inline))

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
    uint64_t e2, x80, third; // of punctuation: E2 80, and what may stand behind it
    uint64_t c2, second;     // C2, and what may stand behind it
};

// The third byte of punctuation behind E2 80.
static bool is_third(unsigned char c)
{
    return c - 0x90u < 8 || c - 0x9au < 10 || c == 0xa6;
}

// What the neighbour of a block is, as bits of `before`.
enum { IS_LETTER = 1, IS_DIGIT = 2, IS_WORD = 4, IS_HIGH = 8 };

INLINE uint64_t neighbour(unsigned char c)
{
    uint8_t class = class_of(c);
    return (class & LETTER ? IS_LETTER : 0) | (class & DIGIT ? IS_DIGIT : 0) |
           (class & (LETTER | DIGIT | LOW_LINE) ? IS_WORD : 0) | (c >= 0x80 ? IS_HIGH : 0);
}

INLINE uint64_t bit(uint64_t flags, unsigned flag)
{
    return (flags & flag) != 0;
}

// Both neighbours are in `mask`, which goes on before and behind the block as told.
INLINE uint64_t between(uint64_t mask, uint64_t before, uint64_t behind)
{
    return (mask << 1 | before) & (mask >> 1 | behind << 63);
}

// --- from masks to spans -------------------------------------------------------------------------

INLINE uint64_t word_bytes(const struct masks *m)
{
    return m->letter | m->digit | m->low_line;
}

INLINE uint64_t joining(const struct masks *m, uint64_t before, uint64_t behind)
{
    uint64_t letters = between(m->letter, bit(before, IS_LETTER), bit(behind, IS_LETTER));
    uint64_t digits = between(m->digit, bit(before, IS_DIGIT), bit(behind, IS_DIGIT));
    return (letters & (m->both | m->colon)) | (digits & (m->both | m->number));
}

// Beside a byte beyond ASCII any mark may join: split.c will tell.
INLINE uint64_t maybe_joining(const struct masks *m, uint64_t before, uint64_t behind)
{
    uint64_t any = word_bytes(m) | m->high;
    uint64_t beside =
        (m->high << 1 | bit(before, IS_HIGH)) | (m->high >> 1 | bit(behind, IS_HIGH) << 63);
    uint64_t inside = between(any, bit(before, IS_WORD | IS_HIGH), bit(behind, IS_WORD | IS_HIGH));
    uint64_t after = m->high << 1 | bit(before, IS_HIGH); // Hebrew keeps one at its end (WB7a)
    return (inside & beside & (m->both | m->colon | m->number | m->quote)) | (after & m->both);
}

// Dashes, quotes and the like that part words as an ASCII blank does (U+2010 to U+2017, U+201A to
// U+2023, U+2026; U+00A0, U+00AB, U+00BB): UAX #29 has no other rule for them. One that the block
// cuts stays foreign.
INLINE uint64_t punctuation(const struct masks *m)
{
    uint64_t three = m->e2 & m->x80 >> 1 & m->third >> 2, two = m->c2 & m->second >> 1;
    return three | three << 1 | three << 2 | two | two << 1;
}

// The same of what begins at `at`.
static bool is_punctuation(hp_str text, size_t at)
{
    const unsigned char *s = (const unsigned char *)text.ptr + at;
    size_t left = text.len - at;
    if (left > 1 && s[0] == 0xc2)
        return s[1] == 0xa0 || s[1] == 0xab || s[1] == 0xbb;
    return left > 2 && s[0] == 0xe2 && s[1] == 0x80 && is_third(s[2]);
}

// What stands behind a block: a mark that ends it joins nothing where that is punctuation.
INLINE uint64_t neighbour_at(hp_str text, size_t at)
{
    if (at >= text.len)
        return 0;
    uint64_t flags = neighbour((unsigned char)text.ptr[at]);
    return flags & IS_HIGH && is_punctuation(text, at) ? 0 : flags;
}

static void put_foreign(struct hp_spans *spans, uint32_t start, uint32_t end)
{
    spans->foreign[2 * spans->foreigns] = start;
    spans->foreign[2 * spans->foreigns + 1] = end;
    spans->foreigns++;
}

static void close_run(struct hp_spans *spans, uint32_t end)
{
    if (spans->open_foreign) {
        put_foreign(spans, spans->open_start, end);
    } else {
        spans->edge[spans->edges++] = spans->open_start;
        spans->edge[spans->edges++] = end;
    }
    spans->open = spans->open_foreign = false;
}

// The runs of `run` that hold a bit of `seed`: it spreads as far as they go, in steps that double.
INLINE uint64_t runs_with(uint64_t seed, uint64_t run)
{
    uint64_t up = run, down = run;
    for (unsigned step = 1; step < 64; step *= 2) {
        seed |= (up & seed << step) | (down & seed >> step);
        up &= up << step;
        down &= down >> step;
    }
    return seed;
}

// Bits of the run that begins with the lowest.
INLINE unsigned run_length(uint64_t run)
{
    return ~run ? (unsigned)__builtin_ctzll(~run) : 64;
}

INLINE uint64_t without_first(uint64_t mask, unsigned bits)
{
    return bits < 64 ? mask >> bits << bits : 0;
}

INLINE void put_edges_plain(uint32_t *to, uint64_t edges, uint32_t base)
{
    for (; edges; edges &= edges - 1)
        *to++ = base + (uint32_t)__builtin_ctzll(edges);
}

// A block of ASCII alone: all its edges at once. An open run's start stands last, as in a word
// that is not finished.
INLINE void put_ascii(struct hp_spans *spans, uint64_t run, uint32_t base,
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

// The run that was open is foreign, or turns out to be.
static unsigned end_foreign(struct hp_spans *spans, uint64_t run, uint32_t base)
{
    unsigned len = run_length(run);
    spans->open_foreign = true;
    if (len < 64)
        close_run(spans, base + len);
    return len;
}

// A block in which some runs may be foreign.
INLINE void put_mixed(struct hp_spans *spans, uint64_t run, uint64_t high, uint32_t base,
    void (*put_edges)(uint32_t *to, uint64_t edges, uint32_t base))
{
    uint64_t foreign = runs_with(high, run);
    if (spans->open && (spans->open_foreign || (foreign & 1))) {
        unsigned len = end_foreign(spans, run, base);
        run = without_first(run, len);
        foreign = without_first(foreign, len);
        if (spans->open)
            return;
    }
    put_ascii(spans, run & ~foreign, base, put_edges);
    while (foreign) {
        unsigned start = (unsigned)__builtin_ctzll(foreign);
        unsigned end = start + run_length(foreign >> start);
        if (end == 64) {
            spans->open = spans->open_foreign = true;
            spans->open_start = base + start;
            return;
        }
        put_foreign(spans, base + start, base + end);
        foreign = without_first(foreign, end);
    }
}

INLINE void put_block(struct hp_spans *spans, struct masks *m,
    void (*put_edges)(uint32_t *to, uint64_t edges, uint32_t base))
{
    size_t next = spans->at + HP_SPANS_BLOCK;
    uint64_t behind = neighbour_at(spans->text, next);
    uint64_t joined = joining(m, spans->before, behind), run = word_bytes(m) | joined;
    spans->joined |= joined & m->both;
    m->high &= ~punctuation(m);
    if (m->high || spans->open_foreign || (behind & IS_HIGH) || (spans->before & IS_HIGH))
        put_mixed(spans, run | m->high | maybe_joining(m, spans->before, behind), m->high,
            (uint32_t)spans->at, put_edges);
    else
        put_ascii(spans, run, (uint32_t)spans->at, put_edges);
    spans->before = (m->letter >> 63 ? IS_LETTER : 0) | (m->digit >> 63 ? IS_DIGIT : 0) |
                    (word_bytes(m) >> 63 ? IS_WORD : 0) | (m->high >> 63 ? IS_HIGH : 0);
    spans->at = next;
}

// --- from bytes to masks -------------------------------------------------------------------------

// Byte by byte; what is beyond ASCII only where there is any.
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
        m->e2 |= (uint64_t)(c == 0xe2) << i;
        m->x80 |= (uint64_t)(c == 0x80) << i;
        m->third |= (uint64_t)is_third(c) << i;
        m->c2 |= (uint64_t)(c == 0xc2) << i;
        m->second |= (uint64_t)(c == 0xa0 || c == 0xab || c == 0xbb) << i;
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

static void scan_plain(struct hp_spans *spans)
{
    LOOP(classify_plain, put_edges_plain)
}

#ifdef __x86_64__
// The bytes of both halves that have one of `flags`.
HP_AVX2 static inline uint64_t having(__m256i first, __m256i second, int flags)
{
    const __m256i wanted = _mm256_set1_epi8((char)flags);
    return ~hp_equal256x2(_mm256_and_si256(first, wanted), _mm256_and_si256(second, wanted), 0);
}

HP_AVX2 static inline void classify_high_avx2(__m256i first, __m256i second, struct masks *m)
{
    m->e2 = hp_equal256x2(first, second, 0xe2);
    m->x80 = hp_equal256x2(first, second, 0x80);
    m->third = hp_within256x2(first, second, 0x90, 0x97) |
               hp_within256x2(first, second, 0x9a, 0xa3) | hp_equal256x2(first, second, 0xa6);
    m->c2 = hp_equal256x2(first, second, 0xc2);
    m->second = hp_equal256x2(first, second, 0xa0) | hp_equal256x2(first, second, 0xab) |
                hp_equal256x2(first, second, 0xbb);
}

HP_AVX2 static inline void classify_avx2(const char *block, struct masks *m)
{
    const __m256i first = hp_load256(block);
    const __m256i second = hp_load256(block + 32);
    const __m256i a = hp_classes256(first, by_high, by_low),
                  b = hp_classes256(second, by_high, by_low);
    *m = (struct masks){ .letter = having(a, b, LETTER),
        .digit = having(a, b, DIGIT),
        .low_line = having(a, b, LOW_LINE),
        .both = having(a, b, MID_BOTH),
        .colon = having(a, b, MID_LETTER),
        .number = having(a, b, MID_NUMBER),
        .quote = hp_equal256x2(first, second, '"'),
        .high = hp_mask256x2(first, second) };
    if (m->high)
        classify_high_avx2(first, second, m);
}

HP_AVX2 static void scan_avx2(struct hp_spans *spans){ LOOP(classify_avx2, put_edges_plain) }

HP_AVX512 static inline void classify_high_avx512(__m512i bytes, struct masks *m)
{
    m->e2 = hp_equal512(bytes, 0xe2);
    m->x80 = hp_equal512(bytes, 0x80);
    m->third = hp_within512(bytes, 0x90, 0x97) | hp_within512(bytes, 0x9a, 0xa3) |
               hp_equal512(bytes, 0xa6);
    m->c2 = hp_equal512(bytes, 0xc2);
    m->second = hp_equal512(bytes, 0xa0) | hp_equal512(bytes, 0xab) | hp_equal512(bytes, 0xbb);
}

HP_AVX512 static inline void classify_avx512(const char *block, struct masks *m)
{
    const __m512i bytes = _mm512_loadu_si512(block), half = _mm512_set1_epi8(15);
    const __m512i low = _mm512_broadcast_i32x4(hp_load128(by_low));
    const __m512i high = _mm512_broadcast_i32x4(hp_load128(by_high));
    const __m512i class = _mm512_and_si512(_mm512_shuffle_epi8(low, _mm512_and_si512(bytes, half)),
        _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), half)));
    *m = (struct masks){ .letter = _mm512_test_epi8_mask(class, _mm512_set1_epi8(LETTER)),
        .digit = _mm512_test_epi8_mask(class, _mm512_set1_epi8(DIGIT)),
        .low_line = _mm512_test_epi8_mask(class, _mm512_set1_epi8(LOW_LINE)),
        .both = _mm512_test_epi8_mask(class, _mm512_set1_epi8(MID_BOTH)),
        .colon = _mm512_test_epi8_mask(class, _mm512_set1_epi8(MID_LETTER)),
        .number = _mm512_test_epi8_mask(class, _mm512_set1_epi8((char)MID_NUMBER)),
        .quote = hp_equal512(bytes, '"'),
        .high = _mm512_movepi8_mask(bytes) };
    if (m->high)
        classify_high_avx512(bytes, m);
}

static const uint8_t places[64] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
    18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
    42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63 };

// Writes up to 15 numbers behind the last: the arrays have room for a block more.
HP_AVX512 static inline void put_edges_avx512(uint32_t *to, uint64_t edges, uint32_t base)
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

HP_AVX512 static void scan_avx512(struct hp_spans *spans)
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
    spans->joined = spans->open;
    if (spans->at >= spans->text.len)
        return false;
    scan(spans);
    if (spans->at >= spans->text.len && spans->open)
        close_run(spans, (uint32_t)spans->text.len);
    return true;
}
