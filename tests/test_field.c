// test_field.c -- fields from text, numbers and query strings, and back to text.
#include "hotpathd/field.h"

#include "test.h"

#include <stdio.h>

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

struct part {
    int64_t max;
    bool on;
};

struct sample {
    bool flag;
    int64_t count, least, size, percent, mode;
    double ratio, any;
    int word;
    hp_str name;
    struct hp_list list;
    struct part part;
};

static const char *const words[] = { "off", "shadow", "on", NULL };

static enum hp_code part_bare(
    void *nested, hp_str word, const char *pointer, struct hp_fault *fault)
{
    struct part *part = nested;
    if (!hp_str_is(word, "none"))
        return hp_fail(fault, HP_OUT_OF_RANGE, pointer, "none, or an object");
    part->max = 0;
    return HP_OK;
}

#define AT(member) .offset = offsetof(struct sample, member)

static const struct hp_field part_fields[] = {
    { .key = "max",
        .type = HP_INT,
        .min = 1,
        .max = 1000000,
        .preset = "512",
        .offset = offsetof(struct part, max) },
    { .key = "on", .type = HP_BOOL, .preset = "true", .offset = offsetof(struct part, on) },
    { .key = NULL },
};

static const struct hp_field fields[] = {
    { .key = "flag", .type = HP_BOOL, .preset = "true", AT(flag) },
    { .key = "count", .type = HP_INT, .min = 1, .max = 1000000, .preset = "5", AT(count) },
    { .key = "least", .type = HP_INT, .min = -3, .max = INT64_MAX, AT(least) },
    { .key = "size", .type = HP_SIZE, .min = 1, .max = 1 << 30, .preset = "32MiB", AT(size) },
    { .key = "percent", .type = HP_PERCENT, .max = 10000, .preset = "99.5", AT(percent) },
    { .key = "mode", .type = HP_MODE, .max = 0777, .preset = "0660", AT(mode) },
    { .key = "ratio", .type = HP_REAL, .max = 1, .preset = "0.75", AT(ratio) },
    { .key = "any", .type = HP_REAL, AT(any) },
    { .key = "word", .type = HP_WORD, .words = words, .preset = "on", AT(word) },
    { .key = "name", .type = HP_STRING, .min = 1, .max = 8, .preset = "me", AT(name) },
    { .key = "list", .type = HP_LIST, .min = 1, .max = 8, .preset = "a b", AT(list) },
    { .key = "part", .type = HP_OBJECT, .fields = part_fields, .bare = part_bare, AT(part) },
    { .key = NULL },
};

static const struct hp_field *row(const char *key)
{
    const struct hp_field *field = hp_field_find(fields, hp_str_from(key));
    ck_assert_msg(field != NULL, "no row %s", key);
    return field;
}

START_TEST(presets_fill_every_field)
{
    struct sample sample;
    memset(&sample, 0xa5, sizeof sample);
    hp_fields_preset(fields, &sample);
    ck_assert(sample.flag && sample.part.on);
    ck_assert_int_eq(sample.count, 5);
    ck_assert_int_eq(sample.least, 0);
    ck_assert_int_eq(sample.size, 32 << 20);
    ck_assert_int_eq(sample.percent, 9950);
    ck_assert_int_eq(sample.mode, 0660);
    ck_assert_double_eq(sample.ratio, 0.75);
    ck_assert_double_eq(sample.any, 0);
    ck_assert_int_eq(sample.word, 2);
    ck_assert(hp_str_is(sample.name, "me"));
    ck_assert_uint_eq(sample.list.count, 2);
    ck_assert(hp_str_is(sample.list.item[1], "b"));
    ck_assert_int_eq(sample.part.max, 512);
}
END_TEST

