// markdown_html.c -- blocks of HTML: the seven start and end conditions of CommonMark 0.31, section
// 4.6.
#include "text/markdown.h"

#include "text/ascii.h"

enum kind {
    NONE,
    RAW,
    COMMENT,
    INSTRUCTION,
    DECLARATION,
    CDATA,
    BLOCK = HP_MARKDOWN_HTML_BLOCK,
    TAG
};

enum { NAME_MAX = 10 };

// What a tag is, by its name: sorted, for a binary search.
static const struct {
    char name[NAME_MAX + 1];
    uint8_t kind;
} names[] = { { "address", BLOCK }, { "article", BLOCK }, { "aside", BLOCK }, { "base", BLOCK },
    { "basefont", BLOCK }, { "blockquote", BLOCK }, { "body", BLOCK }, { "caption", BLOCK },
    { "center", BLOCK }, { "col", BLOCK }, { "colgroup", BLOCK }, { "dd", BLOCK },
    { "details", BLOCK }, { "dialog", BLOCK }, { "dir", BLOCK }, { "div", BLOCK }, { "dl", BLOCK },
    { "dt", BLOCK }, { "fieldset", BLOCK }, { "figcaption", BLOCK }, { "figure", BLOCK },
    { "footer", BLOCK }, { "form", BLOCK }, { "frame", BLOCK }, { "frameset", BLOCK },
    { "h1", BLOCK }, { "h2", BLOCK }, { "h3", BLOCK }, { "h4", BLOCK }, { "h5", BLOCK },
    { "h6", BLOCK }, { "head", BLOCK }, { "header", BLOCK }, { "hr", BLOCK }, { "html", BLOCK },
    { "iframe", BLOCK }, { "legend", BLOCK }, { "li", BLOCK }, { "link", BLOCK }, { "main", BLOCK },
    { "menu", BLOCK }, { "menuitem", BLOCK }, { "nav", BLOCK }, { "noframes", BLOCK },
    { "ol", BLOCK }, { "optgroup", BLOCK }, { "option", BLOCK }, { "p", BLOCK }, { "param", BLOCK },
    { "pre", RAW }, { "script", RAW }, { "search", BLOCK }, { "section", BLOCK }, { "style", RAW },
    { "summary", BLOCK }, { "table", BLOCK }, { "tbody", BLOCK }, { "td", BLOCK },
    { "textarea", RAW }, { "tfoot", BLOCK }, { "th", BLOCK }, { "thead", BLOCK },
    { "title", BLOCK }, { "tr", BLOCK }, { "track", BLOCK }, { "ul", BLOCK } };

static bool quote(char c)
{
    return c == '"' || c == '\'';
}

// In an attribute's name.
static bool named(char c)
{
    return hp_ascii_letter(c) || hp_ascii_digit(c) || c == '_' || c == '.' || c == ':' || c == '-';
}

// In an attribute's value without quotes.
static bool bare(char c)
{
    return !hp_markdown_blank(c) && !quote(c) && c != '=' && c != '<' && c != '>' && c != '`';
}

// Where the name of the tag that starts at `from` ends; `from` where none does.
static size_t name_end(hp_str rest, size_t from)
{
    size_t at = from;
    if (at == rest.len || !hp_ascii_letter(rest.ptr[at]))
        return from;
    while (at < rest.len &&
           (hp_ascii_letter(rest.ptr[at]) || hp_ascii_digit(rest.ptr[at]) || rest.ptr[at] == '-'))
        at++;
    return at;
}

static enum kind kind_named(hp_str name)
{
    char lower[NAME_MAX + 1] = { 0 };
    if (name.len > NAME_MAX)
        return NONE;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = (char)(name.ptr[i] | (hp_ascii_letter(name.ptr[i]) ? 0x20 : 0));
    size_t low = 0, high = sizeof names / sizeof *names;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = memcmp(lower, names[middle].name, sizeof lower);
        if (order == 0)
            return (enum kind)names[middle].kind;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NONE;
}

static bool starts_with(hp_str rest, hp_str what)
{
    return rest.len >= what.len && memcmp(rest.ptr, what.ptr, what.len) == 0;
}

static enum kind named_block(hp_str rest, bool closing, size_t from, size_t end)
{
    enum kind kind = kind_named((hp_str){ rest.ptr + from, end - from });
    bool done = end == rest.len || hp_markdown_blank(rest.ptr[end]) || rest.ptr[end] == '>';
    if (kind == RAW)
        return done && !closing ? RAW : NONE;
    if (kind == BLOCK && !done)
        done = starts_with((hp_str){ rest.ptr + end, rest.len - end }, HP_S("/>"));
    return kind == BLOCK && done ? BLOCK : NONE;
}

