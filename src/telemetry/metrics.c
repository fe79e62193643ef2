// metrics.c -- counts a request when it ends. All counters are there, at zero, from the start.
#include "telemetry/counters.h"
#include "telemetry/process.h"

#include <assert.h>
#include <stdlib.h>

static const char *const mode_names[HP_CALL_MODES] = { "live", "shadow", "probe" };

const char *hp_call_mode_name(enum hp_call_mode mode)
{
    return mode_names[mode];
}

struct hp_metrics *hp_metrics_new(const char *const *names, size_t count)
{
    struct hp_metrics *metrics = calloc(1, sizeof *metrics + (count + 1) * sizeof *metrics->of);
    if (!metrics)
        return NULL;
    metrics->names = names;
    metrics->routes = count;
    metrics->start_s = hp_process_start_s();
    return metrics;
}

void hp_metrics_free(struct hp_metrics *metrics)
{
    free(metrics);
}

static void add(atomic_uint_fast64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

static struct hp_route_counters *counters_of(struct hp_metrics *metrics, int route)
{
    if (route == HP_NO_ROUTE)
        return &metrics->of[metrics->routes];
    assert(route >= 0 && (size_t)route < metrics->routes);
    return &metrics->of[route];
}

void hp_metrics_count(struct hp_metrics *metrics, const struct hp_record *record)
{
    struct hp_route_counters *of = counters_of(metrics, record->route);
    bool wasted = record->code != HP_OK || record->disconnected;
    add(&of->requests[record->code][record->mode], 1);
    add(&of->cpu_ns[wasted ? HP_WASTED : HP_USEFUL], record->cpu_ns);
    if (record->code == HP_DEADLINE)
        add(&of->deadline_exceeded[record->stage], 1);
    if (record->disconnected)
        add(&of->disconnects, 1);
    hp_histogram_count(&of->duration_ns, hp_bounds_ns, record->total_ns);
    for (size_t i = 0; i < HP_TIMED; i++)
        hp_histogram_count(&of->stage_ns[i], hp_bounds_ns, record->spent_ns[HP_TIMED_FIRST + i]);
    hp_histogram_count(&of->bytes_in, hp_bounds_bytes, record->bytes_in);
    hp_histogram_count(&of->bytes_out, hp_bounds_bytes, record->bytes_out);
}
