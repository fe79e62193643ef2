// mojibake_find.c -- finds unlikely sequences of characters. An automaton over classes of
// characters tells them; it is asked only around rare pairs: two neighbours of which every rule has
// one, and of which right text in any language has few. The pairs are looked for among the lead
// bytes, a register at a time.
#include "text/mojibake.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

enum { RULE_MAX = 7 }; // characters

static uint8_t step(uint8_t state, uint32_t cp, unsigned number)
{
    const uint8_t *next = hp_mojibake_next[state];
    unsigned class = hp_mojibake_chars[number].class;
    if (number == 0 && next[HP_MOJIBAKE_OTHER_WORD] != next[HP_MOJIBAKE_OTHER]) {
        enum hp_category category = hp_unicode_category(cp);
        bool word = hp_category_letter(category) || category == HP_CAT_N;
        class = word ? HP_MOJIBAKE_OTHER_WORD : HP_MOJIBAKE_OTHER;
    }
    return next[class];
}

static unsigned class_at(hp_str s, size_t at, size_t *len)
{
    return hp_mojibake_chars[hp_mojibake_number(hp_utf8_at(s, at, len))].class;
}

// Whether a rare pair begins at `at`. What is alone at the end of the text pairs with anything.
static bool rare_pair(hp_str s, size_t at)
{
    size_t len, next_len;
    unsigned first = class_at(s, at, &len);
    unsigned second = at + len < s.len ? class_at(s, at + len, &next_len) : HP_MOJIBAKE_OTHER;
    return hp_mojibake_pairs[first][second];
}

// The state before up to RULE_MAX characters before `at`, and where these begin.
static uint8_t window_start(hp_str s, size_t at, size_t *start)
{
    for (unsigned i = 0; i < RULE_MAX && at > 0; i++) {
        size_t len;
        if (hp_mojibake_line_end(hp_utf8_before(s, at, &len))) {
            *start = at;
            return HP_MOJIBAKE_LINE_START;
        }
        at -= len;
    }
    *start = at;
    return at == 0 ? HP_MOJIBAKE_LINE_START : HP_MOJIBAKE_INSIDE;
}

// Whether a rule holds of characters around the pair at `pair`.
static bool unlikely_around(hp_str s, size_t pair)
{
    size_t at, len;
    uint8_t state = window_start(s, pair, &at);
    for (unsigned behind = 0; at < s.len && behind < RULE_MAX; at += len) {
        behind += at >= pair;
        uint32_t cp = hp_utf8_at(s, at, &len);
        state = step(state, cp, hp_mojibake_number(cp));
        if (state == HP_MOJIBAKE_FOUND)
            return true;
    }
    return false;
}

static unsigned class_of(struct hp_mojibake_cell cell)
{
    return hp_mojibake_chars[cell.number].class;
}

static bool unlikely_cells(const struct hp_mojibake_span *span, size_t pair)
{
    size_t at = pair > RULE_MAX ? pair - RULE_MAX : 0;
    size_t stop = span->count - pair > RULE_MAX ? pair + RULE_MAX : span->count;
    uint8_t state = at == 0 ? HP_MOJIBAKE_LINE_START : HP_MOJIBAKE_INSIDE;
    for (; at < stop && state != HP_MOJIBAKE_FOUND; at++)
        state = step(state, span->cell[at].cp, span->cell[at].number);
    return state == HP_MOJIBAKE_FOUND;
}

bool hp_mojibake_unlikely(const struct hp_mojibake_span *span, size_t at)
{
    unsigned second = at + 1 < span->count ? class_of(span->cell[at + 1]) : HP_MOJIBAKE_OTHER;
    return hp_mojibake_pairs[class_of(span->cell[at])][second] && unlikely_cells(span, at);
}

size_t hp_mojibake_find_plain(hp_str s, size_t at, size_t stop)
{
    for (; at < stop; at++) {
        bool lead = (unsigned char)s.ptr[at] >= 0xc2;
        if (lead && rare_pair(s, at) && unlikely_around(s, at))
            return at;
    }
    return stop;
}

#ifdef __x86_64__
enum { STEP = 32, AHEAD = 3 }; // bytes; the farthest second character

// Kinds of lead bytes that characters of rare pairs have.
enum {
    LATIN = 1,                      // C2-C6, CB
    GREEK = 2,                      // CE, CF
    CYRILLIC = 4,                   // D0-D2
    THREE = 8,                      // E2, EF
    UPTURN = 16,                    // D2, also
    SECOND = LATIN | THREE | UPTURN // behind Greek and Cyrillic
};