// What a text becomes, as it is shown again.
static const struct {
    const char *key, *text, *shown;
} good[] = {
    { "flag", "false", "false" },
    { "count", "1", "1" },
    { "count", "1000000", "1000000" },
    { "least", "-3", "-3" },
    { "least", "-0", "0" },
    { "least", "9223372036854775807", "9223372036854775807" },
    { "size", "1", "1" },
    { "size", "1023", "1023" },
    { "size", "1025KiB", "1025KiB" },
    { "size", "1024KiB", "1MiB" },
    { "size", "1GiB", "1GiB" },
    { "size", "1536", "1536" },
    { "percent", "0", "0" },
    { "percent", "100", "100" },
    { "percent", "100.00", "100" },
    { "percent", "5.25", "5.25" },
    { "percent", "5.5", "5.5" },
    { "percent", "5.05", "5.05" },
    { "percent", "0.01", "0.01" },
    { "percent", "-0", "0" },
    { "mode", "0600", "0600" },
    { "mode", "0o777", "0777" },
    { "mode", "00", "0000" },
    { "ratio", "1", "1" },
    { "ratio", "0.1", "0.1" },
    { "any", "-1.5e-3", "-0.0015" },
    { "any", "0.30000000000000004", "0.30000000000000004" },
    { "any", "1E5", "1e+05" },
    { "word", "off", "off" },
    { "name", "x", "x" },
    { "name", "12345678", "\"12345678\"" },
    { "name", "on", "\"on\"" },
    { "name", "NULL", "\"NULL\"" },
    { "name", "a: b", "\"a: b\"" },
    { "name", "a\"\\\n\x7f", "\"a\\\"\\\\\\x0a\\x7f\"" },
    { "name", "\xc3\xa9", "\"\\xe9\"" },
    { "name", "\xe2\x80\xa8", "\"\\u2028\"" },
    { "name", "\xf0\x9f\x98\x80", "\"\\U0001f600\"" },
    { "list", "c d", "[a, b, \"c d\"]" },
};

START_TEST(takes_good_text_and_shows_it_again)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        struct sample sample;
        struct hp_fault fault = HP_FAULT_NONE;
        char shown[HP_SHOW_MAX];
        hp_fields_preset(fields, &sample);
        const struct hp_field *field = row(good[i].key);
        enum hp_code code =
            hp_field_text(field, &sample, hp_str_from(good[i].text), "/x", NULL, &fault);
        ck_assert_msg(code == HP_OK, "%s: %s", good[i].text, fault.detail);
        hp_field_show(field, &sample, shown, sizeof shown);
        ck_assert_str_eq(shown, good[i].shown);
    }
}
END_TEST

#define SIZE_WORDS "a number of bytes, or a size as in 16MiB, 1 to 1GiB"
#define PERCENT_WORDS "a percentage with at most two decimals, 0 to 100"
#define MODE_WORDS "an octal file mode as in 0660, 0000 to 0777"

