// chunk.c -- cuts a text at its edges. The rule, of the contract, with what had to be decided:
//
// * An end fits where the chunk's own size is at most `max`. What fits whole to the end of the
// document is the last
//   chunk. Else, from the highest rank down, the last edge of the rank (or above) that fits ends
//   the chunk if it leaves it at least half full. Clusters are edges too, the lowest. Where no rank
//   gives one, the highest rank that has an edge that fits gives its last. Where nothing fits, one
//   cluster is a chunk, over size.
// * `min`, or an eighth of max: where what lies behind the end is smaller, the same rule chooses
// again among the ends
//   that leave both sides at least so large, and that are behind the last chunk's. If none does,
//   the end stays.
// * The next chunk starts at the first word in this one from which the rest of this one is at most
// `overlap`, at the
//   first cluster of the last word where only that word is longer. If it would not end behind this
//   one, the next such place is tried; in the end that is the first non-blank behind this one.
// * With `min`: of two neighbours of which one is smaller, both become one chunk where that fits.
//
// Sizes in tokens may shrink as an end moves on. So a search begins at a place behind which nothing
// can fit and goes back; every size that decides is an exact count.
#include "text/ladder.h"
#include "text/measure.h"

struct cut {
    size_t end;
    size_t next;  // the first non-blank behind it
    uint8_t rank; // enum hp_boundary
    bool oversize;
};

// What the end of a chunk must keep to.
struct window {
    size_t start, far; // above start, at most far
    size_t after;      // above this too
    size_t least;      // size of the chunk
    size_t rest;       // size of what lies behind it
};

struct cutter {
    struct hp_measure measure;
    struct hp_ladder ladder;
    size_t max, overlap, min;
    size_t tail;  // the least that the last chunk should hold
    size_t slack; // of the measure
    size_t end;   // of the last edge
    const struct hp_deadline *deadline;
    struct hp_fault *fault;
};

// Once the deadline has passed nothing has a size: every search then ends at once, and the walk
// over the chunks asks the deadline next.
static size_t span(const struct cutter *cutter, size_t start, size_t end)
{
    if (hp_deadline_passed(cutter->deadline))
        return 0;
    return hp_measure_span(&cutter->measure, start, end);
}

// Bytes by which an end (or a start) that is `excess` over a limit must move at least: a byte is no
// more than one token or character.
static size_t leap(const struct cutter *cutter, size_t excess)
{
    return excess > cutter->slack + 1 ? excess - cutter->slack : 1;
}

// True where the window takes an end; else *place is where the next one can be. *size is the
// chunk's.
static bool takes(const struct cutter *cutter, const struct window *window, const struct cut *cut,
    size_t *place, size_t *size)
{
    size_t over = 0, from = cut->end;
    *size = span(cutter, window->start, cut->end);
    if (*size > cutter->max) {
        over = *size - cutter->max;
    } else if (window->rest > 0) {
        size_t rest = span(cutter, cut->next, cutter->end);
        over = rest < window->rest ? window->rest - rest : 0;
        from = cut->next;
    }
    size_t back = leap(cutter, over);
    *place = from > back ? from - back : 0;
    if (*place >= cut->end)
        *place = cut->end - 1;
    return over == 0;
}

static size_t floor_of(const struct window *window)
{
    return window->after > window->start ? window->after : window->start;
}

static bool half_full(const struct cutter *cutter, size_t size)
{
    return size * 2 >= cutter->max;
}

// The last end of at least `rank` at or before `place`, and above what the window starts with.
static bool end_before(
    struct cutter *cutter, const struct window *window, int rank, size_t place, struct cut *cut)
{
    size_t low = floor_of(window);
    if (rank == HP_EDGE_GRAPHEME) {
        size_t at = hp_ladder_cluster_last(&cutter->ladder, low, place);
        *cut = (struct cut){ .end = at, .next = at, .rank = HP_EDGE_GRAPHEME };
        return at > low;
    }
    uint32_t number = hp_ladder_last(&cutter->ladder, rank, place);
    if (number == HP_NO_EDGE)
        return false;
    const struct hp_edge *edge = &cutter->ladder.edges->edge[number];
    *cut = (struct cut){ .end = edge->at, .next = edge->next, .rank = edge->rank };
    return edge->at > low;
}

// The last of them that the window takes.
static bool end_taken(struct cutter *cutter, const struct window *window, int rank, size_t place,
    struct cut *cut, size_t *size)
{
    while (place > floor_of(window)) {
        if (!end_before(cutter, window, rank, place, cut))
            return false;
        if (takes(cutter, window, cut, &place, size)) {
            if (*size >= window->least)
                return true;
            if (*size + cutter->slack < window->least)
                return false;
            place = cut->end - 1;
        }
    }
    return false;
}

