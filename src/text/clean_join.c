// clean_join.c -- hard-wrapped lines become paragraphs.
//
// A text that was wrapped shows it: no line could have taken the first word of the next one. So a
// stretch of lines is joined whole or not at all, and is looked at as a whole:
//   * its width W is that of its longest line (in columns: East Asian wide characters count two, a
//     run of blanks one, blanks at both ends none). Lines over half again the median are left out
//     of this: they hold a word that could not be broken, or were made of two by another pass;
//   * every line but the last, with the first word of the next one, is wider than W less an eighth;
//   * W is at most 120, and at least 20 where each line goes on in lower case (or without case)
//     and the one before it does not end a sentence, else 45: short lines that begin with capitals
//     are verse, addresses, signatures;
//   * not every further line begins with a capital: that is verse; and where there are only two
//     lines, the second does not begin with one behind the end of a clause;
//   * three of five characters are letters, no line holds a tab or |, or ends as code does ({ } ;),
//     and the first is no item of a list, and no header (Name: value) below 45 columns.
// Stretches end at blank lines and page breaks, at what the format says is no paragraph (heading,
// code, table, list, front matter, HTML in Markdown), before a line that is indented where others
// are not, that begins with a mark (bullet, number, > | # < or a fence) or like a header, before
// and behind a line without letters and digits, behind a colon at a line's end, and in Markdown
// behind two spaces or a backslash there. Behind the line "--" comes a signature: nothing is joined
// up to the next blank line.
//
// All this is the same before and behind the pass blank_runs, and a stretch that was joined is one
// line: doing it again does nothing.
//
// The line end and the blanks around it become a space; nothing between two characters of Chinese
// or Japanese, or behind a hyphen that letters stand before and behind (an "and" apart).
#include "text/clean_lines.h"

#include "text/ascii.h"
#include "text/passes.h"
#include "text/unicode_data.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

enum {
    WIDTH_MOST = 120,
    WIDTH_LEAST = 20,         // of lines that go on in lower case
    WIDTH_LEAST_CAPITAL = 45, // of any
    WORD_MOST = 40,           // columns of a first word that count
    COLUMNS_MOST = 255        // of a line that count
};

// How a line begins or ends, and what it is made of.
struct look {
    unsigned columns, word; // of the whole, of its first word
    unsigned letters, others;
    bool indented, capital, small; // small: not a capital
    bool ends_sentence, ends_clause, ends_colon, ends_code, breaks_hard;
    bool lists, header, marked, bare, table;
};

struct joiner {
    struct hp_rewrite *rewrite;
    bool markdown;
    struct hp_shield shield;
    bool uniform;     // all lines up to the next blank line are indented
    size_t looked_to; // as far as that is known
    bool signature;   // up to the next blank line
    // the stretch
    size_t start, lines;
    unsigned histogram[COLUMNS_MOST + 1];
    unsigned letters, others;
    unsigned capitals, ends; // further lines with a capital; lines before them that end a clause
    unsigned lower;          // further lines that plainly go on
    bool barred;
    struct look last;
};

static bool in_span(uint32_t cp, uint32_t first, uint32_t last)
{
    return cp >= first && cp <= last;
}

// Written without blanks: Han, kana, their signs and full-width forms.
static bool cjk(uint32_t cp)
{
    return in_span(cp, 0x2e80, 0x312f) || in_span(cp, 0x3190, 0x4dbf) ||
           in_span(cp, 0x4e00, 0x9fff) || in_span(cp, 0xf900, 0xfaff) ||
           in_span(cp, 0xfe30, 0xfe4f) || in_span(cp, 0xff01, 0xff9f) ||
           in_span(cp, 0x20000, 0x3ffff);
}

static unsigned columns_of(uint32_t cp, enum hp_category category)
{
    if (category == HP_CAT_M)
        return 0;
    return cjk(cp) || in_span(cp, 0x1100, 0x115f) || in_span(cp, 0xac00, 0xd7a3) ? 2 : 1;
}

static bool any_of(uint32_t cp, const uint32_t *set, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (set[i] == cp)
            return true;
    return false;
}

