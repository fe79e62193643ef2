// test_chunk.c -- chunks against a slow chunker written from the contract's words, the guarantees
// of the contract, and time that grows no faster than the text.
#include "text/chunk.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <stdio.h>

#include "test.h"
#include "texts.h"

static const struct hp_deadline never = { 0 };

struct document {
    struct hp_arena arena;
    hp_str text;
    struct hp_edges edges; // the plain list, for the slow chunker
    struct hp_structure structure;
    struct hp_tokens *tokens;
};

static void document_open(struct document *document, const struct hp_vocab *vocab, hp_str text)
{
    struct hp_fault fault;
    hp_arena_init(&document->arena, NULL, (size_t)4 << 30);
    document->text = text;
    document->structure = (struct hp_structure){ 0 };
    ck_assert_int_eq(
        hp_edges_find(text, &document->arena, &never, &document->edges, &fault), HP_OK);
    ck_assert_int_eq(
        hp_tokens_encode(vocab, text, &document->arena, &never, &document->tokens, &fault), HP_OK);
}

static struct hp_chunks document_cut(
    struct document *document, const struct hp_chunk_options *options)
{
    struct hp_fault fault;
    struct hp_chunks chunks;
    ck_assert_int_eq(hp_chunk_text(document->text, &document->structure, document->tokens, options,
                         &document->arena, &never, &chunks, &fault),
        HP_OK);
    return chunks;
}

// --- the slow chunker: every possible end is a row, every size is counted ------------------------

enum { ENDS_MAX = 4096 };

struct end {
    size_t at, next;
    int rank;
};

struct slow {
    const struct document *document;
    const struct hp_chunk_options *options;
    struct end end[ENDS_MAX];
    size_t count;
};

static size_t size_of(const struct slow *slow, size_t start, size_t end)
{
    if (slow->options->unit == HP_UNIT_TOKENS)
        return hp_tokens_count(slow->document->tokens, start, end);
    hp_str span = { slow->document->text.ptr + start, end - start };
    return slow->options->unit == HP_UNIT_CHARS ? hp_utf8_chars(span) : span.len;
}

static bool inside(const struct hp_element *element, size_t at)
{
    return element->start < at && at < element->end;
}

// What the structure makes of an edge.
static int slow_rank(const struct hp_structure *structure, const struct hp_edge *edge)
{
    int rank = edge->rank;
    bool begins = false, ends = false;
    for (size_t i = 0; i < structure->headings; i++) {
        const struct hp_heading *heading = &structure->heading[i];
        begins |= heading->start >= edge->at && heading->start <= edge->next;
        ends |= heading->end >= edge->at && heading->end <= edge->next;
    }
    if (rank >= HP_EDGE_LINE && ends)
        return HP_EDGE_LINE;
    if (rank >= HP_EDGE_LINE && rank < HP_EDGE_PAGE && begins)
        return HP_EDGE_SECTION;
    for (size_t i = 0; i < structure->elements; i++) {
        const struct hp_element *element = &structure->element[i];
        if (!inside(element, edge->at) || element->kind == HP_ELEMENT_HTML)
            continue;
        if (rank == HP_EDGE_PARAGRAPH)
            rank = HP_EDGE_LINE;
        if (rank < HP_EDGE_LINE && element->kind != HP_ELEMENT_ITEM)
            rank = HP_EDGE_WORD;
    }
    return rank;
}

// In an element that begins behind the start and is no longer than max.
static bool slow_kept(const struct slow *slow, size_t start, size_t at)
{
    const struct hp_structure *structure = &slow->document->structure;
    for (size_t i = 0; i < structure->elements; i++) {
        const struct hp_element *element = &structure->element[i];
        size_t from = element->start, len;
        if (from <= start || !inside(element, at))
            continue;
        while (hp_unicode_blank(hp_utf8_at(slow->document->text, from, &len)))
            from += len;
        if (size_of(slow, from, element->end) <= (size_t)slow->options->max)
            return true;
    }
    return false;
}

