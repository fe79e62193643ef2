// random.h -- numbers drawn by chance, the same ones in every run.
#pragma once

#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint32_t random_below(struct random *random, uint32_t limit)
{
    random->state = random->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random->state >> 33) % limit);
}
