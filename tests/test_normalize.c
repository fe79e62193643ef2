// test_normalize.c -- NFC and NFKC against what Unicode says: a committed file of strings (16.0),
// every code point, and the consortium's own test where the system carries it (Debian's
// unicode-data, 15.0).
#include "text/normalize.h"
#include "text/unicode_data.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

#include "test.h"

#include <stdio.h>

static const struct hp_deadline never = { 0 };

// Length of the prefix of `s` that the quick check vouches for.
static size_t normal_prefix(hp_str s, enum hp_form form)
{
    struct hp_normalizer normalizer = hp_normalizer_of(s, form, &never, NULL);
    struct hp_fault fault;
    size_t len;
    ck_assert_int_eq(hp_normalizer_prefix(&normalizer, 0, s.len, &len, &fault), HP_OK);
    return len;
}

// Normalizes the first segment of `s` into `out`; its length in `s`.
static size_t normalize_segment(hp_str s, enum hp_form form, struct hp_buf *out)
{
    struct hp_normalizer normalizer = hp_normalizer_of(s, form, &never, out->arena);
    struct hp_fault fault;
    size_t len;
    ck_assert_int_eq(hp_normalizer_segment(&normalizer, 0, s.len, out, &len, &fault), HP_OK);
    return len;
}

static hp_str normalize(hp_str s, enum hp_form form, struct hp_buf *out)
{
    out->len = 0;
    for (size_t at = 0; at < s.len;) {
        hp_str rest = { s.ptr + at, s.len - at };
        size_t ready = normal_prefix(rest, form);
        hp_buf_add(out, (hp_str){ rest.ptr, ready });
        at += ready;
        if (at < s.len)
            at += normalize_segment((hp_str){ s.ptr + at, s.len - at }, form, out);
    }
    ck_assert(!out->failed);
    return hp_buf_str(out);
}

// The same without the quick check: every segment is taken apart and composed again.
static hp_str normalize_all(hp_str s, enum hp_form form, struct hp_buf *out)
{
    out->len = 0;
    for (size_t at = 0; at < s.len;)
        at += normalize_segment((hp_str){ s.ptr + at, s.len - at }, form, out);
    ck_assert(!out->failed);
    return hp_buf_str(out);
}

// Reads hexadecimal code points up to ';' or the line end into `text`.
static hp_str read_points(const char **at, char *text)
{
    size_t len = 0;
    while (**at && **at != ';' && **at != '\n') {
        char *end;
        len += hp_utf8_put(text + len, (uint32_t)strtoul(*at, &end, 16));
        *at = *end == ' ' ? end + 1 : end;
    }
    *at += **at == ';';
    return (hp_str){ text, len };
}

static void check(hp_str source, enum hp_form form, hp_str want, struct hp_buf *out, int line)
{
    if (!hp_str_equal(normalize(source, form, out), want) ||
        !hp_str_equal(normalize_all(source, form, out), want) ||
        !hp_str_equal(normalize(want, form, out), want))
        ck_abort_msg("form %d, line %d", form, line);
}

START_TEST(agrees_with_unicode_16_on_strings)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 64 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    static char line[8192], text[3][8192];
    FILE *file = fopen("tests/data/normalize.txt", "r");
    ck_assert_ptr_nonnull(file);
    int number = 0;
    while (fgets(line, sizeof line, file)) {
        if (++number <= 2)
            continue; // comment, hashes
        const char *at = line;
        hp_str source = read_points(&at, text[0]);
        hp_str nfc = read_points(&at, text[1]), nfkc = read_points(&at, text[2]);
        check(source, HP_FORM_NFC, nfc, &out, number);
        check(source, HP_FORM_NFKC, nfkc, &out, number);
        check(nfc, HP_FORM_NFKC, nfkc, &out, number);
    }
    ck_assert_int_gt(number, 1000);
    fclose(file);
    hp_arena_done(&arena);
}
END_TEST

static uint64_t add_form(uint64_t hash, hp_str text, enum hp_form form, struct hp_buf *out)
{
    hp_str form_of = normalize(text, form, out);
    for (size_t i = 0; i < form_of.len; i++)
        hash = (hash ^ (unsigned char)form_of.ptr[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t hash_of_all(enum hp_form form, struct hp_buf *out)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char text[4];
        if (cp < 0xd800 || cp >= 0xe000)
            hash = add_form(hash, (hp_str){ text, hp_utf8_put(text, cp) }, form, out);
    }
    return hash;
}

// Every mark behind and before three others.
static uint64_t hash_of_orders(enum hp_form form, struct hp_buf *out)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char text[32], mark[5] = { 0 };
        if (hp_norm_of(cp)->ccc == 0)
            continue;
        hp_utf8_put(mark, cp);
        snprintf(text, sizeof text, "a\u0315\u0300\u05ae%sb", mark);
        hash = add_form(hash, hp_str_from(text), form, out);
        snprintf(text, sizeof text, "a%s\u0315\u0300\u05aeb", mark);
        hash = add_form(hash, hp_str_from(text), form, out);
    }
    return hash;
}

