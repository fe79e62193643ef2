// histogram.h -- counts by size, in fixed buckets. Written by any thread, read by any other: a
// reader may see a request in one counter and not yet in the next.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>

struct hp_bound {
    uint64_t max;     // inclusive
    const char *text; // the same, in the unit that is shown
};

// Ends with a bound whose text is NULL.
extern const struct hp_bound hp_bounds_ns[], hp_bounds_bytes[];

enum { HP_BOUNDS_MAX = 26 };

struct hp_histogram {
    atomic_uint_fast64_t sum;
    atomic_uint_fast64_t counts[HP_BOUNDS_MAX + 1]; // each bucket's own; the last: over all bounds
};

// Returns the bucket.
size_t hp_histogram_count(
    struct hp_histogram *histogram, const struct hp_bound *bounds, uint64_t value);
