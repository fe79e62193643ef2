// offer.c -- an open loop: one request, sent at Poisson's times over many kept connections, whether
// or not those before it were answered. A reply's time counts from when its request was due, so
// that what waits here, for the processor or for a free connection, is not hidden. It looks at the
// clock and at its sockets every 200 us, which costs a third of a wake-up for each request and
// reply. (h2load --rps sends for all its connections at once, every 10 ms; wrk and ab wait for
// replies.)
//   offer PORT FILE CONNECTIONS RATE SECONDS LATEST_MS
// FILE holds the whole request; RATE 0: closed, each connection sends when it was answered. The
// first half second is not counted. A 200 is in time up to LATEST_MS. Writes one line of JSON.
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, HEAD_MAX = 4096, STATUSES = 600, READ_BYTES = 256 << 10 };

#define NS_PER_S UINT64_C(1000000000)
#define TURN_NS UINT64_C(200000)
static const double warm_s = 0.5, last_s = 2; // not counted; for the last replies

struct connection {
    int fd;
    uint64_t due_ns;   // of the request under way
    size_t sent;       // of the request
    size_t left;       // of the reply, once its head was read
    size_t head_bytes; // of a head that came in parts
    int status;        // 0: its head is not here
    char head[HEAD_MAX + 1];
    struct connection *next_idle;
};

struct seen { // replies of one status
    uint32_t *us;
    size_t count, room;
};

struct load {
    const char *request;
    size_t request_bytes, connections;
    double rate;
    uint64_t count_from_ns, end_ns, next_ns; // next_ns: when the next request is due
    uint64_t random;
    int epoll_fd;
    uint64_t latest_ns;
    size_t offered, in_time, under_way, lost;
    struct connection *connection, *idle;
    struct seen seen[STATUSES];
    char *read;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static double cpu_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static char *read_file(const char *name, size_t *bytes)
{
    enum { MOST = 16 << 20 };
    FILE *file = fopen(name, "rb");
    char *all = malloc(MOST);
    if (!file || !all)
        err(1, "%s", name);
    *bytes = fread(all, 1, MOST, file);
    fclose(file);
    return all;
}

// --- the schedule --------------------------------------------------------------------------------

// Of exponential length; xorshift64, always from the same seed.
static uint64_t gap_ns(struct load *load)
{
    load->random ^= load->random << 13;
    load->random ^= load->random >> 7;
    load->random ^= load->random << 17;
    double uniform = ((double)(load->random >> 11) + 1) / 9007199254740993.0;
    return (uint64_t)(-log(uniform) / load->rate * 1e9);
}

static bool is_due(const struct load *load, uint64_t now)
{
    return load->rate > 0 ? load->next_ns <= now && load->next_ns < load->end_ns
                          : now < load->end_ns;
}

// --- a request -----------------------------------------------------------------------------------

static bool is_under_way(const struct connection *c)
{
    return c->due_ns && !(c->status && c->left == 0);
}

static void lose(struct load *load, struct connection *c)
{
    close(c->fd);
    c->fd = -1;
    load->under_way -= is_under_way(c);
    load->lost += is_under_way(c);
    c->due_ns = 0;
}

static void send_more(struct load *load, struct connection *c)
{
    while (c->sent < load->request_bytes) {
        ssize_t n = send(c->fd, load->request + c->sent, load->request_bytes - c->sent,
            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return; // epoll tells when there is room
        if (n < 0) {
            lose(load, c);
            return;
        }
        c->sent += (size_t)n;
    }
}

static void begin(struct load *load, struct connection *c, uint64_t due_ns)
{
    c->due_ns = due_ns;
    c->sent = c->head_bytes = 0;
    c->status = 0;
    load->under_way++;
    load->offered += due_ns >= load->count_from_ns;
    send_more(load, c);
}

// NULL: none is free. Those never used yet may be closed by now, for their silence.
static struct connection *take_idle(struct load *load)
{
    struct connection *c = load->idle;
    while (c && c->fd < 0)
        c = c->next_idle;
    load->idle = c ? c->next_idle : NULL;
    return c;
}

static void begin_due(struct load *load, uint64_t now)
{
    struct connection *c;
    while (is_due(load, now) && (c = take_idle(load))) {
        begin(load, c, load->rate > 0 ? load->next_ns : now);
        if (load->rate > 0)
            load->next_ns += gap_ns(load);
    }
}

// --- a reply -------------------------------------------------------------------------------------

static void note(struct load *load, int status, uint64_t ns)
{
    struct seen *seen = &load->seen[status];
    if (seen->count == seen->room) {
        seen->room = seen->room ? 2 * seen->room : 4096;
        seen->us = realloc(seen->us, seen->room * sizeof *seen->us);
        if (!seen->us)
            err(1, "no memory");
    }
    seen->us[seen->count++] = (uint32_t)(ns / 1000);
    load->in_time += status == 200 && ns <= load->latest_ns;
}

static void end(struct load *load, struct connection *c)
{
    uint64_t now = now_ns();
    if (c->due_ns >= load->count_from_ns && now < load->end_ns + (uint64_t)(last_s * 1e9))
        note(load, c->status, now - c->due_ns);
    load->under_way--;
    c->next_idle = load->idle; // the warmest goes first, as in a client's pool
    load->idle = c;
}

// How many of the bytes belong to the head; the connection is of no use where there is none.
static size_t take_head(struct connection *c, const char *bytes, size_t len)
{
    size_t before = c->head_bytes, room = HEAD_MAX - before;
    memcpy(c->head + before, bytes, len < room ? len : room);
    c->head_bytes += len < room ? len : room;
    c->head[c->head_bytes] = '\0';
    const char *blank = strstr(c->head, "\r\n\r\n");
    if (!blank)
        return len;
    const char *length = strcasestr(c->head, "\r\nContent-Length: ");
    c->status = atoi(c->head + sizeof "HTTP/1.1");
    if (!length || c->status < 100 || c->status >= STATUSES)
        errx(1, "what came is no reply: %.80s", c->head);
    c->left = (size_t)atol(length + sizeof "\r\nContent-Length:");
    return (size_t)(blank + 4 - c->head) - before;
}

static void take(struct load *load, struct connection *c, const char *bytes, size_t len)
{
    if (!c->status) {
        size_t head = take_head(c, bytes, len);
        len -= head;
    }
    if (!c->status)
        return;
    c->left -= len < c->left ? len : c->left;
    if (c->left == 0)
        end(load, c);
}

static void receive(struct load *load, struct connection *c)
{
    ssize_t n = READ_BYTES;
    while (n == READ_BYTES) {
        n = recv(c->fd, load->read, READ_BYTES, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            lose(load, c);
            return;
        }
        take(load, c, load->read, (size_t)n);
    }
}

// --- the loop ------------------------------------------------------------------------------------

static void connect_all(struct load *load, unsigned short port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)
    };
    for (size_t i = 0; i < load->connections; i++) {
        struct connection *c = &load->connection[i];
        struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c };
        c->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (c->fd < 0 || connect(c->fd, (struct sockaddr *)(void *)&to, sizeof to) < 0)
            err(1, "connect");
        if (setsockopt(c->fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &(int){ 1 }, sizeof(int)) < 0 ||
            epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
            err(1, "connection");
        c->next_idle = load->idle;
        load->idle = c;
    }
}

