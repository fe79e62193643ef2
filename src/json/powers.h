// powers.h -- powers of ten as 128 bits (src/json/gen/powers.py says what made them).
#pragma once

#include <stdint.h>

enum { HP_POWER_FIRST = -292, HP_POWER_LAST = 324 };

// 10^k is exactly, or a little less than, the whole number * 2^(floor(log2(10^k)) - 127).
struct hp_power {
    uint64_t high, low;
};

extern const struct hp_power hp_powers[]; // from 10^HP_POWER_FIRST on
