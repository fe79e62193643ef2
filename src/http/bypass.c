// bypass.c -- libmicrohttpd is told of a body piece by piece, as it has room; the kernel is asked
// for it in larger ones. What has a place is told behind its coming; what is thrown away before it,
// so that one system call in front of the last piece takes all of it.
#include "http/bypass.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

enum {
    LISTS = 64,
    // More than libmicrohttpd asks for at a time, and no longer in the kernel than the smallest
    // work that is not done in place.
    PIECE = 128 << 10
};

static _Thread_local struct hp_by_fd *bypasses[LISTS]; // by descriptor

static struct hp_by_fd **list_of(int fd)
{
    return &bypasses[(unsigned)fd % LISTS];
}

static void begin(struct hp_bypass *bypass, int fd, uint64_t bytes)
{
    bypass->left = bypass->untold = bytes;
    if (bytes > 0)
        hp_by_fd_add(list_of(fd), &bypass->by_fd, fd);
}

void hp_bypass_to(struct hp_bypass *bypass, int fd, char *place, uint64_t bytes)
{
    bypass->place = place;
    begin(bypass, fd, bytes);
}

void hp_bypass_prepare(int fd)
{
    (void)setsockopt(fd, IPPROTO_TCP, TCP_INQ, &(int){ 1 }, sizeof(int)); // else it is looked for
}

void hp_bypass_throw(struct hp_bypass *bypass, int fd, bool tcp, uint64_t bytes)
{
    bypass->tcp = tcp;
    begin(bypass, fd, bytes);
}

void hp_bypass_end(struct hp_bypass *bypass)
{
    hp_by_fd_drop(&bypass->by_fd);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

size_t hp_bypass_handed(struct hp_bypass *bypass, size_t len)
{
    size_t past = (size_t)least(bypass->told, len);
    bypass->told -= past;
    return past;
}

uint64_t hp_bypass_owed(const struct hp_bypass *bypass)
{
    return bypass->left > bypass->untold ? bypass->left - bypass->untold : 0;
}

struct hp_bypass *hp_bypass_for(int fd)
{
    return (struct hp_bypass *)(void *)hp_by_fd_find(*list_of(fd), fd);
}

// --- to its place --------------------------------------------------------------------------------

static size_t in_place(const struct hp_bypass *bypass, size_t n)
{
    return (size_t)least(bypass->untold - bypass->left, n);
}

static ssize_t receive_piece(struct hp_bypass *bypass, int flags)
{
    size_t bytes = (size_t)least(bypass->left, PIECE);
    ssize_t got = recvfrom(bypass->by_fd.fd, bypass->place, bytes, flags, NULL, NULL);
    if (got > 0) {
        bypass->place += got;
        bypass->left -= (uint64_t)got;
    }
    return got;
}

// Fewer than `n` of a body that has more only where the socket has no more.
static ssize_t put_in_place(struct hp_bypass *bypass, size_t n, int flags)
{
    size_t share = (size_t)least(bypass->untold, n);
    if (in_place(bypass, share) == share)
        return (ssize_t)share;
    ssize_t got = receive_piece(bypass, flags);
    size_t came = in_place(bypass, share);
    return came ? (ssize_t)came : got;
}

// --- nowhere -------------------------------------------------------------------------------------

static bool says_empty(struct msghdr *message)
{
    const struct cmsghdr *told = CMSG_FIRSTHDR(message);
    int behind;
    if (!told || told->cmsg_level != IPPROTO_TCP || told->cmsg_type != TCP_CM_INQ)
        return false;
    memcpy(&behind, CMSG_DATA(told), sizeof behind);
    return behind == 0;
}

// On TCP up to all that is left, which may be more than there is room for: nothing is written
// there. On a Unix socket no word from the kernel is taken: it would be the peer's descriptors.
static ssize_t throw_piece(struct hp_bypass *bypass, void *buf, size_t n, int flags, bool *empty)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct iovec part = { .iov_base = bypass->tcp ? NULL : buf,
        .iov_len = (size_t)(bypass->tcp ? bypass->left : least(bypass->left, n)) };
    struct msghdr message = { .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = bypass->tcp ? sizeof control : 0 };
    ssize_t thrown = recvmsg(bypass->by_fd.fd, &message, flags | MSG_TRUNC);
    *empty = thrown > 0 && says_empty(&message);
    return thrown;
}

static ssize_t throw_away(struct hp_bypass *bypass, void *buf, size_t n, int flags, bool *empty)
{
    if (bypass->tcp && bypass->untold > n)
        return (ssize_t)n;
    ssize_t thrown = throw_piece(bypass, buf, n, flags, empty);
    if (thrown <= 0)
        return thrown;
    bypass->left -= (uint64_t)thrown;
    if (bypass->untold > bypass->left)
        return (ssize_t)(bypass->untold - bypass->left);
    errno = EAGAIN; // all that came was told before
    return -1;
}

// --- both ----------------------------------------------------------------------------------------

// Less than was asked for means to libmicrohttpd that the socket is empty: it waits for the next
// edge. So where the kernel does not say so, what follows a body is asked for as well.
ssize_t hp_bypass_receive(struct hp_bypass *bypass, void *buf, size_t n, int flags)
{
    bool empty = false;
    ssize_t came =
        bypass->place ? put_in_place(bypass, n, flags) : throw_away(bypass, buf, n, flags, &empty);
    if (came <= 0)
        return came;
    bypass->untold -= (uint64_t)came;
    bypass->told += (uint64_t)came;
    if (bypass->untold > 0)
        return came;
    hp_bypass_end(bypass);
    if (empty || (size_t)came == n)
        return came;
    ssize_t more =
        recvfrom(bypass->by_fd.fd, (char *)buf + came, n - (size_t)came, flags, NULL, NULL);
    return came + (more > 0 ? more : 0); // an end or an error comes again
}
