// test_telemetry.c -- metrics (read back by a strict parser of both formats), request log, trace
// ids.
#include "base/line.h"
#include "base/log.h"
#include "telemetry/histogram.h"
#include "telemetry/process.h"
#include "telemetry/sampling.h"
#include "telemetry/spans.h"
#include "telemetry/telemetry.h"
#include "telemetry/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

static const char *const names[] = { "chunk", "score" };
enum { ROUTES = 2 };

static const size_t in_flight[ROUTES] = { 3, 0 };
static const int route_mode[ROUTES] = { 2, 0 };
static const int64_t route_percent[ROUTES] = { 1250, 10000 };
static const struct hp_cached cached[ROUTES] = { { 21, 64 }, { 0, 0 } };
static const struct hp_gauges gauges = { .connections = 7,
    .connections_limit = 1024,
    .queue_depth = 5,
    .queue_bytes = 4096,
    .workers = 3,
    .queue_oldest_s = 0.25,
    .in_flight = in_flight,
    .route_mode = route_mode,
    .route_percent = route_percent,
    .cached = cached,
    .config_hash = "0123456789abcdef",
    .reloads_ok = 2,
    .reloads_failed = 1,
    .last_reload_ok = true,
    .connection_timeouts = 11,
    .log_lines_dropped = 9 };

// --- a strict reader of the two formats ----------------------------------------------------------

enum { LABELS_MAX = 8, SAMPLES_MAX = 2000, FAMILIES_MAX = 64, EXEMPLARS_MAX = 128, TEXT_MAX = 160 };

struct family {
    char name[TEXT_MAX], type[16], unit[16];
};

struct sample {
    const struct family *family;
    char name[TEXT_MAX];
    char labels[TEXT_MAX]; // as they stand, without le
    char le[32];
    double value;
};

struct page {
    struct family family[FAMILIES_MAX];
    struct sample sample[SAMPLES_MAX];
    size_t families, samples;
    bool openmetrics;
    char exemplar[EXEMPLARS_MAX][TEXT_MAX * 2]; // whole lines
    size_t exemplars;
};

static bool is_name(hp_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= 'a' && s.ptr[i] <= 'z') || s.ptr[i] == '_'))
            return false;
    return s.len > 0;
}

static void keep(char *out, size_t size, hp_str s)
{
    ck_assert_uint_lt(s.len, size);
    memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
}

// # HELP, # TYPE, # UNIT: in this order, once a family, and each family once.
static void read_comment(struct page *page, hp_str line)
{
    hp_str rest = line, what, name;
    ck_assert(hp_str_is(hp_str_cut(&rest, ' '), "#"));
    what = hp_str_cut(&rest, ' ');
    name = hp_str_cut(&rest, ' ');
    ck_assert(is_name(name));
    struct family *family = &page->family[page->families];
    if (hp_str_is(what, "HELP")) {
        for (size_t i = 0; i < page->families; i++)
            ck_assert(!hp_str_is(name, page->family[i].name));
        ck_assert_uint_gt(rest.len, 0);
        ck_assert_ptr_null(memchr(rest.ptr, '"', rest.len));
        ck_assert_ptr_null(memchr(rest.ptr, '\\', rest.len));
        ck_assert_uint_lt(page->families, FAMILIES_MAX);
        keep(family->name, sizeof family->name, name);
        page->families++;
        return;
    }
    family--; // the one that HELP began
    ck_assert_uint_gt(page->families, 0);
    ck_assert(hp_str_is(name, family->name));
    if (hp_str_is(what, "TYPE")) {
        ck_assert_str_eq(family->type, "");
        keep(family->type, sizeof family->type, rest);
        return;
    }
    ck_assert(hp_str_is(what, "UNIT") && page->openmetrics);
    ck_assert_str_eq(family->unit, "");
    keep(family->unit, sizeof family->unit, rest);
    ck_assert_uint_gt(strlen(family->name), rest.len + 1);
    ck_assert_str_eq(family->name + strlen(family->name) - rest.len, family->unit);
    ck_assert_int_eq(family->name[strlen(family->name) - rest.len - 1], '_');
}

// Suffixes of samples that a type has in the two formats; 0.0.4 writes them into the family's name.
static void check_suffix(const struct page *page, const struct family *family, hp_str suffix)
{
    bool histogram = strcmp(family->type, "histogram") == 0;
    if (histogram)
        ck_assert(hp_str_is(suffix, "_bucket") || hp_str_is(suffix, "_sum") ||
                  hp_str_is(suffix, "_count"));
    else if (page->openmetrics && strcmp(family->type, "counter") == 0)
        ck_assert(hp_str_is(suffix, "_total"));
    else if (page->openmetrics && strcmp(family->type, "info") == 0)
        ck_assert(hp_str_is(suffix, "_info"));
    else
        ck_assert(hp_str_is(suffix, ""));
}

// key="value",... up to the closing brace; returns what is behind it.
static hp_str read_labels(struct sample *sample, hp_str rest)
{
    for (;;) {
        const char *start = rest.ptr;
        hp_str key = hp_str_cut(&rest, '=');
        ck_assert(is_name(key));
        ck_assert(rest.len > 0 && rest.ptr[0] == '"');
        size_t at = 1;
        while (at < rest.len && rest.ptr[at] != '"')
            at += rest.ptr[at] == '\\' ? 2 : 1;
        ck_assert_uint_lt(at + 1, rest.len);
        hp_str whole = { start, (size_t)(rest.ptr + at + 1 - start) };
        if (hp_str_is(key, "le")) {
            keep(sample->le, sizeof sample->le, (hp_str){ rest.ptr + 1, at - 1 });
        } else {
            size_t have = strlen(sample->labels);
            ck_assert_uint_lt(have + whole.len + 2, TEXT_MAX);
            if (have)
                sample->labels[have++] = ',';
            memcpy(sample->labels + have, whole.ptr, whole.len);
        }
        char separator = rest.ptr[at + 1];
        rest = (hp_str){ rest.ptr + at + 2, rest.len - at - 2 };
        if (separator == '}')
            return rest;
        ck_assert_int_eq(separator, ',');
    }
}

// True where an earlier sample has the same name and labels.
static bool is_repeated(const struct page *page, const struct sample *sample)
{
    for (const struct sample *other = page->sample; other < sample; other++)
        if (strcmp(other->labels, sample->labels) == 0 && strcmp(other->le, sample->le) == 0 &&
            strcmp(other->name, sample->name) == 0)
            return true;
    return false;
}

