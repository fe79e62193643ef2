// markdown_blocks.c -- one line after the other against the blocks that are open, after the parsing
// strategy in CommonMark's appendix: which containers go on, does the leaf go on, what does the
// line open, and else it is text. A byte that opens nothing settles most lines at once.
#include "text/markdown_blocks.h"

enum { CODE_INDENT = 4, TAB = 4, FIRST = 64 };

// What a line's first non-blank byte may open.
enum mark {
    TEXT,
    BLANK,
    HASH,
    GREATER,
    GRAVE,
    DASH,
    PLUS,
    STAR,
    UNDERSCORE,
    DIGIT,
    LESS,
    EQUALS,
    PIPE,
    MARKS
};

static const uint8_t mark_of[256] = { [' '] = BLANK,
    ['\t'] = BLANK,
    ['#'] = HASH,
    ['>'] = GREATER,
    ['`'] = GRAVE,
    ['~'] = GRAVE,
    ['-'] = DASH,
    ['+'] = PLUS,
    ['*'] = STAR,
    ['_'] = UNDERSCORE,
    ['0'] = DIGIT,
    ['1'] = DIGIT,
    ['2'] = DIGIT,
    ['3'] = DIGIT,
    ['4'] = DIGIT,
    ['5'] = DIGIT,
    ['6'] = DIGIT,
    ['7'] = DIGIT,
    ['8'] = DIGIT,
    ['9'] = DIGIT,
    ['<'] = LESS,
    ['='] = EQUALS,
    ['|'] = PIPE,
    [':'] = PIPE };

// A line, and how far it is read: containers take columns of blanks, so a tab may be taken in part.
struct line {
    size_t start, end;
    size_t first;        // non-blank byte behind the marks that were read; `end`: none
    size_t first_column; // where it stands
    size_t column;       // up to which it is read
    size_t matched;      // containers that go on or were opened
    size_t no_break;     // no thematic break begins before this byte
};

static bool blank(const struct line *line)
{
    return line->first == line->end;
}

static size_t indent_of(const struct line *line)
{
    return line->first_column - line->column;
}

static hp_str rest_of(const struct hp_markdown_blocks *blocks, const struct line *line)
{
    return (hp_str){ blocks->text.ptr + line->first, line->end - line->first };
}

static void skip_blanks(const struct hp_markdown_blocks *blocks, struct line *line)
{
    const char *text = blocks->text.ptr;
    for (; line->first < line->end; line->first++) {
        if (text[line->first] == ' ')
            line->first_column++;
        else if (text[line->first] == '\t')
            line->first_column = (line->first_column / TAB + 1) * TAB;
        else
            break;
    }
}

// Reads over a mark of `len` bytes.
static void take(const struct hp_markdown_blocks *blocks, struct line *line, size_t len)
{
    line->first += len;
    line->first_column += len;
    line->column = line->first_column;
    skip_blanks(blocks, line);
}

static void take_quote(const struct hp_markdown_blocks *blocks, struct line *line)
{
    take(blocks, line, 1);
    line->column += line->first_column > line->column; // one blank belongs to the mark
}

// --- the lists that are handed out ---

