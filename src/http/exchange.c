// exchange.c -- libmicrohttpd's callbacks in the order in which they come: connection, request
// line, headers, body, reply, end. A request that is refused at the gate keeps its connection where
// the body is small enough to be read and thrown away; otherwise the refusal closes it.
#include "http/exchange.h"

#include "hotpathd/json.h"
#include "http/gate.h"
#include "http/pages.h"
#include "http/problem.h"
#include "http/rollout.h"
#include "telemetry/trace.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum {
    HANGUPS_A_TURN = 64,
    STORM_MS = 100, // more refusals than this within so long are a storm
    STORM_REFUSALS = 100,
    PARK_MS = 3,
    LOOK_IDLE_MS = 100,
    DISCARD_MAX =
        64 << 10,        // a refused body up to this size is read, so that the connection lives on
    INLINE_BYTES = 1024, // work is linear in the body: so much of it never holds anybody up
    SPARE_BYTES = 256 << 10, // a target and headers of at most 32 KiB, and a small reply
    ROOM_BYTES = 4096,       // what a usual request needs of that
    KEPT_EXCHANGES = 64,
    GRACE_US = 500,    // for a worker to notice that the time is over, and to say in which stage
    POOL_BYTES = 32768 // libmicrohttpd's: above this it maps memory for every connection
};

struct hp_exchange {
    struct hp_server *server;
    struct hp_config *config; // in force when the request began
    struct hp_peer *peer;
    struct hp_arena arena; // of the request
    struct hp_arena spare; // of a refusal, which must not fail for want of the request's memory
    struct hp_headers headers;
    hp_str path, query, method, request_id, caller, media_type, etag;
    enum hp_call_mode mode;
    int route; // index, or HP_NO_ROUTE
    bool rollout, arrived, late_comer, discard, close, http11;
    bool ended_by_us; // without a reply
    bool killed;      // every route was off when the rollout was written
    size_t discard_max;
    struct hp_job job;
    struct MHD_Connection *connection;
    bool watched;                 // for a hang-up
    bool to_watch;                // when the loop has nothing better to do
    bool worked;                  // taken back from the workers
    bool hung_up;                 // while it was with them
    bool overdue;                 // its time is over, and a worker still has it
    struct hp_exchange *stand_in; // answers for it, since a worker does not let go of it
    bool stood_in, let_go;        // by the connection, by the worker: ends when both are true
    struct hp_progress handed;    // when it went to the workers
    unsigned retry_s;             // for Retry-After, where the queue knows better than 1
    uint64_t length;              // of the body, where it is known
    bool length_known;
    struct hp_buf body;
    struct hp_request request;
    uint32_t asked_ms, granted_ms;
    struct hp_fault fault;
    int status;
    uint64_t started_ns, cpu_ns, bytes_in, bytes_out;
    struct hp_buf reply;
    char trace_id[33], span_id[17], parent_id[17], new_id[33];
    bool sampled;
    struct hp_exchange *next_kept;
    _Alignas(16) char room[ROOM_BYTES]; // the first bytes of `spare`; the last member
};

// --- exchanges -----------------------------------------------------------------------------------

// A few are kept, so that a small request asks malloc for nothing. All of it is zero but the room.
static struct hp_exchange *take_kept(struct hp_server *server)
{
    struct hp_exchange *x = server->kept_exchanges;
    if (!x)
        return calloc(1, sizeof *x);
    server->kept_exchanges = x->next_kept;
    server->kept_count--;
    memset(x, 0, offsetof(struct hp_exchange, room));
    return x;
}

static struct hp_exchange *exchange_new(struct hp_server *server)
{
    struct hp_exchange *x = take_kept(server);
    if (!x)
        return NULL;
    x->server = server;
    x->fault = HP_FAULT_NONE;
    x->job.place = HP_NO_PLACE;
    hp_arena_init(&x->arena, &server->memory, server->memory.limit);
    hp_arena_init(&x->spare, NULL, SPARE_BYTES);
    hp_arena_lend(&x->spare, x->room, sizeof x->room);
    return x;
}

// With its memory and its configuration.
static void exchange_free(struct hp_exchange *x)
{
    struct hp_server *server = x->server;
    hp_arena_done(&x->arena);
    hp_arena_done(&x->spare);
    hp_config_free(x->config);
    if (server->kept_count >= KEPT_EXCHANGES) {
        free(x);
        return;
    }
    x->next_kept = server->kept_exchanges;
    server->kept_exchanges = x;
    server->kept_count++;
}

