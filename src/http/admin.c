// admin.c -- a table of paths; each writes its reply into a small arena.
#include "http/admin.h"

#include "hotpathd/json.h"
#include "http/gate.h"
#include "http/loop.h"
#include "http/openapi.h"
#include "http/page.h"
#include "http/problem.h"
#include "telemetry/trace.h"

#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS = 32, // beyond these the one that came first gives way
    ON_THEIR_WAY_OUT = 4,
    IDLE_S = 5,
    MEMORY = 8 << 20,
    HEADER_BYTES = 32 << 10,
    LAST_REPLIES_MS = 500
};

struct page;

struct reply {
    struct hp_server *server;
    const struct page *page; // NULL: there is none at its path
    struct hp_config *config;
    struct hp_headers headers;
    bool http11;
    struct hp_buf out;
    const char *type;
    int status;
};

static const char json_type[] = "application/json";
static const char page_type[] = "text/html; charset=utf-8";
static const char text_type[] = "text/plain; charset=utf-8";

// --- what the paths say --------------------------------------------------------------------------

static void livez(struct reply *reply)
{
    reply->type = text_type;
    hp_buf_add(&reply->out, HP_S("ok\n"));
}

static void readyz(struct reply *reply)
{
    bool draining = atomic_load(&reply->server->draining);
    bool ready = atomic_load(&reply->server->ready);
    struct hp_workers_view view;
    hp_workers_look(reply->server->workers, &view);
    bool stuck = view.stuck == view.threads;
    bool loop_stuck = hp_loops_stuck(reply->server, hp_now_ns()) > 0;
    reply->type = text_type;
    reply->status = ready && !draining && !stuck && !loop_stuck ? 200 : 503;
    hp_buf_add(&reply->out, draining     ? HP_S("draining\n")
                            : stuck      ? HP_S("all workers are stuck\n")
                            : loop_stuck ? HP_S("an I/O loop is stuck\n")
                            : ready      ? HP_S("ready\n")
                                         : HP_S("starting\n"));
}

struct gauge_memory {
    size_t *in_flight;
    int *mode;
    int64_t *percent;
    struct hp_cached *cached;
};

static int mode_of(const struct reply *reply, size_t route)
{
    return atomic_load(&reply->server->killed) ? HP_MODE_OFF : reply->config->routes[route].mode;
}

static struct hp_cached cached_of(const struct hp_server *server, size_t route)
{
    if (!hp_routes[route]->cached)
        return (struct hp_cached){ 0, 0 };
    return hp_routes[route]->cached(server->route_state[route]);
}

static bool read_gauges(struct reply *reply, struct hp_gauges *gauges)
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
        memory.mode[i] = mode_of(reply, i);
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

static bool wants_openmetrics(const struct reply *reply)
{
    hp_str accept = reply->headers.value[HP_H_ACCEPT];
    hp_str wanted = HP_S("application/openmetrics-text");
    return accept.len && memmem(accept.ptr, accept.len, wanted.ptr, wanted.len);
}

static void metrics(struct reply *reply)
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

static void put_member(struct hp_buf *out, const char *key, const char *value)
{
    hp_buf_format(out, "\"%s\":", key);
    hp_json_put_string(out, hp_str_from(value));
}

static void put_routes(struct reply *reply, void (*put)(struct reply *, size_t))
{
    hp_buf_char(&reply->out, '{');
    for (size_t i = 0; i < hp_route_count; i++) {
        if (i)
            hp_buf_char(&reply->out, ',');
        hp_buf_format(&reply->out, "\"%s\":{", hp_routes[i]->name);
        put(reply, i);
        hp_buf_char(&reply->out, '}');
    }
    hp_buf_char(&reply->out, '}');
}

static void put_route_status(struct reply *reply, size_t i)
{
    put_member(&reply->out, "mode", hp_mode_name(mode_of(reply, i)));
    hp_buf_format(&reply->out, ",\"in_flight\":%zu,", atomic_load(&reply->server->in_flight[i]));
    put_member(&reply->out, "notice", reply->server->route_notice[i]);
}

// Options that nobody should wait for.
static void put_at_next_start(struct reply *reply)
{
    const char *options[HP_START_OPTIONS];
    struct hp_config *config = hp_server_config(reply->server);
    size_t count = hp_server_at_next_start(reply->server->first, config, options);
    hp_config_free(config);
    hp_buf_add(&reply->out, HP_S(",\"at_next_start\":["));
    for (size_t i = 0; i < count; i++)
        hp_buf_format(&reply->out, "%s\"%s\"", i ? "," : "", options[i]);
    hp_buf_char(&reply->out, ']');
}

static void put_reload(struct reply *reply)
{
    struct hp_server *server = reply->server;
    pthread_mutex_lock(&server->lock);
    hp_buf_format(&reply->out, "\"reload\":{\"ok\":%s,\"done\":%llu,\"refused\":%llu,",
        server->last_reload_ok ? "true" : "false", (unsigned long long)server->reloads_ok,
        (unsigned long long)server->reloads_failed);
    put_member(&reply->out, "problem", server->last_reload);
    pthread_mutex_unlock(&server->lock);
    put_at_next_start(reply);
    hp_buf_char(&reply->out, '}');
}

