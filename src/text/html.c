// html.c -- HTML to text: walks over text and markup once, from left to right. Words stay where
// they are; what is between them is html_layout.c's. docs/text.md says what becomes of which
// element.
#include "text/passes.h"

#include "base/lanes.h"
#include "text/ascii.h"
#include "text/html_entities.h"
#include "text/html_layout.h"
#include "text/html_tokens.h"

struct reader {
    struct hp_rewrite *rewrite;
    hp_str in;
    size_t at;
    uint32_t svg, math; // how many are open
    uint32_t quotes;
    bool xml;                          // begins as XML does: what closes itself is closed
    bool ruby, ruby_parens, ruby_open; // in <ruby>; it has <rp>; a "(" of ours is open
    hp_str title;
    struct hp_html_layout layout;
};

// --- text ----------------------------------------------------------------------------------------

enum references { REFERENCES_NONE, REFERENCES_TEXT, REFERENCES_ATTRIBUTE };

// A part of the input that is text; `markup`: until markup begins.
struct run {
    size_t end;
    enum references references;
    bool markup;
};

static bool ordinary(char c, char before)
{
    return (unsigned char)c >= ' ' && c != '<' && c != '&' && (c != ' ' || before != ' ');
}

// Behind the ordinary text that goes on at `at`, at > 0: at '<', '&', a control character, a second
// space in a row, or `end`.
static size_t ordinary_end(hp_str in, size_t at, size_t end)
{
#ifdef __x86_64__
    enum { LANE = 16 };
    for (; end - at >= LANE; at += LANE) {
        __m128i bytes = hp_load128(in.ptr + at);
        __m128i before = hp_load128(in.ptr + at - 1);
        __m128i control = hp_upto128(bytes, ' ' - 1);
        __m128i spaces = _mm_and_si128(hp_equal128(bytes, ' '), hp_equal128(before, ' '));
        __m128i marks = _mm_or_si128(hp_equal128(bytes, '<'), hp_equal128(bytes, '&'));
        unsigned mask = hp_mask128(_mm_or_si128(_mm_or_si128(control, spaces), marks));
        if (mask)
            return at + (unsigned)__builtin_ctz(mask);
    }
#endif
    while (at < end && ordinary(in.ptr[at], in.ptr[at - 1]))
        at++;
    return at;
}

static bool begins_markup(hp_str in, size_t at)
{
    if (at + 1 == in.len)
        return false;
    char next = in.ptr[at + 1];
    if (next == '/')
        return at + 2 < in.len;
    return next == '!' || next == '?' || hp_ascii_letter(next);
}

// The reference at r->at, where one stands there; *len is 0 else.
static enum hp_code read_reference(struct reader *r, const struct run *run, size_t *len)
{
    char text[HP_ENTITY_TEXT_MAX];
    size_t text_len;
    bool attribute = run->references == REFERENCES_ATTRIBUTE;
    *len = hp_html_entity((hp_str){ r->in.ptr, run->end }, r->at, attribute, text, &text_len);
    if (*len == 0)
        return HP_OK;
    size_t at = r->at;
    r->at += *len;
    if (text_len > 1 || !hp_html_blank(text[0]))
        return hp_html_say(&r->layout, at, *len, (hp_str){ text, text_len });
    if (r->layout.pres > 0)
        return hp_html_keep(&r->layout, at, *len, text[0]);
    hp_html_break(&r->layout, HP_HTML_SPACE);
    return HP_OK;
}

