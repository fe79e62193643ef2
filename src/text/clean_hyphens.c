// clean_hyphens.c -- words that a line end broke.
//
// The hyphen (U+002D, U+2010), the blanks behind it, one line end and the indentation of the next
// line go where
//   * two letters or more stand before the hyphen, the last one in lower case, and begin a word:
//     behind a blank, a line end, a quote or bracket, not behind a further hyphen, a slash, a digit
//     (state-of-the-, http://a-, 3-), which tell of a compound or a name;
//   * two letters or more stand behind, the first one in lower case, which are no "and", "or" and
//     their like (pre- / and post-), nor go on as a compound (mother- / in-law);
//   * the line is no item of a list, and nothing of it is heading, code, table, list, front matter
//     or HTML of Markdown, or their like in HTML.
// What stays is a hyphen that the word may own: "well- / known" becomes "wellknown", as with every
// tool that has no dictionary; capitals and digits keep theirs (X- / ray, COVID- / related).
//
// A soft hyphen says itself that it is no more than a place to break: letters of any case on both
// sides will do. Where the switch spaces is on, those at line ends are left to this pass, which
// takes out the ones that it does not join at.
//
// What stands before a hyphen is what the text will say: letters that an earlier join brought
// count.
#include "text/clean_lines.h"

#include "text/passes.h"
#include "text/scan.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

enum { WORD_MOST = 64, WORD_LEAST = 2 }; // letters; what is longer is no word

struct hyphens {
    struct hp_rewrite *rewrite;
    const struct hp_clean_options *options;
    struct hp_shield shield;
    size_t line;    // start of the line that the last hyphen stood in
    size_t seen;    // up to where line starts were searched for
    size_t joined;  // where the second part of the last joined word begins
    size_t letters; // of its first part
};

// The letters before or behind a hyphen, marks on them not counted.
struct part {
    size_t start, end, letters;
};

static bool mark_at(hp_str s, size_t at)
{
    size_t len;
    return hp_unicode_category(hp_utf8_at(s, at, &len)) == HP_CAT_M;
}

static bool letter_at(hp_str s, size_t at)
{
    size_t len;
    return hp_category_letter(hp_unicode_category(hp_utf8_at(s, at, &len)));
}

static struct part part_before(hp_str s, size_t end, size_t least)
{
    struct part part = { end, end, 0 };
    for (size_t len; part.start > least && part.letters <= WORD_MOST; part.start -= len) {
        hp_utf8_before(s, part.start, &len);
        bool letter = letter_at(s, part.start - len);
        if (!letter && !mark_at(s, part.start - len))
            break;
        part.letters += letter;
        if (part.end - part.start > WORD_MOST * 8)
            break;
    }
    return part;
}

static struct part part_behind(hp_str s, size_t start)
{
    struct part part = { start, start, 0 };
    for (size_t len; part.end < s.len && part.letters <= WORD_MOST; part.end += len) {
        hp_utf8_at(s, part.end, &len);
        bool letter = letter_at(s, part.end);
        if (!letter && !mark_at(s, part.end))
            break;
        part.letters += letter;
        if (part.end - part.start > WORD_MOST * 8)
            break;
    }
    return part;
}

// Whether a word may begin behind what ends at `at`.
static bool opens(hp_str s, size_t at)
{
    static const uint32_t openers[] = { '(', '[', '{', '"', '\'', '*', '_', '<', 0xa1, 0xab, 0xbb,
        0xbf, 0x2013, 0x2014, 0x2018, 0x2019, 0x201a, 0x201b, 0x201c, 0x201d, 0x201e, 0x2039,
        0x203a };
    size_t len;
    if (at == 0)
        return true;
    uint32_t cp = hp_utf8_before(s, at, &len);
    if (hp_unicode_blank(cp))
        return true;
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++)
        if (openers[i] == cp)
            return true;
    return false;
}

// The text between a hyphen and the next line's first letter: one line end, and blanks.
static bool over_line_end(hp_str s, size_t at, size_t *next)
{
    size_t len;
    while (at < s.len && (len = hp_blank_len(s, at)) > 0)
        at += len;
    if (at == s.len || s.ptr[at] == '\f' || (len = hp_break_len(s, at)) == 0)
        return false;
    at += len;
    while (at < s.len && (len = hp_blank_len(s, at)) > 0)
        at += len;
    *next = at;
    return true;
}

static bool hyphen(uint32_t cp)
{
    return cp == '-' || cp == 0x2010 || cp == 0xad;
}

// Whether `part`, at a line's start, is only the first piece of a compound.
static bool compound(hp_str s, const struct part *part)
{
    size_t len, ignored;
    if (part->end == s.len || !hyphen(hp_utf8_at(s, part->end, &len)))
        return false;
    return part->end + len < s.len && !over_line_end(s, part->end + len, &ignored);
}