static void slow_ends(struct slow *slow)
{
    size_t at = slow->document->edges.first;
    slow->count = 0;
    for (size_t i = 0; i < slow->document->edges.count; i++) {
        const struct hp_edge *edge = &slow->document->edges.edge[i];
        for (at = hp_grapheme_end(slow->document->text, at); at < edge->at;
             at = hp_grapheme_end(slow->document->text, at))
            slow->end[slow->count++] = (struct end){ at, at, HP_EDGE_GRAPHEME };
        ck_assert_uint_eq(at, edge->at); // no edge cuts a cluster
        int rank = edge->rank;
        if (rank != HP_EDGE_DOCUMENT)
            rank = slow_rank(&slow->document->structure, edge);
        slow->end[slow->count++] = (struct end){ edge->at, edge->next, rank };
        at = edge->next;
    }
    ck_assert_uint_lt(slow->count, ENDS_MAX);
}

static const struct end *slow_last(const struct slow *slow)
{
    return &slow->end[slow->count - 1];
}

// Of the ends behind `after` that fit, and leave `least` on both sides, what the rule says; NULL:
// none.
static const struct end *slow_choose(
    const struct slow *slow, size_t start, size_t after, size_t least)
{
    const struct end *best = NULL;
    size_t max = (size_t)slow->options->max;
    bool best_half = false;
    for (size_t i = 0; i < slow->count; i++) {
        const struct end *end = &slow->end[i];
        if (end->at <= start || end->at <= after)
            continue;
        size_t size = size_of(slow, start, end->at);
        if (size > max || size < least || slow_kept(slow, start, end->at))
            continue;
        if (end == slow_last(slow))
            return least ? best : end;
        if (least && size_of(slow, end->next, slow_last(slow)->at) < least)
            continue;
        bool half = size * 2 >= max;
        if (!best || half > best_half || (half == best_half && end->rank >= best->rank)) {
            best = end;
            best_half = half;
        }
    }
    return best;
}

static struct end slow_end(const struct slow *slow, size_t start, size_t after, bool *oversize)
{
    size_t least = (size_t)(slow->options->min ? slow->options->min : slow->options->max / 8);
    const struct end *end = slow_choose(slow, start, 0, 0);
    *oversize = !end;
    if (!end)
        for (end = slow->end; end->at <= start;)
            end++;
    if (*oversize || end == slow_last(slow) || end->at <= after || least == 0 ||
        size_of(slow, end->next, slow_last(slow)->at) >= least)
        return *end;
    const struct end *shared = slow_choose(slow, start, after, least);
    return shared ? *shared : *end;
}

// The first start of the wanted kind (words, or clusters) that overlaps by at most `overlap`, and
// after which the chunk ends behind this one.
static bool slow_overlap(const struct slow *slow, size_t start, const struct end *this, bool words,
    size_t *at, struct end *next, bool *oversize, bool *any)
{
    *any = false;
    for (size_t i = 0; i < slow->count && slow->end[i].next < this->at; i++) {
        const struct end *edge = &slow->end[i];
        if (edge->next <= start || (edge->rank == HP_EDGE_GRAPHEME) == words)
            continue;
        if (size_of(slow, edge->next, this->at) > (size_t)slow->options->overlap)
            continue;
        *any = true;
        *next = slow_end(slow, edge->next, this->at, oversize);
        *at = edge->next;
        if (next->at > this->at)
            return true;
    }
    return false;
}