static const struct {
    const char *key, *text;
    enum hp_code code;
    const char *detail;
    int64_t limit;
} bad[] = {
    { "flag", "yes", HP_BAD_TYPE, "true or false", -1 },
    { "flag", "", HP_BAD_TYPE, "true or false", -1 },
    { "flag", "True", HP_BAD_TYPE, "true or false", -1 },
    { "count", "", HP_BAD_TYPE, "an integer, 1 to 1000000", -1 },
    { "count", "-", HP_BAD_TYPE, "an integer, 1 to 1000000", -1 },
    { "count", "+5", HP_BAD_TYPE, "an integer, 1 to 1000000", -1 },
    { "count", " 5", HP_BAD_TYPE, "an integer, 1 to 1000000", -1 },
    { "count", "5.0", HP_BAD_TYPE, "an integer, 1 to 1000000", -1 },
    { "count", "1e3", HP_BAD_TYPE, "an integer, 1 to 1000000", -1 },
    { "count", "010", HP_BAD_TYPE, "an integer, 1 to 1000000", -1 },
    { "count", "0x10", HP_BAD_TYPE, "an integer, 1 to 1000000", -1 },
    { "count", "0", HP_OUT_OF_RANGE, "1 to 1000000", 1 },
    { "count", "-7", HP_OUT_OF_RANGE, "1 to 1000000", 1 },
    { "count", "1000001", HP_OUT_OF_RANGE, "1 to 1000000", 1000000 },
    { "count", "99999999999999999999", HP_OUT_OF_RANGE, "1 to 1000000", -1 },
    { "least", "-4", HP_OUT_OF_RANGE, "at least -3", -3 },
    { "least", "9223372036854775808", HP_OUT_OF_RANGE, "at least -3", -1 },
    { "size", "16MB", HP_BAD_TYPE, SIZE_WORDS, -1 },
    { "size", "16 MiB", HP_BAD_TYPE, SIZE_WORDS, -1 },
    { "size", "MiB", HP_BAD_TYPE, SIZE_WORDS, -1 },
    { "size", "1.5GiB", HP_BAD_TYPE, SIZE_WORDS, -1 },
    { "size", "1KiBKiB", HP_BAD_TYPE, SIZE_WORDS, -1 },
    { "size", "2GiB", HP_OUT_OF_RANGE, "1 to 1GiB", 1 << 30 },
    { "size", "0", HP_OUT_OF_RANGE, "1 to 1GiB", 1 },
    { "size", "9223372036854775807GiB", HP_OUT_OF_RANGE, "1 to 1GiB", -1 },
    { "percent", "5.123", HP_BAD_TYPE, PERCENT_WORDS, -1 },
    { "percent", "5.", HP_BAD_TYPE, PERCENT_WORDS, -1 },
    { "percent", ".5", HP_BAD_TYPE, PERCENT_WORDS, -1 },
    { "percent", "5%", HP_BAD_TYPE, PERCENT_WORDS, -1 },
    { "percent", "05", HP_BAD_TYPE, PERCENT_WORDS, -1 },
    { "percent", "5.-1", HP_BAD_TYPE, PERCENT_WORDS, -1 },
    { "percent", "1.2.3", HP_BAD_TYPE, PERCENT_WORDS, -1 },
    { "percent", "100.01", HP_OUT_OF_RANGE, "0 to 100", -1 },
    { "percent", "-0.5", HP_OUT_OF_RANGE, "0 to 100", -1 },
    { "percent", "92233720368547758.08", HP_OUT_OF_RANGE, "0 to 100", -1 },
    { "mode", "660", HP_BAD_TYPE, MODE_WORDS, -1 },
    { "mode", "0", HP_BAD_TYPE, MODE_WORDS, -1 },
    { "mode", "0o", HP_BAD_TYPE, MODE_WORDS, -1 },
    { "mode", "0668", HP_BAD_TYPE, MODE_WORDS, -1 },
    { "mode", "01000", HP_OUT_OF_RANGE, "0000 to 0777", -1 },
    { "ratio", "1.01", HP_OUT_OF_RANGE, "0 to 1", -1 },
    { "ratio", "-0.01", HP_OUT_OF_RANGE, "0 to 1", -1 },
    { "any", "1e999", HP_OUT_OF_RANGE, "a number", -1 },
    { "any", "nan", HP_BAD_TYPE, "a number", -1 },
    { "any", "inf", HP_BAD_TYPE, "a number", -1 },
    { "any", "0x1p3", HP_BAD_TYPE, "a number", -1 },
    { "any", "1.", HP_BAD_TYPE, "a number", -1 },
    { "any", "1e", HP_BAD_TYPE, "a number", -1 },
    { "any", "01", HP_BAD_TYPE, "a number", -1 },
    { "any", "1 ", HP_BAD_TYPE, "a number", -1 },
    { "any", "", HP_BAD_TYPE, "a number", -1 },
    { "word", "maybe", HP_OUT_OF_RANGE, "off, shadow or on", -1 },
    { "word", "", HP_OUT_OF_RANGE, "off, shadow or on", -1 },
    { "word", "ON", HP_OUT_OF_RANGE, "off, shadow or on", -1 },
    { "name", "", HP_OUT_OF_RANGE, "1 to 8 bytes", -1 },
    { "name", "123456789", HP_OUT_OF_RANGE, "1 to 8 bytes", -1 },
    { "list", "123456789", HP_OUT_OF_RANGE, "1 to 8 bytes", -1 },
    { "part", "some", HP_OUT_OF_RANGE, "none, or an object", -1 },
};

