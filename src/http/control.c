// control.c -- the main loop's duties. Only here is decided when the server's end has come: no loop
// has a connection any more, and no worker a request.
#include "http/control.h"

#include "base/log.h"
#include "http/accept.h"
#include "http/loop.h"
#include "http/systemd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

// --- stopping ------------------------------------------------------------------------------------

static void end_at_once(int number)
{
    _exit(128 + number);
}

// From the first signal on the next ends the process, also in the middle of a computation.
static void end_at_next(void)
{
    struct sigaction action = { .sa_handler = end_at_once };
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigaction(SIGTERM, &action, NULL) < 0 || sigaction(SIGINT, &action, NULL) < 0 ||
        pthread_sigmask(SIG_UNBLOCK, &set, NULL) != 0)
        hp_log(HP_WARN, "a second signal will not stop this process", NULL);
}

static void on_signal(struct hp_server *server)
{
    struct signalfd_siginfo info;
    if (read(server->signal_fd, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGHUP) {
        hp_server_reload(server);
        return;
    }
    hp_server_drain(server);
    end_at_next();
}

// --- switches ------------------------------------------------------------------------------------

static void look_for_kill_switch(struct hp_server *server, uint64_t now_ns)
{
    char path[4096];
    if (now_ns < server->next_switch_ns)
        return;
    server->next_switch_ns = now_ns + HP_NS_PER_S;
    struct hp_config *config = hp_server_config(server);
    snprintf(path, sizeof path, "%.*s", (int)config->kill_switch.len, config->kill_switch.ptr);
    hp_config_free(config);
    bool killed = path[0] && access(path, F_OK) == 0;
    if (atomic_exchange(&server->killed, killed) != killed)
        hp_log(HP_WARN,
            killed ? "the kill switch is there: every route is off"
                   : "the kill switch is gone: routes are as configured",
            "file", path, NULL);
}

static void look_at_configuration(struct hp_server *server, uint64_t now_ns)
{
    if (!server->watch.look_ns || now_ns < server->watch.look_ns)
        return;
    server->watch.look_ns = 0;
    hp_server_reload(server);
}

// --- the watchdog --------------------------------------------------------------------------------

// The manager hears from us while this loop turns, and no other one and no worker is stuck.
static void feed_watchdog(struct hp_server *server, uint64_t now_ns)
{
    struct hp_workers_view view;
    if (!server->watchdog_ns || now_ns < server->next_watchdog_ns)
        return;
    server->next_watchdog_ns = now_ns + server->watchdog_ns;
    hp_workers_look(server->workers, &view);
    bool loop_is_stuck = hp_loops_stuck(server, now_ns) > 0;
    if (view.stuck == 0 && !loop_is_stuck)
        hp_systemd_notify("WATCHDOG=1");
    else
        hp_log(HP_ERROR_LEVEL,
            loop_is_stuck ? "an I/O loop is stuck: the watchdog is not fed"
                          : "a worker is stuck: the watchdog is not fed",
            NULL);
}

// --- in the main loop ----------------------------------------------------------------------------

void hp_control_event(struct hp_server *server, int fd)
{
    if (hp_accept_is_listener(server, fd))
        hp_accept_some(server, fd);
    else if (fd == server->signal_fd)
        on_signal(server);
    else if (fd == server->watch.fd)
        hp_watch_read(&server->watch, hp_now_ns());
}

void hp_control_turn(struct hp_server *server, uint64_t now_ns)
{
    if (atomic_load(&server->draining) && server->listener_count)
        hp_accept_close(server);
    hp_accept_again(server, now_ns);
    look_for_kill_switch(server, now_ns);
    look_at_configuration(server, now_ns);
    feed_watchdog(server, now_ns);
}

// A clock that is 0 is off.
uint64_t hp_control_due_ns(const struct hp_server *server)
{
    uint64_t next = hp_earlier(server->next_switch_ns, hp_accept_due_ns(server));
    if (server->watch.look_ns)
        next = hp_earlier(next, server->watch.look_ns);
    if (server->watchdog_ns)
        next = hp_earlier(next, server->next_watchdog_ns);
    return next;
}

static bool watch_all(struct hp_server *server)
{
    if (!hp_loop_watch(server->loops, server->signal_fd))
        return false;
    return server->watch.fd < 0 || hp_loop_watch(server->loops, server->watch.fd);
}

// Every caller is answered, and what workers have not let go of is past all patience: the switches'
// clock has us look again.
static bool is_done(const struct hp_server *server)
{
    struct hp_workers_view view;
    if (!atomic_load(&server->draining) || atomic_load(&server->connections) > 0)
        return false;
    hp_workers_look(server->workers, &view);
    return !atomic_load(&server->left_with_workers) || (view.busy > 0 && view.busy == view.stuck);
}

int hp_control_run(struct hp_server *server)
{
    if (!watch_all(server)) {
        hp_log(HP_ERROR_LEVEL, "the event loop cannot be set up", "reason", strerror(errno), NULL);
        return HP_EXIT_BUG;
    }
    hp_loop_begin(server->loops);
    look_for_kill_switch(server, hp_now_ns()); // before the first request
    hp_accept_on(server);
    atomic_store(&server->ready, true);
    while (!is_done(server))
        hp_loop_turn(server->loops);
    hp_accept_close(server);
    if (atomic_load(&server->left_with_workers))
        return HP_EXIT_BUG;
    hp_log(HP_INFO, "drained", NULL);
    return HP_EXIT_OK;
}
