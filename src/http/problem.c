// problem.c -- the members of a problem, those that apply, and the head that goes before them where
// we write it ourselves.
#include "http/problem.h"

#include "hotpathd/json.h"

#include <microhttpd.h>
#include <stdio.h>

static void put(struct hp_buf *out, const char *text)
{
    hp_buf_add(out, hp_str_from(text));
}

static void put_text(struct hp_buf *out, const char *key, hp_str value)
{
    if (value.len == 0)
        return;
    put(out, key);
    hp_json_put_string(out, value);
}

static void put_number(struct hp_buf *out, const char *key, int64_t value)
{
    if (value < 0)
        return;
    put(out, key);
    hp_buf_uint(out, (uint64_t)value);
}

// Piece by piece: printf was a tenth of what a refusal takes.
void hp_problem_write(struct hp_buf *out, const struct hp_fault *fault, hp_str request_id,
    enum hp_stage stage, uint32_t granted_ms)
{
    const struct hp_error_info *info = hp_error_info(fault->code);
    put(out, "{\"type\":\"urn:hotpathd:problem:");
    put(out, info->slug);
    put(out, "\",\"title\":\"");
    put(out, info->title);
    put_number(out, "\",\"status\":", info->status);
    put(out, ",\"code\":\"");
    put(out, info->slug);
    hp_buf_char(out, '"');
    put_text(out, ",\"detail\":", hp_str_from(fault->detail));
    put_text(out, ",\"pointer\":", hp_str_from(fault->pointer));
    put_number(out, ",\"offset\":", fault->offset);
    put_number(out, ",\"limit\":", fault->limit);
    if (fault->code == HP_DEADLINE) {
        put_text(out, ",\"stage\":", hp_str_from(hp_stage_name(stage)));
        put_number(out, ",\"granted_ms\":", granted_ms);
    }
    put_text(out, ",\"request_id\":", request_id);
    hp_buf_char(out, '}');
}

size_t hp_problem_head(
    char *out, size_t size, enum hp_code code, hp_str date, hp_str request_id, size_t body_len)
{
    int status = hp_error_info(code)->status;
    int len = snprintf(out, size,
        "HTTP/1.1 %d %s\r\n%.*sContent-Type: application/problem+json\r\nX-Request-Id: %.*s\r\n"
        "Connection: close\r\nContent-Length: %zu\r\n\r\n",
        status, MHD_get_reason_phrase_for((unsigned)status), (int)date.len, date.ptr,
        (int)request_id.len, request_id.ptr, body_len);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}
