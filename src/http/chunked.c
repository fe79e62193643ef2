// chunked.c -- a list, since such bodies are rare.
#include "http/chunked.h"

#include <sys/socket.h>

static _Thread_local struct hp_by_fd *coming;

static struct hp_chunked *chunked_of(struct hp_by_fd *one)
{
    return (struct hp_chunked *)(void *)one;
}

void hp_chunked_begin(struct hp_chunked *chunked, int fd)
{
    hp_by_fd_add(&coming, &chunked->by_fd, fd);
}

void hp_chunked_end(struct hp_chunked *chunked)
{
    hp_by_fd_drop(&chunked->by_fd);
    chunked->more = false;
}

struct hp_chunked *hp_chunked_for(int fd)
{
    return chunked_of(hp_by_fd_find(coming, fd));
}

ssize_t hp_chunked_receive(struct hp_chunked *chunked, void *buf, size_t n, int flags)
{
    ssize_t came = recvfrom(chunked->by_fd.fd, buf, n - 1, flags, NULL, NULL);
    chunked->more = came == (ssize_t)n - 1;
    return came;
}

struct hp_chunked *hp_chunked_next(void)
{
    struct hp_by_fd *one = coming;
    while (one && !chunked_of(one)->more)
        one = one->next;
    if (one)
        chunked_of(one)->more = false;
    return chunked_of(one);
}
