// test_work.c -- who goes first, what is refused, what work costs, and the threads that do it.
#include "base/cores.h"
#include "hotpathd/deadline.h"
#include "http/cost.h"
#include "http/crowd.h"
#include "http/workers.h"

#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MS UINT64_C(1000000)

// --- cores ---------------------------------------------------------------------------------------

static unsigned quota(const char *max, const char *period)
{
    return hp_cores_of_quota(hp_str_from(max), hp_str_from(period));
}

START_TEST(a_quota_is_whole_processors)
{
    ck_assert_uint_eq(quota("200000", "100000"), 2);
    ck_assert_uint_eq(quota("250000", "100000"), 2);
    ck_assert_uint_eq(quota("50000", "100000"), 1);
    ck_assert_uint_eq(quota("max", "100000"), 0);
    ck_assert_uint_eq(quota("-1", "100000"), 0);
    ck_assert_uint_eq(quota("100000", "0"), 0);
    ck_assert_uint_eq(quota("", ""), 0);
    ck_assert_uint_ge(hp_cores(), 1);
}
END_TEST

static const char *group_of(const char *line, bool unified)
{
    bool is_unified = !unified;
    hp_str group = { "none", 4 };
    if (!hp_cores_group(hp_str_from(line), &is_unified, &group))
        return "none";
    ck_assert_int_eq(is_unified, unified);
    return group.ptr;
}

START_TEST(the_group_of_processors_is_found_in_both_versions)
{
    ck_assert_str_eq(group_of("0::/user.slice/a", true), "/user.slice/a");
    ck_assert_str_eq(group_of("3:cpu,cpuacct:/docker/x", false), "/docker/x");
    ck_assert_str_eq(group_of("3:cpuacct,cpu:/", false), "/");
    ck_assert_str_eq(group_of("4:cpuset:/docker/x", true), "none");
    ck_assert_str_eq(group_of("1:name=systemd:/", true), "none");
    ck_assert_str_eq(group_of("0::", true), "none");
    ck_assert_str_eq(group_of("", true), "none");
}
END_TEST

// --- the queue -----------------------------------------------------------------------------------

static struct hp_job job_of(uint64_t estimate_ms, bool shadow)
{
    return (struct hp_job){
        .estimate_ns = estimate_ms * MS, .bytes = 10, .shadow = shadow, .place = HP_NO_PLACE
    };
}

START_TEST(short_ones_go_first_live_before_shadow)
{
    struct hp_queue queue;
    struct hp_job shadow = job_of(1, true), long_one = job_of(50, false),
                  short_one = job_of(2, false);
    ck_assert(hp_queue_init(&queue, 10, 1000, 0));
    hp_queue_put(&queue, &shadow, 1 * MS);
    hp_queue_put(&queue, &long_one, 2 * MS);
    hp_queue_put(&queue, &short_one, 3 * MS);
    ck_assert_uint_eq(queue.bytes, 30);
    ck_assert_uint_eq(hp_queue_oldest_ns(&queue), 1 * MS);
    ck_assert_ptr_eq(hp_queue_take(&queue, false), &short_one);
    ck_assert_ptr_eq(hp_queue_take(&queue, false), &long_one);
    ck_assert_ptr_eq(hp_queue_take(&queue, false), &shadow);
    ck_assert_ptr_null(hp_queue_take(&queue, false));
    ck_assert_uint_eq(queue.bytes, 0);
    ck_assert_uint_eq(hp_queue_oldest_ns(&queue), 0);
    hp_queue_done(&queue);
}
END_TEST

