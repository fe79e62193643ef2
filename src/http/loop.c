// loop.c -- wait for whatever comes first, let libmicrohttpd work, look at the clock. Only this
// thread touches the data daemon.
#include "http/loop.h"

#include "base/log.h"
#include "http/exchange.h"
#include "http/systemd.h"
#include "http/wait.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOK_EVERY = 8, BUSY_US = 5, WATCH_LATEST_MS = 5 };
enum { EVENTS = 64, ACCEPTS_A_TURN = 32, ACCEPT_PAUSE_MS = 100 };

#define LONGEST_NS (UINT64_C(60) * HP_NS_PER_S)

static bool watch(struct hp_server *server, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

// --- accepting -----------------------------------------------------------------------------------

static void accept_on(struct hp_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        if (server->listeners[i].fd >= 0 && !watch(server, server->listeners[i].fd))
            hp_log(
                HP_ERROR_LEVEL, "cannot watch a listener", "url", server->listeners[i].url, NULL);
    server->accepting = true;
}

static void accept_off(struct hp_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        if (server->listeners[i].fd >= 0)
            epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, server->listeners[i].fd, NULL);
    server->accepting = false;
}

static bool full(const struct hp_server *server)
{
    return atomic_load(&server->connections) >= server->connections_max;
}

static bool is_listed(const struct hp_list *uids, uint64_t who)
{
    char uid[24];
    snprintf(uid, sizeof uid, "%llu", (unsigned long long)who);
    bool listed = uids->count == 0;
    for (size_t i = 0; i < uids->count && !listed; i++)
        listed = hp_str_is(uids->item[i], uid);
    return listed;
}

// Whether this peer may have a connection: its user is one of peer_uids, and it has not got all
// that one may have.
static bool peer_may_call(struct hp_server *server, int fd, const struct sockaddr *from)
{
    struct hp_config *config = hp_server_config(server);
    uint64_t who = hp_peer_who(fd, from);
    bool listed = from->sa_family != AF_UNIX || is_listed(&config->peer_uids, who);
    size_t most = (size_t)config->limits.connections_per_peer;
    hp_config_free(config);
    bool may = listed && (most == 0 || hp_peer_count(server, who) < most);
    if (!may && atomic_fetch_add(&server->peers_refused, 1) == 0)
        hp_log(HP_WARN, "a peer was refused a connection; more are only counted", "reason",
            listed ? "limits.connections_per_peer" : "peer_uids", NULL);
    return may;
}

// True while there may be more to accept.
static bool accept_one(struct hp_server *server, int listener)
{
    struct sockaddr_storage from = { .ss_family = AF_UNIX };
    socklen_t len = sizeof from;
    int fd =
        accept4(listener, (struct sockaddr *)(void *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (len < sizeof(sa_family_t)) // an unnamed Unix peer
            from.ss_family = AF_UNIX, len = sizeof(sa_family_t);
        if (!peer_may_call(server, fd, (struct sockaddr *)(void *)&from)) {
            close(fd);
            return true;
        }
        // On failure libmicrohttpd has closed the descriptor itself.
        (void)MHD_add_connection(server->data, fd, (struct sockaddr *)(void *)&from, len);
        return true;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return false;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The connection stays in the backlog; asking again at once would only spin.
        hp_log(HP_WARN, "accepting pauses: out of descriptors or memory", NULL);
        accept_off(server);
        server->accept_again_ns = hp_now_ns() + (uint64_t)ACCEPT_PAUSE_MS * HP_NS_PER_MS;
        return false;
    }
    return true; // that connection is gone already (ECONNABORTED and its kin)
}

static void accept_some(struct hp_server *server, int listener)
{
    for (int i = 0; i < ACCEPTS_A_TURN && server->accepting; i++) {
        if (full(server))
            accept_off(server);
        else if (!accept_one(server, listener))
            return;
    }
}

static bool may_accept_again(const struct hp_server *server)
{
    return !server->accepting && !atomic_load(&server->draining) && !full(server);
}

// At the limit, or out of descriptors, accepting stops; here it begins again.
static void accept_again(struct hp_server *server, uint64_t now_ns)
{
    if (!may_accept_again(server))
        return;
    if (server->accept_again_ns && now_ns < server->accept_again_ns)
        return;
    server->accept_again_ns = 0;
    accept_on(server);
}

static bool is_listener(const struct hp_server *server, int fd)
{
    for (size_t i = 0; i < server->listener_count; i++)
        if (server->listeners[i].fd == fd)
            return true;
    return false;
}

// --- stopping ------------------------------------------------------------------------------------

static void close_listeners(struct hp_server *server)
{
    if (server->accepting)
        accept_off(server);
    for (size_t i = 0; i < server->listener_count; i++)
        hp_listener_close(&server->listeners[i]);
    server->listener_count = 0;
}

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

// Every caller is answered, and what workers have not let go of is past all patience: the switches'
// clock has us look again.
static bool is_drained(const struct hp_server *server)
{
    struct hp_workers_view view;
    if (!atomic_load(&server->draining) || atomic_load(&server->connections) > 0)
        return false;
    hp_workers_look(server->workers, &view);
    return !server->left_with_workers || (view.busy > 0 && view.busy == view.stuck);
}

static void drain_wake(int fd)
{
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0)
        return; // somebody else's wake-up was read already
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

// The manager hears from us while this loop turns and no worker is stuck.
static void feed_watchdog(struct hp_server *server, uint64_t now_ns)
{
    struct hp_workers_view view;
    if (!server->watchdog_ns || now_ns < server->next_watchdog_ns)
        return;
    server->next_watchdog_ns = now_ns + server->watchdog_ns;
    hp_workers_look(server->workers, &view);
    if (view.stuck == 0)
        hp_systemd_notify("WATCHDOG=1");
    else
        hp_log(HP_ERROR_LEVEL, "a worker is stuck: the watchdog is not fed", NULL);
}

// --- the loop ------------------------------------------------------------------------------------

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return b < a ? b : a;
}

