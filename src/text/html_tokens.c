// html_tokens.c -- where markup ends. Names and attributes are short: the bytes that end them are
// looked for in one register at a time, without branches on each byte.
#include "text/html_tokens.h"

#include "base/lanes.h"
#include "text/ascii.h"
#include "text/scan.h"

// --- looking for one of a few bytes --------------------------------------------------------------

// What a byte may end.
enum { NAME = 1, ATTRIBUTE = 2, VALUE = 4, ALL = NAME | ATTRIBUTE | VALUE };

static const uint8_t stops[256] = {
    ['\t'] = ALL,
    ['\n'] = ALL,
    ['\f'] = ALL,
    ['\r'] = ALL,
    [' '] = ALL,
    ['>'] = ALL,
    ['/'] = NAME | ATTRIBUTE,
    ['='] = ATTRIBUTE,
};

static inline bool ends_name(char c)
{
    return stops[(unsigned char)c] & NAME;
}

static inline bool ends_attribute(char c)
{
    return stops[(unsigned char)c] & ATTRIBUTE;
}

static inline bool ends_value(char c) // that is not quoted
{
    return stops[(unsigned char)c] & VALUE;
}

#ifdef __x86_64__
enum { LANE = 16 };

// Over up to 16 bytes of which none is a control character, a blank, '>' or one of the two others.
static inline size_t skip(hp_str s, size_t at, char one, char two)
{
    if (s.len - at < LANE)
        return at;
    __m128i bytes = hp_load128(s.ptr + at);
    __m128i other = _mm_or_si128(hp_equal128(bytes, one), hp_equal128(bytes, two));
    __m128i found =
        _mm_or_si128(_mm_or_si128(hp_upto128(bytes, ' '), other), hp_equal128(bytes, '>'));
    unsigned mask = hp_mask128(found);
    return at + (mask ? (unsigned)__builtin_ctz(mask) : LANE);
}
#else
static inline size_t skip(hp_str s, size_t at, char one, char two)
{
    (void)s, (void)one, (void)two;
    return at;
}
#endif

static inline size_t name_end(hp_str s, size_t at)
{
    at = skip(s, at, '/', '/');
    while (at < s.len && !ends_name(s.ptr[at]))
        at++;
    return at;
}

static inline size_t attribute_end(hp_str s, size_t at)
{
    at = skip(s, at, '=', '/');
    while (at < s.len && !ends_attribute(s.ptr[at]))
        at++;
    return at;
}

static inline size_t value_end(hp_str s, size_t at)
{
    at = skip(s, at, '>', '>');
    while (at < s.len && !ends_value(s.ptr[at]))
        at++;
    return at;
}

static inline size_t blanks_end(hp_str s, size_t at)
{
    while (at < s.len && hp_html_blank(s.ptr[at]))
        at++;
    return at;
}

// s.len where there is none.
static inline size_t byte_at(hp_str s, size_t at, char c)
{
#ifdef __x86_64__
    for (int near = 0; near < 4 && s.len - at >= LANE; near++, at += LANE) {
        unsigned mask = hp_mask128(hp_equal128(hp_load128(s.ptr + at), c));
        if (mask)
            return at + (unsigned)__builtin_ctz(mask);
    }
#endif
    const char *found = at < s.len ? memchr(s.ptr + at, c, s.len - at) : NULL;
    return found ? (size_t)(found - s.ptr) : s.len;
}

enum hp_code hp_html_find(struct hp_rewrite *rewrite, size_t at, char c, size_t *found)
{
    hp_str in = rewrite->in;
    while (at < in.len) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        size_t stop = hp_rewrite_stop(rewrite, at);
        at = byte_at((hp_str){ in.ptr, stop }, at, c);
        if (at < stop)
            break;
    }
    *found = at;
    return HP_OK;
}

static bool has(hp_str s, size_t at, const char *what)
{
    size_t len = strlen(what);
    return s.len - at >= len && memcmp(s.ptr + at, what, len) == 0;
}

static bool has_nocase(hp_str s, size_t at, hp_str what)
{
    return s.len - at >= what.len && hp_str_equal_nocase((hp_str){ s.ptr + at, what.len }, what);
}