// One piece of text, from r->at on: one run of blanks, a reference, or a stretch of words.
static enum hp_code read_piece(struct reader *r, const struct run *run)
{
    hp_str in = r->in;
    char c = in.ptr[r->at];
    if (hp_html_blank(c)) {
        if (r->layout.space == HP_HTML_NONE)
            r->layout.space = HP_HTML_SPACE;
        while (r->at < run->end && hp_html_blank(in.ptr[r->at]))
            r->at++;
        return HP_OK;
    }
    if (c == '\0') { // as the standard's tree construction has it
        r->at++;
        return HP_OK;
    }
    if (c == '&' && run->references) {
        size_t len;
        HP_TRY(read_reference(r, run, &len));
        if (len > 0)
            return HP_OK;
    }
    HP_TRY(hp_html_word(&r->layout, r->at));
    size_t stop = hp_rewrite_stop(r->rewrite, r->at);
    r->at = ordinary_end(in, r->at + 1, stop < run->end ? stop : run->end);
    r->layout.gap = r->at;
    if (in.ptr[r->at - 1] == ' ') {
        r->layout.gap--;
        r->layout.space = HP_HTML_SPACE;
    }
    return HP_OK;
}

// Behind the preformatted text that goes on at `at`: at '<', '&', NUL or `end`.
static size_t pre_end(hp_str in, size_t at, size_t end)
{
#ifdef __x86_64__
    enum { LANE = 16 };
    for (; end - at >= LANE; at += LANE) {
        __m128i bytes = hp_load128(in.ptr + at);
        __m128i marks = _mm_or_si128(hp_equal128(bytes, '<'), hp_equal128(bytes, '&'));
        unsigned mask = hp_mask128(_mm_or_si128(marks, hp_equal128(bytes, '\0')));
        if (mask)
            return at + (unsigned)__builtin_ctz(mask);
    }
#endif
    while (at < end && in.ptr[at] != '<' && in.ptr[at] != '&' && in.ptr[at] != '\0')
        at++;
    return at;
}

// The same for preformatted text, of which only the blanks around words are looked at.
static enum hp_code read_pre_piece(struct reader *r, const struct run *run)
{
    const char *p = r->in.ptr;
    size_t start = r->at, stop = hp_rewrite_stop(r->rewrite, start);
    if (p[start] == '\0') {
        r->at++;
        return HP_OK;
    }
    if (p[start] == '&' && run->references) {
        size_t len;
        HP_TRY(read_reference(r, run, &len));
        if (len > 0)
            return HP_OK;
    }
    size_t first = start + !hp_html_blank(p[start]), word = start;
    size_t end = pre_end(r->in, first, stop < run->end ? stop : run->end);
    r->at = end;
    while (word < end && hp_html_blank(p[word]))
        word++;
    if (word > start)
        HP_TRY(hp_html_keep(&r->layout, start, word - start, '\0'));
    if (word == end)
        return HP_OK;
    HP_TRY(hp_html_word(&r->layout, word));
    for (r->layout.gap = end; hp_html_blank(p[r->layout.gap - 1]);)
        r->layout.gap--;
    if (r->layout.gap == end)
        return HP_OK;
    return hp_html_keep(&r->layout, r->layout.gap, end - r->layout.gap, '\0');
}

static enum hp_code read_text(struct reader *r, const struct run *run)
{
    while (r->at < run->end) {
        if (run->markup && r->in.ptr[r->at] == '<' && begins_markup(r->in, r->at))
            break;
        HP_TRY(hp_rewrite_tick(r->rewrite, r->at));
        HP_TRY(r->layout.pres > 0 ? read_pre_piece(r, run) : read_piece(r, run));
    }
    return HP_OK;
}

// --- what is done at a tag -----------------------------------------------------------------------

// r->at is behind the tag, `at` where it begins.
typedef enum hp_code step(struct reader *r, size_t at, const struct hp_html_markup *tag);

// --- elements whose content is no markup ---------------------------------------------------------

static const hp_str names[HP_HTML_NAMES] = {
#define HP_TAG(name, text, space, action) [HP_HTML_##name] = HP_STR(text),
#include "text/html_tags.def"
#undef HP_TAG
};

static enum hp_code raw_end(struct reader *r, const struct hp_html_markup *tag, size_t *end)
{
    if (tag->name == HP_HTML_SCRIPT)
        return hp_html_script_end(r->rewrite, r->at, end);
    return hp_html_raw_end(r->rewrite, r->at, names[tag->name], end);
}

