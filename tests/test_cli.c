// test_cli.c -- the client of the command line against a server in a thread that answers as it is
// told: in pieces, without a length, with garbage, or not at all.
#include "cli/cli.h"
#include "base/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

// --- the server ----------------------------------------------------------------------------------

struct server {
    int listener;
    char address[160], path[108];
    char folder[32];
    hp_str reply;
    size_t piece; // bytes a write; 0: all at once
    bool early;   // answers before it has read the body
    bool silent;  // holds the connection and says nothing until the client goes
    char request[1 << 20];
    size_t len;
    pthread_t thread;
};

static size_t wanted(const struct server *server)
{
    const char *end = memmem(server->request, server->len, "\r\n\r\n", 4);
    if (!end)
        return SIZE_MAX;
    size_t head = (size_t)(end - server->request) + 4, length = 0;
    const char *field = memmem(server->request, head, "Content-Length: ", 16);
    if (field && !server->early)
        length = strtoul(field + 16, NULL, 10);
    return head + length;
}

static void read_request(struct server *server, int fd)
{
    while (server->len < wanted(server)) {
        ssize_t got = read(fd, server->request + server->len, sizeof server->request - server->len);
        if (got <= 0)
            return;
        server->len += (size_t)got;
    }
}

static void answer(const struct server *server, int fd)
{
    size_t piece = server->piece ? server->piece : server->reply.len;
    for (size_t at = 0; at < server->reply.len; at += piece) {
        size_t len = server->reply.len - at < piece ? server->reply.len - at : piece;
        if (send(fd, server->reply.ptr + at, len, MSG_NOSIGNAL) < 0)
            return;
    }
}

static void *serve(void *argument)
{
    struct server *server = argument;
    char byte;
    int fd = accept(server->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    read_request(server, fd);
    if (server->silent)
        while (read(fd, &byte, 1) > 0)
            continue;
    answer(server, fd);
    close(fd);
    return NULL;
}

static void listen_tcp(struct server *server)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server->listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(server->listener, 4), 0);
    getsockname(server->listener, (struct sockaddr *)&address, &size);
    snprintf(server->address, sizeof server->address, "127.0.0.1:%d", ntohs(address.sin_port));
}

static void listen_unix(struct server *server)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(server->folder, "/tmp/hotpathd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(server->folder));
    snprintf(server->path, sizeof server->path, "%s/sock", server->folder);
    memcpy(address.sun_path, server->path, sizeof server->path);
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(server->listener, 4), 0);
    snprintf(server->address, sizeof server->address, "unix:%s", server->path);
}