// Walks over the line once.
static enum hp_code measure(
    struct hp_rewrite *rewrite, const struct hp_line *line, struct look *look)
{
    hp_str in = rewrite->in;
    bool in_word = true;
    for (size_t at = line->first, len; at < line->last; at += len) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        len = hp_blank_len(in, at);
        if (len > 0) {
            look->table |= in.ptr[at] == '\t';
            in_word = false;
            size_t more;
            while (at + len < line->last && (more = hp_blank_len(in, at + len)) > 0)
                len += more;
            look->columns++;
            continue;
        }
        uint32_t cp = hp_utf8_at(in, at, &len);
        enum hp_category category = (enum hp_category)(hp_bits_of(cp) & HP_BITS_CATEGORY);
        unsigned columns = columns_of(cp, category);
        look->table |= cp == '|';
        look->letters += hp_category_letter(category);
        look->others += category != HP_CAT_M && !hp_category_letter(category);
        look->columns += columns;
        if (in_word && at > line->first && cjk(cp))
            in_word = false;
        look->word += in_word ? columns : 0;
        look->bare &= !hp_category_letter(category) && category != HP_CAT_N;
    }
    return HP_OK;
}

// Whether the line begins with a capital, behind quotes and brackets.
static void look_at_start(hp_str s, const struct hp_line *line, struct look *look)
{
    enum { SIGNS_MOST = 3 };
    size_t len, at = line->first;
    for (int signs = 0; at < line->last && signs < SIGNS_MOST; signs++, at += len) {
        enum hp_category category = hp_unicode_category(hp_utf8_at(s, at, &len));
        if (category != HP_CAT_OTHER)
            break;
    }
    if (at == line->last)
        return;
    enum hp_category category = hp_unicode_category(hp_utf8_at(s, at, &len));
    look->capital = category == HP_CAT_LU || category == HP_CAT_LT;
    look->small = category == HP_CAT_LL || category == HP_CAT_LO || category == HP_CAT_LM;
}

static void look_at_end(hp_str s, const struct hp_line *line, struct look *look)
{
    static const uint32_t closers[] = { ')', ']', '}', '"', '\'', 0xbb, 0x2019, 0x201d, 0x203a,
        0x300d, 0x300f, 0xff09 };
    static const uint32_t stops[] = { '.', '!', '?', 0x2026, 0x3002, 0xff01, 0xff0e, 0xff1f, 0x61f,
        0x6d4, 0x964, 0x965 };
    static const uint32_t pauses[] = { ',', ';', ':', '-', 0x2013, 0x2014, 0x60c, 0x3001, 0xff0c };
    static const uint32_t colons[] = { ':', 0xff1a };
    static const uint32_t code[] = { '{', '}', ';' };
    enum { CLOSERS_MOST = 3 };
    size_t len, at = line->last;
    uint32_t cp = hp_utf8_before(s, at, &len);
    look->ends_colon = any_of(cp, colons, sizeof colons / sizeof *colons);
    look->ends_code = any_of(cp, code, sizeof code / sizeof *code);
    look->breaks_hard = cp == '\\' || (line->end >= line->last + 2 && s.ptr[line->end - 1] == ' ' &&
                                          s.ptr[line->end - 2] == ' ');
    for (int closed = 0; closed < CLOSERS_MOST && at - len > line->first; closed++) {
        if (!any_of(cp, closers, sizeof closers / sizeof *closers))
            break;
        at -= len;
        cp = hp_utf8_before(s, at, &len);
    }
    look->ends_sentence = any_of(cp, stops, sizeof stops / sizeof *stops);
    look->ends_clause = look->ends_sentence || any_of(cp, pauses, sizeof pauses / sizeof *pauses);
}

// "Name:" or "Reply-To:", then a blank or nothing.
static bool header(hp_str s, const struct hp_line *line)
{
    enum { NAME_MOST = 30 };
    size_t at = line->first;
    if (s.ptr[at] < 'A' || s.ptr[at] > 'Z')
        return false;
    while (at < line->last && at - line->first < NAME_MOST &&
           (hp_ascii_letter(s.ptr[at]) || s.ptr[at] == '-'))
        at++;
    return at < line->last && s.ptr[at] == ':' &&
           (at + 1 == line->last || hp_blank_len(s, at + 1) > 0);
}

