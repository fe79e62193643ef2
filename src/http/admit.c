// admit.c -- from a request's headers to whether it may come in: who asks, for what, until when,
// and whether there is room for it. Decided before a byte of its body is kept.
#include "http/exchange_parts.h"

#include "hotpathd/json.h"
#include "http/gate.h"
#include "telemetry/trace.h"

enum {
    INLINE_BYTES = 1024, // work is linear in the body: so much of it never holds anybody up
    HAND_OVER_US = 20,   // what handing over takes of a processor
};

static bool visible_ascii(hp_str s, size_t max)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < ' ' || s.ptr[i] > '~')
            return false;
    return s.len <= max;
}

// Names that go into logs and replies: taken where they are well-formed, else made or left out.
void hp_exchange_identify(struct hp_exchange *x)
{
    hp_str id = x->headers.value[HP_H_REQUEST_ID];
    hp_str caller = x->headers.value[HP_H_CALLER];
    hp_str mode = x->headers.value[HP_H_MODE];
    if (hp_gate_request_id(id)) {
        x->request_id = hp_exchange_keep(x, id);
    } else {
        hp_id_hex(x->new_id, 32);
        x->request_id = (hp_str){ x->new_id, 32 };
    }
    if (visible_ascii(caller, 64))
        x->caller = hp_exchange_keep(x, caller);
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

static enum hp_code check_length(struct hp_exchange *x, const struct hp_route_config *config)
{
    if (x->length_known && x->length > (uint64_t)config->max_body)
        return hp_fail_limit(&x->fault, HP_TOO_LARGE, NULL, (uint64_t)config->max_body,
            "a body has at most %lld bytes", (long long)config->max_body);
    return HP_OK;
}

// The body's memory is taken before a byte of it is read.
static enum hp_code make_room(struct hp_exchange *x)
{
    x->body = hp_buf_in(&x->arena);
    hp_buf_room(&x->body, (x->length_known ? (size_t)x->length : 0) + HP_PADDING);
    return hp_buf_check(&x->body, &x->fault);
}

// What the queue is told of it.
void hp_exchange_size_up(struct hp_exchange *x, size_t bytes)
{
    x->job.bytes = bytes;
    x->job.until_ns = x->request.deadline.at_ns;
    x->job.shadow = x->mode == HP_CALL_SHADOW;
    x->job.estimate_ns = hp_cost_estimate_ns(&x->server->cost[x->route], bytes);
}

// In one turn of the loop no more than inline_ns in all: where requests come faster than that, the
// rest are for the queue, which knows how to refuse. What waits in a socket is not seen, and grows
// stale there.
bool hp_exchange_is_done_in_place(const struct hp_exchange *x, uint64_t before_ns)
{
    uint64_t estimate_ns = x->job.estimate_ns;
    return x->job.bytes <= INLINE_BYTES || estimate_ns <= (uint64_t)HAND_OVER_US * HP_NS_PER_US ||
           x->loop->in_place_ns + before_ns + estimate_ns <= x->server->inline_ns;
}

// Where its length says all that the queue asks: refused before memory is taken or a byte copied.
// What is too large to be thrown away is asked about when it is here. Those that were let in, and
// whose bodies the next turns of the loop read, stand before it: else many would be let in to one
// place, and all but one refused when they are here.
static enum hp_code foresee(struct hp_exchange *x)
{
    if (!x->length_known || x->length > HP_DISCARD_MAX)
        return HP_OK;
    uint64_t wait_ns;
    hp_exchange_size_up(x, (size_t)x->length);
    uint64_t coming_ns = x->loop->coming_ns;
    if (!hp_exchange_is_done_in_place(x, coming_ns) &&
        !hp_workers_admit(x->server->workers, &x->job, coming_ns,
            x->request.deadline.at_ns - hp_now_ns(), &wait_ns))
        return hp_exchange_shed(x, wait_ns);
    return HP_OK;
}

// Nothing where it was not sized up.
static void is_coming(struct hp_exchange *x)
{
    x->coming_ns = x->job.estimate_ns;
    x->loop->coming_ns += x->coming_ns;
}

void hp_exchange_is_not_coming(struct hp_exchange *x)
{
    x->loop->coming_ns -= x->coming_ns;
    x->coming_ns = 0;
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
    HP_TRY(check_length(x, config)); // first: who comes again in a second is refused again
    HP_TRY(foresee(x));
    HP_TRY(make_room(x));
    is_coming(x);
    return HP_OK;
}

enum hp_code hp_exchange_admit(struct hp_exchange *x)
{
    if (x->fault.code)
        return x->fault.code;
    size_t header_bytes = (size_t)x->server->first->limits.header_bytes;
    HP_TRY(hp_gate_framing(&x->headers, x->http11, header_bytes, &x->fault));
    HP_TRY(hp_gate_target(&x->path, &x->headers, &x->fault));
    HP_TRY(hp_gate_browser(&x->headers, x->config, x->peer->unix_socket, &x->fault));
    if (!x->peer->unix_socket)
        HP_TRY(hp_gate_token(&x->headers, x->config->token, &x->fault));
    HP_TRY(choose(x));
    if (x->rollout) {
        x->etag = hp_exchange_keep(x, x->headers.value[HP_H_IF_NONE_MATCH]);
        return HP_OK;
    }
    return admit_to_route(x);
}

static bool must_close_after(enum hp_code code)
{
    return code == HP_BAD_FRAMING || code == HP_HEADER_TOO_LARGE || code == HP_DRAINING;
}

bool hp_exchange_can_discard(const struct hp_exchange *x)
{
    bool no_body = !x->length_known && !hp_headers_has(&x->headers, HP_H_TRANSFER_ENCODING);
    return !must_close_after(x->fault.code) && !hp_headers_has(&x->headers, HP_H_EXPECT) &&
           (no_body || (x->length_known && x->length <= HP_DISCARD_MAX));
}