static void put_workers(struct reply *reply)
{
    struct hp_workers_view view;
    hp_workers_look(reply->server->workers, &view);
    hp_buf_format(&reply->out,
        "\"workers\":{\"threads\":%zu,\"busy\":%zu,\"queued\":%zu,\"queued_bytes\":%zu,"
        "\"stuck\":%zu}",
        view.threads, view.busy, view.queued, view.queued_bytes, view.stuck);
}

static void put_loops(struct reply *reply)
{
    const struct hp_server *server = reply->server;
    hp_buf_add(&reply->out, HP_S("\"loops\":{\"connections\":["));
    for (size_t i = 0; i < server->loop_count; i++)
        hp_buf_format(
            &reply->out, "%s%zu", i ? "," : "", atomic_load(&server->loops[i].connections));
    hp_buf_format(&reply->out, "],\"stuck\":%zu}", hp_loops_stuck(server, hp_now_ns()));
}

static void put_isolation(struct reply *reply)
{
    const struct hp_isolation *isolation = &reply->server->isolation;
    hp_buf_add(&reply->out, HP_S("\"isolation\":{"));
    put_member(&reply->out, "landlock", isolation->landlock);
    hp_buf_char(&reply->out, ',');
    put_member(&reply->out, "seccomp", isolation->seccomp);
    hp_buf_char(&reply->out, ',');
    put_member(&reply->out, "core_dumps", isolation->core_dumps);
    hp_buf_char(&reply->out, '}');
}

static void status(struct reply *reply)
{
    struct hp_server *server = reply->server;
    struct hp_buf *out = &reply->out;
    hp_buf_char(out, '{');
    put_member(out, "version", hp_build.version);
    hp_buf_format(out, ",\"pid\":%ld,\"uptime_s\":%.3f,\"draining\":%s,", (long)getpid(),
        (double)(hp_now_ns() - server->started_ns) / 1e9,
        atomic_load(&server->draining) ? "true" : "false");
    hp_buf_format(out, "\"kill_switch\":%s,", atomic_load(&server->killed) ? "true" : "false");
    put_member(out, "config_file", server->options.config_file ? server->options.config_file : "");
    hp_buf_char(out, ',');
    put_member(out, "config_hash", reply->config->hash);
    hp_buf_format(out, ",\"connections\":%zu,\"memory_bytes\":%zu,",
        atomic_load(&server->connections), atomic_load(&server->memory.used));
    put_loops(reply);
    hp_buf_char(out, ',');
    put_workers(reply);
    hp_buf_char(out, ',');
    put_isolation(reply);
    hp_buf_char(out, ',');
    put_reload(reply);
    hp_buf_add(out, HP_S(",\"routes\":"));
    put_routes(reply, put_route_status);
    hp_buf_char(out, '}');
}

static void put_route_card(struct reply *reply, size_t i)
{
    const struct hp_route *route = hp_routes[i];
    hp_buf_format(&reply->out, "\"path\":\"/v1/%s\",", route->name);
    put_member(&reply->out, "summary", route->summary);
    hp_buf_char(&reply->out, ',');
    put_member(&reply->out, "contract", route->contract);
    hp_buf_char(&reply->out, ',');
    put_member(&reply->out, "mode", hp_mode_name(reply->config->routes[i].mode));
    hp_buf_add(&reply->out, HP_S(",\"example\":"));
    hp_buf_add(&reply->out, route->example);
}

static void routes(struct reply *reply)
{
    put_routes(reply, put_route_card);
}

static void config(struct reply *reply)
{
    reply->type = "application/yaml";
    hp_server_config_show(reply->config, &reply->out);
}

static void openapi(struct reply *reply)
{
    if (!hp_yaml_to_json(hp_openapi_yaml(), &reply->out))
        reply->out.failed = true;
}

static void page(struct reply *reply)
{
    reply->type = page_type;
    hp_buf_add(&reply->out, hp_status_page());
}

static void reload(struct reply *reply)
{
    bool ok = hp_server_reload(reply->server);
    reply->status = ok ? 200 : 422;
    hp_buf_char(&reply->out, '{');
    put_reload(reply);
    hp_buf_char(&reply->out, '}');
}

static void drain(struct reply *reply)
{
    hp_server_drain(reply->server);
    reply->status = 202;
    hp_buf_add(&reply->out, HP_S("{\"draining\":true}"));
}

static const struct page {
    const char *path, *method;
    void (*write)(struct reply *reply);
} pages[] = {
    { "/", "GET", page },
    { "/livez", "GET", livez },
    { "/readyz", "GET", readyz },
    { "/healthz", "GET", readyz },
    { "/metrics", "GET", metrics },
    { "/-/status", "GET", status },
    { "/-/config", "GET", config },
    { "/-/routes", "GET", routes },
    { "/openapi.json", "GET", openapi },
    { "/-/reload", "POST", reload },
    { "/-/drain", "POST", drain },
};

