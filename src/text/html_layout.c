// html_layout.c -- gaps, and what is open around them.
#include "text/html_layout.h"

#include <assert.h>
#include <stdio.h>

enum { INDENT = 2, INDENTS_MAX = 8, BARS_MAX = 64, FIRST = 32 };

void hp_html_layout_init(struct hp_html_layout *layout, struct hp_rewrite *rewrite)
{
    memset(layout, 0, sizeof *layout);
    layout->rewrite = rewrite;
    layout->arena = rewrite->out->arena;
    layout->marked = layout->table = layout->list = -1;
}

// Where the raw byte `at`, behind all that was put, will stand in the new text.
static uint32_t position(const struct hp_html_layout *layout, size_t at)
{
    return (uint32_t)(layout->rewrite->out->len + at - layout->rewrite->copied);
}

// Room for one more row of `size` bytes; false where there is no memory.
static bool grow(struct hp_arena *arena, void **rows, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : FIRST;
    void *grown = hp_grow(arena, *rows, *cap * size, more * size);
    if (!grown)
        return false;
    *rows = grown;
    *cap = more;
    return true;
}

#define GROW(layout, rows, count, cap)                                                             \
    grow((layout)->arena, (void **)&(rows), (count), &(cap), sizeof *(rows))

// --- what is open --------------------------------------------------------------------------------

// The new level, NULL where it is one too many.
static struct hp_html_level *push(struct hp_html_layout *layout, enum hp_html_level_kind kind)
{
    if (layout->depth == HP_HTML_DEPTH)
        return NULL;
    struct hp_html_level *level = &layout->level[layout->depth];
    *level = (struct hp_html_level){ .kind = (uint8_t)kind,
        .table = (int16_t)layout->table,
        .list = (int16_t)layout->list,
        .lists = layout->lists,
        .pres = layout->pres,
        .settled = layout->settled,
        .bars = layout->bars };
    if (kind == HP_HTML_OPEN_TABLE) {
        layout->table = layout->depth;
        layout->list = -1;
        layout->lists = 0;
    }
    if (kind == HP_HTML_OPEN_LIST) {
        layout->list = layout->depth;
        layout->lists++;
    }
    if (kind == HP_HTML_OPEN_PRE)
        layout->pres++;
    layout->depth++;
    layout->plain = false;
    return level;
}

// The marker of an item without a word goes; that of the one around it comes back.
static void unmark(struct hp_html_layout *layout)
{
    int at = layout->marked - 1;
    while (at >= layout->started && layout->level[at].kind != HP_HTML_OPEN_ITEM)
        at--;
    layout->settled = layout->level[layout->marked].settled;
    layout->marked = at >= layout->started ? at : -1;
}

static void pop(struct hp_html_layout *layout)
{
    const struct hp_html_level *level = &layout->level[--layout->depth];
    if (layout->depth < layout->started) {
        if (level->kind != HP_HTML_OPEN_LIST)
            layout->elements[level->element].end = position(layout, layout->gap);
        layout->started = layout->depth;
    }
    if (layout->marked == layout->depth)
        unmark(layout);
    if (level->kind == HP_HTML_OPEN_PRE)
        layout->kept_count = 0;
    layout->table = level->table;
    layout->list = level->list;
    layout->lists = level->lists;
    layout->pres = level->pres;
}

static void pop_to(struct hp_html_layout *layout, int depth)
{
    while (layout->depth > depth)
        pop(layout);
}

// The open item of the nearest list, -1: none.
static int open_item(const struct hp_html_layout *layout)
{
    int least = layout->list > layout->table ? layout->list : layout->table;
    for (int at = least + 1; at < layout->depth; at++)
        if (layout->level[at].kind == HP_HTML_OPEN_ITEM)
            return at;
    return -1;
}

