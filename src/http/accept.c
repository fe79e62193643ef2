// accept.c -- accept4 on our own listeners; who may not call is closed at once, who may goes to the
// loop with the fewest connections.
#include "http/accept.h"

#include "base/log.h"
#include "http/loop.h"
#include "http/peer.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { ACCEPTS_A_TURN = 32, ACCEPT_PAUSE_MS = 100 };

void hp_accept_on(struct hp_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        if (server->listeners[i].fd >= 0 && !hp_loop_watch(server->loops, server->listeners[i].fd))
            hp_log(
                HP_ERROR_LEVEL, "cannot watch a listener", "url", server->listeners[i].url, NULL);
    atomic_store(&server->accepting, true);
}

static void pause_accepting(struct hp_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        if (server->listeners[i].fd >= 0)
            hp_loop_unwatch(server->loops, server->listeners[i].fd);
    atomic_store(&server->accepting, false);
}

static bool full(const struct hp_server *server)
{
    return atomic_load(&server->connections) >= server->connections_max;
}

static bool is_listed(const struct hp_list *uids, uint64_t who)
{
    char uid[24];
    snprintf(uid, sizeof uid, "%llu", (unsigned long long)who);
    bool listed = uids->count == 0;
    for (size_t i = 0; i < uids->count && !listed; i++)
        listed = hp_str_is(uids->item[i], uid);
    return listed;
}

// Whether this peer may have a connection: its user is one of peer_uids, and it has not got all
// that one may have. It is counted, where it may.
static bool peer_may_call(
    struct hp_server *server, const struct sockaddr_storage *from, uint64_t who)
{
    struct hp_config *config = hp_server_config(server);
    bool listed = from->ss_family != AF_UNIX || is_listed(&config->peer_uids, who);
    size_t most = (size_t)config->limits.connections_per_peer;
    hp_config_free(config);
    bool may = listed && hp_crowd_enter(&server->crowd, who, most);
    if (!may && atomic_fetch_add(&server->peers_refused, 1) == 0)
        hp_log(HP_WARN, "a peer was refused a connection; more are only counted", "reason",
            listed ? "limits.connections_per_peer" : "peer_uids", NULL);
    return may;
}

// Its descriptor is closed where it may not come in.
static struct hp_peer *let_in(
    struct hp_server *server, int fd, const struct sockaddr_storage *from, socklen_t len)
{
    uint64_t who = hp_peer_who(fd, (const struct sockaddr *)(const void *)from);
    struct hp_peer *peer = NULL;
    if (peer_may_call(server, from, who)) {
        peer = hp_peer_new(server, fd, from, len, who);
        if (!peer)
            hp_crowd_leave(&server->crowd, who);
    }
    if (!peer)
        close(fd);
    return peer;
}

// The main loop where others have no fewer: from there to another one is a way.
static struct hp_loop *emptiest(const struct hp_server *server)
{
    struct hp_loop *found = server->loops;
    for (size_t i = 1; i < server->loop_count; i++)
        if (atomic_load(&server->loops[i].connections) < atomic_load(&found->connections))
            found = &server->loops[i];
    return found;
}

// True while there may be more to accept.
static bool accept_one(struct hp_server *server, int listener)
{
    struct sockaddr_storage from = { .ss_family = AF_UNIX };
    socklen_t len = sizeof from;
    int fd =
        accept4(listener, (struct sockaddr *)(void *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (len < sizeof(sa_family_t)) // an unnamed Unix peer
            from.ss_family = AF_UNIX, len = sizeof(sa_family_t);
        struct hp_peer *peer = let_in(server, fd, &from, len);
        if (peer)
            hp_loop_give(emptiest(server), peer);
        return true;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return false;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The connection stays in the backlog; asking again at once would only spin.
        hp_log(HP_WARN, "accepting pauses: out of descriptors or memory", NULL);
        pause_accepting(server);
        server->accept_again_ns = hp_now_ns() + (uint64_t)ACCEPT_PAUSE_MS * HP_NS_PER_MS;
        return false;
    }
    return true; // that connection is gone already (ECONNABORTED and its kin)
}

void hp_accept_some(struct hp_server *server, int listener)
{
    for (int i = 0; i < ACCEPTS_A_TURN && atomic_load(&server->accepting); i++) {
        if (full(server))
            pause_accepting(server);
        else if (!accept_one(server, listener))
            return;
    }
}

static bool may_accept_again(const struct hp_server *server)
{
    return !atomic_load(&server->accepting) && !atomic_load(&server->draining) && !full(server);
}

void hp_accept_again(struct hp_server *server, uint64_t now_ns)
{
    if (!may_accept_again(server))
        return;
    if (server->accept_again_ns && now_ns < server->accept_again_ns)
        return;
    server->accept_again_ns = 0;
    hp_accept_on(server);
}

bool hp_accept_is_listener(const struct hp_server *server, int fd)
{
    for (size_t i = 0; i < server->listener_count; i++)
        if (server->listeners[i].fd == fd)
            return true;
    return false;
}

uint64_t hp_accept_due_ns(const struct hp_server *server)
{
    return server->accept_again_ns && may_accept_again(server) ? server->accept_again_ns
                                                               : UINT64_MAX;
}

void hp_accept_close(struct hp_server *server)
{
    if (atomic_load(&server->accepting))
        pause_accepting(server);
    for (size_t i = 0; i < server->listener_count; i++)
        hp_listener_close(&server->listeners[i]);
    server->listener_count = 0;
}