// Blanks collapsed, references resolved, in the arena.
static enum hp_code collect_title(struct reader *r, size_t end)
{
    struct hp_buf title = hp_buf_in(r->layout.arena);
    hp_str source = { r->in.ptr, end };
    bool blank = false;
    for (size_t at = r->at, len; at < end; at += len) {
        char text[HP_ENTITY_TEXT_MAX] = { r->in.ptr[at] };
        size_t text_len = 1;
        HP_TRY(hp_rewrite_tick(r->rewrite, at));
        len = text[0] == '&' ? hp_html_entity(source, at, false, text, &text_len) : 1;
        if (len == 0)
            len = 1;
        if (text[0] == '\0')
            continue;
        if (text_len == 1 && hp_html_blank(text[0])) {
            blank = true;
            continue;
        }
        if (blank && title.len > 0)
            hp_buf_char(&title, ' ');
        blank = false;
        hp_buf_add(&title, (hp_str){ text, text_len });
    }
    r->title = hp_buf_str(&title);
    return hp_buf_check(&title, r->rewrite->fault);
}

static enum hp_code read_title(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)at;
    size_t end;
    HP_TRY(raw_end(r, tag, &end));
    if (r->title.len == 0)
        HP_TRY(collect_title(r, end));
    r->at = end;
    return HP_OK;
}

static enum hp_code read_textarea(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)at;
    struct run run = { .references = REFERENCES_TEXT };
    HP_TRY(raw_end(r, tag, &run.end));
    return read_text(r, &run);
}

static enum hp_code read_xmp(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)at;
    struct run run = { .references = REFERENCES_NONE };
    HP_TRY(raw_end(r, tag, &run.end));
    hp_html_pre_begin(&r->layout);
    HP_TRY(read_text(r, &run));
    hp_html_pre_end(&r->layout);
    return HP_OK;
}

static enum hp_code read_plaintext(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)at, (void)tag;
    hp_html_pre_begin(&r->layout);
    return read_text(r, &(struct run){ r->in.len, REFERENCES_NONE, false });
}

static enum hp_code skip_raw(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)at;
    return raw_end(r, tag, &r->at);
}

// To behind the end tag of a template that has begun; templates nest.
static enum hp_code skip_template(struct reader *r, size_t at, const struct hp_html_markup *start)
{
    (void)at, (void)start;
    for (uint32_t open = 1; open > 0;) {
        struct hp_html_markup tag;
        HP_TRY(hp_html_find(r->rewrite, r->at, '<', &r->at));
        if (r->at == r->in.len)
            break;
        HP_TRY(hp_html_markup(r->rewrite, r->at, false, &tag));
        r->at = tag.kind == HP_HTML_TEXT ? r->at + 1 : tag.end;
        if (tag.kind == HP_HTML_START && tag.name != HP_HTML_OTHER && tag.name <= HP_HTML_RAW_LAST)
            HP_TRY(raw_end(r, &tag, &r->at));
        else if (tag.name == HP_HTML_TEMPLATE && tag.kind == HP_HTML_START)
            open++;
        else if (tag.name == HP_HTML_TEMPLATE && tag.kind == HP_HTML_END)
            open--;
    }
    return HP_OK;
}

// --- headings, lists, tables ---------------------------------------------------------------------

static enum hp_code begin_heading(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)at;
    return hp_html_heading_begin(&r->layout, (uint8_t)(tag->name - HP_HTML_H1 + 1));
}

static enum hp_code line_break(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)tag;
    return hp_html_line_break(&r->layout, at, r->at - at);
}

