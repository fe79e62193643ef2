// pretoken.c -- the two regular expressions of tiktoken 0.14 (openai_public.py), matched by hand.
//
// Both go: a word, perhaps with one other character before it; up to three digits; signs, perhaps
// with a blank before them and line ends behind; blanks. No alternative looks further than the run
// of characters that it is in, but for the blanks, which ask what follows them.
#include "text/pretoken.h"

#include "text/runs.h"
#include "text/unicode_data.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

// What a character can be part of; one bit each.
enum {
    UPPER = 0x01,  // Lu, Lt
    LOWER = 0x02,  // Ll
    EITHER = 0x04, // Lm, Lo
    MARK = 0x08,   // M
    NUMBER = 0x10,
    BLANK = 0x20, // \s but for the next
    LINE = 0x40,  // CR, LF
    SIGN = 0x80,  // everything else

    LETTER = UPPER | LOWER | EITHER,
    WORD_HEAD = UPPER | EITHER | MARK, // o200k: [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
    WORD_TAIL = LOWER | EITHER | MARK, // o200k: [\p{Ll}\p{Lm}\p{Lo}\p{M}]
    SIGNS = SIGN | MARK,               // [^\s\p{L}\p{N}]
    SPACE = BLANK | LINE
};

static const uint8_t class_of_category[] = {
    [HP_CAT_OTHER] = SIGN,
    [HP_CAT_LU] = UPPER,
    [HP_CAT_LL] = LOWER,
    [HP_CAT_LT] = UPPER,
    [HP_CAT_LM] = EITHER,
    [HP_CAT_LO] = EITHER,
    [HP_CAT_M] = MARK,
    [HP_CAT_N] = NUMBER,
    [HP_CAT_SPACE] = BLANK,
};

#define EIGHT(x) x, x, x, x, x, x, x, x

static const uint8_t class_of_ascii[128] = { EIGHT(SIGN), SIGN, BLANK, LINE, BLANK, BLANK, LINE,
    SIGN, SIGN, EIGHT(SIGN), EIGHT(SIGN),                                              //
    BLANK, SIGN, SIGN, SIGN, SIGN, SIGN, SIGN, SIGN, EIGHT(SIGN),                      //
    EIGHT(NUMBER), NUMBER, NUMBER, SIGN, SIGN, SIGN, SIGN, SIGN, SIGN,                 //
    SIGN, UPPER, UPPER, UPPER, UPPER, UPPER, UPPER, UPPER, EIGHT(UPPER), EIGHT(UPPER), //
    UPPER, UPPER, UPPER, SIGN, SIGN, SIGN, SIGN, SIGN,                                 //
    SIGN, LOWER, LOWER, LOWER, LOWER, LOWER, LOWER, LOWER, EIGHT(LOWER), EIGHT(LOWER), //
    LOWER, LOWER, LOWER, SIGN, SIGN, SIGN, SIGN, SIGN };

struct character {
    uint8_t class;
    uint8_t len;
};

static inline struct character character_at(hp_str s, size_t at)
{
    uint8_t byte = (uint8_t)s.ptr[at];
    if (byte < 0x80)
        return (struct character){ class_of_ascii[byte], 1 };
    size_t len;
    uint32_t code_point = hp_utf8_at(s, at, &len);
    uint8_t category = hp_bits_of(code_point) & HP_BITS_CATEGORY;
    return (struct character){ class_of_category[category], (uint8_t)len };
}

// Behind the bytes from `at` on that are like the one before, where these are many. There are none
// where that one is the last of a character of several bytes.
static inline size_t past_alike(hp_str s, size_t at)
{
    uint64_t here, before;
    if (at + sizeof here > s.len)
        return at;
    memcpy(&here, s.ptr + at, sizeof here);
    memcpy(&before, s.ptr + at - 1, sizeof before);
    return here == before ? hp_alike_end(s.ptr, at - 1, s.len) : at;
}

// The end of the longest run of characters of these classes that begins at `at`.
static size_t run_end(hp_str s, size_t at, uint8_t classes)
{
    while (at < s.len) {
        struct character c = character_at(s, at);
        if (!(c.class & classes))
            break;
        at = past_alike(s, at + c.len);
    }
    return at;
}

