// unread.c -- the bodies that are thrown away now: few, since most of their bytes lie in the socket
// when they are refused.
#include "http/unread.h"

#include <sys/socket.h>

static _Thread_local struct hp_by_fd *thrown_away;

void hp_unread_begin(struct hp_unread *unread, int fd, uint64_t bytes)
{
    if (bytes == 0)
        return;
    unread->left = bytes;
    hp_by_fd_add(&thrown_away, &unread->by_fd, fd);
}

void hp_unread_end(struct hp_unread *unread)
{
    hp_by_fd_drop(&unread->by_fd);
}

struct hp_unread *hp_unread_for(int fd)
{
    return (struct hp_unread *)(void *)hp_by_fd_find(thrown_away, fd);
}

// A Unix socket copies all the same.
static ssize_t throw_away(struct hp_unread *unread, void *buf, size_t n, int flags)
{
    ssize_t thrown = recvfrom(unread->by_fd.fd, buf, n, flags | MSG_TRUNC, NULL, NULL);
    if (thrown > 0)
        unread->left -= (uint64_t)thrown;
    return thrown;
}

// Less than was asked for means to libmicrohttpd that the socket is empty: it waits for the next
// edge. So what follows a body is asked for as well.
ssize_t hp_unread_receive(struct hp_unread *unread, void *buf, size_t n, int flags)
{
    int fd = unread->by_fd.fd;
    size_t share = unread->left < n ? (size_t)unread->left : n;
    ssize_t thrown = throw_away(unread, buf, share, flags);
    if (unread->left > 0)
        return thrown;
    hp_unread_end(unread);
    if (share == n)
        return thrown;
    ssize_t more = recvfrom(fd, (char *)buf + thrown, n - share, flags, NULL, NULL);
    return more > 0 ? thrown + more : thrown; // an end or an error comes again
}