START_TEST(refuses_bad_text_says_what_is_right_and_keeps_the_value)
{
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct sample sample, before;
        struct hp_fault fault = HP_FAULT_NONE;
        hp_fields_preset(fields, memset(&sample, 0, sizeof sample));
        before = sample;
        enum hp_code code =
            hp_field_text(row(bad[i].key), &sample, hp_str_from(bad[i].text), "/x", NULL, &fault);
        ck_assert_msg(code == bad[i].code, "%s `%s`: %d", bad[i].key, bad[i].text, code);
        ck_assert_int_eq(fault.code, bad[i].code);
        ck_assert_str_eq(fault.detail, bad[i].detail);
        ck_assert_str_eq(fault.pointer, "/x");
        ck_assert_msg(fault.limit == bad[i].limit, "%s `%s`: limit %lld", bad[i].key, bad[i].text,
            (long long)fault.limit);
        ck_assert_mem_eq(&sample, &before, sizeof sample);
    }
}
END_TEST

START_TEST(every_byte_that_is_no_digit_spoils_a_number)
{
    struct sample sample;
    struct hp_fault fault;
    hp_fields_preset(fields, &sample);
    for (int c = 0; c < 256; c++) {
        char text[] = { '1', (char)c, '1' };
        bool digit = c >= '0' && c <= '9';
        for (size_t i = 0; fields[i].key; i++)
            if (fields[i].type == HP_INT || fields[i].type == HP_SIZE)
                ck_assert_int_eq(
                    hp_field_text(&fields[i], &sample, (hp_str){ text, 3 }, "", NULL, &fault),
                    digit ? HP_OK : HP_BAD_TYPE);
        bool number = digit || c == '.' || c == 'e' || c == 'E';
        ck_assert_int_eq(hp_field_text(row("any"), &sample, (hp_str){ text, 3 }, "", NULL, &fault),
            number ? HP_OK : HP_BAD_TYPE);
    }
}
END_TEST

START_TEST(whole_numbers_go_through_the_same_ranges)
{
    struct sample sample;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_fields_preset(fields, &sample);
    ck_assert_int_eq(hp_field_int(row("count"), &sample, 7, "/c", &fault), HP_OK);
    ck_assert_int_eq(sample.count, 7);
    ck_assert_int_eq(hp_field_int(row("percent"), &sample, 5, "/p", &fault), HP_OK);
    ck_assert_int_eq(sample.percent, 500);
    ck_assert_int_eq(hp_field_int(row("any"), &sample, -2, "/a", &fault), HP_OK);
    ck_assert_double_eq(sample.any, -2);
    ck_assert_int_eq(hp_field_int(row("count"), &sample, 0, "/c", &fault), HP_OUT_OF_RANGE);
    ck_assert_str_eq(fault.detail, "1 to 1000000");
    ck_assert_str_eq(fault.pointer, "/c");
    ck_assert_int_eq(
        hp_field_int(row("percent"), &sample, INT64_MAX, "/p", &fault), HP_OUT_OF_RANGE);
    ck_assert_int_eq(hp_field_int(row("name"), &sample, 1, "/n", &fault), HP_BAD_TYPE);
    ck_assert_str_eq(fault.detail, "a string, 1 to 8 bytes");
    ck_assert_int_eq(hp_field_int(row("word"), &sample, 1, "/w", &fault), HP_BAD_TYPE);
    ck_assert_str_eq(fault.detail, "one of off, shadow or on");
    ck_assert_int_eq(hp_field_int(row("flag"), &sample, 1, "/f", &fault), HP_BAD_TYPE);
    ck_assert_int_eq(hp_field_int(row("part"), &sample, 1, "/p", &fault), HP_BAD_TYPE);
    ck_assert_int_eq(hp_field_int(row("list"), &sample, 1, "/l", &fault), HP_BAD_TYPE);
}
END_TEST

