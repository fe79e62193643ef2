// clean_blanks.c -- runs of blanks. In a run of White_Space, blanks before a line end or page break
// go, a third line end in a row goes (the second one makes the blank line), and the blanks that are
// left become one space. A blank that stands alone stays what it is, a tab too. At both ends of the
// text the whole run goes, page breaks with it. A page break keeps its place and counts line ends
// anew. A blank that carries a combining mark is a letter's stand-in: it is no blank.
//
// The code, tables and front matter of Markdown and the <pre> of HTML are left alone. So are the
// blanks with which a line of Markdown begins, those behind its quote and list marks included
// (their number says what is nested in what), and the two spaces at a line's end that break it; and
// the spaces with which a line of an HTML list begins.
#include "text/passes.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"
#include "text/ascii.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

enum { LINE_ENDS_MAX = 2 };

size_t hp_break_len(hp_str s, size_t at)
{
    size_t len;
    unsigned char c = (unsigned char)s.ptr[at];
    if (c == '\n')
        return 1;
    if (c < '\n' || (c > '\r' && c != 0xc2 && c != 0xe2))
        return 0;
    uint32_t cp = hp_utf8_at(s, at, &len);
    if (cp == '\r' && at + 1 < s.len && s.ptr[at + 1] == '\n')
        return 2;
    bool breaks = (cp >= '\n' && cp <= '\r') || cp == 0x85 || cp == 0x2028 || cp == 0x2029;
    return breaks ? len : 0;
}

size_t hp_blank_len(hp_str s, size_t at)
{
    size_t len, next_len;
    unsigned char c = (unsigned char)s.ptr[at];
    if (c < 0x80 && c != ' ' && c != '\t')
        return 0; // the rest of ASCII is no blank, or ends a line
    uint32_t cp = hp_utf8_at(s, at, &len);
    if (!hp_unicode_blank(cp) || hp_break_len(s, at))
        return 0;
    if (at + len == s.len || (unsigned char)s.ptr[at + len] < 0x80)
        return len; // no mark is ASCII
    return hp_unicode_category(hp_utf8_at(s, at + len, &next_len)) == HP_CAT_M ? 0 : len;
}

struct blanks {
    struct hp_rewrite *rewrite;
    size_t from, to; // what lies between two spans that are left alone
    bool ascii;      // every blank is an ASCII character
    bool markdown;
    struct hp_shield items; // HTML: of its lists
    // Markdown: what was searched for lines, and where the last one's marks end
    size_t seen, marks_end;
};

// Where the run of blanks that lies around `at` begins.
static size_t run_start(hp_str s, size_t at, size_t least)
{
    size_t len;
    while (at > least && hp_unicode_blank(hp_utf8_before(s, at, &len)))
        at -= len;
    return at;
}

// Behind the spaces and tabs at `at` that no mark can follow: those before another ASCII character.
static size_t plain_end(hp_str s, size_t at, size_t end)
{
    if (end - at > HP_REWRITE_STEP)
        end = at + HP_REWRITE_STEP;
    while (at + 1 < end && (s.ptr[at] == ' ' || s.ptr[at] == '\t') &&
           (unsigned char)s.ptr[at + 1] < 0x80)
        at++;
    return at;
}

static enum hp_code run_end(const struct blanks *blanks, size_t at, size_t *end)
{
    hp_str in = { blanks->rewrite->in.ptr, blanks->to };
    for (size_t len = 0; at < in.len; at += len) {
        HP_TRY(hp_rewrite_tick(blanks->rewrite, at));
        at = plain_end(in, at, in.len);
        len = hp_break_len(in, at);
        if (len == 0)
            len = hp_blank_len(blanks->rewrite->in, at);
        if (len == 0)
            break;
    }
    *end = at;
    return HP_OK;
}

static enum hp_code drop(struct hp_rewrite *rewrite, size_t start, size_t end)
{
    if (start == end)
        return HP_OK;
    return hp_rewrite_put(rewrite, start, end - start, HP_S(""));
}

