// call.c -- `hotpathd call ROUTE [FILE] [--to ADDR]`: one request from a file or standard input to
// the running daemon, the reply to standard output.
#include "cli/cli.h"
#include "base/client.h"
#include "base/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// The time is above every deadline that a route grants: it ends a call to something that hangs.
enum { MEMORY_MAX = 1 << 30, TARGET_MAX = 512, CONNECT_MS = 1000, TOTAL_MS = 60000 };

struct arguments {
    const char *route, *file, *to; // file, to: NULL where absent
};

static bool read_arguments(int argc, char **argv, struct arguments *out)
{
    for (int i = 0; i < argc; i++) {
        bool option = argv[i][0] == '-' && argv[i][1];
        if (option && strcmp(argv[i], "--to") == 0 && i + 1 < argc && !out->to)
            out->to = argv[++i];
        else if (!option && !out->route)
            out->route = argv[i];
        else if (!option && !out->file)
            out->file = argv[i];
        else
            return false;
    }
    return out->route;
}

// What can stand in a request line; options of a raw document may follow: chunk?chunk.max=100
static bool is_route(const char *route)
{
    for (const char *at = route; *at; at++)
        if (*at <= ' ' || *at >= 0x7f || *at == '#')
            return false;
    return *route && strlen(route) < TARGET_MAX - sizeof "/v1/";
}

static const char *default_address(void)
{
    struct stat found;
    const char *url = getenv("HOTPATHD_URL");
    if (url && *url)
        return url;
    bool there = stat(HP_DATA_SOCKET, &found) == 0 && S_ISSOCK(found.st_mode);
    return there ? "unix:" HP_DATA_SOCKET : HP_DATA_ADDRESS;
}

// --- the body ------------------------------------------------------------------------------------

static void close_fd(const int *fd)
{
    if (*fd > STDIN_FILENO)
        close(*fd);
}

static bool fail(const char *what, const char *why)
{
    fprintf(stderr, "hotpathd call: %s: %s\n", what, why);
    return false;
}

static bool read_all(int fd, const char *name, struct hp_buf *out)
{
    enum { STEP = 64 << 10 };
    ssize_t got;
    do {
        if (!hp_buf_room(out, STEP))
            return fail(name, "too large");
        got = read(fd, out->ptr + out->len, STEP);
        if (got > 0)
            out->len += (size_t)got;
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0 || fail(name, strerror(errno));
}

// NULL and "-" are standard input.
static bool read_body(const char *file, struct hp_buf *out)
{
    bool from_file = file && strcmp(file, "-") != 0;
    __attribute__((cleanup(close_fd))) int fd =
        from_file ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (fd < 0)
        return fail(file, strerror(errno));
    return read_all(fd, from_file ? file : "standard input", out);
}

static const struct {
    const char *ending, *media_type;
} media_types[] = {
    { ".json", "application/json" },
    { ".md", "text/markdown" },
    { ".markdown", "text/markdown" },
    { ".html", "text/html" },
    { ".htm", "text/html" },
    { ".txt", "text/plain" },
};

static bool begins_with_brace(hp_str body)
{
    size_t at = 0;
    while (at < body.len && strchr(" \t\r\n", body.ptr[at]) && body.ptr[at])
        at++;
    return at < body.len && body.ptr[at] == '{';
}

// By the file's name; where that says nothing, by the first byte that is not blank.
static const char *media_type_of(const char *file, hp_str body)
{
    const char *ending = file ? strrchr(file, '.') : NULL;
    for (size_t i = 0; ending && i < sizeof media_types / sizeof *media_types; i++)
        if (strcmp(ending, media_types[i].ending) == 0)
            return media_types[i].media_type;
    return begins_with_brace(body) ? "application/json" : "text/plain";
}

// --- the call ------------------------------------------------------------------------------------

static bool print(hp_str body)
{
    fwrite(body.ptr, 1, body.len, stdout);
    if (body.len && body.ptr[body.len - 1] != '\n')
        putchar('\n');
    return fflush(stdout) == 0 || fail("standard output", strerror(errno));
}

static int send_request(const struct hp_client_request *request, struct hp_arena *arena)
{
    struct hp_client_problem problem;
    struct hp_reply reply;
    if (!hp_client_call(request, arena, &reply, &problem)) {
        fprintf(stderr, "hotpathd call: %s\n", problem.text);
        return HP_EXIT_FAILED;
    }
    if (!print(reply.body))
        return HP_EXIT_FAILED;
    if (reply.status / 100 == 2)
        return HP_EXIT_OK;
    fprintf(stderr, "hotpathd call: %s: answered %d\n", request->address, reply.status);
    return HP_EXIT_FAILED;
}

static int call(const struct arguments *arguments, struct hp_arena *arena)
{
    char target[TARGET_MAX];
    bool get = strcmp(arguments->route, "rollout") == 0;
    struct hp_buf body = hp_buf_in(arena);
    snprintf(target, sizeof target, "/v1/%s", arguments->route);
    if (!get && !read_body(arguments->file, &body))
        return HP_EXIT_FAILED;
    hp_str bytes = hp_buf_str(&body);
    struct hp_client_request request = { .address =
                                             arguments->to ? arguments->to : default_address(),
        .method = get ? "GET" : "POST",
        .target = target,
        .media_type = get ? NULL : media_type_of(arguments->file, bytes),
        .body = bytes,
        .connect_ms = CONNECT_MS,
        .total_ms = TOTAL_MS };
    return send_request(&request, arena);
}

int hp_cli_call(int argc, char **argv)
{
    struct arguments arguments = { NULL, NULL, NULL };
    if (!read_arguments(argc, argv, &arguments) || !is_route(arguments.route)) {
        fprintf(stderr, "usage: hotpathd call ROUTE [FILE] [--to HOST:PORT | unix:PATH]\n");
        return HP_EXIT_USAGE;
    }
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, MEMORY_MAX);
    int code = call(&arguments, &arena);
    hp_arena_done(&arena);
    return code;
}