static char lower_at(hp_str s, size_t at)
{
    if (at >= s.len)
        return '\0';
    char c = s.ptr[at];
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

// Length of (?i:'s|'t|'re|'ve|'m|'ll|'d) at `at`, or 0. Without case, s is also the long s (C5 BF).
static size_t contraction(hp_str s, size_t at)
{
    if (lower_at(s, at) != '\'')
        return 0;
    char one = lower_at(s, at + 1), two = lower_at(s, at + 2);
    if (one == 's' || one == 't' || one == 'm' || one == 'd')
        return 2;
    if ((two == 'e' && (one == 'r' || one == 'v')) || (one == 'l' && two == 'l'))
        return 3;
    return (uint8_t)one == 0xc5 && (uint8_t)two == 0xbf ? 3 : 0;
}

// --- blanks --------------------------------------------------------------------------------------

// The alternatives of blanks, tried at a blank. `to_end`: cl100k's \s++$ comes before the line
// ends.
static size_t blanks_end(hp_str s, size_t at, bool to_end)
{
    size_t end = at, line_end = 0, last = at;
    while (end < s.len) {
        struct character c = character_at(s, end);
        if (!(c.class & SPACE))
            break;
        last = end;
        end += c.len;
        if (c.class == LINE)
            line_end = end;
    }
    if (to_end && end == s.len)
        return end;
    if (line_end)
        return line_end; // \s*[\r\n]+
    if (end == s.len || last == at)
        return end; // \s+(?!\S) at the end; \s
    return last;    // \s+(?!\S): all but the one before what follows
}

// --- cl100k_base ---------------------------------------------------------------------------------

static size_t digits_end(hp_str s, size_t at)
{
    for (size_t i = 0; i < 3 && at < s.len; i++) {
        struct character c = character_at(s, at);
        if (c.class != NUMBER)
            break;
        at += c.len;
    }
    return at;
}

//  ?[^\s\p{L}\p{N}]+ and then any of `line_end` or line ends; `at` itself where there is no sign.
static size_t signs_end(hp_str s, size_t at, char line_end)
{
    size_t from = at + (s.ptr[at] == ' ');
    size_t end = run_end(s, from, SIGNS);
    if (end == from)
        return at;
    while (end < s.len && (s.ptr[end] == '\r' || s.ptr[end] == '\n' || s.ptr[end] == line_end))
        end++;
    return end;
}

static size_t cl100k_end(hp_str s, size_t at)
{
    size_t len = contraction(s, at);
    if (len)
        return at + len;
    struct character c = character_at(s, at);
    if (c.class & LETTER)
        return run_end(s, at + c.len, LETTER);
    if (c.class == NUMBER)
        return digits_end(s, at);
    if (c.class != LINE) {
        size_t end = run_end(s, at + c.len, LETTER);
        if (end > at + c.len)
            return end;
        end = signs_end(s, at, '\n');
        if (end > at)
            return end;
    }
    return blanks_end(s, at, true);
}

// --- o200k_base ----------------------------------------------------------------------------------

// The letters of a word that begins at `at`, `at` where there is none. HEAD*TAIL+ is tried first,
// then HEAD+TAIL*: where the heads are not followed by a lower-case letter, the first gives back to
// its last character that is a tail too; where there is none, the second takes all heads (*first is
// false).
static size_t o200k_letters(hp_str s, size_t at, bool *first)
{
    size_t end = at, shared = at;
    struct character c = { 0, 0 };
    while (end < s.len) {
        c = character_at(s, end);
        if (!(c.class & WORD_HEAD))
            break;
        end = past_alike(s, end + c.len);
        if (c.class & WORD_TAIL)
            shared = end;
    }
    *first = true;
    if (end < s.len && c.class == LOWER)
        return run_end(s, end, WORD_TAIL);
    if (shared > at)
        return shared;
    *first = false;
    return end;
}

// A word with the character before it that it may take, `at` where there is none. A mark can be
// that character as well as a letter of the word, and is one where the first pattern fits only so.
static size_t o200k_word(hp_str s, size_t at, struct character c)
{
    bool first;
    size_t begin = c.class & LETTER ? at : at + c.len;
    size_t end = o200k_letters(s, begin, &first);
    if (c.class == MARK && (end == begin || !first))
        end = o200k_letters(s, begin = at, &first);
    if (end == begin)
        return at;
    return end + contraction(s, end);
}

static size_t o200k_end(hp_str s, size_t at)
{
    struct character c = character_at(s, at);
    if (c.class == NUMBER)
        return digits_end(s, at);
    if (c.class != LINE) {
        size_t end = o200k_word(s, at, c);
        if (end > at)
            return end;
        end = signs_end(s, at, '/');
        if (end > at)
            return end;
    }
    return blanks_end(s, at, false);
}

size_t hp_pretoken_end(enum hp_encoding encoding, hp_str text, size_t at)
{
    return encoding == HP_CL100K_BASE ? cl100k_end(text, at) : o200k_end(text, at);
}