// Whether in[at, ...) is a mark of Markdown that holds a block, and a blank: > - * + 1. 1)
static size_t mark_len(hp_str s, size_t at)
{
    size_t from = at;
    if (s.ptr[at] == '>')
        return 1;
    if (s.ptr[at] == '-' || s.ptr[at] == '*' || s.ptr[at] == '+') {
        at++;
    } else {
        while (at < s.len && at - from < 9 && hp_ascii_digit(s.ptr[at]))
            at++;
        if (at == from || at == s.len || (s.ptr[at] != '.' && s.ptr[at] != ')'))
            return 0;
        at++;
    }
    return at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\t') ? at - from : 0;
}

static size_t blanks_end(hp_str s, size_t at, size_t end)
{
    for (size_t len; at < end; at += len) {
        at = plain_end(s, at, end);
        len = hp_blank_len(s, at);
        if (len == 0)
            break;
    }
    return at;
}

static bool ends_line(char c)
{
    return c == '\n' || c == '\r' || c == '\f';
}

// Whether the blanks at `at` stand between the marks with which a line of Markdown begins. Called
// with growing places; no byte is looked at twice.
static bool among_marks(struct blanks *blanks, size_t at)
{
    hp_str in = blanks->rewrite->in;
    size_t line = at;
    while (line > blanks->seen && !ends_line(in.ptr[line - 1]))
        line--;
    if (line > blanks->seen || line == 0) {
        size_t mark = blanks_end(in, line, in.len);
        for (size_t len; mark < in.len && (len = mark_len(in, mark)) > 0;)
            mark = blanks_end(in, mark + len, in.len);
        blanks->marks_end = mark;
    }
    blanks->seen = at + 1;
    return at < blanks->marks_end;
}

// Whether the spaces at `at` are the indentation of a line in a list of HTML. Called with growing
// places.
static bool indents_item(struct blanks *blanks, size_t at)
{
    hp_str in = blanks->rewrite->in;
    if (!blanks->items.kinds || in.ptr[at] != ' ' || (at > 0 && !ends_line(in.ptr[at - 1])))
        return false;
    hp_shield_move(&blanks->items, at);
    return at >= blanks->items.start;
}

// The blanks in[start, end) within a line: one stays as it is, several become one space.
static enum hp_code squeeze(struct blanks *blanks, size_t start, size_t end)
{
    size_t len;
    struct hp_rewrite *rewrite = blanks->rewrite;
    if (start == end)
        return HP_OK;
    hp_utf8_at(rewrite->in, start, &len);
    if (len == end - start || (blanks->markdown && among_marks(blanks, start)) ||
        indents_item(blanks, start))
        return HP_OK;
    if (rewrite->in.ptr[start] == ' ')
        return drop(rewrite, start + 1, end);
    return hp_rewrite_put(rewrite, start, end - start, HP_S(" "));
}

// Whether the blanks in[at, stop), before a line end, break a line of Markdown in its paragraph.
static bool hard_break(const struct blanks *blanks, size_t at, size_t stop, size_t end)
{
    hp_str in = blanks->rewrite->in;
    if (!blanks->markdown || stop - at < 2 || at == blanks->from || in.ptr[stop] == '\f' ||
        in.ptr[stop - 1] != ' ' || in.ptr[stop - 2] != ' ')
        return false;
    return blanks_end(in, stop + hp_break_len(in, stop), end) == end; // no blank line behind it
}

// Where what is kept of the blanks at the start of the text begins: Markdown's first line keeps its
// indentation, and so does a list's in HTML.
static size_t first_line(struct blanks *blanks, size_t end)
{
    hp_str in = blanks->rewrite->in;
    size_t line = end;
    while (line > 0 && !ends_line(in.ptr[line - 1]))
        line--;
    return end < in.len && (blanks->markdown || indents_item(blanks, line)) ? line : end;
}

