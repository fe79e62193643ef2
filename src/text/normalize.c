// normalize.c -- NFC and NFKC (UAX #15). A text is cut before every character whose decomposition
// begins with a starter that joins nothing before it: between such places a segment is decomposed,
// its marks are put in order, and it is composed again. Nearly all text needs none of it, which the
// quick check tells.
#include "text/normalize.h"

#include "text/unicode_data.h"
#include "text/utf8.h"

// A character in work: its code point, and its combining class in the top byte.
enum { CLASS_SHIFT = 24, POINT_MASK = (1 << CLASS_SHIFT) - 1 };

// Hangul syllables are arithmetic (The Unicode Standard, 3.12).
enum {
    S_BASE = 0xac00,
    L_BASE = 0x1100,
    V_BASE = 0x1161,
    T_BASE = 0x11a7,
    L_COUNT = 19,
    V_COUNT = 21,
    T_COUNT = 28,
    S_COUNT = L_COUNT * V_COUNT * T_COUNT
};

// What a form looks at.
struct rules {
    uint8_t unstable;        // of hp_bits
    uint8_t backward, quick; // of hp_norm.flags
    const struct hp_bytes *bytes;
};

static const struct rules rules_of[] = {
    [HP_FORM_NFC] = { HP_BITS_NFC, HP_NORM_BACKWARD, HP_NORM_QUICK, &hp_bytes_nfc },
    [HP_FORM_NFKC] = { HP_BITS_NFKC, HP_NORM_BACKWARD_K, HP_NORM_QUICK_K, &hp_bytes_nfkc },
};

// The start of the character before `at`, but not before `least`.
static size_t step_back(hp_str s, size_t at, size_t least)
{
    size_t len;
    if (at == least)
        return at;
    hp_utf8_before(s, at, &len);
    return at - len;
}

size_t hp_normal_prefix(hp_str s, enum hp_form form)
{
    if (form == HP_FORM_NONE)
        return s.len;
    const struct rules *rules = &rules_of[form];
    size_t safe = 0; // the last place before which nothing more can change
    uint8_t ccc = 0; // of the character before
    for (size_t at = 0, len; at < s.len; at += len) {
        if (!hp_bytes_has(rules->bytes, (unsigned char)s.ptr[at])) {
            size_t next = hp_scan(s, at, rules->bytes);
            safe = step_back(s, next, at);
            len = next - at;
            ccc = 0;
            continue;
        }
        uint32_t cp = hp_utf8_at(s, at, &len);
        if (!(hp_bits_of(cp) & rules->unstable)) {
            safe = at;
            ccc = 0;
            continue;
        }
        const struct hp_norm *norm = hp_norm_of(cp);
        if (norm->flags & rules->quick || (norm->ccc && norm->ccc < ccc))
            return safe;
        ccc = norm->ccc;
    }
    return s.len;
}

static size_t segment_end(hp_str s, const struct rules *rules)
{
    size_t len, at;
    hp_utf8_at(s, 0, &len);
    for (at = len; at < s.len; at += len) {
        uint32_t cp = hp_utf8_at(s, at, &len);
        if (!(hp_bits_of(cp) & rules->unstable) || !(hp_norm_of(cp)->flags & rules->backward))
            break;
    }
    return at;
}

// The place of the decomposition in the pool, or 0.
static uint16_t decomposition(const struct hp_norm *norm, enum hp_form form)
{
    return form == HP_FORM_NFKC ? norm->compatible : norm->canonical;
}

static size_t hangul_split(uint32_t cp, uint32_t *out)
{
    uint32_t index = cp - S_BASE, last = index % T_COUNT;
    out[0] = L_BASE + index / (V_COUNT * T_COUNT);
    out[1] = V_BASE + index / T_COUNT % V_COUNT;
    out[2] = T_BASE + last;
    return last ? 3 : 2;
}

// The full decomposition of one character: at most HP_DECOMPOSED_MAX words.
enum { DECOMPOSED_MAX = 18 }; // U+FDFA under NFKC

static size_t decompose(uint32_t cp, enum hp_form form, uint32_t *out)
{
    if (cp - S_BASE < S_COUNT)
        return hangul_split(cp, out);
    const struct hp_norm *norm = hp_norm_of(cp);
    const uint32_t *entry = hp_norm_pool + decomposition(norm, form);
    if (entry == hp_norm_pool) {
        out[0] = cp | (uint32_t)norm->ccc << CLASS_SHIFT;
        return 1;
    }
    memcpy(out, entry + 1, *entry * sizeof *out);
    return *entry;
}

