// exchange_parts.h -- what the files of an exchange (kept.c, admit.c, hangup.c, work.c, stand_in.c,
// reply.c, clock.c, exchange.c) know of it and call of each other. All of it is its loop's
// thread's, but for what hp_exchange_hand_over gives to a worker.
#pragma once

#include "http/bypass.h"
#include "http/chunked.h"
#include "http/exchange.h"
#include "http/lines.h"
#include "http/peer.h"

#include <stddef.h>

enum {
    HP_HEAD_ROOM = 1024, // for the lines of a reply's head, of which the longest is an id of 128
    HP_EXCHANGE_ROOM = 4096,  // what a usual request needs of its spare memory
    HP_DISCARD_MAX = 64 << 10 // a refused body up to this size is read: its connection lives on
};

struct hp_exchange {
    struct hp_loop *loop;
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
    bool ended_by_us;  // without a reply
    bool killed;       // every route was off when the rollout was written
    bool length_known; // of the body
    size_t discard_max;
    struct hp_bypass bypass; // of a body that is large or discarded
    struct hp_chunked chunked;
    struct hp_job job;
    uint64_t coming_ns; // its share of the loop's
    struct MHD_Connection *connection;
    bool watched;                 // for a hang-up
    struct hp_by_fd to_watch;     // when the loop has nothing better to do
    bool worked;                  // taken back from the workers
    bool hung_up;                 // while it was with them
    bool overdue;                 // its time is over, and a worker still has it
    bool stood_in, let_go;        // by the connection, by the worker: ends when both are true
    struct hp_exchange *stand_in; // answers for it, since a worker does not let go of it
    struct hp_exchange *next_left;
    struct hp_progress handed; // when it went to the workers
    uint64_t length;           // of the body, where it is known
    struct hp_buf body;
    struct hp_request request;
    uint32_t asked_ms, granted_ms;
    struct hp_fault fault;
    int status;
    unsigned retry_s; // for Retry-After, where the queue knows better than 1
    uint64_t started_ns, cpu_ns, bytes_in, bytes_out;
    struct hp_buf reply;
    struct hp_lines lines;
    struct hp_exchange *next_kept;
    bool sampled;
    char trace_id[33], span_id[17], parent_id[17], new_id[33];
    // From here on nothing is set to zero.
    char head[HP_HEAD_ROOM];                  // what `lines` shows
    _Alignas(16) char room[HP_EXCHANGE_ROOM]; // the first bytes of `spare`; the last member
};

// The exchange that `one` is the member `member` of.
#define HP_EXCHANGE_OF(one, member)                                                                \
    ((struct hp_exchange *)(void *)((char *)(one)-offsetof(struct hp_exchange, member)))

// --- kept.c --------------------------------------------------------------------------------------

// NULL: no memory.
struct hp_exchange *hp_exchange_new(struct hp_loop *loop);

// With its memory and its configuration.
void hp_exchange_free(struct hp_exchange *x);

// A copy in its spare memory; empty where there is none.
hp_str hp_exchange_keep(struct hp_exchange *x, hp_str s);

// --- admit.c -------------------------------------------------------------------------------------

void hp_exchange_identify(struct hp_exchange *x);

// HP_OK: its body may come, and there is memory for it.
enum hp_code hp_exchange_admit(struct hp_exchange *x);

// Whether a refused request's body can be read to its end and thrown away.
bool hp_exchange_can_discard(const struct hp_exchange *x);

// What the queue is told of it, by the size of its body.
void hp_exchange_size_up(struct hp_exchange *x, size_t bytes);

// Once it is sized up: whether no worker is needed, behind `before_ns` of such work.
bool hp_exchange_is_done_in_place(const struct hp_exchange *x, uint64_t before_ns);

// Its body is here, or takes its time.
void hp_exchange_is_not_coming(struct hp_exchange *x);

// --- hangup.c ------------------------------------------------------------------------------------

// From the first piece of a body that comes in several until the reply. Unwatched, a client's
// leaving is only noticed later: no harm but time.
void hp_exchange_watch_now(struct hp_exchange *x);
void hp_exchange_watch_later(struct hp_exchange *x);
void hp_exchange_unwatch(struct hp_exchange *x);

// --- work.c --------------------------------------------------------------------------------------

void hp_exchange_compute_in_place(struct hp_exchange *x);

// HP_OK: from here to hp_exchange_worked `request`, `reply`, `fault` and `cpu_ns` are a worker's,
// but for the deadline. Else no worker will have time for it.
enum hp_code hp_exchange_hand_over(struct hp_exchange *x, struct MHD_Connection *connection);

// Why not, where its turn would come in `wait_ns`.
enum hp_code hp_exchange_shed(struct hp_exchange *x, uint64_t wait_ns);

// It is libmicrohttpd's again, which calls for the rest of it in this turn of the loop.
void hp_exchange_take_back(struct hp_exchange *x);

// What it took, for the next estimate.
void hp_exchange_learn(struct hp_exchange *x);

// --- stand_in.c ----------------------------------------------------------------------------------

// The caller is told in time even if the worker does not come to look at the clock. False: there
// was no memory to do so.
bool hp_exchange_answer_for(struct hp_exchange *x);

// Ends it where neither its connection nor a worker has it any more.
void hp_exchange_let_go(struct hp_exchange *x);

// The connection's exchange, or the one that now stands in for it.
struct hp_exchange *hp_exchange_current(void **context);

// --- reply.c -------------------------------------------------------------------------------------

hp_mhd_result hp_exchange_answer(struct hp_exchange *x, struct MHD_Connection *connection);

// As a problem, where libmicrohttpd may have no room left for a reply's head: written past it, as
// the last of its connection.
hp_mhd_result hp_exchange_refuse(struct hp_exchange *x);

// For a reply to be read.
uint64_t hp_exchange_reply_time(const struct hp_exchange *x);
