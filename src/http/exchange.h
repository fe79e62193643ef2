// exchange.h -- one request's way from its first line to its last byte, and the connection it came
// on.
#pragma once

#include "http/server.h"

#include <sys/socket.h>

struct hp_exchange;

enum hp_peer_phase {
    HP_PEER_HEADERS, // connected or a request line seen; the header block is not complete
    HP_PEER_IDLE,    // between two requests
    HP_PEER_BODY,    // the body is coming in
    HP_PEER_WORK,    // a worker has the request, or will; the connection is suspended
    HP_PEER_REPLY    // the reply is going out
};

struct hp_peer {
    struct hp_peer *next, *previous;
    int fd;
    bool unix_socket;
    uint64_t who;  // hp_peer_who of it
    char name[64]; // "127.0.0.1:40312", or "unix:uid=1000,pid=4242" as it connected
    enum hp_peer_phase phase;
    uint64_t until_ns;      // when the phase must be over; 0: no limit of ours
    uint64_t idle_until_ns; // after the first look at an idle one
    struct hp_exchange *exchange;
};

// Of a new connection: its user, or its address.
uint64_t hp_peer_who(int fd, const struct sockaddr *address);

// How many connections they hold.
size_t hp_peer_count(const struct hp_server *server, uint64_t who);

// The daemon that owns connections and exchanges; NULL where libmicrohttpd refuses.
struct MHD_Daemon *hp_exchange_daemon(
    struct hp_server *server, unsigned connections, unsigned idle_s);

// What a worker does with a request.
void hp_exchange_run(struct hp_job *job);

// Answers what the workers are done with.
void hp_exchange_worked(struct hp_server *server);

// Watches those whose bodies are not all here for a hang-up. When server->watch_since_ns is set:
// before the loop waits, or at the latest a little after that.
void hp_exchange_watch(struct hp_server *server);

// Cancels what nobody waits for any more: the event of server->hangup_fd.
void hp_exchange_hangups(struct hp_server *server);

// Ends what has run over its time, and idle connections while draining. Sets server->next_sweep_ns.
void hp_exchange_sweep(struct hp_server *server, uint64_t now_ns);

// Logs those that workers have not let go of, though their callers were answered.
void hp_exchange_tell_of_left(const struct hp_server *server);

// When the last of them has ended.
void hp_exchange_free_kept(struct hp_server *server);
