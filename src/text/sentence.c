// sentence.c -- sentences, UAX #29 section 5 (Unicode 16). A sentence runs to a paragraph
// separator, or to a terminator with the closing signs and blanks behind it where nothing there
// says that it goes on. SB8 looks ahead without bound, but never past the next letter or
// terminator, so that no character is looked at more than twice.
#include "text/breaks.h"

#define BIT(name) (1u << SB_##name)

enum {
    END = SB_CLASSES, // the class behind the last character
    SEPARATORS = BIT(CR) | BIT(LF) | BIT(SEP),
    SKIPPED = BIT(EXTEND) | BIT(FORMAT),
    TERMINATORS = BIT(ATERM) | BIT(STERM),
    CASED = BIT(UPPER) | BIT(LOWER),
    DECIDING = CASED | BIT(OTHER_LETTER) | SEPARATORS | TERMINATORS | 1u << END // SB8
};

// The class of the character at `at`; *next is behind it and what SB5 skips after it.
static uint8_t class_at(hp_str s, size_t at, size_t *next)
{
    *next = at;
    if (at == s.len)
        return END;
    uint8_t class = hp_break_at(s, at, next)->sentence;
    if (SEPARATORS & 1u << class)
        return class;
    for (size_t end = *next; end < s.len && !hp_ascii_at(s, end); *next = end)
        if (!(SKIPPED & 1u << hp_break_at(s, end, &end)->sentence))
            break;
    return class;
}

static size_t separator_end(hp_str s, uint8_t class, size_t next)
{
    return class == SB_CR && next < s.len && s.ptr[next] == '\n' ? next + 1 : next; // SB3
}

// SB8: a lower-case letter comes before any other letter, separator or terminator.
static bool lower_ahead(hp_str s, size_t at)
{
    for (;;) {
        uint8_t class = class_at(s, at, &at);
        if (DECIDING & 1u << class)
            return class == SB_LOWER;
    }
}

// True where the sentence ends with the terminator behind which *at is; moves *at to that end.
// False where it goes on: *at is then in front of what comes next.
static bool ends_here(hp_str s, uint8_t terminator, uint8_t before, size_t *at)
{
    size_t next;
    bool full_stop = terminator == SB_ATERM;
    uint8_t class = class_at(s, *at, &next);
    if (full_stop && class == SB_NUMERIC) // SB6
        return false;
    if (full_stop && class == SB_UPPER && CASED & 1u << before) // SB7
        return false;
    for (; class == SB_CLOSE; class = class_at(s, *at, &next)) // SB9
        *at = next;
    for (; class == SB_SP; class = class_at(s, *at, &next)) // SB10
        *at = next;
    if (SEPARATORS & 1u << class) {
        *at = separator_end(s, class, next);
        return true;
    }
    if (class == SB_CONTINUE || TERMINATORS & 1u << class) // SB8a
        return false;
    return !(full_stop && lower_ahead(s, *at)); // SB8, SB11
}

static bool plain(unsigned char c)
{
    return c < 0x80 && c != '.' && c != '!' && c != '?' && c != '\n' && c != '\r';
}

// Reads on, plain signs at most to `stop`; true where a sentence ends at the new *at.
static bool step(hp_str s, size_t stop, size_t *at, uint8_t *before)
{
    size_t next = *at;
    while (next < stop && plain((unsigned char)s.ptr[next]))
        next++;
    if (next > *at) {
        *before = hp_break_of((unsigned char)s.ptr[next - 1])->sentence;
        *at = next;
        return false;
    }
    uint8_t class = class_at(s, *at, &next);
    *at = next;
    if (SEPARATORS & 1u << class) {
        *at = separator_end(s, class, next);
        return true;
    }
    if (TERMINATORS & 1u << class && ends_here(s, class, *before, at))
        return true;
    if (!(SKIPPED & 1u << class))
        *before = class;
    return false;
}

size_t hp_sentence_end(hp_str s, size_t at)
{
    uint8_t before = SB_OTHER;
    while (at < s.len)
        if (step(s, s.len, &at, &before))
            break;
    return at;
}

bool hp_sentence_walk(hp_str s, struct hp_sentences *walk, size_t from, size_t to)
{
    while (walk->at < s.len && (walk->at < from || (!walk->ends && walk->at <= to))) {
        uint8_t before = walk->ends ? SB_OTHER : walk->before;
        walk->ends = step(s, to < s.len ? to + 1 : s.len, &walk->at, &before);
        walk->before = before;
    }
    return walk->ends && walk->at >= from && walk->at <= to;
}

// The class of the last character before `at` that SB5 does not skip.
static uint8_t class_before(hp_str s, size_t at)
{
    while (at > 0) {
        size_t next;
        at = hp_utf8_start(s, at);
        uint8_t class = hp_break_at(s, at, &next)->sentence;
        if (!(SKIPPED & 1u << class))
            return class;
    }
    return SB_OTHER;
}

size_t hp_sentence_behind(hp_str s, size_t terminator)
{
    size_t at;
    uint8_t class = class_at(s, terminator, &at);
    return ends_here(s, class, class_before(s, terminator), &at) ? at : s.len + 1;
}