// Every level that has no word yet begins with the one that comes: its element starts at `line`.
static enum hp_code start_levels(struct hp_html_layout *layout, uint32_t line)
{
    static const uint8_t kinds[] = { [HP_HTML_OPEN_ITEM] = HP_ELEMENT_ITEM,
        [HP_HTML_OPEN_PRE] = HP_ELEMENT_CODE,
        [HP_HTML_OPEN_TABLE] = HP_ELEMENT_TABLE };
    for (; layout->started < layout->depth; layout->started++) {
        struct hp_html_level *level = &layout->level[layout->started];
        if (level->kind == HP_HTML_OPEN_LIST)
            continue;
        if (!GROW(layout, layout->elements, layout->element_count, layout->element_cap))
            return hp_no_memory(layout->arena, layout->rewrite->fault);
        level->element = (uint32_t)layout->element_count;
        layout->elements[layout->element_count++] =
            (struct hp_element){ .start = line, .end = line, .kind = kinds[level->kind] };
    }
    return HP_OK;
}

// --- writing the gap -----------------------------------------------------------------------------

// What is written between two words: bytes that belong to the gap, and those of an item's marker.
struct separator {
    char text[2 + 2 * BARS_MAX + 2 + INDENT * INDENTS_MAX + 16];
    size_t len, line; // `line`: where the line of the next word begins
    size_t marker;    // where the part of the item begins
};

static void add(struct separator *out, const char *text)
{
    size_t len = strlen(text);
    memcpy(out->text + out->len, text, len);
    out->len += len;
}

static void add_bars(struct separator *out, unsigned bars)
{
    for (unsigned i = 0; i < bars; i++)
        add(out, out->len == out->line ? "|" : " |");
    if (bars > 0)
        add(out, " ");
}

static void add_marker(struct separator *out, const struct hp_html_layout *layout)
{
    const struct hp_html_level *item = &layout->level[layout->marked];
    bool ordered = item->list >= 0 && layout->level[item->list].ordered;
    char marker[16] = "- ";
    if (ordered)
        snprintf(marker, sizeof marker, "%d. ", item->number);
    add(out, marker);
}

static bool code_begins(const struct hp_html_layout *layout)
{
    return layout->started < layout->depth &&
           layout->level[layout->depth - 1].kind == HP_HTML_OPEN_PRE;
}

// Lines of items stand under their text, code as it is.
static void add_indent(struct separator *out, const struct hp_html_layout *layout)
{
    unsigned indents = layout->lists;
    if (layout->marked >= 0)
        indents = layout->level[layout->marked].lists;
    else if (layout->pres > 0)
        return;
    if (indents > 0 && (layout->marked >= 0 || open_item(layout) < 0))
        indents--;
    for (unsigned i = 0; i < indents && i < INDENTS_MAX; i++)
        add(out, "  ");
}

static void separate(const struct hp_html_layout *layout, struct separator *out)
{
    bool new_line = !layout->written || layout->space >= HP_HTML_LINE;
    out->len = out->line = 0;
    if (layout->written && layout->space >= HP_HTML_LINE)
        add(out, layout->space == HP_HTML_LINE ? "\n" : "\n\n");
    if (new_line) {
        out->line = out->len;
        add_bars(out, layout->bars);
    } else if (layout->bars > 0) {
        out->line = SIZE_MAX; // no bar begins a line
        add_bars(out, layout->bars);
        out->line = out->len;
    } else if (layout->space == HP_HTML_SPACE && layout->kept_count == 0 && layout->marked < 0) {
        add(out, " ");
        out->line = out->len;
    }
    out->marker = out->len;
    if (new_line && layout->written && layout->bars == 0)
        add_indent(out, layout);
    if (layout->marked >= 0)
        add_marker(out, layout);
}

// Blank lines before the first one of code go: kept blanks up to the last line end.
static void drop_blank_lines(struct hp_html_layout *layout)
{
    const char *in = layout->rewrite->in.ptr;
    for (size_t i = layout->kept_count; i-- > 0;) {
        struct hp_html_kept *kept = &layout->kept[i];
        size_t end = kept->c == '\n' || kept->c == '\r' ? kept->len : 0;
        for (size_t len = kept->c ? 0 : kept->len; len > 0 && end == 0; len--)
            if (in[kept->at + len - 1] == '\n' || in[kept->at + len - 1] == '\r')
                end = len;
        if (end == 0)
            continue;
        kept->at += (uint32_t)end;
        kept->len -= (uint32_t)end;
        size_t first = kept->len > 0 ? i : i + 1;
        layout->kept_count -= first;
        memmove(layout->kept, layout->kept + first, layout->kept_count * sizeof *layout->kept);
        return;
    }
}

