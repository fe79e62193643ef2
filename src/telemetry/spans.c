// spans.c -- a ring of small structs under a lock, and a thread that makes JSON of them. The format
// is opentelemetry-proto's JSON mapping (ids in hex, 64-bit integers as strings, enums as numbers);
// names are those of the semantic conventions for HTTP servers.
#include "telemetry/spans.h"

#include "base/client.h"
#include "base/log.h"
#include "base/thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    RING = 2048,
    BATCH = 256,
    FLUSH_MS = 1000,
    CONNECT_MS = 500,
    CALL_MS = 2000,
    MEMORY = 2 << 20
};

// What is kept of a request: numbers and fixed text, nothing borrowed.
struct span {
    struct hp_record record; // its slices point nowhere
    char request_id[129], caller[65];
    uint64_t end_unix_ns;
};

struct hp_spans {
    char address[256], target[256];
    const char *const *names;
    size_t routes;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    bool stopping, failing;
    size_t first, count;
    struct hp_spans_counts counts;
    struct span *ring, *batch;
};

static uint64_t unix_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * HP_NS_PER_S + (uint64_t)now.tv_nsec;
}

// --- one span ------------------------------------------------------------------------------------

static void put(struct hp_buf *out, const char *text)
{
    hp_buf_add(out, hp_str_from(text));
}

// Printable ASCII, as everything is that was kept.
static void attribute(struct hp_buf *out, const char *key, hp_str value)
{
    hp_buf_format(out, "{\"key\":\"%s\",\"value\":{\"stringValue\":\"", key);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"' || value.ptr[i] == '\\')
            hp_buf_char(out, '\\');
        hp_buf_char(out, value.ptr[i]);
    }
    put(out, "\"}},");
}

static void number(struct hp_buf *out, const char *key, uint64_t value)
{
    hp_buf_format(
        out, "{\"key\":\"%s\",\"value\":{\"intValue\":\"%llu\"}},", key, (unsigned long long)value);
}

// A stage as an event at the time it began.
static void events(const struct hp_record *record, uint64_t start_ns, struct hp_buf *out)
{
    uint64_t at = start_ns;
    bool first = true;
    put(out, "\"events\":[");
    for (enum hp_stage stage = HP_ARRIVAL; stage < HP_STAGES; stage++) {
        if (record->spent_ns[stage] == 0)
            continue;
        hp_buf_format(out, "%s{\"timeUnixNano\":\"%llu\",\"name\":\"%s\"}", first ? "" : ",",
            (unsigned long long)at, hp_stage_name(stage));
        at += record->spent_ns[stage];
        first = false;
    }
    put(out, "],");
}

static void attributes(const struct hp_record *record, const char *route, struct hp_buf *out)
{
    const char *code = hp_error_info(record->code)->slug;
    put(out, "\"attributes\":[");
    attribute(out, "http.request.method", HP_S("POST"));
    attribute(out, "url.scheme", HP_S("http"));
    hp_buf_format(out, "{\"key\":\"http.route\",\"value\":{\"stringValue\":\"/v1/%s\"}},", route);
    if (record->code)
        attribute(out, "error.type", hp_str_from(code));
    attribute(out, "hotpath.request_id", record->request_id);
    attribute(out, "hotpath.caller", record->caller);
    attribute(out, "hotpath.mode", hp_str_from(hp_call_mode_name(record->mode)));
    number(out, "hotpath.cpu_us", record->cpu_ns / HP_NS_PER_US);
    number(out, "http.request.body.size", record->bytes_in);
    hp_buf_format(out, "{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"%d\"}}],",
        record->status);
}

