// structure.h -- what the format of a document says of its text: its title, its headings, and the
// elements that are better kept whole or whose blanks mean something. Positions are bytes of the
// text that they go with; lists are sorted by start, an outer element before those inside it.
#pragma once

#include "hotpathd/str.h"

#include "hotpathd/arena.h"
#include "hotpathd/deadline.h"

enum { HP_HEADING_LEVELS = 6 };

struct hp_heading {
    uint32_t start, end;           // its block: all its lines, without the last line's end
    uint32_t text_start, text_end; // what it says, without the marks around it
    uint8_t level;                 // 1 to HP_HEADING_LEVELS
};

enum hp_element_kind {
    HP_ELEMENT_CODE, // fenced, indented, <pre>: every blank means something
    HP_ELEMENT_TABLE,
    HP_ELEMENT_ITEM, // one item of a list, with all that is nested in it
    HP_ELEMENT_HTML, // a block of HTML in Markdown
    HP_ELEMENT_FRONT_MATTER
};

// text[start, end), from the first byte of its first line (indentation, fence and marker included)
// to behind the last non-blank byte of its last one. Two of them are disjoint or one holds the
// other.
struct hp_element {
    uint32_t start, end;
    uint8_t kind; // enum hp_element_kind
};

struct hp_structure {
    const struct hp_heading *heading;
    const struct hp_element *element;
    size_t headings, elements;
    hp_str title; // of <title>, front matter is not looked into; empty: none
};

// The way of headings above a place: of each level the nearest one before it that no heading of a
// lower number has ended since.
struct hp_outline {
    const struct hp_structure *structure;
    size_t next;                                    // the first heading that is not above the place
    const struct hp_heading *at[HP_HEADING_LEVELS]; // by level; NULL: none
};

// Moves on to `place`, which is not before the last one. A heading that starts there counts.
void hp_outline_to(struct hp_outline *outline, size_t place);

// What a pass leaves alone: the spans of some kinds of element, and of headings where asked for, in
// order and each inside none of the others. Zero but for `of`, `kinds` and `headings` at first.
struct hp_shield {
    const struct hp_structure *of;
    unsigned kinds; // 1 << enum hp_element_kind
    bool headings;
    size_t start, end; // the span; both SIZE_MAX behind the last one
    size_t next_element, next_heading;
};

// Moves on to the first span that ends behind `at`, which never goes back.
void hp_shield_move(struct hp_shield *shield, size_t at);

// Markdown: the blocks of CommonMark 0.31 with GFM's tables and YAML front matter, read without
// altering the text (valid UTF-8, < 4 GiB; positions are of this very text). Linear, whatever is
// nested; memory in proportion to the blocks found. docs/text.md lists where it differs.
HP_MUST_USE enum hp_code hp_markdown_read(hp_str text, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_structure *out, struct hp_fault *fault);
