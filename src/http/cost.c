// cost.c -- a moving average of time a byte, one for each power of two of a body's size: what a
// request costs at the least weighs heavily on small ones, caches and memory on large ones.
#include "http/cost.h"

#include "hotpathd/deadline.h"

enum {
    PRESET_NS256 = 20 * 256, // before anything ran: 20 ns a byte
    WEIGHT = 16,             // one request moves the average by a sixteenth of the difference
    NS256_MAX = 1 << 24      // 65 us a byte: a reading beyond it tells of a stall, not of work
};

enum {
    LOOK_EVERY_NS = HP_NS_PER_MS,
    SHORT_NS = 100 * HP_NS_PER_US // no scheduler takes and gives back a processor so soon
};

void hp_cost_clock_look(struct hp_cost_clock *clock, uint64_t now_ns)
{
    if (clock->looked_ns && now_ns - clock->looked_ns < LOOK_EVERY_NS)
        return;
    clock->looked_ns = now_ns;
    clock->cpu_ns = hp_thread_cpu_ns();
}

uint64_t hp_cost_clock_spent(struct hp_cost_clock *clock, uint64_t wall_ns)
{
    if (wall_ns < SHORT_NS)
        return wall_ns;
    uint64_t before = clock->cpu_ns;
    clock->cpu_ns = hp_thread_cpu_ns();
    uint64_t cpu_ns = clock->cpu_ns - before;
    return cpu_ns < wall_ns ? cpu_ns : wall_ns;
}

static size_t size_class(size_t bytes)
{
    size_t class = 0;
    while (bytes > 1 && class < HP_COST_SIZES - 1) {
        bytes >>= 1;
        class ++;
    }
    return class;
}

static uint32_t known(const struct hp_cost *cost, size_t class)
{
    return atomic_load_explicit(&cost->ns256[class], memory_order_relaxed);
}

// The class itself, or the nearest one that something is known of.
static uint32_t known_near(const struct hp_cost *cost, size_t class)
{
    for (size_t away = 0; away < HP_COST_SIZES; away++) {
        uint32_t below = class >= away ? known(cost, class - away) : 0;
        uint32_t above = class + away < HP_COST_SIZES ? known(cost, class + away) : 0;
        if (below || above)
            return below ? below : above;
    }
    return PRESET_NS256;
}

uint64_t hp_cost_estimate_ns(const struct hp_cost *cost, size_t bytes)
{
    return (uint64_t)bytes * known_near(cost, size_class(bytes)) / 256;
}

void hp_cost_learn(struct hp_cost *cost, size_t bytes, uint64_t cpu_ns)
{
    if (bytes == 0)
        return;
    size_t class = size_class(bytes);
    uint32_t before = known(cost, class);
    uint64_t seen = cpu_ns * 256 / bytes;
    int64_t now = seen > NS256_MAX ? NS256_MAX : seen < 1 ? 1 : (int64_t)seen;
    int64_t moved = before ? before + (now - (int64_t)before) / WEIGHT : now;
    atomic_store_explicit(&cost->ns256[class], (uint32_t)moved, memory_order_relaxed);
}
