// test_chunk.c -- chunks against a slow chunker written from the contract's words, the guarantees
// of the contract, and time that grows no faster than the text.
#include "chunk_checks.h"
#include "chunk_oracle.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>

#include "test.h"

static const struct hp_deadline never = { 0 };

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
    size_t count;
    struct hp_chunks chunks = document_cut(document, options);
    slow.document = document;
    slow.options = options;
    bool same = as_slow(&slow, &chunks, expected, &count);
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

static void compare_many(const struct hp_vocab *vocab, uint64_t seed, int count)
{
    static char text[ENDS_MAX];
    static struct forest forest;
    struct random random = { seed };
    for (int i = 0; i < count; i++) {
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

// --- what holds of every text --------------------------------------------------------------------

static const struct shape {
    const char *name, *unit;
    const char *once; // stands in the middle, NULL: nothing
    enum { NO_ELEMENTS, SIDE_BY_SIDE, NESTED, TREES } elements; // one a unit, if any
} shapes[] = {
    { "no newline", "The wing lifts, for it turns air down. Dr. No saw it; so did I! ", NULL, 0 },
    { "no space", "antidisestablishmentarianism", NULL, 0 },
    { "one far blank line", "word ", "\n\n", 0 },
    { "blank lines", "\n\n", "a", 0 },
    { "combining run", "\xcc\x88", "a", 0 },
    { "ZWJ run", "\xf0\x9f\x91\xa9\xe2\x80\x8d", NULL, 0 },
    { "flags", "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", NULL, 0 },
    { "prose", "The wing lifts, for it turns air down.\nDr. No saw it; so did I!\n\n", NULL, 0 },
    { "base64", "aGVsbG8gd29ybGQ3", NULL, 0 },
    { "brackets", ")", NULL, 0 },
    { "numbers", "1. ", NULL, 0 },
    { "marked letters", "e\xcc\x81 ", NULL, 0 },
    { "ideographs", "\xe4\xb8\xad", NULL, 0 },
    { "closed sentences", "\xe3\x80\x82\xef\xbc\x89", NULL, 0 },
    { "letters with stops", "a.", NULL, 0 },
    { "short lines", "a\n", NULL, 0 },
    { "no-break spaces", "\xc2\xa0", "a", 0 },
    { "items", "- an item, or a part of one.\n", NULL, SIDE_BY_SIDE },
    { "nested items", "- ", "a", NESTED },
    { "nested lines", "- a\n", NULL, NESTED },
    { "trees of items", "- a\n", NULL, TREES },
};

enum { SHAPES = sizeof shapes / sizeof *shapes, TREE = 64 };

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

// Item i of a tree holds those behind it in the tree.
static size_t element_end(const struct shape *shape, size_t i, size_t step, size_t len)
{
    size_t end = (i + 1) * step - 1;
    if (shape->elements == NESTED)
        end = len - 1;
    if (shape->elements == TREES)
        end = (i / TREE + 1) * TREE * step - 1;
    return end < len ? end : len;
}

static struct hp_structure shape_structure(
    const struct shape *shape, hp_str text, struct hp_arena *arena)
{
    size_t step = strlen(shape->unit), count = text.len / step;
    struct hp_element *element = HP_NEW(arena, struct hp_element, count + 1);
    ck_assert_ptr_nonnull(element);
    if (shape->elements == NO_ELEMENTS)
        count = 0;
    for (size_t i = 0; i < count; i++)
        element[i] = (struct hp_element){ (uint32_t)(i * step),
            (uint32_t)element_end(shape, i, step, text.len), HP_ELEMENT_ITEM };
    return (struct hp_structure){ .element = element, .elements = count };
}

static void check_holds(struct document *document, const struct hp_chunk_options *options)
{
    struct hp_chunks chunks = document_cut(document, options);
    struct chunk_check check = { document->text, document->tokens, options,
        clusters_of(document->text, &document->arena) };
    const char *wrong = wrong_chunks(&check, &chunks);
    if (wrong)
        show(&(struct slow){ .document = document, .options = options }, &chunks, NULL, 0);
    ck_assert_msg(!wrong, "%s", wrong);
}

static void larger_options(struct random *random, struct hp_chunk_options *options)
{
    random_options(random, options);
    if (random_below(random, 2))
        options->max *= 1 + random_below(random, 20);
}

static void hold_on_many(const struct hp_vocab *vocab, uint64_t seed, int count)
{
    static char text[ENDS_MAX * 4];
    static struct forest forest;
    struct random random = { seed };
    for (int i = 0; i < count; i++) {
        struct document document;
        struct hp_chunk_options options;
        hp_str s = { text,
            random_text(&random, text, random_below(&random, 500), 1 + random_below(&random, 60)) };
        document_open(&document, vocab, s);
        for (int j = 0; j < 4; j++) {
            document.structure = random_structure(&random, s, &forest);
            larger_options(&random, &options);
            check_holds(&document, &options);
        }
        hp_arena_done(&document.arena);
    }
}

enum { SHAPE_BYTES = 6000 };

static void hold_on_shapes(const struct hp_vocab *vocab)
{
    static char text[SHAPE_BYTES];
    struct random random = { 31 };
    for (size_t i = 0; i < SHAPES; i++) {
        struct document document;
        struct hp_chunk_options options;
        document_open(
            &document, vocab, (hp_str){ text, shape_text(&shapes[i], text, SHAPE_BYTES) });
        document.structure = shape_structure(&shapes[i], document.text, &document.arena);
        for (int j = 0; j < 12; j++) {
            larger_options(&random, &options);
            check_holds(&document, &options);
        }
        hp_arena_done(&document.arena);
    }
}

START_TEST(keeps_what_the_contract_promises)
{
    hold_on_many(NULL, 3, rounds(1500));
    hold_on_shapes(NULL);
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

START_TEST(keeps_what_the_contract_promises_by_exact_tokens)
{
    struct hp_vocab *vocab = vocabulary();
    if (!vocab)
        return;
    hold_on_many(vocab, 4, rounds(700));
    hold_on_shapes(vocab);
    hp_vocab_close(vocab);
}
END_TEST

START_TEST(cuts_as_the_slow_chunker_does)
{
    compare_many(NULL, 1, rounds(8000));
}
END_TEST

START_TEST(cuts_as_the_slow_chunker_does_by_exact_tokens)
{
    struct hp_vocab *vocab = vocabulary();
    if (!vocab)
        return;
    compare_many(vocab, 2, rounds(4000));
    hp_vocab_close(vocab);
}
END_TEST

START_TEST(counts_nothing_where_nothing_is_asked_for)
{
    hp_str text = HP_STR("One two three.\n\nFour five.");
    struct hp_chunk_options options = { .max = 15, .unit = HP_UNIT_BYTES };
    struct document document;
    document_open(&document, NULL, text);
    struct hp_chunks counted = document_cut(&document, &options);
    document.tokens = NULL;
    struct hp_chunks chunks = document_cut(&document, &options);
    ck_assert_uint_eq(chunks.count, 2);
    ck_assert_uint_eq(chunks.chunk[1].start, counted.chunk[1].start);
    ck_assert_uint_eq(chunks.chunk[1].tokens, 0);
    ck_assert_uint_gt(counted.chunk[1].tokens, 0);
    hp_arena_done(&document.arena);
}
END_TEST

static enum hp_code cut_code(struct document *document, const struct hp_deadline *deadline)
{
    static const struct hp_chunk_options options = { .max = 3, .overlap = 1 };
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_chunks chunks;
    return hp_chunk_text(document->text, &document->structure, document->tokens, &options,
        &document->arena, deadline, &chunks, &fault);
}

START_TEST(stops_at_the_deadline_and_where_memory_ends)
{
    static const struct hp_deadline past = { .at_ns = 1 };
    struct hp_element item = { 0, 8, HP_ELEMENT_ITEM };
    struct document document;
    unsigned n = 0;
    document_open(&document, NULL, HP_S("One two, three four.\nantidisestablishmentarianism"));
    document.structure = (struct hp_structure){ .element = &item, .elements = 1 };
    ck_assert_int_eq(cut_code(&document, &past), HP_DEADLINE);
    do
        document.arena.fail_after = ++n;
    while (cut_code(&document, &never) != HP_OK);
    ck_assert_uint_gt(n, 8);
    hp_arena_done(&document.arena);
}
END_TEST

// --- elements that are kept whole
// ------------------------------------------------------------------

static const struct {
    const char *text;
    const char *element[3]; // each marked under the text, outer before inner
    int max;                // bytes
    const char *chunks;     // joined by |
} kept[] = {
    { "aaa\nbbb\nccc\nddd", { "    iiiiiii    " }, 10, "aaa|bbb\nccc|ddd" },
    { "aaa\nbbb\nccc\nddd", { NULL }, 10, "aaa\nbbb|ccc\nddd" },
    { "aaa\nbbb\nccc\nddd", { "    iiiiiiiiiii" }, 7, "aaa\nbbb|ccc\nddd" },
    { "aaa\nbbb\nccc\nddd", { "    iiiiiiiiiii", "        iiiiiii" }, 8, "aaa\nbbb|ccc\nddd" },
    { "a\n\nbbb ccc\nddd", { "   iiiiiii" }, 8, "a|bbb ccc|ddd" },
    { "aaaaaaa\nbb cc", { "        iiiii" }, 11, "aaaaaaa|bb cc" },
};

static void check_kept(size_t i)
{
    struct hp_element element[3];
    struct hp_structure structure = { .element = element };
    struct hp_chunk_options options = { .max = kept[i].max, .unit = HP_UNIT_BYTES };
    struct document document;
    char joined[64] = "";
    for (size_t j = 0; j < 3 && kept[i].element[j]; j++) {
        const char *row = kept[i].element[j];
        size_t start = strspn(row, " ");
        element[structure.elements++] = (struct hp_element){ (uint32_t)start,
            (uint32_t)(start + strspn(row + start, "i")), HP_ELEMENT_ITEM };
    }
    document_open(&document, NULL, hp_str_from(kept[i].text));
    document.structure = structure;
    struct hp_chunks chunks = document_cut(&document, &options);
    for (size_t j = 0; j < chunks.count; j++) {
        const struct hp_chunk *chunk = &chunks.chunk[j];
        strncat(joined, document.text.ptr + chunk->start, chunk->end - chunk->start);
        strcat(joined, j + 1 < chunks.count ? "|" : "");
    }
    ck_assert_str_eq(joined, kept[i].chunks);
    hp_arena_done(&document.arena);
}

START_TEST(keeps_elements_whole_that_fit)
{
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        check_kept(i);
}
END_TEST

// --- time that grows as the text does -----------------------------------------------------------

enum { DOUBLINGS = 3, TIMINGS = 3, RETRIES = 4 };

// CPU time of cutting, without the encoding: the least of a few runs.
static uint64_t time_cut(const struct hp_vocab *vocab, const struct shape *shape, size_t size,
    const struct hp_chunk_options *options, size_t *chunks)
{
    struct document document;
    struct hp_fault fault;
    uint64_t best = UINT64_MAX;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    for (int i = 0; i < TIMINGS; i++) {
        hp_arena_init(&document.arena, NULL, (size_t)4 << 30);
        document.text = (hp_str){ text, shape_text(shape, text, size) };
        ck_assert(!hp_tokens_encode(
            vocab, document.text, &document.arena, &never, &document.tokens, &fault));
        document.structure = shape_structure(shape, document.text, &document.arena);
        uint64_t from = hp_thread_cpu_ns();
        *chunks = document_cut(&document, options).count;
        uint64_t ns = hp_thread_cpu_ns() - from;
        best = ns < best ? ns : best;
        hp_arena_done(&document.arena);
    }
    free(text);
    return best;
}

static const struct timed {
    struct hp_chunk_options options;
    size_t size, least; // the least text, and the least chunks that its time counts with
} timings[] = {
    { { .max = 512, .overlap = 64, .unit = HP_UNIT_TOKENS }, 1 << 15, 1 },
    { { .max = 512, .unit = HP_UNIT_TOKENS }, 1 << 15, 1 },
    { { .max = 1, .unit = HP_UNIT_TOKENS }, 1 << 12, 16 },
    { { .max = 64, .overlap = 63, .unit = HP_UNIT_TOKENS }, 1 << 11, 16 },
    { { .max = 500, .overlap = 499, .unit = HP_UNIT_CHARS }, 1 << 14, 16 },
};

// How much longer twice the text takes, in the mean of the doublings; 0 where it gives too few
// chunks to tell.
static double doubling(
    const struct hp_vocab *vocab, const struct shape *shape, const struct timed *timed)
{
    size_t chunks;
    double once = (double)time_cut(vocab, shape, timed->size, &timed->options, &chunks);
    if (chunks < timed->least)
        return 0;
    double most =
        (double)time_cut(vocab, shape, timed->size << DOUBLINGS, &timed->options, &chunks);
    return cbrt(most / once);
}

static void check_linear(const struct hp_vocab *vocab)
{
    if (SANITIZED)
        return;
    mallopt(M_MMAP_THRESHOLD, 1 << 28); // as the daemon does: memory is faulted in once
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    for (size_t i = 0; i < SHAPES; i++)
        for (size_t j = 0; j < sizeof timings / sizeof *timings; j++) {
            double ratio = 9;
            for (int again = 0; again < RETRIES && ratio > 2.8; again++)
                ratio = doubling(vocab, &shapes[i], &timings[j]);
            ck_assert_msg(ratio <= 2.8,
                "%s, max %d, overlap %d: twice the text takes %.1f times as long", shapes[i].name,
                (int)timings[j].options.max, (int)timings[j].options.overlap, ratio);
        }
}

// A bound may be any number: none is multiplied before it is known to be less than the text.
START_TEST(bounds_beyond_the_text_are_no_bounds)
{
    static const int64_t bounds[] = { 1 << 20, ((int64_t)1 << 60) - 4, INT64_MAX };
    static char text[4000];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        for (int unit = HP_UNIT_TOKENS; unit <= HP_UNIT_BYTES; unit++) {
            struct document document;
            struct hp_chunk_options options = {
                .max = bounds[i], .overlap = bounds[i] - 1, .min = bounds[i], .unit = unit
            };
            document_open(&document, NULL, (hp_str){ text, sizeof text });
            struct hp_chunks chunks = document_cut(&document, &options);
            ck_assert_uint_eq(chunks.count, 1);
            ck_assert_uint_eq(chunks.chunk[0].end, sizeof text);
            hp_arena_done(&document.arena);
        }
    }
}
END_TEST

START_TEST(takes_time_as_the_text_is_long)
{
    if (SANITIZED)
        return;
    check_linear(NULL);
}
END_TEST

START_TEST(takes_time_as_the_text_is_long_by_exact_tokens)
{
    if (SANITIZED)
        return;
    struct hp_vocab *vocab = vocabulary();
    if (!vocab)
        return;
    check_linear(vocab);
    hp_vocab_close(vocab);
}
END_TEST

TESTS("chunk", cuts_as_the_slow_chunker_does, cuts_as_the_slow_chunker_does_by_exact_tokens,
    keeps_what_the_contract_promises, keeps_what_the_contract_promises_by_exact_tokens,
    counts_nothing_where_nothing_is_asked_for, stops_at_the_deadline_and_where_memory_ends,
    keeps_elements_whole_that_fit, bounds_beyond_the_text_are_no_bounds,
    takes_time_as_the_text_is_long, takes_time_as_the_text_is_long_by_exact_tokens)