static enum hp_code fix_run(struct blanks *blanks, size_t start, size_t end)
{
    struct hp_rewrite *rewrite = blanks->rewrite;
    hp_str in = rewrite->in;
    unsigned line_ends = 0;
    if (start == 0)
        return drop(rewrite, 0, first_line(blanks, end));
    if (end == in.len)
        return drop(rewrite, start, end);
    for (size_t at = start; at < end;) {
        size_t stop = blanks_end(in, at, end);
        if (stop == end)
            return squeeze(blanks, at, end);
        size_t keep = at == start && hard_break(blanks, at, stop, end) ? 2 : 0;
        HP_TRY(drop(rewrite, at, stop - keep));
        at = stop + hp_break_len(in, stop);
        line_ends = in.ptr[stop] == '\f' ? 0 : line_ends + 1;
        if (line_ends > LINE_ENDS_MAX)
            HP_TRY(drop(rewrite, stop, at));
    }
    return HP_OK;
}

// Whether a run that needs fixing may reach to the byte at `at`: always said where it does, and
// seldom else.
static bool suspect(hp_str s, size_t at, bool ascii)
{
    unsigned char c = (unsigned char)s.ptr[at];
    char one = at > 0 ? s.ptr[at - 1] : 'x', two = at > 1 ? s.ptr[at - 2] : 'x';
    if (c >= '\v' && c <= '\r')
        return true;
    if (c == ' ' || c == '\t' || c == '\n')
        return one == ' ' || one == '\t' || (c == '\n' && one == '\n' && two == '\n');
    size_t len;
    return !ascii && c >= 0x80 && !hp_utf8_continues((char)c) &&
           hp_unicode_blank(hp_utf8_at(s, at, &len));
}

static size_t next_suspect_plain(hp_str s, size_t at, size_t stop, bool ascii)
{
    while (at < stop && !suspect(s, at, ascii))
        at++;
    return at;
}

#ifdef __x86_64__
enum { LANE = 16 };

// The lanes where `suspect` says true of ASCII; with `wide` also every lead byte of a character
// beyond.
static unsigned suspects(const char *p, bool wide)
{
    __m128i now = hp_load128(p), one = hp_load128(p - 1), two = hp_load128(p - 2);
    __m128i line = hp_equal128(now, '\n');
    __m128i blank = _mm_or_si128(line, _mm_or_si128(hp_equal128(now, ' '), hp_equal128(now, '\t')));
    __m128i after = _mm_or_si128(hp_equal128(one, ' '), hp_equal128(one, '\t'));
    __m128i third =
        _mm_and_si128(line, _mm_and_si128(hp_equal128(one, '\n'), hp_equal128(two, '\n')));
    __m128i breaks = hp_upto128(_mm_sub_epi8(now, _mm_set1_epi8('\v')), '\r' - '\v');
    __m128i found = _mm_or_si128(_mm_or_si128(_mm_and_si128(blank, after), third), breaks);
    return hp_mask128(wide ? _mm_or_si128(found, now) : found);
}

enum { BEFORE = 2, WIDE = 64 - BEFORE }; // bytes that are judged at a time, behind those before

// The same for p[0, WIDE).
HP_AVX2 static inline uint64_t suspects_wide(const char *p, bool wide)
{
    __m256i first = hp_load256(p - BEFORE), second = hp_load256(p - BEFORE + 32);
    uint64_t line = hp_equal256x2(first, second, '\n');
    uint64_t blank = hp_equal256x2(first, second, ' ') | hp_equal256x2(first, second, '\t');
    uint64_t found = ((blank | line) & blank << 1) | (line & line << 1 & line << 2) |
                     hp_within256x2(first, second, '\v', '\r');
    return (wide ? found | hp_mask256x2(first, second) : found) >> BEFORE;
}

