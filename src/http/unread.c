// unread.c -- a body that is thrown away is told piece by piece, as libmicrohttpd has room for it,
// but thrown away at once, in front of the last piece: one system call for all of it.
#include "http/unread.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

enum { LISTS = 64 };

static _Thread_local struct hp_by_fd *thrown_away[LISTS]; // by descriptor

static struct hp_by_fd **list_of(int fd)
{
    return &thrown_away[(unsigned)fd % LISTS];
}

void hp_unread_prepare(int fd)
{
    (void)setsockopt(fd, IPPROTO_TCP, TCP_INQ, &(int){ 1 }, sizeof(int)); // else it is looked for
}

void hp_unread_begin(struct hp_unread *unread, int fd, bool tcp, uint64_t bytes)
{
    if (bytes == 0)
        return;
    unread->tcp = tcp;
    unread->left = bytes;
    hp_by_fd_add(list_of(fd), &unread->by_fd, fd);
}

void hp_unread_end(struct hp_unread *unread)
{
    hp_by_fd_drop(&unread->by_fd);
}

struct hp_unread *hp_unread_for(int fd)
{
    return (struct hp_unread *)(void *)hp_by_fd_find(*list_of(fd), fd);
}

static bool says_empty(struct msghdr *message)
{
    const struct cmsghdr *told = CMSG_FIRSTHDR(message);
    int behind;
    if (!told || told->cmsg_level != IPPROTO_TCP || told->cmsg_type != TCP_CM_INQ)
        return false;
    memcpy(&behind, CMSG_DATA(told), sizeof behind);
    return behind == 0;
}

// Up to `bytes`, which may be more than there is room for: nothing is written there. But a Unix
// socket copies all the same.
static ssize_t throw_away(struct hp_unread *unread, void *buf, size_t bytes, int flags, bool *empty)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct iovec part = { .iov_base = unread->tcp ? NULL : buf, .iov_len = bytes };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    ssize_t thrown = recvmsg(unread->by_fd.fd, &message, flags | MSG_TRUNC);
    *empty = thrown > 0 && says_empty(&message);
    return thrown;
}

// Of what was thrown away, what was not told ahead.
static ssize_t tell(struct hp_unread *unread, uint64_t thrown)
{
    uint64_t told = thrown < unread->ahead ? thrown : unread->ahead;
    unread->ahead -= told;
    if (thrown > told)
        return (ssize_t)(thrown - told);
    errno = EAGAIN;
    return -1;
}

// Less than was asked for means to libmicrohttpd that the socket is empty: it waits for the next
// edge. So where the kernel does not say so, what follows a body is asked for as well.
static ssize_t with_what_follows(
    struct hp_unread *unread, char *buf, size_t n, size_t told, int flags, bool empty)
{
    hp_unread_end(unread);
    if (empty || told == n)
        return (ssize_t)told;
    ssize_t more = recvfrom(unread->by_fd.fd, buf + told, n - told, flags, NULL, NULL);
    return (ssize_t)told + (more > 0 ? more : 0); // an end or an error comes again
}

ssize_t hp_unread_receive(struct hp_unread *unread, void *buf, size_t n, int flags)
{
    bool empty;
    uint64_t untold = unread->left - unread->ahead;
    if (unread->tcp && untold > n) {
        unread->ahead += n;
        return (ssize_t)n;
    }
    size_t bytes = unread->tcp || unread->left < n ? (size_t)unread->left : n;
    ssize_t thrown = throw_away(unread, buf, bytes, flags, &empty);
    if (thrown <= 0)
        return thrown;
    unread->left -= (uint64_t)thrown;
    ssize_t told = tell(unread, (uint64_t)thrown);
    return unread->left > 0 ? told : with_what_follows(unread, buf, n, (size_t)told, flags, empty);
}