// in[at, end) becomes the next part of the separator. Nothing is written down where it is that
// already.
static enum hp_code put(struct hp_html_layout *layout, size_t at, size_t end, hp_str with)
{
    assert(at < end || with.len == 0);
    hp_str in = { layout->rewrite->in.ptr + at, end - at };
    if (hp_str_equal(in, with))
        return HP_OK;
    return hp_rewrite_put(layout->rewrite, at, end - at, with);
}

static enum hp_code put_separator(
    struct hp_html_layout *layout, const struct separator *separator, size_t end)
{
    hp_str text = { separator->text, separator->len };
    size_t mark = layout->marked >= 0 ? layout->level[layout->marked].mark : 0;
    if (layout->marked >= 0 && mark > layout->gap) {
        HP_TRY(put(layout, layout->gap, mark, (hp_str){ text.ptr, separator->marker }));
        text.ptr += separator->marker;
        text.len -= separator->marker;
        return put(layout, mark, end, text);
    }
    return put(layout, layout->gap, end, text);
}

static enum hp_code put_kept(struct hp_html_layout *layout, size_t at, size_t end)
{
    for (size_t i = 0; i < layout->kept_count; i++) {
        const struct hp_html_kept *kept = &layout->kept[i];
        HP_TRY(put(layout, at, kept->at, HP_S("")));
        at = kept->at + kept->len;
        if (kept->c)
            HP_TRY(put(layout, kept->at, at, (hp_str){ &kept->c, 1 }));
    }
    return put(layout, at, end, HP_S(""));
}

enum hp_code hp_html_put_gap(struct hp_html_layout *layout, size_t end)
{
    struct separator separator;
    if (!layout->written)
        layout->kept_count = 0;
    else if (code_begins(layout))
        drop_blank_lines(layout);
    separate(layout, &separator);
    uint32_t line = position(layout, layout->gap) + (uint32_t)separator.line;
    size_t first = layout->kept_count > 0 ? layout->kept[0].at : end;
    HP_TRY(put_separator(layout, &separator, first));
    HP_TRY(put_kept(layout, first, end));
    HP_TRY(start_levels(layout, line));
    if (layout->heading_open && !layout->heading_started) {
        struct hp_heading *heading = &layout->headings[layout->heading_count - 1];
        heading->start = line;
        heading->text_start = position(layout, end);
        layout->heading_started = true;
    }
    layout->space = HP_HTML_NONE;
    layout->settled = layout->row = false;
    layout->bars = 0;
    layout->marked = -1;
    layout->kept_count = 0;
    layout->written = layout->plain = true;
    layout->gap = end;
    return HP_OK;
}

enum hp_code hp_html_say(struct hp_html_layout *layout, size_t at, size_t len, hp_str with)
{
    HP_TRY(hp_html_word(layout, at));
    layout->gap = at + len;
    return hp_rewrite_put(layout->rewrite, at, len, with);
}

enum hp_code hp_html_say_behind(struct hp_html_layout *layout, size_t at, size_t len, hp_str with)
{
    size_t gap = layout->gap;
    // what made the gap is before the tag, whose bytes are left for it
    layout->gap = gap < at ? at : at + len;
    layout->kept_count = 0;
    return hp_rewrite_put(layout->rewrite, gap, layout->gap - gap, with);
}

enum hp_code hp_html_keep(struct hp_html_layout *layout, size_t at, size_t len, char c)
{
    if (!GROW(layout, layout->kept, layout->kept_count, layout->kept_cap))
        return hp_no_memory(layout->arena, layout->rewrite->fault);
    layout->kept[layout->kept_count++] = (struct hp_html_kept){ (uint32_t)at, (uint32_t)len, c };
    layout->plain = false;
    return HP_OK;
}

