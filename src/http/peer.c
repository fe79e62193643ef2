// peer.c -- one connection: who is at its other end, and the clock of what it does now.
#include "http/exchange_parts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

struct hp_peer *hp_peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

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

size_t hp_peer_count(const struct hp_server *server, uint64_t who)
{
    size_t count = 0;
    for (const struct hp_peer *peer = server->peers; peer; peer = peer->next)
        count += peer->who == who;
    return count;
}

void hp_peer_expect(
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

void hp_peer_open(struct hp_server *server, struct MHD_Connection *connection, void **context)
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
    hp_peer_expect(server, peer, HP_PEER_HEADERS, header_time(server));
    *context = peer;
}

void hp_peer_close(struct hp_server *server, struct hp_peer *peer)
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
