// terms.c -- analysis of the query, and the way from a word to a term: surface, stem, term.
#include "rank/terms.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

// --- words that were seen ------------------------------------------------------------------------

// Words of at most eight bytes are their own key; longer ones are kept beside their hash.
struct hp_surface {
    uint64_t key;
    const char *text; // NULL: a free place, or a short word
    uint32_t len;     // 0: a free place
    int32_t term;     // -1: none
};

enum { SHORT = 8, KNOWN_FIRST = 256, KNOWN_TIMES = 8, KNOWN_MAX = 16384, KNOWN_BYTES = 256 << 10 };

static uint64_t four_bytes(const char *at)
{
    uint32_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

// The bytes of a word of at most eight as a number, the first lowest: memcpy would be a call.
static uint64_t short_key(hp_str word)
{
    const unsigned char *bytes = (const unsigned char *)word.ptr;
    if (word.len >= 4)
        return four_bytes(word.ptr) | four_bytes(word.ptr + word.len - 4) << 8 * (word.len - 4);
    uint64_t key = bytes[0];
    if (word.len > 1)
        key |= (uint64_t)bytes[1] << 8;
    if (word.len > 2)
        key |= (uint64_t)bytes[2] << 16;
    return key;
}

static size_t place_of(const struct hp_terms *terms, uint64_t key)
{
    uint64_t mixed = key * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 32) & (terms->known_size - 1);
}

static bool is_surface(const struct hp_surface *known, uint64_t key, hp_str word)
{
    return known->key == key && known->len == word.len &&
           (word.len <= SHORT || memcmp(known->text, word.ptr, word.len) == 0);
}

// Where `word` is, or would be.
static struct hp_surface *surface_of(const struct hp_terms *terms, uint64_t key, hp_str word)
{
    size_t at = place_of(terms, key);
    while (terms->known[at].len && !is_surface(&terms->known[at], key, word))
        at = (at + 1) & (terms->known_size - 1);
    return &terms->known[at];
}

// More room. Without memory for it all stays as it is: what is not known is worked out again.
static void grow(struct hp_terms *terms)
{
    struct hp_surface *old = terms->known;
    size_t size = terms->known_size;
    struct hp_surface *known = HP_NEW(terms->arena, struct hp_surface, size * KNOWN_TIMES);
    if (!known)
        return;
    terms->known = known;
    terms->known_size = size * KNOWN_TIMES;
    for (size_t i = 0; i < size; i++) {
        if (!old[i].len)
            continue;
        size_t at = place_of(terms, old[i].key);
        while (known[at].len)
            at = (at + 1) & (terms->known_size - 1);
        known[at] = old[i];
    }
}

static void remember(struct hp_terms *terms, uint64_t key, hp_str word, int term)
{
    if (terms->known_count * 2 >= terms->known_size && terms->known_size < KNOWN_MAX)
        grow(terms);
    if (terms->known_count * 2 >= terms->known_size)
        return;
    char *copy = NULL;
    if (word.len > SHORT) {
        bool room = terms->known_bytes + word.len <= KNOWN_BYTES;
        copy = room ? HP_NEW_RAW(terms->arena, char, word.len) : NULL;
        if (!copy)
            return;
        memcpy(copy, word.ptr, word.len);
        terms->known_bytes += word.len;
    }
    struct hp_surface *place = surface_of(terms, key, word);
    *place = (struct hp_surface){ key, copy, (uint32_t)word.len, term };
    terms->known_count++;
}

// --- from a word to its term ---------------------------------------------------------------------

static int term_of(const struct hp_terms *terms, hp_str stem)
{
    for (size_t i = 0; i < terms->count; i++)
        if (hp_str_equal(terms->term[i], stem))
            return (int)i;
    return -1;
}

int hp_terms_find(struct hp_terms *terms, hp_str folded)
{
    if (folded.len > HP_STEM_MAX)
        return term_of(terms, folded);
    uint64_t key = folded.len <= SHORT ? short_key(folded) : XXH3_64bits(folded.ptr, folded.len);
    const struct hp_surface *known = surface_of(terms, key, folded);
    if (known->len)
        return known->term;
    int term = term_of(terms, hp_stem(terms->analyzer, folded));
    remember(terms, key, folded, term);
    return term;
}

static size_t short_len(uint64_t bytes)
{
    return (size_t)(71 - __builtin_clzll(bytes | 1)) / 8;
}

int hp_terms_known(const struct hp_terms *terms, uint64_t bytes)
{
    const struct hp_surface *known = surface_of(terms, bytes, (hp_str){ NULL, short_len(bytes) });
    return known->len ? known->term : -2;
}

// --- heads ---------------------------------------------------------------------------------------

enum { ANY = 32 }; // instead of a byte