// An integer as the standard reads it from an attribute (2.3.4.1), kept within bounds.
static bool read_integer(hp_str s, int32_t *out)
{
    enum { MOST = 1000000000 };
    size_t at = 0;
    while (at < s.len && hp_html_blank(s.ptr[at]))
        at++;
    bool negative = at < s.len && s.ptr[at] == '-';
    if (at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+'))
        at++;
    size_t first = at;
    int64_t value = 0;
    for (; at < s.len && hp_ascii_digit(s.ptr[at]); at++)
        value = value < MOST ? value * 10 + (s.ptr[at] - '0') : value;
    value = value < MOST ? value : MOST;
    *out = (int32_t)(negative ? -value : value);
    return at > first;
}

static enum hp_code begin_list(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)at;
    bool ordered = tag->name == HP_HTML_OL;
    int32_t first;
    if (!ordered || !read_integer(hp_html_attribute(r->in, tag, HP_S("start")), &first))
        first = 1;
    hp_html_list_begin(&r->layout, ordered, first);
    return HP_OK;
}

static enum hp_code end_list(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)at;
    hp_html_list_end(&r->layout, tag->name == HP_HTML_OL);
    return HP_OK;
}

static enum hp_code begin_item(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    int32_t number;
    bool given = read_integer(hp_html_attribute(r->in, tag, HP_S("value")), &number);
    hp_html_item_begin(&r->layout, at, given ? &number : NULL);
    return HP_OK;
}

// Steps that need nothing but the layout.
#define LAYOUT_STEP(name, does)                                                                    \
    static enum hp_code name(struct reader *r, size_t at, const struct hp_html_markup *tag)        \
    {                                                                                              \
        (void)at, (void)tag;                                                                       \
        does(&r->layout);                                                                          \
        return HP_OK;                                                                              \
    }
LAYOUT_STEP(end_item, hp_html_item_end)
LAYOUT_STEP(begin_pre, hp_html_pre_begin)
LAYOUT_STEP(end_pre, hp_html_pre_end)
LAYOUT_STEP(begin_table, hp_html_table_begin)
LAYOUT_STEP(end_table, hp_html_table_end)
LAYOUT_STEP(begin_row, hp_html_row_begin)
LAYOUT_STEP(end_row, hp_html_row_end)
LAYOUT_STEP(begin_cell, hp_html_cell_begin)
LAYOUT_STEP(end_cell, hp_html_cell_end)

// --- what stands in a line -----------------------------------------------------------------------

// What an image says stands in its attribute.
static enum hp_code read_image(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)at;
    hp_str alt = hp_html_attribute(r->in, tag, HP_S("alt"));
    if (alt.len > 0) {
        size_t behind = r->at;
        r->at = (size_t)(alt.ptr - r->in.ptr);
        HP_TRY(read_text(r, &(struct run){ r->at + alt.len, REFERENCES_ATTRIBUTE, false }));
        r->at = behind;
    }
    hp_html_break(&r->layout, HP_HTML_SPACE);
    return HP_OK;
}

static enum hp_code begin_quote(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)tag;
    r->quotes++;
    return hp_html_say(&r->layout, at, r->at - at, HP_S("\u201c"));
}

static enum hp_code end_quote(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)tag;
    if (r->quotes == 0)
        return HP_OK;
    r->quotes--;
    return hp_html_say_behind(&r->layout, at, r->at - at, HP_S("\u201d"));
}

static bool foreign(const struct reader *r)
{
    return r->svg + r->math > 0;
}

static uint32_t *foreign_count(struct reader *r, const struct hp_html_markup *tag)
{
    return tag->name == HP_HTML_SVG ? &r->svg : &r->math;
}

static enum hp_code begin_foreign(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)at;
    *foreign_count(r, tag) += !tag->self_closing;
    return HP_OK;
}

static enum hp_code end_foreign(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)at;
    uint32_t *count = foreign_count(r, tag);
    *count -= *count > 0;
    return HP_OK;
}

// What <rt> says stands in parentheses: those of <rp>, or ours.
static enum hp_code end_ruby_text(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    r->ruby &= tag->name != HP_HTML_RUBY;
    if (!r->ruby_open)
        return HP_OK;
    r->ruby_open = false;
    return hp_html_say_behind(&r->layout, at, r->at - at, HP_S(")"));
}