static void start(struct server *server, void (*listen_at)(struct server *), const char *reply)
{
    server->reply = hp_str_from(reply);
    listen_at(server);
    ck_assert_int_eq(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    if (server->path[0]) {
        unlink(server->path);
        rmdir(server->folder);
    }
}

static struct server server; // one a test: each runs in a process of its own

static void restart(void (*listen_at)(struct server *), const char *reply)
{
    server = (struct server){ .listener = -1 };
    start(&server, listen_at, reply);
}

struct outcome {
    bool whole;
    int status;
    char body[4096];
    struct hp_client_problem problem;
};

static struct outcome post(const char *address, hp_str body, int total_ms)
{
    struct hp_arena arena;
    struct hp_reply reply;
    struct outcome outcome = { .whole = false };
    struct hp_client_request request = { .address = address,
        .method = "POST",
        .target = "/v1/chunk",
        .media_type = "text/plain",
        .body = body,
        .connect_ms = 5000,
        .total_ms = total_ms };
    hp_arena_init(&arena, NULL, 4 << 20);
    outcome.whole = hp_client_call(&request, &arena, &reply, &outcome.problem);
    if (outcome.whole) {
        outcome.status = reply.status;
        snprintf(outcome.body, sizeof outcome.body, "%.*s", (int)reply.body.len, reply.body.ptr);
    }
    hp_arena_done(&arena);
    return outcome;
}

// --- the client ----------------------------------------------------------------------------------

static void (*const listeners[])(struct server *) = { listen_tcp, listen_unix };

START_TEST(sends_the_request_and_reads_the_reply_in_pieces_over_both_kinds_of_socket)
{
    for (int kind = 0; kind < 2; kind++) {
        server = (struct server){ .piece = 1 };
        start(&server, listeners[kind],
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:5\r\nX: "
            "y\r\n\r\nhello");
        struct outcome outcome = post(server.address, HP_S("the body"), 60000);
        stop(&server);
        ck_assert_msg(outcome.whole, "%s", outcome.problem.text);
        ck_assert_int_eq(outcome.status, 200);
        ck_assert_str_eq(outcome.body, "hello");
        hp_str request = { server.request, server.len };
        ck_assert(hp_str_is(hp_str_cut(&request, '\r'), "POST /v1/chunk HTTP/1.1"));
        ck_assert_ptr_nonnull(strstr(server.request, "\r\nContent-Type: text/plain\r\n"));
        ck_assert_ptr_nonnull(strstr(server.request, "\r\nContent-Length: 8\r\n"));
        ck_assert_ptr_nonnull(strstr(server.request, "\r\n\r\nthe body"));
        ck_assert_ptr_nonnull(strstr(server.request, kind ? "Host: localhost\r" : server.address));
    }
}
END_TEST

START_TEST(takes_an_address_as_a_url)
{
    char url[200];
    restart(listen_tcp, "HTTP/1.1 204 No Content\r\n\r\n");
    snprintf(url, sizeof url, "http://%s/", server.address);
    struct outcome outcome = post(url, HP_S(""), 60000);
    stop(&server);
    ck_assert_msg(outcome.whole, "%s", outcome.problem.text);
    ck_assert_int_eq(outcome.status, 204);
}
END_TEST

START_TEST(reads_to_the_end_where_there_is_no_length)
{
    restart(listen_tcp, "HTTP/1.0 503 Busy\r\n\r\nto the end");
    struct outcome outcome = post(server.address, HP_S("x"), 60000);
    stop(&server);
    ck_assert(outcome.whole);
    ck_assert_int_eq(outcome.status, 503);
    ck_assert_str_eq(outcome.body, "to the end");
}
END_TEST

START_TEST(sends_a_body_larger_than_the_socket_buffers)
{
    enum { SIZE = 900000 };
    char *body = malloc(SIZE);
    memset(body, 'x', SIZE);
    restart(listen_unix, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    struct outcome outcome = post(server.address, (hp_str){ body, SIZE }, 60000);
    stop(&server);
    ck_assert_msg(outcome.whole, "%s", outcome.problem.text);
    ck_assert_uint_gt(server.len, SIZE);
    ck_assert(memcmp(server.request + server.len - SIZE, body, SIZE) == 0);
    free(body);
}
END_TEST

START_TEST(reads_a_refusal_that_comes_before_the_body_was_read)
{
    enum { SIZE = 8 << 20 };
    char *body = calloc(1, SIZE);
    server = (struct server){ .early = true };
    start(&server, listen_unix, "HTTP/1.1 413 Large\r\nContent-Length: 3\r\n\r\nbig");
    struct outcome outcome = post(server.address, (hp_str){ body, SIZE }, 60000);
    stop(&server);
    ck_assert_msg(outcome.whole, "%s", outcome.problem.text);
    ck_assert_int_eq(outcome.status, 413);
    ck_assert_str_eq(outcome.body, "big");
    free(body);
}
END_TEST

START_TEST(tells_what_went_wrong)
{
    static const struct {
        const char *reply, *problem;
    } cases[] = {
        { "SSH-2.0-OpenSSH\r\n", "not an HTTP reply" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "not an HTTP reply" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "closed before" },
        { "HTTP/1.1 200", "closed before" },
        { "", "closed before" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        restart(listen_tcp, cases[i].reply);
        struct outcome outcome = post(server.address, HP_S("x"), 60000);
        stop(&server);
        ck_assert(!outcome.whole);
        ck_assert_msg(strstr(outcome.problem.text, cases[i].problem), "%s", outcome.problem.text);
    }
}
END_TEST

START_TEST(gives_up_on_a_server_that_says_nothing)
{
    server = (struct server){ .silent = true };
    start(&server, listen_tcp, "");
    struct outcome outcome = post(server.address, HP_S("x"), 20);
    stop(&server);
    ck_assert(!outcome.whole);
    ck_assert_msg(strstr(outcome.problem.text, "no reply in time"), "%s", outcome.problem.text);
}
END_TEST

START_TEST(refuses_a_reply_beyond_its_memory)
{
    enum { SIZE = 6 << 20 };
    char *reply = malloc(SIZE);
    memset(reply, 'x', SIZE);
    reply[SIZE - 1] = '\0';
    memcpy(reply, "HTTP/1.1 200 OK\r\n\r\n", 19);
    restart(listen_unix, reply);
    struct outcome outcome = post(server.address, HP_S("x"), 60000);
    stop(&server);
    ck_assert(!outcome.whole);
    ck_assert_msg(strstr(outcome.problem.text, "too large"), "%s", outcome.problem.text);
    free(reply);
}
END_TEST

START_TEST(tells_that_nothing_listens_and_that_an_address_is_none)
{
    restart(listen_tcp, "");
    char address[160];
    strcpy(address, server.address);
    stop(&server);
    ck_assert_ptr_nonnull(strstr(post(address, HP_S(""), 60000).problem.text, "refused"));
    ck_assert_ptr_nonnull(
        strstr(post("unix:/nonexistent/sock", HP_S(""), 60000).problem.text, "No such file"));
    char longer[300] = "unix:";
    memset(longer + 5, 'x', 200);
    ck_assert_ptr_nonnull(strstr(post(longer, HP_S(""), 60000).problem.text, "too long"));
    static const char *const bad[] = { "", "localhost", ":80", "127.0.0.1:", "127.0.0.1:0",
        "127.0.0.1:65536", "[::1]" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct outcome outcome = post(bad[i], HP_S(""), 60000);
        ck_assert_msg(strstr(outcome.problem.text, "not an address"), "%s", bad[i]);
    }
}
END_TEST

// --- the reply -----------------------------------------------------------------------------------

START_TEST(a_reply_is_whole_only_at_its_last_byte)
{
    hp_str whole = HP_S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    struct hp_reply reply;
    for (size_t len = 0; len < whole.len; len++) {
        ck_assert_int_eq(hp_reply_read((hp_str){ whole.ptr, len }, false, &reply), HP_REPLY_MORE);
        ck_assert_int_eq(hp_reply_read((hp_str){ whole.ptr, len }, true, &reply), HP_REPLY_BAD);
    }
    ck_assert_int_eq(hp_reply_read(whole, false, &reply), HP_REPLY_WHOLE);
    ck_assert(hp_str_is(reply.body, "hello"));
}
END_TEST

START_TEST(malformed_replies_are_refused)
{
    static const char *const bad[] = {
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200\nX: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: empty\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\n X: folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    };
    struct hp_reply reply;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(
            hp_reply_read(hp_str_from(bad[i]), false, &reply) == HP_REPLY_BAD, "%s", bad[i]);
    static char endless[HP_REPLY_HEAD_MAX + 1];
    memset(endless, 'x', sizeof endless);
    memcpy(endless, "HTTP/1.1 200 OK\r\nX: ", 20);
    ck_assert_int_eq(
        hp_reply_read((hp_str){ endless, sizeof endless }, false, &reply), HP_REPLY_BAD);
}
END_TEST

// --- the commands --------------------------------------------------------------------------------

// Runs a command with its standard output, input and errors in files; returns what it printed.
static int run(int (*command)(int, char **), const char **argv, const char *input, char out[4096],
    char errors[4096])
{
    FILE *files[3] = { tmpfile(), tmpfile(), tmpfile() };
    int kept[3], argc = 0;
    fputs(input, files[0]);
    rewind(files[0]);
    fflush(stdout);
    for (int fd = 0; fd < 3; fd++) {
        kept[fd] = dup(fd);
        dup2(fileno(files[fd]), fd);
    }
    while (argv[argc])
        argc++;
    int code = command(argc, (char **)argv);
    fflush(stdout);
    for (int fd = 0; fd < 3; fd++) {
        dup2(kept[fd], fd);
        close(kept[fd]);
    }
    rewind(files[1]);
    rewind(files[2]);
    out[fread(out, 1, 4095, files[1])] = '\0';
    errors[fread(errors, 1, 4095, files[2])] = '\0';
    for (int fd = 0; fd < 3; fd++)
        fclose(files[fd]);
    return code;
}

static char out[4096], errors[4096];

START_TEST(health_tells_by_its_exit_code)
{
    restart(listen_tcp, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n");
    const char *argv[] = { server.address, NULL };
    ck_assert_int_eq(run(hp_cli_health, argv, "", out, errors), 0);
    stop(&server);
    ck_assert_str_eq(out, "ready\n");
    ck_assert_str_eq(errors, "");
    ck_assert(strncmp(server.request, "GET /readyz HTTP/1.1\r\n", 22) == 0);
    ck_assert_ptr_null(strstr(server.request, "Content-"));
    restart(listen_tcp, "HTTP/1.1 503 Not Ready\r\nContent-Length: 9\r\n\r\ndraining\n");
    argv[0] = server.address;
    ck_assert_int_eq(run(hp_cli_health, argv, "", out, errors), 1);
    stop(&server);
    ck_assert_str_eq(out, "draining\n");
    ck_assert_ptr_nonnull(strstr(errors, "not ready (503)"));
    ck_assert_int_eq(run(hp_cli_health, argv, "", out, errors), 1); // now nothing listens
    ck_assert_ptr_nonnull(strstr(errors, "refused"));
    const char *wrong[] = { "a", "b", NULL };
    ck_assert_int_eq(run(hp_cli_health, wrong, "", out, errors), 64);
}
END_TEST

static void expect_call(
    const char **argv, const char *input, const char *line, const char *media_type)
{
    char wanted_type[64] = "Content-Type: ";
    setenv("HOTPATHD_URL", server.address, 1);
    ck_assert_int_eq(run(hp_cli_call, argv, input, out, errors), 0);
    stop(&server);
    ck_assert_str_eq(out, "{}\n");
    ck_assert_msg(strncmp(server.request, line, strlen(line)) == 0, "%s", server.request);
    if (media_type)
        ck_assert_ptr_nonnull(strstr(server.request, strcat(wanted_type, media_type)));
    else
        ck_assert_ptr_null(strstr(server.request, "Content-"));
}

START_TEST(call_sends_what_it_was_given)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    char folder[] = "/tmp/hotpathd-test-XXXXXX", file[64];
    const char *chunk[] = { "chunk", NULL }, *rollout[] = { "rollout", NULL },
               *page[] = { "chunk?chunk.max=9", file, NULL };
    restart(listen_tcp, ok);
    expect_call(chunk, " \n{\"text\":\"x\"}", "POST /v1/chunk HTTP/1.1", "application/json");
    ck_assert_ptr_nonnull(strstr(server.request, "\r\n\r\n \n{\"text\":\"x\"}"));
    restart(listen_unix, ok);
    expect_call(chunk, "plain", "POST /v1/chunk HTTP/1.1", "text/plain");
    restart(listen_tcp, ok);
    expect_call(rollout, "", "GET /v1/rollout HTTP/1.1", NULL);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/page.md", folder);
    FILE *markdown = fopen(file, "w");
    fputs("{# title", markdown);
    fclose(markdown);
    restart(listen_tcp, ok);
    expect_call(page, "", "POST /v1/chunk?chunk.max=9 HTTP/1.1", "text/markdown");
    unlink(file);
    rmdir(folder);
}
END_TEST

START_TEST(call_prints_the_problem_and_fails)
{
    restart(
        listen_tcp, "HTTP/1.1 422 No\r\nContent-Length: 23\r\n\r\n{\"code\":\"out_of_range\"}\n");
    const char *argv[] = { "chunk", "--to", server.address, NULL };
    ck_assert_int_eq(run(hp_cli_call, argv, "{}", out, errors), 1);
    stop(&server);
    ck_assert_str_eq(out, "{\"code\":\"out_of_range\"}\n");
    ck_assert_ptr_nonnull(strstr(errors, "answered 422"));
    ck_assert_int_eq(run(hp_cli_call, argv, "{}", out, errors), 1);
    ck_assert_str_eq(out, "");
    ck_assert_ptr_nonnull(strstr(errors, "refused"));
    const char *missing[] = { "chunk", "/nonexistent/file", NULL };
    ck_assert_int_eq(run(hp_cli_call, missing, "", out, errors), 1);
    ck_assert_ptr_nonnull(strstr(errors, "/nonexistent/file: No such file"));
}
END_TEST

START_TEST(call_refuses_a_wrong_use)
{
    static const char *wrong[][5] = { { NULL }, { "a b", NULL }, { "chunk\r\nX: y", NULL },
        { "chunk", "--to", NULL }, { "chunk", "--from", "x", NULL }, { "chunk", "f", "g", NULL },
        { "", NULL } };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(run(hp_cli_call, wrong[i], "", out, errors), 64);
        ck_assert_str_eq(out, "");
        ck_assert(strncmp(errors, "usage: ", 7) == 0 && strchr(errors, '\n')[1] == '\0');
    }
}
END_TEST

TESTS("cli", sends_the_request_and_reads_the_reply_in_pieces_over_both_kinds_of_socket,
    takes_an_address_as_a_url, reads_to_the_end_where_there_is_no_length,
    sends_a_body_larger_than_the_socket_buffers,
    reads_a_refusal_that_comes_before_the_body_was_read, tells_what_went_wrong,
    gives_up_on_a_server_that_says_nothing, refuses_a_reply_beyond_its_memory,
    tells_that_nothing_listens_and_that_an_address_is_none, a_reply_is_whole_only_at_its_last_byte,
    malformed_replies_are_refused, health_tells_by_its_exit_code, call_sends_what_it_was_given,
    call_prints_the_problem_and_fails, call_refuses_a_wrong_use)
