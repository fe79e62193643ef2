// test_decode.c -- raw bodies: what Python's decoders say of damaged ones, and the way back.
#include "text/decode.h"
#include "hotpathd/utf8.h"

#include "test.h"

#include <stdio.h>

static const struct hp_deadline never = { 0 };

static struct hp_decoded decode(hp_str raw, enum hp_invalid invalid, struct hp_arena *arena)
{
    struct hp_decoded out;
    struct hp_fault fault = HP_FAULT_NONE;
    ck_assert_int_eq(hp_decode(raw, invalid, arena, &never, &out, &fault), HP_OK);
    return out;
}

static bool is_utf16(hp_str raw)
{
    return raw.len >= 2 &&
           (memcmp(raw.ptr, "\xff\xfe", 2) == 0 || memcmp(raw.ptr, "\xfe\xff", 2) == 0);
}

// Spans of the characters follow each other without a gap, and decode to the character alone.
static void check_way_back(const struct hp_decoded *decoded, enum hp_invalid invalid)
{
    size_t at = is_utf16(decoded->raw) ? 2 : 0, start, end;
    for (size_t from = 0, len; from < decoded->text.len; from += len) {
        char piece[8];
        struct hp_arena arena;
        hp_utf8_at(decoded->text, from, &len);
        hp_decoded_source(decoded, from, from + len, &start, &end);
        ck_assert_uint_eq(start, at);
        ck_assert_uint_gt(end, start);
        at = end;
        size_t bom = decoded->units ? 2 : 0;
        memcpy(piece, decoded->raw.ptr, bom);
        memcpy(piece + bom, decoded->raw.ptr + start, end - start);
        hp_arena_init(&arena, NULL, 1 << 20);
        hp_str alone = decode((hp_str){ piece, bom + end - start }, invalid, &arena).text;
        ck_assert(hp_str_equal(alone, (hp_str){ decoded->text.ptr + from, len }));
        hp_arena_done(&arena);
    }
    ck_assert_uint_eq(at, decoded->raw.len);
    hp_decoded_source(decoded, decoded->text.len, decoded->text.len, &start, &end);
    ck_assert(start == end && end == decoded->raw.len);
}

static hp_str read_hex(const char **at, char *out)
{
    size_t len = 0;
    unsigned byte;
    for (; **at != ';' && sscanf(*at, "%2x", &byte) == 1; *at += 2)
        out[len++] = (char)byte;
    *at += **at == ';';
    return (hp_str){ out, len };
}

START_TEST(agrees_with_python_on_damaged_bodies)
{
    static char line[4096], text[3][1024];
    FILE *file = fopen("tests/data/decode.txt", "r");
    ck_assert_ptr_nonnull(file);
    int rows = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#')
            continue;
        const char *at = line;
        hp_str raw = read_hex(&at, text[0]), replaced = read_hex(&at, text[1]);
        hp_str read = read_hex(&at, text[2]);
        long offset = strtol(at, NULL, 10);
        struct hp_arena arena;
        struct hp_fault fault = HP_FAULT_NONE;
        hp_arena_init(&arena, NULL, 1 << 20);
        struct hp_decoded out = decode(raw, HP_INVALID_REPLACE, &arena);
        ck_assert_msg(hp_str_equal(out.text, replaced), "row %d, replace", rows);
        check_way_back(&out, HP_INVALID_REPLACE);
        out = decode(raw, HP_INVALID_CP1252, &arena);
        ck_assert_msg(hp_str_equal(out.text, read), "row %d, cp1252", rows);
        check_way_back(&out, HP_INVALID_CP1252);
        enum hp_code code = hp_decode(raw, HP_INVALID_REJECT, &arena, &never, &out, &fault);
        ck_assert_int_eq(code, offset < 0 ? HP_OK : HP_BAD_UTF8);
        ck_assert_int_eq(fault.offset, offset);
        hp_arena_done(&arena);
        rows++;
    }
    ck_assert_int_gt(rows, 1500);
    fclose(file);
}
END_TEST