START_TEST(a_list_has_an_end)
{
    struct sample sample;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_fields_preset(fields, &sample);
    for (size_t i = sample.list.count; i < HP_LIST_MAX; i++)
        ck_assert_int_eq(hp_field_text(row("list"), &sample, HP_S("x"), "/l", NULL, &fault), HP_OK);
    ck_assert_int_eq(
        hp_field_text(row("list"), &sample, HP_S("x"), "/l", NULL, &fault), HP_OUT_OF_RANGE);
    ck_assert_str_eq(fault.detail, "at most 16 items");
    ck_assert_uint_eq(sample.list.count, HP_LIST_MAX);
}
END_TEST

START_TEST(copies_text_where_it_is_given_an_arena)
{
    struct sample sample;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_arena arena;
    char text[] = "abc";
    hp_arena_init(&arena, NULL, 1 << 20);
    hp_fields_preset(fields, &sample);
    ck_assert_int_eq(
        hp_field_text(row("name"), &sample, hp_str_from(text), "/n", &arena, &fault), HP_OK);
    memset(text, 'z', 3);
    ck_assert(hp_str_is(sample.name, "abc"));
    arena.fail_after = 1;
    ck_assert_int_eq(
        hp_field_text(row("name"), &sample, HP_S("new"), "/n", &arena, &fault), HP_OVERLOADED);
    ck_assert(hp_str_is(sample.name, "abc"));
    hp_arena_done(&arena);
}
END_TEST

// Numbers of every size and look, from a generator with a fixed seed.
static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 11;
}

START_TEST(what_is_shown_reads_back_to_the_same_value)
{
    struct hp_fault fault;
    uint64_t seed = 1;
    for (int round = 0; round < rounds(20000); round++) {
        struct sample sample, again;
        char shown[64];
        hp_fields_preset(fields, memset(&sample, 0, sizeof sample));
        again = sample;
        sample.count = (int64_t)(1 + draw(&seed) % 1000000);
        sample.size = (int64_t)(1 + draw(&seed) % (1 << 20)) << draw(&seed) % 11;
        sample.percent = (int64_t)(draw(&seed) % 10001);
        sample.mode = (int64_t)(draw(&seed) % 01000);
        sample.any = ((double)draw(&seed) - 0x1p52) / (double)(1 + draw(&seed));
        static const char *const keys[] = { "count", "size", "percent", "mode", "any" };
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            const struct hp_field *field = row(keys[i]);
            hp_field_show(field, &sample, shown, sizeof shown);
            ck_assert_int_eq(
                hp_field_text(field, &again, hp_str_from(shown), "", NULL, &fault), HP_OK);
            ck_assert_mem_eq((char *)&sample + field->offset, (char *)&again + field->offset, 8);
        }
    }
}
END_TEST

START_TEST(text_that_does_not_fit_is_cut)
{
    struct sample sample;
    hp_fields_preset(fields, &sample);
    for (size_t size = 1; size < 24; size++) {
        char shown[32];
        memset(shown, '#', sizeof shown);
        hp_field_show(row("list"), &sample, shown, size);
        ck_assert_uint_eq(strlen(shown), size - 1 < 6 ? size - 1 : 6);
        ck_assert_int_eq(strncmp(shown, "[a, b]", size - 1), 0);
        ck_assert_int_eq(shown[size], '#');
    }
}
END_TEST