// A pair of bytes, each of them or ANY.
static void admit_pair(uint64_t *table, unsigned first, unsigned second)
{
    for (unsigned a = 0; a < 32; a++)
        for (unsigned b = 0; b < 32; b++)
            if ((first == ANY || a == (first & 31)) && (second == ANY || b == (second & 31)))
                table[(a | b << 5) / 64] |= UINT64_C(1) << (a | b << 5) % 64;
}

// The byte at `at`, 0 behind the end; ANY where a suffix may have been.
static unsigned byte_at(hp_str term, size_t at, size_t changed)
{
    if (at + changed >= term.len && changed)
        return ANY;
    unsigned char c = at < term.len ? (unsigned char)term.ptr[at] : 0;
    return c & 31;
}

// The first bytes of all words whose stem is `term`. Snowball's English and its porter leave of a
// word what stands before its suffix, and put at most two letters behind that (-ble for -biliti,
// die for dying). They change nothing before R1, which starts behind two letters, but for: a suffix
// that leaves one letter ("aed", and what stands before an apostrophe); dying, lying, tying; y,
// which porter makes an i behind any vowel ("ay" becomes "ai").
static void admit(struct hp_terms *terms, hp_str term)
{
    enum hp_head kind = terms->analyzer->head;
    const size_t changed = kind == HP_HEAD_EXACT ? 0 : 2;
    if (kind == HP_HEAD_ANY) {
        memset(terms->head, 0xff, sizeof terms->head);
        memset(terms->neck, 0xff, sizeof terms->neck);
        return;
    }
    unsigned first = byte_at(term, 0, 0), second = byte_at(term, 1, 0);
    admit_pair(terms->head, first, changed && term.len == 1 ? ANY : second);
    if (changed && second == ('i' & 31))
        admit_pair(terms->head, first, 'y');
    admit_pair(terms->neck, byte_at(term, 2, changed), byte_at(term, 3, changed));
}

// --- analysis ------------------------------------------------------------------------------------

struct reading {
    struct hp_terms *terms;
    struct hp_analysed *out;
    uint32_t *times;
    bool add, full, no_memory;
};

static int add_term(struct reading *reading, hp_str stem)
{
    struct hp_terms *terms = reading->terms;
    int term = term_of(terms, stem);
    if (term >= 0 || !reading->add)
        return term;
    reading->full = reading->full || terms->count == terms->limit;
    char *copy = reading->full ? NULL : hp_arena_text(terms->arena, stem);
    reading->no_memory = reading->no_memory || (!reading->full && !copy);
    if (!copy)
        return -1;
    terms->term[terms->count] = (hp_str){ copy, stem.len };
    admit(terms, terms->term[terms->count]);
    return (int)terms->count++;
}

static void read_word(void *context, hp_str word)
{
    struct reading *reading = context;
    const struct hp_analyzer *analyzer = reading->terms->analyzer;
    hp_str kept = analyzer->english ? hp_unpossessed(word) : word;
    reading->out->words++;
    if (analyzer->english && !analyzer->keep_stops && hp_english_stop(kept)) {
        reading->out->stops++;
        return;
    }
    int term = add_term(reading, hp_stem(analyzer, kept));
    if (term < 0)
        return;
    reading->out->terms++;
    hp_term_set_add(&reading->out->set, (size_t)term);
    if (reading->times)
        reading->times[term]++;
}

static enum hp_code read_text(
    struct reading *reading, hp_str text, const char *pointer, struct hp_fault *fault)
{
    struct hp_terms *terms = reading->terms;
    terms->split.context = reading;
    *reading->out = (struct hp_analysed){ 0 };
    hp_split_text(&terms->split, text);
    if (reading->no_memory || hp_split_failed(&terms->split))
        return hp_no_memory(terms->arena, fault);
    if (reading->full)
        return hp_fail_limit(fault, HP_TOO_MANY_TERMS, pointer, terms->limit,
            "at most %zu different words in query, must and must_not", terms->limit);
    return HP_OK;
}

enum hp_code hp_terms_init(struct hp_terms *terms, const struct hp_analyzer *analyzer, size_t limit,
    struct hp_arena *arena, struct hp_fault *fault)
{
    *terms = (struct hp_terms){ .analyzer = analyzer,
        .arena = arena,
        .limit = limit,
        .known = HP_NEW(arena, struct hp_surface, KNOWN_FIRST),
        .known_size = KNOWN_FIRST };
    hp_split_init(&terms->split, arena, read_word, NULL);
    return terms->known ? HP_OK : hp_no_memory(arena, fault);
}

enum hp_code hp_terms_add(struct hp_terms *terms, hp_str text, uint32_t *times, const char *pointer,
    struct hp_analysed *out, struct hp_fault *fault)
{
    struct reading reading = { .terms = terms, .out = out, .times = times, .add = true };
    return read_text(&reading, text, pointer, fault);
}

enum hp_code hp_terms_match(
    struct hp_terms *terms, hp_str text, struct hp_analysed *out, struct hp_fault *fault)
{
    struct reading reading = { .terms = terms, .out = out };
    return read_text(&reading, text, NULL, fault);
}
