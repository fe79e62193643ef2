// request_log.c -- one JSON line a request. Nothing waits for the log: a line that the reader at
// the other end has no room for is dropped and counted.
#include "base/log.h"
#include "telemetry/sampling.h"
#include "telemetry/telemetry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct hp_request_log {
    int fd;
    const char *const *names;
    size_t routes;
    pthread_mutex_t lock; // of `sampling`
    struct hp_sampling sampling;
    atomic_bool torn; // the last line went out in part: the next one starts with a line end
    atomic_uint_fast64_t dropped;
};

struct hp_request_log *hp_request_log_new(
    int fd, int64_t lines_per_second, const char *const *names, size_t count)
{
    struct hp_request_log *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->fd = fd;
    log->names = names;
    log->routes = count;
    log->sampling.lines_per_second = lines_per_second > 0 ? (uint64_t)lines_per_second : 0;
    pthread_mutex_init(&log->lock, NULL);
    return log;
}

void hp_request_log_free(struct hp_request_log *log)
{
    if (!log)
        return;
    pthread_mutex_destroy(&log->lock);
    free(log);
}

static bool failed(const struct hp_record *record)
{
    return record->code != HP_OK || record->disconnected;
}

static enum hp_verdict take(struct hp_request_log *log, const struct hp_record *record)
{
    pthread_mutex_lock(&log->lock);
    enum hp_verdict verdict = hp_sampling_take(&log->sampling, hp_now_ns(), failed(record));
    pthread_mutex_unlock(&log->lock);
    return verdict;
}

// Only a fault of our own is an error: what callers, limits and deadlines cause is a warning.
static enum hp_level level_of(const struct hp_record *record)
{
    if (record->code == HP_INTERNAL)
        return HP_ERROR_LEVEL;
    return failed(record) ? HP_WARN : HP_INFO;
}

static const char *outcome_of(const struct hp_record *record)
{
    if (record->disconnected)
        return "disconnected";
    return record->code == HP_OK ? "ok" : "failed";
}

static const char *route_of(const struct hp_request_log *log, const struct hp_record *record)
{
    bool known = record->route >= 0 && (size_t)record->route < log->routes;
    return known ? log->names[record->route] : "none";
}

// What comes from outside is cut, so that the whole line always fits.
static void outside(struct hp_line *line, const char *key, hp_str value)
{
    value.len = hp_str_cut_at(value, 128);
    hp_line_string(line, key, value);
}

static void text(struct hp_line *line, const char *key, const char *value)
{
    hp_line_string(line, key, hp_str_from(value));
}

static void micros(struct hp_line *line, const char *key, uint64_t ns)
{
    hp_line_uint(line, key, ns / HP_NS_PER_US);
}

// Whose word the grant is, and what of it was left at the end.
static void grant(struct hp_line *line, const struct hp_record *record)
{
    uint64_t granted_ns = (uint64_t)record->granted_ms * HP_NS_PER_MS;
    bool asked = record->deadline_ms && record->deadline_ms <= record->granted_ms;
    uint64_t left_ns = granted_ns > record->total_ns ? granted_ns - record->total_ns : 0;
    hp_line_uint(line, "deadline_ms", record->deadline_ms);
    hp_line_uint(line, "granted_ms", record->granted_ms);
    hp_line_uint(line, "remaining_ms", left_ns / HP_NS_PER_MS);
    text(line, "bound_by", !record->granted_ms ? "nothing" : asked ? "caller" : "route");
}

static void times(struct hp_line *line, const struct hp_record *record)
{
    micros(line, "queue_us", record->spent_ns[HP_QUEUE]);
    micros(line, "parse_us", record->spent_ns[HP_PARSE]);
    micros(line, "compute_us", record->spent_ns[HP_COMPUTE]);
    micros(line, "write_us", record->spent_ns[HP_WRITE]);
    micros(line, "total_us", record->total_ns);
    micros(line, "cpu_us", record->cpu_ns);
}

static void describe(
    const struct hp_request_log *log, const struct hp_record *record, struct hp_line *line)
{
    hp_log_start(line, level_of(record), "request");
    outside(line, "request_id", record->request_id);
    text(line, "trace_id", record->trace_id);
    text(line, "span_id", record->span_id);
    text(line, "route", route_of(log, record));
    text(line, "contract", record->contract ? record->contract : "");
    text(line, "mode", hp_call_mode_name(record->mode));
    outside(line, "caller", record->caller);
    outside(line, "method", record->method);
    hp_line_uint(line, "status", (uint64_t)record->status);
    text(line, "code", hp_error_info(record->code)->slug);
    text(line, "outcome", outcome_of(record));
    text(line, "stage", hp_stage_name(record->stage));
    hp_line_uint(line, "bytes_in", record->bytes_in);
    hp_line_uint(line, "bytes_out", record->bytes_out);
    times(line, record);
    grant(line, record);
    outside(line, "peer", record->peer);
    text(line, "config_hash", record->config_hash);
    hp_line_end(line);
}

static bool send_line(struct hp_request_log *log, const struct hp_line *line)
{
    char bytes[1 + HP_LINE_MAX];
    size_t at = 0;
    if (!hp_log_has_room(log->fd))
        return false;
    bool torn = atomic_exchange(&log->torn, false);
    if (torn)
        bytes[at++] = '\n';
    memcpy(bytes + at, line->text, line->len);
    at += line->len;
    ssize_t written = write(log->fd, bytes, at);
    if (written == (ssize_t)at)
        return true;
    if (torn || written > 0)
        atomic_store(&log->torn, true);
    return false;
}

void hp_request_log_write(struct hp_request_log *log, const struct hp_record *record)
{
    struct hp_line line;
    enum hp_verdict verdict = take(log, record);
    if (verdict == HP_SKIP_IT)
        return;
    if (verdict == HP_LOG_IT) {
        describe(log, record, &line);
        if (send_line(log, &line))
            return;
    }
    atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
}

uint64_t hp_request_log_dropped(const struct hp_request_log *log)
{
    return atomic_load_explicit(&log->dropped, memory_order_relaxed);
}
