// deadline.c -- the clocks.
#include "hotpathd/deadline.h"

#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t hp_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t hp_thread_cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void hp_deadline_cancel(struct hp_deadline *deadline)
{
    atomic_store_explicit(&deadline->at_ns, 1, memory_order_relaxed);
}

bool hp_deadline_passed(const struct hp_deadline *deadline)
{
    uint64_t at_ns = atomic_load_explicit(&deadline->at_ns, memory_order_relaxed);
    return at_ns && hp_now_ns() >= at_ns;
}

static enum hp_code fail_if(bool passed, struct hp_fault *fault)
{
    if (!passed)
        return HP_OK;
    return hp_fail(fault, HP_DEADLINE, NULL, "the time granted to this request is over");
}

enum hp_code hp_deadline_check_at(
    const struct hp_deadline *deadline, uint64_t now_ns, struct hp_fault *fault)
{
    uint64_t at_ns = atomic_load_explicit(&deadline->at_ns, memory_order_relaxed);
    return fail_if(at_ns && now_ns >= at_ns, fault);
}

enum hp_code hp_deadline_check(const struct hp_deadline *deadline, struct hp_fault *fault)
{
    return fail_if(hp_deadline_passed(deadline), fault);
}
