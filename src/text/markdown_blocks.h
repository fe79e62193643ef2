// markdown_blocks.h -- the blocks that are open while a Markdown text is read line by line.
#pragma once

#include "text/markdown.h"

#include "hotpathd/arena.h"

enum { HP_MARKDOWN_DEPTH = 64 }; // of containers; what opens one deeper is text

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

// Reads the line text[start, end).
void hp_markdown_blocks_line(struct hp_markdown_blocks *blocks, size_t start, size_t end);

// Adds an element that is closed already.
void hp_markdown_blocks_add(
    struct hp_markdown_blocks *blocks, size_t start, size_t end, enum hp_element_kind kind);

// Closes all that is open.
void hp_markdown_blocks_end(struct hp_markdown_blocks *blocks);