void hp_exchange_free_kept(struct hp_server *server)
{
    for (struct hp_exchange *x = server->kept_exchanges, *next; x; x = next) {
        next = x->next_kept;
        free(x);
    }
    server->kept_exchanges = NULL;
}

// --- connections ---------------------------------------------------------------------------------

static struct hp_peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void name_peer(struct hp_peer *peer, const struct sockaddr *address)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(peer->name, sizeof peer->name, "%s:%u", host, ntohs(v4->sin_port));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(peer->name, sizeof peer->name, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        peer->unix_socket = true;
        snprintf(peer->name, sizeof peer->name, "unix");
    }
}

// FNV-1a over an address's bytes, above all user ids: tells peers apart, and a collision would only
// make two share a limit.
static uint64_t hash_address(const void *bytes, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return hash | UINT64_C(1) << 63;
}

uint64_t hp_peer_who(int fd, const struct sockaddr *address)
{
    struct ucred user;
    socklen_t len = sizeof user;
    if (address->sa_family == AF_INET)
        return hash_address(
            &((const struct sockaddr_in *)(const void *)address)->sin_addr, sizeof(struct in_addr));
    if (address->sa_family == AF_INET6)
        return hash_address(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
            sizeof(struct in6_addr));
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &len) == 0 ? user.uid : UINT32_MAX;
}

size_t hp_peer_count(const struct hp_server *server, uint64_t who)
{
    size_t count = 0;
    for (const struct hp_peer *peer = server->peers; peer; peer = peer->next)
        count += peer->who == who;
    return count;
}

static void expect_by(
    struct hp_server *server, struct hp_peer *peer, enum hp_peer_phase phase, uint64_t until_ns)
{
    peer->phase = phase;
    peer->until_ns = until_ns;
    if (until_ns && until_ns < server->next_sweep_ns)
        server->next_sweep_ns = until_ns;
}

static uint64_t header_time(const struct hp_server *server)
{
    return hp_now_ns() + server->header_ns;
}

static void peer_open(struct hp_server *server, struct MHD_Connection *connection, void **context)
{
    struct hp_peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return; // no context: the first request line finds none and is refused
    peer->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sockaddr *address =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    name_peer(peer, address);
    peer->who = hp_peer_who(peer->fd, address);
    peer->next = server->peers;
    if (peer->next)
        peer->next->previous = peer;
    server->peers = peer;
    atomic_fetch_add(&server->connections, 1);
    expect_by(server, peer, HP_PEER_HEADERS, header_time(server));
    *context = peer;
}

static void peer_close(struct hp_server *server, struct hp_peer *peer)
{
    if (peer->next)
        peer->next->previous = peer->previous;
    if (peer->previous)
        peer->previous->next = peer->next;
    else
        server->peers = peer->next;
    atomic_fetch_sub(&server->connections, 1);
    free(peer);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        peer_open(cls, connection, context);
    else if (*context)
        peer_close(cls, *context);
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

static void *on_request_line(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct hp_server *server = cls;
    struct hp_peer *peer = peer_of(connection);
    struct hp_exchange *x = peer ? exchange_new(server) : NULL;
    if (!x)
        return NULL;
    x->peer = peer;
    x->config = hp_server_config(server);
    x->route = HP_NO_ROUTE;
    x->started_ns = x->request.progress.since_ns = hp_now_ns();
    x->late_comer = atomic_load(&server->draining);
    if (!keep_target(x, target))
        hp_fail(&x->fault, HP_OVERLOADED, NULL, "no memory left for this request");
    peer->exchange = x;
    expect_by(server, peer, HP_PEER_HEADERS, x->started_ns + server->header_ns);
    return x;
}

// --- headers -------------------------------------------------------------------------------------

static hp_str kept(struct hp_exchange *x, hp_str s)
{
    char *copy = hp_arena_text(&x->spare, s);
    return (hp_str){ copy ? copy : "", copy ? s.len : 0 };
}

static bool visible_ascii(hp_str s, size_t max)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < ' ' || s.ptr[i] > '~')
            return false;
    return s.len <= max;
}