// Short ones come for ever, one each millisecond; one is taken each millisecond.
START_TEST(a_long_one_is_passed_for_a_while_and_not_for_ever)
{
    enum { SHORT = 500 };
    static struct hp_job shorts[SHORT];
    struct hp_queue queue;
    struct hp_job long_one = job_of(20, false);
    size_t passed = 0;
    ck_assert(hp_queue_init(&queue, SHORT + 1, 100000, 0));
    hp_queue_put(&queue, &long_one, 1 * MS);
    for (size_t i = 0; i < SHORT; i++) {
        shorts[i] = job_of(1, false);
        hp_queue_put(&queue, &shorts[i], (1 + i) * MS);
        if (hp_queue_take(&queue, false) == &long_one)
            break;
        passed++;
    }
    ck_assert_uint_gt(passed, 20);
    ck_assert_uint_lt(passed, 200);
    hp_queue_done(&queue);
}
END_TEST

// Against a plain list: puts, takes and withdrawals at random.
START_TEST(a_heap_takes_what_a_list_would_take)
{
    enum { JOBS = 64, STEPS = 20000 };
    static struct hp_job jobs[JOBS];
    static uint64_t turn[JOBS]; // 0: not in
    struct hp_queue queue;
    unsigned seed = 7;
    ck_assert(hp_queue_init(&queue, JOBS, SIZE_MAX, 0));
    for (size_t i = 0; i < JOBS; i++)
        jobs[i] = job_of(0, false);
    for (uint64_t step = 1; step <= STEPS; step++) {
        size_t i = (size_t)rand_r(&seed) % JOBS;
        if (turn[i] && rand_r(&seed) % 4 == 0) {
            ck_assert(hp_queue_withdraw(&queue, &jobs[i]));
            ck_assert(!hp_queue_withdraw(&queue, &jobs[i]));
            turn[i] = 0;
        } else if (!turn[i]) {
            jobs[i].estimate_ns = (uint64_t)rand_r(&seed) % (2 * HP_SHORT_NS);
            turn[i] = step * HP_SHORT_NS + 8 * jobs[i].estimate_ns;
            uint64_t before = 0;
            for (size_t j = 0; j < JOBS; j++)
                if (j != i && turn[j] && turn[j] <= turn[i])
                    before += jobs[j].estimate_ns;
            ck_assert_uint_eq(
                hp_queue_before_ns(&queue, &jobs[i], step * HP_SHORT_NS, false), before);
            hp_queue_put(&queue, &jobs[i], step * HP_SHORT_NS);
        } else {
            bool short_only = rand_r(&seed) % 2;
            struct hp_job *taken = hp_queue_take(&queue, short_only);
            for (size_t j = 0; j < JOBS; j++) {
                bool comes = turn[j] && !(short_only && hp_job_is_long(&jobs[j]));
                ck_assert(!comes || (taken && turn[j] >= turn[taken - jobs]));
            }
            ck_assert(!taken || !short_only || !hp_job_is_long(taken));
            if (taken)
                turn[taken - jobs] = 0;
        }
    }
    hp_queue_done(&queue);
}
END_TEST

START_TEST(room_is_bounded_in_number_and_bytes_and_half_of_it_for_shadow)
{
    struct hp_queue queue;
    struct hp_job live[4], shadow = job_of(1, true), fat = job_of(1, false);
    fat.bytes = 91;
    ck_assert(hp_queue_init(&queue, 3, 100, 0));
    for (size_t i = 0; i < 4; i++)
        live[i] = job_of(1, false);
    ck_assert(hp_queue_has_room(&queue, &shadow));
    hp_queue_put(&queue, &live[0], 1);
    ck_assert(!hp_queue_has_room(&queue, &fat));
    ck_assert(hp_queue_has_room(&queue, &shadow));
    hp_queue_put(&queue, &live[1], 1);
    ck_assert(!hp_queue_has_room(&queue, &shadow));
    ck_assert(hp_queue_has_room(&queue, &live[2]));
    hp_queue_put(&queue, &live[2], 1);
    ck_assert(!hp_queue_has_room(&queue, &live[3]));
    hp_queue_done(&queue);
}
END_TEST

// --- cost ----------------------------------------------------------------------------------------

