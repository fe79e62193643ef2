// unread.h -- the rest of a refused body is thrown away by the kernel (MSG_TRUNC, tcp(7)) instead
// of being copied; libmicrohttpd, which counts it, is told that it came (src/incoming.c).
#pragma once

#include "http/by_fd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Of one connection, known by its descriptor to the thread that reads it. All zero: none.
struct hp_unread {
    struct hp_by_fd by_fd;
    bool tcp;
    uint64_t left;  // bytes of the body that are still to come
    uint64_t ahead; // so many of them were told already
};

// Once for a TCP connection: the kernel says with a message what is left behind it.
void hp_unread_prepare(int fd);

// Of what this thread receives on `fd` the next `bytes` are not looked at.
void hp_unread_begin(struct hp_unread *unread, int fd, bool tcp, uint64_t bytes);

// Before `unread` goes away; also where all of it came, or nothing was begun.
void hp_unread_end(struct hp_unread *unread);

// NULL: what comes is looked at.
struct hp_unread *hp_unread_for(int fd);

// As recv: up to `n` bytes came. `buf` holds those that are behind the body, at their places.
ssize_t hp_unread_receive(struct hp_unread *unread, void *buf, size_t n, int flags);
