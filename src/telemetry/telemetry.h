// telemetry.h -- what is told of each request: counters and histograms (written by the thread that
// ends the request, read by the admin thread: atomics), and one JSON line in the log.
#pragma once

#include "hotpathd/route.h"

enum hp_call_mode { HP_CALL_LIVE, HP_CALL_SHADOW, HP_CALL_PROBE, HP_CALL_MODES };

const char *hp_call_mode_name(enum hp_call_mode mode); // as in X-Hotpath-Mode

enum { HP_NO_ROUTE = -1 };

// One request, told when its last byte was handed to the kernel or the connection was lost.
struct hp_record {
    int route;            // index, or HP_NO_ROUTE
    const char *contract; // the route's; NULL: no route
    enum hp_call_mode mode;
    enum hp_code code;
    int status;
    enum hp_stage stage;                     // where it ended
    bool disconnected;                       // the client was gone before the reply was
    hp_str method, caller, request_id, peer; // caller and request_id are checked printable ASCII
    char trace_id[33], span_id[17];          // "" where there is none
    char parent_id[17];
    bool sampled; // by the caller: a span is wanted
    char config_hash[17];
    uint64_t bytes_in, bytes_out;
    uint64_t spent_ns[HP_STAGES];
    uint64_t total_ns, cpu_ns;
    uint32_t deadline_ms, granted_ms; // what the header asked for (0: no header), and what it got
};

// Values that are read, not counted: filled in by the server when somebody asks for the metrics.
struct hp_gauges {
    size_t connections, connections_limit;
    size_t queue_depth, queue_bytes, workers;
    double queue_oldest_s;
    const size_t *in_flight;        // one for each route
    const int *route_mode;          // enum hp_mode, one for each route
    const int64_t *route_percent;   // hundredths
    const struct hp_cached *cached; // one for each route
    const char *config_hash;
    uint64_t reloads_ok, reloads_failed;
    bool last_reload_ok;
    uint64_t log_lines_dropped;
    uint64_t peers_refused, connection_timeouts;
    uint64_t spans_exported, spans_dropped, spans_failed;
};

struct hp_metrics;

// For routes of these names (borrowed), by index as in the records, and for requests without a
// route. NULL: no memory.
struct hp_metrics *hp_metrics_new(const char *const *names, size_t count);
void hp_metrics_free(struct hp_metrics *metrics);

// Any thread. Shadow and probe calls count like live ones; only requests_total tells them apart.
void hp_metrics_count(struct hp_metrics *metrics, const struct hp_record *record);

// Work for a request that was counted without it.
void hp_metrics_waste(struct hp_metrics *metrics, int route, uint64_t cpu_ns);

// All of the interface's metrics, every label set from the start. `openmetrics` chooses
// OpenMetrics 1.0 (which ends with # EOF) over Prometheus' text format 0.0.4. The process' own
// metrics are left out where /proc cannot be read.
void hp_metrics_write(struct hp_metrics *metrics, const struct hp_gauges *gauges, bool openmetrics,
    struct hp_buf *out);

// Version and libraries, for the metrics and the command line.
struct hp_build {
    const char *version, *commit, *microhttpd, *jansson, *libyaml;
};
extern struct hp_build hp_build; // filled in once by main, before any thread

// The request log: every failure, a sample of the successes (sampling.h), all under a cap of lines
// a second. Any thread. It never waits: a line that does not go out at once is dropped and counted.
// `names` are those of the metrics. NULL: no memory.
struct hp_request_log;
struct hp_request_log *hp_request_log_new(
    int fd, int64_t lines_per_second, const char *const *names, size_t count);
void hp_request_log_free(struct hp_request_log *log);
void hp_request_log_write(struct hp_request_log *log, const struct hp_record *record);

// Lines that should have been written and were not.
uint64_t hp_request_log_dropped(const struct hp_request_log *log);