static bool marked(hp_str s, const struct hp_line *line)
{
    hp_str text = { s.ptr + line->first, line->last - line->first };
    static const char marks[] = ">|#<";
    if (memchr(marks, text.ptr[0], sizeof marks - 1))
        return true;
    return text.len >= 3 && (memcmp(text.ptr, "```", 3) == 0 || memcmp(text.ptr, "~~~", 3) == 0);
}

// [name]: link
static bool defines(hp_str s, const struct hp_line *line)
{
    enum { LABEL_MOST = 64 };
    size_t at = line->first;
    if (s.ptr[at] != '[')
        return false;
    while (at < line->last && at - line->first < LABEL_MOST && s.ptr[at] != ']')
        at++;
    return at + 1 < line->last && s.ptr[at] == ']' && s.ptr[at + 1] == ':';
}

static enum hp_code look_at(
    const struct joiner *joiner, const struct hp_line *line, struct look *look)
{
    hp_str in = joiner->rewrite->in;
    *look = (struct look){ .bare = true, .indented = line->first > line->start };
    HP_TRY(measure(joiner->rewrite, line, look));
    look_at_start(in, line, look);
    look_at_end(in, line, look);
    look->lists = hp_line_lists(in, line);
    look->header = header(in, line);
    look->marked = marked(in, line) || (joiner->markdown && defines(in, line));
    return HP_OK;
}

// Whether a stretch ends between two lines.
static bool parts(const struct joiner *joiner, const struct look *a, const struct look *b)
{
    return (b->indented && !joiner->uniform) || b->lists || b->header || b->marked || a->marked ||
           a->bare || b->bare || a->ends_colon || (joiner->markdown && a->breaks_hard);
}

static unsigned width_of(const struct joiner *joiner)
{
    size_t seen = 0;
    unsigned median = 0, width = 0;
    while (seen * 2 <= joiner->lines && median < COLUMNS_MOST)
        seen += joiner->histogram[++median];
    for (unsigned columns = median; columns <= median + median / 2 && columns < COLUMNS_MOST;
         columns++)
        if (joiner->histogram[columns])
            width = columns;
    return width;
}

// Whether the stretch, of two lines or more, was wrapped, but for the fill of its lines.
static bool prose(const struct joiner *joiner, unsigned width)
{
    size_t breaks = joiner->lines - 1;
    unsigned least = joiner->lower == breaks ? WIDTH_LEAST : WIDTH_LEAST_CAPITAL;
    bool verse = breaks > 1 ? joiner->capitals == breaks : joiner->capitals && joiner->ends;
    return !joiner->barred && width >= least && width <= WIDTH_MOST && !verse &&
           joiner->letters * 2 >= joiner->others * 3;
}

static unsigned cut(unsigned columns, unsigned most)
{
    return columns < most ? columns : most;
}

static void begin_stretch(
    struct joiner *joiner, const struct hp_line *line, const struct look *look)
{
    memset(joiner->histogram, 0, sizeof joiner->histogram);
    joiner->start = line->start;
    joiner->lines = 0;
    joiner->letters = joiner->others = joiner->capitals = joiner->ends = joiner->lower = 0;
    joiner->barred = look->lists || look->marked || look->bare || joiner->signature ||
                     (look->header && look->columns < WIDTH_LEAST_CAPITAL);
}

static void add_line(struct joiner *joiner, const struct look *look)
{
    const struct look *last = &joiner->last;
    if (joiner->lines > 0) {
        joiner->capitals += look->capital;
        joiner->ends += last->ends_clause;
        joiner->lower += look->small && !last->ends_sentence;
    }
    joiner->lines++;
    joiner->histogram[cut(look->columns, COLUMNS_MOST)]++;
    joiner->letters += look->letters;
    joiner->others += look->others;
    joiner->barred |= look->table || look->ends_code;
    joiner->last = *look;
}

