// spans.h -- one server span a sampled request, sent to a collector as OTLP/HTTP JSON by a thread
// of its own. Bounded: what does not fit, or finds no collector, is dropped and counted. Nothing
// here ever waits on a request's way.
#pragma once

#include "telemetry/telemetry.h"

struct hp_spans;

// `url` is http://HOST:PORT/PATH; `names` are the routes'. NULL: no memory, or no thread. Signals
// must be blocked before.
struct hp_spans *hp_spans_new(const char *url, const char *const *names, size_t count);

// Sends what waits, for a second at most.
void hp_spans_free(struct hp_spans *spans);

// Any thread. Takes the request where its caller sampled it. `spans` may be NULL.
void hp_spans_take(struct hp_spans *spans, const struct hp_record *record);

struct hp_spans_counts {
    uint64_t exported, dropped, failed; // dropped: no room; failed: the collector did not take them
};

void hp_spans_count(struct hp_spans *spans, struct hp_spans_counts *counts);

// One span as an element of OTLP's `spans`. Exposed for its test.
void hp_span_write(
    const struct hp_record *record, const char *route, uint64_t end_unix_ns, struct hp_buf *out);
