// sampling.h -- which requests get a line in the log. In each second: every failure until the cap
// is reached; of the successes the first, and no more than a tenth of the cap, so that failures
// find room.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum hp_verdict { HP_LOG_IT, HP_SKIP_IT, HP_DROP_IT }; // skipped: not chosen; dropped: no room

struct hp_sampling {
    uint64_t lines_per_second;
    uint64_t second; // the one that is counted in
    uint64_t lines, successes;
};

// `now_ns` never goes back by more than the second it is in.
enum hp_verdict hp_sampling_take(struct hp_sampling *sampling, uint64_t now_ns, bool failure);
