// unicode_data.h -- the generated tables behind unicode.h and normalize.h (src/text/gen/unicode.py
// says what made them). Two stages: a block number for every 128 code points, and equal blocks
// stored once.
#pragma once

#include "text/scan.h"

enum { HP_BLOCK_BITS = 7, HP_BLOCK_MASK = (1 << HP_BLOCK_BITS) - 1 };

// One byte a code point.
enum {
    HP_BITS_CATEGORY = 0x0f, // enum hp_category
    HP_BITS_NFC = 0x10,      // may change under NFC, by itself or with what stands before it
    HP_BITS_NFKC = 0x20      // the same for NFKC
};

extern const uint16_t hp_bits_block[];
extern const uint8_t hp_bits[];

static inline uint8_t hp_bits_of(uint32_t code_point)
{
    return hp_bits[hp_bits_block[code_point >> HP_BLOCK_BITS] << HP_BLOCK_BITS |
                   (code_point & HP_BLOCK_MASK)];
}

// What normalization needs of a code point.
enum {
    HP_NORM_BACKWARD =
        1, // its decomposition begins with something that joins what stands before it
    HP_NORM_BACKWARD_K = 2, // so does its compatibility decomposition
    HP_NORM_QUICK = 4,      // NFC_Quick_Check is not Yes
    HP_NORM_QUICK_K = 8     // NFKC_Quick_Check is not Yes
};

struct hp_norm {
    uint16_t
        canonical; // place of the full decomposition in the pool: its length, then code points with
    uint16_t compatible; // their combining class in the top byte; 0: stands for itself
    uint16_t composes; // place of the pairs that it begins: their number, then (second, composite)
    uint8_t ccc;       // Canonical_Combining_Class
    uint8_t flags;
};

extern const uint16_t hp_norm_block[];
extern const uint16_t hp_norm_index[];
extern const struct hp_norm hp_norm[];
extern const uint32_t hp_norm_pool[];

static inline const struct hp_norm *hp_norm_of(uint32_t code_point)
{
    return &hp_norm[hp_norm_index[hp_norm_block[code_point >> HP_BLOCK_BITS] << HP_BLOCK_BITS |
                                  (code_point & HP_BLOCK_MASK)]];
}

// The first two bytes of the code points with HP_BITS_NFC, with HP_BITS_NFKC.
extern const struct hp_pairs hp_pairs_nfc, hp_pairs_nfkc;