// The line start at or before `at`, which grows from call to call.
static size_t line_of(struct hyphens *hyphens, size_t at)
{
    hp_str in = hyphens->rewrite->in;
    size_t start = at, len;
    for (; start > hyphens->seen; start -= len) {
        hp_utf8_before(in, start, &len);
        if (hp_break_len(in, start - len))
            break;
    }
    if (start > hyphens->seen)
        hyphens->line = start;
    hyphens->seen = at;
    return hyphens->line;
}

static bool in_list(struct hyphens *hyphens, size_t at)
{
    hp_str in = hyphens->rewrite->in;
    struct hp_line line = { .start = line_of(hyphens, at), .last = at };
    size_t len;
    line.first = line.start;
    while (line.first < at && (len = hp_blank_len(in, line.first)) > 0)
        line.first += len;
    return hp_line_lists(in, &line);
}

// Whether a mere hyphen at in[at, end) broke the word that goes on at `next`.
static bool broke(struct hyphens *hyphens, size_t at, size_t next)
{
    hp_str in = hyphens->rewrite->in;
    size_t len, least = hyphens->joined;
    struct part before = part_before(in, at, least);
    if (before.letters == 0)
        return false;
    size_t letters = before.letters + (before.start == least ? hyphens->letters : 0);
    bool begins = before.start == least || opens(in, before.start);
    hp_utf8_before(in, at, &len);
    while (mark_at(in, at - len)) {
        at -= len;
        hp_utf8_before(in, at, &len);
    }
    if (!begins || letters < WORD_LEAST || letters > WORD_MOST ||
        !hp_letter_at(in, next, true, &len))
        return false;
    if (hp_unicode_category(hp_utf8_at(in, at - len, &len)) != HP_CAT_LL)
        return false;
    struct part behind = part_behind(in, next);
    if (behind.letters < WORD_LEAST || behind.letters > WORD_MOST || hp_conjunction_at(in, next))
        return false;
    hyphens->letters = letters;
    return !compound(in, &behind);
}

static bool softly_broke(const struct hyphens *hyphens, size_t at, size_t next)
{
    hp_str in = hyphens->rewrite->in;
    size_t len;
    if (at == 0 || next == in.len)
        return false;
    hp_utf8_before(in, at, &len);
    return (letter_at(in, at - len) || mark_at(in, at - len)) &&
           hp_letter_at(in, next, false, &len);
}

static bool left_alone(struct hyphens *hyphens, size_t at, size_t next)
{
    hp_shield_move(&hyphens->shield, at);
    return next > hyphens->shield.start || in_list(hyphens, at);
}

// The hyphen in[at, end): joins the word that it broke.
static enum hp_code fix(struct hyphens *hyphens, size_t at, size_t end, bool soft)
{
    struct hp_rewrite *rewrite = hyphens->rewrite;
    size_t next;
    if (!over_line_end(rewrite->in, end, &next))
        return HP_OK;
    bool alone = left_alone(hyphens, at, next) || next == rewrite->in.len;
    if (!alone && soft && softly_broke(hyphens, at, next)) {
        struct part before = part_before(rewrite->in, at, hyphens->joined);
        hyphens->letters =
            before.letters + (before.start == hyphens->joined ? hyphens->letters : 0);
    } else if (alone || soft || !broke(hyphens, at, next)) {
        if (!soft || !hyphens->options->on[HP_FIX_SPACES])
            return HP_OK;
        return hp_rewrite_put(rewrite, at, end - at, HP_S(""));
    }
    hyphens->joined = next;
    return hp_rewrite_put(rewrite, at, next - at, HP_S(""));
}

enum hp_code hp_fix_hyphenation(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    struct hyphens hyphens = { .rewrite = rewrite,
        .options = options,
        .shield = { .of = rewrite->structure, .kinds = ~0u, .headings = true } };
    hp_str in = rewrite->in;
    struct hp_pairs set = { 0 };
    hp_pairs_add_byte(&set, '-');
    hp_pairs_add(&set, 0xc2, 0xc2, 0xad, 0xad);
    hp_pairs_add(&set, 0xe2, 0xe2, 0x80, 0x80);
    for (size_t at = 0, len; at < in.len; at += len) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        size_t stop = hp_rewrite_stop(rewrite, at);
        at = hp_scan_pairs(in, at, stop, &set);
        len = 0;
        if (at == stop)
            continue;
        uint32_t cp = hp_utf8_at(in, at, &len);
        if (hyphen(cp))
            HP_TRY(fix(&hyphens, at, at + len, cp == 0xad));
    }
    return HP_OK;
}