static void sort_short(uint32_t *mark, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t moved = mark[i];
        size_t to = i;
        for (; to > 0 && mark[to - 1] >> CLASS_SHIFT > moved >> CLASS_SHIFT; to--)
            mark[to] = mark[to - 1];
        mark[to] = moved;
    }
}

// A counting sort: stable, and linear where a hostile text has a million marks in a row.
static void sort_long(uint32_t *mark, size_t count, uint32_t *spare)
{
    size_t place[257] = { 0 };
    for (size_t i = 0; i < count; i++)
        place[(mark[i] >> CLASS_SHIFT) + 1]++;
    for (size_t ccc = 1; ccc < 257; ccc++)
        place[ccc] += place[ccc - 1];
    memcpy(spare, mark, count * sizeof *mark);
    for (size_t i = 0; i < count; i++)
        mark[place[spare[i] >> CLASS_SHIFT]++] = spare[i];
}

enum { SHORT_RUN = 32 };

// Canonical ordering: every run of marks between two starters by combining class.
static void order(uint32_t *word, size_t count, uint32_t *spare)
{
    for (size_t at = 0, end; at < count; at = end + 1) {
        for (end = at; end < count && word[end] >> CLASS_SHIFT; end++)
            ;
        if (end - at > SHORT_RUN)
            sort_long(word + at, end - at, spare);
        else
            sort_short(word + at, end - at);
    }
}

// The primary composite of two code points, or 0.
static uint32_t compose_pair(uint32_t first, uint32_t second)
{
    if (first - L_BASE < L_COUNT && second - V_BASE < V_COUNT)
        return S_BASE + ((first - L_BASE) * V_COUNT + (second - V_BASE)) * T_COUNT;
    if (first - S_BASE < S_COUNT && (first - S_BASE) % T_COUNT == 0 && second > T_BASE &&
        second < T_BASE + T_COUNT)
        return first + (second - T_BASE);
    const uint32_t *entry = hp_norm_pool + hp_norm_of(first)->composes;
    for (uint32_t left = *entry++; left > 0; left--, entry += 2)
        if (entry[0] == second)
            return entry[1];
    return 0;
}

// Composes in place, returns the new length. A mark joins the last starter where no mark that
// stayed between them has the same or a higher class, and nothing else stayed between them.
static size_t compose(uint32_t *word, size_t count)
{
    uint32_t *starter = NULL;
    uint32_t last = 0; // class of the last that stayed behind the starter
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t class = word[i] >> CLASS_SHIFT, cp = word[i] & POINT_MASK;
        if (starter && (last == 0 || last < class)) {
            uint32_t composite = compose_pair(*starter, cp);
            if (composite) {
                *starter = composite;
                continue;
            }
        }
        word[kept] = word[i];
        last = class;
        if (class == 0)
            starter = &word[kept];
        kept++;
    }
    return kept;
}

static void put_words(struct hp_buf *out, const uint32_t *word, size_t count)
{
    if (!hp_buf_room(out, count * 4))
        return;
    for (size_t i = 0; i < count; i++)
        out->len += hp_utf8_put(out->ptr + out->len, word[i] & POINT_MASK);
}

static size_t decompose_all(hp_str s, enum hp_form form, uint32_t *word)
{
    size_t count = 0;
    for (size_t at = 0, len; at < s.len; at += len)
        count += decompose(hp_utf8_at(s, at, &len), form, word + count);
    return count;
}

// Room for a segment of `chars` characters, and for sorting it.
static uint32_t *words_new(struct hp_buf *out, size_t words)
{
    uint32_t *word = HP_NEW_RAW(out->arena, uint32_t, words);
    if (!word)
        out->failed = true;
    return word;
}

static size_t decomposed_size(hp_str s, enum hp_form form)
{
    uint32_t ignored[DECOMPOSED_MAX];
    size_t count = 0;
    for (size_t at = 0, len; at < s.len; at += len)
        count += decompose(hp_utf8_at(s, at, &len), form, ignored);
    return count;
}

enum { STACK_BYTES = 16 }; // a segment up to this length is worked on without memory from the arena

size_t hp_normalize_segment(hp_str s, enum hp_form form, struct hp_buf *out)
{
    hp_str segment = { s.ptr, segment_end(s, &rules_of[form]) };
    uint32_t few[STACK_BYTES * DECOMPOSED_MAX], *word = few, *spare = NULL;
    if (segment.len > STACK_BYTES) {
        size_t size = decomposed_size(segment, form);
        word = words_new(out, size * 2);
        if (!word)
            return segment.len;
        spare = word + size;
    }
    size_t count = decompose_all(segment, form, word);
    order(word, count, spare);
    put_words(out, word, compose(word, count));
    return segment.len;
}
