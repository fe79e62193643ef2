// markdown.c -- the blocks of Markdown: front matter, then line after line.
#include "text/markdown_blocks.h"

// A byte order mark is no part of the first line.
static size_t text_start(hp_str text)
{
    static const hp_str mark = HP_STR("\xef\xbb\xbf");
    return text.len >= mark.len && memcmp(text.ptr, mark.ptr, mark.len) == 0 ? mark.len : 0;
}

// Whether front matter may be there at all: most texts begin with something else.
static bool may_have_front(hp_str text, size_t at)
{
    while (at < text.len && memchr(" \t\n\r\f", text.ptr[at], 5))
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
    hp_markdown_blocks_add(blocks, front.start, hp_markdown_trim(all), HP_ELEMENT_FRONT_MATTER);
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
        while (hp_markdown_line(&lines, &line) && !blocks->code)
            hp_markdown_blocks_line(blocks, line.start, line.end);
    } while (lines.begin < blocks->text.len && !blocks->code);
    hp_markdown_blocks_end(blocks);
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