void hp_span_write(
    const struct hp_record *record, const char *route, uint64_t end_unix_ns, struct hp_buf *out)
{
    enum { SERVER = 2, ERROR = 2 };
    uint64_t start_ns = end_unix_ns - record->total_ns;
    hp_buf_format(out, "{\"traceId\":\"%s\",\"spanId\":\"%s\",\"parentSpanId\":\"%s\",",
        record->trace_id, record->span_id, record->parent_id);
    hp_buf_format(out,
        "\"name\":\"POST /v1/%s\",\"kind\":%d,\"startTimeUnixNano\":\"%llu\","
        "\"endTimeUnixNano\":\"%llu\",",
        route, SERVER, (unsigned long long)start_ns, (unsigned long long)end_unix_ns);
    events(record, start_ns, out);
    attributes(record, route, out);
    // Of a server's span only 5xx is an error; 4xx leaves the status unset.
    if (record->status >= 500)
        hp_buf_format(out, "\"status\":{\"code\":%d}}", ERROR);
    else
        put(out, "\"status\":{}}");
}

// --- the thread ----------------------------------------------------------------------------------

static void write_batch(const struct hp_spans *spans, size_t count, struct hp_buf *out)
{
    put(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
             "\"value\":{\"stringValue\":\"hotpathd\"}},");
    hp_buf_format(out,
        "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"%s\"}}]},"
        "\"scopeSpans\":[{\"scope\":{\"name\":\"hotpathd\"},\"spans\":[",
        hp_build.version ? hp_build.version : "");
    for (size_t i = 0; i < count; i++) {
        struct span *span = &spans->batch[i];
        span->record.request_id = hp_str_from(span->request_id);
        span->record.caller = hp_str_from(span->caller);
        if (i)
            hp_buf_char(out, ',');
        hp_span_write(&span->record, spans->names[span->record.route], span->end_unix_ns, out);
    }
    put(out, "]}]}]}");
}

static bool send_batch(const struct hp_spans *spans, size_t count, char *why, size_t size)
{
    struct hp_arena arena;
    struct hp_reply reply;
    struct hp_client_problem problem = { "no memory" };
    hp_arena_init(&arena, NULL, MEMORY);
    struct hp_buf body = hp_buf_in(&arena);
    write_batch(spans, count, &body);
    struct hp_client_request request = { .address = spans->address,
        .method = "POST",
        .target = spans->target,
        .media_type = "application/json",
        .body = hp_buf_str(&body),
        .connect_ms = CONNECT_MS,
        .total_ms = CALL_MS };
    bool answered = !body.failed && hp_client_call(&request, &arena, &reply, &problem);
    if (answered)
        snprintf(why, size, "status %d", reply.status);
    else
        snprintf(why, size, "%s", problem.text);
    bool taken = answered && reply.status >= 200 && reply.status < 300;
    hp_arena_done(&arena);
    return taken;
}

// Some of those that wait, when a batch is full or a second has passed; 0: stopping, and none does.
static size_t wait_for_batch(struct hp_spans *spans)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FLUSH_MS / 1000;
    pthread_mutex_lock(&spans->lock);
    while (spans->count < BATCH && !spans->stopping)
        if (pthread_cond_timedwait(&spans->more, &spans->lock, &until) != 0) {
            if (spans->count > 0 || spans->stopping)
                break;
            clock_gettime(CLOCK_MONOTONIC, &until);
            until.tv_sec += FLUSH_MS / 1000;
        }
    size_t count = spans->count < BATCH ? spans->count : BATCH;
    for (size_t i = 0; i < count; i++)
        spans->batch[i] = spans->ring[(spans->first + i) % RING];
    spans->first = (spans->first + count) % RING;
    spans->count -= count;
    pthread_mutex_unlock(&spans->lock);
    return count;
}

// The first failure of a row is logged, the others are counted.
static void note(struct hp_spans *spans, bool taken, size_t count, const char *why)
{
    pthread_mutex_lock(&spans->lock);
    bool first = !taken && !spans->failing;
    spans->failing = !taken;
    *(taken ? &spans->counts.exported : &spans->counts.failed) += count;
    pthread_mutex_unlock(&spans->lock);
    if (first)
        hp_log(HP_WARN, "the collector does not take spans; they are dropped and counted", "reason",
            why, NULL);
}

