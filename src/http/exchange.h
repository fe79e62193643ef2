// exchange.h -- one request's way from its first line to its last byte. All of it is its loop's.
#pragma once

#include "http/chunked.h"
#include "http/loop.h"

// The daemon that owns connections and exchanges; NULL where libmicrohttpd refuses.
struct MHD_Daemon *hp_exchange_daemon(struct hp_loop *loop, unsigned connections, unsigned idle_s);

// What a worker does with a request.
void hp_exchange_run(struct hp_job *job);

// Answers what the workers are done with, of this loop.
void hp_exchange_worked(struct hp_loop *loop);

// Watches those whose bodies are not all here for a hang-up. When loop->watch_since_ns is set:
// before the loop waits, or at the latest a little after that.
void hp_exchange_watch(struct hp_loop *loop);

// Cancels what nobody waits for any more: the event of loop->hangup_fd.
void hp_exchange_hangups(struct hp_loop *loop);

// Behind each turn of libmicrohttpd's: it reads on where less than it had room for was received.
void hp_exchange_read_again(void);

// While libmicrohttpd receives: it has no room for what is to come. Says so, as the last of the
// connection, and fails as recv does.
ssize_t hp_exchange_is_full(struct hp_chunked *chunked);

// Ends what has run over its time, and idle connections while draining. Sets loop->next_sweep_ns.
void hp_exchange_sweep(struct hp_loop *loop, uint64_t now_ns);

// Logs those that workers have not let go of, though their callers were answered.
void hp_exchange_tell_of_left(const struct hp_server *server);

// When the last of them has ended.
void hp_exchange_free_kept(struct hp_loop *loop);
