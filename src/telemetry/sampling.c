// sampling.c -- two counts that begin anew with each second.
#include "telemetry/sampling.h"

enum { NS_PER_S = 1000000000, SUCCESS_SHARE = 10 };

static uint64_t successes_allowed(const struct hp_sampling *sampling)
{
    uint64_t share = sampling->lines_per_second / SUCCESS_SHARE;
    return share ? share : 1;
}

enum hp_verdict hp_sampling_take(struct hp_sampling *sampling, uint64_t now_ns, bool failure)
{
    uint64_t second = now_ns / NS_PER_S;
    if (second != sampling->second) {
        sampling->second = second;
        sampling->lines = sampling->successes = 0;
    }
    if (!failure && sampling->successes >= successes_allowed(sampling))
        return HP_SKIP_IT;
    if (sampling->lines >= sampling->lines_per_second)
        return failure ? HP_DROP_IT : HP_SKIP_IT;
    sampling->lines++;
    sampling->successes += !failure;
    return HP_LOG_IT;
}
