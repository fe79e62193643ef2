// workers.h -- the threads that compute, and the queue before them. One thread (the I/O thread)
// hands jobs in and gets them back; any thread may look.
#pragma once

#include "http/queue.h"

struct hp_workers;

struct hp_workers_setting {
    unsigned threads; // that take any job; one more takes short ones only
    size_t queue_requests, queue_bytes;
    void (*run)(struct hp_job *job); // on a worker's thread
    int done_fd;                     // an eventfd: written when a job is done
};

// NULL: no memory or no threads. Signals must be blocked before.
struct hp_workers *hp_workers_new(const struct hp_workers_setting *setting);

// Waits for the jobs that run; none waits any more.
void hp_workers_free(struct hp_workers *workers);

// Whether `job` may be handed in now, `remaining_ns` before its deadline (0: none): there is room
// in number and bytes, and by what is known its turn comes in time. Else *wait_ns says how long it
// takes, by what is known, until there is. The answer holds until this thread submits.
bool hp_workers_admit(
    struct hp_workers *workers, const struct hp_job *job, uint64_t remaining_ns, uint64_t *wait_ns);

void hp_workers_submit(struct hp_workers *workers, struct hp_job *job);

// Takes back a job that waits. False where a worker has it, or had: it comes with those done.
bool hp_workers_withdraw(struct hp_workers *workers, struct hp_job *job);

// Those done since the last call, linked by `next`.
struct hp_job *hp_workers_done(struct hp_workers *workers);

struct hp_workers_view {
    size_t threads, busy, queued, queued_bytes;
    size_t stuck; // busy with a job whose time was over two seconds ago: it should have looked
    uint64_t oldest_ns;  // when the one that waits longest came; 0: none waits
    uint64_t started_ns; // when the job that runs longest was taken; 0: none runs
};

void hp_workers_look(struct hp_workers *workers, struct hp_workers_view *view);