// Names that go into logs and replies: taken where they are well-formed, else made or left out.
static void identify(struct hp_exchange *x)
{
    hp_str id = x->headers.value[HP_H_REQUEST_ID];
    hp_str caller = x->headers.value[HP_H_CALLER];
    hp_str mode = x->headers.value[HP_H_MODE];
    if (hp_gate_request_id(id)) {
        x->request_id = kept(x, id);
    } else {
        hp_id_hex(x->new_id, 32);
        x->request_id = (hp_str){ x->new_id, 32 };
    }
    if (visible_ascii(caller, 64))
        x->caller = kept(x, caller);
    x->mode = hp_str_is(mode, "shadow")  ? HP_CALL_SHADOW
              : hp_str_is(mode, "probe") ? HP_CALL_PROBE
                                         : HP_CALL_LIVE;
    if (hp_headers_has(&x->headers, HP_H_TRACEPARENT) &&
        hp_traceparent_read(
            x->headers.value[HP_H_TRACEPARENT], x->trace_id, x->parent_id, &x->sampled))
        hp_id_hex(x->span_id, 16);
}

static int find_route(hp_str path)
{
    static const hp_str prefix = HP_STR("/v1/");
    if (path.len <= prefix.len || memcmp(path.ptr, prefix.ptr, prefix.len) != 0)
        return HP_NO_ROUTE;
    hp_str name = { path.ptr + prefix.len, path.len - prefix.len };
    for (size_t i = 0; i < hp_route_count; i++)
        if (hp_str_is(name, hp_routes[i]->name) ||
            (hp_routes[i]->alias && hp_str_is(name, hp_routes[i]->alias)))
            return (int)i;
    return HP_NO_ROUTE;
}

static enum hp_code choose(struct hp_exchange *x)
{
    x->route = find_route(x->path);
    x->rollout = hp_str_is(x->path, "/v1/rollout");
    if (x->route == HP_NO_ROUTE && !x->rollout)
        return hp_fail(&x->fault, HP_NOT_FOUND, NULL, "the data socket has no such path");
    if (!hp_str_is(x->method, x->rollout ? "GET" : "POST"))
        return hp_fail(
            &x->fault, HP_METHOD, NULL, "this path takes %s", x->rollout ? "GET" : "POST");
    return HP_OK;
}

// The body's memory is taken before a byte of it is read.
static enum hp_code make_room(struct hp_exchange *x, const struct hp_route_config *config)
{
    if (x->length_known && x->length > (uint64_t)config->max_body)
        return hp_fail_limit(&x->fault, HP_TOO_LARGE, NULL, (uint64_t)config->max_body,
            "a body has at most %lld bytes", (long long)config->max_body);
    x->body = hp_buf_in(&x->arena);
    hp_buf_room(&x->body, (x->length_known ? (size_t)x->length : 0) + HP_PADDING);
    return hp_buf_check(&x->body, &x->fault);
}

// What the queue is told of it.
static void size_up(struct hp_exchange *x, size_t bytes)
{
    x->job.bytes = bytes;
    x->job.until_ns = x->request.deadline.at_ns;
    x->job.shadow = x->mode == HP_CALL_SHADOW;
    x->job.estimate_ns = hp_cost_estimate_ns(&x->server->cost[x->route], bytes);
}

static bool is_done_in_place(const struct hp_exchange *x)
{
    return x->job.bytes <= INLINE_BYTES || x->job.estimate_ns <= x->server->inline_ns;
}

static enum hp_code admit_to_queue(struct hp_exchange *x)
{
    uint64_t now = hp_now_ns(), wait_ns;
    HP_TRY(hp_deadline_check(&x->request.deadline, &x->fault));
    if (hp_workers_admit(x->server->workers, &x->job, x->request.deadline.at_ns - now, &wait_ns))
        return HP_OK;
    x->retry_s = (unsigned)(wait_ns / HP_NS_PER_S) + 1;
    return hp_fail(&x->fault, HP_OVERLOADED, NULL, "its turn would come too late, or not at all");
}

// Where its length says all that the queue asks: refused before memory is taken or a byte copied.
// What is too large to be thrown away is asked about when it is here.
static enum hp_code foresee(struct hp_exchange *x)
{
    if (!x->length_known || x->length > DISCARD_MAX)
        return HP_OK;
    size_up(x, (size_t)x->length);
    return is_done_in_place(x) ? HP_OK : admit_to_queue(x);
}

