// counters.h -- the counters of all routes, between metrics.c, which counts, and exposition.c,
// which writes them out.
#pragma once

#include "telemetry/histogram.h"
#include "telemetry/telemetry.h"

#include <pthread.h>

enum hp_use { HP_USEFUL, HP_WASTED, HP_USES };

// The stages that have a histogram: queue, parse, compute, write. Arrival and body are the caller's
// time.
enum { HP_TIMED_FIRST = HP_QUEUE, HP_TIMED = HP_STAGES - HP_TIMED_FIRST };

// The last request with a trace that fell into a bucket.
struct hp_exemplar {
    char trace_id[33]; // "": none yet
    uint64_t value_ns;
    double at_s; // since 1970
};

struct hp_route_counters {
    atomic_uint_fast64_t requests[HP_CODES][HP_CALL_MODES];
    atomic_uint_fast64_t cpu_ns[HP_USES];
    atomic_uint_fast64_t deadline_exceeded[HP_STAGES];
    atomic_uint_fast64_t disconnects;
    struct hp_exemplar exemplars[HP_BOUNDS_MAX + 1]; // of duration_ns
    struct hp_histogram duration_ns, stage_ns[HP_TIMED], bytes_in, bytes_out;
};

struct hp_metrics {
    const char *const *names;
    size_t routes;
    double start_s;                // of the process
    pthread_mutex_t exemplar_lock; // of all routes' exemplars
    struct hp_route_counters of[]; // `routes` rows, and one for requests without a route
};