static enum hp_code begin_ruby(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    HP_TRY(end_ruby_text(r, at, tag));
    if (tag->name == HP_HTML_RUBY)
        r->ruby_parens = false;
    r->ruby |= tag->name == HP_HTML_RUBY;
    r->ruby_parens |= tag->name == HP_HTML_RP;
    return HP_OK;
}

static enum hp_code begin_ruby_text(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    (void)tag;
    if (r->ruby_open) // "<rt>a<rt>b" is "(a b)"
        hp_html_break(&r->layout, HP_HTML_SPACE);
    if (r->ruby_open || !r->ruby || r->ruby_parens)
        return HP_OK;
    r->ruby_open = true;
    return hp_html_say(&r->layout, at, r->at - at, HP_S("("));
}

// --- the table -----------------------------------------------------------------------------------

// What the rows of html_tags.def name.
enum action {
    NONE,
    BLOCK,
    BR,
    CELL,
    DROP,
    FOREIGN,
    HEADING,
    IMAGE,
    ITEM,
    LIST,
    PLAINTEXT,
    PRE,
    QUOTE,
    ROW,
    RUBY,
    RUBY_TEXT,
    TABLE,
    TEMPLATE,
    TEXTAREA,
    TITLE,
    XMP
};

static const struct {
    step *start, *end;
    bool leaves_heading; // cannot stand in one
} actions[] = {
    [BLOCK] = { NULL, NULL, true },
    [BR] = { line_break, line_break, false }, // "</br>" is "<br>"
    [CELL] = { begin_cell, end_cell, true },
    [DROP] = { skip_raw, NULL, false },
    [FOREIGN] = { begin_foreign, end_foreign, false },
    [HEADING] = { begin_heading, NULL, true },
    [IMAGE] = { read_image, NULL, false },
    [ITEM] = { begin_item, end_item, true },
    [LIST] = { begin_list, end_list, true },
    [PLAINTEXT] = { read_plaintext, NULL, true },
    [PRE] = { begin_pre, end_pre, true },
    [QUOTE] = { begin_quote, end_quote, false },
    [ROW] = { begin_row, end_row, true },
    [RUBY] = { begin_ruby, end_ruby_text, false },
    [RUBY_TEXT] = { begin_ruby_text, end_ruby_text, false },
    [TABLE] = { begin_table, end_table, true },
    [TEMPLATE] = { skip_template, NULL, false },
    [TEXTAREA] = { read_textarea, NULL, false },
    [TITLE] = { read_title, NULL, false },
    [XMP] = { read_xmp, NULL, true },
};

static const struct {
    uint8_t space, action; // enum hp_html_break, enum action
} elements[HP_HTML_NAMES] = {
#define HP_TAG(name, text, space, action) [HP_HTML_##name] = { HP_HTML_##space, action },
#include "text/html_tags.def"
#undef HP_TAG
};

// A heading ends where something begins that cannot stand in one, unless (as in <h1><p>) it has not
// said a word and that is its content; and where a block ends that it stands in.
static void leave_heading(struct reader *r, const struct hp_html_markup *tag)
{
    struct hp_html_layout *layout = &r->layout;
    enum action action = (enum action)elements[tag->name].action;
    if (!layout->heading_open)
        return;
    if (actions[action].leaves_heading) {
        if (action != BLOCK || layout->heading_started)
            hp_html_heading_end(layout);
    } else if (elements[tag->name].space == HP_HTML_LINE) {
        if (tag->kind == HP_HTML_START)
            layout->heading_blocks++;
        else if (layout->heading_blocks-- == 0)
            hp_html_heading_end(layout);
    }
}

static enum hp_code start_tag(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    enum action action = (enum action)elements[tag->name].action;
    hp_html_break(&r->layout, (enum hp_html_break)elements[tag->name].space);
    return actions[action].start ? actions[action].start(r, at, tag) : HP_OK;
}

