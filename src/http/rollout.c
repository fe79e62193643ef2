// rollout.c -- one object a route; the version is the configuration's hash, so it changes with it.
#include "http/rollout.h"

#include "hotpathd/json.h"
#include "hotpathd/route.h"

#include <stdio.h>

enum { POLL_S = 5 };

static void put_percent(struct hp_buf *out, const char *key, int64_t hundredths)
{
    hp_buf_format(out, ",\"%s\":%lld", key, (long long)hundredths / 100);
    if (hundredths % 100)
        hp_buf_format(out, ".%02lld", (long long)hundredths % 100);
}

static void put_route(
    struct hp_buf *out, const char *name, const struct hp_route_config *config, bool killed)
{
    hp_buf_format(
        out, "\"%s\":{\"mode\":\"%s\"", name, hp_mode_name(killed ? HP_MODE_OFF : config->mode));
    put_percent(out, "percent", config->percent);
    put_percent(out, "shadow_percent", config->shadow_percent);
    hp_buf_format(out, ",\"deadline_ms\":%lld,\"salt\":", (long long)config->deadline_ms);
    hp_json_put_string(out, config->salt);
    hp_buf_char(out, '}');
}

void hp_rollout_version(
    const struct hp_config *config, bool killed, char version[HP_ROLLOUT_VERSION])
{
    snprintf(version, HP_ROLLOUT_VERSION, "%s%s", config->hash, killed ? "-off" : "");
}

void hp_rollout_write(const struct hp_config *config, bool killed, struct hp_buf *out)
{
    char version[HP_ROLLOUT_VERSION];
    hp_rollout_version(config, killed, version);
    hp_buf_format(out, "{\"version\":\"%s\",\"poll_s\":%d,\"routes\":{", version, POLL_S);
    for (size_t i = 0; i < hp_route_count; i++) {
        if (i)
            hp_buf_char(out, ',');
        put_route(out, hp_routes[i]->name, &config->routes[i], killed);
    }
    hp_buf_add(out, HP_S("}}"));
}

// RFC 9110, section 13.1.2: a list of entity tags, weak ones compare like strong ones, * matches
// all.
bool hp_rollout_matches(const struct hp_config *config, bool killed, hp_str if_none_match)
{
    char version[HP_ROLLOUT_VERSION];
    hp_rollout_version(config, killed, version);
    hp_str hash = hp_str_from(version);
    while (if_none_match.len) {
        hp_str tag = hp_str_trim(hp_str_cut(&if_none_match, ','));
        if (hp_str_is(tag, "*"))
            return true;
        if (tag.len > 2 && tag.ptr[0] == 'W' && tag.ptr[1] == '/')
            tag = (hp_str){ tag.ptr + 2, tag.len - 2 };
        if (tag.len == hash.len + 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"' &&
            memcmp(tag.ptr + 1, hash.ptr, hash.len) == 0)
            return true;
    }
    return false;
}
