// html_checks.h -- what must hold of the text of any HTML page, for test_html.c, fuzz_html.c and
// tool_html.c. Each check names what does not hold, or gives NULL.
#pragma once

#include "clean_checks.h"
#include "html_plain.h"
#include "text/passes.h"

struct html_page {
    hp_str raw;
    struct hp_clean clean; // with no other pass than html_read's
};

HP_MUST_USE static inline enum hp_code html_read(hp_str raw, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct html_page *out, struct hp_fault *fault)
{
    struct hp_edits edits = { 0 };
    struct hp_buf text = hp_buf_in(arena);
    struct hp_rewrite rewrite = {
        .in = raw, .out = &text, .edits = &edits, .deadline = deadline, .fault = fault
    };
    *out = (struct html_page){ .raw = raw };
    HP_TRY(hp_html_read(&rewrite, &out->clean.structure));
    HP_TRY(hp_rewrite_end(&rewrite, &out->clean.text));
    out->clean.edits = edits;
    return HP_OK;
}

// Whether the edit is a character reference and what it says.
static inline bool html_is_reference(const struct html_page *page, const struct hp_edit *edit)
{
    hp_str raw = { page->raw.ptr, (size_t)edit->raw_at + edit->raw_len };
    for (int attribute = 0; attribute < 2; attribute++) {
        char said[8];
        size_t len = 0;
        if (raw.ptr[edit->raw_at] == '&' &&
            plain_reference(raw, edit->raw_at, attribute, said, &len) == edit->raw_len)
            return len == edit->len && memcmp(said, page->clean.text.ptr + edit->at, len) == 0;
    }
    return false;
}

// The text without what was put between its words: that becomes `mark`.
static inline hp_str html_words(const struct html_page *page, hp_str mark, struct hp_buf *out)
{
    hp_str text = page->clean.text;
    size_t at = 0;
    struct hp_edits_walk walk = hp_edits_walk(&page->clean.edits);
    for (struct hp_edit edit; hp_edits_next(&walk, &edit);) {
        hp_buf_add(out, (hp_str){ text.ptr + at, edit.at - at });
        at = edit.at;
        if (edit.len > 0 && !html_is_reference(page, &edit)) {
            at += edit.len;
            hp_buf_add(out, mark);
        }
    }
    hp_buf_add(out, (hp_str){ text.ptr + at, text.len - at });
    return hp_buf_str(out);
}

// --- the words -----------------------------------------------------------------------------------

// The elements that end SVG and MathML: the blocks.
static inline const char *const *html_breakers(void)
{
    enum {
        NONE,
        SPACE,
        LINE,
        PARAGRAPH,

        BR = NONE,
        DROP = NONE,
        FOREIGN = NONE,
        IMAGE = NONE,
        QUOTE = NONE,
        RUBY = NONE,
        RUBY_TEXT = NONE,
        TEMPLATE = NONE,
        TEXTAREA = NONE,
        TITLE = NONE,
        BLOCK = LINE,
        CELL = LINE,
        HEADING = LINE,
        ITEM = LINE,
        LIST = LINE,
        PLAINTEXT = LINE,
        PRE = LINE,
        ROW = LINE,
        TABLE = LINE,
        XMP = LINE
    };
    static const struct {
        const char *name;
        bool block;
    } rows[] = {
#define HP_TAG(name, text, space, action) { text, (space) >= LINE || (action) >= LINE },
#include "text/html_tags.def"
#undef HP_TAG
    };
    static const char *names[sizeof rows / sizeof *rows + 1];
    size_t count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].block)
            names[count++] = rows[i].name;
    names[count] = NULL;
    return names;
}

static inline const char *check_html_words(const struct html_page *page, struct hp_arena *arena)
{
    static struct plain plain;
    struct hp_buf buf = hp_buf_in(arena);
    hp_str words = html_words(page, HP_S(""), &buf);
    size_t at = 0;
    plain_read(&plain, page->raw, html_breakers());
    for (size_t i = 0; i < words.len; i++) {
        if (plain_blank(words.ptr[i]))
            continue;
        if (at == plain.len || plain.out[at++] != words.ptr[i])
            return "the words are not those of the plain version";
    }
    return at == plain.len ? NULL : "words are missing";
}

// --- the shape -----------------------------------------------------------------------------------

static inline bool html_in_code(const struct html_page *page, size_t at)
{
    const struct hp_structure *structure = &page->clean.structure;
    for (size_t i = 0; i < structure->elements; i++)
        if (structure->element[i].kind == HP_ELEMENT_CODE && structure->element[i].start <= at &&
            at < structure->element[i].end)
            return true;
    return false;
}

