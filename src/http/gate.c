// gate.c -- the checks, each with the attack or mistake that it is there for.
#include "http/gate.h"

#include <stdio.h>

enum hp_code hp_gate_size(
    const struct hp_headers *headers, size_t max_bytes, struct hp_fault *fault)
{
    if (headers->bytes > max_bytes)
        return hp_fail_limit(fault, HP_HEADER_TOO_LARGE, NULL, max_bytes,
            "the request line, headers, cookies twice, and trailers have at most %zu bytes",
            max_bytes);
    if (headers->lines > HP_HEADER_LINES_MAX)
        return hp_fail_limit(fault, HP_HEADER_TOO_LARGE, NULL, HP_HEADER_LINES_MAX,
            "at most %d header lines, parameters of the query, cookies and trailers",
            HP_HEADER_LINES_MAX);
    return HP_OK;
}

// Two parties that frame one request differently can be made to see two requests (request
// smuggling); libmicrohttpd 0.9.75 takes the first of two lengths and a length beside chunked.
enum hp_code hp_gate_framing(
    const struct hp_headers *headers, bool http11, size_t max_bytes, struct hp_fault *fault)
{
    uint64_t length;
    HP_TRY(hp_gate_size(headers, max_bytes, fault));
    if (headers->gap)
        return hp_fail(fault, HP_BAD_FRAMING, NULL, "a header line is folded, or holds a NUL");
    if (headers->bad_name)
        return hp_fail(fault, HP_BAD_FRAMING, NULL, "a header's name is not a token");
    if (headers->count[HP_H_CONTENT_LENGTH] > 1)
        return hp_fail(fault, HP_BAD_FRAMING, NULL, "Content-Length was sent more than once");
    if (headers->bad_value)
        return hp_fail(fault, HP_BAD_FRAMING, NULL, "a header's value holds a control character");
    if (http11 && !hp_headers_has(headers, HP_H_HOST))
        return hp_fail(fault, HP_BAD_FRAMING, NULL, "an HTTP/1.1 request names its Host");
    if (headers->count[HP_H_HOST] > 1)
        return hp_fail(fault, HP_BAD_FRAMING, NULL, "Host was sent more than once");
    if (hp_headers_has(headers, HP_H_CONTENT_LENGTH) &&
        !hp_str_decimal(headers->value[HP_H_CONTENT_LENGTH], &length))
        return hp_fail(fault, HP_BAD_FRAMING, NULL, "Content-Length is not a decimal number");
    if (!hp_headers_has(headers, HP_H_TRANSFER_ENCODING))
        return HP_OK;
    if (hp_headers_has(headers, HP_H_CONTENT_LENGTH))
        return hp_fail(fault, HP_BAD_FRAMING, NULL, "Content-Length beside Transfer-Encoding");
    if (headers->count[HP_H_TRANSFER_ENCODING] > 1 ||
        !hp_str_equal_nocase(headers->value[HP_H_TRANSFER_ENCODING], HP_S("chunked")))
        return hp_fail(fault, HP_BAD_FRAMING, NULL, "the only Transfer-Encoding taken is chunked");
    return HP_OK;
}

// RFC 3986, section 3.1.
static bool is_scheme(hp_str s)
{
    static const char extra[] = "0123456789+-.";
    for (size_t i = 0; i < s.len; i++) {
        char lower = s.ptr[i] | 0x20;
        bool letter = lower >= 'a' && lower <= 'z';
        if (!letter && (i == 0 || !memchr(extra, s.ptr[i], sizeof extra - 1)))
            return false;
    }
    return s.len > 0;
}

enum hp_code hp_gate_target(hp_str *target, struct hp_headers *headers, struct hp_fault *fault)
{
    hp_str rest = *target;
    hp_str scheme = hp_str_cut(&rest, ':');
    if (!is_scheme(scheme) || rest.len < 2 || memcmp(rest.ptr, "//", 2) != 0)
        return HP_OK;
    hp_str host = { rest.ptr + 2, rest.len - 2 };
    const char *slash = memchr(host.ptr, '/', host.len);
    hp_str path = HP_S("/");
    if (slash) {
        path = (hp_str){ slash, host.len - (size_t)(slash - host.ptr) };
        host.len -= path.len;
    }
    if (!hp_str_equal_nocase(scheme, HP_S("http")) || host.len == 0)
        return hp_fail(fault, HP_WRONG_HOST, NULL, "a target in absolute form is http://HOST/PATH");
    headers->value[HP_H_HOST] = host;
    headers->count[HP_H_HOST] = 1;
    *target = path;
    return HP_OK;
}

