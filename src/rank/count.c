// count.c -- the loop over all words of all documents. ASCII words come as edges (spans.h); of each
// the first eight bytes, in lower case, tell whether it is a stop word and whether it may be a
// term. Both are table look-ups without a branch; the few that may be terms are looked at
// afterwards.
#include "rank/count.h"

#include "rank/sift.h"
#include "rank/split.h"

enum { CHECKED_EVERY = 16384, SCRATCH_KEPT = 65536 }; // bytes

struct hp_counter {
    struct hp_terms *terms;
    struct hp_spans spans;
    struct hp_split split;
    struct hp_arena scratch;      // of words beyond ASCII
    uint32_t times[HP_TERMS_MAX]; // in this field
    struct hp_term_set held;      // in this field
    uint64_t words, hits;         // of this field: all, and those that are terms
    struct hp_sifted sifted;
    size_t unchecked; // bytes since the deadline was looked at
};

// --- one word ------------------------------------------------------------------------------------

static void hit(struct hp_counter *counter, int term)
{
    if (term < 0)
        return;
    counter->times[term]++;
    counter->hits++;
    hp_term_set_add(&counter->held, (size_t)term);
}

static bool stops_matter(const struct hp_terms *terms)
{
    return terms->analyzer->english && !terms->analyzer->keep_stops;
}

static uint64_t first_four(hp_str s)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < 4 && i < s.len; i++)
        bytes |= (uint64_t)(unsigned char)s.ptr[i] << 8 * i;
    return bytes;
}

static void take_folded(void *context, hp_str word)
{
    struct hp_counter *counter = context;
    struct hp_terms *terms = counter->terms;
    if (terms->analyzer->english)
        word = hp_unpossessed(word);
    if (stops_matter(terms) && hp_english_stop(word))
        return;
    counter->words++;
    if (hp_terms_may_be(terms, first_four(word)))
        hit(counter, hp_terms_find(terms, word));
}

static void take_folded_plain(void *context, hp_str word)
{
    struct hp_counter *counter = context;
    const struct hp_analyzer *analyzer = counter->terms->analyzer;
    if (analyzer->english)
        word = hp_unpossessed(word);
    if (stops_matter(counter->terms) && hp_english_stop(word))
        return;
    counter->words++;
    hp_str stem = hp_stem(analyzer, word);
    for (size_t i = 0; i < counter->terms->count; i++)
        if (hp_str_equal(counter->terms->term[i], stem))
            hit(counter, (int)i);
}

// --- ASCII ---------------------------------------------------------------------------------------

