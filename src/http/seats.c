// seats.c -- a list; one thread has it.
#include "http/seats.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

struct hp_seat {
    int fd;
    bool given_up;
    struct hp_seat *previous, *next;
};

// The library sees the end and closes; until then the seat stays in the list.
static void give_up_first(struct hp_seats *seats)
{
    struct hp_seat *seat = seats->first;
    while (seat && seat->given_up)
        seat = seat->next;
    if (!seat)
        return;
    seat->given_up = true;
    seats->count--;
    shutdown(seat->fd, SHUT_RDWR);
}

struct hp_seat *hp_seats_take(struct hp_seats *seats, int fd)
{
    struct hp_seat *seat = calloc(1, sizeof *seat);
    if (!seat)
        return NULL;
    seat->fd = fd;
    seat->previous = seats->last;
    if (seats->last)
        seats->last->next = seat;
    else
        seats->first = seat;
    seats->last = seat;
    seats->count++;
    if (seats->count > seats->most)
        give_up_first(seats);
    return seat;
}

void hp_seats_leave(struct hp_seats *seats, struct hp_seat *seat)
{
    if (seat->previous)
        seat->previous->next = seat->next;
    else
        seats->first = seat->next;
    if (seat->next)
        seat->next->previous = seat->previous;
    else
        seats->last = seat->previous;
    seats->count -= !seat->given_up;
    free(seat);
}