static const struct {
    const char *typed, *meant; // NULL: nothing is near
} typos[] = {
    { "cuont", "count" },
    { "coun", "count" },
    { "counts", "count" },
    { "xount", "count" },
    { "percnet", "percent" },
    { "prcnt", "percent" },
    { "pct", NULL },
    { "mod", "mode" },
    { "nome", "name" },
    { "of", NULL },
    { "", NULL },
    { "count", "count" },
};

START_TEST(suggests_the_nearest_key)
{
    for (size_t i = 0; i < COUNT(typos); i++)
        ck_assert_pstr_eq(hp_field_nearest(fields, hp_str_from(typos[i].typed)), typos[i].meant);
}
END_TEST

START_TEST(a_key_of_any_length_gets_no_suggestion)
{
    char key[300];
    memset(key, 'c', sizeof key);
    for (size_t len = 20; len <= sizeof key; len++)
        ck_assert_ptr_null(hp_field_nearest(fields, (hp_str){ key, len }));
}
END_TEST

// --- query strings -------------------------------------------------------------------------------

static enum hp_code read_query(
    const char *query, struct sample *sample, struct hp_arena *arena, struct hp_fault *fault)
{
    hp_fields_preset(fields, sample);
    *fault = HP_FAULT_NONE;
    return hp_query_read(hp_str_from(query), fields, sample, arena, fault);
}

START_TEST(query_sets_fields_by_their_dotted_keys)
{
    struct hp_arena arena;
    struct sample sample;
    struct hp_fault fault;
    hp_arena_init(&arena, NULL, 1 << 20);
    const char *query = "count=7&&part.max=%39%39&part.on=false&name=a+%2B%C3%A9&word=off&";
    ck_assert_int_eq(read_query(query, &sample, &arena, &fault), HP_OK);
    ck_assert_int_eq(sample.count, 7);
    ck_assert_int_eq(sample.part.max, 99);
    ck_assert(!sample.part.on);
    ck_assert(hp_str_is(sample.name, "a +\xc3\xa9"));
    ck_assert_int_eq(sample.word, 0);
    ck_assert_int_eq(sample.size, 32 << 20);
    ck_assert_int_eq(read_query("part=none", &sample, &arena, &fault), HP_OK);
    ck_assert_int_eq(sample.part.max, 0);
    ck_assert_int_eq(read_query("", &sample, &arena, &fault), HP_OK);
    ck_assert_int_eq(read_query("c%6funt=9", &sample, &arena, &fault), HP_OK);
    ck_assert_int_eq(sample.count, 9);
    ck_assert_int_eq(read_query("name=a=b", &sample, &arena, &fault), HP_OK);
    ck_assert(hp_str_is(sample.name, "a=b"));
    hp_arena_done(&arena);
}
END_TEST

#define ESCAPES "a percent sign and two hexadecimal digits for a byte, %25 for the sign"

