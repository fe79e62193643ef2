// window.c -- the expressions of pretoken.c as arithmetic on bits: one mask a class of characters,
// one bit a byte, and every rule a few operations for all 64 bytes together. All bytes of a
// character have its class, so that a run of characters is a run of bits, and a character's
// neighbour is found by a shift: by one to the left the one before, by its length to the right the
// next.
//
// A window begins where a pre-token does, so nothing is carried from one to the next. What is rare
// is not done here: behind it the window ends, and pretoken.c takes one step.
#include "text/window.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"
#include "text/unicode.h"
#include "text/unicode_data.h"

struct classes {
    uint64_t upper, lower, either, mark, number; // as in pretoken.c
    uint64_t space, blank, line;                 // ' '; other blanks but CR and LF; those
    uint64_t sign;
    uint64_t slash, quote; // of the signs
    uint64_t wide;         // not ASCII
    uint64_t lead[5];      // first bytes, by the character's length
    unsigned len;          // up to here whole characters
};

// --- classes -------------------------------------------------------------------------------------

static inline uint64_t below(unsigned bit)
{
    return bit < 64 ? ((uint64_t)1 << bit) - 1 : UINT64_MAX;
}

static uint32_t decode(const char *bytes, unsigned len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    if (len == 2)
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    if (len == 3)
        return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    return (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
}

// First bytes of characters that a range of their own tells: Han and Hangul, whose blocks hold
// nothing else (U+5000 to U+9FFF and U+B000 to U+CFFF), and Cyrillic as far as case goes by blocks
// (U+0400 to U+042F, to U+045F).
struct plain_blocks {
    uint64_t han, upper, lower;
};

// Puts these where they belong; returns their bytes.
static uint64_t add_blocks(struct classes *classes, const struct plain_blocks *blocks)
{
    uint64_t han = blocks->han & below(HP_WINDOW - 2);
    uint64_t upper = blocks->upper & below(HP_WINDOW - 1);
    uint64_t lower = blocks->lower & below(HP_WINDOW - 1);
    classes->lead[2] |= upper | lower;
    classes->lead[3] |= han;
    han |= han << 1 | han << 2;
    upper |= upper << 1;
    lower |= lower << 1;
    classes->either |= han;
    classes->upper |= upper;
    classes->lower |= lower;
    return han | upper | lower;
}

// Puts the other characters that are not ASCII where they belong, by category.
static void add_wide(struct classes *classes, const char *bytes, uint64_t rest)
{
    uint64_t of[HP_CAT_SPACE + 1] = { 0 };
    while (rest) {
        unsigned at = (unsigned)__builtin_ctzll(rest);
        unsigned char first = (unsigned char)bytes[at];
        unsigned len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (at + len > HP_WINDOW) {
            classes->len = at;
            break;
        }
        uint8_t category = hp_bits_of(decode(bytes + at, len)) & HP_BITS_CATEGORY;
        of[category] |= below(len) << at;
        classes->lead[len] |= (uint64_t)1 << at;
        rest &= ~below(at + len);
    }
    classes->upper |= of[HP_CAT_LU] | of[HP_CAT_LT];
    classes->lower |= of[HP_CAT_LL];
    classes->either |= of[HP_CAT_LM] | of[HP_CAT_LO];
    classes->mark |= of[HP_CAT_M];
    classes->number |= of[HP_CAT_N];
    classes->blank |= of[HP_CAT_SPACE];
    classes->sign |= of[HP_CAT_OTHER];
}

// The masks that the machine compares; the rest follows from them.
struct compared {
    uint64_t wide, upper, lower, number, space, tab, line, slash, quote;
};

static inline __attribute__((always_inline)) void sort_out(
    const struct compared *ascii, struct classes *classes)
{
    uint64_t known =
        ascii->wide | ascii->upper | ascii->lower | ascii->number | ascii->space | ascii->tab;
    *classes = (struct classes){ .upper = ascii->upper,
        .lower = ascii->lower,
        .number = ascii->number,
        .space = ascii->space,
        .blank = ascii->tab & ~ascii->line,
        .line = ascii->line,
        .sign = ~known,
        .slash = ascii->slash,
        .quote = ascii->quote,
        .wide = ascii->wide,
        .len = HP_WINDOW };
    classes->lead[1] = ~ascii->wide;
}

static void add_others(
    struct classes *classes, const char *bytes, const struct plain_blocks *blocks)
{
    uint64_t rest = classes->wide & ~add_blocks(classes, blocks);
    if (rest)
        add_wide(classes, bytes, rest);
}

static void compare_plain(const char *bytes, struct compared *out)
{
    *out = (struct compared){ 0 };
    for (unsigned i = 0; i < HP_WINDOW; i++) {
        unsigned char c = (unsigned char)bytes[i];
        uint64_t bit = (uint64_t)1 << i;
        out->wide |= c & 0x80 ? bit : 0;
        out->upper |= (unsigned char)(c - 'A') < 26 ? bit : 0;
        out->lower |= (unsigned char)(c - 'a') < 26 ? bit : 0;
        out->number |= (unsigned char)(c - '0') < 10 ? bit : 0;
        out->space |= c == ' ' ? bit : 0;
        out->tab |= (unsigned char)(c - '\t') < 5 ? bit : 0;
        out->line |= c == '\n' || c == '\r' ? bit : 0;
        out->slash |= c == '/' ? bit : 0;
        out->quote |= c == '\'' ? bit : 0;
    }
}

#ifdef __x86_64__
HP_AVX2 static inline void compare_avx2(const char *bytes, struct compared *out)
{
    __m256i a = hp_load256(bytes);
    __m256i b = hp_load256(bytes + 32);
    out->wide = hp_mask256x2(a, b);
    out->upper = hp_within256x2(a, b, 'A', 'Z');
    out->lower = hp_within256x2(a, b, 'a', 'z');
    out->number = hp_within256x2(a, b, '0', '9');
    out->space = hp_equal256x2(a, b, ' ');
    out->tab = hp_within256x2(a, b, '\t', '\r');
    out->line = hp_equal256x2(a, b, '\n') | hp_equal256x2(a, b, '\r');
    out->slash = hp_equal256x2(a, b, '/');
    out->quote = hp_equal256x2(a, b, '\'');
}

HP_AVX2 static void blocks_avx2(const char *bytes, struct plain_blocks *out)
{
    __m256i a = hp_load256(bytes);
    __m256i b = hp_load256(bytes + 32);
    uint64_t d0 = hp_equal256x2(a, b, 0xd0), d1 = hp_equal256x2(a, b, 0xd1);
    out->han = hp_within256x2(a, b, 0xe5, 0xe9) | hp_within256x2(a, b, 0xeb, 0xec);
    out->upper = d0 & hp_within256x2(a, b, 0x80, 0xaf) >> 1;
    out->lower =
        (d0 & hp_within256x2(a, b, 0xb0, 0xbf) >> 1) | (d1 & hp_within256x2(a, b, 0x80, 0x9f) >> 1);
}

HP_AVX512 static inline void compare_avx512(const char *bytes, struct compared *out)
{
    __m512i a = _mm512_loadu_si512(bytes);
    out->wide = _mm512_movepi8_mask(a);
    out->upper = hp_within512(a, 'A', 'Z');
    out->lower = hp_within512(a, 'a', 'z');
    out->number = hp_within512(a, '0', '9');
    out->space = hp_equal512(a, ' ');
    out->tab = hp_within512(a, '\t', '\r');
    out->line = hp_equal512(a, '\n') | hp_equal512(a, '\r');
    out->slash = hp_equal512(a, '/');
    out->quote = hp_equal512(a, '\'');
}

HP_AVX512 static void blocks_avx512(const char *bytes, struct plain_blocks *out)
{
    __m512i a = _mm512_loadu_si512(bytes);
    uint64_t d0 = hp_equal512(a, 0xd0), d1 = hp_equal512(a, 0xd1);
    out->han = hp_within512(a, 0xe5, 0xe9) | hp_within512(a, 0xeb, 0xec);
    out->upper = d0 & hp_within512(a, 0x80, 0xaf) >> 1;
    out->lower = (d0 & hp_within512(a, 0xb0, 0xbf) >> 1) | (d1 & hp_within512(a, 0x80, 0x9f) >> 1);
}
#endif

// --- rules ---------------------------------------------------------------------------------------

#define INLINE static inline __attribute__((always_inline))

// The runs of `mask` from the bits `from` in it on: all of the run behind such a bit, and it.
INLINE uint64_t runs_from(uint64_t mask, uint64_t from)
{
    return (mask & ~(mask + from)) | from;
}

INLINE uint64_t run_starts(uint64_t mask)
{
    return mask & ~(mask << 1);
}

// First bytes of characters in `of` behind which one of `next` stands.
INLINE uint64_t followed(const struct classes *c, uint64_t of, uint64_t next)
{
    uint64_t found = of & c->lead[1] & next >> 1;
    if (c->wide)
        found |=
            of & ((c->lead[2] & next >> 2) | (c->lead[3] & next >> 3) | (c->lead[4] & next >> 4));
    return found;
}

// The places behind the characters whose first bytes are `first`.
INLINE uint64_t behind(const struct classes *c, uint64_t first)
{
    uint64_t found = (first & c->lead[1]) << 1;
    if (c->wide)
        found |= (first & c->lead[2]) << 2 | (first & c->lead[3]) << 3 | (first & c->lead[4]) << 4;
    return found;
}

// Digits by threes: the first of every run and every third behind it.
INLINE uint64_t number_starts(uint64_t number)
{
    uint64_t starts = run_starts(number), last = starts;
    uint64_t inside = number & number << 1 & number << 2 & number << 3;
    while ((last = last << 3 & inside))
        starts |= last;
    return starts;
}

// Blanks (but the line ends that signs took): each run, the rest of it behind its last line end,
// and the last blank before what is none.
INLINE uint64_t blank_starts(const struct classes *c, uint64_t taken)
{
    uint64_t flat = c->space | c->blank, line = c->line & ~taken, all = flat | line;
    uint64_t starts = run_starts(all);
    starts |= followed(c, flat, ~(flat | c->line));
    uint64_t rest = flat & line << 1;
    if (!rest)
        return starts;
    uint64_t not_last = (flat + rest) & ~flat & c->line; // line ends that follow such a rest
    for (; not_last; not_last &= not_last - 1) {
        uint64_t before = rest & ((not_last & -not_last) - 1);
        rest &= ~((uint64_t)1 << (63 - __builtin_clzll(before)));
    }
    return starts | rest;
}

static unsigned contraction_len(const char *bytes)
{
    unsigned char one = (unsigned char)bytes[1], two = (unsigned char)bytes[2];
    unsigned char a = one | 0x20, b = two | 0x20;
    if (one == 0xc5 && two == 0xbf)
        return 3;
    if (one >= 0x80)
        return 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if (two < 0x80 && ((b == 'e' && (a == 'r' || a == 'v')) || (a == 'l' && b == 'l')))
        return 3;
    return 0;
}

// Where the window is to end, and what starts in it.
struct outcome {
    uint64_t starts;
    unsigned end; // starts from here on are not certain
};

INLINE void end_at(struct outcome *outcome, unsigned place)
{
    outcome->end = place < outcome->end ? place : outcome->end;
}

// cl100k: an apostrophe where a pre-token begins, and the letters it takes.
static void split_contractions(
    const struct classes *c, const char *bytes, uint64_t quotes, struct outcome *outcome)
{
    for (uint64_t rest = quotes; rest; rest &= rest - 1) {
        unsigned at = (unsigned)__builtin_ctzll(rest);
        if (at + 3 > c->len) {
            end_at(outcome, at + 1);
            break;
        }
        unsigned len = contraction_len(bytes + at);
        if (len && at + len < HP_WINDOW)
            outcome->starts |= (uint64_t)1 << (at + len);
    }
}

// o200k: an apostrophe behind a word, which ends with the letters behind it. Behind such an end
// there is no word to add to.
static void join_contractions(
    const struct classes *c, const char *bytes, uint64_t quotes, struct outcome *outcome)
{
    unsigned fresh = HP_WINDOW;
    for (uint64_t rest = quotes; rest; rest &= rest - 1) {
        unsigned at = (unsigned)__builtin_ctzll(rest);
        if (at + 3 > c->len) {
            end_at(outcome, at);
            break;
        }
        unsigned len = at == fresh ? 0 : contraction_len(bytes + at);
        if (!len)
            continue;
        fresh = at + len;
        outcome->starts &= ~(below(len) << at);
        if (fresh < HP_WINDOW)
            outcome->starts |= (uint64_t)1 << fresh;
        if (fresh < HP_WINDOW && c->mark >> fresh & 1)
            end_at(outcome, fresh);
    }
}

INLINE void end_before(struct outcome *outcome, uint64_t hard)
{
    if (hard)
        end_at(outcome, (unsigned)__builtin_ctzll(hard));
}

// Blanks at the end depend on what follows; only where they begin is certain.
INLINE void end_in_blanks(const struct classes *c, struct outcome *outcome)
{
    uint64_t other = ~(c->space | c->blank | c->line) & below(c->len);
    unsigned begin = other ? 64 - (unsigned)__builtin_clzll(other) : 0;
    if (begin < c->len)
        end_at(outcome, begin + 1);
    else
        end_at(outcome, c->len);
}

INLINE uint64_t window(enum hp_encoding encoding, struct classes *c, const char *bytes)
{
    bool o200k = encoding != HP_CL100K_BASE;
    struct outcome outcome = { 0, HP_WINDOW };
    end_before(&outcome, c->number & c->wide);
    uint64_t letters = c->upper | c->lower | c->either;
    if (c->mark && !o200k) {
        c->sign |= c->mark;
    } else if (c->mark) { // behind a letter as a letter
        uint64_t joined = runs_from(c->mark, c->mark & letters << 1);
        end_before(&outcome, c->mark & ~joined);
        c->either |= joined;
        letters |= joined;
    }
    uint64_t wanted = c->line | (o200k ? c->slash : 0);
    uint64_t taken = runs_from(wanted, c->sign << 1 & c->line);
    uint64_t signs = run_starts(c->sign & ~taken) & ~(c->space << 1);
    uint64_t before = followed(c, signs | c->space | c->blank, letters);
    outcome.starts = run_starts(letters) & ~behind(c, before);
    if (o200k) {
        outcome.starts |= c->upper & c->lower << 1;
        end_before(&outcome, c->upper & c->either << 1);
    }
    outcome.starts |= signs | number_starts(c->number) | blank_starts(c, taken);
    end_in_blanks(c, &outcome);
    uint64_t quotes = c->quote & signs;
    if (quotes && !o200k)
        split_contractions(c, bytes, quotes, &outcome);
    else if (quotes & letters << 1)
        join_contractions(c, bytes, quotes & letters << 1, &outcome);
    return (outcome.starts & below(outcome.end)) | 1;
}

static uint64_t window_plain(enum hp_encoding encoding, const char *bytes)
{
    struct compared compared;
    struct classes classes;
    compare_plain(bytes, &compared);
    sort_out(&compared, &classes);
    if (classes.wide) {
        struct plain_blocks blocks = { 0 };
        add_others(&classes, bytes, &blocks);
    }
    return window(encoding, &classes, bytes);
}

#ifdef __x86_64__
HP_AVX2 static uint64_t window_avx2(enum hp_encoding encoding, const char *bytes)
{
    struct compared compared;
    struct classes classes;
    compare_avx2(bytes, &compared);
    sort_out(&compared, &classes);
    if (classes.wide) {
        struct plain_blocks blocks;
        blocks_avx2(bytes, &blocks);
        add_others(&classes, bytes, &blocks);
    }
    return window(encoding, &classes, bytes);
}

HP_AVX512 static uint64_t window_avx512(enum hp_encoding encoding, const char *bytes)
{
    struct compared compared;
    struct classes classes;
    compare_avx512(bytes, &compared);
    sort_out(&compared, &classes);
    if (classes.wide) {
        struct plain_blocks blocks;
        blocks_avx512(bytes, &blocks);
        add_others(&classes, bytes, &blocks);
    }
    return window(encoding, &classes, bytes);
}
#endif

hp_window_fn *hp_window_best(void)
{
#ifdef __x86_64__
    if (hp_cpu() == HP_CPU_AVX512)
        return window_avx512;
    if (hp_cpu() == HP_CPU_AVX2)
        return window_avx2;
#endif
    return window_plain;
}
