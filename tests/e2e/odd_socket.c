// odd_socket.c -- preloaded into a daemon under test: a socket takes at most `room` bytes at a time, a few fewer each time, and is
// full every third time; or the n-th message fails with `error`. The numbers are in a file that the test writes to.
#include "control.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DESCRIPTORS = 4096, PARTS = 8, ARGUMENTS = 6 };

typedef long call(long, ...);

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

static long raw(long number, long a, long b, long c, long d, long e, long f)
{
    return ((call *)dlsym(RTLD_NEXT, "syscall"))(number, a, b, c, d, e, f);
}

int epoll_ctl(int epoll_fd, int what, int fd, struct epoll_event *event)
{
    if (what == EPOLL_CTL_ADD && fd < DESCRIPTORS && (event->events & EPOLLET) != 0) {
        watched[fd].epoll_fd = epoll_fd;
        watched[fd].event = *event;
    }
    return (int)raw(SYS_epoll_ctl, epoll_fd, what, fd, (long)event, 0, 0);
}

// As if there were room again: who waits for an edge is given one.
static void make_room(int fd)
{
    if (fd < DESCRIPTORS && watched[fd].epoll_fd)
        raw(SYS_epoll_ctl, watched[fd].epoll_fd, EPOLL_CTL_MOD, fd, (long)&watched[fd].event, 0, 0);
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
    return raw(SYS_sendmsg, fd, (long)&less, flags, 0, 0, 0);
}

static long odd_sendmsg(int fd, const struct msghdr *message, long flags)
{
    int sent = atomic_fetch_add(&control->sent, 1), room = atomic_load(&control->room);
    if (atomic_load(&control->error) && atomic_load(&control->nth) == sent) {
        make_room(fd);
        errno = atomic_load(&control->error);
        return -1;
    }
    if (room <= 0)
        return raw(SYS_sendmsg, fd, (long)message, flags, 0, 0, 0);
    make_room(fd);
    if (sent % 3 == 2) {
        errno = EAGAIN;
        return -1;
    }
    return send_some(fd, message, flags, (size_t)(1 + (room - 1) * (1 + sent % 7) / 7));
}

long syscall(long number, ...)
{
    long a[ARGUMENTS];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < ARGUMENTS; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_sendmsg)
        return odd_sendmsg((int)a[0], (const struct msghdr *)a[1], a[2]);
    return raw(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
