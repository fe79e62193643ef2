// deadline.h -- time: the clocks, and the point in time after which nobody waits for an answer.
#pragma once

#include "hotpathd/error.h"

#include <stdatomic.h>

enum { HP_NS_PER_S = 1000000000, HP_NS_PER_MS = 1000000, HP_NS_PER_US = 1000 };

uint64_t hp_now_ns(void);        // monotonic
uint64_t hp_thread_cpu_ns(void); // CPU time of this thread

struct hp_deadline {
    atomic_uint_fast64_t at_ns; // on hp_now_ns's clock; 0: none
};

// Any thread: from now on it has passed. For work that nobody waits for any more.
void hp_deadline_cancel(struct hp_deadline *deadline);

bool hp_deadline_passed(const struct hp_deadline *deadline);

// HP_DEADLINE once it has passed by the time `now_ns` of hp_now_ns's clock.
HP_MUST_USE enum hp_code hp_deadline_check_at(
    const struct hp_deadline *deadline, uint64_t now_ns, struct hp_fault *fault);

// HP_DEADLINE once it has passed. Pure functions call it every ~50 us of work (some 16 KiB of
// text); stage and grant are added by the caller that knows them.
HP_MUST_USE enum hp_code hp_deadline_check(
    const struct hp_deadline *deadline, struct hp_fault *fault);
