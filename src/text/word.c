// word.c -- words, UAX #29 section 4 (Unicode 16). A segment is read from left to right; `left` is
// its last character that WB4 does not skip. The rules that look one character ahead (WB6, WB7b,
// WB12) take the middle character together with what follows it.
#include "text/ascii.h"
#include "text/breaks.h"

#define BIT(name) (1u << WB_##name)

enum {
    ENDS = BIT(CR) | BIT(LF) | BIT(NEWLINE),
    SKIPPED = BIT(EXTEND) | BIT(FORMAT) | BIT(ZWJ),
    AHLETTER = BIT(LETTER) | BIT(HEBREW),
    ALNUM = AHLETTER | BIT(NUMERIC),
    MID_WORD = BIT(MID_LETTER) | BIT(MID_BOTH) | BIT(SINGLE_QUOTE),
    MID_NUMBER = BIT(MID_NUM) | BIT(MID_BOTH) | BIT(SINGLE_QUOTE)
};

// What may follow without a break (WB5, WB8 to WB10, WB13 to WB13b, WB7a).
static const uint32_t joins[WB_CLASSES] = {
    [WB_LETTER] = ALNUM | BIT(CONNECTOR),
    [WB_HEBREW] = ALNUM | BIT(CONNECTOR) | BIT(SINGLE_QUOTE),
    [WB_NUMERIC] = ALNUM | BIT(CONNECTOR),
    [WB_KATAKANA] = BIT(KATAKANA) | BIT(CONNECTOR),
    [WB_CONNECTOR] = ALNUM | BIT(KATAKANA) | BIT(CONNECTOR),
};

struct segment {
    hp_str s;
    size_t end;
    uint8_t left;    // class of the last character that counts
    uint8_t raw;     // class of the last character
    bool odd;        // an odd number of regional indicators stands last
    bool blank_ends; // U+202F is a break, though its class says connector
};

static uint8_t class_at(const struct segment *segment, size_t at, size_t *next, uint8_t *kind)
{
    const struct hp_break *row = hp_break_at(segment->s, at, next);
    *kind = row->kind;
    if (segment->blank_ends && row->word == WB_CONNECTOR && row->kind & KIND_BLANK)
        return WB_OTHER;
    return row->word;
}

// The class of the first character from `at` on that WB4 does not skip; WB_OTHER at the end.
static uint8_t counting_at(const struct segment *segment, size_t at, size_t *next)
{
    uint8_t kind, class = WB_OTHER;
    for (*next = at; *next < segment->s.len;) {
        class = class_at(segment, *next, next, &kind);
        if (!(SKIPPED & 1u << class))
            return class;
    }
    return WB_OTHER;
}

// WB6, WB7, WB7b, WB7c, WB11, WB12: the right neighbours that a middle character needs, given its
// left one.
static uint32_t beyond_middle(uint8_t left, uint8_t middle)
{
    if (AHLETTER & 1u << left && MID_WORD & 1u << middle)
        return AHLETTER;
    if (left == WB_HEBREW && middle == WB_DOUBLE_QUOTE)
        return BIT(HEBREW);
    if (left == WB_NUMERIC && MID_NUMBER & 1u << middle)
        return BIT(NUMERIC);
    return 0;
}

static void take(struct segment *segment, uint8_t class, size_t end)
{
    segment->odd = class == WB_REGIONAL && !segment->odd;
    segment->left = segment->raw = class;
    segment->end = end;
}

// Takes the next character, or two around a middle one, where no break comes before it.
static bool step(struct segment *segment)
{
    size_t next, beyond;
    uint8_t kind, class = class_at(segment, segment->end, &next, &kind);
    if (SKIPPED & 1u << class) { // WB4
        segment->raw = class;
        segment->end = next;
        return true;
    }
    bool joined = joins[segment->left] & 1u << class ||
                  (segment->raw == WB_ZWJ && kind & KIND_PICTURE)    // WB3c
                  || (segment->raw == WB_SPACE && class == WB_SPACE) // WB3d
                  || (class == WB_REGIONAL && segment->odd);         // WB15, WB16
    uint32_t wanted = beyond_middle(segment->left, class);
    if (wanted) {
        uint8_t right = counting_at(segment, next, &beyond);
        if (wanted & 1u << right) {
            take(segment, right, beyond);
            return true;
        }
    }
    if (joined)
        take(segment, class, next);
    return joined;
}

static bool plain(char c)
{
    return hp_ascii_alnum(c) || c == '_';
}

// ASCII letters, digits and the low line join each other whatever stands around them.
static void take_plain(struct segment *segment)
{
    size_t at = segment->end;
    while (at < segment->s.len && plain(segment->s.ptr[at]))
        at++;
    if (at > segment->end) {
        size_t next;
        take(segment, hp_break_at(segment->s, at - 1, &next)->word, at);
    }
}

static size_t segment_end(hp_str s, size_t at, bool blank_ends)
{
    struct segment segment = { .s = s, .blank_ends = blank_ends };
    uint8_t kind;
    size_t next;
    uint8_t class = class_at(&segment, at, &next, &kind);
    take(&segment, class, next);
    if (ENDS & 1u << class) // WB3, WB3a
        return class == WB_CR && next < s.len && s.ptr[next] == '\n' ? next + 1 : next;
    do {
        if (ALNUM & 1u << segment.left)
            take_plain(&segment);
    } while (segment.end < s.len && step(&segment));
    return segment.end;
}

size_t hp_word_end(hp_str s, size_t at)
{
    return segment_end(s, at, false);
}

size_t hp_word_unblank(hp_str s, size_t at)
{
    return segment_end(s, at, true);
}