START_TEST(agrees_with_unicode_16_on_every_code_point)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    unsigned long long all[2], orders[2];
    FILE *file = fopen("tests/data/normalize.txt", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%*[^\n] %16llx;%16llx;%16llx;%16llx", &all[0], &all[1],
                         &orders[0], &orders[1]),
        4);
    fclose(file);
    ck_assert_uint_eq(hash_of_all(HP_FORM_NFC, &out), all[0]);
    ck_assert_uint_eq(hash_of_all(HP_FORM_NFKC, &out), all[1]);
    ck_assert_uint_eq(hash_of_orders(HP_FORM_NFC, &out), orders[0]);
    ck_assert_uint_eq(hash_of_orders(HP_FORM_NFKC, &out), orders[1]);
    hp_arena_done(&arena);
}
END_TEST

START_TEST(passes_the_consortiums_test_where_it_is_installed)
{
    FILE *file = popen("bzcat /usr/share/unicode/NormalizationTest.txt.bz2 2>/dev/null", "r");
    ck_assert_ptr_nonnull(file);
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 64 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    static char line[4096], text[5][2048];
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        if (line[0] == '#' || line[0] == '@')
            continue;
        const char *at = line;
        hp_str column[5];
        for (int i = 0; i < 5; i++)
            column[i] = read_points(&at, text[i]);
        for (int i = 0; i < 5; i++) {
            check(column[i], HP_FORM_NFC, column[i < 3 ? 1 : 3], &out, number);
            check(column[i], HP_FORM_NFKC, column[3], &out, number);
        }
    }
    pclose(file);
    hp_arena_done(&arena);
}
END_TEST

// Canonical ordering of one long run, by repeated exchange of neighbours.
static void order_plainly(uint32_t *cp, size_t count)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 1; i < count; i++) {
            if (hp_norm_of(cp[i - 1])->ccc > hp_norm_of(cp[i])->ccc) {
                uint32_t first = cp[i - 1];
                cp[i - 1] = cp[i];
                cp[i] = first;
                moved = true;
            }
        }
    }
}

START_TEST(long_runs_of_marks_are_ordered_stably)
{
    static const uint32_t marks[] = { 0x316, 0x30d, 0x334, 0x5b0, 0x31b, 0x317, 0x30e, 0x315 };
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 64 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    uint32_t seed = 7;
    for (size_t count = 1; count < 300; count += 7) {
        uint32_t cp[300];
        char source[601] = "x", want[601] = "x"; // x composes with none of them
        hp_str from = { source, 1 }, to = { want, 1 };
        for (size_t i = 0; i < count; i++) {
            seed = seed * 1664525 + 1013904223;
            cp[i] = marks[seed >> 29];
            from.len += hp_utf8_put(source + from.len, cp[i]);
        }
        order_plainly(cp, count);
        for (size_t i = 0; i < count; i++)
            to.len += hp_utf8_put(want + to.len, cp[i]);
        check(from, HP_FORM_NFC, to, &out, (int)count);
    }
    hp_arena_done(&arena);
}
END_TEST

// A letter and `count` marks that are out of order.
static hp_str run_of_marks(char *text, size_t count)
{
    hp_str run = { text, 1 };
    text[0] = 'a';
    for (size_t i = 0; i < count; i++)
        run.len += hp_utf8_put(text + run.len, i % 3 ? 0x301 : 0x316);
    return run;
}

