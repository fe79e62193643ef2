// server.c -- opening and closing: configuration, routes, sockets, both daemons; and reloading.
#include "http/server.h"

#include "base/cores.h"
#include "base/log.h"
#include "hotpathd/json.h"
#include "http/admin.h"
#include "http/control.h"
#include "http/exchange.h"
#include "http/loop.h"
#include "http/systemd.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

// --- configuration -------------------------------------------------------------------------------

enum { SECTIONS_MAX = 16, TOKEN_LEAST = 16, TOKEN_MOST = 256 };

static size_t sections(struct hp_section out[SECTIONS_MAX])
{
    for (size_t i = 0; i < hp_route_count; i++)
        out[i] = (struct hp_section){ hp_routes[i]->name, hp_routes[i]->options,
            hp_routes[i]->options_size, hp_routes[i]->preset };
    return hp_route_count;
}

// That they can be listened on is known when it is tried; that they are of this host is known here.
static bool addresses_fit(const struct hp_config *config, struct hp_config_problem *problem)
{
    for (size_t i = 0; i <= config->listen.count; i++) {
        bool admin = i == config->listen.count;
        hp_str address = admin ? config->admin : config->listen.item[i];
        if (hp_listen_fits(address, config->allow_remote && !admin))
            continue;
        snprintf(problem->text, sizeof problem->text,
            "%s: %s: %.*s is not HOST:PORT with a loopback HOST (127.0.0.1, [::1], localhost%s), "
            "or "
            "unix:PATH of 1 to 107 bytes",
            admin ? config->admin_at : config->listen_at, admin ? "admin" : "listen",
            (int)address.len, address.ptr, admin ? "" : "; others need allow_remote");
        return false;
    }
    return true;
}

static bool fits_as_token(hp_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '!' || text.ptr[i] > '~')
            return false;
    return text.len >= TOKEN_LEAST && text.len <= TOKEN_MOST;
}

static bool read_token(struct hp_config *config, struct hp_config_problem *problem)
{
    char path[4096], text[TOKEN_MOST + 3] = "";
    if (config->token_file.len == 0)
        return true;
    snprintf(path, sizeof path, "%.*s", (int)config->token_file.len, config->token_file.ptr);
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    text[len] = '\0';
    if (!fits_as_token((hp_str){ text, len })) {
        snprintf(problem->text, sizeof problem->text,
            "%s: token_file: %.500s cannot be read, or is not one line of %d to %d visible "
            "characters",
            config->token_file_at, path, TOKEN_LEAST, TOKEN_MOST);
        return false;
    }
    char *kept = hp_arena_text(&config->arena, (hp_str){ text, len });
    if (!kept)
        snprintf(problem->text, sizeof problem->text, "token_file: %s", strerror(ENOMEM));
    config->token = (hp_str){ kept, len };
    return kept != NULL;
}

struct hp_config *hp_server_config_load(
    const struct hp_server_options *options, struct hp_config_problem *problem)
{
    struct hp_section list[SECTIONS_MAX];
    size_t count = sections(list);
    struct hp_config *config = hp_config_load(
        options->config_file, list, count, options->overrides, options->override_count, problem);
    if (!config || (addresses_fit(config, problem) && read_token(config, problem)))
        return config;
    hp_config_free(config);
    return NULL;
}

void hp_server_config_show(const struct hp_config *config, struct hp_buf *out)
{
    struct hp_section list[SECTIONS_MAX];
    (void)sections(list);
    hp_config_show(config, list, out);
}

struct hp_config *hp_server_config(struct hp_server *server)
{
    pthread_mutex_lock(&server->lock);
    struct hp_config *config = hp_config_share(server->config);
    pthread_mutex_unlock(&server->lock);
    return config;
}

static void note_reload(struct hp_server *server, struct hp_config *fresh, const char *problem)
{
    pthread_mutex_lock(&server->lock);
    struct hp_config *old = fresh ? server->config : NULL;
    if (fresh)
        server->config = fresh;
    server->last_reload_ok = fresh != NULL;
    *(fresh ? &server->reloads_ok : &server->reloads_failed) += 1;
    snprintf(server->last_reload, sizeof server->last_reload, "%s", problem);
    pthread_mutex_unlock(&server->lock);
    hp_config_free(old);
}

static bool same_list(const struct hp_list *a, const struct hp_list *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = hp_str_equal(a->item[i], b->item[i]);
    return same;
}

