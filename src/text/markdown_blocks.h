// markdown_blocks.h -- the blocks that are open while a Markdown text is read line by line.
#pragma once

#include "text/markdown.h"

#include "hotpathd/arena.h"

enum {
    HP_MARKDOWN_DEPTH = 64,      // of containers; what opens one deeper is text
    HP_MARKDOWN_CODE_INDENT = 4, // columns
};

// What a byte may open as the first non-blank one of a line.
enum hp_markdown_mark {
    HP_MARK_TEXT,
    HP_MARK_HASH,
    HP_MARK_GREATER,
    HP_MARK_GRAVE,
    HP_MARK_DASH,
    HP_MARK_PLUS,
    HP_MARK_STAR,
    HP_MARK_UNDERSCORE,
    HP_MARK_DIGIT,
    HP_MARK_LESS,
    HP_MARK_EQUALS,
    HP_MARK_PIPE,
    HP_MARKS
};

extern const uint8_t hp_markdown_mark_of[256];

// The innermost open block, where it is no container.
enum hp_markdown_leaf {
    HP_MARKDOWN_NO_LEAF,
    HP_MARKDOWN_PARAGRAPH,
    HP_MARKDOWN_FENCED,
    HP_MARKDOWN_INDENTED,
    HP_MARKDOWN_HTML,
    HP_MARKDOWN_TABLE
};

struct hp_markdown_item {
    size_t element;
    size_t indent; // columns that its content is indented by, within what it lies in
};

// Positions are bytes of `text`.
struct hp_markdown_blocks {
    hp_str text;
    struct hp_arena *arena;
    const struct hp_deadline *deadline;
    struct hp_fault *fault;
    enum hp_code code; // why no more is read

    struct hp_heading *heading;
    struct hp_element *element;
    size_t headings, headings_cap, elements, elements_cap;

    size_t depth;
    uint64_t quotes; // bit i: container i is a quote, else an item
    struct hp_markdown_item item[HP_MARKDOWN_DEPTH];
    bool empty_item;    // the innermost container is an item whose first line is all there is, and
                        // blank
    size_t content_end; // of the last line that was not blank within its containers

    enum hp_markdown_leaf leaf;
    size_t leaf_element; // not of a paragraph
    char fence;
    size_t fence_len;
    unsigned html; // kind

    struct {
        size_t start, first; // of its first line: where it starts, and its first non-blank byte
        size_t last;         // where its last line starts
    } paragraph;
};

// A line, and how far it is read: containers take columns of blanks, so a tab may be taken in part.
struct hp_markdown_line {
    size_t start, end;
    size_t first;        // non-blank byte behind the marks that were read; `end`: none
    size_t first_column; // where it stands
    size_t column;       // up to which it is read
    size_t matched;      // containers that go on or were opened
    size_t no_break;     // no thematic break begins before this byte
};

static inline bool hp_markdown_line_blank(const struct hp_markdown_line *line)
{
    return line->first == line->end;
}

static inline size_t hp_markdown_indent(const struct hp_markdown_line *line)
{
    return line->first_column - line->column;
}

static inline hp_str hp_markdown_rest(
    const struct hp_markdown_blocks *blocks, const struct hp_markdown_line *line)
{
    return (hp_str){ blocks->text.ptr + line->first, line->end - line->first };
}

// The line goes into what is open.
static inline void hp_markdown_belongs(
    struct hp_markdown_blocks *blocks, const struct hp_markdown_line *line)
{
    blocks->content_end = line->end;
}

static inline void hp_markdown_paragraph_line(
    struct hp_markdown_blocks *blocks, size_t start, size_t end)
{
    blocks->paragraph.last = start;
    blocks->content_end = end;
}

// --- markdown_blocks.c ---

// text[start, end), of which nothing is read but blanks.
struct hp_markdown_line hp_markdown_line_of(
    const struct hp_markdown_blocks *blocks, size_t start, size_t end);

// Reads over a mark of `len` bytes, and over that of a quote.
void hp_markdown_take(
    const struct hp_markdown_blocks *blocks, struct hp_markdown_line *line, size_t len);
void hp_markdown_take_quote(const struct hp_markdown_blocks *blocks, struct hp_markdown_line *line);

// How many of the open containers go on in this line; reads their marks.
size_t hp_markdown_match(const struct hp_markdown_blocks *blocks, struct hp_markdown_line *line);

// Adds an element, which gets its end when it closes, and returns its place.
size_t hp_markdown_add_element(
    struct hp_markdown_blocks *blocks, size_t start, enum hp_element_kind kind);
void hp_markdown_add_heading(struct hp_markdown_blocks *blocks, struct hp_heading added);

// Where all that is open would end now.
size_t hp_markdown_last_end(const struct hp_markdown_blocks *blocks);

// Closes the leaf, and the containers but the outer `depth`.
void hp_markdown_close(struct hp_markdown_blocks *blocks, size_t depth);

// --- markdown_open.c ---

// Opens what the line opens behind the containers that it goes on with; what is left is text.
void hp_markdown_open(struct hp_markdown_blocks *blocks, struct hp_markdown_line *line);