static size_t slow_cut(struct slow *slow, struct hp_chunk *out)
{
    size_t count = 0, start = slow->document->edges.first;
    bool oversize;
    slow_ends(slow);
    struct end end = slow_end(slow, start, 0, &oversize);
    for (;;) {
        struct hp_chunk chunk = { (uint32_t)start, (uint32_t)end.at, 0, (uint8_t)end.rank,
            oversize };
        struct hp_chunk *last = count ? &out[count - 1] : NULL;
        size_t min = (size_t)slow->options->min, max = (size_t)slow->options->max;
        if (last &&
            (size_of(slow, last->start, last->end) < min || size_of(slow, start, end.at) < min) &&
            size_of(slow, last->start, end.at) <= max)
            *last = (struct hp_chunk){ last->start, (uint32_t)end.at, 0, (uint8_t)end.rank, false };
        else
            out[count++] = chunk;
        if (end.at == slow_last(slow)->at)
            break;
        struct end next;
        size_t at;
        bool words, clusters, was = oversize;
        bool found = !was && slow_overlap(slow, start, &end, true, &at, &next, &oversize, &words);
        if (!found && !was && !words)
            found = slow_overlap(slow, start, &end, false, &at, &next, &oversize, &clusters);
        if (!found) {
            at = end.next;
            next = slow_end(slow, at, end.at, &oversize);
        }
        start = at;
        end = next;
    }
    for (size_t i = 0; i < count; i++)
        out[i].tokens = (uint32_t)hp_tokens_count(slow->document->tokens, out[i].start, out[i].end);
    return count;
}

static void show(const struct slow *slow, const struct hp_chunks *fast,
    const struct hp_chunk *chunk, size_t count)
{
    const struct hp_chunk_options *o = slow->options;
    for (size_t i = 0; i < slow->document->structure.elements; i++) {
        const struct hp_element *element = &slow->document->structure.element[i];
        fprintf(stderr, "element %u..%u %d\n", element->start, element->end, element->kind);
    }
    for (size_t i = 0; i < slow->document->structure.headings; i++)
        fprintf(stderr, "heading %u..%u\n", slow->document->structure.heading[i].start,
            slow->document->structure.heading[i].end);
    fprintf(stderr, "max %d overlap %d min %d unit %d text ", (int)o->max, (int)o->overlap,
        (int)o->min, o->unit);
    for (size_t i = 0; i < slow->document->text.len; i++)
        fprintf(stderr, "\\x%02x", (unsigned char)slow->document->text.ptr[i]);
    for (size_t i = 0; i < fast->count || i < count; i++) {
        const struct hp_chunk *f = i < fast->count ? &fast->chunk[i] : NULL;
        const struct hp_chunk *s = i < count ? &chunk[i] : NULL;
        if (f)
            fprintf(stderr, "\nfast %u..%u rank %d %d", f->start, f->end, f->boundary, f->oversize);
        if (s)
            fprintf(stderr, "\nslow %u..%u rank %d %d", s->start, s->end, s->boundary, s->oversize);
    }
    fprintf(stderr, "\n");
}

static void check_against_slow(struct document *document, const struct hp_chunk_options *options)
{
    static struct slow slow;
    static struct hp_chunk expected[ENDS_MAX];
    struct hp_chunks chunks = document_cut(document, options);
    slow.document = document;
    slow.options = options;
    size_t count = document->edges.count ? slow_cut(&slow, expected) : 0;
    bool same = chunks.count == count;
    for (size_t i = 0; same && i < count; i++)
        same = chunks.chunk[i].start == expected[i].start &&
               chunks.chunk[i].end == expected[i].end &&
               chunks.chunk[i].tokens == expected[i].tokens &&
               chunks.chunk[i].boundary == expected[i].boundary &&
               chunks.chunk[i].oversize == expected[i].oversize;
    if (!same)
        show(&slow, &chunks, expected, count);
    ck_assert(same);
}

static void random_options(struct random *random, struct hp_chunk_options *options)
{
    static const uint32_t sizes[] = { 1, 2, 3, 8, 20, 50, 200 };
    options->max = 1 + random_below(random, sizes[random_below(random, 7)]);
    options->overlap = random_below(random, 3) ? random_below(random, (uint32_t)options->max) : 0;
    if (random_below(random, 6) == 0)
        options->overlap = options->max - 1;
    options->min = random_below(random, 3) ? 0 : random_below(random, (uint32_t)options->max + 2);
    options->unit = (int)random_below(random, 3);
}

// --- random structures ---------------------------------------------------------------------------

enum { STRUCTURE_MAX = 64 };