// *found: whether one was, at the place returned; else what is left is shorter than a step.
HP_AVX2 static size_t suspect_steps(hp_str s, size_t at, size_t stop, bool ascii, bool *found)
{
    for (; stop - at >= WIDE; at += WIDE) {
        for (uint64_t mask = suspects_wide(s.ptr + at, !ascii); mask; mask &= mask - 1) {
            size_t hit = at + (size_t)__builtin_ctzll(mask);
            *found = suspect(s, hit, ascii);
            if (*found)
                return hit;
        }
    }
    return at;
}

static size_t next_suspect(hp_str s, size_t at, size_t stop, bool ascii)
{
    bool found = false;
    while (at < stop && at < BEFORE && !suspect(s, at, ascii))
        at++;
    if (at >= BEFORE && at < stop && hp_cpu() >= HP_CPU_AVX2)
        at = suspect_steps(s, at, stop, ascii, &found);
    if (found)
        return at;
    for (; at >= 2 && stop - at >= LANE && at < stop; at += LANE) {
        unsigned mask = suspects(s.ptr + at, !ascii);
        for (; mask; mask &= mask - 1) {
            size_t hit = at + (size_t)__builtin_ctz(mask);
            if (suspect(s, hit, ascii))
                return hit;
        }
    }
    return next_suspect_plain(s, at, stop, ascii);
}
#else
static size_t next_suspect(hp_str s, size_t at, size_t stop, bool ascii)
{
    return next_suspect_plain(s, at, stop, ascii);
}
#endif

// Fixes the run around `hit`; *at becomes the place to look on from.
static enum hp_code fix_around(struct blanks *blanks, size_t hit, size_t *at)
{
    size_t start = run_start(blanks->rewrite->in, hit, *at), end;
    HP_TRY(run_end(blanks, start, &end));
    HP_TRY(fix_run(blanks, start, end));
    *at = end > hit ? end : hit + 1;
    return HP_OK;
}

static enum hp_code fix_between(struct blanks *blanks)
{
    struct hp_rewrite *rewrite = blanks->rewrite;
    hp_str in = rewrite->in;
    size_t at = blanks->from;
    if (at == 0 && blanks->to > 0)
        HP_TRY(fix_around(blanks, 0, &at)); // a run at the start goes, be it one blank
    while (at < blanks->to) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        size_t stop = hp_rewrite_stop(rewrite, at);
        stop = stop < blanks->to ? stop : blanks->to;
        size_t hit = next_suspect(in, at, stop, blanks->ascii);
        if (hit < stop)
            HP_TRY(fix_around(blanks, hit, &at));
        else
            at = stop;
    }
    if (blanks->to < in.len)
        return HP_OK;
    size_t least = rewrite->copied > blanks->from ? rewrite->copied : blanks->from;
    size_t start = run_start(in, in.len, least);
    return drop(rewrite, start, in.len); // and so does one at the end
}

static const unsigned left_alone[HP_FORMATS] = {
    [HP_MARKDOWN] = 1 << HP_ELEMENT_CODE | 1 << HP_ELEMENT_TABLE | 1 << HP_ELEMENT_FRONT_MATTER,
    [HP_HTML] = 1 << HP_ELEMENT_CODE,
};

enum hp_code hp_fix_blank_runs(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    struct hp_shield shield = { .of = rewrite->structure, .kinds = left_alone[options->format] };
    // after these passes every blank is an ASCII character
    bool ascii = options->on[HP_FIX_SPACES] && options->on[HP_FIX_LINE_ENDINGS];
    struct blanks blanks = {
        .rewrite = rewrite,
        .ascii = ascii,
        .markdown = options->format == HP_MARKDOWN,
        .items = { .of = rewrite->structure,
            .kinds = options->format == HP_HTML ? 1 << HP_ELEMENT_ITEM : 0 },
    };
    while (blanks.from < rewrite->in.len) {
        hp_shield_move(&shield, blanks.from);
        blanks.to = shield.start < rewrite->in.len ? shield.start : rewrite->in.len;
        if (blanks.to > blanks.from)
            HP_TRY(fix_between(&blanks));
        blanks.from = shield.start < rewrite->in.len ? shield.end : rewrite->in.len;
    }
    return HP_OK;
}
