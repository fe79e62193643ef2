// test_normalize.c -- NFC and NFKC against what Unicode says: a committed file of strings (16.0),
// every code point, and the consortium's own test where the system carries it (Debian's
// unicode-data, 15.0).
#include "text/normalize.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include "test.h"

#include <stdio.h>

static hp_str normalize(hp_str s, enum hp_form form, struct hp_buf *out)
{
    out->len = 0;
    for (size_t at = 0; at < s.len;) {
        hp_str rest = { s.ptr + at, s.len - at };
        size_t ready = hp_normal_prefix(rest, form);
        hp_buf_add(out, (hp_str){ rest.ptr, ready });
        at += ready;
        if (at < s.len)
            at += hp_normalize_segment((hp_str){ s.ptr + at, s.len - at }, form, out);
    }
    ck_assert(!out->failed);
    return hp_buf_str(out);
}

// The same without the quick check: every segment is taken apart and composed again.
static hp_str normalize_all(hp_str s, enum hp_form form, struct hp_buf *out)
{
    out->len = 0;
    for (size_t at = 0; at < s.len;)
        at += hp_normalize_segment((hp_str){ s.ptr + at, s.len - at }, form, out);
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

static uint64_t hash_of_all(enum hp_form form, struct hp_buf *out)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char text[4];
        if (cp >= 0xd800 && cp < 0xe000)
            continue;
        hp_str form_of = normalize((hp_str){ text, hp_utf8_put(text, cp) }, form, out);
        for (size_t i = 0; i < form_of.len; i++)
            hash = (hash ^ (unsigned char)form_of.ptr[i]) * 0x100000001b3u;
    }
    return hash;
}

START_TEST(agrees_with_unicode_16_on_every_code_point)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    unsigned long long nfc, nfkc;
    FILE *file = fopen("tests/data/normalize.txt", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%*[^\n] %16llx;%16llx", &nfc, &nfkc), 2);
    fclose(file);
    ck_assert_uint_eq(hash_of_all(HP_FORM_NFC, &out), nfc);
    ck_assert_uint_eq(hash_of_all(HP_FORM_NFKC, &out), nfkc);
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
            if (hp_unicode_ccc(cp[i - 1]) > hp_unicode_ccc(cp[i])) {
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

START_TEST(memory_that_runs_out_marks_the_buffer)
{
    static char text[4001] = "a";
    size_t len = 1;
    while (len + 2 <= 4000)
        len += hp_utf8_put(text + len, len % 3 ? 0x301 : 0x316);
    for (unsigned fail = 1; fail <= 2; fail++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, 1 << 20);
        arena.fail_after = fail;
        struct hp_buf out = hp_buf_in(&arena);
        ck_assert_uint_eq(hp_normalize_segment((hp_str){ text, len }, HP_FORM_NFC, &out), len);
        ck_assert(out.failed);
        hp_arena_done(&arena);
    }
}
END_TEST

TESTS("normalize", agrees_with_unicode_16_on_strings, agrees_with_unicode_16_on_every_code_point,
    passes_the_consortiums_test_where_it_is_installed, long_runs_of_marks_are_ordered_stably,
    memory_that_runs_out_marks_the_buffer)
