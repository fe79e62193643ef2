// work.c -- what a route computes: in place where that is short, else by a worker, which is handed
// the request and gives it back.
#include "http/exchange_parts.h"

#include "hotpathd/json.h"

#include <assert.h>
#include <stddef.h>

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

void hp_exchange_compute_in_place(struct hp_exchange *x)
{
    uint64_t before = hp_now_ns();
    hp_cost_clock_look(&x->loop->clock, before);
    compute(x);
    x->cpu_ns = hp_cost_clock_spent(&x->loop->clock, hp_now_ns() - before);
    x->loop->in_place_ns += x->cpu_ns;
}

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

void hp_exchange_learn(struct hp_exchange *x)
{
    if (!x->fault.code)
        hp_cost_learn(&x->server->cost[x->route], x->body.len, x->cpu_ns);
}

enum hp_code hp_exchange_shed(struct hp_exchange *x, uint64_t wait_ns)
{
    x->retry_s = (unsigned)(wait_ns / HP_NS_PER_S) + 1;
    return hp_fail(&x->fault, HP_OVERLOADED, NULL, "its turn would come too late, or not at all");
}

enum hp_code hp_exchange_hand_over(struct hp_exchange *x, struct MHD_Connection *connection)
{
    struct hp_progress before = x->request.progress;
    uint64_t wait_ns;
    HP_TRY(hp_deadline_check(&x->request.deadline, &x->fault));
    hp_progress_enter(&x->request.progress, HP_QUEUE);
    x->handed = x->request.progress;
    x->job.home = &x->loop->done;
    if (!hp_workers_submit(
            x->server->workers, &x->job, x->request.deadline.at_ns - hp_now_ns(), &wait_ns)) {
        x->request.progress = before;
        return hp_exchange_shed(x, wait_ns);
    }
    hp_peer_expect(x->peer, HP_PEER_WORK, x->request.deadline.at_ns);
    MHD_suspend_connection(connection); // however soon it is done, this thread takes it back
    hp_exchange_watch_now(x);
    return HP_OK;
}

void hp_exchange_take_back(struct hp_exchange *x)
{
    hp_exchange_unwatch(x);
    x->worked = x->loop->resumed = true;
    hp_peer_expect(x->peer, HP_PEER_REPLY, hp_now_ns() + hp_exchange_reply_time(x));
    MHD_resume_connection(x->connection); // on_whole follows in this turn of the loop
}

void hp_exchange_worked(struct hp_loop *loop)
{
    for (struct hp_job *job = hp_workers_done(loop->server->workers, &loop->done), *next; job;
         job = next) {
        next = job->next;
        struct hp_exchange *x = exchange_of(job);
        hp_exchange_learn(x);
        x->let_go = true;
        if (x->stand_in)
            hp_exchange_let_go(x);
        else
            hp_exchange_take_back(x);
    }
}