// --- names ---------------------------------------------------------------------------------------

enum { KEY = sizeof(uint64_t) };

// ASCII letters to lower case, eight at a time.
static uint64_t lower(uint64_t bytes)
{
    const uint64_t ones = 0x0101010101010101u, high = ones << 7;
    uint64_t low = bytes & ~high;
    uint64_t upper = (low + ones * (0x80 - 'A')) & ~(low + ones * (0x80 - 'Z' - 1)) & ~bytes & high;
    return bytes | upper >> 2;
}

static uint64_t name_key(hp_str in, size_t at, size_t len)
{
    uint64_t key = 0;
    if (in.len - at >= KEY) {
        memcpy(&key, in.ptr + at, KEY);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        key = __builtin_bswap64(key);
#endif
        if (len < KEY)
            key &= ((uint64_t)1 << len * 8) - 1;
    } else {
        for (size_t i = 0; i < len && i < KEY; i++)
            key |= (uint64_t)(unsigned char)in.ptr[at + i] << i * 8;
    }
    return lower(key);
}

static enum hp_html_name find_name(hp_str in, size_t at, size_t len)
{
    if (len > HP_HTML_NAME_MAX)
        return HP_HTML_OTHER;
    uint64_t key = name_key(in, at, len);
    size_t slot = (size_t)(key * 0x9e3779b97f4a7c15u >> (64 - HP_HTML_TAG_BITS));
    for (; hp_html_slot[slot].key; slot = (slot + 1) & ((1u << HP_HTML_TAG_BITS) - 1)) {
        const struct hp_html_slot *found = &hp_html_slot[slot];
        if (found->key != key)
            continue;
        bool same = len == found->len &&
                    (len <= KEY || has_nocase(in, at, (hp_str){ found->name, found->len }));
        return same ? (enum hp_html_name)found->tag : HP_HTML_OTHER;
    }
    return HP_HTML_OTHER;
}

// --- tags ----------------------------------------------------------------------------------------

static size_t value_at(hp_str in, size_t at, hp_str *value)
{
    *value = (hp_str){ in.ptr + at, 0 };
    if (at == in.len || in.ptr[at] == '>')
        return at;
    char quote = in.ptr[at];
    if (quote != '"' && quote != '\'') {
        size_t end = value_end(in, at);
        value->len = end - at;
        return end;
    }
    size_t end = byte_at(in, at + 1, quote);
    *value = (hp_str){ in.ptr + at + 1, end - at - 1 };
    return end < in.len ? end + 1 : end;
}

// The next attribute at or behind *at; false at the end of the tag, where *at is '>' or the end of
// the text.
static inline bool next_attribute(
    hp_str in, size_t *at, struct hp_html_attribute *out, bool *self_closing)
{
    size_t p = *at;
    *self_closing = false;
    for (; p < in.len && (in.ptr[p] == '/' || hp_html_blank(in.ptr[p])); p++)
        *self_closing = in.ptr[p] == '/';
    *at = p;
    if (p == in.len || in.ptr[p] == '>')
        return false;
    size_t end = attribute_end(in, p + 1); // '=' may begin a name
    out->name = (hp_str){ in.ptr + p, end - p };
    out->value = (hp_str){ in.ptr + end, 0 };
    *at = end;
    if (end < in.len && hp_html_blank(in.ptr[end]))
        end = blanks_end(in, end);
    if (end < in.len && in.ptr[end] == '=')
        *at = value_at(in, blanks_end(in, end + 1), &out->value);
    return true;
}

#ifdef __x86_64__
// The place of the next '=', '>' or quote; s.len where it is not near.
static inline size_t near_mark(hp_str s, size_t at)
{
    for (int near = 0; near < 2 && s.len - at >= LANE; near++, at += LANE) {
        __m128i bytes = hp_load128(s.ptr + at);
        __m128i quotes = _mm_or_si128(hp_equal128(bytes, '"'), hp_equal128(bytes, '\''));
        __m128i marks = _mm_or_si128(hp_equal128(bytes, '='), hp_equal128(bytes, '>'));
        unsigned mask = hp_mask128(_mm_or_si128(quotes, marks));
        if (mask)
            return at + (unsigned)__builtin_ctz(mask);
    }
    return s.len;
}