// The name before ":port"; an IPv6 literal keeps its brackets.
static hp_str without_port(hp_str host)
{
    size_t from = 0;
    if (host.len && host.ptr[0] == '[') {
        const char *close = memchr(host.ptr, ']', host.len);
        from = close ? (size_t)(close - host.ptr) : 0;
    }
    const char *colon = memchr(host.ptr + from, ':', host.len - from);
    if (!colon)
        return host;
    hp_str port = { colon + 1, host.len - (size_t)(colon + 1 - host.ptr) };
    uint64_t number;
    if (!hp_str_decimal(port, &number) || number > 65535)
        return (hp_str){ NULL, 0 };
    return (hp_str){ host.ptr, (size_t)(colon - host.ptr) };
}

static bool listed(const struct hp_list *list, hp_str s)
{
    for (size_t i = 0; i < list->count; i++)
        if (hp_str_equal_nocase(list->item[i], s))
            return true;
    return false;
}

static bool host_served(hp_str host, const struct hp_config *config)
{
    static const hp_str own[] = { HP_STR("127.0.0.1"), HP_STR("localhost"), HP_STR("[::1]") };
    hp_str name = without_port(host);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (hp_str_equal_nocase(name, own[i]))
            return true;
    return listed(&config->hosts, host) || (name.len && listed(&config->hosts, name));
}

// Fetch Metadata: an image or a script that a page names is asked for without an Origin, and the
// browser says from where. `none` is the user's own doing.
static enum hp_code check_site(const struct hp_headers *headers, struct hp_fault *fault)
{
    hp_str site = headers->value[HP_H_FETCH_SITE];
    if (!hp_headers_has(headers, HP_H_FETCH_SITE))
        return HP_OK;
    if (headers->count[HP_H_FETCH_SITE] == 1 &&
        (hp_str_is(site, "same-origin") || hp_str_is(site, "none")))
        return HP_OK;
    return hp_fail(fault, HP_FORBIDDEN_ORIGIN, NULL, "a page of another site may not ask");
}

// A page in a browser can reach a loopback port: by DNS rebinding with a foreign Host, or across
// origins with an Origin, or in a way that has none. Neither is ever a caller of ours.
enum hp_code hp_gate_browser(const struct hp_headers *headers, const struct hp_config *config,
    bool unix_socket, struct hp_fault *fault)
{
    if (!unix_socket && hp_headers_has(headers, HP_H_HOST) &&
        !host_served(headers->value[HP_H_HOST], config))
        return hp_fail(fault, HP_WRONG_HOST, NULL,
            "Host is 127.0.0.1, localhost, [::1] or one that the configuration lists");
    if (!hp_headers_has(headers, HP_H_ORIGIN))
        return check_site(headers, fault);
    if (headers->count[HP_H_ORIGIN] > 1 || !listed(&config->origins, headers->value[HP_H_ORIGIN]))
        return hp_fail(fault, HP_FORBIDDEN_ORIGIN, NULL, "the configuration lists no such Origin");
    return HP_OK;
}

static bool same_secret(hp_str sent, hp_str token)
{
    volatile unsigned char differs = sent.len != token.len;
    for (size_t i = 0; i < token.len; i++)
        differs |= (unsigned char)token.ptr[i] ^ (unsigned char)(i < sent.len ? sent.ptr[i] : 0);
    return differs == 0;
}

enum hp_code hp_gate_token(const struct hp_headers *headers, hp_str token, struct hp_fault *fault)
{
    hp_str sent = headers->value[HP_H_AUTHORIZATION];
    hp_str scheme = hp_str_cut(&sent, ' ');
    if (token.len == 0)
        return HP_OK;
    if (headers->count[HP_H_AUTHORIZATION] != 1 || !hp_str_equal_nocase(scheme, HP_S("Bearer")) ||
        !same_secret(hp_str_trim(sent), token))
        return hp_fail(
            fault, HP_UNAUTHORIZED, NULL, "Authorization: Bearer with the token is needed");
    return HP_OK;
}