static void read_sample(struct page *page, hp_str line)
{
    const char *exemplar = memmem(line.ptr, line.len, " # {", 4);
    if (exemplar) {
        ck_assert(page->openmetrics && page->exemplars < EXEMPLARS_MAX);
        keep(page->exemplar[page->exemplars++], TEXT_MAX * 2, line);
        line.len = (size_t)(exemplar - line.ptr);
    }
    ck_assert_uint_gt(page->families, 0);
    ck_assert_uint_lt(page->samples, SAMPLES_MAX);
    const struct family *family = &page->family[page->families - 1];
    struct sample *sample = &page->sample[page->samples++];
    sample->family = family;
    size_t len = 0;
    while (len < line.len && line.ptr[len] != '{' && line.ptr[len] != ' ')
        len++;
    hp_str name = { line.ptr, len }, rest = { line.ptr + len, line.len - len };
    ck_assert(is_name(name));
    ck_assert_uint_ge(name.len, strlen(family->name));
    ck_assert(memcmp(name.ptr, family->name, strlen(family->name)) == 0); // families are not mixed
    check_suffix(
        page, family, (hp_str){ name.ptr + strlen(family->name), name.len - strlen(family->name) });
    ck_assert_str_ne(family->type, "");
    keep(sample->name, sizeof sample->name, name);
    if (rest.len && rest.ptr[0] == '{')
        rest = read_labels(sample, (hp_str){ rest.ptr + 1, rest.len - 1 });
    ck_assert(rest.len > 1 && rest.ptr[0] == ' ');
    char number[64], *end;
    keep(number, sizeof number, (hp_str){ rest.ptr + 1, rest.len - 1 });
    ck_assert_int_ne(number[0], ' ');
    sample->value = strtod(number, &end);
    ck_assert_str_eq(end, "");
    ck_assert(sample->value >= 0 && !isinf(sample->value)); // nothing here is ever negative or NaN
    ck_assert(!is_repeated(page, sample));
}

// Buckets grow in bound and count; the last one is +Inf, followed by _sum and a _count that is the
// same.
static void check_histograms(const struct page *page)
{
    double bound = -1, count = -1;
    for (size_t i = 0; i < page->samples; i++) {
        const struct sample *sample = &page->sample[i];
        if (strcmp(sample->family->type, "histogram") != 0)
            continue;
        if (!strstr(sample->name, "_bucket")) {
            ck_assert_str_eq(sample->le, "");
            continue;
        }
        double le = strcmp(sample->le, "+Inf") == 0 ? INFINITY : strtod(sample->le, NULL);
        ck_assert(le > bound && sample->value >= count);
        bound = le;
        count = sample->value;
        if (!isinf(le))
            continue;
        ck_assert_uint_lt(i + 2, page->samples);
        ck_assert_ptr_nonnull(strstr(sample[1].name, "_sum"));
        ck_assert_ptr_nonnull(strstr(sample[2].name, "_count"));
        ck_assert_str_eq(sample[1].labels, sample->labels);
        ck_assert_str_eq(sample[2].labels, sample->labels);
        ck_assert(sample[2].value == count);
        bound = count = -1;
    }
    ck_assert(bound == -1);
}

static void read_page(struct page *page, hp_str text, bool openmetrics)
{
    memset(page, 0, sizeof *page);
    page->openmetrics = openmetrics;
    bool ended = false;
    ck_assert(text.len && text.ptr[text.len - 1] == '\n');
    while (text.len) {
        hp_str line = hp_str_cut(&text, '\n');
        ck_assert(!ended && line.len > 0);
        if (hp_str_is(line, "# EOF"))
            ended = true;
        else if (line.ptr[0] == '#')
            read_comment(page, line);
        else
            read_sample(page, line);
    }
    ck_assert(ended == openmetrics);
    check_histograms(page);
}

static struct page page; // one at a time: large

static void write_page(struct hp_metrics *metrics, bool openmetrics)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&arena, NULL, 16 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    hp_metrics_write(metrics, &gauges, openmetrics, &out);
    ck_assert_int_eq(hp_buf_check(&out, &fault), HP_OK);
    read_page(&page, hp_buf_str(&out), openmetrics);
    hp_arena_done(&arena);
}

static const struct sample *find(const char *name, const char *labels, const char *le)
{
    for (size_t i = 0; i < page.samples; i++) {
        const struct sample *sample = &page.sample[i];
        if (strcmp(sample->name, name) == 0 && strcmp(sample->labels, labels) == 0 &&
            strcmp(sample->le, le) == 0)
            return sample;
    }
    return NULL;
}

static double value_of(const char *name, const char *labels)
{
    const struct sample *sample = find(name, labels, "");
    ck_assert_msg(sample, "no sample %s{%s}", name, labels);
    return sample->value;
}

static double sum_of(const char *name)
{
    double sum = 0;
    for (size_t i = 0; i < page.samples; i++)
        if (strcmp(page.sample[i].name, name) == 0)
            sum += page.sample[i].value;
    return sum;
}

static size_t samples_of(const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < page.samples; i++)
        count += strcmp(page.sample[i].name, name) == 0;
    return count;
}

static struct hp_record a_record(void)
{
    return (struct hp_record){ .route = 0,
        .mode = HP_CALL_LIVE,
        .code = HP_OK,
        .status = 200,
        .stage = HP_WRITE,
        .method = HP_S("POST"),
        .caller = HP_S("worker/1.4"),
        .request_id = HP_S("r-1"),
        .peer = HP_S("127.0.0.1"),
        .trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
        .span_id = "00f067aa0ba902b7",
        .config_hash = "0123456789abcdef",
        .bytes_in = 100,
        .bytes_out = 5000,
        .spent_ns = { [HP_QUEUE] = 20000,
            [HP_PARSE] = 30000,
            [HP_COMPUTE] = 1500000,
            [HP_WRITE] = 41000 },
        .total_ns = 1600000,
        .cpu_ns = 1530000,
        .deadline_ms = 250,
        .granted_ms = 200,
        .contract = "chunk/1" };
}

// --- metrics -------------------------------------------------------------------------------------

