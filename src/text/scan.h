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

// A set of ASCII bytes, and of pairs of neighbours: up to eight classes of leads, each with the
// bytes that may follow. What was added is in, and some more pairs may be: of the bytes that follow
// a class of leads only the high halves and the low halves are known.
struct hp_pairs {
    uint8_t one_high[16], one_low[16];
    uint8_t lead_high[16], lead_low[16];
    uint8_t next_high[16], next_low[16];
    uint8_t first[8], last[8], classes; // leads of each class
};

void hp_pairs_add_byte(struct hp_pairs *set, unsigned char byte);
// Both leads have the same high half; leads are added in the same ranges always, or in disjoint
// ones.
void hp_pairs_add(struct hp_pairs *set, unsigned char lead_first, unsigned char lead_last,
    unsigned char next_first, unsigned char next_last);

static inline bool hp_pairs_has(const struct hp_pairs *set, unsigned char byte, unsigned char next)
{
    unsigned one = set->one_high[byte >> 4] & set->one_low[byte & 15];
    unsigned lead = set->lead_high[byte >> 4] & set->lead_low[byte & 15];
    return one | (lead & set->next_high[next >> 4] & set->next_low[next & 15]);
}

// The first place in s[at, stop) of a byte that is in, or that is in with the byte behind it (also
// where that one lies at or behind `stop`); `stop` where there is none.
size_t hp_scan_pairs(hp_str s, size_t at, size_t stop, const struct hp_pairs *set);
size_t hp_scan_pairs_plain(hp_str s, size_t at, size_t stop, const struct hp_pairs *set);

// A walk over the places of s[.., stop) that are in: hp_scan_pairs, with a bit map of what lies
// ahead. `s`, `stop` and `set` are given, the rest is zero at first.
enum { HP_LANE = 64, HP_LANES = 8 };

struct hp_hits {
    hp_str s;
    size_t stop;
    const struct hp_pairs *set;
    size_t base, lanes; // mask[0, lanes) is of the bytes from `base` on
    unsigned some;      // the lanes that hold any
    uint64_t mask[HP_LANES];
};

// Fills the map from `at` on.
void hp_hits_fill(struct hp_hits *hits, size_t at);

// The first place at or behind `at`, which never goes back; where there is none `stop`, or `at`
// where that lies behind.
static inline size_t hp_hits_next(struct hp_hits *hits, size_t at)
{
    size_t from = at;
    while (at < hits->stop) {
        size_t lane = (at - hits->base) / HP_LANE;
        if (lane >= hits->lanes) {
            hp_hits_fill(hits, at);
            lane = 0;
        }
        uint64_t mask = hits->mask[lane] >> (at - hits->base) % HP_LANE;
        if (mask)
            return at + (size_t)__builtin_ctzll(mask);
        unsigned ahead = hits->some >> lane >> 1;
        if (ahead) {
            lane += 1 + (size_t)__builtin_ctz(ahead);
            return hits->base + lane * HP_LANE + (size_t)__builtin_ctzll(hits->mask[lane]);
        }
        at = hits->base + hits->lanes * HP_LANE;
    }
    return from > hits->stop ? from : hits->stop;
}