// The last of them that leaves the chunk half full, else the last. A shorter chunk may be the
// fuller one, in tokens, but only by the slack.
static bool end_of_rank(
    struct cutter *cutter, const struct window *window, int rank, struct cut *cut, size_t *size)
{
    if (!end_taken(cutter, window, rank, window->far, cut, size))
        return false;
    struct cut other = *cut;
    size_t other_size = *size;
    while (!half_full(cutter, other_size) && half_full(cutter, other_size + cutter->slack))
        if (!end_taken(cutter, window, rank, other.end - 1, &other, &other_size))
            return true;
    if (half_full(cutter, other_size)) {
        *cut = other;
        *size = other_size;
    }
    return true;
}

// The end that the rule chooses; *found = false where nothing fits.
static HP_MUST_USE enum hp_code choose(
    struct cutter *cutter, const struct window *window, struct cut *cut, bool *found)
{
    struct cut last;
    size_t size;
    *found = false;
    for (int rank = HP_EDGE_DOCUMENT; rank >= HP_EDGE_GRAPHEME; rank--) {
        if (rank == HP_EDGE_GRAPHEME)
            HP_TRY(hp_ladder_mark(&cutter->ladder, window->start, window->far, cutter->fault));
        if (!end_of_rank(cutter, window, rank, &last, &size))
            continue;
        bool full = rank == HP_EDGE_DOCUMENT || half_full(cutter, size);
        if (full || !*found)
            *cut = last;
        *found = true;
        if (full)
            break;
    }
    return HP_OK;
}

// One cluster alone, whatever its size.
static struct cut one_cluster(struct cutter *cutter, size_t start)
{
    const struct hp_edge *edges = cutter->ladder.edges->edge;
    const struct hp_edge *edge = &edges[hp_ladder_after(&cutter->ladder, HP_EDGE_WORD, start)];
    size_t end = hp_grapheme_end(cutter->measure.text, start);
    struct cut cut = { .end = end, .next = end, .oversize = true };
    if (end >= edge->at)
        cut = (struct cut){ edge->at, edge->next, edge->rank, true };
    return cut;
}

// Where what lies behind the cut is too small, cuts again so that both sides hold `tail`.
static enum hp_code share(struct cutter *cutter, struct window window, struct cut *cut)
{
    if (cutter->tail == 0 || cut->end == cutter->end || cut->oversize)
        return HP_OK;
    if (hp_measure_reach(&cutter->measure, cut->next, cutter->tail - 1) < cutter->end ||
        span(cutter, cut->next, cutter->end) >= cutter->tail)
        return HP_OK;
    struct cut other;
    bool found;
    window.least = window.rest = cutter->tail;
    HP_TRY(choose(cutter, &window, &other, &found));
    if (found)
        *cut = other;
    return HP_OK;
}

// The end of the chunk that starts at `start`, given where the last one ended.
static enum hp_code find_end(struct cutter *cutter, size_t start, size_t after, struct cut *cut)
{
    struct window window = { .start = start };
    bool found;
    window.far = hp_measure_reach(&cutter->measure, start, cutter->max);
    HP_TRY(choose(cutter, &window, cut, &found));
    if (!found)
        *cut = one_cluster(cutter, start);
    if (cut->end <= after)
        return HP_OK; // the caller starts elsewhere
    window.after = after;
    return share(cutter, window, cut);
}

// The first word from `low` on, below `end`, from which text[word, end) is at most `most`; `end`
// where there is none.
static size_t first_word(struct cutter *cutter, size_t low, size_t end, size_t most)
{
    while (low < end) {
        uint32_t number = hp_ladder_start(&cutter->ladder, low);
        size_t at = number == HP_NO_EDGE ? end : cutter->ladder.edges->edge[number].next;
        if (at >= end)
            break;
        size_t size = span(cutter, at, end);
        if (size <= most)
            return at;
        low = at + leap(cutter, size - most);
    }
    return end;
}

// The same for clusters inside the last word before `end`.
static size_t first_cluster(struct cutter *cutter, size_t low, size_t end, size_t most)
{
    while (low < end) {
        size_t at = hp_ladder_cluster_first(&cutter->ladder, low, end);
        if (at == 0)
            break;
        size_t size = span(cutter, at, end);
        if (size <= most)
            return at;
        low = at + leap(cutter, size - most);
    }
    return end;
}

// Where the chunk that follows text[start, cut->end) may start to overlap it by at most `overlap`:
// words, or clusters of the last word.
struct starts {
    bool words;
    size_t at; // cut->end: no more
};

static enum hp_code starts_first(
    struct cutter *cutter, size_t start, const struct cut *cut, struct starts *starts)
{
    starts->words = true;
    starts->at = first_word(cutter, start + 1, cut->end, cutter->overlap);
    if (starts->at < cut->end)
        return HP_OK;
    HP_TRY(hp_ladder_mark(&cutter->ladder, start, cut->end, cutter->fault));
    uint32_t number = hp_ladder_last(&cutter->ladder, HP_EDGE_WORD, cut->end - 1);
    size_t word = number == HP_NO_EDGE ? 0 : cutter->ladder.edges->edge[number].next;
    starts->words = false;
    starts->at = first_cluster(cutter, word > start ? word : start + 1, cut->end, cutter->overlap);
    return HP_OK;
}

