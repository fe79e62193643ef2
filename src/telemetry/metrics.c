// metrics.c -- counts a request when it ends. All counters are there, at zero, from the start.
#include "telemetry/counters.h"
#include "telemetry/process.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    pthread_mutex_init(&metrics->exemplar_lock, NULL);
    metrics->start_s = hp_process_start_s();
    return metrics;
}

void hp_metrics_free(struct hp_metrics *metrics)
{
    if (metrics)
        pthread_mutex_destroy(&metrics->exemplar_lock);
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

static void keep_exemplar(
    struct hp_metrics *metrics, struct hp_exemplar *exemplar, const struct hp_record *record)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&metrics->exemplar_lock);
    memcpy(exemplar->trace_id, record->trace_id, sizeof exemplar->trace_id);
    exemplar->value_ns = record->total_ns;
    exemplar->at_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    pthread_mutex_unlock(&metrics->exemplar_lock);
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
    size_t bucket = hp_histogram_count(&of->duration_ns, hp_bounds_ns, record->total_ns);
    if (record->trace_id[0])
        keep_exemplar(metrics, &of->exemplars[bucket], record);
    for (size_t i = 0; i < HP_TIMED; i++)
        hp_histogram_count(&of->stage_ns[i], hp_bounds_ns, record->spent_ns[HP_TIMED_FIRST + i]);
    hp_histogram_count(&of->bytes_in, hp_bounds_bytes, record->bytes_in);
    hp_histogram_count(&of->bytes_out, hp_bounds_bytes, record->bytes_out);
}

void hp_metrics_waste(struct hp_metrics *metrics, int route, uint64_t cpu_ns)
{
    add(&counters_of(metrics, route)->cpu_ns[HP_WASTED], cpu_ns);
}