size_t hp_server_at_next_start(const struct hp_config *first, const struct hp_config *fresh,
    const char *options[HP_START_OPTIONS])
{
    const struct hp_limits *was = &first->limits, *is = &fresh->limits;
    const struct {
        const char *option;
        bool same;
    } fixed[] = {
        { "listen", same_list(&first->listen, &fresh->listen) },
        { "admin", hp_str_equal(first->admin, fresh->admin) },
        { "socket_mode", first->socket_mode == fresh->socket_mode },
        { "allow_remote", first->allow_remote == fresh->allow_remote },
        { "traces", hp_str_equal(first->traces, fresh->traces) },
        { "isolation", memcmp(&first->isolation, &fresh->isolation, sizeof first->isolation) == 0 },
        { "vocabulary", hp_str_equal(first->vocabulary, fresh->vocabulary) },
        { "workers", first->workers == fresh->workers },
        { "io_threads", first->io_threads == fresh->io_threads },
        { "spin_us", first->spin_us == fresh->spin_us },
        { "limits.connections", was->connections == is->connections },
        { "limits.header_bytes", was->header_bytes == is->header_bytes },
        { "limits.header_ms", was->header_ms == is->header_ms },
        { "limits.idle_s", was->idle_s == is->idle_s },
        { "limits.memory", was->memory == is->memory },
        { "limits.queue_requests", was->queue_requests == is->queue_requests },
        { "limits.queue_bytes", was->queue_bytes == is->queue_bytes },
        { "limits.log_lines_per_second", was->log_lines_per_second == is->log_lines_per_second },
    };
    size_t count = 0;
    static_assert(sizeof fixed / sizeof *fixed == HP_START_OPTIONS, "all fit");
    for (size_t i = 0; i < HP_START_OPTIONS; i++)
        if (!fixed[i].same)
            options[count++] = fixed[i].option;
    return count;
}

static void warn_of_restart(const struct hp_config *first, const struct hp_config *fresh)
{
    const char *options[HP_START_OPTIONS];
    size_t count = hp_server_at_next_start(first, fresh, options);
    for (size_t i = 0; i < count; i++)
        hp_log(HP_WARN, "takes effect at the next start", "option", options[i], NULL);
}

static void tell_manager_of_reload(void)
{
    char lines[64];
    snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%llu",
        (unsigned long long)(hp_now_ns() / HP_NS_PER_US));
    hp_systemd_notify(lines);
}

static bool reload(struct hp_server *server)
{
    struct hp_config_problem problem = { "" };
    tell_manager_of_reload();
    struct hp_config *fresh = hp_server_config_load(&server->options, &problem);
    char hash[17] = "";
    if (fresh) {
        warn_of_restart(server->first, fresh);
        memcpy(hash, fresh->hash, sizeof hash);
    }
    note_reload(server, fresh, problem.text);
    if (fresh)
        hp_log(HP_INFO, "configuration reloaded", "config_hash", hash, NULL);
    else
        hp_log(HP_WARN, "configuration refused, the old one stays", "problem", problem.text, NULL);
    hp_systemd_notify("READY=1");
    return fresh != NULL;
}

// One after the other, so that what was read last is what stays.
bool hp_server_reload(struct hp_server *server)
{
    pthread_mutex_lock(&server->reloading);
    bool ok = reload(server);
    pthread_mutex_unlock(&server->reloading);
    return ok;
}

// --- what both daemons do ------------------------------------------------------------------------

static hp_mhd_result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    hp_headers_add(cls, (hp_str){ name, name_len }, (hp_str){ value ? value : "", value_len });
    return MHD_YES;
}

// The method is the block's first byte.
void hp_server_headers(const struct hp_server *server, struct MHD_Connection *connection,
    const char *method, const char *version, struct hp_headers *headers)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    headers->bytes = info ? info->header_size : 0;
    if (server->old_library && info)
        hp_headers_begin(headers, version + strlen(version));
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_header, headers);
    if (server->old_library && info)
        hp_headers_end(headers, method + info->header_size);
}

// A line and its end are slices of one buffer: blanks between name and value count.
static hp_mhd_result count_trailer(void *cls, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct hp_headers *headers = cls;
    headers->lines++;
    headers->bytes += (value ? (size_t)(value - name) + value_len : name_len) + 2;
    return MHD_YES;
}

void hp_server_trailers(struct MHD_Connection *connection, struct hp_headers *headers)
{
    MHD_get_connection_values_n(connection, MHD_FOOTER_KIND, count_trailer, headers);
}

// --- draining ------------------------------------------------------------------------------------

void hp_server_drain(struct hp_server *server)
{
    if (atomic_exchange(&server->draining, true))
        return;
    hp_log(HP_INFO, "draining", NULL);
    hp_systemd_notify("STOPPING=1");
    for (size_t i = 0; i < server->loop_count; i++)
        hp_loop_wake(&server->loops[i]);
}

// --- opening -------------------------------------------------------------------------------------

