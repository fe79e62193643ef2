// casefold_data.h -- the generated tables behind casefold.h (src/text/gen/casefold.py says what
// made them). Two stages: a block number for every 128 code points, and equal blocks stored once.
#pragma once

#include <stdint.h>

enum {
    HP_FOLD_BLOCK_BITS = 7,
    HP_FOLD_BLOCK_MASK = (1 << HP_FOLD_BLOCK_BITS) - 1,
    HP_FOLD_UNSPACED = 0x8000, // of a script that is written without spaces
    HP_FOLD_UNIT = 4           // bytes; places in the pool are counted in them
};

extern const uint16_t hp_fold_block[];
extern const uint16_t hp_fold_value[]; // HP_FOLD_UNSPACED, and the place in the pool (0: itself)
extern const uint8_t hp_fold_pool[];   // at each place a length, then so many bytes of UTF-8

static inline uint16_t hp_fold_of(uint32_t code_point)
{
    return hp_fold_value[hp_fold_block[code_point >> HP_FOLD_BLOCK_BITS] << HP_FOLD_BLOCK_BITS |
                         (code_point & HP_FOLD_BLOCK_MASK)];
}
