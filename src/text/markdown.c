// markdown.c -- the blocks of Markdown: front matter, then line after line.
#include "text/markdown_blocks.h"

// A byte order mark is no part of the first line.
static size_t text_start(hp_str text)
{
    static const hp_str mark = HP_STR("\xef\xbb\xbf");
    return text.len >= mark.len && memcmp(text.ptr, mark.ptr, mark.len) == 0 ? mark.len : 0;
}

static enum hp_code read_front(struct hp_markdown_blocks *blocks,
    const struct hp_deadline *deadline, size_t *at, struct hp_fault *fault)
{
    struct hp_markdown_span front;
    bool found;
    HP_TRY(hp_markdown_front(blocks->text, *at, deadline, &found, &front, fault));
    if (!found)
        return HP_OK;
    hp_str all = { blocks->text.ptr, front.end };
    hp_markdown_blocks_add(blocks, front.start, hp_markdown_trim(all), HP_ELEMENT_FRONT_MATTER);
    *at = front.end; // the end of its line is a blank line's then
    return HP_OK;
}

static enum hp_code read_lines(struct hp_markdown_blocks *blocks,
    const struct hp_deadline *deadline, size_t at, struct hp_fault *fault)
{
    struct hp_markdown_lines lines;
    struct hp_markdown_span line;
    hp_markdown_lines_from(&lines, blocks->text, at, deadline);
    do {
        HP_TRY(hp_markdown_lines_ahead(&lines, fault));
        while (hp_markdown_line(&lines, &line) && !blocks->failed)
            hp_markdown_blocks_line(blocks, line.start, line.end);
    } while (lines.begin < blocks->text.len && !blocks->failed);
    hp_markdown_blocks_end(blocks);
    return blocks->failed ? hp_no_memory(blocks->arena, fault) : HP_OK;
}

enum hp_code hp_markdown_read(hp_str text, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_structure *out, struct hp_fault *fault)
{
    struct hp_markdown_blocks blocks = { .text = text, .arena = arena };
    size_t at = text_start(text);
    HP_TRY(read_front(&blocks, deadline, &at, fault));
    HP_TRY(read_lines(&blocks, deadline, at, fault));
    *out = (struct hp_structure){ .heading = blocks.heading,
        .element = blocks.element,
        .headings = blocks.headings,
        .elements = blocks.elements };
    return HP_OK;
}