static void burn(uint64_t cpu_ns)
{
    uint64_t until = hp_thread_cpu_ns() + cpu_ns;
    while (hp_thread_cpu_ns() < until)
        continue;
}

START_TEST(time_off_the_processor_costs_nothing)
{
    struct hp_cost_clock clock = { 0, 0 };
    uint64_t before = hp_now_ns(), cpu_before = hp_thread_cpu_ns();
    hp_cost_clock_look(&clock, before);
    burn(HP_NS_PER_MS);
    usleep(20000);
    uint64_t wall = hp_now_ns() - before, spent = hp_cost_clock_spent(&clock, wall);
    ck_assert_uint_ge(spent, HP_NS_PER_MS);
    ck_assert_uint_le(spent, hp_thread_cpu_ns() - cpu_before);
    ck_assert_uint_eq(hp_cost_clock_spent(&clock, 7000), 7000); // what is short is believed
    burn(2 * HP_NS_PER_MS);
    hp_cost_clock_look(&clock, hp_now_ns());
    ck_assert_uint_lt(hp_cost_clock_spent(&clock, HP_NS_PER_S), 2 * HP_NS_PER_MS); // since the look
}
END_TEST

START_TEST(cost_is_learned_by_size)
{
    struct hp_cost cost = { .ns256 = { 0 } };
    ck_assert_uint_gt(hp_cost_estimate_ns(&cost, 1000), 0);
    for (int i = 0; i < 200; i++) {
        hp_cost_learn(&cost, 100, 10000);        // 100 ns a byte
        hp_cost_learn(&cost, 1 << 20, 10 << 20); // 10 ns a byte
    }
    ck_assert_uint_eq(hp_cost_estimate_ns(&cost, 100), 10000);
    ck_assert_uint_eq(hp_cost_estimate_ns(&cost, 1 << 20), 10 << 20);
    ck_assert_uint_eq(hp_cost_estimate_ns(&cost, 64 << 20), 640u << 20); // from the nearest size
    ck_assert_uint_eq(hp_cost_estimate_ns(&cost, 0), 0);
    hp_cost_learn(&cost, 0, 1);
    hp_cost_learn(&cost, 1, UINT64_MAX / 512);
    ck_assert_uint_gt(hp_cost_estimate_ns(&cost, 1), 0);
}
END_TEST

START_TEST(one_slow_request_moves_the_estimate_little)
{
    struct hp_cost cost = { .ns256 = { 0 } };
    hp_cost_learn(&cost, 1000, 10000);
    hp_cost_learn(&cost, 1000, 170000);
    ck_assert_uint_eq(hp_cost_estimate_ns(&cost, 1000), 20000);
    for (int i = 0; i < 100; i++)
        hp_cost_learn(&cost, 1000, 10000);
    ck_assert_uint_lt(hp_cost_estimate_ns(&cost, 1000), 10200);
}
END_TEST

// --- who has how many connections ----------------------------------------------------------------

START_TEST(a_crowd_counts_each_peer_as_a_plain_list_does)
{
    enum { PEERS = 40, CONNECTIONS = 64, STEPS = 20000, MOST = 3 };
    struct hp_crowd crowd;
    size_t held[PEERS] = { 0 }, all = 0;
    uint64_t seed = 1;
    ck_assert(hp_crowd_init(&crowd, CONNECTIONS));
    for (int step = 0; step < STEPS; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t peer = (size_t)(seed >> 33) % PEERS;
        uint64_t who = peer % 2 ? peer : UINT64_MAX - peer * 4096;
        if (seed >> 63 && held[peer]) {
            hp_crowd_leave(&crowd, who);
            held[peer]--, all--;
        } else if (all < CONNECTIONS) {
            bool may = hp_crowd_enter(&crowd, who, MOST);
            ck_assert_int_eq(may, held[peer] < MOST);
            held[peer] += may, all += may;
        }
    }
    ck_assert_uint_gt(all, MOST);
    hp_crowd_done(&crowd);
}
END_TEST

