// html_layout.h -- what stands between two words of an HTML page: everything since the last word
// is one gap, whose tags ask for breaks, markers and bars, and that is written when the next word
// comes. So a text neither begins nor ends with a blank, and empty elements leave nothing.
//
// No tree is kept: only the lists, items, tables and preformatted blocks that are open, up to
// HP_HTML_DEPTH of them; those inside of more are counted and otherwise passed over.
#pragma once

#include "text/rewrite.h"

enum { HP_HTML_DEPTH = 128 };

enum hp_html_break { HP_HTML_NONE, HP_HTML_SPACE, HP_HTML_LINE, HP_HTML_PARAGRAPH };

enum hp_html_level_kind {
    HP_HTML_OPEN_LIST,
    HP_HTML_OPEN_ITEM,
    HP_HTML_OPEN_PRE,
    HP_HTML_OPEN_TABLE
};

// An open list, item, preformatted block or table.
struct hp_html_level {
    uint8_t kind;
    bool ordered;         // of a list
    bool in_row, in_cell; // of a table
    bool settled;         // of the gap, where a table began
    uint8_t bars;
    int16_t table, list; // the nearest ones around: levels, -1: none
    uint8_t lists, pres; // how many of them are around, lists up to the nearest table
    uint32_t cells;      // that began in this row
    uint32_t mark;       // where the tag of an item stands
    int32_t number;      // of an item; of a list that of its next one
    uint32_t element;    // its row in `elements`, once a word of it is written
};

// A blank that stays if a word follows before the next break: as it stands, or (`c`) what stands
// for it.
struct hp_html_kept {
    uint32_t at, len;
    char c;
};

struct hp_html_layout {
    struct hp_rewrite *rewrite;
    struct hp_arena *arena;
    bool written; // any word
    bool plain;   // the gap is at most a space, and nothing begins with the next word

    // the gap
    size_t gap; // where it begins
    enum hp_html_break space;
    bool settled; // breaks are no longer asked for: an item or a cell began
    bool row;     // a row began
    uint8_t bars;
    int marked; // the level of the item whose marker is to be written, -1: none
    struct hp_html_kept *kept;
    size_t kept_count, kept_cap;

    // what is open
    struct hp_html_level level[HP_HTML_DEPTH];
    int depth, started; // the levels below `started` have a word
    int table, list;    // the nearest ones
    uint8_t lists, pres;
    uint32_t beyond; // levels that did not fit
    bool heading_open, heading_started;
    uint32_t heading_blocks; // opened inside the heading

    // what was found
    struct hp_heading *headings;
    struct hp_element *elements;
    size_t heading_count, heading_cap, element_count, element_cap;
};

void hp_html_layout_init(struct hp_html_layout *layout, struct hp_rewrite *rewrite);

// Writes the gap before the word at `at`, whatever it is.
HP_MUST_USE enum hp_code hp_html_put_gap(struct hp_html_layout *layout, size_t at);

// A word begins at `at`: writes the gap before it.
HP_MUST_USE static inline enum hp_code hp_html_word(struct hp_html_layout *layout, size_t at)
{
    if (!layout->plain)
        return hp_html_put_gap(layout, at);
    size_t gap = layout->gap;
    hp_str with = { " ", layout->space };
    layout->space = HP_HTML_NONE;
    layout->gap = at;
    if (at == gap || (with.len && at - gap == 1 && layout->rewrite->in.ptr[gap] == ' '))
        return HP_OK;
    return hp_rewrite_put(layout->rewrite, gap, at - gap, with);
}

// in[at, at + len) says `with`, a word or a part of one.
HP_MUST_USE enum hp_code hp_html_say(
    struct hp_html_layout *layout, size_t at, size_t len, hp_str with);

// The same right behind the last word: what was asked for since comes behind it.
HP_MUST_USE enum hp_code hp_html_say_behind(
    struct hp_html_layout *layout, size_t at, size_t len, hp_str with);

// A blank of preformatted text.
HP_MUST_USE enum hp_code hp_html_keep(struct hp_html_layout *layout, size_t at, size_t len, char c);

// What tags ask for; positions are those of the tag.
void hp_html_break(struct hp_html_layout *layout, enum hp_html_break space);
HP_MUST_USE enum hp_code hp_html_line_break(struct hp_html_layout *layout, size_t at, size_t len);
HP_MUST_USE enum hp_code hp_html_heading_begin(struct hp_html_layout *layout, uint8_t level);
void hp_html_heading_end(struct hp_html_layout *layout);
void hp_html_list_begin(struct hp_html_layout *layout, bool ordered, int32_t first);
void hp_html_list_end(struct hp_html_layout *layout, bool ordered);
void hp_html_item_begin(struct hp_html_layout *layout, size_t at, const int32_t *number);
void hp_html_item_end(struct hp_html_layout *layout);
void hp_html_pre_begin(struct hp_html_layout *layout);
void hp_html_pre_end(struct hp_html_layout *layout);
void hp_html_table_begin(struct hp_html_layout *layout);
void hp_html_table_end(struct hp_html_layout *layout);
void hp_html_row_begin(struct hp_html_layout *layout);
void hp_html_row_end(struct hp_html_layout *layout);
void hp_html_cell_begin(struct hp_html_layout *layout);
void hp_html_cell_end(struct hp_html_layout *layout);

// The text's end: drops the last gap, gives the structure.
HP_MUST_USE enum hp_code hp_html_layout_end(
    struct hp_html_layout *layout, struct hp_structure *out);