START_TEST(memory_that_runs_out_is_an_error)
{
    static char text[4001];
    hp_str run = run_of_marks(text, 2000);
    for (unsigned fail = 1; fail <= 2; fail++) {
        struct hp_arena arena;
        struct hp_fault fault;
        size_t len;
        hp_arena_init(&arena, NULL, 1 << 20);
        arena.fail_after = fail;
        struct hp_buf out = hp_buf_in(&arena);
        struct hp_normalizer normalizer = hp_normalizer_of(run, HP_FORM_NFC, &never, &arena);
        ck_assert_int_eq(
            hp_normalizer_segment(&normalizer, 0, run.len, &out, &len, &fault), HP_OVERLOADED);
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(a_deadline_ends_one_long_run_of_marks)
{
    enum { MARKS = 100000 };
    char *text = malloc(1 + 2 * MARKS);
    hp_str run = run_of_marks(text, MARKS);
    struct hp_deadline passed = { 1 };
    struct hp_arena arena;
    struct hp_fault fault;
    size_t len;
    hp_arena_init(&arena, NULL, 16 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    struct hp_normalizer normalizer = hp_normalizer_of(run, HP_FORM_NFC, &never, &arena);
    normalizer.deadline = &passed;
    ck_assert_int_eq(
        hp_normalizer_segment(&normalizer, 0, run.len, &out, &len, &fault), HP_DEADLINE);
    for (size_t i = 1; i + 1 < run.len; i += 2)
        hp_utf8_put(text + i, 0x334); // in order: the quick check walks over all of them
    text[0] = 'x';
    ck_assert_int_eq(hp_normalizer_prefix(&normalizer, 0, run.len, &len, &fault), HP_DEADLINE);
    hp_arena_done(&arena);
    free(text);
}
END_TEST

static uint64_t cost_of_marks(size_t count)
{
    char *text = malloc(1 + 2 * count);
    hp_str run = run_of_marks(text, count);
    uint64_t least = UINT64_MAX;
    for (int round = 0; round < 3; round++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, (size_t)1 << 28);
        struct hp_buf out = hp_buf_in(&arena);
        uint64_t from = hp_thread_cpu_ns();
        normalize(run, HP_FORM_NFC, &out);
        uint64_t took = hp_thread_cpu_ns() - from;
        least = took < least ? took : least;
        hp_arena_done(&arena);
    }
    free(text);
    return least;
}

START_TEST(mixed_marks_cost_linear_time)
{
    if (SANITIZED)
        return;
    uint64_t small = cost_of_marks(25000), large = cost_of_marks(200000);
    ck_assert_msg(large < small * 24 + 1000000, "%llu ns, then %llu", (unsigned long long)small,
        (unsigned long long)large);
}
END_TEST

// No character that may change is passed by unseen.
START_TEST(the_filter_holds_every_unstable_character)
{
    size_t in = 0, all = 0;
    for (uint32_t cp = 0x80; cp < 0x110000; cp++) {
        char text[4];
        if (cp >= 0xd800 && cp < 0xe000)
            continue;
        hp_utf8_put(text, cp);
        bool nfc = hp_pairs_has(&hp_pairs_nfc, (unsigned char)text[0], (unsigned char)text[1]);
        bool nfkc = hp_pairs_has(&hp_pairs_nfkc, (unsigned char)text[0], (unsigned char)text[1]);
        ck_assert(nfc || !(hp_bits_of(cp) & HP_BITS_NFC));
        ck_assert(nfkc || !(hp_bits_of(cp) & HP_BITS_NFKC));
        in += nfc;
        all++;
    }
    ck_assert_uint_lt(in * 4, all); // and it is a filter
}
END_TEST

// What the quick check passes is what normalizing leaves alone, wherever a text is cut.
START_TEST(the_quick_check_vouches_for_what_it_passes)
{
    static const uint32_t points[] = { 'a', 'e', 0xe9, 0x301, 0x316, 0x345, 0x1100, 0x1161, 0x11a8,
        0xac00, 0xac01, 0x3042, 0x304b, 0x3099, 0x958, 0x9bc, 0x9c7, 0x212b, 0xfb01, 0x1f600,
        0xdd7 };
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 16 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    uint32_t seed = 5;
    for (int round = 0; round < rounds(60000); round++) {
        char text[64];
        hp_str s = { text, 0 };
        for (int i = 0; i < 12; i++) {
            seed = seed * 1664525 + 1013904223;
            s.len +=
                hp_utf8_put(text + s.len, points[(seed >> 16) % (sizeof points / sizeof *points)]);
        }
        for (enum hp_form form = HP_FORM_NFC; form <= HP_FORM_NFKC; form++) {
            hp_str ready = { text, normal_prefix(s, form) };
            ck_assert(hp_str_equal(normalize_all(ready, form, &out), ready));
            hp_str whole = normalize_all(s, form, &out);
            ck_assert_uint_ge(whole.len, ready.len);
            ck_assert(memcmp(whole.ptr, text, ready.len) == 0);
            char first[128];
            memcpy(first, whole.ptr, whole.len);
            hp_str again = normalize((hp_str){ first, whole.len }, form, &out);
            ck_assert(hp_str_equal(again, (hp_str){ first, whole.len }));
        }
    }
    hp_arena_done(&arena);
}
END_TEST

TESTS("normalize", agrees_with_unicode_16_on_strings, agrees_with_unicode_16_on_every_code_point,
    passes_the_consortiums_test_where_it_is_installed, long_runs_of_marks_are_ordered_stably,
    memory_that_runs_out_is_an_error, a_deadline_ends_one_long_run_of_marks,
    mixed_marks_cost_linear_time, the_filter_holds_every_unstable_character,
    the_quick_check_vouches_for_what_it_passes)
