// peer.c -- one connection: who is at its other end, and the clock of what it does now.
#include "http/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

// --- who it is -----------------------------------------------------------------------------------

static void name_user(struct hp_peer *peer)
{
    struct ucred user;
    socklen_t len = sizeof user;
    peer->unix_socket = true;
    if (getsockopt(peer->fd, SOL_SOCKET, SO_PEERCRED, &user, &len) == 0)
        snprintf(peer->name, sizeof peer->name, "unix:uid=%u,pid=%d", user.uid, user.pid);
    else
        snprintf(peer->name, sizeof peer->name, "unix");
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
        name_user(peer);
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

// --- from begin to end ---------------------------------------------------------------------------

struct hp_peer *hp_peer_new(struct hp_server *server, int fd,
    const struct sockaddr_storage *address, socklen_t len, uint64_t who)
{
    struct hp_peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    peer->fd = fd;
    peer->who = who;
    peer->address = *address;
    peer->address_len = len;
    name_peer(peer, (const struct sockaddr *)(const void *)address);
    atomic_fetch_add(&server->connections, 1);
    return peer;
}

// The main loop waits for it, where it waits for room or for the last one.
static void tell_main(struct hp_server *server)
{
    if (atomic_load(&server->draining) || !atomic_load(&server->accepting))
        hp_loop_wake(server->loops);
}

void hp_peer_free(struct hp_peer *peer)
{
    struct hp_loop *loop = peer->loop;
    struct hp_server *server = loop->server;
    hp_crowd_leave(&server->crowd, peer->who);
    free(peer);
    atomic_fetch_sub(&loop->connections, 1);
    atomic_fetch_sub(&server->connections, 1);
    if (!hp_loop_is_main(loop))
        tell_main(server);
}

void hp_peer_begin(struct hp_peer *peer)
{
    struct hp_loop *loop = peer->loop;
    peer->next = loop->arriving;
    loop->arriving = peer;
    // On failure the descriptor is closed, and the peer stays where it is.
    (void)MHD_add_connection(
        loop->data, peer->fd, (struct sockaddr *)(void *)&peer->address, peer->address_len);
}

void hp_peer_end_arriving(struct hp_loop *loop)
{
    for (struct hp_peer *peer = loop->arriving, *next; peer; peer = next) {
        next = peer->next;
        hp_peer_free(peer);
    }
    loop->arriving = NULL;
}

// The last one with this descriptor: one before it has failed, and closed it.
static struct hp_peer *take_arriving(struct hp_loop *loop, int fd)
{
    struct hp_peer **link = &loop->arriving;
    while (*link && (*link)->fd != fd)
        link = &(*link)->next;
    struct hp_peer *peer = *link;
    if (peer)
        *link = peer->next;
    return peer;
}

struct hp_peer *hp_peer_open(struct hp_loop *loop, int fd)
{
    struct hp_peer *peer = take_arriving(loop, fd);
    if (!peer)
        return NULL;
    peer->next = loop->peers;
    if (peer->next)
        peer->next->previous = peer;
    loop->peers = peer;
    hp_peer_expect(peer, HP_PEER_HEADERS, hp_now_ns() + loop->server->header_ns);
    return peer;
}

void hp_peer_close(struct hp_peer *peer)
{
    if (peer->next)
        peer->next->previous = peer->previous;
    if (peer->previous)
        peer->previous->next = peer->next;
    else
        peer->loop->peers = peer->next;
    hp_peer_free(peer);
}

void hp_peer_expect(struct hp_peer *peer, enum hp_peer_phase phase, uint64_t until_ns)
{
    peer->phase = phase;
    peer->until_ns = until_ns;
    if (until_ns && until_ns < peer->loop->next_sweep_ns)
        peer->loop->next_sweep_ns = until_ns;
}