// --- breaks --------------------------------------------------------------------------------------

// A heading is one line, and so is a cell but for its paragraphs and lists.
static enum hp_html_break fitting(const struct hp_html_layout *layout, enum hp_html_break space)
{
    if (space <= HP_HTML_SPACE)
        return space;
    if (layout->heading_open)
        return HP_HTML_SPACE;
    bool in_cell = layout->table >= 0 && layout->level[layout->table].in_cell && layout->list < 0;
    return in_cell && space == HP_HTML_LINE ? HP_HTML_SPACE : space;
}

void hp_html_break(struct hp_html_layout *layout, enum hp_html_break space)
{
    if (layout->pres > 0 && space <= HP_HTML_SPACE)
        return;
    layout->kept_count = 0;
    space = fitting(layout, space);
    if (layout->settled || space <= layout->space)
        return;
    layout->space = space;
    layout->plain &= space <= HP_HTML_SPACE;
}

enum hp_code hp_html_line_break(struct hp_html_layout *layout, size_t at, size_t len)
{
    if (layout->pres > 0)
        return hp_html_keep(layout, at, len, '\n');
    bool again = layout->space >= HP_HTML_LINE;
    hp_html_break(layout, again ? HP_HTML_PARAGRAPH : HP_HTML_LINE);
    return HP_OK;
}

// --- headings ------------------------------------------------------------------------------------

void hp_html_heading_end(struct hp_html_layout *layout)
{
    if (!layout->heading_open)
        return;
    struct hp_heading *heading = &layout->headings[layout->heading_count - 1];
    if (layout->heading_started)
        heading->end = heading->text_end = position(layout, layout->gap);
    else
        layout->heading_count--;
    layout->heading_open = layout->heading_started = false;
}

enum hp_code hp_html_heading_begin(struct hp_html_layout *layout, uint8_t level)
{
    if (!GROW(layout, layout->headings, layout->heading_count, layout->heading_cap))
        return hp_no_memory(layout->arena, layout->rewrite->fault);
    layout->headings[layout->heading_count++] = (struct hp_heading){ .level = level };
    layout->heading_open = true;
    layout->plain = false;
    layout->heading_started = false;
    layout->heading_blocks = 0;
    return HP_OK;
}

// --- preformatted text ---------------------------------------------------------------------------

void hp_html_pre_begin(struct hp_html_layout *layout)
{
    if (!push(layout, HP_HTML_OPEN_PRE))
        layout->beyond++;
}

// True where the end tag is that of a level that did not fit.
static bool end_beyond(struct hp_html_layout *layout)
{
    if (layout->beyond == 0)
        return false;
    layout->beyond--;
    return true;
}

void hp_html_pre_end(struct hp_html_layout *layout)
{
    if (end_beyond(layout) || layout->pres == 0)
        return;
    for (int at = layout->depth; at-- > layout->table + 1;)
        if (layout->level[at].kind == HP_HTML_OPEN_PRE) {
            pop_to(layout, at);
            return;
        }
}

// --- lists ---------------------------------------------------------------------------------------

void hp_html_list_begin(struct hp_html_layout *layout, bool ordered, int32_t first)
{
    hp_html_break(layout, layout->list >= 0 ? HP_HTML_LINE : HP_HTML_PARAGRAPH);
    struct hp_html_level *level = push(layout, HP_HTML_OPEN_LIST);
    if (!level) {
        layout->beyond++;
        return;
    }
    level->ordered = ordered;
    level->number = first;
}

void hp_html_list_end(struct hp_html_layout *layout, bool ordered)
{
    if (end_beyond(layout))
        return;
    int at = layout->list;
    while (at >= 0 && layout->level[at].ordered != ordered)
        at = layout->level[at].list;
    if (at >= 0)
        pop_to(layout, at);
    hp_html_break(layout, layout->list >= 0 ? HP_HTML_LINE : HP_HTML_PARAGRAPH);
}