// What stands between two lines that are joined.
static hp_str glue(hp_str s, size_t end, size_t next)
{
    size_t len, ignored;
    uint32_t before = hp_utf8_before(s, end, &len), behind = hp_utf8_at(s, next, &ignored);
    if (hp_bits_of(behind) & (HP_BITS_NFC | HP_BITS_NFKC))
        return HP_S(" ");
    if (cjk(before) && cjk(behind))
        return HP_S("");
    if ((before == '-' || before == 0x2010) && hp_letter_at(s, next, false, &ignored) &&
        end > len) {
        uint32_t last = hp_utf8_before(s, end - len, &ignored);
        bool one = hp_category_letter(hp_unicode_category(last)) && !hp_conjunction_at(s, next);
        return one ? HP_S("") : HP_S(" ");
    }
    return HP_S(" ");
}

// Walks over the lines of the stretch again: whether each but the last is full, and (`put`) joins
// them.
static enum hp_code walk(struct joiner *joiner, unsigned width, bool put, bool *full)
{
    struct hp_line line, next;
    struct look look, next_look;
    struct hp_rewrite *rewrite = joiner->rewrite;
    *full = true;
    HP_TRY(hp_line_read(rewrite, joiner->start, &line));
    HP_TRY(look_at(joiner, &line, &look));
    for (size_t i = 1; i < joiner->lines && *full; i++) {
        HP_TRY(hp_line_read(rewrite, line.next, &next));
        if (put) {
            HP_TRY(hp_rewrite_put(rewrite, line.last, next.first - line.last,
                glue(rewrite->in, line.last, next.first)));
        } else {
            HP_TRY(look_at(joiner, &next, &next_look));
            *full = look.columns + 1 + cut(next_look.word, WORD_MOST) > width - width / 8;
            look = next_look;
        }
        line = next;
    }
    return HP_OK;
}

static enum hp_code end_stretch(struct joiner *joiner)
{
    if (joiner->lines < 2)
        return HP_OK;
    unsigned width = width_of(joiner);
    bool full;
    if (!prose(joiner, width))
        return HP_OK;
    HP_TRY(walk(joiner, width, false, &full));
    if (!full)
        return HP_OK;
    return walk(joiner, width, true, &full);
}

// Whether all lines from `at` up to a blank one are indented.
static enum hp_code look_ahead(struct joiner *joiner, size_t at)
{
    struct hp_line line = { .next = at };
    if (at < joiner->looked_to)
        return HP_OK;
    joiner->uniform = true;
    while (joiner->uniform && line.next < joiner->rewrite->in.len && !line.page) {
        HP_TRY(hp_line_read(joiner->rewrite, line.next, &line));
        if (hp_line_blank(&line))
            break;
        joiner->uniform = line.first > line.start;
    }
    joiner->looked_to = line.next;
    return HP_OK;
}

static bool signs_off(hp_str s, const struct hp_line *line)
{
    return line->last - line->first == 2 && s.ptr[line->first] == '-' &&
           s.ptr[line->first + 1] == '-';
}

// A line that is neither blank nor left alone; `begins`: none such stands right before it.
static enum hp_code take(struct joiner *joiner, const struct hp_line *line, bool begins)
{
    struct look look;
    HP_TRY(look_at(joiner, line, &look));
    if (begins || parts(joiner, &joiner->last, &look)) {
        HP_TRY(end_stretch(joiner));
        joiner->signature &= !begins;
        joiner->signature |= signs_off(joiner->rewrite->in, line);
        begin_stretch(joiner, line, &look);
    }
    add_line(joiner, &look);
    return HP_OK;
}

enum hp_code hp_fix_join_lines(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    struct joiner joiner = { .rewrite = rewrite,
        .markdown = options->format == HP_MARKDOWN,
        .shield = { .of = rewrite->structure, .kinds = ~0u, .headings = true } };
    struct hp_line line = { 0 };
    bool open = false; // lines of a block stand before
    while (line.next < rewrite->in.len) {
        bool paged = line.page;
        HP_TRY(hp_line_read(rewrite, line.next, &line));
        hp_shield_move(&joiner.shield, line.start);
        bool alone = hp_line_blank(&line) || joiner.shield.start < line.end;
        if (alone) {
            HP_TRY(end_stretch(&joiner));
            joiner.lines = 0;
        } else {
            if (!open || paged)
                HP_TRY(look_ahead(&joiner, line.start));
            HP_TRY(take(&joiner, &line, !open || paged));
        }
        open = !alone;
    }
    return end_stretch(&joiner);
}