static bool charset_is_utf8(hp_str parameters)
{
    while (parameters.len) {
        hp_str one = hp_str_trim(hp_str_cut(&parameters, ';'));
        hp_str name = hp_str_trim(hp_str_cut(&one, '='));
        if (!hp_str_equal_nocase(name, HP_S("charset")))
            continue;
        hp_str value = hp_str_trim(one);
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = (hp_str){ value.ptr + 1, value.len - 2 };
        if (!hp_str_equal_nocase(value, HP_S("utf-8")))
            return false;
    }
    return true;
}

static enum hp_code refuse_media_type(const char *const *also, struct hp_fault *fault)
{
    char types[HP_DETAIL_MAX] = "";
    for (size_t len = 0; also && *also && len < sizeof types; also++)
        len += (size_t)snprintf(types + len, sizeof types - len, ", %s", *also);
    return hp_fail(
        fault, HP_MEDIA_TYPE, NULL, "Content-Type is one of application/json%.100s", types);
}

enum hp_code hp_gate_media_type(const struct hp_headers *headers, const char *const *also,
    hp_str *media_type, struct hp_fault *fault)
{
    static const hp_str json = HP_STR("application/json");
    hp_str rest = headers->value[HP_H_CONTENT_TYPE];
    hp_str coding = headers->value[HP_H_CONTENT_ENCODING];
    if (headers->count[HP_H_CONTENT_TYPE] != 1)
        return hp_fail(fault, HP_MEDIA_TYPE, NULL, "one Content-Type is needed");
    if (hp_headers_has(headers, HP_H_CONTENT_ENCODING) &&
        !hp_str_equal_nocase(coding, HP_S("identity")))
        return hp_fail(fault, HP_MEDIA_TYPE, NULL, "no Content-Encoding is taken");
    hp_str type = hp_str_trim(hp_str_cut(&rest, ';'));
    if (!charset_is_utf8(rest))
        return hp_fail(fault, HP_MEDIA_TYPE, NULL, "charset is utf-8 or absent");
    if (hp_str_equal_nocase(type, json)) {
        *media_type = json;
        return HP_OK;
    }
    for (; also && *also; also++) {
        hp_str other = hp_str_from(*also);
        if (hp_str_equal_nocase(type, other)) {
            *media_type = other;
            return HP_OK;
        }
    }
    return refuse_media_type(also, fault);
}

enum { DEADLINE_DIGITS = 9 };

static bool duration_ms(hp_str text, bool zero_is_none, uint32_t *ms)
{
    uint64_t value;
    if (text.len > DEADLINE_DIGITS || !hp_str_decimal(text, &value))
        return false;
    if (text.ptr[0] == '0' && !(zero_is_none && text.len == 1))
        return false;
    *ms = (uint32_t)value;
    return true;
}

enum hp_code hp_gate_deadline(const struct hp_headers *headers, uint64_t max_ms, uint32_t *asked_ms,
    uint32_t *granted_ms, struct hp_fault *fault)
{
    bool ours = hp_headers_has(headers, HP_H_TIMEOUT);
    enum hp_header which = ours ? HP_H_TIMEOUT : HP_H_ENVOY_TIMEOUT;
    uint32_t ms = 0;
    if (headers->count[which] > 1)
        return hp_fail(fault, HP_BAD_DEADLINE, NULL, "the deadline header was sent twice");
    if (headers->count[which] == 1 && !duration_ms(headers->value[which], !ours, &ms))
        return hp_fail(fault, HP_BAD_DEADLINE, NULL,
            "%s is whole milliseconds, 1 to 999999999, without leading zeros",
            ours ? "X-Request-Timeout-Ms" : "x-envoy-expected-rq-timeout-ms");
    *asked_ms = ms;
    *granted_ms = (uint32_t)(ms && ms < max_ms ? ms : max_ms);
    return HP_OK;
}

bool hp_gate_request_id(hp_str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] < '!' || id.ptr[i] > '~')
            return false;
    return id.len >= 1 && id.len <= 128;
}