static const struct {
    const char *query;
    enum hp_code code;
    const char *pointer, *detail;
} bad_queries[] = {
    { "colour=1", HP_BAD_QUERY, "/colour", "unknown key" },
    { "cuont=1", HP_BAD_QUERY, "/cuont", "unknown key; did you mean `count`?" },
    { "part.mx=1", HP_BAD_QUERY, "/part/mx", "unknown key; did you mean `max`?" },
    { "part.max.x=1", HP_BAD_QUERY, "/part/max/x", "unknown key" },
    { "part.=1", HP_BAD_QUERY, "/part/", "unknown key" },
    { ".part=1", HP_BAD_QUERY, "/", "unknown key" },
    { "=1", HP_BAD_QUERY, "/", "unknown key" },
    { "a/b~c%01=1", HP_BAD_QUERY, "/a~1b~0c?", "unknown key" },
    { "count=1&count=1", HP_BAD_QUERY, "/count", "every key once" },
    { "count=1&c%6Funt=1", HP_BAD_QUERY, "/count", "every key once" },
    { "part.max=1&part.on=true&part.max=1", HP_BAD_QUERY, "/part/max", "every key once" },
    { "part=none&part.max=1", HP_BAD_QUERY, "/part/max",
        "an object as one word, or its parts, not both" },
    { "part.max=1&part=none", HP_BAD_QUERY, "/part",
        "an object as one word, or its parts, not both" },
    { "name=%", HP_BAD_QUERY, "", ESCAPES },
    { "name=%4", HP_BAD_QUERY, "", ESCAPES },
    { "name=%4g", HP_BAD_QUERY, "", ESCAPES },
    { "name=%g4", HP_BAD_QUERY, "", ESCAPES },
    { "%=1", HP_BAD_QUERY, "", ESCAPES },
    { "name=%ff", HP_BAD_QUERY, "", "UTF-8 behind the percent signs" },
    { "name=%C3", HP_BAD_QUERY, "", "UTF-8 behind the percent signs" },
    { "name=%ED%A0%80", HP_BAD_QUERY, "", "UTF-8 behind the percent signs" },
    { "name=%C0%AF", HP_BAD_QUERY, "", "UTF-8 behind the percent signs" },
    { "name=%F4%90%80%80", HP_BAD_QUERY, "", "UTF-8 behind the percent signs" },
    { "name=\xff", HP_BAD_QUERY, "", "UTF-8 behind the percent signs" },
    { "%ff=1", HP_BAD_QUERY, "", "UTF-8 behind the percent signs" },
    { "part.max=abc", HP_BAD_TYPE, "/part/max", "an integer, 1 to 1000000" },
    { "part.max", HP_BAD_TYPE, "/part/max", "an integer, 1 to 1000000" },
    { "part.max=0", HP_OUT_OF_RANGE, "/part/max", "1 to 1000000" },
    { "part=all", HP_OUT_OF_RANGE, "/part", "none, or an object" },
    { "flag=1", HP_BAD_TYPE, "/flag", "true or false" },
    { "word=maybe", HP_OUT_OF_RANGE, "/word", "off, shadow or on" },
};

START_TEST(query_refuses_with_code_and_pointer)
{
    struct hp_arena arena;
    struct sample sample;
    struct hp_fault fault;
    hp_arena_init(&arena, NULL, 1 << 20);
    for (size_t i = 0; i < COUNT(bad_queries); i++) {
        enum hp_code code = read_query(bad_queries[i].query, &sample, &arena, &fault);
        ck_assert_msg(code == bad_queries[i].code, "%s: %d", bad_queries[i].query, code);
        ck_assert_str_eq(fault.pointer, bad_queries[i].pointer);
        ck_assert_str_eq(fault.detail, bad_queries[i].detail);
    }
    hp_arena_done(&arena);
}
END_TEST

START_TEST(query_fails_cleanly_without_memory)
{
    struct sample sample;
    struct hp_fault fault;
    for (unsigned nth = 1;; nth++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, 1 << 20);
        arena.fail_after = nth;
        enum hp_code code = read_query("count=7&part.max=9&name=x", &sample, &arena, &fault);
        hp_arena_done(&arena);
        if (code == HP_OK) {
            ck_assert_uint_eq(nth, 5); // the copy, and three keys
            return;
        }
        ck_assert_int_eq(code, HP_OVERLOADED);
    }
}
END_TEST

TESTS("field", presets_fill_every_field, takes_good_text_and_shows_it_again,
    refuses_bad_text_says_what_is_right_and_keeps_the_value,
    every_byte_that_is_no_digit_spoils_a_number, whole_numbers_go_through_the_same_ranges,
    a_list_has_an_end, copies_text_where_it_is_given_an_arena,
    what_is_shown_reads_back_to_the_same_value, text_that_does_not_fit_is_cut,
    suggests_the_nearest_key, a_key_of_any_length_gets_no_suggestion,
    query_sets_fields_by_their_dotted_keys, query_refuses_with_code_and_pointer,
    query_fails_cleanly_without_memory)
