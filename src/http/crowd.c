// crowd.c -- a table with linear probing, never more than half full; a row whose last connection is
// gone is closed up, so that no search has to pass it.
#include "http/crowd.h"

#include <assert.h>
#include <stdlib.h>

static size_t home_of(const struct hp_crowd *crowd, uint64_t who)
{
    return (size_t)(who * 0x9e3779b97f4a7c15u >> 32) & crowd->mask;
}

bool hp_crowd_init(struct hp_crowd *crowd, size_t connections_max)
{
    size_t rows = 2;
    while (rows < 2 * connections_max)
        rows *= 2;
    *crowd = (struct hp_crowd){ .mask = rows - 1, .rows = calloc(rows, sizeof *crowd->rows) };
    pthread_mutex_init(&crowd->lock, NULL);
    return crowd->rows != NULL;
}

void hp_crowd_done(struct hp_crowd *crowd)
{
    if (!crowd->rows)
        return;
    pthread_mutex_destroy(&crowd->lock);
    free(crowd->rows);
    crowd->rows = NULL;
}

// Its row, or the one that it would have.
static size_t find(const struct hp_crowd *crowd, uint64_t who)
{
    size_t at = home_of(crowd, who);
    while (crowd->rows[at].count && crowd->rows[at].who != who)
        at = (at + 1) & crowd->mask;
    return at;
}

bool hp_crowd_enter(struct hp_crowd *crowd, uint64_t who, size_t most)
{
    pthread_mutex_lock(&crowd->lock);
    struct hp_crowd_row *row = &crowd->rows[find(crowd, who)];
    bool may = most == 0 || row->count < most;
    if (may)
        *row = (struct hp_crowd_row){ who, row->count + 1 };
    pthread_mutex_unlock(&crowd->lock);
    return may;
}

// Moves up what was put behind it for want of its place.
static void close_up(struct hp_crowd *crowd, size_t hole)
{
    for (size_t at = (hole + 1) & crowd->mask; crowd->rows[at].count; at = (at + 1) & crowd->mask) {
        size_t home = home_of(crowd, crowd->rows[at].who);
        if (((at - home) & crowd->mask) < ((at - hole) & crowd->mask))
            continue;
        crowd->rows[hole] = crowd->rows[at];
        crowd->rows[at].count = 0;
        hole = at;
    }
}

void hp_crowd_leave(struct hp_crowd *crowd, uint64_t who)
{
    pthread_mutex_lock(&crowd->lock);
    size_t at = find(crowd, who);
    assert(crowd->rows[at].count > 0);
    if (--crowd->rows[at].count == 0)
        close_up(crowd, at);
    pthread_mutex_unlock(&crowd->lock);
}