void hp_html_item_end(struct hp_html_layout *layout)
{
    int at = open_item(layout);
    if (at >= 0)
        pop_to(layout, at);
    hp_html_break(layout, HP_HTML_LINE);
}

void hp_html_item_begin(struct hp_html_layout *layout, size_t at, const int32_t *number)
{
    hp_html_item_end(layout);
    struct hp_html_level *list = layout->list >= 0 ? &layout->level[layout->list] : NULL;
    if (list && number)
        list->number = *number;
    int32_t own = list ? list->number : 0;
    if (list && list->number < INT32_MAX)
        list->number++;
    // only before the first item of a list there may be a blank line
    if (layout->list >= 0 && layout->list < layout->started)
        layout->space = HP_HTML_LINE;
    struct hp_html_level *level = push(layout, HP_HTML_OPEN_ITEM);
    if (!level)
        return;
    level->mark = (uint32_t)at;
    level->number = own;
    layout->marked = layout->depth - 1;
    layout->settled = true;
    layout->plain = false;
}

// --- tables --------------------------------------------------------------------------------------

void hp_html_table_begin(struct hp_html_layout *layout)
{
    if (!push(layout, HP_HTML_OPEN_TABLE))
        layout->beyond++;
}

void hp_html_table_end(struct hp_html_layout *layout)
{
    if (end_beyond(layout) || layout->table < 0)
        return;
    int at = layout->table;
    bool started = at < layout->started;
    pop_to(layout, at);
    layout->bars = started ? 0 : layout->level[at].bars;
    layout->settled = !started && layout->level[at].settled;
    layout->row &= layout->settled;
}

void hp_html_row_begin(struct hp_html_layout *layout)
{
    if (layout->table < 0 || layout->beyond > 0) {
        hp_html_break(layout, HP_HTML_LINE);
        return;
    }
    struct hp_html_level *table = &layout->level[layout->table];
    pop_to(layout, layout->table + 1);
    layout->kept_count = 0;
    if (layout->table < layout->started) {
        layout->space = HP_HTML_LINE;
        layout->bars = 0;
        layout->row = true;
    } else {
        layout->bars = table->bars;
        layout->row |= !table->settled;
    }
    table->in_row = true;
    table->in_cell = false;
    table->cells = 0;
    layout->settled = true;
    layout->plain = false;
}

void hp_html_row_end(struct hp_html_layout *layout)
{
    hp_html_cell_end(layout);
    if (layout->table >= 0 && layout->beyond == 0)
        layout->level[layout->table].in_row = false;
    hp_html_break(layout, HP_HTML_LINE);
}

void hp_html_cell_begin(struct hp_html_layout *layout)
{
    if (layout->table < 0 || layout->beyond > 0) {
        hp_html_break(layout, HP_HTML_SPACE);
        return;
    }
    if (!layout->level[layout->table].in_row)
        hp_html_row_begin(layout);
    struct hp_html_level *table = &layout->level[layout->table];
    pop_to(layout, layout->table + 1);
    layout->kept_count = 0;
    if (!layout->row)
        layout->space = HP_HTML_SPACE; // or a bar, where there is one
    if (table->cells++ > 0 && layout->bars < BARS_MAX)
        layout->bars++;
    table->in_cell = true;
    layout->settled = true;
    layout->plain = false;
}

void hp_html_cell_end(struct hp_html_layout *layout)
{
    if (layout->table >= 0 && layout->beyond == 0) {
        pop_to(layout, layout->table + 1);
        layout->level[layout->table].in_cell = false;
    }
    hp_html_break(layout, HP_HTML_SPACE);
}

// --- the end -------------------------------------------------------------------------------------

enum hp_code hp_html_layout_end(struct hp_html_layout *layout, struct hp_structure *out)
{
    hp_html_heading_end(layout);
    pop_to(layout, 0);
    HP_TRY(put(layout, layout->gap, layout->rewrite->in.len, HP_S("")));
    out->heading = layout->headings;
    out->headings = layout->heading_count;
    out->element = layout->elements;
    out->elements = layout->element_count;
    return HP_OK;
}