static bool room(
    struct hp_markdown_blocks *blocks, void *list, size_t count, size_t *cap, size_t size)
{
    void **array = list;
    if (count < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : FIRST;
    void *grown = hp_grow(blocks->arena, *array, *cap * size, more * size);
    if (!grown) {
        blocks->code = hp_no_memory(blocks->arena, blocks->fault);
        return false;
    }
    *array = grown;
    *cap = more;
    return true;
}

// The end comes when it closes.
static size_t add_element(
    struct hp_markdown_blocks *blocks, size_t start, enum hp_element_kind kind)
{
    if (!room(blocks, &blocks->element, blocks->elements, &blocks->elements_cap,
            sizeof *blocks->element))
        return 0;
    blocks->element[blocks->elements] =
        (struct hp_element){ .start = (uint32_t)start, .kind = (uint8_t)kind };
    return blocks->elements++;
}

static void add_heading(struct hp_markdown_blocks *blocks, struct hp_heading heading)
{
    if (room(blocks, &blocks->heading, blocks->headings, &blocks->headings_cap,
            sizeof *blocks->heading))
        blocks->heading[blocks->headings++] = heading;
}

void hp_markdown_blocks_add(
    struct hp_markdown_blocks *blocks, size_t start, size_t end, enum hp_element_kind kind)
{
    size_t element = add_element(blocks, start, kind);
    if (!blocks->code)
        blocks->element[element].end = (uint32_t)end;
}

// --- closing ---

static void close_leaf(struct hp_markdown_blocks *blocks, size_t end)
{
    if (blocks->leaf > HP_MARKDOWN_PARAGRAPH && !blocks->code)
        blocks->element[blocks->leaf_element].end = (uint32_t)end;
    blocks->leaf = HP_MARKDOWN_NO_LEAF;
}

// All that is open ends with the last line that was not blank: any other would have closed it.
static size_t last_end(const struct hp_markdown_blocks *blocks)
{
    return hp_markdown_trim((hp_str){ blocks->text.ptr, blocks->content_end });
}

// Closes the leaf, and the containers but the outer `depth`.
static void close_to(struct hp_markdown_blocks *blocks, size_t depth)
{
    if (blocks->leaf == HP_MARKDOWN_NO_LEAF && blocks->depth == depth)
        return;
    size_t end = last_end(blocks);
    close_leaf(blocks, end);
    for (; blocks->depth > depth && !blocks->code; blocks->depth--)
        if (!(blocks->quotes >> (blocks->depth - 1) & 1))
            blocks->element[blocks->item[blocks->depth - 1].element].end = (uint32_t)end;
    blocks->quotes &= depth ? UINT64_MAX >> (HP_MARKDOWN_DEPTH - depth) : 0;
    blocks->depth = depth;
    blocks->empty_item = false;
}

void hp_markdown_blocks_end(struct hp_markdown_blocks *blocks)
{
    close_to(blocks, 0);
}

// The line goes into what is open.
static void belongs(struct hp_markdown_blocks *blocks, const struct line *line)
{
    blocks->content_end = line->end;
}

// Makes room for a leaf that the line opens.
static void open_leaf(struct hp_markdown_blocks *blocks, const struct line *line,
    enum hp_markdown_leaf leaf, enum hp_element_kind kind)
{
    close_to(blocks, line->matched);
    blocks->leaf = leaf;
    blocks->leaf_element = add_element(blocks, line->start, kind);
    belongs(blocks, line);
}

// --- paragraphs ---

static void paragraph_line(struct hp_markdown_blocks *blocks, size_t start, size_t end)
{
    blocks->paragraph.last = start;
    blocks->content_end = end;
}

static void begin_paragraph(struct hp_markdown_blocks *blocks, const struct line *line)
{
    close_to(blocks, line->matched);
    blocks->leaf = HP_MARKDOWN_PARAGRAPH;
    blocks->paragraph.start = line->start;
    blocks->paragraph.first = line->first;
    paragraph_line(blocks, line->start, line->end);
}

static bool in_paragraph(const struct hp_markdown_blocks *blocks, const struct line *line)
{
    return blocks->leaf == HP_MARKDOWN_PARAGRAPH && line->matched == blocks->depth;
}

static struct line line_from(const struct hp_markdown_blocks *blocks, size_t start, size_t end)
{
    struct line line = { .start = start, .end = end, .first = start };
    skip_blanks(blocks, &line);
    return line;
}

// How many of the open containers go on in this line; reads their marks.
static size_t match(const struct hp_markdown_blocks *blocks, struct line *line)
{
    for (size_t i = 0; i < blocks->depth; i++) {
        uint64_t quotes = blocks->quotes >> i;
        if (blank(line)) // items go on, up to a quote
            return quotes ? i + (size_t)__builtin_ctzll(quotes)
                          : blocks->depth - blocks->empty_item;
        if (!(quotes & 1)) {
            if (indent_of(line) < blocks->item[i].indent)
                return i;
            line->column += blocks->item[i].indent;
        } else {
            if (indent_of(line) >= CODE_INDENT || blocks->text.ptr[line->first] != '>')
                return i;
            take_quote(blocks, line);
        }
    }
    return blocks->depth;
}

// A line of the open paragraph once more: the containers are those that it was read in.
static struct line paragraph_line_again(
    const struct hp_markdown_blocks *blocks, size_t start, size_t end)
{
    struct line line = line_from(blocks, start, end);
    if (start == blocks->paragraph.start) { // which opened some of them
        line.first = blocks->paragraph.first;
        line.column = line.first_column;
        line.matched = blocks->depth;
    } else {
        line.matched = match(blocks, &line);
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
        while (!blocks->code && hp_markdown_line(&lines, &span)) {
            struct line line = paragraph_line_again(blocks, span.start, span.end);
            hp_markdown_define(text, blocks->text, line.start, line.first, line.end);
            if (text->state == HP_MARKDOWN_TEXT)
                return false;
        }
    } while (!blocks->code && lines.begin < stop);
    return hp_markdown_defined(text);
}

// --- what a line opens: each tries one thing ---

enum opened { NOTHING, CONTAINER, LEAF };

static enum opened open_quote(struct hp_markdown_blocks *blocks, struct line *line)
{
    if (line->matched == HP_MARKDOWN_DEPTH)
        return NOTHING;
    close_to(blocks, line->matched);
    blocks->quotes |= (uint64_t)1 << blocks->depth;
    line->matched = ++blocks->depth;
    belongs(blocks, line);
    take_quote(blocks, line);
    return CONTAINER;
}

static enum opened open_item(struct hp_markdown_blocks *blocks, struct line *line)
{
    hp_str rest = rest_of(blocks, line);
    size_t marker = hp_markdown_marker(rest, in_paragraph(blocks, line));
    if (marker == 0 || line->matched == HP_MARKDOWN_DEPTH)
        return NOTHING;
    close_to(blocks, line->matched);
    size_t indent = indent_of(line) + marker;
    take(blocks, line, marker);
    size_t gap = indent_of(line);
    if (blank(line) || gap > CODE_INDENT)
        gap = 1;
    line->column += gap;
    blocks->item[blocks->depth] =
        (struct hp_markdown_item){ add_element(blocks, line->start, HP_ELEMENT_ITEM),
            indent + gap };
    line->matched = ++blocks->depth;
    blocks->empty_item = blank(line);
    belongs(blocks, line);
    return CONTAINER;
}

static enum opened open_atx(struct hp_markdown_blocks *blocks, struct line *line)
{
    size_t from, to;
    unsigned level = hp_markdown_atx(rest_of(blocks, line), &from, &to);
    if (level == 0)
        return NOTHING;
    close_to(blocks, line->matched);
    add_heading(
        blocks, (struct hp_heading){ (uint32_t)line->start, (uint32_t)line->end,
                    (uint32_t)(line->first + from), (uint32_t)(line->first + to), (uint8_t)level });
    belongs(blocks, line);
    return LEAF;
}

// The paragraph so far becomes a heading. Where it held only definitions, it begins anew.
static enum opened open_setext(struct hp_markdown_blocks *blocks, struct line *line)
{
    unsigned level = in_paragraph(blocks, line) ? hp_markdown_underline(rest_of(blocks, line)) : 0;
    if (level == 0)
        return NOTHING;
    struct hp_markdown_definition text = {
        .state = HP_MARKDOWN_NEXT, .line = blocks->paragraph.start, .first = blocks->paragraph.first
    };
    if (blocks->text.ptr[text.first] == '[' && only_definitions(blocks, &text, line->start)) {
        begin_paragraph(blocks, line);
        return NOTHING;
    }
    add_heading(blocks, (struct hp_heading){ (uint32_t)text.line, (uint32_t)line->end,
                            (uint32_t)text.first, (uint32_t)last_end(blocks), (uint8_t)level });
    blocks->leaf = HP_MARKDOWN_NO_LEAF;
    belongs(blocks, line);
    return LEAF;
}

static enum opened open_break(struct hp_markdown_blocks *blocks, struct line *line)
{
    size_t stop;
    if (line->first < line->no_break)
        return NOTHING;
    if (!hp_markdown_break(rest_of(blocks, line), &stop)) {
        line->no_break = line->first + stop;
        return NOTHING;
    }
    close_to(blocks, line->matched);
    belongs(blocks, line);
    return LEAF;
}

static enum opened open_fence(struct hp_markdown_blocks *blocks, struct line *line)
{
    hp_str rest = rest_of(blocks, line);
    size_t length = hp_markdown_fence(rest);
    if (length == 0)
        return NOTHING;
    blocks->fence = rest.ptr[0];
    blocks->fence_len = length;
    open_leaf(blocks, line, HP_MARKDOWN_FENCED, HP_ELEMENT_CODE);
    return LEAF;
}

static enum opened open_html(struct hp_markdown_blocks *blocks, struct line *line)
{
    hp_str rest = rest_of(blocks, line);
    bool in_table = blocks->leaf == HP_MARKDOWN_TABLE && line->matched == blocks->depth;
    unsigned kind = hp_markdown_html(rest, blocks->leaf == HP_MARKDOWN_PARAGRAPH || in_table);
    if (kind == 0)
        return NOTHING;
    blocks->html = kind;
    open_leaf(blocks, line, HP_MARKDOWN_HTML,
        hp_markdown_html_pre(rest) ? HP_ELEMENT_CODE : HP_ELEMENT_HTML);
    if (kind < HP_MARKDOWN_HTML_BLOCK && hp_markdown_html_ends(rest, kind))
        close_to(blocks, line->matched);
    return LEAF;
}

// The cells of the paragraph's last line, if it can be the header row of a table.
static size_t header_cells(const struct hp_markdown_blocks *blocks)
{
    struct line header = paragraph_line_again(blocks, blocks->paragraph.last, blocks->content_end);
    bool lazy = header.matched < blocks->depth;
    return lazy || indent_of(&header) >= CODE_INDENT ? 0
                                                     : hp_markdown_cells(rest_of(blocks, &header));
}

// The delimiter row, behind a header row.
static enum opened open_table(struct hp_markdown_blocks *blocks, struct line *line)
{
    size_t columns = in_paragraph(blocks, line) ? hp_markdown_delimiters(rest_of(blocks, line)) : 0;
    if (columns == 0 || header_cells(blocks) != columns)
        return NOTHING;
    size_t start = blocks->paragraph.last;
    open_leaf(blocks, line, HP_MARKDOWN_TABLE, HP_ELEMENT_TABLE);
    if (!blocks->code)
        blocks->element[blocks->leaf_element].start = (uint32_t)start;
    return LEAF;
}

enum { TRIES = 4 };

static enum opened (*const tries[MARKS][TRIES])(struct hp_markdown_blocks *, struct line *) = {
    [HASH] = { open_atx },
    [GREATER] = { open_quote },
    [GRAVE] = { open_fence },
    [DASH] = { open_setext, open_break, open_item, open_table },
    [PLUS] = { open_item },
    [STAR] = { open_break, open_item },
    [UNDERSCORE] = { open_break },
    [DIGIT] = { open_item },
    [LESS] = { open_html },
    [EQUALS] = { open_setext },
    [PIPE] = { open_table },
};

static enum opened open_one(struct hp_markdown_blocks *blocks, struct line *line)
{
    unsigned mark = mark_of[(unsigned char)blocks->text.ptr[line->first]];
    for (int i = 0; i < TRIES && tries[mark][i]; i++) {
        enum opened opened = tries[mark][i](blocks, line);
        if (opened != NOTHING)
            return opened;
    }
    return NOTHING;
}

static void open_indented(struct hp_markdown_blocks *blocks, const struct line *line)
{
    open_leaf(blocks, line, HP_MARKDOWN_INDENTED, HP_ELEMENT_CODE);
}

// --- a line ---

static void fenced_line(struct hp_markdown_blocks *blocks, const struct line *line)
{
    if (blank(line))
        return;
    belongs(blocks, line);
    if (indent_of(line) < CODE_INDENT &&
        hp_markdown_fence_closes(rest_of(blocks, line), blocks->fence, blocks->fence_len))
        close_to(blocks, blocks->depth);
}

static void html_line(struct hp_markdown_blocks *blocks, const struct line *line)
{
    if (!blank(line))
        belongs(blocks, line);
    bool ends = blocks->html < HP_MARKDOWN_HTML_BLOCK
                    ? hp_markdown_html_ends(rest_of(blocks, line), blocks->html)
                    : blank(line);
    if (ends)
        close_to(blocks, blocks->depth);
}

// Whether the line belongs to a leaf that takes lines as they come.
static bool goes_into_leaf(struct hp_markdown_blocks *blocks, const struct line *line)
{
    if (blocks->leaf == HP_MARKDOWN_FENCED) {
        fenced_line(blocks, line);
        return true;
    }
    if (blocks->leaf == HP_MARKDOWN_HTML) {
        html_line(blocks, line);
        return true;
    }
    if (blocks->leaf != HP_MARKDOWN_INDENTED)
        return false;
    if (!blank(line) && indent_of(line) >= CODE_INDENT)
        belongs(blocks, line);
    return blank(line) || indent_of(line) >= CODE_INDENT;
}

// A line that opens nothing (more).
static void text_line(struct hp_markdown_blocks *blocks, const struct line *line)
{
    if (blocks->leaf == HP_MARKDOWN_PARAGRAPH)
        paragraph_line(blocks, line->start, line->end);
    else if (blocks->leaf == HP_MARKDOWN_TABLE && line->matched == blocks->depth)
        belongs(blocks, line);
    else
        begin_paragraph(blocks, line);
}

static void open_blocks(struct hp_markdown_blocks *blocks, struct line *line)
{
    enum opened opened = CONTAINER;
    while (opened == CONTAINER && !blank(line) && !blocks->code) {
        if (indent_of(line) >= CODE_INDENT) {
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

// Kept out of its caller, which settles most lines and would save registers for it each time.
__attribute__((noinline)) static void read_line(
    struct hp_markdown_blocks *blocks, size_t start, size_t end)
{
    struct line line = line_from(blocks, start, end);
    line.matched = match(blocks, &line);
    if (line.matched == blocks->depth && goes_into_leaf(blocks, &line))
        return;
    if (blank(&line)) {
        close_to(blocks, line.matched);
        return;
    }
    if (line.matched == blocks->depth)
        blocks->empty_item = false;
    open_blocks(blocks, &line);
}

// --- what settles most lines: the first byte that is not blank ---

// A line without any byte, where it goes into all that is open.
static void empty_line(struct hp_markdown_blocks *blocks)
{
    bool table = blocks->leaf == HP_MARKDOWN_TABLE;
    bool html = blocks->leaf == HP_MARKDOWN_HTML && blocks->html >= HP_MARKDOWN_HTML_BLOCK;
    if (blocks->leaf == HP_MARKDOWN_PARAGRAPH || table || html)
        close_leaf(blocks, last_end(blocks));
}

// Whether a line with such a byte (`flush`: at its start) goes on with the leaf, whatever else is
// on it.
static bool goes_on(const struct hp_markdown_blocks *blocks, char c, bool flush)
{
    unsigned mark = mark_of[(unsigned char)c];
    switch (blocks->leaf) {
    case HP_MARKDOWN_PARAGRAPH:
        return mark == TEXT; // lazily where containers do not go on
    case HP_MARKDOWN_FENCED:
        return blocks->depth == 0 && c != blocks->fence;
    case HP_MARKDOWN_HTML:
        return blocks->depth == 0 && blocks->html >= HP_MARKDOWN_HTML_BLOCK;
    case HP_MARKDOWN_TABLE:
        return blocks->depth == 0 && flush && (mark == TEXT || mark == PIPE);
    case HP_MARKDOWN_INDENTED:
    case HP_MARKDOWN_NO_LEAF:
        break;
    }
    return false;
}

void hp_markdown_blocks_line(struct hp_markdown_blocks *blocks, size_t start, size_t end)
{
    const char *text = blocks->text.ptr;
    size_t first = start;
    if (start == end && blocks->quotes == 0 && !blocks->empty_item) {
        empty_line(blocks);
        return;
    }
    while (first < end && hp_markdown_blank(text[first]))
        first++;
    if (first == end || !goes_on(blocks, text[first], first == start))
        read_line(blocks, start, end);
    else if (blocks->leaf == HP_MARKDOWN_PARAGRAPH)
        paragraph_line(blocks, start, end);
    else
        blocks->content_end = end;
}
