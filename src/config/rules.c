// rules.c -- what no single row can say: how options go together, and what an address looks like.
#include "config/loading.h"

#include <sys/un.h>

enum { SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1, PORT_MAX = 65535 };

// HOST:PORT with an IPv6 host in brackets, or unix:PATH; whether there is such a host shows later.
static bool is_address(hp_str address)
{
    static const hp_str unix_scheme = HP_STR("unix:");
    if (address.len > unix_scheme.len && memcmp(address.ptr, unix_scheme.ptr, unix_scheme.len) == 0)
        return address.len - unix_scheme.len <= SOCKET_PATH_MAX;
    const char *colon = memrchr(address.ptr, ':', address.len);
    if (!colon || colon == address.ptr)
        return false;
    hp_str host = { address.ptr, (size_t)(colon - address.ptr) };
    hp_str port = { colon + 1, address.len - host.len - 1 };
    bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    uint64_t number;
    return (bracketed || !memchr(host.ptr, ':', host.len)) && hp_str_decimal(port, &number) &&
           number <= PORT_MAX;
}

// Puts the load back to where `row` was set last; where nobody set it, it stays where it is.
static void stand_at(struct hp_loading *loading, const struct hp_field *row)
{
    const struct hp_origin *origin = hp_loading_origin(loading, row);
    if (origin)
        loading->at = *origin;
}

static enum hp_code refuse_address(struct hp_loading *loading, const char *key)
{
    stand_at(loading, hp_field_find(loading->fields, hp_str_from(key)));
    return hp_fail(loading->fault, HP_OUT_OF_RANGE, NULL,
        "`%s` holds what is no address; HOST:PORT, or unix:PATH of at most %d bytes", key,
        SOCKET_PATH_MAX);
}

static enum hp_code check_addresses(struct hp_loading *loading)
{
    const struct hp_config *config = loading->config;
    if (!is_address(config->admin))
        return refuse_address(loading, "admin");
    for (size_t i = 0; i < config->listen.count; i++)
        if (!is_address(config->listen.item[i]))
            return refuse_address(loading, "listen");
    if (config->listen.count > 0)
        return HP_OK;
    stand_at(loading, hp_field_find(loading->fields, HP_S("listen")));
    return hp_fail(
        loading->fault, HP_OUT_OF_RANGE, NULL, "`listen` is empty; at least one address");
}

// Of the two options of a route that are at odds, the one that was set last.
static const struct hp_field *newest(
    const struct hp_loading *loading, const struct hp_field *a, const struct hp_field *b)
{
    for (const struct hp_origin *origin = loading->origins; origin; origin = origin->before)
        if (origin->row == a || origin->row == b)
            return origin->row;
    return a;
}

static enum hp_code check_deadlines(struct hp_loading *loading)
{
    const struct hp_config *config = loading->config;
    const struct hp_field *routes = hp_field_find(loading->fields, HP_S("routes"))->fields;
    for (size_t i = 0; i < config->route_count; i++) {
        const struct hp_route_config *route = &config->routes[i];
        if (route->max_deadline_ms >= route->deadline_ms)
            continue;
        stand_at(loading, newest(loading, hp_field_find(routes[i].fields, HP_S("deadline_ms")),
                              hp_field_find(routes[i].fields, HP_S("max_deadline_ms"))));
        return hp_fail(loading->fault, HP_OUT_OF_RANGE, NULL,
            "routes.%s: deadline_ms is above max_deadline_ms; %lld at most, or raise the maximum",
            routes[i].key, (long long)route->max_deadline_ms);
    }
    return HP_OK;
}

static enum hp_code check_access(struct hp_loading *loading)
{
    const struct hp_config *config = loading->config;
    uint64_t uid;
    if (config->allow_remote && config->token_file.len == 0) {
        stand_at(loading, hp_field_find(loading->fields, HP_S("allow_remote")));
        return hp_fail(loading->fault, HP_OUT_OF_RANGE, NULL,
            "`allow_remote` needs `token_file`: without a secret anybody could call");
    }
    for (size_t i = 0; i < config->peer_uids.count; i++) {
        if (hp_str_decimal(config->peer_uids.item[i], &uid) && uid < UINT32_MAX)
            continue;
        stand_at(loading, hp_field_find(loading->fields, HP_S("peer_uids")));
        return hp_fail(
            loading->fault, HP_OUT_OF_RANGE, NULL, "`peer_uids` are numbers, as `id -u` prints");
    }
    return HP_OK;
}

static enum hp_code check_traces(struct hp_loading *loading)
{
    static const hp_str scheme = HP_STR("http://");
    hp_str url = loading->config->traces, address;
    if (url.len == 0)
        return HP_OK;
    if (url.len > scheme.len && memcmp(url.ptr, scheme.ptr, scheme.len) == 0) {
        hp_str rest = { url.ptr + scheme.len, url.len - scheme.len };
        address = hp_str_cut(&rest, '/');
        if (address.len && is_address(address))
            return HP_OK;
    }
    stand_at(loading, hp_field_find(loading->fields, HP_S("traces")));
    return hp_fail(loading->fault, HP_OUT_OF_RANGE, NULL,
        "`traces` is http://HOST:PORT/v1/traces, the OTLP/HTTP address of a collector");
}

enum hp_code hp_rules_check(struct hp_loading *loading)
{
    HP_TRY(check_traces(loading));
    HP_TRY(check_addresses(loading));
    HP_TRY(check_access(loading));
    return check_deadlines(loading);
}