static enum hp_code admit_to_route(struct hp_exchange *x)
{
    const struct hp_route *route = hp_routes[x->route];
    const struct hp_route_config *config = &x->config->routes[x->route];
    HP_TRY(hp_gate_deadline(
        &x->headers, (uint64_t)config->max_deadline_ms, &x->asked_ms, &x->granted_ms, &x->fault));
    x->request.deadline.at_ns = x->started_ns + (uint64_t)x->granted_ms * HP_NS_PER_MS;
    if (x->late_comer)
        return hp_fail(&x->fault, HP_DRAINING, NULL, "this daemon is stopping");
    if (config->mode == HP_MODE_OFF)
        return hp_fail(&x->fault, HP_ROUTE_OFF, NULL, "the configuration has this route off");
    if (atomic_load(&x->server->killed))
        return hp_fail(&x->fault, HP_ROUTE_OFF, NULL, "the kill switch is there");
    HP_TRY(hp_gate_media_type(&x->headers, route->media_types, &x->media_type, &x->fault));
    if (x->query.len && hp_str_is(x->media_type, "application/json"))
        return hp_fail(&x->fault, HP_BAD_QUERY, NULL, "a JSON body carries its options itself");
    HP_TRY(hp_deadline_check(&x->request.deadline, &x->fault));
    HP_TRY(foresee(x));
    return make_room(x, config);
}

static enum hp_code admit(struct hp_exchange *x)
{
    if (x->fault.code)
        return x->fault.code;
    HP_TRY(
        hp_gate_framing(&x->headers, x->http11, (size_t)x->config->limits.header_bytes, &x->fault));
    HP_TRY(hp_gate_browser(&x->headers, x->config, x->peer->unix_socket, &x->fault));
    if (!x->peer->unix_socket)
        HP_TRY(hp_gate_token(&x->headers, x->config->token, &x->fault));
    HP_TRY(choose(x));
    if (x->rollout) {
        x->etag = kept(x, x->headers.value[HP_H_IF_NONE_MATCH]);
        return HP_OK;
    }
    return admit_to_route(x);
}

static bool must_close_after(enum hp_code code)
{
    return code == HP_BAD_FRAMING || code == HP_HEADER_TOO_LARGE || code == HP_DRAINING;
}

// Whether a refused request's body can be read to its end and thrown away.
static bool can_discard(const struct hp_exchange *x)
{
    bool no_body = !x->length_known && !hp_headers_has(&x->headers, HP_H_TRANSFER_ENCODING);
    return !must_close_after(x->fault.code) && !hp_headers_has(&x->headers, HP_H_EXPECT) &&
           (no_body || (x->length_known && x->length <= DISCARD_MAX));
}

// --- hang-ups ------------------------------------------------------------------------------------

// From the first piece of a body that comes in several until the reply. Unwatched, a client's
// leaving is only noticed later: no harm but time.
static void watch(struct hp_exchange *x)
{
    struct epoll_event event = { .events = EPOLLRDHUP, .data.ptr = x };
    if (!x->watched)
        x->watched = epoll_ctl(x->server->hangup_fd, EPOLL_CTL_ADD, x->peer->fd, &event) == 0;
}

// Most pieces of a body lie in the socket already, and the next turns of the loop read them: they
// need no watch, which costs two system calls.
static void watch_later(struct hp_exchange *x)
{
    x->to_watch = !x->length_known || x->bytes_in < x->length;
    if (x->to_watch && !x->watched && x->server->watch_since_ns == 0)
        x->server->watch_since_ns = x->request.progress.since_ns;
}

void hp_exchange_watch(struct hp_server *server)
{
    server->watch_since_ns = 0;
    for (struct hp_peer *peer = server->peers; peer; peer = peer->next)
        if (peer->phase == HP_PEER_BODY && peer->exchange && peer->exchange->to_watch)
            watch(peer->exchange);
}

static void unwatch(struct hp_exchange *x)
{
    if (x->watched)
        (void)epoll_ctl(x->server->hangup_fd, EPOLL_CTL_DEL, x->peer->fd, NULL);
    x->watched = false;
}

// --- body ----------------------------------------------------------------------------------------