START_TEST(every_label_set_is_there_from_the_start_in_both_formats)
{
    struct hp_metrics *metrics = hp_metrics_new(names, ROUTES);
    for (int openmetrics = 0; openmetrics < 2; openmetrics++) {
        write_page(metrics, openmetrics);
        ck_assert_uint_eq(
            samples_of("hotpathd_requests_total"), (ROUTES + 1) * HP_CODES * HP_CALL_MODES);
        ck_assert(sum_of("hotpathd_requests_total") == 0);
        ck_assert(value_of("hotpathd_requests_total",
                      "route=\"none\",code=\"not_found\",mode=\"live\"") == 0);
        ck_assert(value_of("hotpathd_requests_total",
                      "route=\"score\",code=\"ok\",mode=\"shadow\"") == 0);
        ck_assert_uint_eq(
            samples_of("hotpathd_request_duration_seconds_bucket"), (ROUTES + 1) * 27);
        ck_assert_uint_eq(
            samples_of("hotpathd_request_stage_duration_seconds_count"), (ROUTES + 1) * 4);
        ck_assert(value_of("hotpathd_request_stage_duration_seconds_count",
                      "route=\"chunk\",stage=\"queue\"") == 0);
        ck_assert_uint_eq(samples_of("hotpathd_request_cpu_seconds_total"), (ROUTES + 1) * 2);
        ck_assert_uint_eq(samples_of("hotpathd_deadline_exceeded_total"), (ROUTES + 1) * HP_STAGES);
        ck_assert_uint_eq(samples_of("hotpathd_client_disconnects_total"), ROUTES + 1);
        ck_assert_uint_eq(samples_of("hotpathd_request_body_bytes_count"), ROUTES + 1);
        ck_assert_uint_eq(samples_of("hotpathd_reply_body_bytes_count"), ROUTES + 1);
    }
    hp_metrics_free(metrics);
}
END_TEST

START_TEST(families_have_the_types_of_their_format)
{
    static const struct {
        const char *name, *type, *openmetrics_name, *openmetrics_type, *unit;
    } expected[] = {
        { "hotpathd_requests_total", "counter", "hotpathd_requests", "counter", "" },
        { "hotpathd_request_duration_seconds", "histogram", "hotpathd_request_duration_seconds",
            "histogram", "seconds" },
        { "hotpathd_request_cpu_seconds_total", "counter", "hotpathd_request_cpu_seconds",
            "counter", "seconds" },
        { "hotpathd_request_body_bytes", "histogram", "hotpathd_request_body_bytes", "histogram",
            "bytes" },
        { "hotpathd_queue_oldest_seconds", "gauge", "hotpathd_queue_oldest_seconds", "gauge",
            "seconds" },
        { "hotpathd_build_info", "gauge", "hotpathd_build", "info", "" },
        { "hotpathd_config_info", "gauge", "hotpathd_config", "info", "" },
        { "process_cpu_seconds_total", "counter", "process_cpu_seconds", "counter", "seconds" },
        { "process_open_fds", "gauge", "process_open_fds", "gauge", "" },
    };
    struct hp_metrics *metrics = hp_metrics_new(names, ROUTES);
    for (int openmetrics = 0; openmetrics < 2; openmetrics++) {
        write_page(metrics, openmetrics);
        for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
            const char *name = openmetrics ? expected[i].openmetrics_name : expected[i].name;
            const struct family *found = NULL;
            for (size_t j = 0; j < page.families; j++)
                if (strcmp(page.family[j].name, name) == 0)
                    found = &page.family[j];
            ck_assert_msg(found, "no family %s", name);
            ck_assert_str_eq(
                found->type, openmetrics ? expected[i].openmetrics_type : expected[i].type);
            ck_assert_str_eq(found->unit, openmetrics ? expected[i].unit : "");
        }
    }
    hp_metrics_free(metrics);
}
END_TEST

START_TEST(gauges_are_written_as_they_are)
{
    struct hp_metrics *metrics = hp_metrics_new(names, ROUTES);
    hp_build = (struct hp_build){ "0.1.0", "a\"b\\c\nd", "0.9.75", "2.14", "0.2.5" };
    write_page(metrics, true);
    ck_assert(value_of("hotpathd_in_flight", "route=\"chunk\"") == 3);
    ck_assert(value_of("hotpathd_cache_entries", "route=\"chunk\"") == 21);
    ck_assert(value_of("hotpathd_cache_entries_limit", "route=\"chunk\"") == 64);
    ck_assert(value_of("hotpathd_route_mode", "route=\"chunk\",mode=\"canary\"") == 1);
    ck_assert(value_of("hotpathd_route_mode", "route=\"chunk\",mode=\"on\"") == 0);
    ck_assert(value_of("hotpathd_route_mode", "route=\"score\",mode=\"off\"") == 1);
    ck_assert(sum_of("hotpathd_route_mode") == ROUTES);
    ck_assert(value_of("hotpathd_route_percent", "route=\"chunk\"") == 12.5);
    ck_assert(value_of("hotpathd_queue_depth", "") == 5);
    ck_assert(value_of("hotpathd_queue_bytes", "") == 4096);
    ck_assert(value_of("hotpathd_queue_oldest_seconds", "") == 0.25);
    ck_assert(value_of("hotpathd_workers", "") == 3);
    ck_assert(value_of("hotpathd_connections", "") == 7);
    ck_assert(value_of("hotpathd_connections_limit", "") == 1024);
    ck_assert(value_of("hotpathd_config_reloads_total", "result=\"success\"") == 2);
    ck_assert(value_of("hotpathd_config_reloads_total", "result=\"failure\"") == 1);
    ck_assert(value_of("hotpathd_config_last_reload_success", "") == 1);
    ck_assert(value_of("hotpathd_log_lines_dropped_total", "") == 9);
    ck_assert(value_of("hotpathd_connection_timeouts_total", "") == 11);
    ck_assert(value_of("hotpathd_config_info", "hash=\"0123456789abcdef\"") == 1);
    ck_assert(value_of("hotpathd_build_info",
                  "version=\"0.1.0\",commit=\"a\\\"b\\\\c\\nd\",microhttpd=\"0.9.75\","
                  "jansson=\"2.14\",libyaml=\"0.2.5\"") == 1);
    hp_build = (struct hp_build){ .version = NULL };
    hp_metrics_free(metrics);
}
END_TEST

