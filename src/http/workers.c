// workers.c -- one lock, one condition, N threads, and one more that takes short jobs only: N long
// ones do not keep a short one waiting. Workers are nicer than the I/O thread: where they share a
// core with it, a small request waits for the end of a time slice no more.
#include "http/workers.h"

#include "hotpathd/deadline.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NICE = 10, STUCK_S = 2, STRETCH_ONE = 1024, STRETCH_MAX = 64 * STRETCH_ONE };

// While jobs are refused, what waits is thought to take so many times as long: estimates are wrong
// by as much, and a longer queue answers no more requests, but later, some too late. Until then a
// burst may fill what time there is.
enum { SPARE = 2, REFUSING_NS = 100000000 };

struct worker {
    struct hp_workers *all;
    pthread_t thread;
    bool short_only;
    uint64_t since_ns; // of the job that runs; 0: none does
    uint64_t estimate_ns, until_ns;
};

struct hp_workers {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct hp_queue queue;
    void (*run)(struct hp_job *job);
    size_t busy, busy_with_any; // workers with a job: all of them, and those that take any
    bool stopping;
    // What a job takes of the clock for each unit that it was thought to take of a processor:
    // others use the cores too. STRETCH_ONE: the same.
    uint64_t stretch;
    uint64_t refused_ns; // when a live job was last not let in; 0: never
    size_t count;        // of all of them; the last one takes short jobs only
    struct worker worker[];
};

// --- a worker ------------------------------------------------------------------------------------

static struct hp_job *wait_for_job(struct worker *worker)
{
    struct hp_workers *all = worker->all;
    pthread_mutex_lock(&all->lock);
    struct hp_job *job;
    while (!(job = hp_queue_take(&all->queue, worker->short_only)) && !all->stopping)
        pthread_cond_wait(&all->work, &all->lock);
    all->busy += job != NULL;
    all->busy_with_any += job && !worker->short_only;
    worker->since_ns = job ? hp_now_ns() : 0;
    worker->estimate_ns = job ? job->estimate_ns : 0;
    worker->until_ns = job ? job->until_ns : 0;
    pthread_mutex_unlock(&all->lock);
    return job;
}

static void learn_stretch(struct hp_workers *all, uint64_t took_ns, uint64_t estimate_ns)
{
    if (estimate_ns == 0)
        return;
    uint64_t now = took_ns * STRETCH_ONE / estimate_ns;
    now = now < STRETCH_ONE ? STRETCH_ONE : now > STRETCH_MAX ? STRETCH_MAX : now;
    all->stretch = (all->stretch * 15 + now) / 16;
}

static void hand_back(struct worker *worker, struct hp_job *job)
{
    struct hp_workers *all = worker->all;
    uint64_t one = 1;
    job->next = NULL;
    pthread_mutex_lock(&all->lock);
    learn_stretch(all, hp_now_ns() - worker->since_ns, worker->estimate_ns);
    worker->since_ns = 0;
    all->busy--;
    all->busy_with_any -= !worker->short_only;
    struct hp_done *done = job->home;
    bool first = !done->first;
    *done->end = job;
    done->end = &job->next;
    pthread_mutex_unlock(&all->lock);
    if (first && write(done->fd, &one, sizeof one) < 0)
        return; // the counter is full: the loop is awake
}

// By the thread itself: the name of another one is a file below /proc, which Landlock keeps shut.
static void take_name(const struct worker *worker)
{
    char name[32];
    snprintf(name, sizeof name, "hotpathd-w%td", worker - worker->all->worker);
    (void)prctl(PR_SET_NAME, name, 0, 0, 0); // takes 15 bytes of it
}

static void *work(void *cls)
{
    struct worker *worker = cls;
    struct hp_job *job;
    id_t self = (id_t)gettid();
    take_name(worker);
    // Without the privilege to be nicer there is none to be had; the work is done all the same.
    (void)setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + NICE);
    while ((job = wait_for_job(worker))) {
        worker->all->run(job);
        hand_back(worker, job);
    }
    return NULL;
}

// --- starting and stopping -----------------------------------------------------------------------

static bool start(struct hp_workers *workers, bool short_only)
{
    struct worker *worker = &workers->worker[workers->count];
    worker->all = workers;
    worker->short_only = short_only;
    if (pthread_create(&worker->thread, NULL, work, worker) != 0)
        return false;
    workers->count++;
    return true;
}

struct hp_workers *hp_workers_new(const struct hp_workers_setting *setting)
{
    struct hp_workers *workers =
        calloc(1, sizeof *workers + (setting->threads + 1) * sizeof *workers->worker);
    if (!workers)
        return NULL;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->work, NULL);
    workers->run = setting->run;
    workers->stretch = STRETCH_ONE;
    bool ok = hp_queue_init(
        &workers->queue, setting->queue_requests, setting->queue_bytes, setting->threads + 1);
    while (ok && workers->count <= setting->threads)
        ok = start(workers, workers->count == setting->threads);
    if (ok)
        return workers;
    hp_workers_free(workers);
    return NULL;
}

