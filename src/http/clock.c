// clock.c -- what runs over its time is ended: in the queue and with a worker by an answer,
// elsewhere by the end of its connection.
#include "http/exchange_parts.h"

#include <poll.h>
#include <sys/socket.h>

enum { GRACE_US = 500 }; // for a worker to notice that the time is over, and to say in which stage

// In the queue a request ends here. One that a worker has ends by itself, or here a little later.
static void run_over_at_work(struct hp_exchange *x)
{
    x->peer->until_ns = 0;
    if (hp_workers_withdraw(x->server->workers, &x->job)) {
        hp_progress_enter(&x->request.progress, HP_QUEUE); // so that its time is told
        hp_fail(&x->fault, HP_DEADLINE, NULL, "the time granted was over before its turn came");
        hp_exchange_take_back(x);
    } else if (!x->overdue || !hp_exchange_answer_for(x)) {
        x->overdue = true;
        hp_peer_expect(x->peer, HP_PEER_WORK, hp_now_ns() + (uint64_t)GRACE_US * HP_NS_PER_US);
    }
}

static bool is_half_closed(int fd)
{
    struct pollfd look = { .fd = fd, .events = POLLRDHUP };
    return poll(&look, 1, 0) == 1;
}

// What of a request was not here when its time was over; NULL: that is not what ends it.
static const char *missing(const struct hp_peer *peer)
{
    if (peer->phase == HP_PEER_HEADERS)
        return "the time for the header block was over before it was here";
    bool granted = peer->exchange->request.deadline.at_ns;
    return peer->phase == HP_PEER_BODY && granted
               ? "the time granted was over before the body was here"
               : NULL;
}

static void end_exchange(struct hp_peer *peer)
{
    struct hp_exchange *x = peer->exchange;
    const char *why = missing(peer);
    x->ended_by_us = true;
    if (why && !x->fault.code)
        hp_fail(&x->fault, HP_DEADLINE, NULL, "%s", why);
}

static void run_over(struct hp_peer *peer)
{
    if (peer->phase == HP_PEER_IDLE && peer->until_ns < peer->idle_until_ns &&
        !is_half_closed(peer->fd)) {
        peer->until_ns = peer->idle_until_ns;
        return;
    }
    if (peer->phase == HP_PEER_WORK) {
        run_over_at_work(peer->exchange);
        return;
    }
    if (peer->exchange)
        end_exchange(peer);
    else if (peer->phase == HP_PEER_HEADERS)
        atomic_fetch_add(&peer->loop->server->connection_timeouts, 1);
    peer->until_ns = 0;
    shutdown(peer->fd, SHUT_RDWR); // libmicrohttpd sees the end and closes
}

void hp_exchange_sweep(struct hp_loop *loop, uint64_t now_ns)
{
    bool draining = atomic_load(&loop->server->draining);
    uint64_t next = UINT64_MAX;
    for (struct hp_peer *peer = loop->peers; peer; peer = peer->next) {
        if (draining && !peer->exchange)
            shutdown(peer->fd, SHUT_RDWR);
        else if (peer->until_ns && peer->until_ns <= now_ns)
            run_over(peer);
        if (peer->until_ns && peer->until_ns < next)
            next = peer->until_ns;
    }
    loop->next_sweep_ns = next;
}
