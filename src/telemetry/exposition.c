// exposition.c -- the metrics as text, by a table with one row a family. Prometheus' format 0.0.4
// and OpenMetrics 1.0 have the same samples; they differ in what a counter's family is called, in
// units, in the type of an _info, and in the end.
#include "telemetry/counters.h"
#include "telemetry/process.h"

#include <inttypes.h>

enum kind { COUNTER, GAUGE, HISTOGRAM, INFO };

struct page;

struct family {
    const char *name; // without _total and _info
    enum kind kind;
    const char *unit; // NULL: none
    const char *help;
    void (*write)(struct page *page);
};

struct page {
    struct hp_buf *out;
    struct hp_metrics *metrics;
    const struct hp_gauges *gauges;
    struct hp_process process;
    const struct family *family;
    bool openmetrics;
    size_t labels; // of the sample that is being written
};

static const char *const route_modes[] = { "off", "shadow", "canary", "on" }; // enum hp_mode
static const char *const uses[HP_USES] = { "useful", "wasted" };

// --- a sample: sample(), any number of label()s, one value ---------------------------------------

static void put(struct page *page, const char *text)
{
    hp_buf_add(page->out, hp_str_from(text));
}

static void sample(struct page *page, const char *suffix)
{
    put(page, page->family->name);
    put(page, suffix);
    page->labels = 0;
}

static void put_escaped(struct page *page, const char *value)
{
    for (const char *at = value; at && *at; at++) {
        if (*at == '\\' || *at == '"')
            hp_buf_char(page->out, '\\');
        if (*at == '\n')
            put(page, "\\n");
        else
            hp_buf_char(page->out, *at);
    }
}

static void label(struct page *page, const char *key, const char *value)
{
    hp_buf_char(page->out, page->labels++ ? ',' : '{');
    put(page, key);
    put(page, "=\"");
    put_escaped(page, value);
    hp_buf_char(page->out, '"');
}

static void before_value(struct page *page)
{
    put(page, page->labels ? "} " : " ");
}

static void value_uint(struct page *page, uint64_t value)
{
    before_value(page);
    hp_buf_uint(page->out, value);
    hp_buf_char(page->out, '\n');
}

static void value_ns(struct page *page, uint64_t ns)
{
    before_value(page);
    hp_buf_format(page->out, "%" PRIu64 ".%09" PRIu64 "\n", ns / 1000000000u, ns % 1000000000u);
}

static void value_real(struct page *page, double value)
{
    before_value(page);
    hp_buf_format(page->out, "%.6f\n", value);
}

// --- counters ------------------------------------------------------------------------------------

