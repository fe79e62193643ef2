// ladder.c -- the coarse edges in lists by rank, searched from where the last search ended.
#include "text/ladder.h"

#include "text/gaps.h"
#include "text/lines.h"

static const struct hp_edge *edge_of(const struct hp_ladder *ladder, int rank, size_t i)
{
    const struct hp_rung *rung = &ladder->rung[rank];
    return &ladder->lines.edge[rung->edge ? rung->edge[i] : i];
}

enum { EDGES_BETWEEN_CHECKS = 16 << 10, EDGES_WORTH_A_LOOK = 1 << 10 };

// Where a walk over the edges from `i` on, if it has the time for it, looks at the deadline again.
static enum hp_code look(const struct hp_edges *edges, size_t i, size_t *stop,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    size_t left = edges->count - i;
    *stop = i + (left < EDGES_BETWEEN_CHECKS ? left : EDGES_BETWEEN_CHECKS);
    return left < EDGES_WORTH_A_LOOK ? HP_OK : hp_deadline_check(deadline, fault);
}

static enum hp_code count_ranks(
    struct hp_ladder *ladder, const struct hp_deadline *deadline, struct hp_fault *fault)
{
    const struct hp_edges *lines = &ladder->lines;
    for (size_t i = 0, stop; i < lines->count;) {
        HP_TRY(look(lines, i, &stop, deadline, fault));
        for (; i < stop; i++)
            ladder->rung[lines->edge[i].rank].count++;
    }
    for (int rank = HP_EDGE_DOCUMENT; rank > HP_EDGE_LINE; rank--)
        ladder->rung[rank - 1].count += ladder->rung[rank].count;
    return HP_OK;
}

static enum hp_code rung_fill(
    struct hp_ladder *ladder, int rank, const struct hp_deadline *deadline, struct hp_fault *fault)
{
    const struct hp_edges *edges = &ladder->lines;
    uint32_t *out = HP_NEW_RAW(ladder->arena, uint32_t, ladder->rung[rank].count);
    if (!out)
        return hp_no_memory(ladder->arena, fault);
    ladder->rung[rank].edge = out;
    for (size_t i = 0, stop; i < edges->count;) {
        HP_TRY(look(edges, i, &stop, deadline, fault));
        for (; i < stop; i++)
            if (edges->edge[i].rank >= rank)
                *out++ = (uint32_t)i;
    }
    return HP_OK;
}

enum hp_code hp_ladder_init(struct hp_ladder *ladder, hp_str text,
    const struct hp_structure *structure, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    *ladder = (struct hp_ladder){ .text = text, .arena = arena };
    HP_TRY(hp_lines_find(text, structure, arena, deadline, &ladder->lines, fault));
    const struct hp_edges *lines = &ladder->lines;
    if (lines->count == 0)
        return HP_OK;
    HP_TRY(count_ranks(ladder, deadline, fault));
    for (int rank = HP_EDGE_PARAGRAPH; rank < HP_EDGES; rank++)
        HP_TRY(rung_fill(ladder, rank, deadline, fault));
    size_t end = lines->edge[lines->count - 1].at;
    return hp_fine_init(&ladder->fine, text, structure, lines->first, end, arena, deadline, fault);
}

enum hp_code hp_ladder_open(struct hp_ladder *ladder, bool graphemes, struct hp_fault *fault)
{
    return hp_fine_open(&ladder->fine, graphemes, fault);
}

enum { STEPS = 8 };

static size_t bisect(const struct hp_ladder *ladder, int rank, size_t place)
{
    size_t low = 0, high = ladder->rung[rank].count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (edge_of(ladder, rank, middle)->at <= place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Moves the rung's cursor to its first edge with at > `place`.
static size_t seek(struct hp_ladder *ladder, int rank, size_t place)
{
    struct hp_rung *rung = &ladder->rung[rank];
    size_t i = rung->cursor, steps = 0;
    while (i < rung->count && steps < STEPS && edge_of(ladder, rank, i)->at <= place)
        i++, steps++;
    while (i > 0 && steps < STEPS && edge_of(ladder, rank, i - 1)->at > place)
        i--, steps++;
    return rung->cursor = steps < STEPS ? i : bisect(ladder, rank, place);
}

static bool line_at(struct hp_ladder *ladder, size_t at, struct hp_edge *edge)
{
    size_t i = seek(ladder, HP_EDGE_LINE, at);
    if (i == 0 || edge_of(ladder, HP_EDGE_LINE, i - 1)->at != at)
        return false;
    *edge = *edge_of(ladder, HP_EDGE_LINE, i - 1);
    return true;
}

static struct hp_edge fine_at(struct hp_ladder *ladder, size_t at)
{
    if (ladder->gap.at != at)
        ladder->gap = (struct hp_edge){ (uint32_t)at, (uint32_t)hp_gap_at(ladder->text, at).end,
            (uint8_t)hp_fine_rank(&ladder->fine, at) };
    return ladder->gap;
}

bool hp_ladder_last(
    struct hp_ladder *ladder, int rank, size_t low, size_t place, struct hp_edge *edge)
{
    if (rank >= HP_EDGE_LINE) {
        size_t i = seek(ladder, rank, place);
        if (i == 0)
            return false;
        *edge = *edge_of(ladder, rank, i - 1);
        return edge->at > low;
    }
    size_t at = hp_fine_last(&ladder->fine, rank, low, place);
    if (at == 0)
        return false;
    if (rank == HP_EDGE_GRAPHEME)
        *edge = (struct hp_edge){ (uint32_t)at, (uint32_t)at, HP_EDGE_GRAPHEME };
    else if (!line_at(ladder, at, edge))
        *edge = fine_at(ladder, at);
    return true;
}

size_t hp_ladder_after(struct hp_ladder *ladder, int rank, size_t place, size_t limit)
{
    size_t at = rank < HP_EDGE_LINE ? hp_fine_after(&ladder->fine, rank, place, limit) : 0;
    if (at > 0)
        return at;
    int coarse = rank < HP_EDGE_LINE ? HP_EDGE_DOCUMENT : rank;
    size_t i = seek(ladder, coarse, place);
    at = i < ladder->rung[coarse].count ? edge_of(ladder, coarse, i)->at : 0;
    return at <= limit ? at : 0;
}

bool hp_ladder_at(struct hp_ladder *ladder, size_t at, struct hp_edge *edge)
{
    if (line_at(ladder, at, edge))
        return true;
    if (hp_fine_last(&ladder->fine, HP_EDGE_WORD, at - 1, at) != at)
        return false;
    *edge = fine_at(ladder, at);
    return true;
}
