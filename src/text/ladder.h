// ladder.h -- the edges of a text by rank: for each rank those at or above it, and below the lowest
// of them the grapheme clusters inside words. Every search begins where the last one ended, so that
// a walk over the whole text costs what the text is long, wherever its chunks end.
#pragma once

#include "text/segment.h"

struct hp_rung {
    const uint32_t *edge; // numbers of edges; NULL: all of them
    size_t count;
    size_t cursor; // where the last search ended
};

struct hp_ladder {
    hp_str text;
    const struct hp_edges *edges;
    struct hp_rung rung[HP_EDGES]; // HP_EDGE_WORD and above
    struct hp_rung starts;         // HP_EDGE_WORD again, for searches by `next`
    uint64_t
        *cluster; // a bit for each byte where one ends inside a word; NULL until one is asked for
    size_t clusters_to; // what is marked so far
    size_t piece;       // number of the edge that ends the piece in which that is
    struct hp_arena *arena;
};

#define HP_NO_EDGE UINT32_MAX

HP_MUST_USE enum hp_code hp_ladder_init(struct hp_ladder *ladder, hp_str text,
    const struct hp_edges *edges, struct hp_arena *arena, struct hp_fault *fault);

// Number of the last edge of at least `rank` with at <= `place`; HP_NO_EDGE where there is none.
uint32_t hp_ladder_last(struct hp_ladder *ladder, int rank, size_t place);

// Number of the first edge of at least `rank` with at > `place`.
uint32_t hp_ladder_after(struct hp_ladder *ladder, int rank, size_t place);

// Number of the first edge with next >= `place`.
uint32_t hp_ladder_start(struct hp_ladder *ladder, size_t place);

// Marks the clusters of `from`, an edge of one, to `to`. Before the two below.
HP_MUST_USE enum hp_code hp_ladder_mark(
    struct hp_ladder *ladder, size_t from, size_t to, struct hp_fault *fault);

// The last end of a cluster inside a word that is above `low` and at most `high`, and the first
// that is at least `low` and below `high`; 0 where there is none.
size_t hp_ladder_cluster_last(const struct hp_ladder *ladder, size_t low, size_t high);
size_t hp_ladder_cluster_first(const struct hp_ladder *ladder, size_t low, size_t high);
