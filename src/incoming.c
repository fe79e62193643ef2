// incoming.c -- as outgoing.c: what libmicrohttpd receives passes here.
#include "http/unread.h"

#include <sys/socket.h>

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
    struct hp_unread *unread = hp_unread_for(fd);
    return unread ? hp_unread_receive(unread, buf, n, flags)
                  : recvfrom(fd, buf, n, flags, NULL, NULL);
}
