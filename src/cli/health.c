// health.c -- `hotpathd health [ADDR]`: asks the admin socket whether the daemon is ready, for
// container health checks that have no curl.
#include "cli/cli.h"
#include "base/client.h"
#include "base/places.h"

#include <stdio.h>

enum { REPLY_MAX = 1 << 20, CONNECT_MS = 1000, TOTAL_MS = 2000 };

static int ask(const char *address, struct hp_arena *arena)
{
    struct hp_client_request request = { .address = address,
        .method = "GET",
        .target = "/readyz",
        .connect_ms = CONNECT_MS,
        .total_ms = TOTAL_MS };
    struct hp_client_problem problem;
    struct hp_reply reply;
    if (!hp_client_call(&request, arena, &reply, &problem)) {
        fprintf(stderr, "hotpathd health: %s\n", problem.text);
        return HP_EXIT_FAILED;
    }
    fwrite(reply.body.ptr, 1, reply.body.len, stdout);
    if (reply.status == 200)
        return HP_EXIT_OK;
    fprintf(stderr, "hotpathd health: %s: not ready (%d)\n", address, reply.status);
    return HP_EXIT_FAILED;
}

int hp_cli_health(int argc, char **argv)
{
    if (argc > 1 || (argc == 1 && argv[0][0] == '-')) {
        fprintf(stderr, "usage: hotpathd health [HOST:PORT | unix:PATH]\n");
        return HP_EXIT_USAGE;
    }
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, REPLY_MAX);
    int code = ask(argc ? argv[0] : HP_ADMIN_ADDRESS, &arena);
    hp_arena_done(&arena);
    return code;
}