static void receive_all(struct load *load, int wait_ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(load->epoll_fd, events, EVENTS, wait_ms);
    for (int i = 0; i < count; i++) {
        struct connection *c = events[i].data.ptr;
        if (c->fd >= 0 && is_under_way(c) && (events[i].events & EPOLLOUT))
            send_more(load, c);
        if (c->fd >= 0 && (events[i].events & EPOLLIN))
            receive(load, c);
    }
}

static void turn(struct load *load, uint64_t now)
{
    struct timespec pause = { 0, (long)(TURN_NS - now % TURN_NS) };
    begin_due(load, now);
    if (load->rate > 0)
        nanosleep(&pause, NULL);
    receive_all(load, load->rate > 0 ? 0 : 10);
}

static void run(struct load *load, double seconds)
{
    uint64_t began = now_ns(), last_ns;
    load->count_from_ns = began + (uint64_t)(warm_s * 1e9);
    load->end_ns = load->count_from_ns + (uint64_t)(seconds * 1e9);
    load->next_ns = began;
    last_ns = load->end_ns + (uint64_t)(last_s * 1e9);
    for (uint64_t now = began; now < load->end_ns || (load->under_way && now < last_ns);
         now = now_ns())
        turn(load, now);
}

// --- what was seen -------------------------------------------------------------------------------

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double share_ms(const struct seen *seen, double share)
{
    size_t at = (size_t)((double)seen->count * share);
    return seen->us[at < seen->count ? at : seen->count - 1] / 1e3;
}

// Those that were due and found no free connection.
static size_t unsent(struct load *load)
{
    size_t count = 0;
    for (; load->rate > 0 && load->next_ns < load->end_ns; load->next_ns += gap_ns(load))
        count++;
    return count;
}

static void tell(struct load *load, double all_s, double used_s)
{
    const char *before = "";
    printf("{\"all_seconds\": %.3f, \"offered\": %zu, \"in_time\": %zu, \"unsent\": %zu, "
           "\"lost\": %zu, \"cpu_s\": %.4f, \"statuses\": {",
        all_s, load->offered, load->in_time, unsent(load), load->lost + load->under_way, used_s);
    for (int status = 0; status < STATUSES; status++) {
        struct seen *seen = &load->seen[status];
        if (!seen->count)
            continue;
        qsort(seen->us, seen->count, sizeof *seen->us, by_size);
        printf("%s\"%d\": {\"count\": %zu, \"p50\": %.3f, \"p99\": %.3f}", before, status,
            seen->count, share_ms(seen, .5), share_ms(seen, .99));
        before = ", ";
    }
    puts("}}");
}

int main(int argc, char **argv)
{
    if (argc != 7)
        errx(64, "offer PORT FILE CONNECTIONS RATE SECONDS LATEST_MS");
    struct load load = { .random = 88172645463325252u,
        .connections = (size_t)atol(argv[3]),
        .rate = atof(argv[4]),
        .latest_ns = (uint64_t)(atof(argv[6]) * 1e6),
        .epoll_fd = epoll_create1(0),
        .read = malloc(READ_BYTES) };
    double seconds = atof(argv[5]);
    load.request = read_file(argv[2], &load.request_bytes);
    load.connection = calloc(load.connections, sizeof *load.connection);
    if (load.epoll_fd < 0 || !load.read || !load.connection)
        err(1, "start");
    prctl(PR_SET_TIMERSLACK, 1);
    connect_all(&load, (unsigned short)atoi(argv[1]));
    double before = cpu_s();
    uint64_t began = now_ns();
    run(&load, seconds);
    tell(&load, (double)(now_ns() - began) / 1e9, cpu_s() - before);
    return 0;
}
