// test_segment.c -- the three breaks of UAX #29 against the consortium's tests, and the edges made
// from them.
#include "text/segment.h"
#include "text/segment_data.h"
#include "hotpathd/utf8.h"

#include <stdio.h>

#include "test.h"

typedef size_t (*next_break)(hp_str s, size_t at);

// A walk that is left as often as it can be comes to the same end.
static size_t word_end(hp_str s, size_t at)
{
    struct hp_word_walk walk = hp_word_begin(s, at);
    while (!hp_word_more(&walk, 1))
        ;
    ck_assert_uint_eq(walk.end, hp_word_end(s, at));
    return walk.end;
}

static next_break break_of(char kind)
{
    return kind == 'G' ? hp_grapheme_end : kind == 'W' ? word_end : hp_sentence_end;
}

// Reads "61 2060 / 62" into text, and marks in `breaks` where the slashes were and the end.
static size_t row_read(const char *row, char *text, bool *breaks)
{
    size_t len = 0;
    int used;
    unsigned code_point;
    memset(breaks, 0, 256);
    while (*row && *row != '\n') {
        if (*row == ' ')
            row++;
        else if (*row == '/')
            breaks[len] = true, row++;
        else {
            ck_assert_int_eq(sscanf(row, "%x%n", &code_point, &used), 1);
            len += hp_utf8_put(text + len, code_point);
            row += used;
        }
    }
    breaks[len] = true;
    return len;
}

static void check_row(const char *row)
{
    char text[256];
    bool breaks[256];
    hp_str s = { text, row_read(row + 1, text, breaks) };
    next_break next = break_of(row[0]);
    for (size_t at = 0; at < s.len;) {
        size_t end = next(s, at);
        ck_assert_msg(end > at && end <= s.len && breaks[end], "%s", row);
        for (size_t i = at + 1; i < end; i++)
            ck_assert_msg(!breaks[i], "%s", row);
        at = end;
    }
}

START_TEST(breaks_as_the_consortium_says)
{
    FILE *file = fopen("tests/data/breaks.txt", "r");
    ck_assert_ptr_nonnull(file);
    char row[512];
    size_t count = 0;
    while (fgets(row, sizeof row, file)) {
        if (row[0] == '#')
            continue;
        check_row(row);
        count++;
    }
    fclose(file);
    ck_assert_uint_eq(count, 1093 + 1826 + 512);
}
END_TEST

// Neither a word nor what stands behind a middle character is walked to its end in one go.
START_TEST(a_word_is_left_where_it_is_told)
{
    static char word[60000], marks[60000];
    for (size_t i = 0; i < sizeof word; i++) {
        word[i] = "\xc3\xa9"[i % 2];
        marks[i] = "\xcc\x81"[i % 2];
    }
    memcpy(marks, "a.", 2);
    struct hp_word_walk walk = hp_word_begin((hp_str){ word, sizeof word }, 0);
    ck_assert(!hp_word_more(&walk, 1000));
    ck_assert_uint_le(walk.end, 1004);
    walk = hp_word_begin((hp_str){ marks, sizeof marks }, 0);
    ck_assert(!hp_word_more(&walk, 1000));
    ck_assert_uint_le(walk.seen, 1004);
    ck_assert(hp_word_more(&walk, sizeof marks));
    ck_assert_uint_eq(walk.end, 1);
}
END_TEST

TESTS("segment", breaks_as_the_consortium_says, a_word_is_left_where_it_is_told)
