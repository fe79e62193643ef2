// reload.c -- the configuration in force, and the one that takes its place. Whoever has the old one
// keeps it until it is done.
#include "http/server.h"

#include "base/log.h"
#include "http/systemd.h"

#include <assert.h>
#include <stdio.h>

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