// Mid-body libmicrohttpd takes no reply: what must end here ends with the connection.
static hp_mhd_result cut_off(struct hp_exchange *x)
{
    x->ended_by_us = true;
    return MHD_NO;
}

static hp_mhd_result on_body(struct hp_exchange *x, const char *data, size_t len)
{
    x->bytes_in += len;
    watch_later(x);
    if (x->discard)
        return x->bytes_in > x->discard_max ? cut_off(x) : MHD_YES;
    size_t max = (size_t)x->config->routes[x->route].max_body;
    if (x->body.len + len > max) {
        hp_fail_limit(&x->fault, HP_TOO_LARGE, NULL, max, "a body has at most %zu bytes", max);
        return cut_off(x);
    }
    hp_buf_room(&x->body, len + HP_PADDING);
    hp_buf_add(&x->body, (hp_str){ data, len });
    if (!hp_buf_check(&x->body, &x->fault))
        return MHD_YES;
    // A chunked body for which the memory ran out: read to its end, so that its caller is told why.
    hp_arena_done(&x->arena);
    x->discard = true;
    x->discard_max = max;
    return MHD_YES;
}

// --- reply ---------------------------------------------------------------------------------------

static void compute(struct hp_exchange *x)
{
    const struct hp_route *route = hp_routes[x->route];
    x->request.body = x->body.ptr;
    x->request.body_len = x->body.len;
    memset(x->body.ptr + x->body.len, 0, HP_PADDING);
    x->request.media_type = x->media_type;
    x->request.query = x->query;
    x->request.options = x->config->routes[x->route].own;
    x->request.presets = &x->config->routes[x->route].presets;
    x->request.arena = &x->arena;
    x->reply = hp_buf_in(&x->arena);
    enum hp_code code = hp_deadline_check(&x->request.deadline, &x->fault); // of the queue
    if (!code)
        code = hp_enter(&x->request, HP_PARSE, &x->fault);
    if (!code)
        code = route->run(x->server->route_state[x->route], &x->request, &x->reply, &x->fault);
    if (!code)
        code = hp_buf_check(&x->reply, &x->fault);
    if (!code)
        code = hp_deadline_check(&x->request.deadline, &x->fault);
    assert(code == x->fault.code); // a route that fails says why
}

static void compute_in_place(struct hp_exchange *x)
{
    uint64_t before = hp_now_ns();
    hp_cost_clock_look(&x->server->cost_clock, before);
    compute(x);
    x->cpu_ns = hp_cost_clock_spent(&x->server->cost_clock, hp_now_ns() - before);
}

static void write_rollout(struct hp_exchange *x)
{
    x->killed = atomic_load(&x->server->killed);
    x->reply = hp_buf_in(&x->spare);
    x->status = 200;
    if (hp_rollout_matches(x->config, x->killed, x->etag))
        x->status = 304;
    else
        hp_rollout_put(&x->server->rollout, x->config, x->killed, &x->reply);
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
static uint64_t reply_time(const struct hp_exchange *x)
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

static hp_mhd_result answer(struct hp_exchange *x, struct MHD_Connection *connection)
{
    if (!x->fault.code && x->rollout)
        write_rollout(x);
    if (x->fault.code)
        write_problem(x);
    else if (!x->status)
        x->status = 200;
    hp_progress_enter(&x->request.progress, x->fault.code ? x->request.progress.stage : HP_WRITE);
    unwatch(x);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        x->reply.len, x->reply.ptr, MHD_RESPMEM_PERSISTENT); // the arena outlives it
    if (!response)
        return MHD_NO;
    add_headers(x, response);
    x->bytes_out = x->reply.len;
    expect_by(x->server, x->peer, HP_PEER_REPLY, x->request.progress.since_ns + reply_time(x));
    hp_mhd_result result = MHD_queue_response(connection, (unsigned)x->status, response);
    MHD_destroy_response(response);
    return result;
}

// --- work ----------------------------------------------------------------------------------------

static struct hp_exchange *exchange_of(struct hp_job *job)
{
    return (struct hp_exchange *)(void *)((char *)job - offsetof(struct hp_exchange, job));
}

void hp_exchange_run(struct hp_job *job)
{
    struct hp_exchange *x = exchange_of(job);
    uint64_t before = hp_thread_cpu_ns();
    compute(x);
    x->cpu_ns = hp_thread_cpu_ns() - before;
}

