// kept.c -- exchanges: made, freed, and a few kept, so that a small request asks malloc for
// nothing.
#include "http/exchange_parts.h"

#include <stddef.h>
#include <stdlib.h>

enum {
    SPARE_BYTES = 256 << 10, // a target and headers of at most 32 KiB, and a small reply
    KEPT_EXCHANGES = 64
};

// All of it is zero but the room.
static struct hp_exchange *take_kept(struct hp_server *server)
{
    struct hp_exchange *x = server->kept_exchanges;
    if (!x)
        return calloc(1, sizeof *x);
    server->kept_exchanges = x->next_kept;
    server->kept_count--;
    memset(x, 0, offsetof(struct hp_exchange, room));
    return x;
}

struct hp_exchange *hp_exchange_new(struct hp_server *server)
{
    struct hp_exchange *x = take_kept(server);
    if (!x)
        return NULL;
    x->server = server;
    x->fault = HP_FAULT_NONE;
    x->job.place = HP_NO_PLACE;
    hp_arena_init(&x->arena, &server->memory, server->memory.limit);
    hp_arena_init(&x->spare, NULL, SPARE_BYTES);
    hp_arena_lend(&x->spare, x->room, sizeof x->room);
    return x;
}

void hp_exchange_free(struct hp_exchange *x)
{
    struct hp_server *server = x->server;
    hp_unread_end(&x->unread);
    hp_arena_done(&x->arena);
    hp_arena_done(&x->spare);
    hp_config_free(x->config);
    if (server->kept_count >= KEPT_EXCHANGES) {
        free(x);
        return;
    }
    x->next_kept = server->kept_exchanges;
    server->kept_exchanges = x;
    server->kept_count++;
}

void hp_exchange_free_kept(struct hp_server *server)
{
    for (struct hp_exchange *x = server->kept_exchanges, *next; x; x = next) {
        next = x->next_kept;
        free(x);
    }
    server->kept_exchanges = NULL;
}

hp_str hp_exchange_keep(struct hp_exchange *x, hp_str s)
{
    char *copy = hp_arena_text(&x->spare, s);
    return (hp_str){ copy ? copy : "", copy ? s.len : 0 };
}