static int fail(int exit_code, const char *message, const char *reason)
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
            return fail(HP_EXIT_BUG, "cannot open a route", "no memory");
        if (hp_routes[i]->open(server->route_state[i], &setting, &fault))
            return fail(HP_EXIT_CONFIG, "cannot open a route", fault.detail);
        memcpy(server->route_notice[i], setting.notice, sizeof setting.notice);
        if (setting.notice[0])
            hp_log(HP_WARN, setting.notice, "route", hp_routes[i]->name, NULL);
    }
    return HP_EXIT_OK;
}

static int listen_on(struct hp_server *server, struct hp_listener *listener, hp_str address)
{
    char why[256] = "";
    const struct hp_config *config = server->config;
    bool remote = config->allow_remote && listener != &server->admin_listener;
    switch (hp_listen(listener, address, (unsigned)config->socket_mode, remote, why)) {
    case HP_LISTENING:
        return HP_EXIT_OK;
    case HP_BAD_ADDRESS:
        return fail(HP_EXIT_CONFIG, "bad address", why);
    case HP_NO_LISTENER:
        break;
    }
    return fail(HP_EXIT_NO_LISTENER, "cannot listen", why);
}

static const char default_socket[] = "unix:/run/hotpathd/hotpathd.sock";

// Where nothing is configured, the Unix socket is opened too, if its folder is there and ours to
// write.
static bool wants_default_socket(const struct hp_server *server)
{
    return server->config->listen_is_default && access("/run/hotpathd", W_OK) == 0;
}

// Those named "admin" serve the admin side, all others the data side in place of `listen`.
static int adopt_sockets(struct hp_server *server)
{
    char names[512], why[256] = "";
    unsigned count = hp_systemd_sockets(names, sizeof names);
    hp_str rest = hp_str_from(names);
    for (unsigned i = 0; i < count; i++) {
        bool admin = hp_str_is(hp_str_cut(&rest, ':'), "admin");
        if (admin && server->admin_listener.fd >= 0)
            return fail(HP_EXIT_CONFIG, "cannot listen", "two inherited sockets are named admin");
        if (!admin && server->listener_count == HP_LISTENERS)
            return fail(HP_EXIT_CONFIG, "cannot listen", "too many inherited sockets");
        struct hp_listener *listener =
            admin ? &server->admin_listener : &server->listeners[server->listener_count++];
        bool remote = server->config->allow_remote && !admin;
        if (hp_listen_adopt(listener, HP_SYSTEMD_FIRST_FD + (int)i, remote, why) != HP_LISTENING)
            return fail(HP_EXIT_CONFIG, "cannot listen", why);
    }
    return HP_EXIT_OK;
}

static int open_admin_listener(struct hp_server *server)
{
    if (server->admin_listener.fd >= 0)
        return HP_EXIT_OK;
    return listen_on(server, &server->admin_listener, server->config->admin);
}

static int open_listeners(struct hp_server *server)
{
    const struct hp_list *list = &server->config->listen;
    int adopted = adopt_sockets(server);
    if (adopted || server->listener_count > 0)
        return adopted ? adopted : open_admin_listener(server);
    for (size_t i = 0; i < list->count; i++) {
        int code = listen_on(server, &server->listeners[server->listener_count], list->item[i]);
        if (code)
            return code;
        server->listener_count++;
    }
    if (wants_default_socket(server)) {
        hp_str address = hp_str_from(default_socket);
        // Another daemon may hold it; TCP alone is what the configuration asks for.
        if (listen_on(server, &server->listeners[server->listener_count], address) == HP_EXIT_OK)
            server->listener_count++;
    }
    return open_admin_listener(server);
}

static bool open_signals(struct hp_server *server)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    // Blocked before any thread starts, so that only the signalfd sees them.
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return false;
    server->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return server->signal_fd >= 0;
}

static void open_watch(struct hp_server *server)
{
    const char *file = server->options.config_file;
    if (file && !hp_watch_open(&server->watch, file))
        hp_log(HP_WARN, "the configuration is not watched; SIGHUP and POST /-/reload work",
            "reason", strerror(errno), NULL);
}

static int open_spans(struct hp_server *server)
{
    char url[512];
    hp_str wanted = server->config->traces;
    if (wanted.len == 0)
        return HP_EXIT_OK;
    snprintf(url, sizeof url, "%.*s", (int)wanted.len, wanted.ptr);
    server->spans = hp_spans_new(url, server->route_names, hp_route_count);
    return server->spans ? HP_EXIT_OK : fail(HP_EXIT_BUG, "spans cannot be exported", url);
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
    return server->workers ? HP_EXIT_OK : fail(HP_EXIT_BUG, "no worker starts", strerror(errno));
}

static int open_loops(struct hp_server *server)
{
    if (!hp_loops_open(server))
        return fail(HP_EXIT_BUG, "no I/O loop starts", strerror(errno));
    return HP_EXIT_OK;
}

