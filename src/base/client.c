// client.c -- dial, then write and read at once until the reply is whole: a daemon that refuses a
// request answers before it has read it all.
#include "base/client.h"
#include "hotpathd/deadline.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool fail(
    struct hp_client_problem *problem, const struct hp_client_request *request, const char *what)
{
    snprintf(problem->text, sizeof problem->text, "%s: %s", request->address, what);
    return false;
}

static uint64_t after_ms(int ms)
{
    return hp_now_ns() + (uint64_t)ms * HP_NS_PER_MS;
}

// What the descriptor is ready for; 0 where that took too long.
static short wait_for(int fd, short events, uint64_t until_ns)
{
    struct pollfd poller = { .fd = fd, .events = events };
    for (;;) {
        uint64_t now = hp_now_ns();
        if (now >= until_ns)
            return 0;
        int ms = (int)((until_ns - now) / HP_NS_PER_MS) + 1;
        int ready = poll(&poller, 1, ms);
        if (ready > 0)
            return poller.revents;
        if (ready < 0 && errno != EINTR)
            return POLLERR;
    }
}

// --- dialling ------------------------------------------------------------------------------------

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int finish_connect(int fd, uint64_t until_ns)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (wait_for(fd, POLLOUT, until_ns) == 0)
        return ETIMEDOUT;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error;
}

// A connected socket, or -1 with errno set.
static int dial(const struct sockaddr *address, socklen_t size, uint64_t until_ns)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int error = connect(fd, address, size) == 0 ? 0 : errno;
    if (error == EINPROGRESS)
        error = finish_connect(fd, until_ns);
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

static int dial_unix(const struct hp_client_request *request, const char *path, uint64_t until_ns,
    struct hp_client_problem *problem)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path) {
        fail(problem, request, "the path is too long for a socket");
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = dial((const struct sockaddr *)&address, sizeof address, until_ns);
    if (fd < 0)
        fail(problem, request, strerror(errno));
    return fd;
}

enum { HOST_MAX = 256 };

// [::1]:8377 -> ::1 and 8377
static bool split(const char *address, char host[HOST_MAX], const char **port)
{
    const char *colon = strrchr(address, ':');
    hp_str name = { address, colon ? (size_t)(colon - address) : 0 };
    if (name.len >= 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']')
        name = (hp_str){ name.ptr + 1, name.len - 2 };
    if (name.len == 0 || name.len >= HOST_MAX)
        return false;
    memcpy(host, name.ptr, name.len);
    host[name.len] = '\0';
    *port = colon + 1;
    uint64_t number;
    return hp_str_decimal(hp_str_from(*port), &number) && number > 0 && number < 65536;
}

static int dial_tcp(const struct hp_client_request *request, const char *place, uint64_t until_ns,
    struct hp_client_problem *problem)
{
    char host[HOST_MAX];
    const char *port;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
    if (!split(place, host, &port)) {
        fail(problem, request, "not an address: HOST:PORT or unix:PATH");
        return -1;
    }
    int error = getaddrinfo(host, port, &hints, &found);
    if (error) {
        fail(problem, request, gai_strerror(error));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = dial(at->ai_addr, at->ai_addrlen, until_ns);
    if (fd < 0)
        fail(problem, request, strerror(errno));
    freeaddrinfo(found);
    return fd;
}

// Behind `prefix`, or NULL where the text does not begin with it.
static const char *behind(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

// HOST:PORT of an address that is no Unix socket: without http:// and a closing slash.
static void tcp_place(const char *address, char place[HOST_MAX])
{
    const char *bare = behind(address, "http://");
    snprintf(place, HOST_MAX, "%s", bare ? bare : address);
    size_t len = strlen(place);
    if (bare && len && place[len - 1] == '/')
        place[len - 1] = '\0';
}

static int dial_address(const struct hp_client_request *request, struct hp_client_problem *problem)
{
    uint64_t until_ns = after_ms(request->connect_ms);
    char place[HOST_MAX];
    const char *path = behind(request->address, "unix:");
    if (path)
        return dial_unix(request, path, until_ns, problem);
    tcp_place(request->address, place);
    return dial_tcp(request, place, until_ns, problem);
}

// --- the exchange --------------------------------------------------------------------------------

static void write_head(const struct hp_client_request *request, struct hp_buf *out)
{
    char host[HOST_MAX] = "localhost";
    if (!behind(request->address, "unix:"))
        tcp_place(request->address, host);
    hp_buf_format(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", request->method, request->target, host);
    hp_buf_format(out, "Connection: close\r\nX-Hotpath-Caller: hotpathd-cli\r\n");
    if (request->media_type)
        hp_buf_format(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", request->media_type,
            request->body.len);
    hp_buf_add(out, HP_S("\r\n"));
}

// Sends what the kernel takes. A connection that cannot be written any more may still hold a reply.
static void send_some(int fd, hp_str *unsent)
{
    ssize_t sent = send(fd, unsent->ptr, unsent->len, MSG_NOSIGNAL);
    if (sent >= 0)
        *unsent = (hp_str){ unsent->ptr + sent, unsent->len - (size_t)sent };
    else if (errno != EAGAIN && errno != EINTR)
        unsent->len = 0;
}

enum arrival { ARRIVED, NOTHING_YET, ENDED, LOST, TOO_MUCH };

static enum arrival receive_some(int fd, struct hp_buf *in)
{
    enum { STEP = 64 << 10 };
    if (!hp_buf_room(in, STEP))
        return TOO_MUCH;
    ssize_t got = recv(fd, in->ptr + in->len, STEP, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? NOTHING_YET : LOST;
    in->len += (size_t)got;
    return got > 0 ? ARRIVED : ENDED;
}

static const char *const complaints[] = {
    [ENDED] = "the connection was closed before a whole reply came",
    [LOST] = "the connection was lost",
    [TOO_MUCH] = "the reply is too large",
};

static bool exchange(const struct hp_client_request *request, int fd, struct hp_buf *head,
    struct hp_buf *in, struct hp_reply *reply, struct hp_client_problem *problem)
{
    uint64_t until_ns = after_ms(request->total_ms);
    hp_str unsent[] = { hp_buf_str(head), request->body };
    for (;;) {
        hp_str *next = &unsent[unsent[0].len == 0];
        short ready = wait_for(fd, next->len ? POLLIN | POLLOUT : POLLIN, until_ns);
        if (ready == 0)
            return fail(problem, request, "no reply in time");
        if (next->len && (ready & POLLOUT))
            send_some(fd, next);
        if (!(ready & ~POLLOUT))
            continue;
        enum arrival arrival = receive_some(fd, in);
        if (arrival == NOTHING_YET)
            continue;
        enum hp_reply_state state = hp_reply_read(hp_buf_str(in), arrival == ENDED, reply);
        if (state == HP_REPLY_WHOLE)
            return true;
        if (arrival != ARRIVED)
            return fail(problem, request, complaints[arrival]);
        if (state == HP_REPLY_BAD)
            return fail(problem, request, "this is not an HTTP reply of hotpathd");
    }
}

bool hp_client_call(const struct hp_client_request *request, struct hp_arena *arena,
    struct hp_reply *reply, struct hp_client_problem *problem)
{
    struct hp_buf head = hp_buf_in(arena), in = hp_buf_in(arena);
    write_head(request, &head);
    if (head.failed)
        return fail(problem, request, "no memory");
    __attribute__((cleanup(close_fd))) int fd = dial_address(request, problem);
    if (fd < 0)
        return false;
    return exchange(request, fd, &head, &in, reply, problem);
}
