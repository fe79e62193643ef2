// problem.c -- the members of a problem, those that apply.
#include "http/problem.h"

#include "hotpathd/json.h"

static void put_text(struct hp_buf *out, const char *key, hp_str value)
{
    if (value.len == 0)
        return;
    hp_buf_format(out, ",\"%s\":", key);
    hp_json_put_string(out, value);
}

static void put_number(struct hp_buf *out, const char *key, int64_t value)
{
    if (value >= 0)
        hp_buf_format(out, ",\"%s\":%lld", key, (long long)value);
}

void hp_problem_write(struct hp_buf *out, const struct hp_fault *fault, hp_str request_id,
    enum hp_stage stage, uint32_t granted_ms)
{
    const struct hp_error_info *info = hp_error_info(fault->code);
    hp_buf_format(
        out, "{\"type\":\"urn:hotpathd:problem:%s\",\"title\":\"%s\"", info->slug, info->title);
    hp_buf_format(out, ",\"status\":%d,\"code\":\"%s\"", info->status, info->slug);
    put_text(out, "detail", hp_str_from(fault->detail));
    put_text(out, "pointer", hp_str_from(fault->pointer));
    put_number(out, "offset", fault->offset);
    put_number(out, "limit", fault->limit);
    if (fault->code == HP_DEADLINE) {
        put_text(out, "stage", hp_str_from(hp_stage_name(stage)));
        put_number(out, "granted_ms", granted_ms);
    }
    put_text(out, "request_id", request_id);
    hp_buf_char(out, '}');
}