static int open_admin(struct hp_server *server)
{
    if (!hp_admin_open(server))
        return fail(HP_EXIT_BUG, "libmicrohttpd does not start", strerror(errno));
    return HP_EXIT_OK;
}

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

// --- the ready file ------------------------------------------------------------------------------

static void ready_text(const struct hp_server *server, struct hp_buf *out)
{
    hp_buf_format(out, "{\"pid\":%ld,\"listen\":[", (long)getpid());
    for (size_t i = 0; i < server->listener_count; i++) {
        if (i)
            hp_buf_char(out, ',');
        hp_json_put_string(out, hp_str_from(server->listeners[i].url));
    }
    hp_buf_add(out, HP_S("],\"admin\":"));
    hp_json_put_string(out, hp_str_from(server->admin_listener.url));
    hp_buf_add(out, HP_S("}\n"));
}

static bool write_whole(const char *path, hp_str text)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    bool ok = fwrite(text.ptr, 1, text.len, file) == text.len;
    return fclose(file) == 0 && ok;
}

// Written under another name and renamed: whoever sees it sees all of it. The listeners accept
// already: who connects now is answered as soon as the threads run.
static bool write_ready_file(const struct hp_server *server)
{
    const char *path = server->options.ready_file;
    struct hp_arena arena;
    char temporary[4096];
    if (!path)
        return true;
    if (snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid()) >=
        (int)sizeof temporary)
        return false;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf text = hp_buf_in(&arena);
    ready_text(server, &text);
    bool ok =
        !text.failed && write_whole(temporary, hp_buf_str(&text)) && rename(temporary, path) == 0;
    if (!ok)
        unlink(temporary);
    hp_arena_done(&arena);
    return ok;
}

// --- from start to stop --------------------------------------------------------------------------

static int open_all(struct hp_server *server)
{
    int code = open_routes(server);
    if (!code && !open_signals(server))
        code = fail(HP_EXIT_BUG, "cannot set up signals", strerror(errno));
    if (!code)
        code = open_listeners(server);
    if (!code)
        open_watch(server);
    if (!code && !write_ready_file(server))
        code = fail(HP_EXIT_CONFIG, "cannot write the ready file", strerror(errno));
    if (!code)
        hp_isolate(server->config, server->options.config_file, &server->isolation);
    if (!code)
        code = open_spans(server);
    if (!code)
        code = open_workers(server);
    if (!code)
        code = open_loops(server);
    if (!code)
        code = open_admin(server);
    return code;
}

// Of the library that is linked, as 10005 for 1.0.5; 0: it says something else.
static unsigned library_version(void)
{
    unsigned major = 0, minor = 0, patch = 0;
    if (sscanf(MHD_get_version(), "%u.%u.%u", &major, &minor, &patch) != 3)
        return 0;
    return major * 10000 + minor * 100 + patch;
}

// 1.0.4 and 1.0.5 fixed request smuggling (CWE-444).
static void warn_of_old_library(void)
{
    unsigned version = library_version();
    if (version == 0 || version >= 10005)
        return;
    hp_log(HP_WARN,
        "libmicrohttpd is older than 1.0.5; what is known of request smuggling in it is refused by "
        "checks of our own",
        "microhttpd", MHD_get_version(), NULL);
}

static void log_ready(struct hp_server *server)
{
    warn_of_old_library();
    struct hp_config *config = hp_server_config(server);
    for (size_t i = 0; i < server->listener_count; i++)
        hp_log(HP_INFO, "listening", "url", server->listeners[i].url, NULL);
    hp_log(HP_INFO, "ready", "admin", server->admin_listener.url, "config_hash", config->hash,
        "version", hp_build.version, NULL);
    hp_config_free(config);
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

// glibc gives freed memory back at once and takes it again a page fault at a time: on large bodies
// that costs 3 to 7 times the request itself (measured, docs/decisions.md).
static void keep_freed_memory(void)
{
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_MXFAST, 0); // else each block of an arena makes malloc go through all small ones
}

const char *hp_server_library(void)
{
    return MHD_get_version();
}

int hp_serve(const struct hp_server_options *options)
{
    struct hp_server server = { .options = *options,
        .started_ns = hp_now_ns(),
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .reloading = PTHREAD_MUTEX_INITIALIZER,
        .last_reload_ok = true,
        .cores = hp_cores(),
        .old_library = library_version() < 10000,
        .admin_listener.fd = -1,
        .signal_fd = -1,
        .watch = { .fd = -1 } };
    struct hp_config_problem problem = { "" };
    keep_freed_memory();
    hp_json_start();
    server.config = hp_server_config_load(options, &problem);
    if (!server.config)
        return fail(HP_EXIT_CONFIG, "bad configuration", problem.text);
    server.first = hp_config_share(server.config);
    int code =
        allocate(&server) ? open_all(&server) : fail(HP_EXIT_BUG, "cannot start", "no memory");
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
