// word.c -- words, UAX #29 section 4 (Unicode 16). A segment is read from left to right; `left` is
// its last character that WB4 does not skip. The rules that look one character ahead (WB6, WB7b,
// WB12) take the middle character together with what follows it.
#include "text/ascii.h"
#include "text/breaks.h"
#include "text/look.h"

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

static uint8_t class_at(const struct hp_word_walk *word, size_t at, size_t *next, uint8_t *kind)
{
    const struct hp_break *row = hp_break_at(word->s, at, next);
    *kind = row->kind;
    if (word->blank_ends && row->word == WB_CONNECTOR && row->kind & KIND_BLANK)
        return WB_OTHER;
    return row->word;
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

static void take(struct hp_word_walk *word, uint8_t class, size_t end)
{
    word->odd = class == WB_REGIONAL && !word->odd;
    word->left = word->raw = class;
    word->end = end;
    word->seen = 0;
}

// Looks on for a character that WB4 does not skip, up to `limit`; false where none has come yet.
// WB_OTHER at the end.
static bool look_on(struct hp_word_walk *word, size_t limit, uint8_t *class)
{
    uint8_t kind;
    for (*class = WB_EXTEND; SKIPPED & 1u << *class && word->seen < word->s.len;) {
        if (word->seen >= limit)
            return false;
        *class = class_at(word, word->seen, &word->seen, &kind);
    }
    if (SKIPPED & 1u << *class)
        *class = WB_OTHER;
    return true;
}

// Takes the next character, or two around a middle one, where no break comes before it.
static void step(struct hp_word_walk *word, size_t limit)
{
    size_t next;
    uint8_t kind, right, class = class_at(word, word->end, &next, &kind);
    if (SKIPPED & 1u << class) { // WB4
        word->raw = class;
        word->end = next;
        return;
    }
    bool joined = joins[word->left] & 1u << class ||
                  (word->raw == WB_ZWJ && kind & KIND_PICTURE)    // WB3c
                  || (word->raw == WB_SPACE && class == WB_SPACE) // WB3d
                  || (class == WB_REGIONAL && word->odd);         // WB15, WB16
    uint32_t wanted = beyond_middle(word->left, class);
    if (wanted) {
        word->seen = word->seen < next ? next : word->seen;
        if (!look_on(word, limit, &right))
            return;
        if (wanted & 1u << right) {
            take(word, right, word->seen);
            return;
        }
    }
    word->whole = !joined;
    if (joined)
        take(word, class, next);
}

static bool plain(char c)
{
    return hp_ascii_alnum(c) || c == '_';
}

// ASCII letters, digits and the low line join each other whatever stands around them.
static void take_plain(struct hp_word_walk *word, size_t limit)
{
    size_t at = word->end;
    limit = limit < word->s.len ? limit : word->s.len;
    while (at < limit && plain(word->s.ptr[at]))
        at++;
    if (at > word->end) {
        size_t next;
        take(word, hp_break_at(word->s, at - 1, &next)->word, at);
    }
}

static struct hp_word_walk begin(hp_str s, size_t at, bool blank_ends)
{
    struct hp_word_walk word = { .s = s, .blank_ends = blank_ends };
    uint8_t kind;
    size_t next;
    uint8_t class = class_at(&word, at, &next, &kind);
    bool crlf = class == WB_CR && next < s.len && s.ptr[next] == '\n';
    take(&word, class, next + crlf);
    word.whole = ENDS & 1u << class; // WB3, WB3a
    return word;
}

struct hp_word_walk hp_word_begin(hp_str s, size_t at)
{
    return begin(s, at, false);
}

bool hp_word_more(struct hp_word_walk *word, size_t bytes)
{
    size_t limit = (word->seen ? word->seen : word->end) + bytes;
    while (!word->whole && word->end < limit && word->seen < limit) {
        if (ALNUM & 1u << word->left && !word->seen)
            take_plain(word, limit);
        if (word->end < word->s.len)
            step(word, limit);
        word->whole = word->whole || word->end == word->s.len;
    }
    return word->whole;
}

size_t hp_word_end(hp_str s, size_t at)
{
    struct hp_word_walk word = begin(s, at, false);
    hp_word_more(&word, s.len);
    return word.end;
}

size_t hp_word_unblank(hp_str s, size_t at, const struct hp_deadline *deadline)
{
    struct hp_word_walk word = begin(s, at, true);
    while (!hp_word_more(&word, HP_LOOK_BYTES) && !hp_deadline_passed(deadline))
        ;
    return word.end;
}
