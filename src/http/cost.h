// cost.h -- what a route's requests cost by their size, learned from those that ran. The I/O
// thread's.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { HP_COST_SIZES = 32 };

struct hp_cost {
    uint32_t ns256[HP_COST_SIZES]; // 1/256 ns a byte, by the body's order of magnitude; 0: unknown
};

// CPU time that a request with this body will take.
uint64_t hp_cost_estimate_ns(const struct hp_cost *cost, size_t bytes);

// One that succeeded.
void hp_cost_learn(struct hp_cost *cost, size_t bytes, uint64_t cpu_ns);
