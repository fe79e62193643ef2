// listen.c -- our own listening sockets: libmicrohttpd is handed accepted connections only, so that
// accepting can pause, and stop, without it.
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { WHY = 256, BACKLOG = 1024 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static enum hp_listen_result fail(
    enum hp_listen_result result, char *why, hp_str address, const char *what)
{
    snprintf(why, WHY, "%.*s: %s", (int)address.len, address.ptr, what);
    return result;
}

static enum hp_listen_result fail_errno(char *why, hp_str address)
{
    return fail(HP_NO_LISTENER, why, address, strerror(errno));
}

static bool is_loopback(const union address *address)
{
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    return (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
}

// HOST:PORT into an address; false where it is not one.
static bool read_tcp(hp_str text, union address *out, socklen_t *len)
{
    char host[64];
    const char *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    if (!colon)
        return false;
    uint64_t port;
    hp_str name = { text.ptr, (size_t)(colon - text.ptr) };
    hp_str digits = { colon + 1, text.len - name.len - 1 };
    if (!hp_str_decimal(digits, &port) || port > 65535 || name.len >= sizeof host)
        return false;
    if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']')
        name = (hp_str){ name.ptr + 1, name.len - 2 };
    snprintf(host, sizeof host, "%.*s", (int)name.len, name.ptr);
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        *len = sizeof out->v6;
        return true;
    }
    if (hp_str_is(name, "localhost"))
        strcpy(host, "127.0.0.1");
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons((uint16_t)port);
    *len = sizeof out->v4;
    return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1;
}

static void write_tcp_url(struct hp_listener *listener)
{
    union address got;
    socklen_t len = sizeof got;
    char host[INET6_ADDRSTRLEN] = "";
    if (getsockname(listener->fd, &got.any, &len) < 0)
        return;
    if (got.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &got.v6.sin6_addr, host, sizeof host);
        snprintf(
            listener->url, sizeof listener->url, "http://[%s]:%u", host, ntohs(got.v6.sin6_port));
        return;
    }
    inet_ntop(AF_INET, &got.v4.sin_addr, host, sizeof host);
    snprintf(listener->url, sizeof listener->url, "http://%s:%u", host, ntohs(got.v4.sin_port));
}

static enum hp_listen_result listen_tcp(
    struct hp_listener *listener, hp_str address, bool remote, char *why)
{
    union address to;
    socklen_t len;
    int yes = 1;
    if (!read_tcp(address, &to, &len) || (!remote && !is_loopback(&to)))
        return fail(HP_BAD_ADDRESS, why, address,
            "an address is HOST:PORT with a loopback HOST (127.0.0.1, [::1], localhost), or "
            "unix:PATH");
    listener->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return fail_errno(why, address);
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener->fd, &to.any, len) < 0 || listen(listener->fd, BACKLOG) < 0)
        return fail_errno(why, address);
    write_tcp_url(listener);
    return HP_LISTENING;
}

// A socket file whose owner is gone refuses connections; one that answers is in use.
static bool socket_is_stale(const union address *to)
{
    struct stat info;
    if (stat(to->local.sun_path, &info) < 0 || !S_ISSOCK(info.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool stale = connect(fd, &to->any, sizeof to->local) < 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static enum hp_listen_result listen_unix(
    struct hp_listener *listener, hp_str address, unsigned mode, char *why)
{
    union address to = { .local.sun_family = AF_UNIX };
    hp_str path = { address.ptr + 5, address.len - 5 };
    if (path.len == 0 || path.len >= sizeof to.local.sun_path || memchr(path.ptr, 0, path.len))
        return fail(HP_BAD_ADDRESS, why, address, "the path of a Unix socket has 1 to 107 bytes");
    memcpy(to.local.sun_path, path.ptr, path.len);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return fail_errno(why, address);
    if (socket_is_stale(&to))
        unlink(to.local.sun_path);
    // Closed to everybody until its mode is set.
    mode_t before = umask(0177);
    int bound = bind(listener->fd, &to.any, sizeof to.local);
    umask(before);
    if (bound < 0)
        return fail_errno(why, address);
    listener->unix_socket = true;
    memcpy(listener->path, to.local.sun_path, sizeof listener->path);
    struct stat info;
    if (stat(listener->path, &info) == 0) {
        listener->device = info.st_dev;
        listener->inode = info.st_ino;
    }
    if (chmod(listener->path, mode) < 0 || listen(listener->fd, BACKLOG) < 0)
        return fail_errno(why, address);
    snprintf(listener->url, sizeof listener->url, "unix:%s", listener->path);
    return HP_LISTENING;
}

static bool is_unix(hp_str address)
{
    return address.len >= 5 && memcmp(address.ptr, "unix:", 5) == 0;
}

bool hp_listen_fits(hp_str address, bool remote)
{
    union address to;
    socklen_t len;
    return is_unix(address) ? address.len > 5 && address.len - 5 < sizeof to.local.sun_path
                            : read_tcp(address, &to, &len) && (remote || is_loopback(&to));
}

enum hp_listen_result hp_listen(
    struct hp_listener *listener, hp_str address, unsigned mode, bool remote, char *why)
{
    *listener = (struct hp_listener){ .fd = -1 };
    bool local = is_unix(address);
    enum hp_listen_result result = local ? listen_unix(listener, address, mode, why)
                                         : listen_tcp(listener, address, remote, why);
    if (result != HP_LISTENING)
        hp_listener_close(listener);
    return result;
}

enum hp_listen_result hp_listen_adopt(struct hp_listener *listener, int fd, bool remote, char *why)
{
    union address own = { .any.sa_family = AF_UNSPEC };
    socklen_t len = sizeof own, int_len = sizeof(int);
    int listens = 0, type = 0;
    hp_str name = HP_S("an inherited socket");
    *listener = (struct hp_listener){ .fd = fd, .adopted = true };
    if (getsockname(fd, &own.any, &len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_len) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &int_len) < 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return fail_errno(why, name);
    if (!listens || type != SOCK_STREAM)
        return fail(HP_BAD_ADDRESS, why, name, "it is no stream socket that listens");
    if (own.any.sa_family == AF_UNIX) {
        listener->unix_socket = true;
        snprintf(listener->url, sizeof listener->url, "unix:%.107s", own.local.sun_path);
        return HP_LISTENING;
    }
    if (own.any.sa_family != AF_INET && own.any.sa_family != AF_INET6)
        return fail(HP_BAD_ADDRESS, why, name, "it is neither TCP nor Unix");
    if (!remote && !is_loopback(&own))
        return fail(HP_BAD_ADDRESS, why, name, "it is not on loopback, and allow_remote is off");
    write_tcp_url(listener);
    return HP_LISTENING;
}

static bool is_ours(const struct hp_listener *listener)
{
    struct stat info;
    return listener->path[0] && stat(listener->path, &info) == 0 &&
           info.st_dev == listener->device && info.st_ino == listener->inode;
}

void hp_listener_close(struct hp_listener *listener)
{
    if (is_ours(listener))
        unlink(listener->path);
    if (listener->fd >= 0)
        close(listener->fd);
    listener->path[0] = '\0';
    listener->fd = -1;
}
