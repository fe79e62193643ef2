// admin_metrics.c -- what is read at the moment of a scrape; all else counts by itself.
#include "http/admin_pages.h"

struct gauge_memory {
    size_t *in_flight;
    int *mode;
    int64_t *percent;
    struct hp_cached *cached;
};

static struct hp_cached cached_of(const struct hp_server *server, size_t route)
{
    if (!hp_routes[route]->cached)
        return (struct hp_cached){ 0, 0 };
    return hp_routes[route]->cached(server->route_state[route]);
}

static bool read_gauges(struct hp_admin_reply *reply, struct hp_gauges *gauges)
{
    struct hp_server *server = reply->server;
    struct hp_arena *arena = reply->out.arena;
    struct gauge_memory memory = { HP_NEW(arena, size_t, hp_route_count),
        HP_NEW(arena, int, hp_route_count), HP_NEW(arena, int64_t, hp_route_count),
        HP_NEW(arena, struct hp_cached, hp_route_count) };
    if (!memory.in_flight || !memory.mode || !memory.percent || !memory.cached)
        return false;
    for (size_t i = 0; i < hp_route_count; i++) {
        memory.in_flight[i] = atomic_load(&server->in_flight[i]);
        memory.mode[i] = hp_admin_mode_of(reply, i);
        memory.percent[i] = reply->config->routes[i].percent;
        memory.cached[i] = cached_of(server, i);
    }
    struct hp_workers_view view;
    hp_workers_look(server->workers, &view);
    struct hp_spans_counts spans;
    hp_spans_count(server->spans, &spans);
    *gauges = (struct hp_gauges){ .connections = atomic_load(&server->connections),
        .connections_limit = reply->server->connections_max,
        .queue_depth = view.queued,
        .queue_bytes = view.queued_bytes,
        .queue_oldest_s = view.oldest_ns ? (double)(hp_now_ns() - view.oldest_ns) / 1e9 : 0,
        .workers = view.threads,
        .in_flight = memory.in_flight,
        .route_mode = memory.mode,
        .route_percent = memory.percent,
        .cached = memory.cached,
        .config_hash = reply->config->hash,
        .spans_exported = spans.exported,
        .spans_dropped = spans.dropped,
        .spans_failed = spans.failed,
        .peers_refused = atomic_load(&server->peers_refused),
        .connection_timeouts = atomic_load(&server->connection_timeouts),
        .log_lines_dropped = hp_request_log_dropped(server->log) };
    pthread_mutex_lock(&server->lock);
    gauges->reloads_ok = server->reloads_ok;
    gauges->reloads_failed = server->reloads_failed;
    gauges->last_reload_ok = server->last_reload_ok;
    pthread_mutex_unlock(&server->lock);
    return true;
}

static bool wants_openmetrics(const struct hp_admin_reply *reply)
{
    hp_str accept = reply->headers.value[HP_H_ACCEPT];
    hp_str wanted = HP_S("application/openmetrics-text");
    return accept.len && memmem(accept.ptr, accept.len, wanted.ptr, wanted.len);
}

void hp_admin_metrics(struct hp_admin_reply *reply)
{
    struct hp_gauges gauges;
    bool openmetrics = wants_openmetrics(reply);
    reply->type = openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                              : "text/plain; version=0.0.4; charset=utf-8";
    if (read_gauges(reply, &gauges))
        hp_metrics_write(reply->server->metrics, &gauges, openmetrics, &reply->out);
    else
        reply->out.failed = true;
}
