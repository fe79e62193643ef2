// markdown_marks.c -- what a line can be, by itself: CommonMark 0.31, sections 4.1 to 4.5 and 5.2,
// and GFM 4.10 for tables. Each reads the rest of a line once.
#include "text/markdown.h"

#include "text/ascii.h"

enum {
    FENCE_MIN = 3,
    BREAK_MIN = 3,
    DIGITS_MAX = 9 // of an ordered item
};

size_t hp_markdown_trim(hp_str s)
{
    while (s.len > 0 && hp_markdown_blank(s.ptr[s.len - 1]))
        s.len--;
    return s.len;
}

static size_t run_of(hp_str s, size_t at, char c)
{
    while (at < s.len && s.ptr[at] == c)
        at++;
    return at;
}

static bool blank_from(hp_str s, size_t at)
{
    return hp_markdown_skip(s, at) == s.len;
}

// The end of a heading's text: its closing marks go where they are all, or stand behind a blank.
static size_t before_closing_marks(hp_str rest, size_t from)
{
    size_t end = hp_markdown_trim(rest), at = end;
    while (at > from && rest.ptr[at - 1] == '#')
        at--;
    if (at == from)
        return from;
    if (at == end || !hp_markdown_blank(rest.ptr[at - 1]))
        return end;
    return hp_markdown_trim((hp_str){ rest.ptr, at });
}

unsigned hp_markdown_atx(hp_str rest, size_t *from, size_t *to)
{
    size_t level = 0;
    while (level < rest.len && level <= HP_HEADING_LEVELS && rest.ptr[level] == '#')
        level++;
    bool ends = level == rest.len || hp_markdown_blank(rest.ptr[level]);
    if (level == 0 || level > HP_HEADING_LEVELS || !ends)
        return 0;
    size_t end = hp_markdown_trim(rest);
    *from = hp_markdown_skip((hp_str){ rest.ptr, end }, level);
    if (*from > end)
        *from = end;
    *to = before_closing_marks(rest, *from);
    return (unsigned)level;
}

unsigned hp_markdown_underline(hp_str rest)
{
    char sign = rest.ptr[0];
    if ((sign != '=' && sign != '-') || !blank_from(rest, run_of(rest, 0, sign)))
        return 0;
    return sign == '=' ? 1 : 2;
}

bool hp_markdown_break(hp_str rest, size_t *stop)
{
    size_t at = 0, signs = 0;
    for (; at < rest.len; at++) {
        if (rest.ptr[at] == rest.ptr[0])
            signs++;
        else if (!hp_markdown_blank(rest.ptr[at]))
            break;
    }
    *stop = at;
    return at == rest.len && signs >= BREAK_MIN;
}

size_t hp_markdown_fence(hp_str rest)
{
    char sign = rest.ptr[0];
    size_t length = run_of(rest, 0, sign);
    if (length < FENCE_MIN)
        return 0;
    bool code_span = sign == '`' && memchr(rest.ptr + length, '`', rest.len - length);
    return code_span ? 0 : length;
}

bool hp_markdown_fence_closes(hp_str rest, char sign, size_t length)
{
    size_t end = run_of(rest, 0, sign);
    return end >= length && blank_from(rest, end);
}

// A number of at most nine digits and its sign; in a paragraph only 1 begins a list.
static size_t number_len(hp_str rest, bool in_paragraph)
{
    size_t len = 0;
    unsigned long number = 0;
    for (; len < rest.len && len < DIGITS_MAX && hp_ascii_digit(rest.ptr[len]); len++)
        number = number * 10 + (unsigned long)(rest.ptr[len] - '0');
    if (len == rest.len || (rest.ptr[len] != '.' && rest.ptr[len] != ')'))
        return 0;
    return in_paragraph && number != 1 ? 0 : len + 1;
}

size_t hp_markdown_marker(hp_str rest, bool in_paragraph)
{
    size_t len = hp_ascii_digit(rest.ptr[0]) ? number_len(rest, in_paragraph) : 1;
    if (len == 0 || (len < rest.len && !hp_markdown_blank(rest.ptr[len])))
        return 0;
    return in_paragraph && blank_from(rest, len) ? 0 : len; // nor does an empty item
}

// Where the cell :---: that begins at `at` ends, blanks around it; `at` itself where it is none.
static size_t delimiter_end(hp_str rest, size_t at)
{
    size_t end = hp_markdown_skip(rest, at);
    end += end < rest.len && rest.ptr[end] == ':';
    size_t dashes = run_of(rest, end, '-');
    if (dashes == end)
        return at;
    end = dashes + (dashes < rest.len && rest.ptr[dashes] == ':');
    return hp_markdown_skip(rest, end);
}

size_t hp_markdown_delimiters(hp_str rest)
{
    if (rest.len < 2 || (rest.ptr[0] == '-' && hp_markdown_blank(rest.ptr[1])))
        return 0;
    size_t columns = 0, at = rest.ptr[0] == '|';
    while (at < rest.len) {
        size_t end = delimiter_end(rest, at);
        if (end == at || (end < rest.len && rest.ptr[end] != '|'))
            return blank_from(rest, at) ? columns : 0;
        columns++;
        at = end + (end < rest.len);
    }
    return columns;
}

// A backslash before a pipe makes it text, be it escaped itself or not.
size_t hp_markdown_cells(hp_str rest)
{
    const char *end = rest.ptr + hp_markdown_trim(rest), *at = rest.ptr;
    size_t cells = 1;
    bool pipes = false;
    for (; (at = memchr(at, '|', (size_t)(end - at))); at++) {
        pipes = true;
        bool first = at == rest.ptr, last = at + 1 == end;
        if (first || at[-1] != '\\')
            cells = cells + 1 - first - last;
    }
    return pipes ? cells : 0;
}
