// stand_in.c -- the caller of a request that a worker does not let go of is answered in time, by
// another exchange in its place. The worker's ends when both, connection and worker, are done with
// it.
#include "http/exchange_parts.h"

#include "base/log.h"

#include <stdio.h>

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
    y->method = hp_exchange_keep(y, x->method);
    y->caller = hp_exchange_keep(y, x->caller);
    y->request_id = hp_exchange_keep(y, x->request_id);
}

static struct hp_exchange *stand_in_for(struct hp_exchange *x)
{
    struct hp_exchange *y = hp_exchange_new(x->loop);
    if (!y)
        return NULL;
    copy_to(x, y);
    y->request.progress.stage = HP_COMPUTE; // in the queue and since: only the worker knows
    hp_progress_enter(&y->request.progress, HP_COMPUTE);
    hp_fail(&y->fault, HP_DEADLINE, NULL, "the time granted was over while it was worked on");
    return y;
}

bool hp_exchange_answer_for(struct hp_exchange *x)
{
    struct hp_exchange *y = stand_in_for(x);
    if (!y)
        return false;
    hp_exchange_unwatch(x);
    x->stand_in = y;
    x->peer->exchange = y;
    x->next_left = x->loop->left;
    x->loop->left = x;
    atomic_fetch_add(&x->server->left_with_workers, 1);
    hp_exchange_take_back(y);
    return true;
}

static void take_out(struct hp_exchange *x)
{
    struct hp_exchange **at = &x->loop->left;
    while (*at != x)
        at = &(*at)->next_left;
    *at = x->next_left;
}

// Its request is counted as its stand-in's; what it cost is told here.
void hp_exchange_let_go(struct hp_exchange *x)
{
    if (!x->stood_in || !x->let_go)
        return;
    hp_metrics_waste(x->server->metrics, x->route, x->cpu_ns);
    struct hp_loop *main_loop = x->server->loops;
    take_out(x);
    atomic_fetch_sub(&x->server->left_with_workers, 1);
    hp_exchange_free(x);
    hp_loop_wake(main_loop); // it may have waited for this one
}

static void tell_of(const struct hp_exchange *x)
{
    char id[129]; // its longest
    snprintf(id, sizeof id, "%.*s", (int)x->request_id.len, x->request_id.ptr);
    hp_log(HP_ERROR_LEVEL, "a worker does not come back: its work is given up", "route",
        hp_routes[x->route]->name, "request_id", id, NULL);
}

void hp_exchange_tell_of_left(const struct hp_server *server)
{
    for (size_t i = 0; i < server->loop_count; i++)
        for (const struct hp_exchange *x = server->loops[i].left; x; x = x->next_left)
            tell_of(x);
}

struct hp_exchange *hp_exchange_current(void **context)
{
    struct hp_exchange *x = *context;
    if (!x || !x->stand_in)
        return x;
    *context = x->stand_in;
    x->stood_in = true;
    hp_exchange_let_go(x);
    return *context;
}
