// queue.c -- a heap by turn. A job's turn is fixed when it comes: its arrival, put back by several
// times its own length. So a short one passes a long one, but only for a while: whoever comes later
// than that stands behind it, and nothing starves. Shadow calls stand behind all live ones.
#include "http/queue.h"

#include <assert.h>
#include <stdlib.h>

// A job of 10 ms lets shorter ones pass that come within 80 ms after it.
enum { PATIENCE = 8 };

// Above every live turn; time since boot stays below it for 146 years.
static const uint64_t shadow_turn = UINT64_C(1) << 62;

bool hp_queue_init(struct hp_queue *queue, size_t count_max, size_t bytes_max)
{
    *queue = (struct hp_queue){ .count_max = count_max, .bytes_max = bytes_max };
    queue->heap = calloc(count_max, sizeof *queue->heap);
    return queue->heap != NULL;
}

void hp_queue_done(struct hp_queue *queue)
{
    free(queue->heap);
    queue->heap = NULL;
}

static uint64_t turn_of(const struct hp_job *job, uint64_t now_ns)
{
    return now_ns + PATIENCE * job->estimate_ns + (job->shadow ? shadow_turn : 0);
}

bool hp_queue_has_room(const struct hp_queue *queue, const struct hp_job *job)
{
    size_t share = job->shadow ? 2 : 1;
    size_t bytes_max = queue->bytes_max / share;
    return queue->count < (queue->count_max + share - 1) / share && queue->bytes <= bytes_max &&
           job->bytes <= bytes_max - queue->bytes;
}

uint64_t hp_queue_before_ns(const struct hp_queue *queue, const struct hp_job *job, uint64_t now_ns)
{
    uint64_t turn = turn_of(job, now_ns), sum = 0;
    for (size_t i = 0; i < queue->count; i++)
        if (queue->heap[i].turn <= turn)
            sum += queue->heap[i].job->estimate_ns;
    return sum;
}

static void place(struct hp_queue *queue, size_t at, struct hp_waiting waiting)
{
    queue->heap[at] = waiting;
    waiting.job->place = at;
}

static void rise(struct hp_queue *queue, size_t at, struct hp_waiting waiting)
{
    while (at > 0 && waiting.turn < queue->heap[(at - 1) / 2].turn) {
        place(queue, at, queue->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(queue, at, waiting);
}

static void sink(struct hp_queue *queue, size_t at, struct hp_waiting waiting)
{
    for (size_t child; (child = 2 * at + 1) < queue->count; at = child) {
        if (child + 1 < queue->count && queue->heap[child + 1].turn < queue->heap[child].turn)
            child++;
        if (waiting.turn <= queue->heap[child].turn)
            break;
        place(queue, at, queue->heap[child]);
    }
    place(queue, at, waiting);
}

void hp_queue_put(struct hp_queue *queue, struct hp_job *job, uint64_t now_ns)
{
    assert(queue->count < queue->count_max);
    job->since_ns = now_ns;
    queue->bytes += job->bytes;
    rise(queue, queue->count++, (struct hp_waiting){ turn_of(job, now_ns), job });
}

bool hp_queue_withdraw(struct hp_queue *queue, struct hp_job *job)
{
    size_t at = job->place;
    if (at == HP_NO_PLACE)
        return false;
    assert(queue->heap[at].job == job);
    struct hp_waiting last = queue->heap[--queue->count];
    queue->bytes -= job->bytes;
    job->place = HP_NO_PLACE;
    if (at == queue->count)
        return true;
    if (at > 0 && last.turn < queue->heap[(at - 1) / 2].turn)
        rise(queue, at, last);
    else
        sink(queue, at, last);
    return true;
}

struct hp_job *hp_queue_take(struct hp_queue *queue)
{
    if (queue->count == 0)
        return NULL;
    struct hp_job *job = queue->heap[0].job;
    hp_queue_withdraw(queue, job);
    return job;
}

uint64_t hp_queue_oldest_ns(const struct hp_queue *queue)
{
    uint64_t oldest = 0;
    for (size_t i = 0; i < queue->count; i++)
        if (oldest == 0 || queue->heap[i].job->since_ns < oldest)
            oldest = queue->heap[i].job->since_ns;
    return oldest;
}
