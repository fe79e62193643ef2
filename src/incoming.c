// incoming.c -- as outgoing.c: what libmicrohttpd receives passes here.
#include "http/bypass.h"
#include "http/chunked.h"
#include "http/exchange.h"

#include <sys/socket.h>

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
    struct hp_bypass *bypass = hp_bypass_for(fd);
    if (bypass)
        return hp_bypass_receive(bypass, buf, n, flags);
    struct hp_chunked *chunked = hp_chunked_for(fd);
    if (!chunked)
        return recvfrom(fd, buf, n, flags, NULL, NULL);
    return n > 1 ? hp_chunked_receive(chunked, buf, n, flags) : hp_exchange_is_full(chunked);
}
