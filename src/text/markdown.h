// markdown.h -- what the files of markdown.c share: lines, the marks that a line can open with, and
// the paragraph's definitions. Pure functions on the rest of a line, without its end.
#pragma once

#include "text/structure.h"

// --- markdown_lines.c: the lines of a text ---

enum {
    HP_MARKDOWN_BATCH = 1024,   // line ends found ahead
    HP_MARKDOWN_STEP = 16 << 10 // bytes looked at between two looks at the deadline
};

struct hp_markdown_lines {
    hp_str text;
    const struct hp_deadline *deadline;
    size_t scanned; // the line ends before this byte are known
    size_t begin;   // where the next line begins
    size_t next, count;
    uint32_t end[HP_MARKDOWN_BATCH];
};

struct hp_markdown_span {
    size_t start, end;
};

void hp_markdown_lines_from(
    struct hp_markdown_lines *lines, hp_str text, size_t at, const struct hp_deadline *deadline);

// Finds ends ahead until there is one or the text is at its end.
HP_MUST_USE enum hp_code hp_markdown_lines_ahead(
    struct hp_markdown_lines *lines, struct hp_fault *fault);

// The next line without its end, after hp_markdown_lines_ahead; false where none is left of those
// found.
static inline bool hp_markdown_lines_next(
    struct hp_markdown_lines *lines, struct hp_markdown_span *line)
{
    const char *text = lines->text.ptr;
    if (lines->next == lines->count)
        return false;
    size_t end = lines->end[lines->next++];
    line->start = lines->begin;
    lines->begin = end + 1;
    if (end > line->start && end < lines->text.len && text[end] == '\n' && text[end - 1] == '\r')
        end--;
    line->end = end;
    return true;
}

// Writes where the ends of lines (LF, CR, CRLF at its LF, FF) in text[*at, stop) stand, until `cap`
// are found; *at becomes where it stopped. Returns how many.
size_t hp_markdown_line_ends(hp_str text, size_t *at, size_t stop, uint32_t *ends, size_t cap);
size_t hp_markdown_line_ends_plain(
    hp_str text, size_t *at, size_t stop, uint32_t *ends, size_t cap);

// --- markdown_marks.c: what a line can be, by itself ---

// `rest` begins with the line's first non-blank byte.

static inline bool hp_markdown_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline size_t hp_markdown_skip(hp_str s, size_t at)
{
    while (at < s.len && hp_markdown_blank(s.ptr[at]))
        at++;
    return at;
}

// The length of `s` without blanks at its end.
size_t hp_markdown_trim(hp_str s);

// Level of an ATX heading, 0: none. rest[*from, *to) is what it says.
unsigned hp_markdown_atx(hp_str rest, size_t *from, size_t *to);

// 1 or 2 where `rest` underlines a heading.
unsigned hp_markdown_underline(hp_str rest);

// Whether it is a thematic break; if not, *stop is the byte that it fails at.
bool hp_markdown_break(hp_str rest, size_t *stop);

// Length of the fence that opens a block of code, 0: none.
size_t hp_markdown_fence(hp_str rest);

// Whether `rest` closes one of `length` signs `sign`.
bool hp_markdown_fence_closes(hp_str rest, char sign, size_t length);

// Length of the marker of a list item, 0: none. Where it would end a paragraph, less is one.
size_t hp_markdown_marker(hp_str rest, bool in_paragraph);

// The columns of a table's delimiter row, 0: it is none; and the cells of a header row.
size_t hp_markdown_delimiters(hp_str rest);
size_t hp_markdown_cells(hp_str rest);

// --- markdown_html.c: blocks of HTML, of the seven kinds of CommonMark ---

enum { HP_MARKDOWN_HTML_BLOCK = 6 }; // from this kind on a blank line ends it

// Kind of the block that begins here, 0: none. The last one cannot end a paragraph.
unsigned hp_markdown_html(hp_str rest, bool in_paragraph);

// Whether the line ends a block of a kind that no blank line ends.
bool hp_markdown_html_ends(hp_str rest, unsigned kind);

// Whether it is one where every blank means something.
bool hp_markdown_html_pre(hp_str rest);

// --- markdown_front.c ---

// The front matter that text[at, ) begins with; *found tells whether there is any.
HP_MUST_USE enum hp_code hp_markdown_front(hp_str text, size_t at,
    const struct hp_deadline *deadline, bool *found, struct hp_markdown_span *front,
    struct hp_fault *fault);

// --- markdown_definition.c: a paragraph that begins with link reference definitions ---

enum hp_markdown_defining {
    HP_MARKDOWN_TEXT, // what follows is no definition any more
    HP_MARKDOWN_NEXT, // all lines were definitions
    HP_MARKDOWN_LABEL,
    HP_MARKDOWN_DESTINATION,
    HP_MARKDOWN_TITLE_OR_NEXT,
    HP_MARKDOWN_TITLE
};

struct hp_markdown_definition {
    enum hp_markdown_defining state;
    size_t line, first; // where the paragraph's own text begins, should no more be defined: line
                        // and first non-blank byte
    size_t label;       // bytes of the label read
    bool named;         // it has a non-blank byte
    char quote;         // that closes the title
};

// Reads one line of a paragraph: text[first, end), of the line that starts at `line`.
void hp_markdown_define(
    struct hp_markdown_definition *definition, hp_str text, size_t line, size_t first, size_t end);

// Whether the paragraph, if it ends here, holds nothing but definitions.
static inline bool hp_markdown_defined(const struct hp_markdown_definition *definition)
{
    return definition->state == HP_MARKDOWN_NEXT || definition->state == HP_MARKDOWN_TITLE_OR_NEXT;
}