HP_AVX2 static __m256i kinds(__m256i bytes)
{
    enum { LG = LATIN, G = GREEK, C = CYRILLIC, T = THREE };
    static const uint8_t by_low[16] = { C, C, LG | C | T | UPTURN, LG, LG, LG,
        LG, [11] = LG, [14] = G, [15] = G | T };
    static const uint8_t by_high[16] = { [12] = LG | G, [13] = C | UPTURN, [14] = T };
    return hp_classes256(bytes, by_high, by_low);
}

// All bits where byte and `bits` share one.
HP_AVX2 static __m256i any_of(__m256i bytes, int bits)
{
    __m256i shared = _mm256_and_si256(bytes, _mm256_set1_epi8((char)bits));
    return _mm256_andnot_si256(hp_equal256(shared, 0), _mm256_set1_epi8(-1));
}

// Two characters of the kinds that pair.
HP_AVX2 static __m256i two_leads(__m256i now, __m256i two, __m256i three)
{
    __m256i first = kinds(now), second = kinds(two);
    __m256i latin = _mm256_and_si256(any_of(first, LATIN), second);
    __m256i letter = _mm256_and_si256(any_of(first, GREEK | CYRILLIC), any_of(second, SECOND));
    __m256i sign = _mm256_and_si256(any_of(first, THREE), kinds(three));
    return _mm256_or_si256(_mm256_or_si256(latin, letter), sign);
}

// Greek tonos and Cyrillic DJE behind a letter of their scripts.
HP_AVX2 static __m256i letters(__m256i now, __m256i two, __m256i three)
{
    __m256i last = _mm256_or_si256(three, _mm256_set1_epi8(1));
    __m256i tonos = _mm256_and_si256(hp_equal256(two, 0xce), hp_equal256(last, 0x85));
    __m256i dje = _mm256_and_si256(hp_equal256(two, 0xd0), hp_equal256(three, 0x82));
    return _mm256_and_si256(any_of(kinds(now), GREEK | CYRILLIC), _mm256_or_si256(tonos, dje));
}

// C1; A with tilde or circumflex before a space; the ligature oe.
HP_AVX2 static __m256i special(__m256i now, __m256i one, __m256i two)
{
    __m256i last = _mm256_or_si256(one, _mm256_set1_epi8(1));
    __m256i c1 = _mm256_and_si256(hp_equal256(now, 0xc2),
        hp_equal256(_mm256_and_si256(one, _mm256_set1_epi8((char)0xe0)), 0x80));
    __m256i a = _mm256_and_si256(
        _mm256_and_si256(hp_equal256(now, 0xc3), hp_equal256(last, 0x83)), hp_equal256(two, ' '));
    __m256i oe = _mm256_and_si256(hp_equal256(now, 0xc5), hp_equal256(last, 0x93));
    return _mm256_or_si256(c1, _mm256_or_si256(a, oe));
}

// Whether a rare pair may begin at each of 32 bytes.
HP_AVX2 static unsigned candidates(__m256i now, const char *p)
{
    __m256i one = hp_load256(p + 1), two = hp_load256(p + 2), three = hp_load256(p + 3);
    __m256i any = _mm256_or_si256(two_leads(now, two, three),
        _mm256_or_si256(letters(now, two, three), special(now, one, two)));
    return ~hp_mask256(hp_equal256(any, 0));
}

HP_AVX2 static size_t find_steps(hp_str s, size_t at, size_t stop, bool *found)
{
    *found = false;
    for (; at < stop && s.len - at >= STEP + AHEAD; at += STEP) {
        __m256i now = hp_load256(s.ptr + at);
        if (hp_mask256(now) == 0)
            continue;
        for (unsigned hits = candidates(now, s.ptr + at); hits; hits &= hits - 1) {
            size_t pair = at + (size_t)__builtin_ctz(hits);
            *found = pair < stop && rare_pair(s, pair) && unlikely_around(s, pair);
            if (*found)
                return pair;
        }
    }
    return at < stop ? at : stop;
}

size_t hp_mojibake_find(hp_str s, size_t at, size_t stop)
{
    bool found = false;
    if (hp_cpu() >= HP_CPU_AVX2)
        at = find_steps(s, at, stop, &found);
    return found ? at : hp_mojibake_find_plain(s, at, stop);
}
#else
size_t hp_mojibake_find(hp_str s, size_t at, size_t stop)
{
    return hp_mojibake_find_plain(s, at, stop);
}
#endif
