// markdown_open.c -- what a line opens, behind the containers that it goes on with: each function
// tries one thing, and the table says which are tried for which byte, in the order of precedence.
#include "text/markdown_blocks.h"

// Makes room for a leaf that the line opens.
static void open_leaf(struct hp_markdown_blocks *blocks, const struct hp_markdown_line *line,
    enum hp_markdown_leaf leaf, enum hp_element_kind kind)
{
    hp_markdown_close(blocks, line->matched);
    blocks->leaf = leaf;
    blocks->leaf_element = hp_markdown_add_element(blocks, line->start, kind);
    hp_markdown_belongs(blocks, line);
}

static void begin_paragraph(struct hp_markdown_blocks *blocks, const struct hp_markdown_line *line)
{
    hp_markdown_close(blocks, line->matched);
    blocks->leaf = HP_MARKDOWN_PARAGRAPH;
    blocks->paragraph.start = line->start;
    blocks->paragraph.first = line->first;
    hp_markdown_paragraph_line(blocks, line->start, line->end);
}

static bool in_paragraph(
    const struct hp_markdown_blocks *blocks, const struct hp_markdown_line *line)
{
    return blocks->leaf == HP_MARKDOWN_PARAGRAPH && line->matched == blocks->depth;
}

// A line of the open paragraph once more: the containers are those that it was read in.
static struct hp_markdown_line paragraph_line_again(
    const struct hp_markdown_blocks *blocks, size_t start, size_t end)
{
    struct hp_markdown_line line = hp_markdown_line_of(blocks, start, end);
    if (start == blocks->paragraph.start) { // which opened some of them
        line.first = blocks->paragraph.first;
        line.column = line.first_column;
        line.matched = blocks->depth;
    } else {
        line.matched = hp_markdown_match(blocks, &line);
    }
    return line;
}

// Reads the definitions that the paragraph begins with; *text is what comes behind them.
static bool only_definitions(
    struct hp_markdown_blocks *blocks, struct hp_markdown_definition *text, size_t stop)
{
    struct hp_markdown_lines lines;
    struct hp_markdown_span span;
    hp_markdown_lines_from(
        &lines, (hp_str){ blocks->text.ptr, stop }, blocks->paragraph.start, blocks->deadline);
    do {
        blocks->code = hp_markdown_lines_ahead(&lines, blocks->fault);
        while (!blocks->code && hp_markdown_lines_next(&lines, &span)) {
            struct hp_markdown_line line = paragraph_line_again(blocks, span.start, span.end);
            hp_markdown_define(text, blocks->text, line.start, line.first, line.end);
            if (text->state == HP_MARKDOWN_TEXT)
                return false;
        }
    } while (!blocks->code && lines.begin < stop);
    return hp_markdown_defined(text);
}

// --- each tries one thing ---

enum opened { NOTHING, CONTAINER, LEAF };

static enum opened open_quote(struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    if (line->matched == HP_MARKDOWN_DEPTH)
        return NOTHING;
    hp_markdown_close(blocks, line->matched);
    blocks->quotes |= (uint64_t)1 << blocks->depth;
    line->matched = ++blocks->depth;
    hp_markdown_belongs(blocks, line);
    hp_markdown_take_quote(blocks, line);
    return CONTAINER;
}

static enum opened open_item(struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    hp_str rest = hp_markdown_rest(blocks, line);
    size_t marker = hp_markdown_marker(rest, in_paragraph(blocks, line));
    if (marker == 0 || line->matched == HP_MARKDOWN_DEPTH)
        return NOTHING;
    hp_markdown_close(blocks, line->matched);
    size_t indent = hp_markdown_indent(line) + marker;
    hp_markdown_take(blocks, line, marker);
    size_t gap = hp_markdown_indent(line);
    if (hp_markdown_line_blank(line) || gap > HP_MARKDOWN_CODE_INDENT)
        gap = 1;
    line->column += gap;
    blocks->item[blocks->depth] =
        (struct hp_markdown_item){ hp_markdown_add_element(blocks, line->start, HP_ELEMENT_ITEM),
            indent + gap };
    line->matched = ++blocks->depth;
    blocks->empty_item = hp_markdown_line_blank(line);
    hp_markdown_belongs(blocks, line);
    return CONTAINER;
}

static enum opened open_atx(struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    size_t from, to;
    unsigned level = hp_markdown_atx(hp_markdown_rest(blocks, line), &from, &to);
    if (level == 0)
        return NOTHING;
    hp_markdown_close(blocks, line->matched);
    hp_markdown_add_heading(
        blocks, (struct hp_heading){ (uint32_t)line->start, (uint32_t)line->end,
                    (uint32_t)(line->first + from), (uint32_t)(line->first + to), (uint8_t)level });
    hp_markdown_belongs(blocks, line);
    return LEAF;
}

// The paragraph so far becomes a heading. Where it held only definitions, it begins anew.
static enum opened open_setext(struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    unsigned level =
        in_paragraph(blocks, line) ? hp_markdown_underline(hp_markdown_rest(blocks, line)) : 0;
    if (level == 0)
        return NOTHING;
    struct hp_markdown_definition text = {
        .state = HP_MARKDOWN_NEXT, .line = blocks->paragraph.start, .first = blocks->paragraph.first
    };
    if (blocks->text.ptr[text.first] == '[' && only_definitions(blocks, &text, line->start)) {
        begin_paragraph(blocks, line);
        return NOTHING;
    }
    hp_markdown_add_heading(
        blocks, (struct hp_heading){ (uint32_t)text.line, (uint32_t)line->end, (uint32_t)text.first,
                    (uint32_t)hp_markdown_last_end(blocks), (uint8_t)level });
    blocks->leaf = HP_MARKDOWN_NO_LEAF;
    hp_markdown_belongs(blocks, line);
    return LEAF;
}