static size_t random_place(struct random *random, hp_str text, size_t low, size_t high)
{
    size_t at = low + random_below(random, (uint32_t)(high - low));
    while (at > low && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
        at--;
    return at;
}

// Ends behind a character that is not blank; `low` where there is none.
static size_t trimmed(hp_str text, size_t low, size_t end)
{
    size_t len;
    while (end > low && hp_unicode_blank(hp_utf8_before(text, end, &len)))
        end -= len;
    return end;
}

struct forest {
    struct hp_element element[STRUCTURE_MAX];
    struct hp_heading heading[STRUCTURE_MAX];
    size_t elements, headings;
};

// Elements side by side and in each other in text[low, high).
static void plant(
    struct random *random, hp_str text, struct forest *forest, size_t low, size_t high)
{
    while (low < high && forest->elements < STRUCTURE_MAX && random_below(random, 4)) {
        size_t start = random_below(random, 2) ? random_place(random, text, low, high) : low;
        size_t end = trimmed(text, start, random_place(random, text, start, high));
        if (random_below(random, 2))
            end = trimmed(text, start, high);
        if (end <= start)
            return;
        forest->element[forest->elements++] =
            (struct hp_element){ (uint32_t)start, (uint32_t)end, (uint8_t)random_below(random, 5) };
        if (random_below(random, 2))
            plant(random, text, forest, start, end);
        low = end;
    }
}

static void plant_headings(struct random *random, hp_str text, struct forest *forest)
{
    for (size_t at = 0; at < text.len && forest->headings < STRUCTURE_MAX;) {
        size_t start = random_place(random, text, at, text.len);
        const char *line = memchr(text.ptr + start, '\n', text.len - start);
        size_t end = trimmed(text, start, line ? (size_t)(line - text.ptr) : text.len);
        if (end > start)
            forest->heading[forest->headings++] = (struct hp_heading){ (uint32_t)start,
                (uint32_t)end, (uint32_t)start, (uint32_t)end, 1 };
        at = end > start ? end : start + 1;
        while (at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
            at++;
    }
}

static struct hp_structure random_structure(
    struct random *random, hp_str text, struct forest *forest)
{
    forest->elements = forest->headings = 0;
    if (random_below(random, 2))
        plant(random, text, forest, 0, text.len);
    if (random_below(random, 2))
        plant_headings(random, text, forest);
    return (struct hp_structure){ forest->heading, forest->element, forest->headings,
        forest->elements, { 0 } };
}

static void compare_many(const struct hp_vocab *vocab, uint64_t seed, int rounds)
{
    static char text[ENDS_MAX];
    static struct forest forest;
    struct random random = { seed };
    for (int i = 0; i < rounds; i++) {
        size_t parts = random_below(&random, i % 10 ? 25 : 120);
        struct document document;
        struct hp_chunk_options options;
        hp_str s = { text, random_text(&random, text, parts, 1 + random_below(&random, 60)) };
        document_open(&document, vocab, s);
        for (int j = 0; j < 4; j++) {
            if (j > 1)
                document.structure = random_structure(&random, s, &forest);
            random_options(&random, &options);
            check_against_slow(&document, &options);
        }
        hp_arena_done(&document.arena);
    }
}

START_TEST(cuts_as_the_slow_chunker_does)
{
    compare_many(NULL, 1, 20000);
}
END_TEST

static struct hp_vocab *vocabulary(void)
{
    struct hp_fault fault = HP_FAULT_NONE;
    const char *folder = getenv("HOTPATHD_VOCAB");
    struct hp_vocab *vocab = hp_vocab_open(folder ? folder : "build/vocab", HP_O200K_BASE, &fault);
    if (!vocab)
        fprintf(stderr, "skipped: no o200k_base vocabulary (make vocab)\n");
    return vocab;
}

START_TEST(cuts_as_the_slow_chunker_does_by_exact_tokens)
{
    struct hp_vocab *vocab = vocabulary();
    if (!vocab)
        return;
    compare_many(vocab, 2, 10000);
    hp_vocab_close(vocab);
}
END_TEST

// --- time that grows as the text does -----------------------------------------------------------

enum { TIMED_BYTES = 1 << 16, TIMINGS = 5, RETRIES = 3 };

static const struct shape {
    const char *name, *unit;
    const char *once; // stands in the middle, NULL: nothing
} shapes[] = {
    { "no newline", "The wing lifts, for it turns air down. Dr. No saw it; so did I! ", NULL },
    { "no space", "antidisestablishmentarianism", NULL },
    { "one far blank line", "word ", "\n\n" },
    { "blank lines", "\n\n", "a" },
    { "combining run", "\xcc\x88", "a" },
    { "ZWJ run", "\xf0\x9f\x91\xa9\xe2\x80\x8d", NULL },
    { "flags", "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", NULL },
    { "prose", "The wing lifts, for it turns air down.\nDr. No saw it; so did I!\n\n", NULL },
};

static size_t shape_text(const struct shape *shape, char *text, size_t size)
{
    size_t step = strlen(shape->unit), once = shape->once ? strlen(shape->once) : 0, len = 0;
    bool done = !once;
    while (len + step + once <= size) {
        const char *unit = done || len * 2 < size ? shape->unit : shape->once;
        done |= unit == shape->once;
        memcpy(text + len, unit, strlen(unit));
        len += strlen(unit);
    }
    return len;
}

// CPU time of edges and chunks, without the encoding.
static uint64_t time_cut(
    const struct hp_vocab *vocab, hp_str text, const struct hp_chunk_options *options)
{
    struct document document;
    struct hp_fault fault;
    hp_arena_init(&document.arena, NULL, (size_t)4 << 30);
    document.text = text;
    ck_assert(!hp_tokens_encode(vocab, text, &document.arena, &never, &document.tokens, &fault));
    uint64_t from = hp_thread_cpu_ns();
    document.structure = (struct hp_structure){ 0 };
    document_cut(&document, options);
    uint64_t ns = hp_thread_cpu_ns() - from;
    hp_arena_done(&document.arena);
    return ns;
}

static int compare_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// How much longer twice the text takes, by the medians of runs in turn.
static double doubling(
    const struct hp_vocab *vocab, const struct shape *shape, const struct hp_chunk_options *options)
{
    static char text[2 * TIMED_BYTES];
    uint64_t once[TIMINGS], twice[TIMINGS];
    for (int i = 0; i < TIMINGS; i++) {
        hp_str s = { text, shape_text(shape, text, TIMED_BYTES) };
        once[i] = time_cut(vocab, s, options);
        s.len = shape_text(shape, text, 2 * TIMED_BYTES);
        twice[i] = time_cut(vocab, s, options);
    }
    qsort(once, TIMINGS, sizeof *once, compare_ns);
    qsort(twice, TIMINGS, sizeof *twice, compare_ns);
    return (double)twice[TIMINGS / 2] / (double)once[TIMINGS / 2];
}

static void check_linear(const struct hp_vocab *vocab)
{
    static const struct hp_chunk_options options[] = {
        { .max = 512, .overlap = 64, .unit = HP_UNIT_TOKENS },
        { .max = 1, .unit = HP_UNIT_TOKENS },
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t j = 0; j < sizeof options / sizeof *options; j++) {
            double ratio = doubling(vocab, &shapes[i], &options[j]);
            for (int again = 0; again < RETRIES && ratio > 2.8; again++)
                ratio = doubling(vocab, &shapes[i], &options[j]);
            ck_assert_msg(ratio <= 2.8, "%s, max %d: twice the text takes %.1f times as long",
                shapes[i].name, (int)options[j].max, ratio);
        }
}

START_TEST(takes_time_as_the_text_is_long)
{
    check_linear(NULL);
}
END_TEST

START_TEST(takes_time_as_the_text_is_long_by_exact_tokens)
{
    struct hp_vocab *vocab = vocabulary();
    if (!vocab)
        return;
    check_linear(vocab);
    hp_vocab_close(vocab);
}
END_TEST

TESTS("chunk", cuts_as_the_slow_chunker_does, cuts_as_the_slow_chunker_does_by_exact_tokens,
    takes_time_as_the_text_is_long, takes_time_as_the_text_is_long_by_exact_tokens)
