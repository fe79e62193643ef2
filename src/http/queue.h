// queue.h -- requests that wait for a worker: live before shadow, short before long, and none for
// ever. Bounded in number and in bytes. Not locked: its owner (workers.c) is.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_done; // workers.h

// What a request looks like here; embedded in what it stands for. Its owner keeps it alive until it
// is taken or withdrawn.
struct hp_job {
    uint64_t estimate_ns; // of work
    size_t bytes;         // of the body
    uint64_t until_ns;    // nobody waits after; 0: no limit
    bool shadow;
    // The queue's:
    uint64_t since_ns;
    size_t place; // in the heap; HP_NO_PLACE: not there
    // The workers':
    struct hp_done *home; // where it goes when it is done
    struct hp_job *next;  // of those that are done
};

#define HP_NO_PLACE SIZE_MAX

// Jobs are short up to this; long ones may not keep all threads.
enum { HP_SHORT_NS = 2000000 };

static inline bool hp_job_is_long(const struct hp_job *job)
{
    return job->estimate_ns > HP_SHORT_NS;
}

struct hp_waiting {
    uint64_t turn; // who comes first
    struct hp_job *job;
};

struct hp_heap {
    struct hp_waiting *at;
    size_t count;
};

struct hp_queue {
    struct hp_heap heap[2]; // of short jobs, of long ones
    size_t count, bytes;
    size_t count_max, bytes_max;
    size_t places;
};

// So many may wait, and so many bytes; `at_hand` more find a place that are about to be taken.
bool hp_queue_init(struct hp_queue *queue, size_t count_max, size_t bytes_max, size_t at_hand);
void hp_queue_done(struct hp_queue *queue);

// Whether there is room. Shadow calls get no more than half of it: they are what is shed first.
bool hp_queue_has_room(const struct hp_queue *queue, const struct hp_job *job);

// The work of those that would go before `job` if it came now; of the short ones alone, or of all.
uint64_t hp_queue_before_ns(
    const struct hp_queue *queue, const struct hp_job *job, uint64_t now_ns, bool short_only);

// There is a place.
void hp_queue_put(struct hp_queue *queue, struct hp_job *job, uint64_t now_ns);

// The next one; NULL: none (or none that is short) waits.
struct hp_job *hp_queue_take(struct hp_queue *queue, bool short_only);

// False where it does not wait here.
bool hp_queue_withdraw(struct hp_queue *queue, struct hp_job *job);

// When the one that waits longest came; 0: none waits.
uint64_t hp_queue_oldest_ns(const struct hp_queue *queue);
