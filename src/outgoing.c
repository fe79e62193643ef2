// outgoing.c -- the libraries that this program is linked with find its functions before libc's:
// so every message that libmicrohttpd sends passes here. Not in the library (libhotpathd.a), whose
// users have their own sockets.
#include "http/pages.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t length_of(const struct msghdr *message)
{
    size_t len = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        len += message->msg_iov[i].iov_len;
    return len;
}

// Of a socket's buffer that has no room for all of it, the rest is lost: the connection is closed
// behind it anyway.
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    char page[HP_PAGE_MAX];
    size_t len = hp_page_replace(message->msg_iov, message->msg_iovlen, page);
    if (len == 0)
        return syscall(SYS_sendmsg, fd, message, flags);
    ssize_t sent = sendto(fd, page, len, flags, NULL, 0);
    return sent < 0 ? sent : (ssize_t)length_of(message);
}