// At most one blank line, no blanks at line ends, none twice but at the start of a line; of what is
// not code. No blanks at both ends.
static inline const char *check_html_blanks(const struct html_page *page)
{
    hp_str text = page->clean.text;
    bool indent = true;
    if (text.len > 0 && (plain_blank(text.ptr[0]) || plain_blank(text.ptr[text.len - 1])))
        return "blanks at an end of the text";
    for (size_t at = 1; at < text.len; at++) {
        char c = text.ptr[at], before = text.ptr[at - 1];
        indent = before == '\n' || (indent && before == ' ');
        bool odd = c == '\t' || c == '\r' || c == '\f' || (c == '\n' && before == ' ') ||
                   (c == ' ' && before == ' ' && !indent) ||
                   (c == '\n' && before == '\n' && at > 1 && text.ptr[at - 2] == '\n');
        if (odd && !html_in_code(page, at) && !html_in_code(page, at - 1))
            return "blanks that are not collapsed";
    }
    return NULL;
}

static inline bool html_line_start(hp_str text, size_t at)
{
    while (at > 0 && text.ptr[at - 1] == ' ')
        at--;
    return at == 0 || text.ptr[at - 1] == '\n';
}

static inline const char *check_html_headings(const struct html_page *page)
{
    const struct hp_structure *s = &page->clean.structure;
    uint32_t last = 0;
    for (size_t i = 0; i < s->headings; i++) {
        const struct hp_heading *h = &s->heading[i];
        bool sound = h->start >= last && h->start <= h->text_start && h->text_start < h->text_end &&
                     h->text_end <= h->end && h->end <= page->clean.text.len && h->level >= 1 &&
                     h->level <= HP_HEADING_LEVELS;
        if (!sound)
            return "a heading is not in the text, or out of order";
        last = h->end;
        hp_str text = { page->clean.text.ptr + h->text_start, h->text_end - h->text_start };
        if (plain_blank(text.ptr[0]) || plain_blank(text.ptr[text.len - 1]))
            return "a heading begins or ends with a blank";
        if (memchr(text.ptr, '\n', text.len) && !html_in_code(page, h->text_start))
            return "a heading has two lines";
    }
    return NULL;
}

static inline const char *check_html_elements(const struct html_page *page)
{
    enum { OPEN = 256 };
    const struct hp_structure *s = &page->clean.structure;
    uint32_t ends[OPEN], start = 0;
    size_t open = 0;
    for (size_t i = 0; i < s->elements; i++) {
        const struct hp_element *e = &s->element[i];
        if (e->start < start || e->start >= e->end || e->end > page->clean.text.len)
            return "an element is empty, out of order or not in the text";
        while (open > 0 && ends[open - 1] <= e->start)
            open--;
        if (open > 0 && e->end > ends[open - 1])
            return "elements overlap";
        if (open == OPEN)
            return "elements nest deeper than they can";
        ends[open++] = e->end;
        start = e->start;
    }
    return NULL;
}

static inline const char *check_html_ends(const struct html_page *page)
{
    const struct hp_structure *s = &page->clean.structure;
    for (size_t i = 0; i < s->elements; i++)
        if (plain_blank(page->clean.text.ptr[s->element[i].end - 1]))
            return "an element ends with a blank";
    return NULL;
}

static inline const char *check_html(const struct html_page *page, struct hp_arena *arena)
{
    const char *wrong = check_map(page->raw, &page->clean);
    if (!wrong && hp_utf8_valid(page->clean.text) != page->clean.text.len)
        wrong = "the text is not UTF-8";
    if (!wrong)
        wrong = check_source(page->raw, &page->clean);
    if (!wrong)
        wrong = check_html_words(page, arena);
    if (!wrong)
        wrong = check_html_blanks(page);
    if (!wrong)
        wrong = check_html_headings(page);
    if (!wrong)
        wrong = check_html_elements(page);
    return wrong ? wrong : check_html_ends(page);
}

// --- with the rest of cleaning -------------------------------------------------------------------

static inline bool html_has_indents(hp_str text)
{
    for (size_t at = 1; at < text.len; at++)
        if (text.ptr[at] == ' ' && text.ptr[at - 1] == '\n')
            return true;
    return false;
}

static inline bool html_has_code(const struct hp_clean *clean)
{
    for (size_t i = 0; i < clean->structure.elements; i++)
        if (clean->structure.element[i].kind == HP_ELEMENT_CODE)
            return true;
    return false;
}

// Cleaned as HTML by the standard switches, a page is clean as plain text too; blanks that mean
// something (code, items under items) aside.
static inline const char *check_html_clean(hp_str raw, struct hp_arena *arena)
{
    static const struct hp_deadline never = { 0 };
    struct hp_clean_options options = hp_clean_standard;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_clean once, twice;
    options.format = HP_HTML;
    if (hp_clean(raw, &options, arena, &never, &once, &fault))
        return "a page is not cleaned";
    const char *wrong = check_map(raw, &once);
    if (!wrong)
        wrong = check_source(raw, &once);
    if (!wrong)
        wrong = check_html_elements(&(struct html_page){ raw, once });
    if (wrong || html_has_code(&once) || html_has_indents(once.text))
        return wrong;
    if (hp_clean(once.text, &hp_clean_standard, arena, &never, &twice, &fault))
        return "a text is not cleaned";
    return twice.edits.count == 0 ? NULL : "the text of a page is not clean";
}
