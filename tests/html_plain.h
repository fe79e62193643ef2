// html_plain.h -- the words of an HTML page, read the slow and obvious way: one character after the
// other, state by state as the HTML standard (13.2.5) has its tokenizer. What html.c, html_tokens.c
// and html_entities.c are compared with. For short pages.
#pragma once

#include "text/html_entities.h"
#include "hotpathd/utf8.h"

#include <assert.h>
#include <strings.h>

enum { PLAIN_MAX = 1 << 16, PLAIN_NAME = 64 };

struct plain {
    hp_str in;
    size_t at;
    unsigned hidden; // templates that are open
    unsigned svg, math;
    bool xml;
    char out[PLAIN_MAX]; // what is not blank
    size_t len;
};

struct plain_tag {
    char name[PLAIN_NAME];
    size_t len;
    bool closing, self_closing, cut;
    hp_str alt; // as it is written; ptr NULL: none
};

static inline bool plain_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static inline bool plain_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool plain_alphanumeric(char c)
{
    return plain_letter(c) || (c >= '0' && c <= '9');
}

// --- character references ------------------------------------------------------------------------

static inline size_t plain_number(hp_str s, size_t at, char *out, size_t *out_len)
{
    static const uint32_t high[32] = { 0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021,
        0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c,
        0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178 };
    size_t p = at + 2;
    bool hex = p < s.len && (s.ptr[p] == 'x' || s.ptr[p] == 'X');
    const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
    uint64_t number = 0;
    p += hex;
    size_t first = p;
    for (; p < s.len && s.ptr[p] && strchr(digits, s.ptr[p]); p++) {
        size_t value = (size_t)(strchr(digits, s.ptr[p]) - digits);
        number = number * (hex ? 16 : 10) + (value > 15 ? value - 6 : value);
        number = number > 0x110000 ? 0x110000 : number;
    }
    if (p == first)
        return 0;
    if (number == 0 || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff))
        number = 0xfffd;
    if (number >= 0x80 && number <= 0x9f)
        number = high[number - 0x80];
    *out_len = hp_utf8_put(out, (uint32_t)number);
    return p - at + (p < s.len && s.ptr[p] == ';');
}

// The longest name of all that stands there, by looking at every one.
static inline size_t plain_reference(
    hp_str s, size_t at, bool attribute, char *out, size_t *out_len)
{
    size_t best = 0;
    if (at + 1 < s.len && s.ptr[at + 1] == '#')
        return plain_number(s, at, out, out_len);
    for (size_t i = 0; i < HP_ENTITIES; i++) {
        const struct hp_entity *entity = &hp_entity_row[i];
        size_t len = strlen(entity->name), end = at + 1 + len;
        if (end > s.len || memcmp(s.ptr + at + 1, entity->name, len) != 0)
            continue;
        bool ended = end < s.len && s.ptr[end] == ';';
        if ((!ended && !entity->legacy) || 1 + len + ended <= best)
            continue;
        best = 1 + len + ended;
        *out_len = entity->len;
        memcpy(out, entity->text, entity->len);
    }
    size_t end = at + best;
    if (best > 0 && attribute && s.ptr[end - 1] != ';' && end < s.len &&
        (s.ptr[end] == '=' || plain_alphanumeric(s.ptr[end])))
        return 0;
    return best;
}

// --- output --------------------------------------------------------------------------------------

static inline void plain_add(struct plain *p, const char *bytes, size_t len)
{
    if (p->hidden > 0)
        return;
    for (size_t i = 0; i < len; i++) {
        assert(p->len < PLAIN_MAX);
        if (!plain_blank(bytes[i]) && bytes[i] != '\0')
            p->out[p->len++] = bytes[i];
    }
}

enum plain_kind { PLAIN_RAW, PLAIN_TEXT, PLAIN_VALUE };

static inline void plain_add_text(struct plain *p, hp_str text, enum plain_kind kind)
{
    for (size_t at = 0, len; at < text.len; at += len) {
        char said[8];
        size_t said_len = 0;
        len = 0;
        if (text.ptr[at] == '&' && kind != PLAIN_RAW)
            len = plain_reference(text, at, kind == PLAIN_VALUE, said, &said_len);
        if (len > 0)
            plain_add(p, said, said_len);
        else
            plain_add(p, text.ptr + at, len = 1);
    }
}

