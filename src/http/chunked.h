// chunked.h -- libmicrohttpd 0.9.75 neither reads nor fails any more once its memory for a
// connection is full to the last byte and the line of a trailer ends there: it turns for nothing.
// So of the room that it has for a chunked body, one byte is left free: where that is all there is,
// the memory is used up.
#pragma once

#include "http/by_fd.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Of one connection whose chunked body is coming in. All zero: none.
struct hp_chunked {
    struct hp_by_fd by_fd;
    bool more; // there may be more in the socket than was received
};

// What this thread receives on `fd` from now on.
void hp_chunked_begin(struct hp_chunked *chunked, int fd);

// Before `chunked` goes away; also where nothing was begun.
void hp_chunked_end(struct hp_chunked *chunked);

// NULL: no chunked body is coming in.
struct hp_chunked *hp_chunked_for(int fd);

// As recv; n > 1.
ssize_t hp_chunked_receive(struct hp_chunked *chunked, void *buf, size_t n, int flags);

// Behind each turn of libmicrohttpd's on this thread: one that it is to read again, though it was
// told that there is no more; NULL: none, or no other.
struct hp_chunked *hp_chunked_next(void);
