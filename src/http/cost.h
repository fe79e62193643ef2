// cost.h -- what a route's requests cost by their size, learned from those that ran. Any thread: of
// two that learn at once one may be forgotten.
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { HP_COST_SIZES = 32 };

struct hp_cost {
    atomic_uint_least32_t
        ns256[HP_COST_SIZES]; // 1/256 ns a byte, by the body's order of magnitude; 0: unknown
};

// The CPU clock of the thread that computes in place, looked at rarely: a look is a system call of
// up to a microsecond, and for what is short the time on the wall says the same.
struct hp_cost_clock {
    uint64_t looked_ns, cpu_ns; // when, and what it said
};

// Before something is measured that begins at `now_ns` of hp_now_ns's clock.
void hp_cost_clock_look(struct hp_cost_clock *clock, uint64_t now_ns);

// CPU time of what took `wall_ns` since then. What was put off the processor in the middle of it
// does not count, but for the part that other work of this thread has taken since the look.
uint64_t hp_cost_clock_spent(struct hp_cost_clock *clock, uint64_t wall_ns);

// CPU time that a request with this body will take.
uint64_t hp_cost_estimate_ns(const struct hp_cost *cost, size_t bytes);

// One that succeeded.
void hp_cost_learn(struct hp_cost *cost, size_t bytes, uint64_t cpu_ns);
