// scan.h -- finds the next byte that belongs to a set, a register at a time.
#pragma once

#include "hotpathd/str.h"

// Any set of bytes: bit (byte >> 4 & 7) of row[byte >> 7][byte & 15] says whether it is in.
struct hp_bytes {
    uint8_t row[2][16];
};

static inline bool hp_bytes_has(const struct hp_bytes *set, unsigned char byte)
{
    return set->row[byte >> 7][byte & 15] >> (byte >> 4 & 7) & 1;
}

struct hp_bytes hp_bytes_of(hp_str members);

// Where the first byte of the set at or behind `at` stands; s.len where there is none.
size_t hp_scan(hp_str s, size_t at, const struct hp_bytes *set);
size_t hp_scan_plain(hp_str s, size_t at, const struct hp_bytes *set);