// When the first of our clocks is due; a clock that is 0 is off.
static uint64_t next_due_ns(const struct hp_server *server)
{
    uint64_t next = earlier(server->next_sweep_ns, server->next_switch_ns);
    if (server->accept_again_ns && may_accept_again(server))
        next = earlier(next, server->accept_again_ns);
    if (server->watch.look_ns)
        next = earlier(next, server->watch.look_ns);
    if (server->watchdog_ns)
        next = earlier(next, server->next_watchdog_ns);
    return next;
}

static uint64_t wait_ns(struct hp_server *server, uint64_t now)
{
    MHD_UNSIGNED_LONG_LONG library_ms;
    uint64_t next = next_due_ns(server);
    if (server->resumed || next <= now)
        return 0;
    uint64_t wait = earlier(next - now, LONGEST_NS);
    if (MHD_get_timeout(server->data, &library_ms) == MHD_YES && library_ms < wait / HP_NS_PER_MS)
        wait = library_ms * HP_NS_PER_MS;
    return wait;
}

static void on_event(struct hp_server *server, int fd)
{
    if (is_listener(server, fd))
        accept_some(server, fd);
    else if (fd == server->signal_fd)
        on_signal(server);
    else if (fd == server->watch.fd)
        hp_watch_read(&server->watch, hp_now_ns());
    else if (fd == server->wake_fd)
        drain_wake(fd);
    else if (fd == server->worked_fd) {
        drain_wake(fd);
        hp_exchange_worked(server);
    } else if (fd == server->hangup_fd)
        hp_exchange_hangups(server);
    // libmicrohttpd's descriptor: it is run every turn
}

static void watch_where_due(struct hp_server *server, uint64_t now, uint64_t wait)
{
    uint64_t since = server->watch_since_ns;
    if (since && (wait > 0 || now - since > (uint64_t)WATCH_LATEST_MS * HP_NS_PER_MS))
        hp_exchange_watch(server);
}

static uint64_t look(struct hp_server *server)
{
    struct epoll_event events[EVENTS];
    uint64_t before = hp_now_ns();
    uint64_t wait = wait_ns(server, before);
    watch_where_due(server, before, wait);
    int count = hp_wait(&server->waiter, events, EVENTS, wait);
    uint64_t now = hp_now_ns();
    for (int i = 0; i < count; i++)
        on_event(server, events[i].data.fd);
    server->busy = now - before < (uint64_t)BUSY_US * HP_NS_PER_US;
    server->unlooked = 0;
    return now;
}

// While requests come without a pause, libmicrohttpd's descriptors are all that is looked at, but
// for every eighth turn: a second wait for events was a twentieth of a small request.
static uint64_t look_where_due(struct hp_server *server)
{
    bool due = !server->busy || server->unlooked >= LOOK_EVERY;
    if (due)
        return look(server);
    server->unlooked++;
    return hp_now_ns();
}

static void run_library(struct hp_server *server)
{
    uint64_t calls = server->calls;
    server->resumed = false;
    server->in_place_ns = 0;
    MHD_run(server->data);
    server->busy &= server->calls != calls;
}

static void turn(struct hp_server *server)
{
    // Who is late is judged by the time at which we looked for input, not by what we then computed.
    uint64_t now = look_where_due(server);
    run_library(server);
    bool draining = atomic_load(&server->draining);
    if (draining && server->listener_count)
        close_listeners(server);
    if (now >= server->next_sweep_ns || draining)
        hp_exchange_sweep(server, now);
    accept_again(server, now);
    look_for_kill_switch(server, now);
    look_at_configuration(server, now);
    feed_watchdog(server, now);
}

static bool watch_all(struct hp_server *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->data, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || !watch(server, info->epoll_fd))
        return false;
    if (!watch(server, server->signal_fd) || !watch(server, server->wake_fd) ||
        !watch(server, server->worked_fd) || !watch(server, server->hangup_fd))
        return false;
    if (server->watch.fd >= 0 && !watch(server, server->watch.fd))
        return false;
    look_for_kill_switch(server, hp_now_ns()); // before the first request
    accept_on(server);
    return true;
}

// On one core whoever could send something waits for us to sleep.
static uint64_t spin_ns(const struct hp_server *server)
{
    return server->cores > 1 ? (uint64_t)server->first->spin_us * HP_NS_PER_US : 0;
}

int hp_loop_run(struct hp_server *server)
{
    server->next_sweep_ns = UINT64_MAX;
    hp_waiter_open(&server->waiter, server->epoll_fd, spin_ns(server));
    if (!watch_all(server)) {
        hp_log(HP_ERROR_LEVEL, "the event loop cannot be set up", "reason", strerror(errno), NULL);
        return HP_EXIT_BUG;
    }
    atomic_store(&server->ready, true);
    while (!is_drained(server))
        turn(server);
    close_listeners(server);
    hp_exchange_tell_of_left(server);
    if (server->left_with_workers)
        return HP_EXIT_BUG;
    hp_log(HP_INFO, "drained", NULL);
    return HP_EXIT_OK;
}
