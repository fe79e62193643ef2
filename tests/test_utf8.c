// test_utf8.c -- UTF-8 against its definition, and the fast versions against the plain ones.
#include "text/unicode_data.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

#include "random.h"
#include "test.h"

static struct random dice = { 1 };

static uint32_t pick(uint32_t below)
{
    return random_below(&dice, below);
}

// Any code point, small ones more often, never a surrogate.
static uint32_t pick_code_point(void)
{
    static const uint32_t limits[] = { 0x80, 0x800, 0x10000, 0x110000 };
    uint32_t cp = pick(limits[pick(4)]);
    return cp >= 0xd800 && cp < 0xe000 ? 'x' : cp;
}

static bool decodes(const unsigned char *p, size_t left, size_t *len)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t want = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t cp = want == 1 ? p[0] : p[0] & (0x7fu >> want);
    if (want > left || (p[0] & 0xc0) == 0x80 || p[0] >= 0xf8)
        return false;
    for (size_t i = 1; i < want; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return false;
        cp = cp << 6 | (p[i] & 0x3f);
    }
    *len = want;
    return cp >= least[want] && cp < 0x110000 && (cp < 0xd800 || cp > 0xdfff);
}

// By the definition: decode, then refuse what is too long, too large or a surrogate.
static size_t valid_reference(hp_str s)
{
    size_t at = 0, len = 0;
    while (at < s.len && decodes((const unsigned char *)s.ptr + at, s.len - at, &len))
        at += len;
    return at;
}

START_TEST(every_sequence_of_three_bytes_is_judged_as_defined)
{
    char text[64 + 4 + 61];
    memset(text, 'a', sizeof text);
    for (uint32_t bytes = 0; bytes < 1u << 24; bytes += bytes < 0xc00000 ? 977 : 1) {
        for (int i = 0; i < 3; i++)
            text[63 + i] = (char)(bytes >> (16 - 8 * i)); // across the edge of a block
        text[66] = (char)0x80;
        hp_str s = { text, sizeof text };
        size_t want = valid_reference(s);
        if (hp_utf8_valid(s) != want || hp_utf8_valid_plain(s) != want)
            ck_abort_msg("%06x", bytes);
    }
}
END_TEST

START_TEST(every_code_point_is_written_and_read_back)
{
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char text[4];
        size_t len = hp_utf8_put(text, cp), read = 0, before = 0;
        hp_str s = { text, len };
        bool surrogate = cp >= 0xd800 && cp < 0xe000;
        if (hp_utf8_valid(s) != (surrogate ? 0 : len) || hp_utf8_at(s, 0, &read) != cp ||
            read != len || hp_utf8_before(s, len, &before) != cp || before != len)
            ck_abort_msg("U+%04X", cp);
    }
}
END_TEST

static size_t random_text(char *text, size_t cap)
{
    size_t len = 0, run = 0;
    while (len + 4 <= cap) {
        if (run == 0)
            run = pick(4) ? 0 : pick(100);
        len += hp_utf8_put(text + len, run ? 'a' : pick_code_point());
        run -= run > 0;
    }
    return len;
}

START_TEST(damage_is_found_where_it_is)
{
    char text[600];
    for (int round = 0; round < rounds(200000); round++) {
        hp_str s = { text, random_text(text, 4 + pick(sizeof text - 4)) };
        for (uint32_t hits = s.len ? pick(3) : 0; hits > 0; hits--)
            text[pick((uint32_t)s.len)] = (char)pick(256);
        s.len -= s.len > 3 ? pick(4) : 0;
        size_t want = valid_reference(s);
        ck_assert_uint_eq(hp_utf8_valid_plain(s), want);
        ck_assert_uint_eq(hp_utf8_valid(s), want);
    }
}
END_TEST

START_TEST(counts_are_those_of_a_walk)
{
    char *text = malloc(20000);
    for (int round = 0; round < 300; round++) {
        hp_str s = { text, random_text(text, 4 + pick(19996)) };
        size_t chars = 0, utf16 = 0, ascii = 0;
        for (size_t at = 0, len; at < s.len; at += len) {
            uint32_t cp = hp_utf8_at(s, at, &len);
            if (cp < 0x80 && ascii == at)
                ascii++;
            chars++;
            utf16 += cp < 0x10000 ? 1 : 2;
        }
        ck_assert_uint_eq(hp_utf8_chars(s), chars);
        ck_assert_uint_eq(hp_utf8_utf16(s), utf16);
        ck_assert_uint_eq(hp_ascii_prefix(s), ascii);
    }
    free(text);
}
END_TEST

START_TEST(categories_are_those_of_unicode_16)
{
    static const struct {
        uint32_t cp;
        enum hp_category category;
    } rows[] = { { 'A', HP_CAT_LU }, { 'z', HP_CAT_LL }, { 0x1c5, HP_CAT_LT }, { 0x2b0, HP_CAT_LM },
        { 0x4e00, HP_CAT_LO }, { 0x301, HP_CAT_M }, { 0x903, HP_CAT_M }, { 0x20dd, HP_CAT_M },
        { '7', HP_CAT_N }, { 0x216b, HP_CAT_N }, { 0xbd, HP_CAT_N }, { ' ', HP_CAT_SPACE },
        { 0x85, HP_CAT_SPACE }, { 0x3000, HP_CAT_SPACE }, { 0x200b, HP_CAT_OTHER },
        { '-', HP_CAT_OTHER }, { 0x10d50, HP_CAT_LU }, { 0x16ea0, HP_CAT_OTHER },
        { 0x10ffff, HP_CAT_OTHER } };
    size_t blanks = 0, noncharacters = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ck_assert_int_eq(hp_unicode_category(rows[i].cp), rows[i].category);
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        blanks += hp_unicode_blank(cp);
        noncharacters += hp_unicode_noncharacter(cp);
    }
    ck_assert_uint_eq(blanks, 25);
    ck_assert_uint_eq(noncharacters, 66);
    ck_assert_uint_eq(hp_norm_of(0x301)->ccc, 230);
    ck_assert_uint_eq(hp_norm_of('a')->ccc, 0);
}
END_TEST

TESTS("utf8", every_sequence_of_three_bytes_is_judged_as_defined,
    every_code_point_is_written_and_read_back, damage_is_found_where_it_is,
    counts_are_those_of_a_walk, categories_are_those_of_unicode_16)
