// markdown_checks.h -- what holds of the structure of any Markdown: for the unit tests and the
// fuzzer. Each check returns what is wrong, or NULL.
#pragma once

#include "text/markdown.h"

#include "hotpathd/arena.h"

#include <stdlib.h>

static inline bool line_end_at(hp_str text, size_t at)
{
    return at == text.len || text.ptr[at] == '\n' || text.ptr[at] == '\r' || text.ptr[at] == '\f';
}

static inline bool line_start_at(hp_str text, size_t at)
{
    bool mark = at == 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0;
    return at == 0 || mark || line_end_at(text, at - 1);
}

static inline const char *check_heading(hp_str text, const struct hp_heading *heading)
{
    size_t from = heading->text_start, to = heading->text_end;
    if (!line_start_at(text, heading->start) || !line_end_at(text, heading->end))
        return "a heading is not whole lines";
    if (from < heading->start || from > to || to > heading->end)
        return "a heading's text is not in it";
    if (heading->level < 1 || heading->level > HP_HEADING_LEVELS)
        return "a heading has no level";
    if (from < to && (hp_markdown_blank(text.ptr[from]) || hp_markdown_blank(text.ptr[to - 1])))
        return "a heading's text begins or ends with a blank";
    return NULL;
}

static inline const char *check_element(hp_str text, const struct hp_element *element)
{
    if (!line_start_at(text, element->start) || element->start >= element->end)
        return "an element does not begin with a line";
    if (line_end_at(text, element->end - 1) || hp_markdown_blank(text.ptr[element->end - 1]))
        return "an element ends with a blank";
    size_t at = element->end;
    while (at < text.len && hp_markdown_blank(text.ptr[at]))
        at++;
    return line_end_at(text, at) ? NULL : "an element does not end with a line";
}

enum { CHECK_DEPTH = 80 };

// The elements, each disjoint from the next one or around it; leaves hold nothing.
static inline const char *check_elements(hp_str text, const struct hp_structure *structure)
{
    const struct hp_element *around[CHECK_DEPTH];
    size_t depth = 0;
    for (size_t i = 0; i < structure->elements; i++) {
        const struct hp_element *element = &structure->element[i];
        const char *wrong = check_element(text, element);
        if (wrong)
            return wrong;
        while (depth > 0 && around[depth - 1]->end <= element->start)
            depth--;
        if (i > 0 && element[-1].start > element->start)
            return "elements are not in order";
        if (depth > 0 && around[depth - 1]->end < element->end)
            return "elements overlap";
        if (depth > 0 && around[depth - 1]->kind != HP_ELEMENT_ITEM)
            return "an element lies in a leaf";
        if (depth == CHECK_DEPTH)
            return "elements are nested too deep";
        around[depth++] = element;
    }
    return NULL;
}

static inline const char *check_headings(hp_str text, const struct hp_structure *structure)
{
    size_t next = 0;
    for (size_t i = 0; i < structure->headings; i++) {
        const struct hp_heading *heading = &structure->heading[i];
        const char *wrong = check_heading(text, heading);
        if (wrong)
            return wrong;
        if (i > 0 && heading[-1].end >= heading->start)
            return "headings are not in order";
        for (; next < structure->elements && structure->element[next].start <= heading->start;
             next++)
            ;
        const struct hp_element *before = next ? &structure->element[next - 1] : NULL;
        if (before && before->kind != HP_ELEMENT_ITEM && before->end > heading->start)
            return "a heading lies in a leaf";
        if (next < structure->elements && structure->element[next].start < heading->end)
            return "an element begins in a heading";
    }
    return NULL;
}

static inline const char *check_structure(hp_str text, const struct hp_structure *structure)
{
    const char *wrong = check_elements(text, structure);
    return wrong ? wrong : check_headings(text, structure);
}

static inline struct hp_structure markdown(hp_str text, struct hp_arena *arena)
{
    static const struct hp_deadline never = { 0 };
    struct hp_structure structure = { 0 };
    struct hp_fault fault = HP_FAULT_NONE;
    if (hp_markdown_read(text, arena, &never, &structure, &fault))
        abort();
    return structure;
}

// --- the same text in another dress has the same structure ---

// What goes before the first line, before each other one, and in place of each LF.
struct dress {
    hp_str first, other, line_end;
};

// The text in its dress; where each byte of it went, and where each line begins.
struct dressed {
    hp_str text;
    uint32_t *byte, *line;
};

static inline void dress_add(struct dressed *dressed, char *to, hp_str what)
{
    memcpy(to + dressed->text.len, what.ptr, what.len);
    dressed->text.len += what.len;
}

static inline struct dressed dress_on(
    hp_str text, const struct dress *dress, struct hp_arena *arena)
{
    size_t most = dress->first.len + dress->other.len + dress->line_end.len + 1;
    struct dressed out = { .byte = HP_NEW_RAW(arena, uint32_t, text.len + 1),
        .line = HP_NEW_RAW(arena, uint32_t, text.len + 1) };
    char *to = hp_alloc_raw(arena, text.len + 1, most);
    if (!out.byte || !out.line || !to)
        abort();
    for (size_t i = 0; i <= text.len; i++) {
        bool starts =
            i == 0 || (line_end_at(text, i - 1) &&
                          !(i < text.len && text.ptr[i - 1] == '\r' && text.ptr[i] == '\n'));
        out.line[i] = (uint32_t)out.text.len;
        if (starts && i < text.len)
            dress_add(&out, to, i == 0 ? dress->first : dress->other);
        out.byte[i] = (uint32_t)out.text.len;
        if (i < text.len)
            dress_add(
                &out, to, text.ptr[i] == '\n' ? dress->line_end : (hp_str){ text.ptr + i, 1 });
    }
    out.text.ptr = to;
    return out;
}

