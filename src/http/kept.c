// kept.c -- exchanges: made, freed, and a few kept, so that a small request asks malloc for
// nothing.
#include "http/exchange_parts.h"

#include <stddef.h>
#include <stdlib.h>

enum {
    SPARE_BYTES = 256 << 10, // a target and headers of at most 32 KiB, and a small reply
    KEPT_EXCHANGES = 64
};

// All of it is zero but its room and its head.
static struct hp_exchange *take_kept(struct hp_loop *loop)
{
    struct hp_exchange *x = loop->kept_exchanges;
    if (!x)
        return calloc(1, sizeof *x);
    loop->kept_exchanges = x->next_kept;
    loop->kept_count--;
    memset(x, 0, offsetof(struct hp_exchange, head));
    return x;
}

struct hp_exchange *hp_exchange_new(struct hp_loop *loop)
{
    struct hp_server *server = loop->server;
    struct hp_exchange *x = take_kept(loop);
    if (!x)
        return NULL;
    x->loop = loop;
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
    struct hp_loop *loop = x->loop;
    hp_lines_drop(&x->lines);
    hp_bypass_end(&x->bypass);
    hp_chunked_end(&x->chunked);
    hp_arena_done(&x->arena);
    hp_arena_done(&x->spare);
    hp_config_free(x->config);
    if (loop->kept_count >= KEPT_EXCHANGES) {
        free(x);
        return;
    }
    x->next_kept = loop->kept_exchanges;
    loop->kept_exchanges = x;
    loop->kept_count++;
}

void hp_exchange_free_kept(struct hp_loop *loop)
{
    for (struct hp_exchange *x = loop->kept_exchanges, *next; x; x = next) {
        next = x->next_kept;
        free(x);
    }
    loop->kept_exchanges = NULL;
}

hp_str hp_exchange_keep(struct hp_exchange *x, hp_str s)
{
    char *copy = hp_arena_text(&x->spare, s);
    return (hp_str){ copy ? copy : "", copy ? s.len : 0 };
}
