// ladder.h -- the edges of a text by rank: a list of those of lines and above, the finer ones as
// they are asked for.
#pragma once

#include "text/fine.h"

struct hp_rung {
    const uint32_t *edge; // numbers of edges; NULL: all of them
    size_t count;
    size_t cursor; // where the last search ended
};

struct hp_ladder {
    hp_str text;
    struct hp_edges lines;
    struct hp_rung rung[HP_EDGES]; // HP_EDGE_LINE and above
    struct hp_fine fine;
    struct hp_edge gap; // the last one that was looked at below line rank
    struct hp_arena *arena;
};

// 0 lines where the text is blank: there is nothing to ask then.
HP_MUST_USE enum hp_code hp_ladder_init(struct hp_ladder *ladder, hp_str text,
    const struct hp_structure *structure, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_fault *fault);

// Takes what memory the ranks below HP_EDGE_LINE need, that of GRAPHEME included or not. Once.
HP_MUST_USE enum hp_code hp_ladder_open(
    struct hp_ladder *ladder, bool graphemes, struct hp_fault *fault);

// The last edge of at least `rank` in (low, place]. Of clusters those inside words.
bool hp_ladder_last(
    struct hp_ladder *ladder, int rank, size_t low, size_t place, struct hp_edge *edge);

// Where the first edge of at least `rank` behind `place` is; 0 where there is none up to `limit`.
size_t hp_ladder_after(struct hp_ladder *ladder, int rank, size_t place, size_t limit);

// The edge at `at`, if one of at least HP_EDGE_WORD is there.
bool hp_ladder_at(struct hp_ladder *ladder, size_t at, struct hp_edge *edge);
