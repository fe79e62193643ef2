// peer.h -- one connection: who is at its other end, and the clock of what it does now. Made by the
// main loop, and from then on the loop's that it was given to.
#pragma once

#include "http/loop.h"

#include <sys/socket.h>

enum hp_peer_phase {
    HP_PEER_HEADERS, // connected or a request line seen; the header block is not complete
    HP_PEER_IDLE,    // between two requests
    HP_PEER_BODY,    // the body is coming in
    HP_PEER_WORK,    // a worker has the request, or will; the connection is suspended
    HP_PEER_REPLY    // the reply is going out
};

struct hp_peer {
    struct hp_loop *loop;
    struct hp_peer *next, *previous;
    int fd;
    bool unix_socket;
    bool refused;  // and a body of its was thrown away
    uint64_t who;  // hp_peer_who of it
    char name[64]; // "127.0.0.1:40312", or "unix:uid=1000,pid=4242" as it connected
    struct sockaddr_storage address;
    socklen_t address_len;
    enum hp_peer_phase phase;
    uint64_t until_ns;      // when the phase must be over; 0: no limit of ours
    uint64_t idle_until_ns; // after the first look at an idle one
    struct hp_exchange *exchange;
};

// Of a new connection: its user, or its address.
uint64_t hp_peer_who(int fd, const struct sockaddr *address);

// Counted as a connection, in all and in server->crowd, where it has entered. NULL: no memory.
struct hp_peer *hp_peer_new(struct hp_server *server, int fd,
    const struct sockaddr_storage *address, socklen_t len, uint64_t who);

// It has ended, or never came to be.
void hp_peer_free(struct hp_peer *peer);

// Hands it to its loop's libmicrohttpd, which calls hp_peer_open for it.
void hp_peer_begin(struct hp_peer *peer);

// Frees those that libmicrohttpd did not take; it has closed them.
void hp_peer_end_arriving(struct hp_loop *loop);

// What libmicrohttpd says of a connection, from its begin to its end. NULL: none that we gave it.
struct hp_peer *hp_peer_open(struct hp_loop *loop, int fd);
void hp_peer_close(struct hp_peer *peer);

// From now on it is in this phase, until then at the latest; 0: no limit of ours.
void hp_peer_expect(struct hp_peer *peer, enum hp_peer_phase phase, uint64_t until_ns);