START_TEST(a_request_is_counted_where_it_belongs)
{
    struct hp_metrics *metrics = hp_metrics_new(names, ROUTES);
    struct hp_record record = a_record();
    hp_metrics_count(metrics, &record);
    record.code = HP_DEADLINE, record.stage = HP_COMPUTE, record.mode = HP_CALL_SHADOW;
    hp_metrics_count(metrics, &record);
    record = a_record();
    record.disconnected = true, record.route = 1, record.cpu_ns = 1000000000;
    hp_metrics_count(metrics, &record);
    record = a_record();
    record.route = HP_NO_ROUTE, record.code = HP_NOT_FOUND;
    hp_metrics_count(metrics, &record);
    write_page(metrics, true);

    ck_assert(sum_of("hotpathd_requests_total") == 4);
    ck_assert(
        value_of("hotpathd_requests_total", "route=\"chunk\",code=\"ok\",mode=\"live\"") == 1);
    ck_assert(value_of("hotpathd_requests_total",
                  "route=\"chunk\",code=\"deadline\",mode=\"shadow\"") == 1);
    ck_assert(value_of("hotpathd_requests_total",
                  "route=\"none\",code=\"not_found\",mode=\"live\"") == 1);
    ck_assert(sum_of("hotpathd_deadline_exceeded_total") == 1);
    ck_assert(
        value_of("hotpathd_deadline_exceeded_total", "route=\"chunk\",stage=\"compute\"") == 1);
    ck_assert(sum_of("hotpathd_client_disconnects_total") == 1);
    ck_assert(value_of("hotpathd_client_disconnects_total", "route=\"score\"") == 1);
    const char *cpu = "hotpathd_request_cpu_seconds_total";
    ck_assert(value_of(cpu, "route=\"chunk\",outcome=\"useful\"") == 0.00153);
    ck_assert(value_of(cpu, "route=\"chunk\",outcome=\"wasted\"") == 0.00153);
    ck_assert(value_of(cpu, "route=\"score\",outcome=\"wasted\"") == 1);
    ck_assert(value_of(cpu, "route=\"score\",outcome=\"useful\"") == 0);
    ck_assert(value_of("hotpathd_request_duration_seconds_sum", "route=\"chunk\"") == 2 * 0.0016);
    ck_assert(value_of("hotpathd_request_stage_duration_seconds_sum",
                  "route=\"score\",stage=\"parse\"") == 0.00003);
    ck_assert(
        find("hotpathd_request_duration_seconds_bucket", "route=\"chunk\"", "0.0014")->value == 0);
    ck_assert(
        find("hotpathd_request_duration_seconds_bucket", "route=\"chunk\"", "0.0024")->value == 2);
    ck_assert(find("hotpathd_request_body_bytes_bucket", "route=\"score\"", "64.0")->value == 0);
    ck_assert(find("hotpathd_request_body_bytes_bucket", "route=\"score\"", "256.0")->value == 1);
    ck_assert(value_of("hotpathd_reply_body_bytes_sum", "route=\"chunk\"") == 10000);
    hp_metrics_free(metrics);
}
END_TEST

START_TEST(a_bucket_shows_the_last_trace_that_fell_into_it)
{
    struct hp_metrics *metrics = hp_metrics_new(names, ROUTES);
    struct hp_record record = { .route = 0, .total_ns = 1600000 };
    hp_metrics_count(metrics, &record); // without a trace
    write_page(metrics, true);
    ck_assert_uint_eq(page.exemplars, 0);
    strcpy(record.trace_id, "0af7651916cd43dd8448eb211c80319c");
    hp_metrics_count(metrics, &record);
    strcpy(record.trace_id, "1af7651916cd43dd8448eb211c80319c");
    record.total_ns = 1700000;
    hp_metrics_count(metrics, &record);
    write_page(metrics, true);
    ck_assert_uint_eq(page.exemplars, 1);
    ck_assert_ptr_nonnull(strstr(page.exemplar[0], "hotpathd_request_duration_seconds_bucket{"
                                                   "route=\"chunk\",le=\"0.0024\"} 3 # {trace_id="
                                                   "\"1af7651916cd43dd8448eb211c80319c\"} "
                                                   "0.001700000 "));
    double at = strtod(strrchr(page.exemplar[0], ' '), NULL);
    ck_assert(at > 1.6e9 && at < 1e11);
    write_page(metrics, false);
    ck_assert_uint_eq(page.exemplars, 0);
    hp_metrics_free(metrics);
}
END_TEST

START_TEST(a_span_is_what_otlp_takes)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_buf out = hp_buf_in(&arena);
    struct hp_record record = { .code = HP_DEADLINE,
        .status = 504,
        .request_id = HP_STR("a\"b\\c"),
        .caller = HP_STR("test/1"),
        .trace_id = "0af7651916cd43dd8448eb211c80319c",
        .span_id = "b7ad6b7169203331",
        .parent_id = "00f067aa0ba902b7",
        .bytes_in = 7,
        .cpu_ns = 5000,
        .spent_ns = { [HP_BODY] = 10, [HP_COMPUTE] = 90 },
        .total_ns = 100 };
    hp_span_write(&record, "chunk", 1700000000000000100u, &out);
    hp_buf_char(&out, '\0');
    ck_assert_str_eq(out.ptr,
        "{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"spanId\":\"b7ad6b7169203331\","
        "\"parentSpanId\":\"00f067aa0ba902b7\",\"name\":\"POST /v1/chunk\",\"kind\":2,"
        "\"startTimeUnixNano\":\"1700000000000000000\","
        "\"endTimeUnixNano\":\"1700000000000000100\",\"events\":["
        "{\"timeUnixNano\":\"1700000000000000000\",\"name\":\"body\"},"
        "{\"timeUnixNano\":\"1700000000000000010\",\"name\":\"compute\"}],\"attributes\":["
        "{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"POST\"}},"
        "{\"key\":\"url.scheme\",\"value\":{\"stringValue\":\"http\"}},"
        "{\"key\":\"http.route\",\"value\":{\"stringValue\":\"/v1/chunk\"}},"
        "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"deadline\"}},"
        "{\"key\":\"hotpath.request_id\",\"value\":{\"stringValue\":\"a\\\"b\\\\c\"}},"
        "{\"key\":\"hotpath.caller\",\"value\":{\"stringValue\":\"test/1\"}},"
        "{\"key\":\"hotpath.mode\",\"value\":{\"stringValue\":\"live\"}},"
        "{\"key\":\"hotpath.cpu_us\",\"value\":{\"intValue\":\"5\"}},"
        "{\"key\":\"http.request.body.size\",\"value\":{\"intValue\":\"7\"}},"
        "{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"504\"}}],"
        "\"status\":{\"code\":2}}");
    hp_arena_done(&arena);
}
END_TEST

