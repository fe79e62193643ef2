// test_scan.c -- the fast scans against the plain ones, with and without the wide instructions.
#include "text/scan.h"
#include "text/clean.h"

#include "hotpathd/cpu.h"

#include "test.h"
#include "texts.h"

static struct random dice = { 5 };

// Bytes and pairs at random, in one range of leads each.
static struct hp_pairs random_pairs(void)
{
    struct hp_pairs set = { 0 };
    for (uint32_t i = random_below(&dice, 4); i > 0; i--)
        hp_pairs_add_byte(&set, (unsigned char)random_below(&dice, 0x80));
    for (uint32_t i = random_below(&dice, 7); i > 0; i--) {
        unsigned char lead = (unsigned char)(0xc2 + 6 * i),
                      next = (unsigned char)(0x80 + random_below(&dice, 60));
        hp_pairs_add(&set, lead, lead, next, (unsigned char)(next + random_below(&dice, 4)));
    }
    return set;
}

static void check_walk(hp_str s, size_t at, size_t stop, const struct hp_pairs *set)
{
    struct hp_hits hits = { .s = s, .stop = stop, .set = set };
    while (at < stop) {
        size_t want = hp_scan_pairs_plain(s, at, stop, set);
        ck_assert_uint_eq(hp_scan_pairs(s, at, stop, set), want);
        ck_assert_uint_eq(hp_hits_next(&hits, at), want);
        at = want + 1 + (random_below(&dice, 4) ? 0 : random_below(&dice, 90));
    }
    ck_assert_uint_eq(hp_hits_next(&hits, at), at);
}

START_TEST(pairs_are_found_where_the_plain_scan_finds_them)
{
    for (int level = HP_CPU_BASELINE; level <= HP_CPU_AVX512; level++) {
        hp_cpu_limit((enum hp_cpu)level);
        for (int round = 0; round < rounds(4000); round++) {
            struct hp_pairs set = random_pairs();
            size_t len = random_below(&dice, 1500);
            char *text = malloc(len + 1); // of this length, so that a read behind it is seen
            bool rare = random_below(&dice, 2);
            for (size_t i = 0; i < len; i++)
                text[i] = (char)(rare && random_below(&dice, 20) ? 'a' : random_below(&dice, 256));
            size_t stop = len ? random_below(&dice, (uint32_t)len + 1) : 0;
            check_walk(
                (hp_str){ text, len }, stop ? random_below(&dice, (uint32_t)stop) : 0, stop, &set);
            free(text);
        }
    }
    hp_cpu_limit(HP_CPU_AVX512);
}
END_TEST

START_TEST(bytes_are_found_where_the_plain_scan_finds_them)
{
    for (int level = HP_CPU_BASELINE; level <= HP_CPU_AVX512; level++) {
        hp_cpu_limit((enum hp_cpu)level);
        for (int round = 0; round < rounds(4000); round++) {
            char members[4];
            for (size_t i = 0; i < sizeof members; i++)
                members[i] = (char)random_below(&dice, 256);
            struct hp_bytes set = hp_bytes_of((hp_str){ members, random_below(&dice, 5) });
            size_t len = random_below(&dice, 400);
            char *text = malloc(len + 1); // of this length, so that a read behind it is seen
            for (size_t i = 0; i < len; i++)
                text[i] = (char)random_below(&dice, 256);
            hp_str s = { text, len };
            for (size_t at = 0; at <= len; at++)
                ck_assert_uint_eq(hp_scan(s, at, &set), hp_scan_plain(s, at, &set));
            free(text);
        }
    }
    hp_cpu_limit(HP_CPU_AVX512);
}
END_TEST

START_TEST(what_was_added_is_in)
{
    struct hp_pairs set = { 0 };
    hp_pairs_add_byte(&set, '\r');
    hp_pairs_add(&set, 0xe2, 0xe2, 0x80, 0x81);
    ck_assert(hp_pairs_has(&set, '\r', 'x'));
    ck_assert(hp_pairs_has(&set, 0xe2, 0x80) && hp_pairs_has(&set, 0xe2, 0x81));
    ck_assert(!hp_pairs_has(&set, 0xe2, 0x82) && !hp_pairs_has(&set, 0xe3, 0x80));
    ck_assert(!hp_pairs_has(&set, '\n', 0x80) && !hp_pairs_has(&set, '\x1d', 0x80));
}
END_TEST

START_TEST(cleaning_is_the_same_on_every_processor)
{
    static const struct hp_deadline never = { 0 };
    static char text[400 * TEXT_PART_MAX];
    for (int round = 0; round < rounds(1500); round++) {
        hp_str raw = { text, random_text(&dice, text, random_below(&dice, 400), 20) };
        struct hp_arena arena;
        struct hp_clean out[2];
        struct hp_fault fault;
        hp_arena_init(&arena, NULL, 64 << 20);
        for (int wide = 0; wide < 2; wide++) {
            hp_cpu_limit(wide ? HP_CPU_AVX512 : HP_CPU_BASELINE);
            ck_assert_int_eq(
                hp_clean(raw, &hp_clean_standard, &arena, &never, &out[wide], &fault), HP_OK);
        }
        ck_assert(hp_str_equal(out[0].text, out[1].text));
        ck_assert_mem_eq(out[0].changes, out[1].changes, sizeof out[0].changes);
        hp_arena_done(&arena);
    }
}
END_TEST

TESTS("scan", pairs_are_found_where_the_plain_scan_finds_them,
    bytes_are_found_where_the_plain_scan_finds_them, what_was_added_is_in,
    cleaning_is_the_same_on_every_processor)
