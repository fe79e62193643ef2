// reply.c -- what is answered: a route's result, the rollout or a problem, and the headers around
// it.
#include "http/exchange_parts.h"

#include "http/problem.h"
#include "http/rollout.h"

#include <assert.h>
#include <sys/socket.h>

// With a 304, too: its Content-Length is that of the 200 (RFC 9110, section 8.6), and libmicrohttpd
// leaves the body out.
static void write_rollout(struct hp_exchange *x)
{
    x->killed = atomic_load(&x->server->killed);
    x->reply = hp_buf_in(&x->spare);
    x->status = hp_rollout_matches(x->config, x->killed, x->etag) ? 304 : 200;
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

static unsigned retry_after_s(const struct hp_exchange *x)
{
    if (x->fault.code == HP_ROUTE_OFF)
        return 60;
    if (x->fault.code == HP_OVERLOADED && x->retry_s)
        return x->retry_s;
    return x->fault.code == HP_OVERLOADED || x->fault.code == HP_DRAINING ? 1 : 0;
}

// --- the lines of its head -----------------------------------------------------------------------

// Written by hand: each snprintf cost as much as all of them.
static char *put(char *at, hp_str text)
{
    memcpy(at, text.ptr, text.len);
    return at + text.len;
}

static char *put_line(char *at, hp_str name, hp_str value)
{
    at = put(put(at, name), value);
    return put(at, HP_S("\r\n"));
}

static char *put_number(char *at, uint64_t number)
{
    char digits[24];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (count)
        *at++ = digits[--count];
    return at;
}

// "queue;dur=0.012": milliseconds to the microsecond.
static char *put_ms(char *at, hp_str name, uint64_t ns)
{
    uint64_t us = ns / HP_NS_PER_US;
    at = put_number(put(at, name), us / 1000);
    *at++ = '.';
    for (unsigned unit = 100; unit; unit /= 10)
        *at++ = (char)('0' + us / unit % 10);
    return at;
}

static char *put_timing(char *at, const struct hp_exchange *x)
{
    const uint64_t *spent = x->request.progress.spent_ns;
    at = put_ms(at, HP_S("Server-Timing: queue;dur="), spent[HP_QUEUE]);
    at = put_ms(at, HP_S(", parse;dur="), spent[HP_PARSE]);
    at = put_ms(at, HP_S(", compute;dur="), spent[HP_COMPUTE]);
    at = put_ms(at, HP_S(", write;dur="), spent[HP_WRITE]);
    at = put_ms(at, HP_S(", total;dur="), x->request.progress.since_ns - x->started_ns);
    return put(at, HP_S("\r\n"));
}

static char *put_etag(char *at, const struct hp_exchange *x)
{
    char version[HP_ROLLOUT_VERSION];
    hp_rollout_version(x->config, x->killed, version);
    at = put(put(at, HP_S("ETag: \"")), hp_str_from(version));
    return put(at, HP_S("\"\r\n"));
}

static char *put_problem_lines(char *at, const struct hp_exchange *x)
{
    enum hp_code code = x->fault.code;
    unsigned retry_s = retry_after_s(x);
    if (code == HP_UNAUTHORIZED)
        at = put(at, HP_S("WWW-Authenticate: Bearer\r\n"));
    if (code == HP_METHOD)
        at = put(at, x->rollout ? HP_S("Allow: GET\r\n") : HP_S("Allow: POST\r\n"));
    if (retry_s)
        at = put(put_number(put(at, HP_S("Retry-After: ")), retry_s), HP_S("\r\n"));
    return at;
}

// All but those that say how the body ends (lines.h).
static hp_str write_lines(struct hp_exchange *x)
{
    char *at = put(x->head, hp_date_line(&x->loop->date));
    if (x->fault.code)
        at = put(at, HP_S("Content-Type: application/problem+json\r\n"));
    else if (x->status != 304)
        at = put(at, HP_S("Content-Type: application/json\r\n"));
    at = put_line(at, HP_S("X-Request-Id: "), x->request_id);
    if (x->route != HP_NO_ROUTE) {
        hp_str contract = hp_str_from(hp_routes[x->route]->contract);
        at = put_timing(put_line(at, HP_S("X-Hotpath-Contract: "), contract), x);
    }
    if (x->rollout && !x->fault.code)
        at = put_etag(at, x);
    at = put_problem_lines(at, x);
    assert(at <= x->head + sizeof x->head);
    return (hp_str){ x->head, (size_t)(at - x->head) };
}

// That a connection ends with it libmicrohttpd must know, or it goes on to read what comes behind.
static struct MHD_Response *make_response(const struct hp_exchange *x)
{
    bool last = x->close || atomic_load(&x->server->draining);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        x->reply.len, x->reply.ptr, MHD_RESPMEM_PERSISTENT); // the arena outlives it
    if (!response || !last ||
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES)
        return response;
    MHD_destroy_response(response);
    return NULL;
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
    struct MHD_Response *response = make_response(x);
    if (!response)
        return MHD_NO;
    hp_lines_wait(&x->lines, x->peer->fd, write_lines(x));
    x->bytes_out = x->status == 304 ? 0 : x->reply.len;
    hp_peer_expect(
        x->peer, HP_PEER_REPLY, x->request.progress.since_ns + hp_exchange_reply_time(x));
    hp_mhd_result result = MHD_queue_response(connection, (unsigned)x->status, response);
    MHD_destroy_response(response);
    return result;
}

// --- past libmicrohttpd --------------------------------------------------------------------------

hp_mhd_result hp_exchange_refuse(struct hp_exchange *x)
{
    char head[512];
    write_problem(x);
    x->ended_by_us = true;
    size_t len = hp_problem_head(head, sizeof head, x->fault.code, hp_date_line(&x->loop->date),
        x->request_id, x->reply.len);
    if (x->reply.failed || len == 0)
        return MHD_NO;
    struct iovec parts[] = { { head, len }, { x->reply.ptr, x->reply.len } };
    struct msghdr message = { .msg_iov = parts,
        .msg_iovlen = hp_str_is(x->method, "HEAD") ? 1 : 2 };
    x->bytes_out = x->reply.len;
    (void)sendmsg(x->peer->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT); // nobody can be told
    return MHD_NO;
}