static void learn(struct hp_exchange *x)
{
    if (!x->fault.code)
        hp_cost_learn(&x->server->cost[x->route], x->body.len, x->cpu_ns);
}

// From here to hp_exchange_worked `request`, `reply`, `fault` and `cpu_ns` are a worker's, but for
// the deadline.
static void hand_over(struct hp_exchange *x, struct MHD_Connection *connection)
{
    hp_progress_enter(&x->request.progress, HP_QUEUE);
    x->handed = x->request.progress;
    expect_by(x->server, x->peer, HP_PEER_WORK, x->request.deadline.at_ns);
    // Suspended first: a worker may be done before this function is.
    MHD_suspend_connection(connection);
    watch(x);
    hp_workers_submit(x->server->workers, &x->job);
}

static void take_back(struct hp_exchange *x)
{
    struct hp_server *server = x->server;
    unwatch(x);
    x->worked = server->resumed = true;
    expect_by(server, x->peer, HP_PEER_REPLY, hp_now_ns() + reply_time(x));
    MHD_resume_connection(x->connection); // on_whole follows in this turn of the loop
}

// Everything but what a worker may write. Memory of its own, since either may end first.
static void copy_to(const struct hp_exchange *x, struct hp_exchange *y)
{
    y->config = hp_config_share(x->config);
    y->peer = x->peer;
    y->connection = x->connection;
    y->mode = x->mode;
    y->route = x->route;
    y->arrived = true;
    y->hung_up = x->hung_up;
    y->close = x->close;
    y->request.progress = x->handed;
    y->asked_ms = x->asked_ms;
    y->granted_ms = x->granted_ms;
    y->started_ns = x->started_ns;
    y->bytes_in = x->bytes_in;
    y->sampled = x->sampled;
    memcpy(y->trace_id, x->trace_id, sizeof y->trace_id);
    memcpy(y->span_id, x->span_id, sizeof y->span_id);
    memcpy(y->parent_id, x->parent_id, sizeof y->parent_id);
    y->method = kept(y, x->method);
    y->caller = kept(y, x->caller);
    y->request_id = kept(y, x->request_id);
}

static struct hp_exchange *stand_in_for(struct hp_exchange *x)
{
    struct hp_exchange *y = exchange_new(x->server);
    if (!y)
        return NULL;
    copy_to(x, y);
    y->request.progress.stage = HP_COMPUTE; // in the queue and since: only the worker knows
    hp_progress_enter(&y->request.progress, HP_COMPUTE);
    hp_fail(&y->fault, HP_DEADLINE, NULL, "the time granted was over while it was worked on");
    return y;
}

// The caller is told in time even if the worker does not come to look at the clock.
static void answer_for(struct hp_exchange *x)
{
    struct hp_exchange *y = stand_in_for(x);
    if (!y)
        return;
    unwatch(x);
    x->stand_in = y;
    x->peer->exchange = y;
    x->server->left_with_workers++;
    take_back(y);
}

// Neither its connection nor a worker has it any more. Its request is counted as its stand-in's;
// what it cost is told here.
static void let_go(struct hp_exchange *x)
{
    if (!x->stood_in || !x->let_go)
        return;
    hp_metrics_waste(x->server->metrics, x->route, x->cpu_ns);
    x->server->left_with_workers--;
    exchange_free(x);
}

// The connection's exchange, or the one that now stands in for it.
static struct hp_exchange *current(void **context)
{
    struct hp_exchange *x = *context;
    if (!x || !x->stand_in)
        return x;
    *context = x->stand_in;
    x->stood_in = true;
    let_go(x);
    return *context;
}

// Callers that come again as soon as they are refused take the processor from the work that others
// wait for.
static bool in_a_storm(struct hp_server *server)
{
    uint64_t now = hp_now_ns();
    if (now - server->refused_since_ns > (uint64_t)STORM_MS * HP_NS_PER_MS) {
        server->refused_since_ns = now;
        server->refused = 0;
    }
    return ++server->refused > STORM_REFUSALS;
}

// Its memory is given back first.
static void park(struct hp_exchange *x, struct MHD_Connection *connection)
{
    unwatch(x);
    hp_arena_done(&x->arena);
    expect_by(x->server, x->peer, HP_PEER_PARKED, hp_now_ns() + (uint64_t)PARK_MS * HP_NS_PER_MS);
    MHD_suspend_connection(connection);
}