static bool all_low_lines(hp_str word)
{
    while (word.len && word.ptr[word.len - 1] == '_')
        word.len--;
    return word.len == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

// A word of ASCII that was counted as a word and is no stop word, but may be a term, a possessive,
// or low lines.
static void look_at(struct hp_counter *counter, hp_str word)
{
    char folded[HP_STEM_MAX + 1];
    if (word.len <= HP_SHORT_WORD && word.ptr[0] != '_' && !hp_word_possessive(word, 0, word.len)) {
        int term = hp_terms_known(counter->terms, hp_word_bytes(word, 0, word.len));
        if (term > -2) {
            hit(counter, term);
            return;
        }
    }
    counter->words--;
    if (all_low_lines(word))
        return;
    if (word.len > sizeof folded) { // rare, and not for the stack
        hp_split_text(&counter->split, word);
        return;
    }
    for (size_t i = 0; i < word.len; i++)
        folded[i] = lower(word.ptr[i]);
    take_folded(counter, (hp_str){ folded, word.len });
}

static void take_edges(struct hp_counter *counter)
{
    const hp_str text = counter->spans.text;
    struct hp_sifted *sifted = &counter->sifted;
    hp_sift(&counter->spans, counter->terms, stops_matter(counter->terms), sifted);
    counter->words += counter->spans.edges / 2 - sifted->stops;
    for (size_t i = 0; i < sifted->edges; i += 2)
        look_at(
            counter, (hp_str){ text.ptr + sifted->edge[i], sifted->edge[i + 1] - sifted->edge[i] });
}

// --- a field -------------------------------------------------------------------------------------

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

enum { CURLY_MAX = 64, QUOTE_LEN = 3 }; // bytes; of U+2019

// Most of what is beyond ASCII in English is an apostrophe: "don't" with U+2019, folded; 0 for
// anything else. Letters on both sides of each make it one word (WB6, WB7).
static size_t fold_curly(hp_str span, char *folded)
{
    bool letter = false; // the byte before
    if (span.len > CURLY_MAX)
        return 0;
    for (size_t at = 0; at < span.len; at++) {
        char c = span.ptr[at];
        if (is_letter(c)) {
            folded[at] = lower(c);
            letter = true;
            continue;
        }
        if (!letter || span.len - at <= QUOTE_LEN ||
            memcmp(span.ptr + at, "\u2019", QUOTE_LEN) != 0)
            return 0;
        memcpy(folded + at, "\u2019", QUOTE_LEN);
        at += QUOTE_LEN - 1;
        letter = false;
    }
    return letter ? span.len : 0;
}

static void take_foreign(struct hp_counter *counter)
{
    const struct hp_spans *spans = &counter->spans;
    char folded[CURLY_MAX];
    for (size_t i = 0; i < spans->foreigns; i++) {
        uint32_t start = spans->foreign[2 * i], end = spans->foreign[2 * i + 1];
        hp_str span = { spans->text.ptr + start, end - start };
        size_t len = fold_curly(span, folded);
        if (len)
            take_folded(counter, (hp_str){ folded, len });
        else
            hp_split_text(&counter->split, span);
    }
}

static enum hp_code tick(struct hp_counter *counter, size_t bytes,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    counter->unchecked += bytes;
    if (counter->unchecked < CHECKED_EVERY)
        return HP_OK;
    counter->unchecked = 0;
    return hp_deadline_check(deadline, fault);
}

static enum hp_code count_text(struct hp_counter *counter, hp_str text,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    size_t before = 0;
    hp_spans_begin(&counter->spans, text);
    while (hp_spans_next(&counter->spans)) {
        take_edges(counter);
        take_foreign(counter);
        if (counter->split.late)
            return hp_deadline_check(deadline, fault);
        HP_TRY(tick(counter, counter->spans.at - before, deadline, fault));
        before = counter->spans.at;
    }
    return HP_OK;
}

static enum hp_code count_text_plain(struct hp_counter *counter, hp_str text,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    counter->split.take = take_folded_plain;
    hp_split_text(&counter->split, text);
    counter->split.take = take_folded;
    return hp_deadline_check(deadline, fault);
}

// A word of more bytes is no term, be it a possessive or not, and no stemmer takes it.
static size_t longest_of(const struct hp_terms *terms)
{
    enum { POSSESSIVE = 4 };
    size_t longest = HP_STEM_MAX;
    for (size_t i = 0; i < terms->count; i++)
        longest = terms->term[i].len > longest ? terms->term[i].len : longest;
    return longest + POSSESSIVE;
}

static void use_scratch(struct hp_counter *counter, const struct hp_arena *arena)
{
    hp_arena_init(&counter->scratch, arena->budget, arena->ceiling);
    hp_split_init(&counter->split, &counter->scratch, take_folded, counter);
    counter->split.longest = longest_of(counter->terms);
}

// Scratch that one long word needed is not kept for all others.
static enum hp_code settle_scratch(struct hp_counts *counts, struct hp_fault *fault)
{
    struct hp_counter *counter = counts->counter;
    if (hp_split_failed(&counter->split))
        return hp_no_memory(&counter->scratch, fault);
    if (counter->scratch.held > SCRATCH_KEPT) {
        hp_arena_done(&counter->scratch);
        use_scratch(counter, counts->arena);
    }
    return HP_OK;
}

// --- storing -------------------------------------------------------------------------------------

static void put_number(struct hp_buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        hp_buf_char(out, (char)(value | 0x80));
    hp_buf_char(out, (char)value);
}

static uint32_t get_number(const uint8_t **at)
{
    uint32_t value = 0;
    unsigned shift = 0;
    for (; **at & 0x80; shift += 7)
        value |= (uint32_t)(*(*at)++ & 0x7f) << shift;
    return value | (uint32_t) * (*at)++ << shift;
}

// Takes the lowest term out.
static bool take_lowest(struct hp_term_set *set, size_t *term)
{
    for (size_t i = 0; i < HP_TERM_SETS; i++) {
        if (!set->bits[i])
            continue;
        *term = i * 64 + (size_t)__builtin_ctzll(set->bits[i]);
        set->bits[i] &= set->bits[i] - 1;
        return true;
    }
    return false;
}

static void put_set(struct hp_buf *out, const struct hp_term_set *set, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hp_buf_char(out, (char)(set->bits[i / 8] >> i % 8 * 8));
}

static size_t occurrence_bytes(uint64_t occurrences)
{
    return (size_t)(occurrences + 7) / 8;
}

static struct hp_term_set get_set(const uint8_t **at, size_t bytes)
{
    struct hp_term_set set = { { 0 } };
    for (size_t i = 0; i < bytes; i++)
        set.bits[i / 8] |= (uint64_t) * (*at)++ << i % 8 * 8;
    return set;
}

// The occurrences of the field's terms, a bit each, set at the last of each term.
static void put_occurrences(struct hp_counter *counter, struct hp_buf *out)
{
    struct hp_term_set left = counter->held;
    uint8_t *bits = (uint8_t *)out->ptr + out->len;
    size_t behind = 0, term;
    memset(bits, 0, occurrence_bytes(counter->hits));
    while (take_lowest(&left, &term)) {
        behind += counter->times[term];
        bits[(behind - 1) / 8] |= (uint8_t)(1 << (behind - 1) % 8);
        counter->times[term] = 0;
    }
    out->len += occurrence_bytes(behind);
}

enum { NUMBER_MAX = 10, DOUBLED_BELOW = 1 << 18 }; // bytes

// Nearly all that a large request takes is here: so it grows by little.
static bool room_for(struct hp_buf *buf, size_t more)
{
    if (more <= buf->cap - buf->len)
        return true;
    size_t cap = buf->cap + (buf->cap < DOUBLED_BELOW ? buf->cap : buf->cap / 16) + more;
    char *ptr = hp_grow(buf->arena, buf->ptr, buf->cap, cap);
    if (!ptr)
        return false;
    buf->ptr = ptr;
    buf->cap = cap;
    return true;
}

// Writes the field's counts down and makes room for the next: its length and whether it holds a
// term; which, and how often.
static bool store_field(struct hp_counts *counts, size_t field, struct hp_term_set *holds)
{
    struct hp_counter *counter = counts->counter;
    struct hp_buf *out = &counts->bytes;
    if (!room_for(out, NUMBER_MAX + counts->set_bytes + occurrence_bytes(counter->hits)))
        return false;
    put_number(out, counter->words << 1 | (counter->hits > 0));
    if (counter->hits) {
        put_set(out, &counter->held, counts->set_bytes);
        put_occurrences(counter, out);
        for (size_t i = 0; i < HP_TERM_SETS; i++)
            holds->bits[i] |= counter->held.bits[i];
        counter->held = (struct hp_term_set){ { 0 } };
        counter->hits = 0;
    }
    counts->length[field] += counter->words;
    counter->words = 0;
    return true;
}

static void store_holders(struct hp_counts *counts, const struct hp_term_set *holds)
{
    for (size_t i = 0; i < HP_TERM_SETS; i++)
        for (uint64_t left = holds->bits[i]; left; left &= left - 1)
            counts->holders[i * 64 + (size_t)__builtin_ctzll(left)]++;
}

enum { ROOM_FIRST = 256 };

static enum hp_code make_room(struct hp_counts *counts, struct hp_fault *fault)
{
    if (counts->documents < counts->room)
        return HP_OK;
    size_t room = counts->room ? counts->room * 2 : ROOM_FIRST;
    uint32_t *at = hp_grow(counts->arena, counts->at, counts->room * sizeof *at, room * sizeof *at);
    if (!at)
        return hp_no_memory(counts->arena, fault);
    counts->at = at;
    counts->room = room;
    return HP_OK;
}

// --- documents -----------------------------------------------------------------------------------

static inline enum hp_code add(struct hp_counts *counts, const hp_str *field, size_t fields,
    enum hp_code (*count)(struct hp_counter *counter, hp_str text,
        const struct hp_deadline *deadline, struct hp_fault *fault),
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    struct hp_term_set holds = { { 0 } };
    HP_TRY(make_room(counts, fault));
    counts->at[counts->documents] = (uint32_t)counts->bytes.len;
    counts->counter->split.deadline = deadline;
    for (size_t i = 0; i < fields; i++) {
        HP_TRY(count(counts->counter, field[i], deadline, fault));
        if (!store_field(counts, i, &holds))
            return hp_no_memory(counts->arena, fault);
    }
    HP_TRY(settle_scratch(counts, fault));
    store_holders(counts, &holds);
    counts->fields = counts->fields < fields ? fields : counts->fields;
    counts->documents++;
    return HP_OK;
}

enum hp_code hp_counts_add(struct hp_counts *counts, const hp_str *field, size_t fields,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    return add(counts, field, fields, count_text, deadline, fault);
}

enum hp_code hp_counts_add_plain(struct hp_counts *counts, const hp_str *field, size_t fields,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    return add(counts, field, fields, count_text_plain, deadline, fault);
}

enum hp_code hp_counts_init(struct hp_counts *counts, struct hp_terms *terms,
    struct hp_arena *arena, struct hp_fault *fault)
{
    *counts = (struct hp_counts){
        .set_bytes = (terms->count + 7) / 8, .bytes = hp_buf_in(arena), .arena = arena
    };
    struct hp_counter *counter = HP_NEW_RAW(arena, struct hp_counter, 1);
    if (!counter)
        return hp_no_memory(arena, fault);
    counter->terms = terms;
    counter->words = counter->hits = 0;
    counter->unchecked = 0;
    memset(counter->times, 0, sizeof counter->times);
    memset(&counter->held, 0, sizeof counter->held);
    use_scratch(counter, arena);
    counts->counter = counter;
    return HP_OK;
}

void hp_counts_done(struct hp_counts *counts)
{
    if (counts->counter)
        hp_arena_done(&counts->counter->scratch);
}

// The next field, if there is one.
static bool enter_field(struct hp_count_walk *walk)
{
    walk->at += occurrence_bytes(walk->read);
    walk->read = 0;
    if (walk->at == walk->end)
        return false;
    uint32_t head = get_number(&walk->at);
    walk->length = head >> 1;
    walk->fields++;
    if (head & 1)
        walk->left = get_set(&walk->at, walk->set_bytes);
    return true;
}

struct hp_count_walk hp_counts_of(const struct hp_counts *counts, size_t document)
{
    const uint8_t *bytes = (const uint8_t *)counts->bytes.ptr;
    bool last = document + 1 == counts->documents;
    return (struct hp_count_walk){ .set_bytes = counts->set_bytes,
        .at = bytes + counts->at[document],
        .end = bytes + (last ? counts->bytes.len : counts->at[document + 1]) };
}

// Behind the first bit that is set from `at` on.
static size_t behind_set(const uint8_t *bits, size_t at)
{
    while (!(bits[at / 8] >> at % 8))
        at = (at / 8 + 1) * 8;
    return at + (size_t)__builtin_ctz((unsigned)bits[at / 8] >> at % 8) + 1;
}

bool hp_count_next(struct hp_count_walk *walk, struct hp_count *out)
{
    while (!take_lowest(&walk->left, &out->term))
        if (!enter_field(walk))
            return false;
    size_t behind = behind_set(walk->at, walk->read);
    out->field = walk->fields - 1;
    out->length = walk->length;
    out->times = (uint32_t)(behind - walk->read);
    walk->read = behind;
    return true;
}
