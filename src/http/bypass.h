// bypass.h -- bodies whose bytes do not pass through libmicrohttpd's buffer: a large one is
// received where it is to lie, in few and large pieces; the rest of a refused one is thrown away by
// the kernel (MSG_TRUNC, tcp(7)). libmicrohttpd, which counts them, is told that they came
// (src/incoming.c), and hands over as many bytes of its buffer, which are not to be looked at.
#pragma once

#include "http/by_fd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Of one connection, known by its descriptor to the thread that reads it. All zero: none.
struct hp_bypass {
    struct hp_by_fd by_fd;
    char *place;     // of the next byte that is received; NULL: nowhere
    bool tcp;        // where nothing is copied to be thrown away
    uint64_t left;   // bytes that are still to be received
    uint64_t untold; // bytes that libmicrohttpd is still to be told of
    uint64_t told;   // bytes that it was told of and has not yet handed over
};

// The next `bytes` that this thread receives on `fd` go to `place`.
void hp_bypass_to(struct hp_bypass *bypass, int fd, char *place, uint64_t bytes);

// Of a TCP connection, before the first of its bodies that are thrown away: the kernel says from
// now on what is left behind what it returns.
void hp_bypass_prepare(int fd);

// The next `bytes` that this thread receives on `fd` are thrown away.
void hp_bypass_throw(struct hp_bypass *bypass, int fd, bool tcp, uint64_t bytes);

// Before `bypass` or its place goes away; also where all came, or nothing was begun.
void hp_bypass_end(struct hp_bypass *bypass);

// Of `len` bytes that libmicrohttpd hands over, so many at their front are not to be looked at.
size_t hp_bypass_handed(struct hp_bypass *bypass, size_t len);

// Bytes that libmicrohttpd was told of and that have not come.
uint64_t hp_bypass_owed(const struct hp_bypass *bypass);

// NULL: all that comes is for libmicrohttpd.
struct hp_bypass *hp_bypass_for(int fd);

// As recv: up to `n` bytes came. `buf` holds those that are behind the body, at their places.
ssize_t hp_bypass_receive(struct hp_bypass *bypass, void *buf, size_t n, int flags);