// The last byte of the body is here; and again when a worker was done, where one was needed.
static hp_mhd_result on_whole(struct hp_exchange *x, struct MHD_Connection *connection)
{
    if (x->hung_up)
        return MHD_NO;
    if (!x->fault.code && !x->rollout && !x->worked) {
        size_up(x, x->body.len);
        if (is_done_in_place(x)) {
            compute_in_place(x);
            learn(x);
        } else if (!admit_to_queue(x)) {
            hand_over(x, connection);
            return MHD_YES;
        }
    }
    if (x->fault.code == HP_OVERLOADED && !x->worked && in_a_storm(x->server)) {
        park(x, connection);
        return MHD_YES;
    }
    return answer(x, connection);
}

void hp_exchange_worked(struct hp_server *server)
{
    for (struct hp_job *job = hp_workers_done(server->workers), *next; job; job = next) {
        next = job->next;
        struct hp_exchange *x = exchange_of(job);
        learn(x);
        x->let_go = true;
        if (x->stand_in)
            let_go(x);
        else
            take_back(x);
    }
}

// Bytes and the end in one segment are one event to libmicrohttpd, which reads the bytes and waits
// for ever. Resumed, it reads again, and so it does each turn until it has seen the end.
static void read_again(struct hp_exchange *x)
{
    MHD_suspend_connection(x->connection);
    MHD_resume_connection(x->connection);
    x->server->resumed = true;
}

// Half closed counts as gone: libmicrohttpd closes such a connection without a reply as soon as it
// looks.
static void hung_up(struct hp_exchange *x)
{
    if (x->peer->phase != HP_PEER_WORK) {
        read_again(x);
        return;
    }
    unwatch(x);
    x->hung_up = true;
    if (hp_workers_withdraw(x->server->workers, &x->job))
        take_back(x);
    else
        hp_deadline_cancel(&x->request.deadline);
}

void hp_exchange_hangups(struct hp_server *server)
{
    struct epoll_event events[HANGUPS_A_TURN];
    int count = epoll_wait(server->hangup_fd, events, HANGUPS_A_TURN, 0);
    for (int i = 0; i < count; i++)
        hung_up(events[i].data.ptr);
}

// --- libmicrohttpd's handler ---------------------------------------------------------------------

static hp_mhd_result on_headers(struct hp_exchange *x, struct MHD_Connection *connection,
    const char *method, const char *version)
{
    x->arrived = true;
    x->connection = connection;
    x->http11 = strcmp(version, "HTTP/1.1") == 0;
    hp_server_headers(connection, method, version, &x->headers);
    x->method = kept(x, hp_str_from(method));
    x->length_known = hp_headers_has(&x->headers, HP_H_CONTENT_LENGTH) &&
                      hp_str_decimal(x->headers.value[HP_H_CONTENT_LENGTH], &x->length);
    // The last of its connection: libmicrohttpd is lax about what frames chunks (a bare line feed,
    // a carriage return in an extension, trailers), so where such a body ends others may see
    // otherwise.
    x->close = hp_headers_has(&x->headers, HP_H_TRANSFER_ENCODING);
    identify(x);
    enum hp_code refused = admit(x);
    if (x->route != HP_NO_ROUTE)
        atomic_fetch_add_explicit(&x->server->in_flight[x->route], 1, memory_order_relaxed);
    if ((refused || x->rollout) && !can_discard(x)) {
        x->close = true;
        return answer(x, connection);
    }
    x->discard = refused != HP_OK || x->rollout;
    x->discard_max = DISCARD_MAX;
    hp_progress_enter(&x->request.progress, HP_BODY);
    expect_by(x->server, x->peer, HP_PEER_BODY,
        x->request.deadline.at_ns ? x->request.deadline.at_ns
                                  : x->request.progress.since_ns + x->server->header_ns);
    return MHD_YES;
}

