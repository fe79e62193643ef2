// admin_status.c -- the state of the daemon for people and their tools, as JSON.
#include "http/admin_pages.h"

#include "http/loop.h"

#include <unistd.h>

static void put_route_status(struct hp_admin_reply *reply, size_t i)
{
    hp_admin_put_member(&reply->out, "mode", hp_mode_name(hp_admin_mode_of(reply, i)));
    hp_buf_format(&reply->out, ",\"in_flight\":%zu,", atomic_load(&reply->server->in_flight[i]));
    hp_admin_put_member(&reply->out, "notice", reply->server->route_notice[i]);
}

// Options that nobody should wait for.
static void put_at_next_start(struct hp_admin_reply *reply)
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

static void put_reload(struct hp_admin_reply *reply)
{
    struct hp_server *server = reply->server;
    pthread_mutex_lock(&server->lock);
    hp_buf_format(&reply->out, "\"reload\":{\"ok\":%s,\"done\":%llu,\"refused\":%llu,",
        server->last_reload_ok ? "true" : "false", (unsigned long long)server->reloads_ok,
        (unsigned long long)server->reloads_failed);
    hp_admin_put_member(&reply->out, "problem", server->last_reload);
    pthread_mutex_unlock(&server->lock);
    put_at_next_start(reply);
    hp_buf_char(&reply->out, '}');
}

static void put_workers(struct hp_admin_reply *reply)
{
    struct hp_workers_view view;
    hp_workers_look(reply->server->workers, &view);
    hp_buf_format(&reply->out,
        "\"workers\":{\"threads\":%zu,\"busy\":%zu,\"queued\":%zu,\"queued_bytes\":%zu,"
        "\"stuck\":%zu}",
        view.threads, view.busy, view.queued, view.queued_bytes, view.stuck);
}

static void put_loops(struct hp_admin_reply *reply)
{
    const struct hp_server *server = reply->server;
    hp_buf_add(&reply->out, HP_S("\"loops\":{\"connections\":["));
    for (size_t i = 0; i < server->loop_count; i++)
        hp_buf_format(
            &reply->out, "%s%zu", i ? "," : "", atomic_load(&server->loops[i].connections));
    hp_buf_format(&reply->out, "],\"stuck\":%zu}", hp_loops_stuck(server, hp_now_ns()));
}

static void put_isolation(struct hp_admin_reply *reply)
{
    const struct hp_isolation *isolation = &reply->server->isolation;
    hp_buf_add(&reply->out, HP_S("\"isolation\":{"));
    hp_admin_put_member(&reply->out, "landlock", isolation->landlock);
    hp_buf_char(&reply->out, ',');
    hp_admin_put_member(&reply->out, "seccomp", isolation->seccomp);
    hp_buf_char(&reply->out, ',');
    hp_admin_put_member(&reply->out, "core_dumps", isolation->core_dumps);
    hp_buf_char(&reply->out, '}');
}

void hp_admin_status(struct hp_admin_reply *reply)
{
    struct hp_server *server = reply->server;
    struct hp_buf *out = &reply->out;
    hp_buf_char(out, '{');
    hp_admin_put_member(out, "version", hp_build.version);
    hp_buf_format(out, ",\"pid\":%ld,\"uptime_s\":%.3f,\"draining\":%s,", (long)getpid(),
        (double)(hp_now_ns() - server->started_ns) / 1e9,
        atomic_load(&server->draining) ? "true" : "false");
    hp_buf_format(out, "\"kill_switch\":%s,", atomic_load(&server->killed) ? "true" : "false");
    hp_admin_put_member(
        out, "config_file", server->options.config_file ? server->options.config_file : "");
    hp_buf_char(out, ',');
    hp_admin_put_member(out, "config_hash", reply->config->hash);
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
    hp_admin_put_routes(reply, put_route_status);
    hp_buf_char(out, '}');
}

void hp_admin_reload(struct hp_admin_reply *reply)
{
    bool ok = hp_server_reload(reply->server);
    reply->status = ok ? 200 : 422;
    hp_buf_char(&reply->out, '{');
    put_reload(reply);
    hp_buf_char(&reply->out, '}');
}
