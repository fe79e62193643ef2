// outgoing.c -- the libraries that this program is linked with find its functions before libc's:
// so every message that libmicrohttpd sends passes here. Not in the library (libhotpathd.a), whose
// users have their own sockets.
#include "http/lines.h"
#include "http/pages.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t length_of(const struct iovec *part, size_t parts)
{
    size_t len = 0;
    for (size_t i = 0; i < parts; i++)
        len += part[i].iov_len;
    return len;
}

static ssize_t pass_on(int fd, const struct msghdr *message, int flags)
{
    return syscall(SYS_sendmsg, fd, message, flags);
}

static ssize_t send_woven(struct hp_lines *lines, const struct iovec *part, size_t parts, int flags)
{
    struct iovec woven[HP_WOVEN];
    struct msghdr message = { .msg_iov = woven,
        .msg_iovlen = hp_lines_weave(lines, part, parts, woven) };
    ssize_t sent = pass_on(lines->by_fd.fd, &message, flags);
    if (sent <= 0)
        return sent;
    size_t of_parts = hp_lines_sent(lines, part, (size_t)sent);
    if (of_parts == 0)
        errno = EAGAIN;
    return of_parts ? (ssize_t)of_parts : -1;
}

// False: these are no page. Of a socket's buffer that has no room for all of it, the rest is lost:
// the connection is closed behind it anyway.
static bool sent_as_problem(
    int fd, const struct iovec *part, size_t parts, int flags, ssize_t *result)
{
    char page[HP_PAGE_MAX];
    size_t len = hp_page_replace(part, parts, page);
    if (len == 0)
        return false;
    ssize_t sent = sendto(fd, page, len, flags, NULL, 0);
    *result = sent < 0 ? sent : (ssize_t)length_of(part, parts);
    return true;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t result;
    struct hp_lines *lines = hp_lines_for(fd);
    if (lines)
        return send_woven(lines, message->msg_iov, message->msg_iovlen, flags);
    if (sent_as_problem(fd, message->msg_iov, message->msg_iovlen, flags, &result))
        return result;
    return pass_on(fd, message, flags);
}

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
    struct iovec part = { .iov_base = (void *)buf, .iov_len = n };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    return sendmsg(fd, &message, flags);
}