START_TEST(bounds_say_what_they_are_and_grow_evenly)
{
    size_t count = 0;
    for (; hp_bounds_ns[count].text; count++) {
        uint64_t ns = hp_bounds_ns[count].max;
        ck_assert(fabs(strtod(hp_bounds_ns[count].text, NULL) * 1e9 - (double)ns) < 0.5);
        if (count)
            ck_assert((double)ns / (double)hp_bounds_ns[count - 1].max > 1.5 &&
                      (double)ns / (double)hp_bounds_ns[count - 1].max < 1.8);
    }
    ck_assert_uint_eq(count, 26);
    ck_assert_uint_eq(count, HP_BOUNDS_MAX);
    ck_assert_uint_eq(hp_bounds_ns[0].max, 25000);
    ck_assert_uint_eq(hp_bounds_ns[count - 1].max, 10000000000u);
    size_t bytes = 0;
    for (; hp_bounds_bytes[bytes].text; bytes++)
        ck_assert_uint_eq(
            (uint64_t)strtod(hp_bounds_bytes[bytes].text, NULL), hp_bounds_bytes[bytes].max);
    ck_assert_uint_le(bytes, HP_BOUNDS_MAX);
}
END_TEST

START_TEST(a_value_falls_into_the_bucket_whose_bound_it_is)
{
    struct hp_histogram histogram = { .sum = 0 };
    for (size_t i = 0; hp_bounds_ns[i].text; i++) {
        hp_histogram_count(&histogram, hp_bounds_ns, hp_bounds_ns[i].max);
        hp_histogram_count(&histogram, hp_bounds_ns, hp_bounds_ns[i].max + 1);
    }
    ck_assert_uint_eq(histogram.counts[0], 1);
    for (size_t i = 1; i < HP_BOUNDS_MAX; i++)
        ck_assert_uint_eq(histogram.counts[i], 2);
    ck_assert_uint_eq(histogram.counts[HP_BOUNDS_MAX], 1);
}
END_TEST

enum { THREADS = 4, EACH = 20000 };

static void *count_many(void *metrics)
{
    struct hp_record record = a_record();
    for (unsigned i = 0; i < EACH; i++) {
        record.route = (int)(i % (ROUTES + 1)) - 1;
        record.code = (enum hp_code)(i % HP_CODES);
        record.total_ns = (uint64_t)i * 1000000;
        hp_metrics_count(metrics, &record);
    }
    return NULL;
}

START_TEST(threads_lose_no_count_while_another_reads)
{
    struct hp_metrics *metrics = hp_metrics_new(names, ROUTES);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_many, metrics), 0);
    write_page(metrics, true); // valid at any moment
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    write_page(metrics, false);
    ck_assert(sum_of("hotpathd_requests_total") == THREADS * EACH);
    ck_assert(sum_of("hotpathd_request_duration_seconds_count") == THREADS * EACH);
    ck_assert(sum_of("hotpathd_request_stage_duration_seconds_count") == THREADS * EACH * 4.0);
    hp_metrics_free(metrics);
}
END_TEST

START_TEST(a_page_that_does_not_fit_is_marked)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_metrics *metrics = hp_metrics_new(names, ROUTES);
    hp_arena_init(&arena, NULL, 20000);
    struct hp_buf out = hp_buf_in(&arena);
    hp_metrics_write(metrics, &gauges, false, &out);
    ck_assert_int_eq(hp_buf_check(&out, &fault), HP_TOO_LARGE);
    hp_arena_done(&arena);
    hp_metrics_free(metrics);
}
END_TEST

START_TEST(the_process_tells_of_itself)
{
    struct hp_process before, after;
    ck_assert(hp_process_read(&before));
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    void *memory = mmap(
        NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    ck_assert(hp_process_read(&after));
    ck_assert_uint_eq(after.open_fds, before.open_fds + 1);
    ck_assert_uint_ge(after.resident_bytes, before.resident_bytes + (48 << 20));
    ck_assert_uint_ge(after.virtual_bytes, after.resident_bytes);
    ck_assert_uint_gt(after.max_fds, after.open_fds);
    ck_assert(after.cpu_s > before.cpu_s);
    double start = hp_process_start_s(), now = (double)time(NULL);
    ck_assert(start > now - 3600 && start < now + 2);
    munmap(memory, 64 << 20);
    close(fd);
}
END_TEST

// --- the line and the log ------------------------------------------------------------------------

static json_t *parse(const char *text, size_t len)
{
    json_error_t error;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(json, "%s in %.*s", error.text, (int)len, text);
    return json;
}

static const char *string_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    ck_assert_msg(text, "no string %s", key);
    return text;
}

static json_int_t int_of(const json_t *json, const char *key)
{
    ck_assert(json_is_integer(json_object_get(json, key)));
    return json_integer_value(json_object_get(json, key));
}

