// markdown_blocks.c -- the blocks that are open: containers, each a quote or an item, then at most
// one leaf. All of it is a stack, so closing is cutting it; elements are noted where they open.
#include "text/markdown_blocks.h"

enum { TAB = 4, FIRST = 64 };

const uint8_t hp_markdown_mark_of[256] = { ['#'] = HP_MARK_HASH,
    ['>'] = HP_MARK_GREATER,
    ['`'] = HP_MARK_GRAVE,
    ['~'] = HP_MARK_GRAVE,
    ['-'] = HP_MARK_DASH,
    ['+'] = HP_MARK_PLUS,
    ['*'] = HP_MARK_STAR,
    ['_'] = HP_MARK_UNDERSCORE,
    ['0'] = HP_MARK_DIGIT,
    ['1'] = HP_MARK_DIGIT,
    ['2'] = HP_MARK_DIGIT,
    ['3'] = HP_MARK_DIGIT,
    ['4'] = HP_MARK_DIGIT,
    ['5'] = HP_MARK_DIGIT,
    ['6'] = HP_MARK_DIGIT,
    ['7'] = HP_MARK_DIGIT,
    ['8'] = HP_MARK_DIGIT,
    ['9'] = HP_MARK_DIGIT,
    ['<'] = HP_MARK_LESS,
    ['='] = HP_MARK_EQUALS,
    ['|'] = HP_MARK_PIPE,
    [':'] = HP_MARK_PIPE };

static void skip_blanks(const struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
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

void hp_markdown_take(
    const struct hp_markdown_blocks *blocks, struct hp_markdown_line *line, size_t len)
{
    line->first += len;
    line->first_column += len;
    line->column = line->first_column;
    skip_blanks(blocks, line);
}

void hp_markdown_take_quote(const struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    hp_markdown_take(blocks, line, 1);
    line->column += line->first_column > line->column; // one blank belongs to the mark
}

struct hp_markdown_line hp_markdown_line_of(
    const struct hp_markdown_blocks *blocks, size_t start, size_t end)
{
    struct hp_markdown_line line = { .start = start, .end = end, .first = start };
    skip_blanks(blocks, &line);
    return line;
}

size_t hp_markdown_match(const struct hp_markdown_blocks *blocks, struct hp_markdown_line *line)
{
    for (size_t i = 0; i < blocks->depth; i++) {
        uint64_t quotes = blocks->quotes >> i;
        if (hp_markdown_line_blank(line)) // items go on, up to a quote
            return quotes ? i + (size_t)__builtin_ctzll(quotes)
                          : blocks->depth - blocks->empty_item;
        if (!(quotes & 1)) {
            if (hp_markdown_indent(line) < blocks->item[i].indent)
                return i;
            line->column += blocks->item[i].indent;
        } else {
            if (hp_markdown_indent(line) >= HP_MARKDOWN_CODE_INDENT ||
                blocks->text.ptr[line->first] != '>')
                return i;
            hp_markdown_take_quote(blocks, line);
        }
    }
    return blocks->depth;
}

// --- the lists that are handed out ---

// The list with room for one more, NULL where there is no memory.
static void *room(
    struct hp_markdown_blocks *blocks, void *list, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return list;
    size_t more = *cap + *cap / 4 + FIRST;
    void *grown = hp_grow(blocks->arena, list, *cap * size, more * size);
    if (grown)
        *cap = more;
    else
        blocks->code = hp_no_memory(blocks->arena, blocks->fault);
    return grown;
}

size_t hp_markdown_add_element(
    struct hp_markdown_blocks *blocks, size_t start, enum hp_element_kind kind)
{
    struct hp_element *element =
        room(blocks, blocks->element, blocks->elements, &blocks->elements_cap, sizeof *element);
    if (!element)
        return 0;
    blocks->element = element;
    element[blocks->elements] =
        (struct hp_element){ .start = (uint32_t)start, .kind = (uint8_t)kind };
    return blocks->elements++;
}

void hp_markdown_add_heading(struct hp_markdown_blocks *blocks, struct hp_heading added)
{
    struct hp_heading *heading =
        room(blocks, blocks->heading, blocks->headings, &blocks->headings_cap, sizeof *heading);
    if (!heading)
        return;
    blocks->heading = heading;
    heading[blocks->headings++] = added;
}

// --- closing ---

static void close_leaf(struct hp_markdown_blocks *blocks, size_t end)
{
    if (blocks->leaf > HP_MARKDOWN_PARAGRAPH && !blocks->code)
        blocks->element[blocks->leaf_element].end = (uint32_t)end;
    blocks->leaf = HP_MARKDOWN_NO_LEAF;
}

// All that is open ends with the last line that was not blank: any other would have closed it.
size_t hp_markdown_last_end(const struct hp_markdown_blocks *blocks)
{
    return hp_markdown_trim((hp_str){ blocks->text.ptr, blocks->content_end });
}

void hp_markdown_close(struct hp_markdown_blocks *blocks, size_t depth)
{
    if (blocks->leaf == HP_MARKDOWN_NO_LEAF && blocks->depth == depth)
        return;
    size_t end = hp_markdown_last_end(blocks);
    close_leaf(blocks, end);
    for (; blocks->depth > depth && !blocks->code; blocks->depth--)
        if (!(blocks->quotes >> (blocks->depth - 1) & 1))
            blocks->element[blocks->item[blocks->depth - 1].element].end = (uint32_t)end;
    blocks->quotes &= depth ? UINT64_MAX >> (HP_MARKDOWN_DEPTH - depth) : 0;
    blocks->depth = depth;
    blocks->empty_item = false;
}
