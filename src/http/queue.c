// queue.c -- two heaps by turn, of short jobs and of long ones. A job's turn is fixed when it
// comes: its arrival, put back by several times its own length. So a short one passes a long one,
// but only for a while: whoever comes later than that stands behind it, and nothing starves. Shadow
// calls stand behind all live ones.
#include "http/queue.h"

#include <assert.h>
#include <stdlib.h>

// A job of 10 ms lets shorter ones pass that come within 80 ms after it.
enum { PATIENCE = 8 };

// Above every live turn; time since boot stays below it for 146 years.
static const uint64_t shadow_turn = UINT64_C(1) << 62;

bool hp_queue_init(struct hp_queue *queue, size_t count_max, size_t bytes_max, size_t at_hand)
{
    size_t places = count_max + at_hand;
    *queue = (struct hp_queue){ .count_max = count_max, .bytes_max = bytes_max, .places = places };
    queue->heap[0].at = calloc(places, sizeof *queue->heap[0].at);
    queue->heap[1].at = calloc(places, sizeof *queue->heap[1].at);
    return queue->heap[0].at && queue->heap[1].at;
}

void hp_queue_done(struct hp_queue *queue)
{
    free(queue->heap[0].at);
    free(queue->heap[1].at);
    queue->heap[0].at = queue->heap[1].at = NULL;
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

// --- one heap ------------------------------------------------------------------------------------

static uint64_t before_ns(const struct hp_heap *heap, uint64_t turn)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < heap->count; i++)
        if (heap->at[i].turn <= turn)
            sum += heap->at[i].job->estimate_ns;
    return sum;
}

static void place(struct hp_heap *heap, size_t at, struct hp_waiting waiting)
{
    heap->at[at] = waiting;
    waiting.job->place = at;
}

static void rise(struct hp_heap *heap, size_t at, struct hp_waiting waiting)
{
    while (at > 0 && waiting.turn < heap->at[(at - 1) / 2].turn) {
        place(heap, at, heap->at[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(heap, at, waiting);
}

static void sink(struct hp_heap *heap, size_t at, struct hp_waiting waiting)
{
    for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && heap->at[child + 1].turn < heap->at[child].turn)
            child++;
        if (waiting.turn <= heap->at[child].turn)
            break;
        place(heap, at, heap->at[child]);
    }
    place(heap, at, waiting);
}

static void cut_out(struct hp_heap *heap, size_t at)
{
    struct hp_waiting last = heap->at[--heap->count];
    if (at == heap->count)
        return;
    if (at > 0 && last.turn < heap->at[(at - 1) / 2].turn)
        rise(heap, at, last);
    else
        sink(heap, at, last);
}

// --- both ----------------------------------------------------------------------------------------

uint64_t hp_queue_before_ns(
    const struct hp_queue *queue, const struct hp_job *job, uint64_t now_ns, bool short_only)
{
    uint64_t turn = turn_of(job, now_ns), sum = before_ns(&queue->heap[0], turn);
    return short_only ? sum : sum + before_ns(&queue->heap[1], turn);
}

void hp_queue_put(struct hp_queue *queue, struct hp_job *job, uint64_t now_ns)
{
    struct hp_heap *heap = &queue->heap[hp_job_is_long(job)];
    assert(queue->count < queue->places);
    job->since_ns = now_ns;
    queue->count++;
    queue->bytes += job->bytes;
    rise(heap, heap->count++, (struct hp_waiting){ turn_of(job, now_ns), job });
}

bool hp_queue_withdraw(struct hp_queue *queue, struct hp_job *job)
{
    struct hp_heap *heap = &queue->heap[hp_job_is_long(job)];
    if (job->place == HP_NO_PLACE)
        return false;
    assert(heap->at[job->place].job == job);
    cut_out(heap, job->place);
    job->place = HP_NO_PLACE;
    queue->count--;
    queue->bytes -= job->bytes;
    return true;
}

struct hp_job *hp_queue_take(struct hp_queue *queue, bool short_only)
{
    const struct hp_heap *shorts = &queue->heap[0], *longs = &queue->heap[1], *from = shorts;
    if (!short_only && longs->count && (!shorts->count || longs->at[0].turn < shorts->at[0].turn))
        from = longs;
    if (from->count == 0)
        return NULL;
    struct hp_job *job = from->at[0].job;
    hp_queue_withdraw(queue, job);
    return job;
}

uint64_t hp_queue_oldest_ns(const struct hp_queue *queue)
{
    uint64_t oldest = 0;
    for (size_t h = 0; h < 2; h++)
        for (size_t i = 0; i < queue->heap[h].count; i++) {
            uint64_t since = queue->heap[h].at[i].job->since_ns;
            if (oldest == 0 || since < oldest)
                oldest = since;
        }
    return oldest;
}