START_TEST(a_line_is_json_whatever_the_strings)
{
    unsigned seed = 1;
    for (int round = 0; round < 3000; round++) {
        struct hp_line line;
        char bytes[900];
        size_t len = (size_t)rand_r(&seed) % sizeof bytes;
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(round % 2 ? rand_r(&seed)
                                        : "\xed\xa0\x80\xf0\x9f\x98\x80\"\\\n"[rand_r(&seed) % 10]);
        hp_line_start(&line);
        for (int i = 0; i < 8; i++)
            hp_line_string(&line, (const char *[]){ "a", "b", "c", "d", "e", "f", "g", "h" }[i],
                (hp_str){ bytes, len });
        hp_line_uint(&line, "number", UINT64_MAX);
        hp_line_end(&line);
        ck_assert_uint_le(line.len, HP_LINE_MAX);
        ck_assert_ptr_eq(memchr(line.text, '\n', line.len), line.text + line.len - 1);
        size_t controls = 0;
        for (size_t i = 0; i + 1 < line.len; i++)
            controls += (unsigned char)line.text[i] < 0x20;
        ck_assert_uint_eq(controls, 0);
        // UINT64_MAX is beyond jansson's integers: read as real
        json_t *json =
            json_loadb(line.text, line.len, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
        ck_assert_msg(json, "%.*s", (int)line.len, line.text);
        json_decref(json);
    }
}
END_TEST

START_TEST(a_line_keeps_text_and_nests)
{
    struct hp_line line;
    hp_line_start(&line);
    hp_line_string(&line, "text", HP_S("a\"\\\n\x7f \xc3\xa9 \xff"));
    hp_line_open(&line, "inner");
    hp_line_uint(&line, "zero", 0);
    hp_line_uint(&line, "large", 1234567890123);
    hp_line_close(&line);
    hp_line_string(&line, "last", HP_S(""));
    hp_line_end(&line);
    json_t *json = parse(line.text, line.len);
    ck_assert_str_eq(string_of(json, "text"), "a\"\\\n\x7f \xc3\xa9 ?");
    ck_assert_int_eq(int_of(json_object_get(json, "inner"), "zero"), 0);
    ck_assert_int_eq(int_of(json_object_get(json, "inner"), "large"), 1234567890123);
    ck_assert_str_eq(string_of(json, "last"), "");
    json_decref(json);
}
END_TEST

START_TEST(the_log_writes_one_json_line_an_event)
{
    int ends[2], error = dup(STDERR_FILENO);
    ck_assert_int_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    hp_log(HP_WARN, "config \"x\" refused", "file", "conf/x.yaml", "empty", "", NULL);
    dup2(error, STDERR_FILENO);
    close(error);
    close(ends[1]);
    char text[HP_LINE_MAX];
    ssize_t len = read(ends[0], text, sizeof text);
    close(ends[0]);
    ck_assert_int_gt(len, 0);
    json_t *json = parse(text, (size_t)len);
    ck_assert_str_eq(string_of(json, "level"), "warn");
    ck_assert_str_eq(string_of(json, "msg"), "config \"x\" refused");
    ck_assert_str_eq(string_of(json, "file"), "conf/x.yaml");
    ck_assert_uint_eq(strlen(string_of(json, "ts")), 27);
    ck_assert_int_eq(string_of(json, "ts")[26], 'Z');
    json_decref(json);
}
END_TEST

// Lines that wait in the pipe; each must be JSON.
static size_t lines_in(int fd, json_t **last)
{
    static char text[1 << 20];
    size_t len = 0, lines = 0;
    struct pollfd poller = { .fd = fd, .events = POLLIN };
    while (poll(&poller, 1, 0) == 1 && (poller.revents & POLLIN)) {
        ssize_t got = read(fd, text + len, sizeof text - len);
        ck_assert_int_gt(got, 0);
        len += (size_t)got;
    }
    ck_assert(len == 0 || text[len - 1] == '\n');
    hp_str rest = { text, len };
    while (rest.len) {
        hp_str line = hp_str_cut(&rest, '\n');
        json_t *json = parse(line.ptr, line.len);
        lines++;
        if (last && rest.len == 0)
            *last = json;
        else
            json_decref(json);
    }
    return lines;
}

START_TEST(a_request_line_has_every_field)
{
    static const char *const keys[] = { "ts", "level", "msg", "request_id", "trace_id", "span_id",
        "route", "mode", "caller", "method", "status", "code", "outcome", "stage", "bytes_in",
        "bytes_out", "queue_us", "parse_us", "compute_us", "write_us", "total_us", "cpu_us",
        "deadline_ms", "granted_ms", "remaining_ms", "bound_by", "contract", "peer",
        "config_hash" };
    enum { KEYS = sizeof keys / sizeof *keys };
    int ends[2];
    json_t *json = NULL;
    ck_assert_int_eq(pipe(ends), 0);
    struct hp_request_log *log = hp_request_log_new(ends[1], 1000, names, ROUTES);
    struct hp_record record = a_record();
    hp_request_log_write(log, &record);
    ck_assert_uint_eq(lines_in(ends[0], &json), 1);
    ck_assert_uint_eq(json_object_size(json), KEYS);
    for (size_t i = 0; i < KEYS; i++)
        ck_assert_msg(json_object_get(json, keys[i]), "no %s", keys[i]);
    ck_assert_str_eq(string_of(json, "level"), "info");
    ck_assert_str_eq(string_of(json, "request_id"), "r-1");
    ck_assert_str_eq(string_of(json, "trace_id"), "4bf92f3577b34da6a3ce929d0e0e4736");
    ck_assert_str_eq(string_of(json, "route"), "chunk");
    ck_assert_str_eq(string_of(json, "mode"), "live");
    ck_assert_str_eq(string_of(json, "code"), "ok");
    ck_assert_str_eq(string_of(json, "outcome"), "ok");
    ck_assert_str_eq(string_of(json, "stage"), "write");
    ck_assert_int_eq(int_of(json, "status"), 200);
    ck_assert_int_eq(int_of(json, "bytes_in"), 100);
    ck_assert_int_eq(int_of(json, "queue_us"), 20);
    ck_assert_int_eq(int_of(json, "parse_us"), 30);
    ck_assert_int_eq(int_of(json, "compute_us"), 1500);
    ck_assert_int_eq(int_of(json, "write_us"), 41);
    ck_assert_int_eq(int_of(json, "total_us"), 1600);
    ck_assert_int_eq(int_of(json, "cpu_us"), 1530);
    ck_assert_int_eq(int_of(json, "deadline_ms"), 250);
    ck_assert_int_eq(int_of(json, "granted_ms"), 200);
    ck_assert_int_eq(int_of(json, "remaining_ms"), 198); // of 200, less 1.6
    ck_assert_str_eq(string_of(json, "bound_by"), "route");
    ck_assert_str_eq(string_of(json, "contract"), "chunk/1");
    json_decref(json);
    hp_request_log_free(log);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(failures_say_how_bad_they_are)
{
    static const struct {
        enum hp_code code;
        bool disconnected;
        const char *level, *outcome;
    } cases[] = {
        { HP_BAD_JSON, false, "warn", "failed" },
        { HP_OVERLOADED, false, "warn", "failed" },
        { HP_ROUTE_OFF, false, "warn", "failed" },
        { HP_DEADLINE, false, "warn", "failed" },
        { HP_INTERNAL, false, "error", "failed" },
        { HP_OK, true, "warn", "disconnected" },
    };
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    struct hp_request_log *log = hp_request_log_new(ends[1], 1000, names, ROUTES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hp_record record = a_record();
        json_t *json = NULL;
        record.route = HP_NO_ROUTE;
        record.code = cases[i].code;
        record.disconnected = cases[i].disconnected;
        hp_request_log_write(log, &record);
        ck_assert_uint_eq(lines_in(ends[0], &json), 1);
        ck_assert_str_eq(string_of(json, "level"), cases[i].level);
        ck_assert_str_eq(string_of(json, "outcome"), cases[i].outcome);
        ck_assert_str_eq(string_of(json, "code"), hp_error_info(cases[i].code)->slug);
        ck_assert_str_eq(string_of(json, "route"), "none");
        json_decref(json);
    }
    hp_request_log_free(log);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(hostile_strings_leave_the_line_whole)
{
    char hostile[4000];
    int ends[2];
    json_t *json = NULL;
    memset(hostile, 1, sizeof hostile); // each byte takes six when escaped
    ck_assert_int_eq(pipe(ends), 0);
    struct hp_request_log *log = hp_request_log_new(ends[1], 1000, names, ROUTES);
    struct hp_record record = a_record();
    hp_str bad = { hostile, sizeof hostile };
    record.method = record.caller = record.request_id = record.peer = bad;
    record.code = HP_BAD_FRAMING;
    record.bytes_in = record.bytes_out = record.total_ns = record.cpu_ns = UINT64_MAX / 2;
    hp_request_log_write(log, &record);
    ck_assert_uint_eq(lines_in(ends[0], &json), 1);
    ck_assert_uint_eq(json_object_size(json), 29);
    ck_assert_uint_eq(strlen(string_of(json, "peer")), 128);
    json_decref(json);
    hp_request_log_free(log);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

static const uint64_t second_ns = 1000000000;

START_TEST(a_second_holds_the_cap_and_a_tenth_of_it_for_successes)
{
    struct hp_sampling sampling = { .lines_per_second = 100 };
    for (uint64_t second = 5; second < 8; second++) {
        int written = 0, skipped = 0, dropped = 0;
        for (int i = 0; i < 1000; i++) {
            enum hp_verdict verdict =
                hp_sampling_take(&sampling, second * second_ns + (uint64_t)i, false);
            written += verdict == HP_LOG_IT;
            skipped += verdict == HP_SKIP_IT;
            ck_assert(i > 0 || verdict == HP_LOG_IT);
        }
        ck_assert_int_eq(written, 10);
        ck_assert_int_eq(skipped, 990);
        for (int i = 0; i < 1000; i++) {
            enum hp_verdict verdict = hp_sampling_take(&sampling, second * second_ns + 1000, true);
            written += verdict == HP_LOG_IT;
            dropped += verdict == HP_DROP_IT;
        }
        ck_assert_int_eq(written, 100);
        ck_assert_int_eq(dropped, 910);
    }
}
END_TEST

START_TEST(a_small_cap_still_shows_a_success_and_none_shows_nothing)
{
    struct hp_sampling one = { .lines_per_second = 1 }, none = { .lines_per_second = 0 };
    ck_assert_int_eq(hp_sampling_take(&one, 0, false), HP_LOG_IT);
    ck_assert_int_eq(hp_sampling_take(&one, 1, false), HP_SKIP_IT);
    ck_assert_int_eq(hp_sampling_take(&one, 2, true), HP_DROP_IT);
    ck_assert_int_eq(hp_sampling_take(&none, 0, false), HP_SKIP_IT);
    ck_assert_int_eq(hp_sampling_take(&none, 0, true), HP_DROP_IT);
}
END_TEST

START_TEST(lines_and_drops_account_for_every_failure)
{
    enum { CAP = 50, CALLS = 400 };
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    struct hp_request_log *log = hp_request_log_new(ends[1], CAP, names, ROUTES);
    struct hp_record record = a_record();
    record.code = HP_OVERLOADED;
    uint64_t from = hp_now_ns() / second_ns;
    for (int i = 0; i < CALLS; i++)
        hp_request_log_write(log, &record);
    uint64_t seconds = hp_now_ns() / second_ns - from + 1;
    uint64_t lines = lines_in(ends[0], NULL);
    ck_assert_uint_ge(lines, CAP);
    ck_assert_uint_le(lines, CAP * seconds);
    ck_assert_uint_eq(lines + hp_request_log_dropped(log), CALLS);
    hp_request_log_free(log);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

// The descriptor blocks, and nobody reads: the log must not wait.
START_TEST(a_full_pipe_drops_lines_and_waits_for_nobody)
{
    enum { CALLS = 1000 };
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    struct hp_request_log *log = hp_request_log_new(ends[1], 1000000, names, ROUTES);
    struct hp_record record = a_record();
    record.code = HP_OVERLOADED;
    for (int i = 0; i < CALLS; i++)
        hp_request_log_write(log, &record);
    uint64_t dropped = hp_request_log_dropped(log);
    ck_assert_uint_gt(dropped, 0);
    ck_assert_uint_eq(lines_in(ends[0], NULL) + dropped, CALLS);
    hp_request_log_write(log, &record); // room again
    ck_assert_uint_eq(lines_in(ends[0], NULL), 1);
    ck_assert_uint_eq(hp_request_log_dropped(log), dropped);
    hp_request_log_free(log);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(a_descriptor_that_is_gone_only_counts)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    struct hp_record record = a_record();
    struct hp_request_log *log = hp_request_log_new(fd, 1000, names, ROUTES);
    hp_request_log_write(log, &record);
    close(fd);
    record.code = HP_INTERNAL;
    hp_request_log_write(log, &record);
    ck_assert_uint_eq(hp_request_log_dropped(log), 2);
    hp_request_log_free(log);
}
END_TEST

// A stream socket takes part of a line when its buffer runs out.
START_TEST(a_torn_line_does_not_spoil_the_next)
{
    int ends[2], size = 4608;
    static char text[1 << 20];
    size_t len = 0, lines = 0;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    struct hp_request_log *log = hp_request_log_new(ends[1], 1000000, names, ROUTES);
    struct hp_record record = a_record();
    record.code = HP_OVERLOADED;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 20; i++)
            hp_request_log_write(log, &record);
        ssize_t got;
        while ((got = read(ends[0], text + len, sizeof text - len)) > 0)
            len += (size_t)got;
        ck_assert_int_eq(errno, EAGAIN);
    }
    hp_str rest = { text, len };
    while (rest.len) {
        hp_str line = hp_str_cut(&rest, '\n');
        json_t *json = json_loadb(line.ptr, line.len, 0, NULL);
        lines += json != NULL;
        json_decref(json);
    }
    ck_assert_uint_gt(lines, 50);
    ck_assert_uint_eq(lines + hp_request_log_dropped(log), 50 * 20);
    hp_request_log_free(log);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

// --- trace ids -----------------------------------------------------------------------------------

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

START_TEST(traceparent_follows_the_standard)
{
    static const struct {
        const char *header;
        bool valid, sampled;
    } cases[] = {
        { "00-" TRACE "-" PARENT "-01", true, true },
        { "00-" TRACE "-" PARENT "-00", true, false },
        { "00-" TRACE "-" PARENT "-02", true, false }, // other flags are not ours
        { "00-" TRACE "-" PARENT "-ff", true, true },
        { "cc-" TRACE "-" PARENT "-01", true, true }, // a later version
        { "cc-" TRACE "-" PARENT "-01-what-is-new", true, true },
        { "cc-" TRACE "-" PARENT "-01-", true, true },
        { "cc-" TRACE "-" PARENT "-01.what", false, false },
        { "cc-" TRACE "-" PARENT "-0100", false, false },
        { "00-" TRACE "-" PARENT "-01-more", false, false },
        { "00-" TRACE "-" PARENT "-01.", false, false },
        { "00-" TRACE "-" PARENT "-01-", false, false },
        { "ff-" TRACE "-" PARENT "-01", false, false },
        { ".0-" TRACE "-" PARENT "-01", false, false },
        { "0-" TRACE "-" PARENT "-01", false, false },
        { "000-" TRACE "-" PARENT "-01", false, false },
        { "CC-" TRACE "-" PARENT "-01", false, false },
        { "00-00000000000000000000000000000000-" PARENT "-01", false, false },
        { "00-" TRACE "-0000000000000000-01", false, false },
        { "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false, false },
        { "00-" TRACE "-00F067AA0BA902B7-01", false, false },
        { "00-" TRACE "-" PARENT "-0A", false, false },
        { "00-" TRACE "-" PARENT "-.0", false, false },
        { "00-" TRACE "-" PARENT "-1", false, false },
        { "00-" TRACE "-" PARENT "-001", false, false },
        { "00-" TRACE "-" PARENT, false, false },
        { "00-.bf92f3577b34da6a3ce929d0e0e4736-" PARENT "-01", false, false },
        { "00-4bf92f3577b34da6a3ce929d0e0e473-" PARENT "-01", false, false },
        { "00-" TRACE "-00f067aa0ba902b-01", false, false },
        { "00_" TRACE "-" PARENT "-01", false, false },
        { "00-" TRACE "_" PARENT "-01", false, false },
        { "00-" TRACE "-" PARENT "_01", false, false },
        { " 00-" TRACE "-" PARENT "-01", false, false },
        { "", false, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char trace[33] = "untouched", parent[17] = "untouched";
        bool sampled = false;
        bool valid = hp_traceparent_read(hp_str_from(cases[i].header), trace, parent, &sampled);
        ck_assert_msg(valid == cases[i].valid, "%s", cases[i].header);
        ck_assert_msg(sampled == cases[i].sampled, "%s", cases[i].header);
        ck_assert_str_eq(trace, valid ? TRACE : "untouched");
        ck_assert_str_eq(parent, valid ? PARENT : "untouched");
    }
}
END_TEST

START_TEST(every_cut_traceparent_is_refused)
{
    hp_str whole = HP_S("00-" TRACE "-" PARENT "-01");
    char trace[33], parent[17];
    bool sampled;
    for (size_t len = 0; len < whole.len; len++)
        ck_assert(!hp_traceparent_read((hp_str){ whole.ptr, len }, trace, parent, &sampled));
    ck_assert(hp_traceparent_read(whole, trace, parent, &sampled));
}
END_TEST

enum { IDS = 20000 };

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void *make_ids(void *ids)
{
    for (size_t i = 0; i < IDS; i++)
        hp_id_hex((char *)ids + i * 33, 32);
    return NULL;
}

START_TEST(ids_are_hex_and_all_different_across_threads)
{
    static char ids[2 * IDS][33];
    pthread_t other;
    ck_assert_int_eq(pthread_create(&other, NULL, make_ids, ids[IDS]), 0);
    make_ids(ids[0]);
    pthread_join(other, NULL);
    qsort(ids, sizeof ids / sizeof *ids, sizeof *ids, by_text);
    size_t bad = 0, same = 0;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        bad += strspn(ids[i], "0123456789abcdef") != 32 || strlen(ids[i]) != 32;
        same += i > 0 && strcmp(ids[i], ids[i - 1]) == 0;
    }
    ck_assert_uint_eq(bad, 0);
    ck_assert_uint_eq(same, 0);
}
END_TEST

START_TEST(ids_use_every_digit_at_every_place_and_are_never_zero)
{
    static unsigned seen[16][128];
    unsigned zeros = 0;
    for (int i = 0; i < 20000; i++) {
        char id[17], one[2];
        hp_id_hex(id, 16);
        for (int place = 0; place < 16; place++)
            seen[place][(unsigned char)id[place]]++;
        hp_id_hex(one, 1); // zero one time in sixteen, if it could be
        zeros += one[0] == '0';
    }
    ck_assert_uint_eq(zeros, 0);
    for (int place = 0; place < 16; place++) // expected 1250 each, standard deviation 34
        for (const char *digit = "0123456789abcdef"; *digit; digit++)
            ck_assert(seen[place][(unsigned char)*digit] > 1000 &&
                      seen[place][(unsigned char)*digit] < 1500);
}
END_TEST

TESTS("telemetry", every_label_set_is_there_from_the_start_in_both_formats,
    families_have_the_types_of_their_format, gauges_are_written_as_they_are,
    a_request_is_counted_where_it_belongs, bounds_say_what_they_are_and_grow_evenly,
    a_bucket_shows_the_last_trace_that_fell_into_it, a_span_is_what_otlp_takes,
    a_value_falls_into_the_bucket_whose_bound_it_is, threads_lose_no_count_while_another_reads,
    a_page_that_does_not_fit_is_marked, the_process_tells_of_itself,
    a_line_is_json_whatever_the_strings, a_line_keeps_text_and_nests,
    the_log_writes_one_json_line_an_event, a_request_line_has_every_field,
    failures_say_how_bad_they_are, hostile_strings_leave_the_line_whole,
    a_second_holds_the_cap_and_a_tenth_of_it_for_successes,
    a_small_cap_still_shows_a_success_and_none_shows_nothing,
    lines_and_drops_account_for_every_failure, a_full_pipe_drops_lines_and_waits_for_nobody,
    a_descriptor_that_is_gone_only_counts, a_torn_line_does_not_spoil_the_next,
    traceparent_follows_the_standard, every_cut_traceparent_is_refused,
    ids_are_hex_and_all_different_across_threads,
    ids_use_every_digit_at_every_place_and_are_never_zero)
