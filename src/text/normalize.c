// normalize.c -- NFC and NFKC (UAX #15). A text is cut before every character whose decomposition
// begins with a starter that joins nothing before it: between such places a segment is decomposed,
// its marks are put in order, and it is composed again. Nearly all text needs none of it, which the
// quick check tells.
#include "text/normalize.h"

#include "text/unicode_data.h"
#include "hotpathd/utf8.h"

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
    const struct hp_pairs *pairs;
};

static const struct rules rules_of[] = {
    [HP_FORM_NFC] = { HP_BITS_NFC, HP_NORM_BACKWARD, HP_NORM_QUICK, &hp_pairs_nfc },
    [HP_FORM_NFKC] = { HP_BITS_NFKC, HP_NORM_BACKWARD_K, HP_NORM_QUICK_K, &hp_pairs_nfkc },
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

enum { BYTES_BETWEEN_CHECKS = 16 << 10 };

// To be called on the way with the place that was reached.
static inline enum hp_code tick(
    const struct hp_normalizer *normalizer, size_t at, size_t *check, struct hp_fault *fault)
{
    if (at < *check)
        return HP_OK;
    *check = at + BYTES_BETWEEN_CHECKS;
    return hp_deadline_check(normalizer->deadline, fault);
}

struct hp_normalizer hp_normalizer_of(
    hp_str s, enum hp_form form, const struct hp_deadline *deadline, struct hp_arena *arena)
{
    return (struct hp_normalizer){ .s = s,
        .form = form,
        .deadline = deadline,
        .arena = arena,
        .hits = { .s = s, .set = rules_of[form].pairs } };
}

enum hp_code hp_normalizer_prefix(struct hp_normalizer *normalizer, size_t at, size_t stop,
    size_t *prefix, struct hp_fault *fault)
{
    const struct rules *rules = &rules_of[normalizer->form];
    struct hp_hits *hits = &normalizer->hits;
    hp_str s = normalizer->s;
    size_t from = at, check = at + BYTES_BETWEEN_CHECKS;
    size_t least = at, safe = at; // nothing before the last character that ends at `safe` changes
    uint8_t ccc = 0;              // of the character before
    *prefix = stop - from;
    if (normalizer->form == HP_FORM_NONE)
        return HP_OK;
    if (hits->stop != stop)
        hits->lanes = 0;
    hits->stop = stop;
    for (size_t len;; at += len) {
        size_t next = hp_hits_next(hits, at);
        HP_TRY(tick(normalizer, at, &check, fault));
        if (next >= stop)
            return HP_OK;
        uint32_t cp = hp_utf8_at(s, next, &len);
        if (next > at) {
            least = at;
            safe = next;
            ccc = 0;
        }
        at = next;
        if (!(hp_bits_of(cp) & rules->unstable)) {
            least = at;
            safe = at + len;
            ccc = 0;
            continue;
        }
        const struct hp_norm *norm = hp_norm_of(cp);
        if (norm->flags & rules->quick || (norm->ccc && norm->ccc < ccc)) {
            *prefix = step_back(s, safe, least) - from;
            return HP_OK;
        }
        ccc = norm->ccc;
    }
}

// Where the segment ends, and how many characters it has.
static enum hp_code segment_end(const struct hp_normalizer *normalizer, hp_str s, size_t *end,
    size_t *chars, struct hp_fault *fault)
{
    const struct rules *rules = &rules_of[normalizer->form];
    size_t len, at, check = BYTES_BETWEEN_CHECKS;
    hp_utf8_at(s, 0, &len);
    *chars = 1;
    for (at = len; at < s.len; at += len, ++*chars) {
        uint32_t cp = hp_utf8_at(s, at, &len);
        HP_TRY(tick(normalizer, at, &check, fault));
        if (!(hp_bits_of(cp) & rules->unstable) || !(hp_norm_of(cp)->flags & rules->backward))
            break;
    }
    *end = at;
    return HP_OK;
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

// The full decomposition of one character: at most DECOMPOSED_MAX words.
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
static enum hp_code sort_long(const struct hp_normalizer *normalizer, uint32_t *mark, size_t count,
    uint32_t *spare, struct hp_fault *fault)
{
    size_t place[257] = { 0 }, check = 0;
    for (size_t i = 0; i < count; i++)
        place[(mark[i] >> CLASS_SHIFT) + 1]++;
    for (size_t ccc = 1; ccc < 257; ccc++)
        place[ccc] += place[ccc - 1];
    memcpy(spare, mark, count * sizeof *mark);
    for (size_t i = 0; i < count; i++) {
        HP_TRY(tick(normalizer, i, &check, fault));
        mark[place[spare[i] >> CLASS_SHIFT]++] = spare[i];
    }
    return HP_OK;
}

enum { SHORT_RUN = 32 };

// Canonical ordering: every run of marks between two starters by combining class.
static enum hp_code order(const struct hp_normalizer *normalizer, uint32_t *word, size_t count,
    uint32_t *spare, struct hp_fault *fault)
{
    for (size_t at = 0, end, check = 0; at < count; at = end + 1) {
        HP_TRY(tick(normalizer, at, &check, fault));
        for (end = at; end < count && word[end] >> CLASS_SHIFT; end++)
            ;
        if (end - at > SHORT_RUN)
            HP_TRY(sort_long(normalizer, word + at, end - at, spare, fault));
        else
            sort_short(word + at, end - at);
    }
    return HP_OK;
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

// Composes in place; *count becomes the new length. A mark joins the last starter where no mark
// that stayed between them has the same or a higher class, and nothing else stayed between them.
static enum hp_code compose(
    const struct hp_normalizer *normalizer, uint32_t *word, size_t *count, struct hp_fault *fault)
{
    uint32_t *starter = NULL;
    uint32_t last = 0; // class of the last that stayed behind the starter
    size_t kept = 0, check = 0;
    for (size_t i = 0; i < *count; i++) {
        uint32_t class = word[i] >> CLASS_SHIFT, cp = word[i] & POINT_MASK;
        HP_TRY(tick(normalizer, i, &check, fault));
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
    *count = kept;
    return HP_OK;
}

static enum hp_code put_words(const struct hp_normalizer *normalizer, struct hp_buf *out,
    const uint32_t *word, size_t count, struct hp_fault *fault)
{
    size_t check = 0;
    for (size_t i = 0; i < count; i++) {
        if (!hp_buf_room(out, 4))
            return hp_buf_check(out, fault);
        HP_TRY(tick(normalizer, i, &check, fault));
        out->len += hp_utf8_put(out->ptr + out->len, word[i] & POINT_MASK);
    }
    return HP_OK;
}

static enum hp_code decompose_all(const struct hp_normalizer *normalizer, hp_str s, uint32_t *word,
    size_t *count, struct hp_fault *fault)
{
    size_t check = 0;
    *count = 0;
    for (size_t at = 0, len; at < s.len; at += len) {
        HP_TRY(tick(normalizer, at, &check, fault));
        *count += decompose(hp_utf8_at(s, at, &len), normalizer->form, word + *count);
    }
    return HP_OK;
}

static enum hp_code decomposed_size(
    const struct hp_normalizer *normalizer, hp_str s, size_t *size, struct hp_fault *fault)
{
    uint32_t ignored[DECOMPOSED_MAX];
    size_t check = 0;
    *size = 0;
    for (size_t at = 0, len; at < s.len; at += len) {
        HP_TRY(tick(normalizer, at, &check, fault));
        *size += decompose(hp_utf8_at(s, at, &len), normalizer->form, ignored);
    }
    return HP_OK;
}

static enum hp_code words_room(
    struct hp_normalizer *normalizer, size_t words, struct hp_fault *fault)
{
    if (words <= normalizer->words)
        return HP_OK;
    uint32_t *grown = hp_grow(normalizer->arena, normalizer->word,
        normalizer->words * sizeof *grown, words * sizeof *grown);
    if (!grown)
        return hp_no_memory(normalizer->arena, fault);
    normalizer->word = grown;
    normalizer->words = words;
    return HP_OK;
}

// Two characters that stand for themselves, as nearly all segments are: a letter and its accent.
static bool put_pair(enum hp_form form, hp_str segment, struct hp_buf *out)
{
    size_t len, ignored;
    uint32_t first = hp_utf8_at(segment, 0, &len), second = hp_utf8_at(segment, len, &ignored);
    const struct hp_norm *a = hp_norm_of(first), *b = hp_norm_of(second);
    if (decomposition(a, form) || decomposition(b, form) || a->ccc || first - S_BASE < S_COUNT)
        return false;
    uint32_t composite = compose_pair(first, second);
    if (!composite)
        hp_buf_add(out, segment);
    else if (hp_buf_room(out, 4))
        out->len += hp_utf8_put(out->ptr + out->len, composite);
    return true;
}

enum { STACK_BYTES = 16 }; // a segment up to this length is worked on without memory from the arena

enum hp_code hp_normalizer_segment(struct hp_normalizer *normalizer, size_t at, size_t stop,
    struct hp_buf *out, size_t *len, struct hp_fault *fault)
{
    size_t chars, count, size = 0;
    hp_str s = { normalizer->s.ptr + at, stop - at };
    HP_TRY(segment_end(normalizer, s, len, &chars, fault));
    hp_str segment = { s.ptr, *len };
    if (chars == 2 && put_pair(normalizer->form, segment, out))
        return hp_buf_check(out, fault);
    uint32_t few[STACK_BYTES * DECOMPOSED_MAX], *word = few;
    if (segment.len > STACK_BYTES) {
        HP_TRY(decomposed_size(normalizer, segment, &size, fault));
        HP_TRY(words_room(normalizer, size * 2, fault));
        word = normalizer->word;
    }
    HP_TRY(decompose_all(normalizer, segment, word, &count, fault));
    HP_TRY(order(normalizer, word, count, word + size, fault));
    HP_TRY(compose(normalizer, word, &count, fault));
    return put_words(normalizer, out, word, count, fault);
}