START_TEST(valid_text_is_the_body_itself)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    hp_str raw = HP_S("\xef\xbb\xbf na\xc3\xafve");
    for (int invalid = HP_INVALID_REJECT; invalid <= HP_INVALID_CP1252; invalid++)
        ck_assert_ptr_eq(decode(raw, (enum hp_invalid)invalid, &arena).text.ptr, raw.ptr);
    ck_assert_uint_eq(decode(HP_S(""), HP_INVALID_REJECT, &arena).text.len, 0);
    hp_arena_done(&arena);
}
END_TEST

// Longer than several steps of the table.
START_TEST(long_utf16_finds_its_way_back)
{
    enum { UNITS = 20000 };
    char *raw = malloc(2 + 2 * UNITS);
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 16 << 20);
    memcpy(raw, "\xff\xfe", 2);
    for (int i = 0; i < UNITS; i++) {
        static const uint16_t kinds[] = { 'a', 0xe9, 0x4e2d, 0xd83d, 0xde00, 'b', 0xdc00 };
        uint16_t unit = kinds[i % 7];
        raw[2 + 2 * i] = (char)unit;
        raw[3 + 2 * i] = (char)(unit >> 8);
    }
    struct hp_decoded out = decode((hp_str){ raw, 2 + 2 * UNITS }, HP_INVALID_REPLACE, &arena);
    ck_assert_uint_gt(out.text.len, UNITS);
    check_way_back(&out, HP_INVALID_REPLACE);
    hp_arena_done(&arena);
    free(raw);
}
END_TEST

static size_t memory_of(const char *unit, size_t unit_len, size_t bytes, enum hp_invalid invalid)
{
    char *raw = malloc(bytes);
    struct hp_arena arena;
    for (size_t i = 0; i < bytes; i++)
        raw[i] = unit[i % unit_len];
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    decode((hp_str){ raw, bytes }, invalid, &arena);
    size_t held = arena.held;
    hp_arena_done(&arena);
    free(raw);
    return held;
}

START_TEST(memory_stays_in_proportion)
{
    enum { BYTES = 1 << 20 };
    ck_assert_uint_lt(memory_of("\x80", 1, BYTES, HP_INVALID_CP1252), 9 * BYTES);
    ck_assert_uint_lt(memory_of("\xff", 1, BYTES, HP_INVALID_REPLACE), 9 * BYTES);
    ck_assert_uint_lt(memory_of("caf\xe9 ", 5, BYTES, HP_INVALID_CP1252), 4 * BYTES);
    ck_assert_uint_lt(memory_of("\xff\xfe\x2d\x4e", 4, BYTES, HP_INVALID_REPLACE), 3 * BYTES);
}
END_TEST

START_TEST(memory_that_runs_out_is_an_error)
{
    static const hp_str raws[] = { HP_STR("caf\xe9"), HP_STR("\xff\xfe\x2d\x4e") };
    for (size_t i = 0; i < 2; i++) {
        bool done = false;
        for (unsigned fail = 1; !done; fail++) {
            struct hp_arena arena;
            struct hp_decoded out;
            struct hp_fault fault = HP_FAULT_NONE;
            hp_arena_init(&arena, NULL, 1 << 20);
            arena.fail_after = fail;
            enum hp_code code =
                hp_decode(raws[i], HP_INVALID_REPLACE, &arena, &never, &out, &fault);
            done = code == HP_OK;
            ck_assert(done || code == HP_OVERLOADED);
            hp_arena_done(&arena);
        }
    }
}
END_TEST

TESTS("decode", agrees_with_python_on_damaged_bodies, valid_text_is_the_body_itself,
    long_utf16_finds_its_way_back, memory_stays_in_proportion, memory_that_runs_out_is_an_error)