// --- tags ----------------------------------------------------------------------------------------

enum plain_state {
    PLAIN_BEFORE_NAME,
    PLAIN_NAME_STATE,
    PLAIN_AFTER_NAME,
    PLAIN_BEFORE_VALUE,
    PLAIN_DOUBLE,
    PLAIN_SINGLE,
    PLAIN_UNQUOTED,
    PLAIN_AFTER_QUOTED,
    PLAIN_SELF_CLOSING
};

struct plain_attribute {
    size_t name, name_end, value, value_end;
};

static inline void plain_attribute(
    const struct plain *p, const struct plain_attribute *a, struct plain_tag *tag)
{
    if (a->name_end - a->name == 3 && strncasecmp(p->in.ptr + a->name, "alt", 3) == 0 &&
        !tag->alt.ptr)
        tag->alt = (hp_str){ p->in.ptr + a->value, a->value_end - a->value };
}

// From the first letter of the name to behind '>'.
static inline struct plain_tag plain_read_tag(struct plain *p)
{
    struct plain_tag tag = { .cut = true };
    struct plain_attribute a = { 0 };
    enum plain_state state = PLAIN_BEFORE_NAME;
    bool open = false; // an attribute is being read
    while (p->at < p->in.len && !plain_blank(p->in.ptr[p->at]) &&
           !strchr("/>", p->in.ptr[p->at] ? p->in.ptr[p->at] : 'x')) {
        char c = p->in.ptr[p->at++];
        if (tag.len < PLAIN_NAME - 1)
            tag.name[tag.len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    for (; p->at < p->in.len; p->at++) {
        size_t at = p->at;
        char c = p->in.ptr[at];
        switch (state) {
        case PLAIN_SELF_CLOSING:
            if (c == '>')
                tag.self_closing = true;
            state = PLAIN_BEFORE_NAME; // fall through: as there
            __attribute__((fallthrough));
        case PLAIN_BEFORE_NAME:
        case PLAIN_AFTER_QUOTED:
        case PLAIN_AFTER_NAME:
            if (plain_blank(c)) {
                state = state == PLAIN_AFTER_NAME ? state : PLAIN_BEFORE_NAME;
                break;
            }
            if (c == '=' && state == PLAIN_AFTER_NAME) {
                state = PLAIN_BEFORE_VALUE;
                break;
            }
            if (open)
                plain_attribute(p, &a, &tag);
            open = false;
            if (c == '/') {
                state = PLAIN_SELF_CLOSING;
                break;
            }
            if (c == '>')
                goto done;
            open = true;
            a = (struct plain_attribute){ at, at + 1, 0, 0 };
            state = PLAIN_NAME_STATE;
            break;
        case PLAIN_NAME_STATE:
            if (plain_blank(c)) {
                state = PLAIN_AFTER_NAME;
            } else if (c == '=') {
                state = PLAIN_BEFORE_VALUE;
            } else if (c == '/' || c == '>') {
                state = PLAIN_AFTER_NAME;
                p->at--; // read again there
            } else {
                a.name_end = at + 1;
            }
            break;
        case PLAIN_BEFORE_VALUE:
            if (plain_blank(c))
                break;
            a.value = a.value_end = at + 1;
            if (c == '"') {
                state = PLAIN_DOUBLE;
            } else if (c == '\'') {
                state = PLAIN_SINGLE;
            } else if (c == '>') {
                plain_attribute(p, &a, &tag);
                open = false;
                goto done;
            } else {
                a.value = at;
                state = PLAIN_UNQUOTED;
            }
            break;
        case PLAIN_DOUBLE:
        case PLAIN_SINGLE:
            if (c == (state == PLAIN_DOUBLE ? '"' : '\''))
                state = PLAIN_AFTER_QUOTED;
            else
                a.value_end = at + 1;
            break;
        case PLAIN_UNQUOTED:
            if (plain_blank(c)) {
                state = PLAIN_BEFORE_NAME;
            } else if (c == '>') {
                state = PLAIN_BEFORE_NAME;
                p->at--;
            } else {
                a.value_end = at + 1;
            }
            break;
        }
    }
    return tag;
done:
    p->at++;
    tag.cut = false;
    return tag;
}

// --- raw text, scripts, comments -----------------------------------------------------------------

static inline bool plain_name_at(const struct plain *p, size_t at, const char *name)
{
    size_t len = strlen(name);
    if (at + len >= p->in.len || strncasecmp(p->in.ptr + at, name, len) != 0)
        return false;
    char c = p->in.ptr[at + len];
    return plain_blank(c) || c == '/' || c == '>';
}

static inline bool plain_end_tag_at(const struct plain *p, size_t at, const char *name)
{
    return at + 2 < p->in.len && p->in.ptr[at] == '<' && p->in.ptr[at + 1] == '/' &&
           plain_name_at(p, at + 2, name);
}

static inline size_t plain_raw_end(const struct plain *p, const char *name)
{
    size_t at = p->at;
    while (at < p->in.len && !plain_end_tag_at(p, at, name))
        at++;
    return at;
}

// 13.2.5.4 and 15 to 31, with the states for dashes as they are there.
static inline size_t plain_script_end(const struct plain *p)
{
    enum { DATA, ESCAPED, DOUBLE } state = DATA;
    unsigned dashes = 0; // in a row, while escaped
    for (size_t at = p->at; at < p->in.len; at++) {
        char c = p->in.ptr[at];
        if (state == DATA && at + 4 <= p->in.len && memcmp(p->in.ptr + at, "<!--", 4) == 0) {
            state = ESCAPED;
            dashes = 2;
            at += 3;
        } else if (c == '<' && plain_end_tag_at(p, at, "script")) {
            if (state != DOUBLE)
                return at;
            state = ESCAPED;
            dashes = 0;
        } else if (c == '<' && state == ESCAPED && plain_name_at(p, at + 1, "script")) {
            state = DOUBLE;
            dashes = 0;
        } else if (c == '>' && state != DATA && dashes >= 2) {
            state = DATA;
        } else {
            dashes = c == '-' ? dashes + 1 : 0;
        }
    }
    return p->in.len;
}

static inline bool plain_starts(const struct plain *p, size_t at, const char *what)
{
    return at + strlen(what) <= p->in.len && memcmp(p->in.ptr + at, what, strlen(what)) == 0;
}

static inline void plain_skip_past(struct plain *p, size_t from, const char *what)
{
    for (p->at = from; p->at < p->in.len; p->at++)
        if (plain_starts(p, p->at, what)) {
            p->at += strlen(what);
            return;
        }
}

static inline void plain_comment(struct plain *p) // at "<!--"
{
    size_t at = p->at + 4;
    if (plain_starts(p, at, ">") || plain_starts(p, at, "->")) {
        p->at = at + (plain_starts(p, at, ">") ? 1 : 2);
        return;
    }
    for (; at < p->in.len; at++)
        if (plain_starts(p, at, "-->") || plain_starts(p, at, "--!>")) {
            p->at = at + (plain_starts(p, at, "-->") ? 3 : 4);
            return;
        }
    p->at = p->in.len;
}

// --- the page ------------------------------------------------------------------------------------

static inline bool plain_is(const struct plain_tag *tag, const char *name)
{
    return tag->len == strlen(name) && memcmp(tag->name, name, tag->len) == 0; // NUL may be in it
}

static inline bool plain_one_of(const struct plain_tag *tag, const char *const *names)
{
    for (; *names; names++)
        if (plain_is(tag, *names))
            return true;
    return false;
}

static inline void plain_raw(struct plain *p, const struct plain_tag *tag)
{
    static const char *const shown[] = { "textarea", "xmp", NULL };
    bool script = plain_is(tag, "script"), area = plain_is(tag, "textarea");
    size_t end = script ? plain_script_end(p) : plain_raw_end(p, tag->name);
    hp_str text = { p->in.ptr + p->at, end - p->at };
    if (plain_one_of(tag, shown))
        plain_add_text(p, text, area ? PLAIN_TEXT : PLAIN_RAW);
    p->at = end;
}

// As passed_over in html.c.
static inline bool plain_foreign(
    struct plain *p, const struct plain_tag *tag, const char *const *breakers)
{
    static const char *const other[] = { "title", "textarea", "xmp", "iframe", "noembed",
        "noframes", "plaintext", "template", "image", NULL };
    static const char *const scripts[] = { "script", "style", NULL };
    if (p->svg + p->math == 0 || p->hidden > 0)
        return false;
    if (plain_one_of(tag, other))
        return true;
    if (plain_one_of(tag, breakers))
        p->svg = p->math = 0;
    return tag->self_closing && plain_one_of(tag, scripts);
}

static inline void plain_tag(struct plain *p, bool closing, const char *const *breakers)
{
    static const char *const raw[] = { "script", "style", "iframe", "noembed", "noframes", "title",
        "textarea", "xmp", NULL };
    static const char *const images[] = { "img", "image", NULL };
    struct plain_tag tag = plain_read_tag(p);
    if (tag.cut || plain_foreign(p, &tag, breakers))
        return;
    bool template = plain_is(&tag, "template");
    unsigned *foreign = plain_is(&tag, "svg") ? &p->svg : plain_is(&tag, "math") ? &p->math : NULL;
    if (template && (!closing || p->hidden > 0))
        p->hidden += closing ? -1u : 1u;
    if (foreign && p->hidden == 0 && (closing ? *foreign > 0 : !tag.self_closing))
        *foreign += closing ? -1u : 1u;
    if (closing)
        return;
    if (plain_one_of(&tag, raw) && !(p->xml && tag.self_closing && p->hidden == 0))
        plain_raw(p, &tag);
    if (plain_one_of(&tag, images) && tag.alt.ptr)
        plain_add_text(p, tag.alt, PLAIN_VALUE);
    if (plain_is(&tag, "plaintext") && p->hidden == 0) {
        plain_add_text(p, (hp_str){ p->in.ptr + p->at, p->in.len - p->at }, PLAIN_RAW);
        p->at = p->in.len;
    }
}

static inline void plain_cdata(struct plain *p)
{
    size_t start = p->at + strlen("<![CDATA["), end;
    plain_skip_past(p, start, "]]>");
    end = p->at >= start + 3 && plain_starts(p, p->at - 3, "]]>") ? p->at - 3 : p->in.len;
    plain_add_text(p, (hp_str){ p->in.ptr + start, end - start }, PLAIN_RAW);
}

// `breakers`: the names of elements that end SVG and MathML.
static inline void plain_read(struct plain *p, hp_str page, const char *const *breakers)
{
    p->in = page;
    p->len = p->hidden = p->svg = p->math = 0;
    p->at = plain_starts(p, 0, "\ufeff") ? 3 : 0;
    p->xml = plain_starts(p, p->at, "<?xml");
    while (p->at < page.len) {
        size_t at = p->at, text = at;
        char next = at + 1 < page.len ? page.ptr[at + 1] : 0;
        bool foreign = p->svg + p->math > 0 && p->hidden == 0;
        if (page.ptr[at] != '<') {
            while (text < page.len && page.ptr[text] != '<')
                text++;
            plain_add_text(p, (hp_str){ page.ptr + at, text - at }, PLAIN_TEXT);
            p->at = text;
        } else if (plain_letter(next)) {
            p->at++;
            plain_tag(p, false, breakers);
        } else if (next == '/' && at + 2 < page.len && plain_letter(page.ptr[at + 2])) {
            p->at += 2;
            plain_tag(p, true, breakers);
        } else if (plain_starts(p, at, "<!--")) {
            plain_comment(p);
        } else if (foreign && plain_starts(p, at, "<![CDATA[")) {
            plain_cdata(p);
        } else if (next == '!' || next == '?' || (next == '/' && at + 2 < page.len)) {
            plain_skip_past(p, at, ">");
        } else {
            plain_add(p, "<", 1);
            p->at++;
        }
    }
}