// Whether `theirs`, of the dressed text, is `ours`, of the bare one; `extra` elements come first.
static inline bool same_dressed(const struct hp_structure *ours, const struct hp_structure *theirs,
    const struct dressed *dressed, size_t extra)
{
    if (ours->headings != theirs->headings || ours->elements + extra != theirs->elements)
        return false;
    for (size_t i = 0; i < ours->headings; i++) {
        const struct hp_heading *a = &ours->heading[i], *b = &theirs->heading[i];
        if (dressed->line[a->start] != b->start || dressed->byte[a->end] != b->end ||
            dressed->byte[a->text_start] != b->text_start ||
            (a->text_start < a->text_end && dressed->byte[a->text_end] != b->text_end) ||
            a->level != b->level)
            return false;
    }
    for (size_t i = 0; i < ours->elements; i++) {
        const struct hp_element *a = &ours->element[i], *b = &theirs->element[i + extra];
        if (dressed->line[a->start] != b->start || dressed->byte[a->end] != b->end ||
            a->kind != b->kind)
            return false;
    }
    return true;
}

static inline bool same_in(
    hp_str text, const struct hp_structure *ours, const struct dress *dress, size_t extra)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, SIZE_MAX);
    struct dressed dressed = dress_on(text, dress, &arena);
    struct hp_structure theirs = markdown(dressed.text, &arena);
    bool same = same_dressed(ours, &theirs, &dressed, extra);
    hp_arena_done(&arena);
    return same;
}

static inline bool holds(hp_str text, char c)
{
    return text.len > 0 && memchr(text.ptr, c, text.len);
}

enum { MARKS_MAX = 48 };

// Whether no line can come near the ceiling of nesting.
static inline bool shallow(hp_str text)
{
    size_t marks = 0;
    for (size_t i = 0; i < text.len; i++)
        marks += memchr(">-+*.)", text.ptr[i], 6) != NULL;
    return marks < MARKS_MAX;
}

// Whether `text` can be put into a quote or an item: front matter is front matter at the top only,
// and a tab's columns depend on where it stands.
static inline bool can_be_held(hp_str text, const struct hp_structure *structure)
{
    bool front = structure->elements > 0 && structure->element[0].kind == HP_ELEMENT_FRONT_MATTER;
    bool mark = text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0;
    return !front && !mark && !holds(text, '\t') && shallow(text);
}

static inline bool has_indented_line(hp_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == ' ' && line_start_at(text, i))
            return true;
    return false;
}

static inline const char *check_dresses(hp_str text, const struct hp_structure *structure)
{
    static const struct dress crlf = { HP_STR(""), HP_STR(""), HP_STR("\r\n") },
                              cr = { HP_STR(""), HP_STR(""), HP_STR("\r") },
                              ff = { HP_STR(""), HP_STR(""), HP_STR("\f") },
                              quote = { HP_STR("> "), HP_STR("> "), HP_STR("\n") },
                              tight = { HP_STR("   >"), HP_STR(">"), HP_STR("\n") },
                              item = { HP_STR("1. "), HP_STR("   "), HP_STR("\n") };
    if (!holds(text, '\r')) {
        if (!same_in(text, structure, &crlf, 0))
            return "with CRLF it is something else";
        if (!same_in(text, structure, &cr, 0))
            return "with CR it is something else";
        if (!same_in(text, structure, &ff, 0))
            return "with FF it is something else";
    }
    if (text.len == 0 || !can_be_held(text, structure))
        return NULL;
    if (!same_in(text, structure, &quote, 0))
        return "in a quote it is something else";
    if (!has_indented_line(text) && !same_in(text, structure, &tight, 0))
        return "in a quote without blanks it is something else";
    if (!hp_markdown_blank(text.ptr[0]) && !line_end_at(text, 0) &&
        !same_in(text, structure, &item, 1))
        return "in an item it is something else";
    return NULL;
}

// The register-wide search for line ends against the plain one, from every place near the start.
static inline const char *check_line_ends(hp_str text)
{
    enum { CAP = 64, PLACES = 40 };
    for (size_t from = 0; from < text.len && from < PLACES; from++) {
        size_t at = from, plain_at = from;
        uint32_t fast[CAP], plain;
        while (at < text.len) {
            size_t count = hp_markdown_line_ends(text, &at, text.len, fast, CAP);
            for (size_t i = 0; i < count; i++)
                if (!hp_markdown_line_ends_plain(text, &plain_at, text.len, &plain, 1) ||
                    plain != fast[i])
                    return "line ends differ";
        }
        if (hp_markdown_line_ends_plain(text, &plain_at, text.len, &plain, 1))
            return "a line end is left out";
    }
    return NULL;
}