// Over attributes that are written as they should be (a name, "=", a value in double quotes), from
// mark to mark. What is not so is left to next_attribute, from *at on. True at the end of the tag.
static inline bool skip_neat(hp_str in, size_t *at)
{
    for (;;) {
        size_t mark = near_mark(in, *at);
        if (mark < in.len && in.ptr[mark] == '>') {
            *at = mark;
            return true;
        }
        bool neat = mark + 1 < in.len && in.ptr[mark] == '=' && in.ptr[mark + 1] == '"' &&
                    mark > *at && !ends_attribute(in.ptr[mark - 1]);
        if (!neat)
            return false;
        size_t end = byte_at(in, mark + 2, '"');
        if (end == in.len)
            return false;
        *at = end + 1;
    }
}
#else
static inline bool skip_neat(hp_str in, size_t *at)
{
    (void)in, (void)at;
    return false;
}
#endif

static enum hp_code read_attributes(
    struct hp_rewrite *rewrite, size_t *end, struct hp_html_markup *out)
{
    struct hp_html_attribute ignored;
    hp_str near = { rewrite->in.ptr, hp_rewrite_stop(rewrite, *end) }; // no need to tick in there
    if (skip_neat(near, end)) {
        out->self_closing = near.ptr[*end - 1] == '/';
        return HP_OK;
    }
    while (next_attribute(rewrite->in, end, &ignored, &out->self_closing))
        HP_TRY(hp_rewrite_tick(rewrite, *end));
    return HP_OK;
}

static enum hp_code read_tag(struct hp_rewrite *rewrite, size_t at, struct hp_html_markup *out)
{
    hp_str in = rewrite->in;
    size_t end = name_end(in, at);
    out->name = find_name(in, at, end - at);
    out->attributes = end;
    if (end == in.len || in.ptr[end] != '>')
        HP_TRY(read_attributes(rewrite, &end, out));
    if (end == in.len)
        out->kind = HP_HTML_IGNORED;
    out->end = end + (end < in.len);
    return HP_OK;
}

hp_str hp_html_attribute(hp_str in, const struct hp_html_markup *tag, hp_str name)
{
    struct hp_html_attribute attribute;
    bool ignored;
    for (size_t at = tag->attributes; next_attribute(in, &at, &attribute, &ignored);)
        if (hp_str_equal_nocase(attribute.name, name))
            return attribute.value;
    return (hp_str){ NULL, 0 };
}

// --- comments and their like ---------------------------------------------------------------------

// Behind the next '>'.
static enum hp_code read_bogus(struct hp_rewrite *rewrite, size_t at, struct hp_html_markup *out)
{
    HP_TRY(hp_html_find(rewrite, at, '>', &out->end));
    out->end += out->end < rewrite->in.len;
    return HP_OK;
}

// `at` is behind "<!--". ">" and "->" end it at once, "-->" and "--!>" later.
static enum hp_code read_comment(struct hp_rewrite *rewrite, size_t at, struct hp_html_markup *out)
{
    const char *p = rewrite->in.ptr;
    for (size_t end = at;; end++) {
        HP_TRY(hp_html_find(rewrite, end, '>', &end));
        out->end = end + (end < rewrite->in.len);
        size_t len = end - at;
        bool ends = end == rewrite->in.len || len == 0 || (len == 1 && p[at] == '-') ||
                    (len >= 2 && p[end - 1] == '-' && p[end - 2] == '-') ||
                    (len >= 3 && p[end - 1] == '!' && p[end - 2] == '-' && p[end - 3] == '-');
        if (ends)
            return HP_OK;
    }
}

// `at` is behind "<![CDATA[".
static enum hp_code read_cdata(struct hp_rewrite *rewrite, size_t at, struct hp_html_markup *out)
{
    const char *p = rewrite->in.ptr;
    out->kind = HP_HTML_CDATA;
    out->attributes = at;
    for (size_t end = at;; end++) {
        HP_TRY(hp_html_find(rewrite, end, '>', &end));
        out->end = end + (end < rewrite->in.len);
        if (end == rewrite->in.len || (end - at >= 2 && p[end - 1] == ']' && p[end - 2] == ']'))
            return HP_OK;
    }
}