// Where the value behind `=` ends; 0 where there is none.
static size_t value_end(hp_str rest, size_t at)
{
    if (at == rest.len)
        return 0;
    if (quote(rest.ptr[at])) {
        const char *end = memchr(rest.ptr + at + 1, rest.ptr[at], rest.len - at - 1);
        return end ? (size_t)(end - rest.ptr) + 1 : 0;
    }
    size_t from = at;
    while (at < rest.len && bare(rest.ptr[at]))
        at++;
    return at > from ? at : 0;
}

// Where the attribute at `at` ends, `at` where none begins, 0 where it is broken.
static size_t attribute_end(hp_str rest, size_t at)
{
    if (!(hp_ascii_letter(rest.ptr[at]) || rest.ptr[at] == '_' || rest.ptr[at] == ':'))
        return at;
    while (at < rest.len && named(rest.ptr[at]))
        at++;
    size_t equals = hp_markdown_skip(rest, at);
    if (equals == rest.len || rest.ptr[equals] != '=')
        return at;
    return value_end(rest, hp_markdown_skip(rest, equals + 1));
}

// Where the attributes behind a tag's name end, blanks behind them; 0 where one is broken.
static size_t attributes_end(hp_str rest, size_t at)
{
    for (;;) {
        size_t next = hp_markdown_skip(rest, at);
        if (next == at || next == rest.len)
            return next;
        at = attribute_end(rest, next);
        if (at == next || at == 0)
            return at;
    }
}

// A whole tag, and nothing else on the line.
static bool lone_tag(hp_str rest, bool closing, size_t end)
{
    size_t at = closing ? hp_markdown_skip(rest, end) : attributes_end(rest, end);
    if (at == 0)
        return false;
    at += !closing && at < rest.len && rest.ptr[at] == '/';
    return at < rest.len && rest.ptr[at] == '>' && hp_markdown_skip(rest, at + 1) == rest.len;
}

static enum kind tag_block(hp_str rest, bool in_paragraph)
{
    bool closing = rest.len > 1 && rest.ptr[1] == '/';
    size_t from = closing ? 2 : 1, end = name_end(rest, from);
    if (end == from)
        return NONE;
    enum kind kind = named_block(rest, closing, from, end);
    if (kind != NONE || in_paragraph)
        return kind;
    return lone_tag(rest, closing, end) ? TAG : NONE;
}

unsigned hp_markdown_html(hp_str rest, bool in_paragraph)
{
    if (starts_with(rest, HP_S("<!--")))
        return COMMENT;
    if (starts_with(rest, HP_S("<?")))
        return INSTRUCTION;
    if (starts_with(rest, HP_S("<![CDATA[")))
        return CDATA;
    if (starts_with(rest, HP_S("<!")))
        return rest.len > 2 && hp_ascii_letter(rest.ptr[2]) ? DECLARATION : NONE;
    return tag_block(rest, in_paragraph);
}

static bool ends_with(hp_str s, hp_str what)
{
    return s.len >= what.len && memcmp(s.ptr + s.len - what.len, what.ptr, what.len) == 0;
}

// Whether `s`, which ends with a '>', ends with the closing tag of a raw block.
static bool ends_raw(hp_str s)
{
    size_t from = s.len - 1;
    while (from > 0 && s.len - from <= NAME_MAX && hp_ascii_letter(s.ptr[from - 1]))
        from--;
    return from >= 2 && s.ptr[from - 1] == '/' && s.ptr[from - 2] == '<' &&
           kind_named((hp_str){ s.ptr + from, s.len - 1 - from }) == RAW;
}

static bool ends(hp_str s, enum kind kind)
{
    static const hp_str last[] = { [COMMENT] = HP_STR("-->"),
        [INSTRUCTION] = HP_STR("?>"),
        [DECLARATION] = HP_STR(">"),
        [CDATA] = HP_STR("]]>") };
    return kind == RAW ? ends_raw(s) : ends_with(s, last[kind]);
}

bool hp_markdown_html_ends(hp_str rest, unsigned kind)
{
    const char *at = rest.ptr, *end = rest.ptr + rest.len;
    while ((at = memchr(at, '>', (size_t)(end - at)))) {
        at++;
        if (ends((hp_str){ rest.ptr, (size_t)(at - rest.ptr) }, (enum kind)kind))
            return true;
    }
    return false;
}

bool hp_markdown_html_pre(hp_str rest)
{
    size_t end = name_end(rest, 1);
    return end == 4 && hp_str_equal_nocase((hp_str){ rest.ptr + 1, 3 }, HP_S("pre"));
}
