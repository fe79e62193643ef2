// seats.h -- the admin side's connections. There are few of them, and whoever holds one open and
// says nothing, or drips, must not keep a health check out: beyond the limit the one that came
// first gives way.
#pragma once

#include <stddef.h>

struct hp_seat;

struct hp_seats {
    struct hp_seat *first, *last; // in the order in which they came
    size_t count, most;
};

// Takes a seat for this socket; NULL: no memory, it is only not counted.
struct hp_seat *hp_seats_take(struct hp_seats *seats, int fd);
void hp_seats_leave(struct hp_seats *seats, struct hp_seat *seat);
