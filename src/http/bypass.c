// bypass.c -- the bodies that go past libmicrohttpd now: few, since each is there for the time that
// its bytes take from one socket to another of this machine.
#include "http/bypass.h"

#include <sys/socket.h>

// More than libmicrohttpd asks for at a time, and no longer in the kernel than the smallest work
// that is not done in place.
enum { PIECE = 128 << 10 };

static _Thread_local struct hp_by_fd *bypasses;

void hp_bypass_begin(struct hp_bypass *bypass, int fd, char *place, uint64_t bytes)
{
    if (bytes == 0)
        return;
    bypass->place = place;
    bypass->left = bytes;
    hp_by_fd_add(&bypasses, &bypass->by_fd, fd);
}

void hp_bypass_end(struct hp_bypass *bypass)
{
    hp_by_fd_drop(&bypass->by_fd);
}

size_t hp_bypass_handed(struct hp_bypass *bypass, size_t len)
{
    size_t past = bypass->told < len ? bypass->told : len;
    bypass->told -= past;
    return past;
}

struct hp_bypass *hp_bypass_for(int fd)
{
    return (struct hp_bypass *)(void *)hp_by_fd_find(bypasses, fd);
}

static size_t least(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

// A Unix socket copies what is thrown away all the same.
static ssize_t throw_away(struct hp_bypass *bypass, void *buf, size_t n, int flags)
{
    ssize_t thrown = recvfrom(bypass->by_fd.fd, buf, n, flags | MSG_TRUNC, NULL, NULL);
    if (thrown > 0)
        bypass->left -= (uint64_t)thrown;
    return thrown;
}

static ssize_t receive_ahead(struct hp_bypass *bypass, int flags)
{
    ssize_t got =
        recvfrom(bypass->by_fd.fd, bypass->place, least(bypass->left, PIECE), flags, NULL, NULL);
    if (got <= 0)
        return got;
    bypass->place += got;
    bypass->left -= (uint64_t)got;
    bypass->ahead += (size_t)got;
    return got;
}

static size_t take_ahead(struct hp_bypass *bypass, size_t n)
{
    size_t taken = least(bypass->ahead, n);
    bypass->ahead -= taken;
    return taken;
}

// Fewer than `n` only where the socket has no more.
static ssize_t put_in_place(struct hp_bypass *bypass, size_t n, int flags)
{
    size_t came = take_ahead(bypass, n);
    if (came == n)
        return (ssize_t)came;
    ssize_t got = receive_ahead(bypass, flags);
    came += take_ahead(bypass, n - came);
    return came ? (ssize_t)came : got;
}

// Less than was asked for means to libmicrohttpd that the socket is empty: it waits for the next
// edge. So what follows a body is asked for as well.
ssize_t hp_bypass_receive(struct hp_bypass *bypass, void *buf, size_t n, int flags)
{
    int fd = bypass->by_fd.fd;
    size_t share = least(bypass->left + bypass->ahead, n);
    ssize_t came =
        bypass->place ? put_in_place(bypass, share, flags) : throw_away(bypass, buf, share, flags);
    if (came <= 0)
        return came;
    bypass->told += (size_t)came;
    if (bypass->left + bypass->ahead > 0)
        return came;
    hp_bypass_end(bypass);
    if (share == n)
        return came;
    ssize_t more = recvfrom(fd, (char *)buf + came, n - share, flags, NULL, NULL);
    return more > 0 ? came + more : came; // an end or an error comes again
}