// --- the threads ---------------------------------------------------------------------------------

struct task {
    struct hp_job job;
    int runs;
};

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void run_task(struct hp_job *job)
{
    pthread_mutex_lock(&gate); // a test holds it to keep workers busy
    pthread_mutex_unlock(&gate);
    ((struct task *)(void *)job)->runs++;
}

static struct hp_workers *workers_of(unsigned threads, size_t queue_requests)
{
    struct hp_workers_setting setting = { .threads = threads,
        .queue_requests = queue_requests,
        .queue_bytes = 1 << 20,
        .run = run_task };
    struct hp_workers *workers = hp_workers_new(&setting);
    ck_assert_ptr_nonnull(workers);
    return workers;
}

static void open_done(struct hp_done *done)
{
    hp_done_init(done, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    ck_assert_int_ge(done->fd, 0);
}

static void submit(struct hp_workers *workers, struct hp_job *job, struct hp_done *done)
{
    uint64_t wait_ns;
    job->home = done;
    ck_assert(hp_workers_submit(workers, job, 0, &wait_ns));
}

static size_t collect(struct hp_workers *workers, struct hp_done *done, size_t wanted)
{
    size_t count = 0;
    while (count < wanted) {
        uint64_t events;
        struct pollfd event = { .fd = done->fd, .events = POLLIN };
        ck_assert_int_eq(poll(&event, 1, 60000), 1);
        ck_assert_int_eq(read(done->fd, &events, sizeof events), sizeof events);
        for (struct hp_job *job = hp_workers_done(workers, done); job; job = job->next) {
            ck_assert_ptr_eq(job->home, done);
            count++;
        }
    }
    return count;
}

START_TEST(each_job_is_run_once_and_comes_back_once_to_where_it_came_from)
{
    enum { TASKS = 2000 };
    static struct task tasks[TASKS];
    struct hp_done done[2];
    open_done(&done[0]);
    open_done(&done[1]);
    struct hp_workers *workers = workers_of(3, 2 * TASKS);
    for (size_t i = 0; i < TASKS; i++) {
        tasks[i] = (struct task){ .job = job_of(i % 7, i % 3 == 0) };
        submit(workers, &tasks[i].job, &done[i % 4 == 0]);
    }
    ck_assert_uint_eq(collect(workers, &done[0], TASKS / 4 * 3), TASKS / 4 * 3);
    ck_assert_uint_eq(collect(workers, &done[1], TASKS / 4), TASKS / 4);
    for (size_t i = 0; i < TASKS; i++)
        ck_assert_int_eq(tasks[i].runs, 1);
    hp_workers_free(workers);
    close(done[0].fd);
    close(done[1].fd);
}
END_TEST

START_TEST(as_many_find_a_place_at_once_as_there_are_threads_however_few_may_wait)
{
    enum { THREADS = 8, ROUNDS = 20 };
    struct hp_done done;
    open_done(&done);
    struct hp_workers *workers = workers_of(THREADS, 1);
    for (int round = 0; round < ROUNDS; round++) {
        struct task tasks[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
            tasks[i] = (struct task){ .job = job_of(1, false) };
            submit(workers, &tasks[i].job, &done);
        }
        ck_assert_uint_eq(collect(workers, &done, THREADS), THREADS);
    }
    hp_workers_free(workers);
    close(done.fd);
}
END_TEST

static void wait_until_busy(struct hp_workers *workers, size_t busy)
{
    struct hp_workers_view view;
    do
        hp_workers_look(workers, &view);
    while (view.busy != busy);
}

START_TEST(what_waits_can_be_withdrawn_and_what_runs_cannot)
{
    struct task first = { .job = job_of(5, false) }, second = { .job = job_of(5, false) };
    struct hp_workers_view view;
    struct hp_done done;
    open_done(&done);
    struct hp_workers *workers = workers_of(1, 4);
    pthread_mutex_lock(&gate);
    submit(workers, &first.job, &done);
    wait_until_busy(workers, 1);
    submit(workers, &second.job, &done);
    hp_workers_look(workers, &view);
    ck_assert_uint_eq(view.queued, 1);
    ck_assert_uint_eq(view.queued_bytes, 10);
    ck_assert(view.oldest_ns != 0 && view.started_ns != 0);
    ck_assert(!hp_workers_withdraw(workers, &first.job));
    ck_assert(hp_workers_withdraw(workers, &second.job));
    pthread_mutex_unlock(&gate);
    ck_assert_uint_eq(collect(workers, &done, 1), 1);
    ck_assert_int_eq(first.runs, 1);
    ck_assert_int_eq(second.runs, 0);
    hp_workers_free(workers);
    close(done.fd);
}
END_TEST

START_TEST(a_job_is_let_in_where_its_turn_comes_in_time)
{
    struct task running = { .job = job_of(60000, false) };
    struct hp_job late = job_of(1000, false), small = job_of(1000, false);
    uint64_t wait_ns;
    struct hp_done done;
    open_done(&done);
    struct hp_workers *workers = workers_of(1, 1);
    late.bytes = 2 << 20;
    ck_assert(
        hp_workers_admit(workers, &late, 0, 1, &wait_ns)); // nobody is before it: not our guess
    ck_assert_uint_eq(wait_ns, 0);
    pthread_mutex_lock(&gate);
    submit(workers, &running.job, &done);
    wait_until_busy(workers, 1);
    ck_assert(!hp_workers_admit(workers, &late, 0, 0, &wait_ns)); // too many bytes
    ck_assert(!hp_workers_admit(workers, &small, 0, 30000 * MS, &wait_ns));
    ck_assert_uint_gt(wait_ns, 20000 * MS); // of the 60 s that are thought to be left
    ck_assert(hp_workers_admit(workers, &small, 0, 90000 * MS, &wait_ns));
    ck_assert(hp_workers_admit(workers, &small, 0, 0, &wait_ns));
    struct task waiting = { .job = small };
    submit(workers, &waiting.job, &done);
    ck_assert(!hp_workers_admit(workers, &small, 0, 0, &wait_ns)); // one may wait, and one does
    pthread_mutex_unlock(&gate);
    ck_assert_uint_eq(collect(workers, &done, 2), 2);
    hp_workers_free(workers);
    close(done.fd);
}
END_TEST

// 30 s are left of the one that runs, and 30 s wait: 100 s are enough for both and 30 s of its own,
// but not for twice what waits, nor are 130 s for 30 s more that are coming.
START_TEST(while_jobs_are_refused_less_is_let_in)
{
    struct task running = { .job = job_of(30000, false) }, waiting = running;
    struct hp_job next = job_of(1000, false);
    uint64_t wait_ns;
    struct hp_done done;
    open_done(&done);
    struct hp_workers *workers = workers_of(1, 4);
    pthread_mutex_lock(&gate);
    submit(workers, &running.job, &done);
    wait_until_busy(workers, 1);
    submit(workers, &waiting.job, &done);
    next.estimate_ns = 30000 * MS + 1;
    ck_assert(hp_workers_admit(workers, &next, 0, 100000 * MS, &wait_ns));
    do
        ck_assert(!hp_workers_admit(workers, &next, 0, 50000 * MS, &wait_ns));
    while (hp_workers_admit(workers, &next, 0, 100000 * MS, &wait_ns));
    ck_assert(hp_workers_admit(workers, &next, 0, 130000 * MS, &wait_ns));
    ck_assert(!hp_workers_admit(workers, &next, 30000 * MS, 130000 * MS, &wait_ns));
    ck_assert(hp_workers_admit(workers, &next, 30000 * MS, 190000 * MS, &wait_ns));
    do
        usleep(110000); // none is refused in that time
    while (!hp_workers_admit(workers, &next, 0, 100000 * MS, &wait_ns));
    ck_assert(hp_workers_admit(workers, &next, 30000 * MS, 100000 * MS, &wait_ns));
    pthread_mutex_unlock(&gate);
    ck_assert_uint_eq(collect(workers, &done, 2), 2);
    hp_workers_free(workers);
    close(done.fd);
}
END_TEST

START_TEST(long_ones_do_not_keep_a_short_one_waiting)
{
    struct task longs[2] = { { .job = job_of(50, false) }, { .job = job_of(50, false) } };
    struct task short_one = { .job = job_of(1, false) };
    struct hp_workers_view view;
    uint64_t wait_ns;
    struct hp_done done;
    open_done(&done);
    struct hp_workers *workers = workers_of(1, 4);
    pthread_mutex_lock(&gate);
    submit(workers, &longs[0].job, &done);
    submit(workers, &longs[1].job, &done);
    wait_until_busy(workers, 1);
    ck_assert(hp_workers_admit(workers, &short_one.job, 0, 1, &wait_ns));
    ck_assert_uint_eq(wait_ns, 0);
    submit(workers, &short_one.job, &done);
    wait_until_busy(workers, 2);
    hp_workers_look(workers, &view);
    ck_assert_uint_eq(view.queued, 1); // the second long one
    pthread_mutex_unlock(&gate);
    ck_assert_uint_eq(collect(workers, &done, 3), 3);
    hp_workers_free(workers);
    close(done.fd);
}
END_TEST

START_TEST(a_worker_that_is_long_over_its_jobs_time_is_stuck)
{
    struct task late = { .job = job_of(5, false) };
    struct hp_workers_view view;
    struct hp_done done;
    open_done(&done);
    struct hp_workers *workers = workers_of(2, 4);
    late.job.until_ns = hp_now_ns() - 10000 * MS;
    pthread_mutex_lock(&gate);
    submit(workers, &late.job, &done);
    wait_until_busy(workers, 1);
    hp_workers_look(workers, &view);
    ck_assert_uint_eq(view.stuck, 1);
    pthread_mutex_unlock(&gate);
    ck_assert_uint_eq(collect(workers, &done, 1), 1);
    hp_workers_look(workers, &view);
    ck_assert_uint_eq(view.stuck, 0);
    hp_workers_free(workers);
    close(done.fd);
}
END_TEST

START_TEST(a_deadline_that_is_cancelled_has_passed)
{
    struct hp_deadline deadline = { .at_ns = hp_now_ns() + 3600 * 1000 * MS }, none = { 0 };
    ck_assert(!hp_deadline_passed(&deadline));
    ck_assert(!hp_deadline_passed(&none));
    hp_deadline_cancel(&deadline);
    hp_deadline_cancel(&none);
    ck_assert(hp_deadline_passed(&deadline));
    ck_assert(hp_deadline_passed(&none));
}
END_TEST

TESTS("work", a_quota_is_whole_processors, the_group_of_processors_is_found_in_both_versions,
    short_ones_go_first_live_before_shadow, a_long_one_is_passed_for_a_while_and_not_for_ever,
    a_heap_takes_what_a_list_would_take,
    room_is_bounded_in_number_and_bytes_and_half_of_it_for_shadow,
    time_off_the_processor_costs_nothing, cost_is_learned_by_size,
    one_slow_request_moves_the_estimate_little,
    each_job_is_run_once_and_comes_back_once_to_where_it_came_from,
    a_crowd_counts_each_peer_as_a_plain_list_does,
    as_many_find_a_place_at_once_as_there_are_threads_however_few_may_wait,
    what_waits_can_be_withdrawn_and_what_runs_cannot, a_job_is_let_in_where_its_turn_comes_in_time,
    while_jobs_are_refused_less_is_let_in, long_ones_do_not_keep_a_short_one_waiting,
    a_worker_that_is_long_over_its_jobs_time_is_stuck, a_deadline_that_is_cancelled_has_passed)
