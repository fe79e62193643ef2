// hangup.c -- who hangs up while its request is under way is not worked for any longer.
#include "http/exchange_parts.h"

#include <sys/epoll.h>

enum { HANGUPS_A_TURN = 64 };

void hp_exchange_watch_now(struct hp_exchange *x)
{
    struct epoll_event event = { .events = EPOLLRDHUP, .data.ptr = x };
    if (!x->watched)
        x->watched = epoll_ctl(x->loop->hangup_fd, EPOLL_CTL_ADD, x->peer->fd, &event) == 0;
}

// Most pieces of a body lie in the socket already, and the next turns of the loop read them: they
// need no watch, which costs two system calls.
void hp_exchange_watch_later(struct hp_exchange *x)
{
    struct hp_loop *loop = x->loop;
    if (x->length_known && x->bytes_in >= x->length) {
        hp_by_fd_drop(&x->to_watch);
        return;
    }
    if (x->watched || x->to_watch.link)
        return;
    if (!loop->to_watch)
        loop->watch_since_ns = x->request.progress.since_ns;
    hp_by_fd_add(&loop->to_watch, &x->to_watch, x->peer->fd);
}

void hp_exchange_watch(struct hp_loop *loop)
{
    loop->watch_since_ns = 0;
    while (loop->to_watch) {
        struct hp_exchange *x = HP_EXCHANGE_OF(loop->to_watch, to_watch);
        hp_by_fd_drop(&x->to_watch);
        hp_exchange_is_not_coming(x);
        hp_exchange_watch_now(x);
    }
}

void hp_exchange_unwatch(struct hp_exchange *x)
{
    hp_by_fd_drop(&x->to_watch);
    if (x->watched)
        (void)epoll_ctl(x->loop->hangup_fd, EPOLL_CTL_DEL, x->peer->fd, NULL);
    x->watched = false;
}

// Bytes and the end in one segment are one event to libmicrohttpd, which reads the bytes and waits
// for ever. Resumed, it reads again, and so it does each turn until it has seen the end.
static void read_again(struct hp_exchange *x)
{
    MHD_suspend_connection(x->connection);
    MHD_resume_connection(x->connection);
    x->loop->resumed = true;
}

void hp_exchange_read_again(void)
{
    struct hp_chunked *chunked;
    while ((chunked = hp_chunked_next()))
        read_again(HP_EXCHANGE_OF(chunked, chunked));
}

// Half closed counts as gone: libmicrohttpd closes such a connection without a reply as soon as it
// looks.
static void hung_up(struct hp_exchange *x)
{
    if (x->peer->phase != HP_PEER_WORK) {
        read_again(x);
        return;
    }
    hp_exchange_unwatch(x);
    x->hung_up = true;
    if (hp_workers_withdraw(x->server->workers, &x->job))
        hp_exchange_take_back(x);
    else
        hp_deadline_cancel(&x->request.deadline);
}

void hp_exchange_hangups(struct hp_loop *loop)
{
    struct epoll_event events[HANGUPS_A_TURN];
    int count = epoll_wait(loop->hangup_fd, events, HANGUPS_A_TURN, 0);
    for (int i = 0; i < count; i++)
        hung_up(events[i].data.ptr);
}
