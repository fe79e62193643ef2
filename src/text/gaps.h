// gaps.h -- what edges.c, lines.c and fine.c share. The text is a row of pieces (words of UAX #29,
// clusters kept whole) with gaps of blanks between them, often empty ones: a chunk may end where a
// gap begins and start where one ends. What stands in a gap, and around it, is its rank.
#pragma once

#include "text/breaks.h"

struct hp_gap {
    size_t at, end;
    unsigned lines; // line ends in it
    bool page;      // a form feed too
};

// The blanks from `at` on. A blank that carries marks is a cluster of another kind, and ends the
// gap.
struct hp_gap hp_gap_at(hp_str s, size_t at);

// The gap behind the piece that starts at `piece`, found while there is time: behind the deadline
// it is anywhere in the piece.
struct hp_gap hp_gap_behind(hp_str s, size_t piece, const struct hp_deadline *deadline);

// Where the gap begins that reaches to `end`, which is a line end's place or s.len: the end of the
// last non-blank cluster before it; 0 where there is none.
size_t hp_gap_start(hp_str s, size_t end);

// HP_EDGE_LINE and above by the blanks of the gap alone; HP_EDGE_WORD where they say nothing.
enum hp_boundary hp_gap_rank(const struct hp_gap *gap);

// What stands before a gap: the last character that is no closing quote or bracket.
struct hp_sign {
    uint32_t code_point;
    size_t at;
    const struct hp_break *row;
};

struct hp_sign hp_sign_before(hp_str s, size_t end);

// A sentence ends in this gap: UAX #29 `breaks` one there, and nothing that it does not know of
// speaks against it. `start` is where the sentence began.
bool hp_gap_ends_sentence(
    hp_str s, const struct hp_gap *gap, const struct hp_sign *sign, bool breaks, size_t start);

bool hp_gap_ends_clause(hp_str s, const struct hp_gap *gap, const struct hp_sign *sign);

// Edges, as they are found.
struct hp_edge_list {
    struct hp_edge *edge;
    size_t count, room;
};

// Adds the edge that the gap makes; false where there is no memory. Grows by little: there may be
// as many edges as lines.
bool hp_edge_list_add(
    struct hp_edge_list *list, struct hp_arena *arena, const struct hp_gap *gap, int rank);
