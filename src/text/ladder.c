// ladder.c -- edges by rank, and the clusters between them as a map of bits.
#include "text/ladder.h"

static size_t number(const struct hp_rung *rung, size_t i)
{
    return rung->edge ? rung->edge[i] : i;
}

static uint32_t number_or_none(const struct hp_rung *rung, size_t i)
{
    return i < rung->count ? (uint32_t)number(rung, i) : HP_NO_EDGE;
}

static bool rung_fill(
    struct hp_rung *rung, const struct hp_edges *edges, int rank, struct hp_arena *arena)
{
    uint32_t *out = HP_NEW_RAW(arena, uint32_t, rung->count);
    if (!out)
        return false;
    rung->edge = out;
    for (size_t i = 0; i < edges->count; i++)
        if (edges->edge[i].rank >= rank)
            *out++ = (uint32_t)i;
    return true;
}

enum hp_code hp_ladder_init(struct hp_ladder *ladder, hp_str text, const struct hp_edges *edges,
    struct hp_arena *arena, struct hp_fault *fault)
{
    *ladder = (struct hp_ladder){ .text = text, .edges = edges, .arena = arena };
    for (size_t i = 0; i < edges->count; i++)
        ladder->rung[edges->edge[i].rank].count++;
    for (int rank = HP_EDGE_DOCUMENT; rank > HP_EDGE_WORD; rank--)
        ladder->rung[rank - 1].count += ladder->rung[rank].count;
    for (int rank = HP_EDGE_CLAUSE; rank < HP_EDGES; rank++)
        if (!rung_fill(&ladder->rung[rank], edges, rank, arena))
            return hp_no_memory(arena, fault);
    ladder->starts = ladder->rung[HP_EDGE_WORD];
    return HP_OK;
}

// Moves the rung's cursor to its first edge with at > `place`.
static size_t seek(struct hp_ladder *ladder, struct hp_rung *rung, size_t place)
{
    const struct hp_edge *edge = ladder->edges->edge;
    size_t i = rung->cursor;
    while (i < rung->count && edge[number(rung, i)].at <= place)
        i++;
    while (i > 0 && edge[number(rung, i - 1)].at > place)
        i--;
    return rung->cursor = i;
}

uint32_t hp_ladder_last(struct hp_ladder *ladder, int rank, size_t place)
{
    size_t i = seek(ladder, &ladder->rung[rank], place);
    return i > 0 ? (uint32_t)number(&ladder->rung[rank], i - 1) : HP_NO_EDGE;
}

uint32_t hp_ladder_after(struct hp_ladder *ladder, int rank, size_t place)
{
    return number_or_none(&ladder->rung[rank], seek(ladder, &ladder->rung[rank], place));
}

uint32_t hp_ladder_start(struct hp_ladder *ladder, size_t place)
{
    const struct hp_edge *edge = ladder->edges->edge;
    struct hp_rung *rung = &ladder->starts;
    size_t i = rung->cursor;
    while (i < rung->count && edge[i].next < place)
        i++;
    while (i > 0 && edge[i - 1].next >= place)
        i--;
    rung->cursor = i;
    return number_or_none(rung, i);
}

enum { WORD_BITS = 64 };

enum hp_code hp_ladder_mark(
    struct hp_ladder *ladder, size_t from, size_t to, struct hp_fault *fault)
{
    const struct hp_edges *edges = ladder->edges;
    if (!ladder->cluster)
        ladder->cluster = HP_NEW(ladder->arena, uint64_t, ladder->text.len / WORD_BITS + 1);
    if (!ladder->cluster)
        return hp_no_memory(ladder->arena, fault);
    size_t at = ladder->clusters_to < from ? from : ladder->clusters_to;
    while (at < to && ladder->piece < edges->count) {
        const struct hp_edge *piece = &edges->edge[ladder->piece];
        size_t end = at < piece->at ? hp_grapheme_end(ladder->text, at) : piece->at;
        if (end >= piece->at) {
            at = at < piece->next ? piece->next : at;
            ladder->piece++;
            continue;
        }
        ladder->cluster[end / WORD_BITS] |= 1ull << end % WORD_BITS;
        at = end;
    }
    ladder->clusters_to = at;
    return HP_OK;
}

size_t hp_ladder_cluster_last(const struct hp_ladder *ladder, size_t low, size_t high)
{
    size_t i = high / WORD_BITS;
    uint64_t bits = ladder->cluster[i] & ~0ull >> (WORD_BITS - 1 - high % WORD_BITS);
    while (!bits && i * WORD_BITS > low)
        bits = ladder->cluster[--i];
    size_t at = bits ? i * WORD_BITS + WORD_BITS - 1 - (size_t)__builtin_clzll(bits) : 0;
    return at > low ? at : 0;
}

size_t hp_ladder_cluster_first(const struct hp_ladder *ladder, size_t low, size_t high)
{
    size_t i = low / WORD_BITS;
    uint64_t bits = ladder->cluster[i] & ~0ull << low % WORD_BITS;
    while (!bits && (i + 1) * WORD_BITS < high)
        bits = ladder->cluster[++i];
    size_t at = bits ? i * WORD_BITS + (size_t)__builtin_ctzll(bits) : 0;
    return at < high ? at : 0;
}
