// opening.c -- what the daemon opens, a step each: routes, signals, sockets, threads. A step that
// fails is the end: it has logged why, and its code is the process's.
#include "http/server_parts.h"

#include "base/log.h"
#include "http/admin.h"
#include "http/exchange.h"
#include "http/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>

int hp_server_fail(int exit_code, const char *message, const char *reason)
{
    hp_log(HP_ERROR_LEVEL, message, "reason", reason, NULL);
    return exit_code;
}

static int open_routes(struct hp_server *server)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%.*s", (int)server->config->vocabulary.len,
        server->config->vocabulary.ptr);
    for (size_t i = 0; i < hp_route_count; i++) {
        struct hp_setting setting = { .vocabulary = folder };
        struct hp_fault fault = HP_FAULT_NONE;
        server->route_state[i] = calloc(1, hp_routes[i]->state_size + 1);
        if (!server->route_state[i])
            return hp_server_fail(HP_EXIT_BUG, "cannot open a route", "no memory");
        if (hp_routes[i]->open(server->route_state[i], &setting, &fault))
            return hp_server_fail(HP_EXIT_CONFIG, "cannot open a route", fault.detail);
        memcpy(server->route_notice[i], setting.notice, sizeof setting.notice);
        if (setting.notice[0])
            hp_log(HP_WARN, setting.notice, "route", hp_routes[i]->name, NULL);
    }
    return HP_EXIT_OK;
}

static int open_signals(struct hp_server *server)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    // Blocked before any thread starts, so that only the signalfd sees them.
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR)
        server->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return server->signal_fd >= 0
               ? HP_EXIT_OK
               : hp_server_fail(HP_EXIT_BUG, "cannot set up signals", strerror(errno));
}

static int open_watch(struct hp_server *server)
{
    const char *file = server->options.config_file;
    if (file && !hp_watch_open(&server->watch, file))
        hp_log(HP_WARN, "the configuration is not watched; SIGHUP and POST /-/reload work",
            "reason", strerror(errno), NULL);
    return HP_EXIT_OK;
}

static int isolate(struct hp_server *server)
{
    hp_isolate(server->config, server->options.config_file, &server->isolation);
    return HP_EXIT_OK;
}

static int open_spans(struct hp_server *server)
{
    char url[512];
    hp_str wanted = server->config->traces;
    if (wanted.len == 0)
        return HP_EXIT_OK;
    snprintf(url, sizeof url, "%.*s", (int)wanted.len, wanted.ptr);
    server->spans = hp_spans_new(url, server->route_names, hp_route_count);
    return server->spans ? HP_EXIT_OK
                         : hp_server_fail(HP_EXIT_BUG, "spans cannot be exported", url);
}

// Work below the first costs as much to hand over as to do (17 to 35 us of latency, 20 us of CPU).
// One worker alone does no two things at once: handing over then only keeps the loop free.
enum { INLINE_US = 50, INLINE_ALONE_US = 150 };

// Loops and workers share the cores: loops that have much to do leave little to work on.
static unsigned worker_count(const struct hp_server *server)
{
    int64_t wanted = server->config->workers;
    return wanted > 0 ? (unsigned)wanted : server->cores > 1 ? server->cores - 1 : 1;
}

static int open_workers(struct hp_server *server)
{
    const struct hp_limits *limits = &server->config->limits;
    size_t waiting = (size_t)limits->queue_requests; // a connection has one request at a time
    struct hp_workers_setting setting = { .threads = worker_count(server),
        .queue_requests = waiting < server->connections_max ? waiting : server->connections_max,
        .queue_bytes = (size_t)limits->queue_bytes,
        .run = hp_exchange_run };
    server->inline_ns =
        (uint64_t)(setting.threads > 1 ? INLINE_US : INLINE_ALONE_US) * HP_NS_PER_US;
    server->workers = hp_workers_new(&setting);
    return server->workers ? HP_EXIT_OK
                           : hp_server_fail(HP_EXIT_BUG, "no worker starts", strerror(errno));
}

static int open_loops(struct hp_server *server)
{
    if (!hp_loops_open(server))
        return hp_server_fail(HP_EXIT_BUG, "no I/O loop starts", strerror(errno));
    return HP_EXIT_OK;
}

static int open_admin(struct hp_server *server)
{
    if (!hp_admin_open(server))
        return hp_server_fail(HP_EXIT_BUG, "libmicrohttpd does not start", strerror(errno));
    return HP_EXIT_OK;
}

// In this order: no thread before the signals are blocked and the process is isolated, and nothing
// that isolation forbids behind it.
int hp_server_open(struct hp_server *server)
{
    static int (*const steps[])(struct hp_server * server) = { open_routes, open_signals,
        hp_server_listen, open_watch, hp_server_write_ready_file, isolate, open_spans, open_workers,
        open_loops, open_admin };
    int code = HP_EXIT_OK;
    for (size_t i = 0; code == HP_EXIT_OK && i < sizeof steps / sizeof *steps; i++)
        code = steps[i](server);
    return code;
}
