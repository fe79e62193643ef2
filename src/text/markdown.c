// markdown.c -- the blocks of Markdown: front matter, then line after line, after the parsing
// strategy in CommonMark's appendix: which containers go on, does the leaf go on, what does the
// line open, and else it is text. The first non-blank byte settles most lines at once.
#include "text/markdown_blocks.h"

// --- a line ---

static void fenced_line(struct hp_markdown_blocks *blocks, const struct hp_markdown_line *line)
{
    if (hp_markdown_line_blank(line))
        return;
    hp_markdown_belongs(blocks, line);
    if (hp_markdown_indent(line) < HP_MARKDOWN_CODE_INDENT &&
        hp_markdown_fence_closes(hp_markdown_rest(blocks, line), blocks->fence, blocks->fence_len))
        hp_markdown_close(blocks, blocks->depth);
}

static void html_line(struct hp_markdown_blocks *blocks, const struct hp_markdown_line *line)
{
    if (!hp_markdown_line_blank(line))
        hp_markdown_belongs(blocks, line);
    bool ends = blocks->html < HP_MARKDOWN_HTML_BLOCK
                    ? hp_markdown_html_ends(hp_markdown_rest(blocks, line), blocks->html)
                    : hp_markdown_line_blank(line);
    if (ends)
        hp_markdown_close(blocks, blocks->depth);
}

// Whether the line belongs to a leaf that takes lines as they come.
static bool goes_into_leaf(struct hp_markdown_blocks *blocks, const struct hp_markdown_line *line)
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
    if (!hp_markdown_line_blank(line) && hp_markdown_indent(line) >= HP_MARKDOWN_CODE_INDENT)
        hp_markdown_belongs(blocks, line);
    return hp_markdown_line_blank(line) || hp_markdown_indent(line) >= HP_MARKDOWN_CODE_INDENT;
}

// Kept out of its caller, which settles most lines and would save registers for it each time.
__attribute__((noinline)) static void read_line(
    struct hp_markdown_blocks *blocks, size_t start, size_t end)
{
    struct hp_markdown_line line = hp_markdown_line_of(blocks, start, end);
    line.matched = hp_markdown_match(blocks, &line);
    if (line.matched == blocks->depth && goes_into_leaf(blocks, &line))
        return;
    if (hp_markdown_line_blank(&line)) {
        hp_markdown_close(blocks, line.matched);
        return;
    }
    if (line.matched == blocks->depth)
        blocks->empty_item = false;
    hp_markdown_open(blocks, &line);
}

// --- what settles most lines: the first byte that is not blank ---

// A line without any byte, where it goes into all that is open.
static void empty_line(struct hp_markdown_blocks *blocks)
{
    bool table = blocks->leaf == HP_MARKDOWN_TABLE;
    bool html = blocks->leaf == HP_MARKDOWN_HTML && blocks->html >= HP_MARKDOWN_HTML_BLOCK;
    if (blocks->leaf == HP_MARKDOWN_PARAGRAPH || table || html)
        hp_markdown_close(blocks, blocks->depth);
}

// Whether a line with such a byte (`flush`: at its start) goes on with the leaf, whatever else is
// on it.
static bool goes_on(const struct hp_markdown_blocks *blocks, char c, bool flush)
{
    unsigned mark = hp_markdown_mark_of[(unsigned char)c];
    switch (blocks->leaf) {
    case HP_MARKDOWN_PARAGRAPH:
        return mark == HP_MARK_TEXT; // lazily where containers do not go on
    case HP_MARKDOWN_FENCED:
        return blocks->depth == 0 && c != blocks->fence;
    case HP_MARKDOWN_HTML:
        return blocks->depth == 0 && blocks->html >= HP_MARKDOWN_HTML_BLOCK;
    case HP_MARKDOWN_TABLE:
        return blocks->depth == 0 && flush && (mark == HP_MARK_TEXT || mark == HP_MARK_PIPE);
    case HP_MARKDOWN_INDENTED:
    case HP_MARKDOWN_NO_LEAF:
        break;
    }
    return false;
}

static void settle_line(struct hp_markdown_blocks *blocks, size_t start, size_t end)
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
        hp_markdown_paragraph_line(blocks, start, end);
    else
        blocks->content_end = end;
}

// A byte order mark is no part of the first line.
static size_t text_start(hp_str text)
{
    static const hp_str mark = HP_STR("\xef\xbb\xbf");
    return text.len >= mark.len && memcmp(text.ptr, mark.ptr, mark.len) == 0 ? mark.len : 0;
}

// Whether front matter may be there at all: most texts begin with something else.
static bool may_have_front(hp_str text, size_t at)
{
    while (at < text.len && (hp_markdown_blank(text.ptr[at]) || text.ptr[at] == '\n' ||
                                text.ptr[at] == '\r' || text.ptr[at] == '\f'))
        at++;
    return at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+');
}

static enum hp_code read_front(struct hp_markdown_blocks *blocks, size_t *at)
{
    struct hp_markdown_span front;
    bool found = may_have_front(blocks->text, *at);
    if (found)
        HP_TRY(
            hp_markdown_front(blocks->text, *at, blocks->deadline, &found, &front, blocks->fault));
    if (!found)
        return HP_OK;
    hp_str all = { blocks->text.ptr, front.end };
    size_t element = hp_markdown_add_element(blocks, front.start, HP_ELEMENT_FRONT_MATTER);
    if (!blocks->code)
        blocks->element[element].end = (uint32_t)hp_markdown_trim(all);
    *at = front.end; // the end of its line is a blank line's then
    return blocks->code;
}

static enum hp_code read_lines(struct hp_markdown_blocks *blocks, size_t at)
{
    struct hp_markdown_lines lines;
    struct hp_markdown_span line;
    hp_markdown_lines_from(&lines, blocks->text, at, blocks->deadline);
    do {
        HP_TRY(hp_markdown_lines_ahead(&lines, blocks->fault));
        while (hp_markdown_lines_next(&lines, &line) && !blocks->code)
            settle_line(blocks, line.start, line.end);
    } while (lines.begin < blocks->text.len && !blocks->code);
    hp_markdown_close(blocks, 0);
    return blocks->code;
}

enum hp_code hp_markdown_read(hp_str text, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_structure *out, struct hp_fault *fault)
{
    struct hp_markdown_blocks blocks = {
        .text = text, .arena = arena, .deadline = deadline, .fault = fault
    };
    size_t at = text_start(text);
    HP_TRY(read_front(&blocks, &at));
    HP_TRY(read_lines(&blocks, at));
    *out = (struct hp_structure){ .heading = blocks.heading,
        .element = blocks.element,
        .headings = blocks.headings,
        .elements = blocks.elements };
    return HP_OK;
}
