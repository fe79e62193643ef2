// counters.h -- the counters of all routes, between metrics.c, which counts, and exposition.c,
// which writes them out.
#pragma once

#include "telemetry/histogram.h"
#include "telemetry/telemetry.h"

enum hp_use { HP_USEFUL, HP_WASTED, HP_USES };

// The stages that have a histogram: queue, parse, compute, write. Arrival and body are the caller's
// time.
enum { HP_TIMED_FIRST = HP_QUEUE, HP_TIMED = HP_STAGES - HP_TIMED_FIRST };

struct hp_route_counters {
    atomic_uint_fast64_t requests[HP_CODES][HP_CALL_MODES];
    atomic_uint_fast64_t cpu_ns[HP_USES];
    atomic_uint_fast64_t deadline_exceeded[HP_STAGES];
    atomic_uint_fast64_t disconnects;
    struct hp_histogram duration_ns, stage_ns[HP_TIMED], bytes_in, bytes_out;
};

struct hp_metrics {
    const char *const *names;
    size_t routes;
    double start_s;                // of the process
    struct hp_route_counters of[]; // `routes` rows, and one for requests without a route
};
