// reply.c -- what is answered: a route's result, the rollout or a problem, and the headers around
// it.
#include "http/exchange_parts.h"

#include "http/problem.h"
#include "http/rollout.h"

#include <stdio.h>

static void write_rollout(struct hp_exchange *x)
{
    x->killed = atomic_load(&x->server->killed);
    x->reply = hp_buf_in(&x->spare);
    x->status = 200;
    if (hp_rollout_matches(x->config, x->killed, x->etag))
        x->status = 304;
    else
        hp_rollout_put(&x->loop->rollout, x->config, x->killed, &x->reply);
    if (hp_buf_check(&x->reply, &x->fault))
        x->status = 0;
}

static void write_problem(struct hp_exchange *x)
{
    x->status = hp_error_info(x->fault.code)->status;
    x->reply = hp_buf_in(&x->spare);
    hp_problem_write(&x->reply, &x->fault, x->request_id, x->request.progress.stage, x->granted_ms);
}

// After its grant nobody waits for the reply; a header block's time is added for what is on its
// way.
uint64_t hp_exchange_reply_time(const struct hp_exchange *x)
{
    return (uint64_t)x->granted_ms * HP_NS_PER_MS + x->server->header_ns;
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    // A header that finds no memory is missing from the reply; the reply itself stays right.
    (void)MHD_add_response_header(response, name, value);
}

static unsigned retry_after_s(const struct hp_exchange *x)
{
    if (x->fault.code == HP_ROUTE_OFF)
        return 60;
    if (x->fault.code == HP_OVERLOADED && x->retry_s)
        return x->retry_s;
    return x->fault.code == HP_OVERLOADED || x->fault.code == HP_DRAINING ? 1 : 0;
}

// "queue;dur=0.012": milliseconds to the microsecond. By hand: five times %.3f cost as much as the
// rest of a small reply.
static char *put_ms(char *at, const char *name, uint64_t ns)
{
    char digits[24];
    uint64_t us = ns / HP_NS_PER_US, ms = us / 1000;
    size_t count = 0, len = strlen(name);
    memcpy(at, name, len);
    at += len;
    do {
        digits[count++] = (char)('0' + ms % 10);
        ms /= 10;
    } while (ms);
    while (count)
        *at++ = digits[--count];
    *at++ = '.';
    for (unsigned unit = 100; unit; unit /= 10)
        *at++ = (char)('0' + us / unit % 10);
    *at = '\0';
    return at;
}

static void add_timing(struct hp_exchange *x, struct MHD_Response *response)
{
    const uint64_t *spent = x->request.progress.spent_ns;
    char text[256], *at = text;
    at = put_ms(at, "queue;dur=", spent[HP_QUEUE]);
    at = put_ms(at, ", parse;dur=", spent[HP_PARSE]);
    at = put_ms(at, ", compute;dur=", spent[HP_COMPUTE]);
    at = put_ms(at, ", write;dur=", spent[HP_WRITE]);
    (void)put_ms(at, ", total;dur=", x->request.progress.since_ns - x->started_ns);
    add(response, "Server-Timing", text);
}

static void add_headers(struct hp_exchange *x, struct MHD_Response *response)
{
    enum hp_code code = x->fault.code;
    unsigned retry_s = retry_after_s(x);
    if (x->status != 304)
        add(response, MHD_HTTP_HEADER_CONTENT_TYPE,
            code ? "application/problem+json" : "application/json");
    if (x->request_id.len)
        add(response, "X-Request-Id", x->request_id.ptr);
    if (x->route != HP_NO_ROUTE) {
        add(response, "X-Hotpath-Contract", hp_routes[x->route]->contract);
        add_timing(x, response);
    }
    if (x->rollout && !code) {
        char etag[HP_ROLLOUT_VERSION + 2] = "\"";
        hp_rollout_version(x->config, x->killed, etag + 1);
        memcpy(etag + strlen(etag), "\"", sizeof "\"");
        add(response, MHD_HTTP_HEADER_ETAG, etag);
    }
    if (code == HP_UNAUTHORIZED)
        add(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (code == HP_METHOD)
        add(response, MHD_HTTP_HEADER_ALLOW, x->rollout ? "GET" : "POST");
    if (retry_s) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%u", retry_s);
        add(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    if (x->close || atomic_load(&x->server->draining))
        add(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

hp_mhd_result hp_exchange_answer(struct hp_exchange *x, struct MHD_Connection *connection)
{
    if (!x->fault.code && x->rollout)
        write_rollout(x);
    if (x->fault.code)
        write_problem(x);
    else if (!x->status)
        x->status = 200;
    hp_progress_enter(&x->request.progress, x->fault.code ? x->request.progress.stage : HP_WRITE);
    hp_exchange_unwatch(x);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        x->reply.len, x->reply.ptr, MHD_RESPMEM_PERSISTENT); // the arena outlives it
    if (!response)
        return MHD_NO;
    add_headers(x, response);
    x->bytes_out = x->reply.len;
    hp_peer_expect(
        x->peer, HP_PEER_REPLY, x->request.progress.since_ns + hp_exchange_reply_time(x));
    hp_mhd_result result = MHD_queue_response(connection, (unsigned)x->status, response);
    MHD_destroy_response(response);
    return result;
}
