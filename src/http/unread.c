// unread.c -- a list of the bodies that are thrown away now: few, since most of their bytes lie in
// the socket when they are refused.
#include "http/unread.h"

#include <sys/socket.h>

static _Thread_local struct hp_unread *first;

void hp_unread_begin(struct hp_unread *unread, int fd, uint64_t bytes)
{
    if (bytes == 0)
        return;
    *unread = (struct hp_unread){ .fd = fd, .left = bytes, .next = first, .link = &first };
    if (first)
        first->link = &unread->next;
    first = unread;
}

void hp_unread_end(struct hp_unread *unread)
{
    if (!unread->link)
        return;
    *unread->link = unread->next;
    if (unread->next)
        unread->next->link = unread->link;
    unread->link = NULL;
}

struct hp_unread *hp_unread_for(int fd)
{
    struct hp_unread *unread = first;
    while (unread && unread->fd != fd)
        unread = unread->next;
    return unread;
}

// A Unix socket copies all the same.
static ssize_t throw_away(struct hp_unread *unread, void *buf, size_t n, int flags)
{
    ssize_t thrown = recvfrom(unread->fd, buf, n, flags | MSG_TRUNC, NULL, NULL);
    if (thrown > 0)
        unread->left -= (uint64_t)thrown;
    return thrown;
}

// Less than was asked for means to libmicrohttpd that the socket is empty: it waits for the next
// edge. So what follows a body is asked for as well.
ssize_t hp_unread_receive(struct hp_unread *unread, void *buf, size_t n, int flags)
{
    int fd = unread->fd;
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
