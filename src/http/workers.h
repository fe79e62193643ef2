// workers.h -- the threads that compute, and the queue before them. Any thread hands jobs in; each
// comes back to the list that it names.
#pragma once

#include "http/queue.h"

struct hp_workers;

// Of jobs that are done, for the one thread that takes them from it.
struct hp_done {
    struct hp_job *first, **end;
    int fd; // an eventfd: written when there is a first one
};

void hp_done_init(struct hp_done *done, int fd);

struct hp_workers_setting {
    unsigned threads; // that take any job; one more takes short ones only
    size_t queue_requests, queue_bytes;
    void (*run)(struct hp_job *job); // on a worker's thread
};

// NULL: no memory or no threads. Signals must be blocked before.
struct hp_workers *hp_workers_new(const struct hp_workers_setting *setting);

// Waits for the jobs that run; none waits any more.
void hp_workers_free(struct hp_workers *workers);

// Whether `job` could be handed in now, `remaining_ns` before its deadline (0: none): there is room
// in number and bytes, and by what is known its turn comes in time; while jobs are refused, behind
// `coming_ns` of work that may be handed in before it. *wait_ns says how long that takes.
bool hp_workers_admit(struct hp_workers *workers, const struct hp_job *job, uint64_t coming_ns,
    uint64_t remaining_ns, uint64_t *wait_ns);

// Hands it in, where it could be.
bool hp_workers_submit(
    struct hp_workers *workers, struct hp_job *job, uint64_t remaining_ns, uint64_t *wait_ns);

// Takes back a job that waits. False where a worker has it, or had: it comes with those done.
bool hp_workers_withdraw(struct hp_workers *workers, struct hp_job *job);

// Those done since the last call, linked by `next`.
struct hp_job *hp_workers_done(struct hp_workers *workers, struct hp_done *done);

struct hp_workers_view {
    size_t threads, busy, queued, queued_bytes;
    size_t stuck; // busy with a job whose time was over two seconds ago: it should have looked
    uint64_t oldest_ns;  // when the one that waits longest came; 0: none waits
    uint64_t started_ns; // when the job that runs longest was taken; 0: none runs
};

void hp_workers_look(struct hp_workers *workers, struct hp_workers_view *view);
