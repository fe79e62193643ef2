// loop.c -- wait for whatever comes first, let libmicrohttpd work, look at the clock. Only a loop's
// own thread touches its daemon.
#include "http/loop.h"

#include "base/thread.h"
#include "http/control.h"
#include "http/exchange.h"
#include "http/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    LOOK_EVERY = 8,
    BUSY_US = 5,
    WATCH_LATEST_MS = 5,
    LONGEST_MS = 60000,
    STUCK_S = 2,
    EVENTS = 64
};

bool hp_loop_watch(struct hp_loop *loop, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void hp_loop_unwatch(struct hp_loop *loop, int fd)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

// --- from outside --------------------------------------------------------------------------------

void hp_loop_wake(struct hp_loop *loop)
{
    uint64_t one = 1;
    if (write(loop->wake_fd, &one, sizeof one) < 0)
        return; // the counter is full: the loop is awake
}

void hp_loop_give(struct hp_loop *loop, struct hp_peer *peer)
{
    peer->loop = loop;
    atomic_fetch_add(&loop->connections, 1);
    if (hp_loop_is_main(loop)) {
        hp_peer_begin(peer);
        return;
    }
    peer->next = atomic_load(&loop->given);
    while (!atomic_compare_exchange_weak(&loop->given, &peer->next, peer))
        ;
    hp_loop_wake(loop);
}

size_t hp_loops_stuck(const struct hp_server *server, uint64_t now_ns)
{
    size_t stuck = 0;
    for (size_t i = 0; i < server->loop_count; i++) {
        uint64_t since = atomic_load(&server->loops[i].busy_since_ns);
        stuck += since && now_ns > since + (uint64_t)STUCK_S * HP_NS_PER_S;
    }
    return stuck;
}

// --- events --------------------------------------------------------------------------------------

static void take_given(struct hp_loop *loop)
{
    struct hp_peer *peer = atomic_exchange(&loop->given, NULL);
    for (struct hp_peer *next; peer; peer = next) {
        next = peer->next;
        hp_peer_begin(peer);
    }
}

static void on_wake(struct hp_loop *loop)
{
    uint64_t count;
    if (read(loop->wake_fd, &count, sizeof count) < 0)
        return; // this wake-up was read already
    take_given(loop);
    hp_exchange_worked(loop);
}

static void on_event(struct hp_loop *loop, int fd)
{
    if (fd == loop->wake_fd)
        on_wake(loop);
    else if (fd == loop->hangup_fd)
        hp_exchange_hangups(loop);
    else if (hp_loop_is_main(loop))
        hp_control_event(loop->server, fd);
    // libmicrohttpd's descriptor: it is run every turn
}

// --- a turn --------------------------------------------------------------------------------------

static uint64_t next_due_ns(const struct hp_loop *loop)
{
    uint64_t next = loop->next_sweep_ns;
    return hp_loop_is_main(loop) ? hp_earlier(next, hp_control_due_ns(loop->server)) : next;
}

static uint64_t wait_ns(struct hp_loop *loop, uint64_t now)
{
    MHD_UNSIGNED_LONG_LONG library_ms;
    uint64_t next = next_due_ns(loop);
    if (loop->resumed || next <= now)
        return 0;
    uint64_t wait = hp_earlier(next - now, (uint64_t)LONGEST_MS * HP_NS_PER_MS);
    if (MHD_get_timeout(loop->data, &library_ms) != MHD_YES || library_ms >= LONGEST_MS)
        return wait;
    return hp_earlier(wait, library_ms * HP_NS_PER_MS);
}

static void watch_where_due(struct hp_loop *loop, uint64_t now, uint64_t wait)
{
    uint64_t since = loop->watch_since_ns;
    if (since && (wait > 0 || now - since > (uint64_t)WATCH_LATEST_MS * HP_NS_PER_MS))
        hp_exchange_watch(loop);
}

static uint64_t look(struct hp_loop *loop)
{
    struct epoll_event events[EVENTS];
    uint64_t before = hp_now_ns();
    uint64_t wait = wait_ns(loop, before);
    watch_where_due(loop, before, wait);
    atomic_store_explicit(&loop->busy_since_ns, 0, memory_order_relaxed);
    int count = hp_wait(&loop->waiter, events, EVENTS, wait);
    uint64_t now = hp_now_ns();
    atomic_store_explicit(&loop->busy_since_ns, now, memory_order_relaxed);
    for (int i = 0; i < count; i++)
        on_event(loop, events[i].data.fd);
    loop->busy = now - before < (uint64_t)BUSY_US * HP_NS_PER_US;
    loop->unlooked = 0;
    return now;
}

// While requests come without a pause, libmicrohttpd's descriptors are all that is looked at, but
// for every eighth turn: a second wait for events was a twentieth of a small request.
static uint64_t look_where_due(struct hp_loop *loop)
{
    bool due = !loop->busy || loop->unlooked >= LOOK_EVERY;
    if (due)
        return look(loop);
    loop->unlooked++;
    return hp_now_ns();
}

static void run_library(struct hp_loop *loop)
{
    uint64_t calls = loop->calls;
    loop->resumed = false;
    loop->in_place_ns = 0;
    MHD_run(loop->data);
    hp_exchange_read_again();
    hp_peer_end_arriving(loop);
    loop->busy &= loop->calls != calls;
}

void hp_loop_turn(struct hp_loop *loop)
{
    // Who is late is judged by the time at which we looked for input, not by what we then computed.
    uint64_t now = look_where_due(loop);
    run_library(loop);
    if (now >= loop->next_sweep_ns || atomic_load(&loop->server->draining))
        hp_exchange_sweep(loop, now);
    if (hp_loop_is_main(loop))
        hp_control_turn(loop->server, now);
}

// On one core whoever could send something waits for us to sleep.
static uint64_t spin_ns(const struct hp_server *server)
{
    return server->cores > 1 ? (uint64_t)server->first->spin_us * HP_NS_PER_US : 0;
}

void hp_loop_begin(struct hp_loop *loop)
{
    hp_waiter_open(&loop->waiter, loop->epoll_fd, spin_ns(loop->server));
}

// --- opening and closing -------------------------------------------------------------------------

struct hp_loop *hp_loops_new(struct hp_server *server, size_t count)
{
    struct hp_loop *loops = aligned_alloc(alignof(struct hp_loop), count * sizeof *loops);
    for (size_t i = 0; loops && i < count; i++) {
        memset(&loops[i], 0, sizeof loops[i]);
        loops[i].server = server;
        loops[i].epoll_fd = loops[i].hangup_fd = loops[i].wake_fd = -1;
        loops[i].next_sweep_ns = UINT64_MAX;
    }
    return loops;
}

static bool open_loop(struct hp_loop *loop)
{
    const struct hp_limits *limits = &loop->server->config->limits;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->hangup_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    hp_done_init(&loop->done, loop->wake_fd);
    // A few more than we ever accept: the limit that holds is the one in accept.c.
    loop->data =
        hp_exchange_daemon(loop, (unsigned)limits->connections + 16, (unsigned)limits->idle_s);
    if (!loop->data)
        return false;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(loop->data, MHD_DAEMON_INFO_EPOLL_FD);
    return info && hp_loop_watch(loop, info->epoll_fd) && hp_loop_watch(loop, loop->wake_fd) &&
           hp_loop_watch(loop, loop->hangup_fd);
}

static void *run(void *cls)
{
    struct hp_loop *loop = cls;
    hp_thread_name("hotpathd-io%td", loop - loop->server->loops);
    hp_loop_begin(loop);
    while (!atomic_load(&loop->server->stopping))
        hp_loop_turn(loop);
    return NULL;
}

static bool start_thread(struct hp_loop *loop)
{
    errno = pthread_create(&loop->thread, NULL, run, loop);
    if (errno)
        return false;
    loop->started = true;
    return true;
}

bool hp_loops_open(struct hp_server *server)
{
    bool ok = true;
    for (size_t i = 0; ok && i < server->loop_count; i++)
        ok = open_loop(&server->loops[i]);
    for (size_t i = 1; ok && i < server->loop_count; i++)
        ok = start_thread(&server->loops[i]);
    return ok;
}

void hp_loops_stop(struct hp_server *server)
{
    size_t count = server->loops ? server->loop_count : 0;
    atomic_store(&server->stopping, true);
    for (size_t i = 0; i < count; i++)
        if (server->loops[i].started) {
            hp_loop_wake(&server->loops[i]);
            pthread_join(server->loops[i].thread, NULL);
        }
    for (size_t i = 0; i < count; i++)
        if (server->loops[i].data)
            MHD_stop_daemon(server->loops[i].data);
}

static void close_loop(struct hp_loop *loop)
{
    const int fds[] = { loop->epoll_fd, loop->hangup_fd, loop->wake_fd };
    hp_exchange_free_kept(loop);
    hp_rollout_kept_done(&loop->rollout);
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

void hp_loops_free(struct hp_server *server)
{
    if (!server->loops)
        return;
    for (size_t i = 0; i < server->loop_count; i++)
        close_loop(&server->loops[i]);
    free(server->loops);
    server->loops = NULL;
}