static bool ends_now(struct hp_spans *spans, bool taken)
{
    pthread_mutex_lock(&spans->lock);
    bool stopping = spans->stopping;
    bool ends = stopping && (!taken || spans->count == 0);
    pthread_mutex_unlock(&spans->lock);
    return ends;
}

static void *export(void *cls)
{
    struct hp_spans *spans = cls;
    bool taken = true;
    hp_thread_name("hotpathd-spans");
    while (!ends_now(spans, taken)) {
        char why[256] = "";
        size_t count = wait_for_batch(spans);
        if (count == 0)
            continue;
        taken = send_batch(spans, count, why, sizeof why);
        note(spans, taken, count, why);
    }
    return NULL;
}

// --- from start to stop --------------------------------------------------------------------------

// http://HOST:PORT/PATH into the two parts that the client takes.
static bool split_url(struct hp_spans *spans, const char *url)
{
    static const char scheme[] = "http://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *host = url + sizeof scheme - 1, *slash = strchr(host, '/');
    size_t len = slash ? (size_t)(slash - host) : strlen(host);
    if (len == 0 || len >= sizeof spans->address ||
        (slash && strlen(slash) >= sizeof spans->target))
        return false;
    memcpy(spans->address, host, len);
    snprintf(spans->target, sizeof spans->target, "%s", slash ? slash : "/v1/traces");
    return true;
}

static bool start(struct hp_spans *spans, const char *url)
{
    pthread_condattr_t clock;
    spans->ring = calloc(RING, sizeof *spans->ring);
    spans->batch = calloc(BATCH, sizeof *spans->batch);
    if (!spans->ring || !spans->batch || !split_url(spans, url))
        return false;
    pthread_mutex_init(&spans->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&spans->more, &clock);
    pthread_condattr_destroy(&clock);
    return pthread_create(&spans->thread, NULL, export, spans) == 0;
}

static void drop(struct hp_spans *spans)
{
    free(spans->ring);
    free(spans->batch);
    free(spans);
}

struct hp_spans *hp_spans_new(const char *url, const char *const *names, size_t count)
{
    struct hp_spans *spans = calloc(1, sizeof *spans);
    if (!spans)
        return NULL;
    spans->names = names;
    spans->routes = count;
    if (start(spans, url))
        return spans;
    drop(spans);
    return NULL;
}

void hp_spans_free(struct hp_spans *spans)
{
    if (!spans)
        return;
    pthread_mutex_lock(&spans->lock);
    spans->stopping = true;
    pthread_cond_signal(&spans->more);
    pthread_mutex_unlock(&spans->lock);
    pthread_join(spans->thread, NULL);
    pthread_cond_destroy(&spans->more);
    pthread_mutex_destroy(&spans->lock);
    drop(spans);
}

static void keep(char *out, size_t size, hp_str text)
{
    snprintf(out, size, "%.*s", (int)text.len, text.len ? text.ptr : "");
}

void hp_spans_take(struct hp_spans *spans, const struct hp_record *record)
{
    if (!spans || !record->sampled || record->route == HP_NO_ROUTE)
        return;
    pthread_mutex_lock(&spans->lock);
    if (spans->count == RING) {
        spans->counts.dropped++;
    } else {
        struct span *span = &spans->ring[(spans->first + spans->count++) % RING];
        span->record = *record;
        span->end_unix_ns = unix_ns();
        keep(span->request_id, sizeof span->request_id, record->request_id);
        keep(span->caller, sizeof span->caller, record->caller);
        if (spans->count == BATCH)
            pthread_cond_signal(&spans->more);
    }
    pthread_mutex_unlock(&spans->lock);
}

void hp_spans_count(struct hp_spans *spans, struct hp_spans_counts *counts)
{
    *counts = (struct hp_spans_counts){ 0 };
    if (!spans)
        return;
    pthread_mutex_lock(&spans->lock);
    *counts = spans->counts;
    pthread_mutex_unlock(&spans->lock);
}