// The next place to try. While this chunk's end fills half of the next chunk, and the next edge as
// strong does not fit into it, that would end there too: such places are passed over unseen.
static void starts_next(struct cutter *cutter, const struct cut *cut, struct starts *starts)
{
    size_t low = starts->at + 1, end = cut->end;
    if (!starts->words) {
        starts->at = first_cluster(cutter, low, end, cutter->overlap);
        return;
    }
    if (cut->rank == HP_EDGE_GRAPHEME) {
        starts->at = first_word(cutter, low, end, cutter->overlap);
        return;
    }
    uint32_t stronger = hp_ladder_after(&cutter->ladder, cut->rank, end);
    size_t below_half = first_word(cutter, low, end, (cutter->max - 1) / 2);
    size_t fits = end;
    if (stronger != HP_NO_EDGE)
        fits = first_word(cutter, low, cutter->ladder.edges->edge[stronger].at, cutter->max);
    size_t at = below_half < fits ? below_half : fits;
    starts->at = at < end ? at : end;
}

// Finds the chunk behind text[start, cut->end): its start and its cut.
static enum hp_code follow(struct cutter *cutter, size_t *start, struct cut *cut)
{
    struct cut next;
    if (cutter->overlap > 0 && !cut->oversize) {
        struct starts starts;
        HP_TRY(starts_first(cutter, *start, cut, &starts));
        for (; starts.at < cut->end; starts_next(cutter, cut, &starts)) {
            HP_TRY(find_end(cutter, starts.at, cut->end, &next));
            if (next.end > cut->end) {
                *start = starts.at;
                *cut = next;
                return HP_OK;
            }
        }
    }
    *start = cut->next;
    HP_TRY(find_end(cutter, *start, cut->end, &next));
    *cut = next;
    return HP_OK;
}

struct list {
    struct hp_chunk *chunk;
    size_t count, room;
};

// Joins the chunk to the last one where one of them is smaller than `min` and both fit together.
static bool join(
    const struct cutter *cutter, struct list *list, size_t start, const struct cut *cut)
{
    if (cutter->min == 0 || list->count == 0)
        return false;
    struct hp_chunk *last = &list->chunk[list->count - 1];
    if (span(cutter, last->start, last->end) >= cutter->min &&
        span(cutter, start, cut->end) >= cutter->min)
        return false;
    if (span(cutter, last->start, cut->end) > cutter->max)
        return false;
    last->end = (uint32_t)cut->end;
    last->boundary = cut->rank;
    last->oversize = false;
    return true;
}

static enum hp_code add(
    struct cutter *cutter, struct list *list, size_t start, const struct cut *cut)
{
    struct hp_arena *arena = cutter->ladder.arena;
    if (!join(cutter, list, start, cut)) {
        if (list->count == list->room) {
            size_t size = sizeof *list->chunk, room = list->room * 2 + 16;
            struct hp_chunk *grown = hp_grow(arena, list->chunk, list->room * size, room * size);
            if (!grown)
                return hp_no_memory(arena, cutter->fault);
            list->chunk = grown;
            list->room = room;
        }
        list->chunk[list->count++] = (struct hp_chunk){ .start = (uint32_t)start,
            .end = (uint32_t)cut->end,
            .boundary = cut->rank,
            .oversize = cut->oversize };
    }
    struct hp_chunk *last = &list->chunk[list->count - 1];
    last->tokens = (uint32_t)hp_tokens_count(cutter->measure.tokens, last->start, last->end);
    return HP_OK;
}

enum hp_code hp_chunk_text(hp_str text, const struct hp_edges *edges,
    const struct hp_tokens *tokens, const struct hp_chunk_options *options, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_chunks *out, struct hp_fault *fault)
{
    *out = (struct hp_chunks){ 0 };
    if (edges->count == 0)
        return HP_OK;
    struct list list = { 0 };
    struct cutter cutter = { .max = (size_t)options->max,
        .overlap = (size_t)options->overlap,
        .min = (size_t)options->min,
        .tail = (size_t)(options->min ? options->min : options->max / 8),
        .end = edges->edge[edges->count - 1].at,
        .deadline = deadline,
        .fault = fault };
    HP_TRY(hp_measure_init(&cutter.measure, text, tokens, options->unit, arena, fault));
    HP_TRY(hp_ladder_init(&cutter.ladder, text, edges, arena, fault));
    cutter.slack = hp_measure_slack(&cutter.measure);
    size_t start = edges->first;
    struct cut cut;
    HP_TRY(find_end(&cutter, start, 0, &cut));
    HP_TRY(add(&cutter, &list, start, &cut));
    while (cut.end < cutter.end) {
        HP_TRY(hp_deadline_check(deadline, fault));
        HP_TRY(follow(&cutter, &start, &cut));
        HP_TRY(add(&cutter, &list, start, &cut));
    }
    *out = (struct hp_chunks){ list.chunk, list.count };
    return hp_deadline_check(deadline, fault);
}
