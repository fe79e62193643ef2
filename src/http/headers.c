// headers.c -- a table of names.
#include "http/headers.h"

static const hp_str names[HP_HEADERS] = {
    [HP_H_HOST] = HP_STR("Host"),
    [HP_H_CONTENT_LENGTH] = HP_STR("Content-Length"),
    [HP_H_TRANSFER_ENCODING] = HP_STR("Transfer-Encoding"),
    [HP_H_CONTENT_TYPE] = HP_STR("Content-Type"),
    [HP_H_CONTENT_ENCODING] = HP_STR("Content-Encoding"),
    [HP_H_ORIGIN] = HP_STR("Origin"),
    [HP_H_FETCH_SITE] = HP_STR("Sec-Fetch-Site"),
    [HP_H_EXPECT] = HP_STR("Expect"),
    [HP_H_TIMEOUT] = HP_STR("X-Request-Timeout-Ms"),
    [HP_H_ENVOY_TIMEOUT] = HP_STR("x-envoy-expected-rq-timeout-ms"),
    [HP_H_REQUEST_ID] = HP_STR("X-Request-Id"),
    [HP_H_TRACEPARENT] = HP_STR("traceparent"),
    [HP_H_MODE] = HP_STR("X-Hotpath-Mode"),
    [HP_H_CALLER] = HP_STR("X-Hotpath-Caller"),
    [HP_H_IF_NONE_MATCH] = HP_STR("If-None-Match"),
    [HP_H_ACCEPT] = HP_STR("Accept"),
    [HP_H_AUTHORIZATION] = HP_STR("Authorization"),
    [HP_H_COOKIE] = HP_STR("Cookie"),
};

// RFC 9110, section 5.6.2: tchar.
static bool is_token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           (c && strchr("!#$%&'*+.^_`|~", c));
}

static bool is_token(hp_str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_token_char((unsigned char)name.ptr[i]))
            return false;
    return name.len > 0;
}

// RFC 9110, section 5.5: CR, LF and NUL in a value are invalid, and so is for us any control but
// the tab.
static bool has_control(hp_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

// A line's end is CR LF or LF, so one NUL or two.
static const char *behind_line_end(const char *at)
{
    if (*at != '\0')
        return at;
    return at[1] == '\0' ? at + 2 : at + 1;
}

void hp_headers_begin(struct hp_headers *headers, const char *line)
{
    headers->line = line;
}

// Lines that lie one behind the other hide nothing between them: no folded line, whose second half
// libmicrohttpd 0.9.75 adds to the name, and no NUL, at which it takes a value to end.
static void follow(struct hp_headers *headers, hp_str name, hp_str value)
{
    const char *at = behind_line_end(headers->line);
    headers->line = value.ptr + value.len;
    if (name.ptr != at || name.ptr[name.len] != '\0') {
        headers->gap = true;
        return;
    }
    for (at += name.len + 1; *at == ' ' || *at == '\t';)
        at++;
    headers->gap |= value.ptr != at;
}

// Two ends of lines, the last field's and the block's.
enum { LINE_ENDS_MAX = 4 };

void hp_headers_end(struct hp_headers *headers, const char *end)
{
    const char *at = headers->line;
    headers->gap |= at > end || end - at > LINE_ENDS_MAX || end - at < 2;
    while (!headers->gap && at < end)
        headers->gap = *at++ != '\0';
}

// libmicrohttpd keeps a copy of them, and of each what it keeps of a line.
static void count_cookies(struct hp_headers *headers, hp_str cookies)
{
    headers->bytes += cookies.len;
    headers->lines++;
    for (size_t i = 0; i < cookies.len; i++)
        headers->lines += cookies.ptr[i] == ';';
}

void hp_headers_add(struct hp_headers *headers, hp_str name, hp_str value)
{
    headers->lines++;
    if (headers->line)
        follow(headers, name, value);
    if (!is_token(name))
        headers->bad_name = true;
    if (has_control(value))
        headers->bad_value = true;
    for (size_t i = 0; i < HP_HEADERS; i++) {
        if (name.len != names[i].len || !hp_str_equal_nocase(name, names[i]))
            continue; // by the length alone most of them, without a call
        if (i == HP_H_COOKIE)
            count_cookies(headers, value);
        if (headers->count[i] == 0)
            headers->value[i] = value;
        if (headers->count[i] < 255)
            headers->count[i]++;
        return;
    }
}
