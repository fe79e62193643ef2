// storm.c -- callers that come again as soon as they are refused take the processor from the work
// that others wait for: they are answered a little later.
#include "http/exchange_parts.h"

enum {
    STORM_MS = 100, // more refusals than this within so long are a storm
    STORM_REFUSALS = 100,
    PARK_MS = 3
};

bool hp_storm_has_come(struct hp_loop *loop)
{
    uint64_t now = hp_now_ns();
    if (now - loop->refused_since_ns > (uint64_t)STORM_MS * HP_NS_PER_MS) {
        loop->refused_since_ns = now;
        loop->refused = 0;
    }
    return ++loop->refused > STORM_REFUSALS;
}

// Its memory is given back first.
void hp_exchange_park(struct hp_exchange *x, struct MHD_Connection *connection)
{
    hp_exchange_unwatch(x);
    hp_arena_done(&x->arena);
    hp_peer_expect(x->peer, HP_PEER_PARKED, hp_now_ns() + (uint64_t)PARK_MS * HP_NS_PER_MS);
    MHD_suspend_connection(connection);
}