// --- one request ---------------------------------------------------------------------------------

static const struct page *find_page(hp_str path)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (hp_str_is(path, pages[i].path))
            return &pages[i];
    return NULL;
}

static bool method_fits(const struct page *page, const char *method)
{
    return strcmp(method, page->method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(page->method, "GET") == 0);
}

static enum hp_code write_page(
    struct reply *reply, hp_str path, const char *method, struct hp_fault *fault)
{
    bool local = reply->server->admin_listener.unix_socket;
    HP_TRY(hp_gate_framing(&reply->headers, reply->http11, HEADER_BYTES, fault));
    HP_TRY(hp_gate_target(&path, &reply->headers, fault));
    HP_TRY(hp_gate_browser(&reply->headers, reply->config, local, fault));
    reply->page = find_page(path);
    if (!reply->page)
        return hp_fail(fault, HP_NOT_FOUND, NULL, "the admin socket has no such path");
    if (!method_fits(reply->page, method))
        return hp_fail(fault, HP_METHOD, NULL, "this path takes %s", reply->page->method);
    reply->page->write(reply);
    return hp_buf_check(&reply->out, fault);
}

static hp_mhd_result send_reply(
    struct MHD_Connection *connection, struct reply *reply, const char *allow)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->out.len, reply->out.ptr, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    // The page runs its own script, and asks nobody but this socket.
    if (reply->type == page_type)
        (void)MHD_add_response_header(response, "Content-Security-Policy",
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    if (allow)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    hp_mhd_result result = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static hp_mhd_result answer(struct hp_server *server, struct MHD_Connection *connection,
    const char *path, const char *method, const char *version)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&arena, NULL, MEMORY);
    struct reply reply = { .server = server,
        .config = hp_server_config(server),
        .http11 = strcmp(version, "HTTP/1.1") == 0,
        .out = hp_buf_in(&arena),
        .type = json_type,
        .status = 200 };
    hp_server_headers(server, connection, method, version, &reply.headers);
    if (write_page(&reply, hp_str_from(path), method, &fault)) {
        char id[33];
        hp_id_hex(id, 32);
        reply.status = hp_error_info(fault.code)->status;
        reply.type = "application/problem+json";
        reply.out = hp_buf_in(&arena);
        hp_problem_write(&reply.out, &fault, hp_str_from(id), HP_ARRIVAL, 0);
    }
    hp_mhd_result result =
        send_reply(connection, &reply, fault.code == HP_METHOD ? reply.page->method : NULL);
    hp_config_free(reply.config);
    hp_arena_done(&arena);
    return result;
}

// Bodies mean nothing here: they are read and thrown away.
static hp_mhd_result on_request(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_len, void **context)
{
    (void)data;
    static char seen;
    if (!*context) {
        *context = &seen;
        atomic_fetch_add(&((struct hp_server *)cls)->admin_replies, 1);
        return MHD_YES;
    }
    if (*data_len) {
        *data_len = 0;
        return MHD_YES;
    }
    return answer(cls, connection, url, method, version);
}

static void on_end(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode why)
{
    (void)connection, (void)why;
    struct hp_server *server = cls;
    if (*context)
        atomic_fetch_sub(&server->admin_replies, 1);
}

// Whoever asked for the drain is told so before this side ends too; bounded, since a peer may not
// read.
static void let_replies_go(struct hp_server *server)
{
    const struct timespec tick = { .tv_nsec = HP_NS_PER_MS };
    for (int waited_ms = 0; waited_ms < LAST_REPLIES_MS; waited_ms++) {
        if (atomic_load(&server->admin_replies) == 0)
            return;
        nanosleep(&tick, NULL);
    }
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what)
{
    struct hp_server *server = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *context = hp_seats_take(&server->seats,
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
    else if (*context)
        hp_seats_leave(&server->seats, *context);
}

bool hp_admin_open(struct hp_server *server)
{
    server->seats.most = CONNECTIONS;
    server->admin =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request,
            server,                                                                //
            MHD_OPTION_LISTEN_SOCKET, server->admin_listener.fd,                   //
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS + ON_THEIR_WAY_OUT, //
            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,                   //
            MHD_OPTION_NOTIFY_COMPLETED, on_end, server,                           //
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,                       //
            MHD_OPTION_STRICT_FOR_CLIENT, (int)!server->old_library,               //
            MHD_OPTION_END);
    return server->admin != NULL;
}

void hp_admin_close(struct hp_server *server)
{
    if (!server->admin)
        return;
    let_replies_go(server);
    // Stopping shuts the listening socket down, for all who share it; one that it was told to leave
    // is only closed, by us.
    if (server->admin_listener.adopted)
        close(MHD_quiesce_daemon(server->admin));
    MHD_stop_daemon(server->admin); // closes the listening socket with it
    server->admin_listener.fd = -1;
    server->admin = NULL;
}