static uint64_t read_counter(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static const char *route_name(const struct page *page, size_t route)
{
    return route < page->metrics->routes ? page->metrics->names[route] : "none";
}

// Calls `write` for each route, and for none.
static void each_route(struct page *page,
    void (*write)(struct page *page, const char *route, const struct hp_route_counters *of))
{
    for (size_t i = 0; i <= page->metrics->routes; i++)
        write(page, route_name(page, i), &page->metrics->of[i]);
}

static void requests_of(struct page *page, const char *route, const struct hp_route_counters *of)
{
    for (enum hp_code code = HP_OK; code < HP_CODES; code++)
        for (enum hp_call_mode mode = 0; mode < HP_CALL_MODES; mode++) {
            sample(page, "_total");
            label(page, "route", route);
            label(page, "code", hp_error_info(code)->slug);
            label(page, "mode", hp_call_mode_name(mode));
            value_uint(page, read_counter(&of->requests[code][mode]));
        }
}

static void requests(struct page *page)
{
    each_route(page, requests_of);
}

static void cpu_of(struct page *page, const char *route, const struct hp_route_counters *of)
{
    for (size_t use = 0; use < HP_USES; use++) {
        sample(page, "_total");
        label(page, "route", route);
        label(page, "outcome", uses[use]);
        value_ns(page, read_counter(&of->cpu_ns[use]));
    }
}

static void cpu(struct page *page)
{
    each_route(page, cpu_of);
}

static void deadlines_of(struct page *page, const char *route, const struct hp_route_counters *of)
{
    for (enum hp_stage stage = HP_ARRIVAL; stage < HP_STAGES; stage++) {
        sample(page, "_total");
        label(page, "route", route);
        label(page, "stage", hp_stage_name(stage));
        value_uint(page, read_counter(&of->deadline_exceeded[stage]));
    }
}

static void deadlines(struct page *page)
{
    each_route(page, deadlines_of);
}

static void disconnects_of(struct page *page, const char *route, const struct hp_route_counters *of)
{
    sample(page, "_total");
    label(page, "route", route);
    value_uint(page, read_counter(&of->disconnects));
}

static void disconnects(struct page *page)
{
    each_route(page, disconnects_of);
}

// --- histograms ----------------------------------------------------------------------------------

static void labels_of(struct page *page, const char *route, const char *stage)
{
    label(page, "route", route);
    if (stage)
        label(page, "stage", stage);
}

// OpenMetrics: a request that fell into this bucket, by its trace. 0.0.4 has no such thing.
static void put_exemplar(struct page *page, const struct hp_exemplar *kept)
{
    if (!page->openmetrics || !kept)
        return;
    pthread_mutex_lock(&page->metrics->exemplar_lock);
    struct hp_exemplar exemplar = *kept;
    pthread_mutex_unlock(&page->metrics->exemplar_lock);
    if (exemplar.trace_id[0])
        hp_buf_format(page->out, " # {trace_id=\"%s\"} %" PRIu64 ".%09" PRIu64 " %.3f",
            exemplar.trace_id, exemplar.value_ns / 1000000000u, exemplar.value_ns % 1000000000u,
            exemplar.at_s);
}

// `exemplars`: one for each bucket, or NULL.
static uint64_t buckets(struct page *page, const char *route, const char *stage,
    const struct hp_histogram *histogram, const struct hp_bound *bounds,
    const struct hp_exemplar *exemplars)
{
    uint64_t count = 0;
    for (size_t i = 0;; i++) {
        count += read_counter(&histogram->counts[i]);
        sample(page, "_bucket");
        labels_of(page, route, stage);
        label(page, "le", bounds[i].text ? bounds[i].text : "+Inf");
        before_value(page);
        hp_buf_uint(page->out, count);
        put_exemplar(page, exemplars ? &exemplars[i] : NULL);
        hp_buf_char(page->out, '\n');
        if (!bounds[i].text)
            return count;
    }
}

// `stage` may be NULL. The count is that of the buckets, so that the two always agree.
static void histogram(struct page *page, const char *route, const char *stage,
    const struct hp_histogram *histogram, const struct hp_bound *bounds,
    const struct hp_exemplar *exemplars)
{
    uint64_t sum = read_counter(&histogram->sum);
    uint64_t count = buckets(page, route, stage, histogram, bounds, exemplars);
    sample(page, "_sum");
    labels_of(page, route, stage);
    if (bounds == hp_bounds_ns)
        value_ns(page, sum);
    else
        value_uint(page, sum);
    sample(page, "_count");
    labels_of(page, route, stage);
    value_uint(page, count);
}

static void duration_of(struct page *page, const char *route, const struct hp_route_counters *of)
{
    histogram(page, route, NULL, &of->duration_ns, hp_bounds_ns, of->exemplars);
}

static void duration(struct page *page)
{
    each_route(page, duration_of);
}

static void stages_of(struct page *page, const char *route, const struct hp_route_counters *of)
{
    for (size_t i = 0; i < HP_TIMED; i++)
        histogram(page, route, hp_stage_name((enum hp_stage)(HP_TIMED_FIRST + i)), &of->stage_ns[i],
            hp_bounds_ns, NULL);
}

static void stages(struct page *page)
{
    each_route(page, stages_of);
}

static void bytes_in_of(struct page *page, const char *route, const struct hp_route_counters *of)
{
    histogram(page, route, NULL, &of->bytes_in, hp_bounds_bytes, NULL);
}

static void bytes_in(struct page *page)
{
    each_route(page, bytes_in_of);
}

static void bytes_out_of(struct page *page, const char *route, const struct hp_route_counters *of)
{
    histogram(page, route, NULL, &of->bytes_out, hp_bounds_bytes, NULL);
}

static void bytes_out(struct page *page)
{
    each_route(page, bytes_out_of);
}

// --- gauges --------------------------------------------------------------------------------------

static void in_flight(struct page *page)
{
    for (size_t i = 0; i < page->metrics->routes; i++) {
        sample(page, "");
        label(page, "route", route_name(page, i));
        value_uint(page, page->gauges->in_flight[i]);
    }
}

static void route_mode(struct page *page)
{
    for (size_t i = 0; i < page->metrics->routes; i++)
        for (int mode = 0; mode < 4; mode++) {
            sample(page, "");
            label(page, "route", route_name(page, i));
            label(page, "mode", route_modes[mode]);
            value_uint(page, page->gauges->route_mode[i] == mode);
        }
}

static void route_percent(struct page *page)
{
    for (size_t i = 0; i < page->metrics->routes; i++) {
        sample(page, "");
        label(page, "route", route_name(page, i));
        value_real(page, (double)page->gauges->route_percent[i] / 100);
    }
}

static void cache_entries(struct page *page)
{
    for (size_t i = 0; i < page->metrics->routes; i++) {
        sample(page, "");
        label(page, "route", route_name(page, i));
        value_uint(page, page->gauges->cached[i].entries);
    }
}

static void cache_entries_limit(struct page *page)
{
    for (size_t i = 0; i < page->metrics->routes; i++) {
        sample(page, "");
        label(page, "route", route_name(page, i));
        value_uint(page, page->gauges->cached[i].limit);
    }
}

static void reloads(struct page *page)
{
    sample(page, "_total");
    label(page, "result", "success");
    value_uint(page, page->gauges->reloads_ok);
    sample(page, "_total");
    label(page, "result", "failure");
    value_uint(page, page->gauges->reloads_failed);
}

static void spans(struct page *page)
{
    const struct hp_gauges *gauges = page->gauges;
    const struct {
        const char *result;
        uint64_t count;
    } rows[] = { { "exported", gauges->spans_exported }, { "dropped", gauges->spans_dropped },
        { "failed", gauges->spans_failed } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sample(page, "_total");
        label(page, "result", rows[i].result);
        value_uint(page, rows[i].count);
    }
}

static void config_info(struct page *page)
{
    sample(page, "_info");
    label(page, "hash", page->gauges->config_hash);
    value_uint(page, 1);
}

static void build_info(struct page *page)
{
    sample(page, "_info");
    label(page, "version", hp_build.version);
    label(page, "commit", hp_build.commit);
    label(page, "microhttpd", hp_build.microhttpd);
    label(page, "jansson", hp_build.jansson);
    label(page, "libyaml", hp_build.libyaml);
    value_uint(page, 1);
}

// One number without labels: a gauge or a counter.
#define NUMBER(name, suffix, value, number)                                                        \
    static void name(struct page *page)                                                            \
    {                                                                                              \
        sample(page, suffix);                                                                      \
        value(page, number);                                                                       \
    }

NUMBER(queue_depth, "", value_uint, page->gauges->queue_depth)
NUMBER(queue_bytes, "", value_uint, page->gauges->queue_bytes)
NUMBER(queue_oldest, "", value_real, page->gauges->queue_oldest_s)
NUMBER(workers, "", value_uint, page->gauges->workers)
NUMBER(connections, "", value_uint, page->gauges->connections)
NUMBER(connections_limit, "", value_uint, page->gauges->connections_limit)
NUMBER(last_reload, "", value_uint, page->gauges->last_reload_ok)
NUMBER(log_lines_dropped, "_total", value_uint, page->gauges->log_lines_dropped)
NUMBER(peers_refused, "_total", value_uint, page->gauges->peers_refused)
NUMBER(connection_timeouts, "_total", value_uint, page->gauges->connection_timeouts)
NUMBER(process_cpu, "_total", value_real, page->process.cpu_s)
NUMBER(process_start, "", value_real, page->metrics->start_s)
NUMBER(process_resident, "", value_uint, page->process.resident_bytes)
NUMBER(process_virtual, "", value_uint, page->process.virtual_bytes)
NUMBER(process_open_fds, "", value_uint, page->process.open_fds)
NUMBER(process_max_fds, "", value_uint, page->process.max_fds)

// --- the table -----------------------------------------------------------------------------------

static const struct family families[] = {
    { "hotpathd_requests", COUNTER, NULL,
        "Requests that ended, by route, code of the reply (ok or the problem's code) and call "
        "mode.",
        requests },
    { "hotpathd_request_duration_seconds", HISTOGRAM, "seconds",
        "From a request's first byte to the last byte of its reply handed to the kernel.",
        duration },
    { "hotpathd_request_stage_duration_seconds", HISTOGRAM, "seconds",
        "Time that a request spent in each stage.", stages },
    { "hotpathd_request_cpu_seconds", COUNTER, "seconds",
        "CPU time spent on requests; wasted where the request failed or the client had gone.",
        cpu },
    { "hotpathd_request_body_bytes", HISTOGRAM, "bytes", "Size of request bodies.", bytes_in },
    { "hotpathd_reply_body_bytes", HISTOGRAM, "bytes", "Size of reply bodies.", bytes_out },
    { "hotpathd_deadline_exceeded", COUNTER, NULL,
        "Requests whose deadline passed, by the stage they were in.", deadlines },
    { "hotpathd_client_disconnects", COUNTER, NULL,
        "Requests whose client was gone before the reply was.", disconnects },
    { "hotpathd_in_flight", GAUGE, NULL, "Requests that have begun and not ended.", in_flight },
    { "hotpathd_cache_entries", GAUGE, NULL, "What the caches of a route hold.", cache_entries },
    { "hotpathd_cache_entries_limit", GAUGE, NULL, "What they hold at most.", cache_entries_limit },
    { "hotpathd_queue_depth", GAUGE, NULL, "Requests waiting for a worker.", queue_depth },
    { "hotpathd_queue_bytes", GAUGE, "bytes", "Body bytes of the requests waiting for a worker.",
        queue_bytes },
    { "hotpathd_queue_oldest_seconds", GAUGE, "seconds",
        "How long the longest waiting request has been in the queue.", queue_oldest },
    { "hotpathd_workers", GAUGE, NULL, "Worker threads.", workers },
    { "hotpathd_connections", GAUGE, NULL, "Open connections to the data sockets.", connections },
    { "hotpathd_connections_limit", GAUGE, NULL, "Connections that are let in at most.",
        connections_limit },
    { "hotpathd_route_mode", GAUGE, NULL, "1 for the mode that the route is in, else 0.",
        route_mode },
    { "hotpathd_route_percent", GAUGE, NULL, "Share of calls that take the route, 0 to 100.",
        route_percent },
    { "hotpathd_config_reloads", COUNTER, NULL, "Reloads of the configuration.", reloads },
    { "hotpathd_config_last_reload_success", GAUGE, NULL,
        "1 where the last reload was taken, 0 where it was refused.", last_reload },
    { "hotpathd_config", INFO, NULL, "Hash of the configuration in force.", config_info },
    { "hotpathd_log_lines_dropped", COUNTER, NULL,
        "Log lines lost to the cap on lines a second or to a failed write.", log_lines_dropped },
    { "hotpathd_spans", COUNTER, NULL,
        "Spans of sampled requests: taken by the collector, dropped for want of room, or not "
        "taken.",
        spans },
    { "hotpathd_peers_refused", COUNTER, NULL,
        "Connections closed because peer_uids does not list their user, or their peer has too "
        "many.",
        peers_refused },
    { "hotpathd_connection_timeouts", COUNTER, NULL,
        "Connections closed because no whole request line came within limits.header_ms.",
        connection_timeouts },
    { "hotpathd_build", INFO, NULL, "Version and libraries of this build.", build_info },
};

static const struct family process_families[] = {
    { "process_cpu_seconds", COUNTER, "seconds", "Total user and system CPU time spent in seconds.",
        process_cpu },
    { "process_start_time_seconds", GAUGE, "seconds",
        "Start time of the process since unix epoch in seconds.", process_start },
    { "process_resident_memory_bytes", GAUGE, "bytes", "Resident memory size in bytes.",
        process_resident },
    { "process_virtual_memory_bytes", GAUGE, "bytes", "Virtual memory size in bytes.",
        process_virtual },
    { "process_open_fds", GAUGE, NULL, "Number of open file descriptors.", process_open_fds },
    { "process_max_fds", GAUGE, NULL, "Maximum number of open file descriptors.", process_max_fds },
};

// What a family is called and what type it has in the two formats.
static const struct {
    const char *suffix, *type; // of 0.0.4; OpenMetrics has the bare name
    const char *openmetrics_type;
} kinds[] = {
    [COUNTER] = { "_total", "counter", "counter" },
    [GAUGE] = { "", "gauge", "gauge" },
    [HISTOGRAM] = { "", "histogram", "histogram" },
    [INFO] = { "_info", "gauge", "info" },
};

static void about(struct page *page, const char *what, const char *text)
{
    const struct family *family = page->family;
    const char *suffix = page->openmetrics ? "" : kinds[family->kind].suffix;
    hp_buf_format(page->out, "# %s %s%s %s\n", what, family->name, suffix, text);
}

static void write_family(struct page *page, const struct family *family)
{
    page->family = family;
    about(page, "HELP", family->help);
    about(page, "TYPE",
        page->openmetrics ? kinds[family->kind].openmetrics_type : kinds[family->kind].type);
    if (page->openmetrics && family->unit)
        about(page, "UNIT", family->unit);
    family->write(page);
}

static size_t count_of(size_t bytes)
{
    return bytes / sizeof(struct family);
}

void hp_metrics_write(struct hp_metrics *metrics, const struct hp_gauges *gauges, bool openmetrics,
    struct hp_buf *out)
{
    struct page page = {
        .out = out, .metrics = metrics, .gauges = gauges, .openmetrics = openmetrics
    };
    for (size_t i = 0; i < count_of(sizeof families); i++)
        write_family(&page, &families[i]);
    if (metrics->start_s > 0 && hp_process_read(&page.process))
        for (size_t i = 0; i < count_of(sizeof process_families); i++)
            write_family(&page, &process_families[i]);
    if (openmetrics)
        put(&page, "# EOF\n");
}