static enum hp_code read_declaration(
    struct hp_rewrite *rewrite, size_t at, bool foreign, struct hp_html_markup *out)
{
    if (has(rewrite->in, at, "<!--"))
        return read_comment(rewrite, at + strlen("<!--"), out);
    if (foreign && has(rewrite->in, at, "<![CDATA["))
        return read_cdata(rewrite, at + strlen("<![CDATA["), out);
    return read_bogus(rewrite, at, out); // a '>' ends a doctype wherever it stands
}

enum hp_code hp_html_markup(
    struct hp_rewrite *rewrite, size_t at, bool foreign, struct hp_html_markup *out)
{
    hp_str in = rewrite->in;
    char next = at + 1 < in.len ? in.ptr[at + 1] : '\0';
    *out = (struct hp_html_markup){ .kind = HP_HTML_START };
    if (hp_ascii_letter(next))
        return read_tag(rewrite, at + 1, out);
    out->kind = HP_HTML_IGNORED;
    if (next == '/' && at + 2 < in.len) {
        if (!hp_ascii_letter(in.ptr[at + 2]))
            return read_bogus(rewrite, at, out); // "</>" is one too, and gone
        out->kind = HP_HTML_END;
        return read_tag(rewrite, at + 2, out);
    }
    if (next == '!')
        return read_declaration(rewrite, at, foreign, out);
    if (next == '?')
        return read_bogus(rewrite, at, out);
    *out = (struct hp_html_markup){ .kind = HP_HTML_TEXT, .end = at };
    return HP_OK;
}

// --- raw text ------------------------------------------------------------------------------------

static bool has_name(hp_str in, size_t at, hp_str name)
{
    return has_nocase(in, at, name) && at + name.len < in.len && ends_name(in.ptr[at + name.len]);
}

static bool has_end_tag(hp_str in, size_t at, hp_str name)
{
    return has(in, at, "</") && has_name(in, at + 2, name);
}

enum hp_code hp_html_raw_end(struct hp_rewrite *rewrite, size_t at, hp_str name, size_t *end)
{
    for (;; at++) {
        HP_TRY(hp_html_find(rewrite, at, '<', &at));
        if (at == rewrite->in.len || has_end_tag(rewrite->in, at, name))
            break;
    }
    *end = at;
    return HP_OK;
}

// The next '<' or '-'.
static enum hp_code find_escape(
    struct hp_rewrite *rewrite, size_t at, const struct hp_bytes *set, size_t *found)
{
    while (at < rewrite->in.len) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        size_t stop = hp_rewrite_stop(rewrite, at);
        at = hp_scan((hp_str){ rewrite->in.ptr, stop }, at, set);
        if (at < stop)
            break;
    }
    *found = at;
    return HP_OK;
}

enum script { SCRIPT, SCRIPT_ESCAPED, SCRIPT_DOUBLE_ESCAPED };

enum hp_code hp_html_script_end(struct hp_rewrite *rewrite, size_t at, size_t *end)
{
    const hp_str in = rewrite->in, name = HP_STR("script");
    const struct hp_bytes escapes = hp_bytes_of(HP_S("<-"));
    enum script state = SCRIPT;
    for (;; at++) {
        if (state == SCRIPT)
            HP_TRY(hp_html_find(rewrite, at, '<', &at));
        else
            HP_TRY(find_escape(rewrite, at, &escapes, &at));
        if (at == in.len)
            break;
        bool ends = has_end_tag(in, at, name);
        if (ends && state != SCRIPT_DOUBLE_ESCAPED)
            break;
        if (ends)
            state = SCRIPT_ESCAPED;
        else if (state == SCRIPT && has(in, at, "<!--"))
            state = SCRIPT_ESCAPED, at++; // its dashes may already be those of "-->"
        else if (state == SCRIPT_ESCAPED && in.ptr[at] == '<' && has_name(in, at + 1, name))
            state = SCRIPT_DOUBLE_ESCAPED;
        else if (state != SCRIPT && has(in, at, "-->"))
            state = SCRIPT;
    }
    *end = at;
    return HP_OK;
}
