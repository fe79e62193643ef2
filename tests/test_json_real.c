// test_json_real.c -- doubles as JSON: what is written reads back to the same double, nothing
// shorter does, and the layout is that of Python's repr; what is read is what jansson reads.
#include "hotpathd/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "test.h"

static uint64_t seed = 7;

static uint64_t random_bits(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static const char *written(struct hp_arena *arena, double value)
{
    struct hp_buf out = hp_buf_in(arena);
    hp_json_put_real(&out, value);
    hp_buf_char(&out, '\0');
    ck_assert(!out.failed);
    return out.ptr;
}

static const struct {
    double value;
    const char *text;
} layouts[] = { { 0, "0.0" }, { -0.0, "-0.0" }, { 1, "1.0" }, { -2.5, "-2.5" }, { 0.1, "0.1" },
    { 1e-4, "0.0001" }, { 1.5e-4, "0.00015" }, { 1e-5, "1e-05" }, { 1.25e-7, "1.25e-07" },
    { 1e15, "1000000000000000.0" }, { 1e16, "1e+16" },
    { 123456789012345680.0, "1.2345678901234568e+17" }, { 1e22, "1e+22" }, { 1e23, "1e+23" },
    { 9007199254740993.0, "9007199254740992.0" }, { 5e-324, "5e-324" },
    { 2.2250738585072014e-308, "2.2250738585072014e-308" },
    { 1.7976931348623157e308, "1.7976931348623157e+308" },
    { 0.30000000000000004, "0.30000000000000004" }, { 2e-44, "2e-44" },
    { 9.5367431640625e-07, "9.5367431640625e-07" } };

START_TEST(is_laid_out_as_repr)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 24);
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        ck_assert_str_eq(written(&arena, layouts[i].value), layouts[i].text);
    hp_arena_done(&arena);
}
END_TEST

static size_t digits_of(const char *text)
{
    size_t count = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9')
            continue;
        if (*text == '0') {
            zeros += count > 0;
            continue;
        }
        count += zeros + 1;
        zeros = 0;
    }
    return count;
}

// The shortest of %.1e to %.17e that reads back.
static size_t fewest_digits(double value, char *text, size_t size)
{
    int places = 0;
    do
        snprintf(text, size, "%.*e", places++, value);
    while (strtod(text, NULL) != value);
    return digits_of(text);
}

static double random_double(size_t i)
{
    double value;
    uint64_t bits = random_bits();
    if (i % 4 == 1) // a power of two, where the interval is lopsided
        bits &= UINT64_C(0x7ff) << 52;
    if (i % 4 == 2) // a score
        return (double)(bits >> 11) / 9007199254740992.0 * 30;
    if (i % 4 == 3) // few digits
        return (double)(bits % 100000) / 1000;
    memcpy(&value, &bits, sizeof value);
    return value;
}

START_TEST(reads_back_and_nothing_shorter_does)
{
    for (size_t i = 0; i < (size_t)rounds(200000); i++) {
        struct hp_arena arena;
        char text[40];
        double value = random_double(i);
        if (!isfinite(value))
            continue;
        hp_arena_init(&arena, NULL, 1 << 20);
        const char *ours = written(&arena, value);
        ck_assert_msg(strtod(ours, NULL) == value, "%a is not %s", value, ours);
        size_t fewest = fewest_digits(value, text, sizeof text);
        ck_assert_msg(digits_of(ours) <= fewest, "%a: %s, not %s", value, ours, text);
        if (digits_of(ours) == 17 || digits_of(ours) == fewest)
            ck_assert_msg(fabsl(strtold(ours, NULL) - (long double)value) <=
                              fabsl(strtold(text, NULL) - (long double)value),
                "%a: %s is nearer than %s", value, text, ours);
        hp_arena_done(&arena);
    }
}
END_TEST

static enum hp_code read(const char *text, double *out)
{
    struct hp_fault fault = HP_FAULT_NONE;
    char body[128];
    size_t len = strlen(text);
    memset(body, '7', sizeof body);
    memcpy(body, text, len);
    struct hp_json json = { .start = body, .end = body + len, .pointer = "" };
    struct hp_member member = hp_json_member(&json, (struct hp_span){ body, len });
    return hp_json_real(&json, &member, "/x", out, &fault);
}

static void read_alike(const char *text)
{
    double ours = 0;
    json_auto_t *theirs = json_loadb(text, strlen(text), JSON_DECODE_ANY, NULL);
    enum hp_code code = read(text, &ours);
    if (!theirs) {
        ck_assert_msg(code == HP_BAD_JSON || code == HP_BAD_UTF8, "%s is read", text);
        return;
    }
    if (!json_is_number(theirs)) {
        ck_assert_msg(code == HP_BAD_TYPE, "%s is read", text);
        return;
    }
    ck_assert_msg(code == HP_OK, "%s is refused", text);
    ck_assert_msg(ours == json_number_value(theirs), // jansson has no minus before an integer zero
        "%s is %a", text, ours);
}

START_TEST(reads_what_jansson_reads)
{
    static const char *const odd[] = { "0", "-0", "0.0", "-0.0", "00", "01", "-", "-a", ".5", "5.",
        "5.e1", "1e5", "1E+5", "1e", "+1", "1 ", "NaN", "Infinity", "-Infinity", "null", "true",
        "\"1\"", "[]", "{}", "[", "1e999", "-1e999", "123456789012345", "1234567890123456",
        "0.00000000000001", "0.000000000000001", "99999999999999999999", "1.7976931348623157e308",
        "0x10", "1_0", "1,0", "--1", "1.2.3", "9007199254740993", "0.1", "123.456", "-12.25" };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        read_alike(odd[i]);
    for (size_t i = 0; i < (size_t)rounds(200000); i++) {
        char text[64];
        size_t len = 0, most = 1 + random_bits() % 18;
        while (len < most)
            text[len++] = "0123456789012345678901234567890123456789.-e+"[random_bits() % 44];
        text[len] = '\0';
        read_alike(text);
    }
}
END_TEST

TESTS(
    "json_real", is_laid_out_as_repr, reads_back_and_nothing_shorter_does, reads_what_jansson_reads)