static enum hp_code end_tag(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    enum action action = (enum action)elements[tag->name].action;
    if (actions[action].end)
        HP_TRY(actions[action].end(r, at, tag));
    hp_html_break(&r->layout, (enum hp_html_break)elements[tag->name].space);
    return HP_OK;
}

// Inside of SVG and MathML a title or <textarea> is as any other element, nothing is an image, and
// what closes itself is closed; a block of HTML ends them. (The standard knows places inside of
// them where HTML goes on: without a tree they are not told apart.)
static bool passed_over(struct reader *r, const struct hp_html_markup *tag)
{
    enum action action = (enum action)elements[tag->name].action;
    if (!foreign(r) || action == FOREIGN)
        return false;
    bool script = tag->name == HP_HTML_SCRIPT || tag->name == HP_HTML_STYLE;
    bool raw = tag->name <= HP_HTML_RAW_LAST && !script;
    if (raw || action == PLAINTEXT || action == TEMPLATE || tag->name == HP_HTML_IMAGE)
        return true;
    if (elements[tag->name].space >= HP_HTML_LINE || actions[action].leaves_heading)
        r->svg = r->math = 0;
    return script && tag->self_closing;
}

static enum hp_code read_tag(struct reader *r, size_t at, const struct hp_html_markup *tag)
{
    bool closed = r->xml && tag->self_closing && tag->name <= HP_HTML_RAW_LAST;
    if (closed || passed_over(r, tag))
        return HP_OK;
    leave_heading(r, tag);
    return tag->kind == HP_HTML_START ? start_tag(r, at, tag) : end_tag(r, at, tag);
}

static enum hp_code read_cdata(struct reader *r, const struct hp_html_markup *cdata)
{
    hp_str content = { r->in.ptr + cdata->attributes, cdata->end - cdata->attributes };
    bool ended = content.len >= 3 && memcmp(content.ptr + content.len - 3, "]]>", 3) == 0;
    r->at = cdata->attributes;
    size_t end = ended ? cdata->end - 3 : cdata->end;
    HP_TRY(read_text(r, &(struct run){ end, REFERENCES_NONE, false }));
    r->at = cdata->end;
    return HP_OK;
}

static enum hp_code read_markup(struct reader *r)
{
    struct hp_html_markup markup;
    size_t at = r->at;
    HP_TRY(hp_html_markup(r->rewrite, at, foreign(r), &markup));
    r->at = markup.end;
    if (markup.kind == HP_HTML_CDATA)
        return read_cdata(r, &markup);
    if (markup.name == HP_HTML_OTHER || markup.kind == HP_HTML_IGNORED)
        return HP_OK;
    return read_tag(r, at, &markup);
}

#define BYTE_ORDER_MARK "\ufeff"

static bool begins(hp_str in, size_t at, const char *what)
{
    size_t len = strlen(what);
    return in.len - at >= len && memcmp(in.ptr + at, what, len) == 0;
}

enum hp_code hp_html_read(struct hp_rewrite *rewrite, struct hp_structure *out)
{
    struct reader r = { .rewrite = rewrite, .in = rewrite->in };
    const struct run all = { rewrite->in.len, REFERENCES_TEXT, true };
    hp_html_layout_init(&r.layout, rewrite);
    r.at = begins(r.in, 0, BYTE_ORDER_MARK) ? strlen(BYTE_ORDER_MARK) : 0;
    r.xml = begins(r.in, r.at, "<?xml");
    for (;;) {
        HP_TRY(hp_rewrite_tick(rewrite, r.at));
        HP_TRY(read_text(&r, &all));
        if (r.at == r.in.len)
            break;
        HP_TRY(read_markup(&r));
    }
    *out = (struct hp_structure){ .title = r.title };
    return hp_html_layout_end(&r.layout, out);
}