static enum opened open_break(struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    size_t stop;
    if (line->first < line->no_break)
        return NOTHING;
    if (!hp_markdown_break(hp_markdown_rest(blocks, line), &stop)) {
        line->no_break = line->first + stop;
        return NOTHING;
    }
    hp_markdown_close(blocks, line->matched);
    hp_markdown_belongs(blocks, line);
    return LEAF;
}

static enum opened open_fence(struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    hp_str rest = hp_markdown_rest(blocks, line);
    size_t length = hp_markdown_fence(rest);
    if (length == 0)
        return NOTHING;
    blocks->fence = rest.ptr[0];
    blocks->fence_len = length;
    open_leaf(blocks, line, HP_MARKDOWN_FENCED, HP_ELEMENT_CODE);
    return LEAF;
}

static enum opened open_html(struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    hp_str rest = hp_markdown_rest(blocks, line);
    bool in_table = blocks->leaf == HP_MARKDOWN_TABLE && line->matched == blocks->depth;
    unsigned kind = hp_markdown_html(rest, blocks->leaf == HP_MARKDOWN_PARAGRAPH || in_table);
    if (kind == 0)
        return NOTHING;
    blocks->html = kind;
    open_leaf(blocks, line, HP_MARKDOWN_HTML,
        hp_markdown_html_pre(rest) ? HP_ELEMENT_CODE : HP_ELEMENT_HTML);
    if (kind < HP_MARKDOWN_HTML_BLOCK && hp_markdown_html_ends(rest, kind))
        hp_markdown_close(blocks, line->matched);
    return LEAF;
}

// The cells of the paragraph's last line, if it can be the header row of a table.
static size_t header_cells(const struct hp_markdown_blocks *blocks)
{
    struct hp_markdown_line header =
        paragraph_line_again(blocks, blocks->paragraph.last, blocks->content_end);
    bool lazy = header.matched < blocks->depth;
    return lazy || hp_markdown_indent(&header) >= HP_MARKDOWN_CODE_INDENT
               ? 0
               : hp_markdown_cells(hp_markdown_rest(blocks, &header));
}

// The delimiter row, behind a header row.
static enum opened open_table(struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    size_t columns =
        in_paragraph(blocks, line) ? hp_markdown_delimiters(hp_markdown_rest(blocks, line)) : 0;
    if (columns == 0 || header_cells(blocks) != columns)
        return NOTHING;
    size_t start = blocks->paragraph.last;
    open_leaf(blocks, line, HP_MARKDOWN_TABLE, HP_ELEMENT_TABLE);
    if (!blocks->code)
        blocks->element[blocks->leaf_element].start = (uint32_t)start;
    return LEAF;
}

enum { TRIES = 4 };

static enum opened (*const tries[HP_MARKS][TRIES])(
    struct hp_markdown_blocks *, struct hp_markdown_line *) = {
    [HP_MARK_HASH] = { open_atx },
    [HP_MARK_GREATER] = { open_quote },
    [HP_MARK_GRAVE] = { open_fence },
    [HP_MARK_DASH] = { open_setext, open_break, open_item, open_table },
    [HP_MARK_PLUS] = { open_item },
    [HP_MARK_STAR] = { open_break, open_item },
    [HP_MARK_UNDERSCORE] = { open_break },
    [HP_MARK_DIGIT] = { open_item },
    [HP_MARK_LESS] = { open_html },
    [HP_MARK_EQUALS] = { open_setext },
    [HP_MARK_PIPE] = { open_table },
};

static enum opened open_one(struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    unsigned mark = hp_markdown_mark_of[(unsigned char)blocks->text.ptr[line->first]];
    for (int i = 0; i < TRIES && tries[mark][i]; i++) {
        enum opened opened = tries[mark][i](blocks, line);
        if (opened != NOTHING)
            return opened;
    }
    return NOTHING;
}

static void open_indented(struct hp_markdown_blocks *blocks, const struct hp_markdown_line *line)
{
    open_leaf(blocks, line, HP_MARKDOWN_INDENTED, HP_ELEMENT_CODE);
}

// A line that opens nothing (more).
static void text_line(struct hp_markdown_blocks *blocks, const struct hp_markdown_line *line)
{
    if (blocks->leaf == HP_MARKDOWN_PARAGRAPH)
        hp_markdown_paragraph_line(blocks, line->start, line->end);
    else if (blocks->leaf == HP_MARKDOWN_TABLE && line->matched == blocks->depth)
        hp_markdown_belongs(blocks, line);
    else
        begin_paragraph(blocks, line);
}

void hp_markdown_open(struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    enum opened opened = CONTAINER;
    while (opened == CONTAINER && !hp_markdown_line_blank(line) && !blocks->code) {
        if (hp_markdown_indent(line) >= HP_MARKDOWN_CODE_INDENT) {
            if (blocks->leaf == HP_MARKDOWN_PARAGRAPH)
                text_line(blocks, line);
            else
                open_indented(blocks, line);
            return;
        }
        opened = open_one(blocks, line);
    }
    if (opened == NOTHING)
        text_line(blocks, line);
}