static hp_mhd_result on_request(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_len, void **context)
{
    (void)cls, (void)url;
    struct hp_exchange *x = current(context);
    if (!x)
        return MHD_NO; // there was no memory for it
    x->server->calls++;
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
        .mode = x->mode,
        .code = x->fault.code,
        .status = x->status ? x->status : hp_error_info(x->fault.code)->status,
        .stage = x->request.progress.stage,
        .disconnected = !delivered && !x->ended_by_us,
        .method = x->method,
        .caller = x->caller,
        .request_id = x->request_id,
        .peer = hp_str_from(x->peer->name),
        .bytes_in = x->bytes_in,
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
    expect_by(x->server, x->peer, HP_PEER_IDLE,
        soon < x->peer->idle_until_ns ? soon : x->peer->idle_until_ns);
}

static void on_end(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode why)
{
    (void)cls;
    struct hp_exchange *x = current(context);
    if (!x)
        return;
    unwatch(x);
    note_silent_end(x, connection);
    hp_progress_enter(&x->request.progress, x->request.progress.stage); // closes the last stage
    record(x, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    if (x->arrived && x->route != HP_NO_ROUTE)
        atomic_fetch_sub_explicit(&x->server->in_flight[x->route], 1, memory_order_relaxed);
    x->peer->exchange = NULL;
    expect_next(x);
    exchange_free(x);
    *context = NULL;
}

// --- the clock -----------------------------------------------------------------------------------

// In the queue a request ends here. One that a worker has ends by itself, or here a little later.
static void run_over_at_work(struct hp_exchange *x)
{
    x->peer->until_ns = 0;
    if (hp_workers_withdraw(x->server->workers, &x->job)) {
        hp_progress_enter(&x->request.progress, HP_QUEUE); // so that its time is told
        hp_fail(&x->fault, HP_DEADLINE, NULL, "the time granted was over before its turn came");
        take_back(x);
    } else if (x->overdue) {
        answer_for(x);
    } else {
        x->overdue = true;
        expect_by(
            x->server, x->peer, HP_PEER_WORK, hp_now_ns() + (uint64_t)GRACE_US * HP_NS_PER_US);
    }
}

static bool is_half_closed(int fd)
{
    struct pollfd look = { .fd = fd, .events = POLLRDHUP };
    return poll(&look, 1, 0) == 1;
}

static void run_over(struct hp_peer *peer)
{
    struct hp_exchange *x = peer->exchange;
    if (peer->phase == HP_PEER_IDLE && peer->until_ns < peer->idle_until_ns &&
        !is_half_closed(peer->fd)) {
        peer->until_ns = peer->idle_until_ns;
        return;
    }
    if (peer->phase == HP_PEER_WORK) {
        run_over_at_work(x);
        return;
    }
    if (peer->phase == HP_PEER_PARKED) {
        take_back(x);
        return;
    }
    bool in_body = x && peer->phase == HP_PEER_BODY && !x->fault.code;
    if (x)
        x->ended_by_us = true;
    if (in_body && x->request.deadline.at_ns)
        hp_fail(&x->fault, HP_DEADLINE, NULL, "the time granted was over before the body was here");
    peer->until_ns = 0;
    shutdown(peer->fd, SHUT_RDWR); // libmicrohttpd sees the end and closes
}

void hp_exchange_sweep(struct hp_server *server, uint64_t now_ns)
{
    bool draining = atomic_load(&server->draining);
    uint64_t next = UINT64_MAX;
    for (struct hp_peer *peer = server->peers; peer; peer = peer->next) {
        if (draining && !peer->exchange)
            shutdown(peer->fd, SHUT_RDWR);
        else if (peer->until_ns && peer->until_ns <= now_ns)
            run_over(peer);
        if (peer->until_ns && peer->until_ns < next)
            next = peer->until_ns;
    }
    server->next_sweep_ns = next;
}

struct MHD_Daemon *hp_exchange_daemon(
    struct hp_server *server, unsigned connections, unsigned idle_s)
{
    // An external loop (MHD_USE_EPOLL without a thread of its own): every call is made by our
    // thread. No MHD_USE_ERROR_LOG: it tells of single peers (what on_end counts), and of TCP
    // options on Unix sockets.
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0,
        NULL, NULL, on_request, server,                         //
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES, //
        MHD_OPTION_CONNECTION_LIMIT, connections,               //
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s,                  //
        MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,   //
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,    //
        MHD_OPTION_NOTIFY_COMPLETED, on_end, server,            //
        HP_STRICT_PARSER MHD_OPTION_END);
}
