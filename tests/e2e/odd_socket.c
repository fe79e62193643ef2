// odd_socket.c -- preloaded into a daemon under test: a socket takes at most `room` bytes at a time, a few fewer each time, and is
// full every third time; or the n-th message fails with `error`. The numbers are in a file that the test writes to.
#include "control.h"
#include "syscalls.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { DESCRIPTORS = 4096, PARTS = 8 };

static struct control {
    atomic_int room, nth, error, sent; // room 0: no limit; error 0: none; sent: messages so far
} none, *control = &none;

static struct {
    int epoll_fd;
    struct epoll_event event;
} watched[DESCRIPTORS];

__attribute__((constructor)) static void begin(void)
{
    void *shared = control_of("ODD_SOCKET", sizeof *control);
    if (shared)
        control = shared;
}

int epoll_ctl(int epoll_fd, int what, int fd, struct epoll_event *event)
{
    if (what == EPOLL_CTL_ADD && fd < DESCRIPTORS && (event->events & EPOLLET) != 0) {
        watched[fd].epoll_fd = epoll_fd;
        watched[fd].event = *event;
    }
    return (int)really(SYS_epoll_ctl, (long[ARGUMENTS]){ epoll_fd, what, fd, (long)event });
}

// As if there were room again: who waits for an edge is given one.
static void make_room(int fd)
{
    if (fd < DESCRIPTORS && watched[fd].epoll_fd)
        really(SYS_epoll_ctl, (long[ARGUMENTS]){ watched[fd].epoll_fd, EPOLL_CTL_MOD, fd, (long)&watched[fd].event });
}

static long send_some(int fd, const struct msghdr *message, long flags, size_t room)
{
    struct iovec some[PARTS];
    struct msghdr less = *message;
    size_t count = 0;
    for (; count < message->msg_iovlen && count < PARTS && room > 0; count++) {
        some[count] = message->msg_iov[count];
        if (some[count].iov_len > room)
            some[count].iov_len = room;
        room -= some[count].iov_len;
    }
    less.msg_iov = some;
    less.msg_iovlen = count;
    return really(SYS_sendmsg, (long[ARGUMENTS]){ fd, (long)&less, flags });
}

static long odd_sendmsg(int fd, const struct msghdr *message, long flags)
{
    int sent = atomic_fetch_add(&control->sent, 1), room = atomic_load(&control->room);
    if (atomic_load(&control->error) && atomic_load(&control->nth) == sent) {
        make_room(fd);
        return refuse(atomic_load(&control->error));
    }
    if (room <= 0)
        return really(SYS_sendmsg, (long[ARGUMENTS]){ fd, (long)message, flags });
    make_room(fd);
    if (sent % 3 == 2)
        return refuse(EAGAIN);
    return send_some(fd, message, flags, (size_t)(1 + (room - 1) * (1 + sent % 7) / 7));
}

static int answers(long number, const long a[ARGUMENTS], long *result)
{
    if (number != SYS_sendmsg)
        return 0;
    *result = odd_sendmsg((int)a[0], (const struct msghdr *)a[1], a[2]);
    return 1;
}
