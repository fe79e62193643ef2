// line.c -- members are appended one by one; one that does not fit takes the line back to where it
// was before.
#include "base/line.h"

#include <assert.h>

enum { END = 2 }; // bytes kept for the closing brace and the line end

void hp_line_start(struct hp_line *line)
{
    line->text[0] = '{';
    line->len = 1;
}

static bool put(struct hp_line *line, const char *text, size_t len)
{
    if (len > HP_LINE_MAX - END - line->len)
        return false;
    memcpy(line->text + line->len, text, len);
    line->len += len;
    return true;
}

static bool is_tail(char c, unsigned char low, unsigned char high)
{
    return (unsigned char)c >= low && (unsigned char)c <= high;
}

// Length of the well-formed character at the start of `s` (Unicode 16, table 3-7), or 0.
static size_t character(hp_str s)
{
    unsigned char c = (unsigned char)s.ptr[0];
    if (c < 0x80)
        return 1;
    size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || len > s.len)
        return 0;
    unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (!is_tail(s.ptr[1], low, high))
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_tail(s.ptr[i], 0x80, 0xbf))
            return 0;
    return len;
}

static bool put_escaped(struct hp_line *line, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\')
        return put(line, (char[]){ '\\', (char)c }, 2);
    return put(line, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
}

static bool must_escape(char c)
{
    return c == '"' || c == '\\' || (unsigned char)c < 0x20 || c == 0x7f;
}

static bool put_string(struct hp_line *line, hp_str s)
{
    bool fits = put(line, "\"", 1);
    while (fits && s.len) {
        size_t step = character(s);
        if (step == 0)
            fits = put(line, "?", 1);
        else if (must_escape(s.ptr[0]))
            fits = put_escaped(line, (unsigned char)s.ptr[0]);
        else
            fits = put(line, s.ptr, step);
        step += step == 0;
        s = (hp_str){ s.ptr + step, s.len - step };
    }
    return fits && put(line, "\"", 1);
}

static bool put_key(struct hp_line *line, const char *key)
{
    bool first = line->text[line->len - 1] == '{';
    return (first || put(line, ",", 1)) && put_string(line, hp_str_from(key)) && put(line, ":", 1);
}

void hp_line_string(struct hp_line *line, const char *key, hp_str value)
{
    size_t before = line->len;
    if (!put_key(line, key) || !put_string(line, value))
        line->len = before;
}

void hp_line_uint(struct hp_line *line, const char *key, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits, before = line->len;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    if (!put_key(line, key) || !put(line, digits + at, sizeof digits - at))
        line->len = before;
}

void hp_line_open(struct hp_line *line, const char *key)
{
    bool fits = put_key(line, key) && put(line, "{", 1);
    assert(fits);
    (void)fits;
}

void hp_line_close(struct hp_line *line)
{
    bool fits = put(line, "}", 1);
    assert(fits);
    (void)fits;
}

void hp_line_end(struct hp_line *line)
{
    line->text[line->len++] = '}';
    line->text[line->len++] = '\n';
}
