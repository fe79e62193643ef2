// crowd.h -- how many connections each peer holds, over all loops. Any thread.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_crowd_row {
    uint64_t who;
    size_t count; // 0: the row is free
};

struct hp_crowd {
    pthread_mutex_t lock;
    struct hp_crowd_row *rows;
    size_t mask;
};

// For at most so many connections at a time. False: no memory.
bool hp_crowd_init(struct hp_crowd *crowd, size_t connections_max);
void hp_crowd_done(struct hp_crowd *crowd);

// One more; false where it has `most` already (0: any number).
bool hp_crowd_enter(struct hp_crowd *crowd, uint64_t who, size_t most);

// One that entered.
void hp_crowd_leave(struct hp_crowd *crowd, uint64_t who);
