// server.c -- from start to stop: memory, opening (opening.c), serving (control.c), and the end.
#include "http/server_parts.h"

#include "base/cores.h"
#include "base/log.h"
#include "hotpathd/json.h"
#include "http/admin.h"
#include "http/control.h"
#include "http/exchange.h"
#include "http/loop.h"
#include "http/systemd.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

// --- starting ------------------------------------------------------------------------------------

// For what is not a connection: some 20 of our own with the listeners, 36 of the admin side's,
// files and the collector; and what each loop has.
enum { DESCRIPTORS_KEPT = 75, LOOP_DESCRIPTORS = 5 };

// As many connections as descriptors allow, so that the admin side always finds one; and no more
// descriptors than these take, for ever.
static size_t connections_that_fit(size_t wanted, size_t loops)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return wanted;
    size_t kept = DESCRIPTORS_KEPT + loops * LOOP_DESCRIPTORS;
    size_t most = limit.rlim_max > kept + 1 ? limit.rlim_max - kept : 1;
    if (wanted < most)
        limit.rlim_max = wanted + kept;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || wanted <= most)
        return wanted;
    hp_log(HP_WARN, "limits.connections is lowered: the process may not open as many descriptors",
        NULL);
    return most;
}

static bool allocate(struct hp_server *server)
{
    server->route_names = calloc(hp_route_count, sizeof *server->route_names);
    for (size_t i = 0; server->route_names && i < hp_route_count; i++)
        server->route_names[i] = hp_routes[i]->name;
    server->route_state = calloc(hp_route_count, sizeof *server->route_state);
    server->route_notice = calloc(hp_route_count, sizeof *server->route_notice);
    server->in_flight = calloc(hp_route_count, sizeof *server->in_flight);
    server->cost = calloc(hp_route_count, sizeof *server->cost);
    server->metrics = hp_metrics_new(server->route_names, hp_route_count);
    server->log = hp_request_log_new(STDERR_FILENO, server->config->limits.log_lines_per_second,
        server->route_names, hp_route_count);
    server->memory.limit = (size_t)server->config->limits.memory;
    server->header_ns = (uint64_t)server->config->limits.header_ms * HP_NS_PER_MS;
    server->idle_ns = (uint64_t)server->config->limits.idle_s * HP_NS_PER_S;
    server->loop_count = (size_t)server->config->io_threads;
    server->connections_max =
        connections_that_fit((size_t)server->config->limits.connections, server->loop_count);
    server->loops = hp_loops_new(server, server->loop_count);
    return server->loops && hp_crowd_init(&server->crowd, server->connections_max) &&
           server->route_names && server->route_state && server->route_notice &&
           server->in_flight && server->cost && server->metrics && server->log;
}

// glibc gives freed memory back at once and takes it again a page fault at a time: on large bodies
// that costs 3 to 7 times the request itself (measured, docs/decisions.md).
static void keep_freed_memory(void)
{
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_MXFAST, 0); // else each block of an arena makes malloc go through all small ones
}

static void log_ready(struct hp_server *server)
{
    hp_server_warn_of_old_library();
    struct hp_config *config = hp_server_config(server);
    for (size_t i = 0; i < server->listener_count; i++)
        hp_log(HP_INFO, "listening", "url", server->listeners[i].url, NULL);
    hp_log(HP_INFO, "ready", "admin", server->admin_listener.url, "config_hash", config->hash,
        "version", hp_build.version, NULL);
    hp_config_free(config);
}

// --- stopping ------------------------------------------------------------------------------------

void hp_server_drain(struct hp_server *server)
{
    if (atomic_exchange(&server->draining, true))
        return;
    hp_log(HP_INFO, "draining", NULL);
    hp_systemd_notify("STOPPING=1");
    for (size_t i = 0; i < server->loop_count; i++)
        hp_loop_wake(&server->loops[i]);
}

static void close_sockets(struct hp_server *server)
{
    hp_admin_close(server);
    hp_loops_stop(server);
    for (size_t i = 0; i < server->listener_count; i++)
        hp_listener_close(&server->listeners[i]);
    hp_listener_close(&server->admin_listener);
    hp_spans_free(server->spans); // sends what it has
}

static void close_the_rest(struct hp_server *server)
{
    hp_workers_free(server->workers);
    hp_loops_free(server);
    for (size_t i = 0; server->route_state && i < hp_route_count; i++) {
        if (server->route_state[i])
            hp_routes[i]->close(server->route_state[i]);
        free(server->route_state[i]);
    }
    free(server->route_names);
    free(server->route_state);
    free(server->route_notice);
    free(server->in_flight);
    free(server->cost);
    hp_metrics_free(server->metrics);
    hp_request_log_free(server->log);
    hp_config_free(server->config);
    hp_config_free(server->first);
    hp_crowd_done(&server->crowd);
    if (server->signal_fd >= 0)
        close(server->signal_fd);
    hp_watch_close(&server->watch);
}

// --- from start to stop --------------------------------------------------------------------------

int hp_serve(const struct hp_server_options *options)
{
    struct hp_server server = { .options = *options,
        .started_ns = hp_now_ns(),
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .reloading = PTHREAD_MUTEX_INITIALIZER,
        .last_reload_ok = true,
        .cores = hp_cores(),
        .old_library = hp_server_library_is_old(),
        .admin_listener.fd = -1,
        .signal_fd = -1,
        .watch = { .fd = -1 } };
    struct hp_config_problem problem = { "" };
    keep_freed_memory();
    hp_json_start();
    server.config = hp_server_config_load(options, &problem);
    if (!server.config)
        return hp_server_fail(HP_EXIT_CONFIG, "bad configuration", problem.text);
    server.first = hp_config_share(server.config);
    int code = allocate(&server) ? hp_server_open(&server)
                                 : hp_server_fail(HP_EXIT_BUG, "cannot start", "no memory");
    if (!code) {
        log_ready(&server);
        server.watchdog_ns = hp_systemd_watchdog_ns() / 2;
        hp_systemd_notify("READY=1");
        code = hp_control_run(&server);
    }
    close_sockets(&server);
    if (atomic_load(&server.left_with_workers)) {
        hp_exchange_tell_of_left(&server);
        _exit(code); // a worker still uses the rest, and cannot be waited for
    }
    close_the_rest(&server);
    return code;
}