void hp_workers_free(struct hp_workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->work);
    pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < workers->count; i++)
        pthread_join(workers->worker[i].thread, NULL);
    hp_queue_done(&workers->queue);
    pthread_cond_destroy(&workers->work);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

// --- the side of those who hand in ---------------------------------------------------------------

// What is left of the jobs that run; one that is over its estimate has, for all we know, nothing
// left.
static uint64_t running_ns(const struct hp_workers *workers, uint64_t now_ns, bool short_only)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < workers->count; i++) {
        const struct worker *worker = &workers->worker[i];
        if (worker->short_only != short_only)
            continue;
        uint64_t whole = worker->estimate_ns * workers->stretch / STRETCH_ONE;
        uint64_t spent = now_ns - worker->since_ns;
        if (worker->since_ns && spent < whole)
            sum += whole - spent;
    }
    return sum;
}

// Of the threads that take any job, or of the one that takes short ones.
static uint64_t wait_for(
    const struct hp_workers *workers, const struct hp_job *job, uint64_t now_ns, bool short_only)
{
    uint64_t before = hp_queue_before_ns(&workers->queue, job, now_ns, short_only);
    if (workers->refused_ns && now_ns - workers->refused_ns < REFUSING_NS)
        before *= SPARE;
    uint64_t work =
        running_ns(workers, now_ns, short_only) + before * workers->stretch / STRETCH_ONE;
    assert(workers->count > 1); // one that takes any, and the one that takes short ones
    return work / (short_only ? 1 : workers->count - 1);
}

static uint64_t wait_ns(const struct hp_workers *workers, const struct hp_job *job, uint64_t now_ns)
{
    uint64_t any = wait_for(workers, job, now_ns, false);
    uint64_t lane = hp_job_is_long(job) ? any : wait_for(workers, job, now_ns, true);
    return lane < any ? lane : any;
}

// Whether all threads that could take it have something to do.
static bool must_wait(const struct hp_workers *workers, const struct hp_job *job)
{
    if (hp_job_is_long(job))
        return workers->queue.count + workers->busy_with_any >= workers->count - 1;
    return workers->queue.heap[0].count + workers->busy >= workers->count;
}

static bool fits(struct hp_workers *workers, const struct hp_job *job, uint64_t now_ns,
    uint64_t remaining_ns, uint64_t *wait)
{
    bool waits = must_wait(workers, job);
    *wait = waits ? wait_ns(workers, job, now_ns) : 0;
    bool in_time = !remaining_ns || *wait + job->estimate_ns <= remaining_ns;
    bool could = !waits || (in_time && hp_queue_has_room(&workers->queue, job));
    if (!could && !job->shadow)
        workers->refused_ns = now_ns;
    return could;
}

bool hp_workers_admit(
    struct hp_workers *workers, const struct hp_job *job, uint64_t remaining_ns, uint64_t *wait)
{
    pthread_mutex_lock(&workers->lock);
    uint64_t now = hp_now_ns();
    bool could = fits(workers, job, now, remaining_ns, wait);
    pthread_mutex_unlock(&workers->lock);
    return could;
}

bool hp_workers_submit(
    struct hp_workers *workers, struct hp_job *job, uint64_t remaining_ns, uint64_t *wait)
{
    pthread_mutex_lock(&workers->lock);
    uint64_t now = hp_now_ns();
    bool could = fits(workers, job, now, remaining_ns, wait);
    if (could) {
        hp_queue_put(&workers->queue, job, now);
        // All: the one that a signal would wake may be the one that takes short jobs only.
        pthread_cond_broadcast(&workers->work);
    }
    pthread_mutex_unlock(&workers->lock);
    return could;
}

bool hp_workers_withdraw(struct hp_workers *workers, struct hp_job *job)
{
    pthread_mutex_lock(&workers->lock);
    bool waited = hp_queue_withdraw(&workers->queue, job);
    pthread_mutex_unlock(&workers->lock);
    return waited;
}

void hp_done_init(struct hp_done *done, int fd)
{
    *done = (struct hp_done){ .end = &done->first, .fd = fd };
}

struct hp_job *hp_workers_done(struct hp_workers *workers, struct hp_done *done)
{
    pthread_mutex_lock(&workers->lock);
    struct hp_job *first = done->first;
    hp_done_init(done, done->fd);
    pthread_mutex_unlock(&workers->lock);
    return first;
}

void hp_workers_look(struct hp_workers *workers, struct hp_workers_view *view)
{
    *view = (struct hp_workers_view){ .threads = workers->count };
    uint64_t now = hp_now_ns();
    pthread_mutex_lock(&workers->lock);
    view->busy = workers->busy;
    view->queued = workers->queue.count;
    view->queued_bytes = workers->queue.bytes;
    view->oldest_ns = hp_queue_oldest_ns(&workers->queue);
    for (size_t i = 0; i < workers->count; i++) {
        uint64_t since = workers->worker[i].since_ns, until = workers->worker[i].until_ns;
        view->stuck += since && until && now > until + (uint64_t)STUCK_S * HP_NS_PER_S;
        if (since && (!view->started_ns || since < view->started_ns))
            view->started_ns = since;
    }
    pthread_mutex_unlock(&workers->lock);
}
