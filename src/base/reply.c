// reply.c -- a strict reading: RFC 9112 without what the daemon never sends (chunks, folded lines).
#include "base/reply.h"

// What the header lines say of the body.
struct framing {
    bool has_length;
    uint64_t length;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char version[] = "HTTP/1.";
enum { VERSION = sizeof version - 1, CODE = VERSION + 2, LEAST = CODE + 3 };

// As far as it has come: something else than HTTP is told before it falls silent.
static bool begins_like_reply(hp_str bytes)
{
    size_t len = bytes.len < VERSION ? bytes.len : VERSION;
    return len == 0 || memcmp(bytes.ptr, version, len) == 0;
}

// HTTP/1.1 200 OK
static bool read_status(hp_str line, int *status)
{
    if (line.len < LEAST || !begins_like_reply(line))
        return false;
    if (!is_digit(line.ptr[VERSION]) || line.ptr[VERSION + 1] != ' ')
        return false;
    uint64_t code;
    if (!hp_str_decimal((hp_str){ line.ptr + CODE, 3 }, &code) || code < 100 || code > 599)
        return false;
    *status = (int)code;
    return line.len == LEAST || line.ptr[LEAST] == ' ';
}

static bool is_token(hp_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f)
            return false;
    return s.len > 0;
}

static bool read_header(hp_str line, struct framing *framing)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (!colon)
        return false;
    hp_str name = { line.ptr, (size_t)(colon - line.ptr) };
    hp_str value = hp_str_trim((hp_str){ colon + 1, line.len - name.len - 1 });
    if (!is_token(name) || hp_str_equal_nocase(name, HP_S("transfer-encoding")))
        return false;
    if (!hp_str_equal_nocase(name, HP_S("content-length")))
        return true;
    bool again = framing->has_length;
    framing->has_length = true;
    return !again && hp_str_decimal(value, &framing->length);
}

// One line without its CR LF; false where a line ends otherwise.
static bool next_line(hp_str *head, hp_str *line)
{
    *line = hp_str_cut(head, '\n');
    if (line->len == 0 || line->ptr[line->len - 1] != '\r')
        return false;
    line->len--;
    return true;
}

static bool read_head(hp_str head, int *status, struct framing *framing)
{
    hp_str line;
    if (!next_line(&head, &line) || !read_status(line, status))
        return false;
    while (head.len)
        if (!next_line(&head, &line) || !read_header(line, framing))
            return false;
    return true;
}

static enum hp_reply_state read_body(
    hp_str rest, const struct framing *framing, bool ended, hp_str *body)
{
    if (framing->has_length ? rest.len < framing->length : !ended)
        return HP_REPLY_MORE;
    *body = (hp_str){ rest.ptr, framing->has_length ? framing->length : rest.len };
    return HP_REPLY_WHOLE;
}

static bool has_no_body(int status)
{
    return status == 204 || status == 304;
}

// The head of the final reply, behind any interim ones; `*rest` moves behind it.
static enum hp_reply_state skip_heads(hp_str *rest, int *status, struct framing *framing)
{
    size_t read = 0;
    do {
        const char *end = rest->len ? memmem(rest->ptr, rest->len, "\r\n\r\n", 4) : NULL;
        size_t len = end ? (size_t)(end - rest->ptr) + 2 : rest->len;
        read += len;
        if (read > HP_REPLY_HEAD_MAX || !begins_like_reply(*rest))
            return HP_REPLY_BAD;
        if (!end)
            return HP_REPLY_MORE;
        *framing = (struct framing){ .has_length = false };
        if (!read_head((hp_str){ rest->ptr, len }, status, framing))
            return HP_REPLY_BAD;
        *rest = (hp_str){ rest->ptr + len + 2, rest->len - len - 2 };
    } while (*status < 200);
    return HP_REPLY_WHOLE;
}

enum hp_reply_state hp_reply_read(hp_str bytes, bool ended, struct hp_reply *reply)
{
    struct framing framing;
    struct hp_reply whole;
    hp_str rest = bytes;
    enum hp_reply_state state = skip_heads(&rest, &whole.status, &framing);
    if (state == HP_REPLY_WHOLE) {
        if (has_no_body(whole.status))
            framing = (struct framing){ .has_length = true, .length = 0 };
        state = read_body(rest, &framing, ended, &whole.body);
    }
    if (state == HP_REPLY_WHOLE)
        *reply = whole;
    return state == HP_REPLY_MORE && ended ? HP_REPLY_BAD : state;
}
