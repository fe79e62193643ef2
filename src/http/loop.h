// loop.h -- an I/O loop: a thread with a libmicrohttpd daemon, the connections that it was given,
// and all that is theirs. The first loop is the main one: it runs on the server's own thread and
// has the server's other duties too (control.c).
#pragma once

#include "http/date.h"
#include "http/server.h"
#include "http/wait.h"

#include <stdalign.h>

struct hp_by_fd;
struct hp_exchange;
struct hp_peer; // one connection (peer.h)

enum { HP_LOOP_LINES = 128 }; // what one loop writes shares no cache lines with what another does

struct hp_loop { // NOLINT(clang-analyzer-optin.performance.Padding): between threads
    // Any thread.
    alignas(HP_LOOP_LINES) struct hp_server *server;
    int wake_fd;                        // an eventfd: something was given, is done or has changed
    atomic_size_t connections;          // that it has or was given
    _Atomic(struct hp_peer *) given;    // those that it has not yet seen
    atomic_uint_fast64_t busy_since_ns; // this turn's begin; 0: it waits
    struct hp_done done;                // by the workers

    // Its own thread's.
    alignas(HP_LOOP_LINES) struct MHD_Daemon *data;
    pthread_t thread;
    bool started;               // a thread of its own
    struct hp_peer *arriving;   // handed to libmicrohttpd, which has not said so yet
    struct hp_peer *peers;      // all open connections
    uint64_t next_sweep_ns;     // when the first of their clocks runs out
    struct hp_cost_clock clock; // of this thread
    uint64_t in_place_ns;       // what it computed in this turn
    uint64_t coming_ns;         // work of those that were let in and whose bodies are coming in
    struct hp_by_fd *to_watch;  // for a hang-up, soon (hp_exchange_watch)
    uint64_t watch_since_ns;    // the first of them; 0: nobody is
    struct hp_exchange *kept_exchanges; // for the next requests
    size_t kept_count;
    struct hp_rollout_kept rollout;
    struct hp_date date;
    struct hp_exchange *left; // whose callers were answered without the workers that have them
    uint64_t calls;           // of libmicrohttpd's handler
    bool busy;                // the last look at our own descriptors did not have to wait
    unsigned unlooked;        // turns since then
    int epoll_fd;
    int hangup_fd; // an epoll of the connections whose requests are with the workers
    struct hp_waiter waiter;
    bool resumed; // a connection, since libmicrohttpd ran: it does not say so in its timeout
};

// `count` loops, none of them running; NULL: no memory.
struct hp_loop *hp_loops_new(struct hp_server *server, size_t count);

// A daemon and descriptors for each, and threads for all but the main one. False: errno says why.
bool hp_loops_open(struct hp_server *server);

// When all connections are gone: the threads end, and libmicrohttpd.
void hp_loops_stop(struct hp_server *server);

// When no worker has an exchange of theirs any more.
void hp_loops_free(struct hp_server *server);

static inline bool hp_loop_is_main(const struct hp_loop *loop)
{
    return loop == loop->server->loops;
}

static inline uint64_t hp_earlier(uint64_t a, uint64_t b)
{
    return b < a ? b : a;
}

// Has `fd` among the descriptors that it waits for; their events are control.c's.
bool hp_loop_watch(struct hp_loop *loop, int fd);
void hp_loop_unwatch(struct hp_loop *loop, int fd);

// The main loop alone: the connection is `loop`'s from now on.
void hp_loop_give(struct hp_loop *loop, struct hp_peer *peer);

// Any thread: it takes a turn.
void hp_loop_wake(struct hp_loop *loop);

// Any thread: so many are in a turn that takes seconds.
size_t hp_loops_stuck(const struct hp_server *server, uint64_t now_ns);

// Called by the thread that it is to run on, before its first turn.
void hp_loop_begin(struct hp_loop *loop);

// Waits for something to happen and sees to it.
void hp_loop_turn(struct hp_loop *loop);
