// exchange.c -- libmicrohttpd's callbacks in the order in which they come: connection, request
// line, headers, body, reply, end. A request that is refused at the gate keeps its connection where
// the body is small enough to be read and thrown away; otherwise the refusal closes it.
#include "http/exchange_parts.h"

#include "hotpathd/json.h"
#include "http/gate.h"
#include "http/pages.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    LOOK_IDLE_MS = 100,
    POOL_LEAST = 16 << 10,   // so that a body comes in few pieces
    BYPASS_LEAST = 16 << 10, // less is one piece anyway
    REPLY_HEAD = 1024
};

static size_t header_bytes(const struct hp_server *server)
{
    return (size_t)server->first->limits.header_bytes;
}

// libmicrohttpd's memory for a connection: the header block, what is kept of its lines, the reply's
// head. It writes zeros over all of it, and over half of it once more, for each request: 32 KiB
// were a seventh of a small request's time.
static size_t pool_bytes(size_t header_bytes)
{
    size_t needed = header_bytes + (size_t)HP_HEADER_LINE_BYTES * HP_HEADER_LINES_MAX + REPLY_HEAD;
    return needed > POOL_LEAST ? needed : POOL_LEAST;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *context = hp_peer_open(cls,
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
    else if (*context)
        hp_peer_close(*context);
}

// --- the request line ----------------------------------------------------------------------------

static bool keep_target(struct hp_exchange *x, const char *target)
{
    char *copy = hp_arena_text(&x->spare, hp_str_from(target));
    if (!copy)
        return false;
    hp_str rest = hp_str_from(copy);
    x->path = hp_str_cut(&rest, '?');
    x->query = rest;
    return true;
}

static struct hp_peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static size_t parameters(hp_str query)
{
    size_t count = query.len > 0;
    for (size_t i = 0; i < query.len; i++)
        count += query.ptr[i] == '&';
    return count;
}

// libmicrohttpd is about to list the parameters: where it has no room it ends the connection.
static void refuse_at_once(struct hp_exchange *x)
{
    hp_exchange_identify(x);
    (void)hp_exchange_refuse(x);
    shutdown(x->peer->fd, SHUT_RDWR);
}

static void *on_request_line(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct hp_loop *loop = cls;
    struct hp_server *server = loop->server;
    struct hp_peer *peer = peer_of(connection);
    struct hp_exchange *x = peer ? hp_exchange_new(loop) : NULL;
    if (!x)
        return NULL;
    x->peer = peer;
    x->config = hp_server_config(server);
    x->route = HP_NO_ROUTE;
    x->started_ns = x->request.progress.since_ns = hp_now_ns();
    x->late_comer = atomic_load(&server->draining);
    if (!keep_target(x, target))
        hp_fail(&x->fault, HP_OVERLOADED, NULL, "no memory left for this request");
    x->headers.lines = parameters(x->query);
    x->headers.bytes = strlen(target);
    peer->exchange = x;
    hp_peer_expect(peer, HP_PEER_HEADERS, x->started_ns + server->header_ns);
    if (hp_gate_size(&x->headers, header_bytes(server), &x->fault))
        refuse_at_once(x);
    return x;
}

// --- headers, body, reply ------------------------------------------------------------------------

static bool has_body(const struct hp_exchange *x)
{
    return x->length_known ? x->length > 0 : hp_headers_has(&x->headers, HP_H_TRANSFER_ENCODING);
}

static hp_mhd_result on_headers(struct hp_exchange *x, struct MHD_Connection *connection,
    const char *method, const char *version)
{
    if (x->status)
        return MHD_NO;
    x->arrived = true;
    x->connection = connection;
    x->http11 = strcmp(version, "HTTP/1.1") == 0;
    hp_server_headers(x->server, connection, method, version, &x->headers);
    x->method = hp_exchange_keep(x, hp_str_from(method));
    x->length_known = hp_headers_has(&x->headers, HP_H_CONTENT_LENGTH) &&
                      hp_str_decimal(x->headers.value[HP_H_CONTENT_LENGTH], &x->length);
    // The last of its connection: libmicrohttpd is lax about what frames chunks (a bare line feed,
    // a carriage return in an extension, trailers), so where such a body ends others may see
    // otherwise.
    x->close = hp_headers_has(&x->headers, HP_H_TRANSFER_ENCODING);
    hp_exchange_identify(x);
    enum hp_code refused = hp_exchange_admit(x);
    if (x->route != HP_NO_ROUTE)
        atomic_fetch_add_explicit(&x->server->in_flight[x->route], 1, memory_order_relaxed);
    if (refused == HP_HEADER_TOO_LARGE)
        return hp_exchange_refuse(x);
    if ((refused || x->rollout) && !hp_exchange_can_discard(x)) {
        x->close = true;
        return hp_exchange_answer(x, connection);
    }
    x->discard = refused != HP_OK || x->rollout;
    x->discard_max = HP_DISCARD_MAX;
    hp_progress_enter(&x->request.progress, HP_BODY);
    hp_peer_expect(x->peer, HP_PEER_BODY,
        x->request.deadline.at_ns ? x->request.deadline.at_ns
                                  : x->request.progress.since_ns + x->server->header_ns);
    if (has_body(x) && !x->length_known && x->server->old_library)
        hp_chunked_begin(&x->chunked, x->peer->fd);
    if (has_body(x))
        hp_exchange_watch_later(x); // its headers and its end may have come as one
    return MHD_YES;
}

// Mid-body libmicrohttpd takes no reply: what must end here ends with the connection.
static hp_mhd_result cut_off(struct hp_exchange *x)
{
    x->ended_by_us = true;
    return MHD_NO;
}

// Behind its first piece, which came with the head, nobody looks at it.
static void look_no_longer(struct hp_exchange *x)
{
    struct hp_peer *peer = x->peer;
    if (!peer->unix_socket && !peer->refused)
        hp_bypass_prepare(peer->fd);
    peer->refused = true;
    hp_bypass_throw(&x->bypass, peer->fd, !peer->unix_socket, x->length - x->bytes_in);
}

static hp_mhd_result discard(struct hp_exchange *x)
{
    if (x->bytes_in > x->discard_max)
        return cut_off(x);
    if (x->length_known && x->bytes_in < x->length && !x->bypass.by_fd.fd)
        look_no_longer(x);
    return MHD_YES;
}

// What follows the first piece, which came with the head, goes straight to its place: the room for
// all of it was made when it was let in.
static void receive_in_place(struct hp_exchange *x)
{
    if (x->length_known && x->length - x->bytes_in >= BYPASS_LEAST && !x->bypass.by_fd.fd)
        hp_bypass_to(&x->bypass, x->peer->fd, x->body.ptr + x->body.len, x->length - x->bytes_in);
}

static hp_mhd_result on_body(struct hp_exchange *x, const char *data, size_t len)
{
    size_t past = hp_bypass_handed(&x->bypass, len);
    x->bytes_in += len;
    if (x->discard)
        return discard(x);
    x->body.len += past;
    data += past;
    len -= past;
    hp_exchange_watch_later(x);
    size_t max = (size_t)x->config->routes[x->route].max_body;
    if (x->body.len + len > max) {
        hp_fail_limit(&x->fault, HP_TOO_LARGE, NULL, max, "a body has at most %zu bytes", max);
        return cut_off(x);
    }
    hp_buf_room(&x->body, len + HP_PADDING);
    hp_buf_add(&x->body, (hp_str){ data, len });
    if (!hp_buf_check(&x->body, &x->fault)) {
        receive_in_place(x);
        return MHD_YES;
    }
    // A chunked body for which the memory ran out: read to its end, so that its caller is told why.
    hp_arena_done(&x->arena);
    x->discard = true;
    x->discard_max = max;
    return MHD_YES;
}

// They lie beside the header block in libmicrohttpd's memory, and take the room of the reply's
// head.
static enum hp_code count_trailers(struct hp_exchange *x, struct MHD_Connection *connection)
{
    if (x->worked || !hp_headers_has(&x->headers, HP_H_TRANSFER_ENCODING))
        return HP_OK;
    hp_server_trailers(connection, &x->headers);
    return hp_gate_framing(&x->headers, x->http11, header_bytes(x->server), &x->fault);
}

ssize_t hp_exchange_is_full(struct hp_chunked *chunked)
{
    struct hp_exchange *x = HP_EXCHANGE_OF(chunked, chunked);
    if (!x->fault.code)
        hp_fail(&x->fault, HP_HEADER_TOO_LARGE, NULL,
            "the trailers fill the memory that a header block has");
    (void)hp_exchange_refuse(x);
    errno = ECONNRESET;
    return -1;
}

// The last byte of the body is here; and again when a worker was done, where one was needed.
static hp_mhd_result on_whole(struct hp_exchange *x, struct MHD_Connection *connection)
{
    hp_exchange_is_not_coming(x);
    hp_chunked_end(&x->chunked);
    if (x->hung_up)
        return MHD_NO;
    if (count_trailers(x, connection))
        return hp_exchange_refuse(x);
    if (!x->fault.code && !x->rollout && !x->worked) {
        hp_exchange_size_up(x, x->body.len);
        if (hp_exchange_is_done_in_place(x, 0)) {
            hp_exchange_compute_in_place(x);
            hp_exchange_learn(x);
        } else if (!hp_exchange_hand_over(x, connection)) {
            return MHD_YES;
        }
    }
    return hp_exchange_answer(x, connection);
}

static hp_mhd_result on_request(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_len, void **context)
{
    (void)cls, (void)url;
    struct hp_exchange *x = hp_exchange_current(context);
    if (!x)
        return MHD_NO; // there was no memory for it
    x->loop->calls++;
    if (!x->arrived)
        return on_headers(x, connection, method, version);
    if (*data_len) {
        hp_mhd_result result = on_body(x, data, *data_len);
        *data_len = 0;
        return result;
    }
    return on_whole(x, connection);
}

// --- end -----------------------------------------------------------------------------------------

// What ended without a word of ours: libmicrohttpd refused it (pages.h), or the client was gone
// before its request was whole.
static void note_silent_end(struct hp_exchange *x, struct MHD_Connection *connection)
{
    if (x->hung_up) {
        hp_fail(&x->fault, HP_DISCONNECTED, NULL, "the client hung up while it was worked for");
        return;
    }
    if (x->status || x->fault.code)
        return;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    enum hp_code code = info ? hp_page_code(info->http_status) : HP_BAD_FRAMING;
    hp_fail(&x->fault, code, NULL, "the request ended before it was whole");
}

static void record(struct hp_exchange *x, bool delivered)
{
    struct hp_server *server = x->server;
    struct hp_record told = { .route = x->route,
        .contract = x->route == HP_NO_ROUTE ? NULL : hp_routes[x->route]->contract,
        .mode = x->mode,
        .code = x->fault.code,
        .status = x->status ? x->status : hp_error_info(x->fault.code)->status,
        .stage = x->request.progress.stage,
        .disconnected = !delivered && !x->ended_by_us,
        .method = x->method,
        .caller = x->caller,
        .request_id = x->request_id,
        .peer = hp_str_from(x->peer->name),
        .bytes_in = x->bytes_in - hp_bypass_owed(&x->bypass),
        .bytes_out = x->bytes_out,
        .total_ns = x->request.progress.since_ns - x->started_ns,
        .cpu_ns = x->cpu_ns,
        .deadline_ms = x->asked_ms,
        .granted_ms = x->granted_ms };
    memcpy(told.spent_ns, x->request.progress.spent_ns, sizeof told.spent_ns);
    memcpy(told.trace_id, x->trace_id, sizeof told.trace_id);
    memcpy(told.span_id, x->span_id, sizeof told.span_id);
    memcpy(told.parent_id, x->parent_id, sizeof told.parent_id);
    told.sampled = x->sampled;
    memcpy(told.config_hash, x->config->hash, sizeof told.config_hash);
    hp_metrics_count(server->metrics, &told);
    hp_request_log_write(server->log, &told);
    hp_spans_take(server->spans, &told);
}

// Not renewed by what drips in: a request line that never ends holds no longer than silence. The
// first look is soon: bytes and the end in one segment are one event to libmicrohttpd, which
// answers the bytes and never sees the end.
static void expect_next(struct hp_exchange *x)
{
    uint64_t now = x->request.progress.since_ns;
    x->peer->idle_until_ns = now + x->server->idle_ns;
    uint64_t soon = now + (uint64_t)LOOK_IDLE_MS * HP_NS_PER_MS;
    hp_peer_expect(
        x->peer, HP_PEER_IDLE, soon < x->peer->idle_until_ns ? soon : x->peer->idle_until_ns);
}

static void on_end(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode why)
{
    (void)cls;
    struct hp_exchange *x = hp_exchange_current(context);
    if (!x)
        return;
    hp_exchange_unwatch(x);
    hp_exchange_is_not_coming(x);
    note_silent_end(x, connection);
    hp_progress_enter(&x->request.progress, x->request.progress.stage); // closes the last stage
    record(x, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    if (x->arrived && x->route != HP_NO_ROUTE)
        atomic_fetch_sub_explicit(&x->server->in_flight[x->route], 1, memory_order_relaxed);
    x->peer->exchange = NULL;
    expect_next(x);
    hp_exchange_free(x);
    *context = NULL;
}

struct MHD_Daemon *hp_exchange_daemon(struct hp_loop *loop, unsigned connections, unsigned idle_s)
{
    // An external loop (MHD_USE_EPOLL without a thread of its own): every call is made by its
    // thread. No MHD_USE_ERROR_LOG: it tells of single peers (what on_end counts), and of TCP
    // options on Unix sockets.
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                                MHD_USE_SUPPRESS_DATE_NO_CLOCK,
        0, NULL, NULL, on_request, loop, //
        MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        pool_bytes(header_bytes(loop->server)),                        //
        MHD_OPTION_CONNECTION_LIMIT, connections,                      //
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s,                         //
        MHD_OPTION_URI_LOG_CALLBACK, on_request_line, loop,            //
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, loop,             //
        MHD_OPTION_NOTIFY_COMPLETED, on_end, loop,                     //
        MHD_OPTION_STRICT_FOR_CLIENT, (int)!loop->server->old_library, //
        MHD_OPTION_END);
}
