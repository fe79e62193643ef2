// chunk.c -- cuts a text at its edges. The rule, of the contract, with what had to be decided:
//
// * An end fits where the chunk's own size is at most `max`. What fits whole to the end of the
// document is the last chunk. Else, from the highest rank down, the last edge of the rank (or
// above) that fits ends the chunk if it leaves it at least half full. Clusters are edges too, the
// lowest. Where no rank gives one, the highest rank that has an edge that fits gives its last.
// Where nothing fits, one cluster is a chunk, over size.
// * An element of at most `max` that begins behind the chunk's start is kept whole: no edge inside
// it ends the chunk. Of nested ones that is the outermost.
// * `min`, or an eighth of max: where what lies behind the end is smaller, the same rule chooses
// again among the ends that leave both sides at least so large, and that are behind the last
// chunk's. If none does, the end stays.
// * The next chunk starts at the first word in this one from which the rest of this one is at most
// `overlap`, at the first cluster of the last word where only that word is longer. If it would not
// end behind this one, the next such place is tried; in the end that is the first non-blank behind
// this one.
// * With `min`: of two neighbours of which one is smaller, both become one chunk where that fits.
//
// Sizes in tokens may shrink as an end moves on. So a search begins at a place behind which nothing
// can fit and goes back; every size that decides is an exact count.
//
// Most chunks end at a line or above. Only where none of these leaves the chunk half full are finer
// edges looked for, from the far end back.
#include "text/kept.h"
#include "text/ladder.h"
#include "text/measure.h"

struct cut {
    size_t end;
    size_t next;  // the first non-blank behind it
    size_t size;  // of the chunk that it ends
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
    struct hp_kept kept;
    size_t max, overlap, min;
    size_t tail;  // the least that the last chunk should hold
    size_t slack; // of the measure
    size_t end;   // of the last edge
    const struct hp_deadline *deadline;
    size_t work; // bytes measured since the last look at the deadline, and something for each span
    bool late;   // the deadline has passed
    struct hp_fault *fault;
};

enum { WORK_BETWEEN_CHECKS = 1 << 16, WORK_OF_A_SPAN = WORK_BETWEEN_CHECKS / 16 };

// Once the deadline has passed nothing has a size: every search then ends at once, and the walk
// over the chunks asks the deadline next.
static size_t span(struct cutter *cutter, size_t start, size_t end)
{
    cutter->work += WORK_OF_A_SPAN + (end - start);
    if (cutter->work >= WORK_BETWEEN_CHECKS) {
        cutter->work = 0;
        cutter->late |= hp_deadline_passed(cutter->deadline);
    }
    return cutter->late ? 0 : hp_measure_span(&cutter->measure, start, end);
}

// Bytes by which an end (or a start) that is `excess` over a limit must move at least: a byte is no
// more than one token or character.
static size_t leap(size_t excess, size_t slack)
{
    return excess > slack + 1 ? excess - slack : 1;
}

// True where the window takes an end, whose size is set; else *place is where the next one can be.
static bool takes(
    struct cutter *cutter, const struct window *window, struct cut *cut, size_t *place)
{
    size_t over = 0, from = cut->end;
    cut->size = span(cutter, window->start, cut->end);
    if (cut->size > cutter->max) {
        over = cut->size - cutter->max;
    } else if (window->rest > 0) {
        size_t rest = span(cutter, cut->next, cutter->end);
        over = rest < window->rest ? window->rest - rest : 0;
        from = cut->next;
    }
    size_t back = leap(over, cutter->slack);
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

// The last end of at least `rank` at or before `place`, above what the window starts with and in no
// element that is kept whole.
static bool end_before(
    struct cutter *cutter, const struct window *window, int rank, size_t place, struct cut *cut)
{
    size_t low = floor_of(window);
    struct hp_edge edge = { .at = (uint32_t)place };
    for (bool inside = false;; inside = true) {
        const struct hp_kept_element *kept = hp_kept_around(&cutter->kept, window->start, edge.at);
        if (inside && !kept)
            break;
        place = kept ? kept->start : place;
        if (!hp_ladder_last(&cutter->ladder, rank, low, place, &edge))
            return false;
    }
    *cut = (struct cut){ .end = edge.at, .next = edge.next, .rank = edge.rank };
    return true;
}

// The last of them that the window takes.
static bool end_taken(
    struct cutter *cutter, const struct window *window, int rank, size_t place, struct cut *cut)
{
    while (place > floor_of(window)) {
        if (!end_before(cutter, window, rank, place, cut))
            return false;
        if (takes(cutter, window, cut, &place)) {
            if (cut->size >= window->least)
                return true;
            if (cut->size + cutter->slack < window->least)
                return false;
            place = cut->end - 1;
        }
    }
    return false;
}

// The last of them that leaves the chunk half full, else the last. A shorter chunk may be the
// fuller one, in tokens, but only by the slack.
static bool end_of_rank(
    struct cutter *cutter, const struct window *window, int rank, struct cut *cut)
{
    if (!end_taken(cutter, window, rank, window->far, cut))
        return false;
    struct cut other = *cut;
    while (!half_full(cutter, other.size) && half_full(cutter, other.size + cutter->slack))
        if (!end_taken(cutter, window, rank, other.end - 1, &other))
            return true;
    if (half_full(cutter, other.size))
        *cut = other;
    return true;
}

// A place up to which no end leaves the chunk half full.
static size_t below_half(struct cutter *cutter, const struct window *window)
{
    size_t part = (window->far - window->start) / 16 * 7;
    size_t at = hp_measure_align(&cutter->measure, window->start + part);
    if (at <= window->start || half_full(cutter, span(cutter, window->start, at) + cutter->slack))
        return floor_of(window);
    return at > window->after ? at : window->after;
}

static HP_MUST_USE enum hp_code open_rank(struct cutter *cutter, int rank)
{
    if (rank >= HP_EDGE_LINE)
        return HP_OK;
    return hp_ladder_open(&cutter->ladder, rank == HP_EDGE_GRAPHEME, cutter->fault);
}

// The highest rank from `high` to `low` that has an end: its last, one that leaves the chunk half
// full where that is asked for. *cut is then the first that was found, if none does.
static HP_MUST_USE enum hp_code search(struct cutter *cutter, const struct window *window, int high,
    int low, bool half, struct cut *cut, bool *found, bool *full)
{
    struct cut last;
    for (int rank = high; rank >= low && !*full; rank--) {
        HP_TRY(open_rank(cutter, rank));
        if (!end_of_rank(cutter, window, rank, &last))
            continue;
        *full = !half || rank == HP_EDGE_DOCUMENT || half_full(cutter, last.size);
        if (*full || !*found)
            *cut = last;
        *found = true;
    }
    return HP_OK;
}

// The end that the rule chooses; *found = false where nothing fits.
static HP_MUST_USE enum hp_code choose(
    struct cutter *cutter, const struct window *window, struct cut *cut, bool *found)
{
    bool full = false, any = false;
    *found = false;
    HP_TRY(search(cutter, window, HP_EDGE_DOCUMENT, HP_EDGE_LINE, true, cut, found, &full));
    if (full)
        return HP_OK;
    struct window half = *window;
    struct cut fine;
    half.after = below_half(cutter, window);
    HP_TRY(search(cutter, &half, HP_EDGE_SENTENCE, HP_EDGE_GRAPHEME, true, &fine, &any, &full));
    if (full) {
        *cut = fine;
        *found = true;
    }
    if (*found)
        return HP_OK;
    return search(cutter, window, HP_EDGE_SENTENCE, HP_EDGE_GRAPHEME, false, cut, found, &full);
}

// One cluster alone, whatever its size.
static enum hp_code one_cluster(struct cutter *cutter, size_t start, struct cut *cut)
{
    HP_TRY(hp_ladder_open(&cutter->ladder, false, cutter->fault));
    size_t end = hp_grapheme_within(cutter->measure.text, start, cutter->deadline);
    struct hp_edge edge = { (uint32_t)end, (uint32_t)end, HP_EDGE_GRAPHEME };
    (void)hp_ladder_at(&cutter->ladder, end, &edge); // where there is none, it is in a word
    size_t size = span(cutter, start, end);
    *cut = (struct cut){ edge.at, edge.next, size, edge.rank, size > cutter->max };
    return HP_OK;
}

// What lies behind the cut is smaller than the last chunk should be.
static bool leaves_little(struct cutter *cutter, const struct cut *cut)
{
    if (cutter->tail == 0 || cut->end == cutter->end)
        return false;
    if (hp_measure_least(&cutter->measure, cutter->end - cut->next) >= cutter->tail)
        return false;
    return hp_measure_reach(&cutter->measure, cut->next, cutter->tail - 1) >= cutter->end &&
           span(cutter, cut->next, cutter->end) < cutter->tail;
}

// Where what lies behind the cut is too small, cuts again so that both sides hold `tail`.
static enum hp_code share(struct cutter *cutter, struct window window, struct cut *cut)
{
    if (!leaves_little(cutter, cut))
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
        return one_cluster(cutter, start, cut);
    if (cut->end <= after)
        return HP_OK; // the caller starts elsewhere
    window.after = after;
    return share(cutter, window, cut);
}

// --- overlap -------------------------------------------------------------------------------------

// The first word from `low` on, below `limit`, from which text[word, end) is at most `most`;
// `limit` where there is none.
static size_t first_word(struct cutter *cutter, size_t low, size_t limit, size_t end, size_t most)
{
    if (low >= limit)
        return limit;
    size_t slack = hp_measure_word_slack(&cutter->measure);
    low = hp_measure_back(&cutter->measure, low, end, most + slack);
    while (low < limit) {
        size_t at = hp_fine_start(&cutter->ladder.fine, low, limit);
        if (at >= limit)
            break;
        size_t size = span(cutter, at, end);
        if (size <= most)
            return at;
        low = at + leap(size - most, slack);
    }
    return limit;
}

// The same for clusters inside the last word before `end`.
static size_t first_cluster(struct cutter *cutter, size_t low, size_t end, size_t most)
{
    if (low >= end)
        return end;
    low = hp_measure_back(&cutter->measure, low, end, most + cutter->slack);
    while (low < end) {
        size_t at = hp_fine_cluster(&cutter->ladder.fine, low, end);
        if (at >= end)
            break;
        size_t size = span(cutter, at, end);
        if (size <= most)
            return at;
        low = at + leap(size - most, cutter->slack);
    }
    return end;
}

// Where the chunk that follows text[start, cut->end) may start to overlap it by at most `overlap`:
// words, or clusters of the last word.
struct starts {
    bool words;
    size_t at; // cut->end: no more
};

// The first word from `at` on from which the element that is kept whole behind this chunk fits: the
// chunks of earlier ones would end before it again.
static size_t past_kept(struct cutter *cutter, const struct cut *cut, size_t at)
{
    const struct hp_kept_element *kept = hp_kept_in(&cutter->kept, cut->end, cut->next);
    if (!kept || at >= cut->end)
        return at;
    return first_word(cutter, at, cut->end, kept->end, cutter->max + cutter->slack);
}

static enum hp_code starts_first(
    struct cutter *cutter, size_t start, const struct cut *cut, struct starts *starts)
{
    HP_TRY(hp_ladder_open(&cutter->ladder, false, cutter->fault));
    size_t end = cut->end;
    starts->words = true;
    starts->at = first_word(cutter, start + 1, end, end, cutter->overlap);
    if (starts->at < end) {
        starts->at = past_kept(cutter, cut, starts->at);
        return HP_OK;
    }
    HP_TRY(hp_ladder_open(&cutter->ladder, true, cutter->fault));
    struct hp_edge edge;
    bool word = hp_ladder_last(&cutter->ladder, HP_EDGE_WORD, start, end - 1, &edge);
    starts->words = false;
    starts->at = first_cluster(cutter, word ? edge.next : start + 1, end, cutter->overlap);
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
        starts->at = first_word(cutter, low, end, end, cutter->overlap);
        return;
    }
    size_t limit = hp_measure_reach(&cutter->measure, end, cutter->max + cutter->slack);
    size_t stronger = hp_ladder_after(&cutter->ladder, cut->rank, end, limit);
    size_t half = first_word(cutter, low, end, end, (cutter->max - 1) / 2);
    size_t fits = end;
    if (stronger)
        fits = first_word(cutter, low, end, stronger, cutter->max + cutter->slack);
    size_t least = first_word(cutter, low, end, end, cutter->overlap);
    size_t at = half < fits ? half : fits;
    starts->at = at > least ? at : least;
}

// Finds the chunk behind text[start, cut->end): its start and its cut.
static enum hp_code follow(struct cutter *cutter, size_t *start, struct cut *cut)
{
    struct cut next;
    if (cutter->overlap > 0 && !cut->oversize) {
        struct starts starts;
        HP_TRY(starts_first(cutter, *start, cut, &starts));
        for (; starts.at < cut->end; starts_next(cutter, cut, &starts)) {
            HP_TRY(hp_deadline_check(cutter->deadline, cutter->fault));
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

// --- the list ------------------------------------------------------------------------------------

struct list {
    struct hp_chunk *chunk;
    size_t count, room;
};

// Joins the chunk to the last one where one of them is smaller than `min` and both fit together.
static bool join(struct cutter *cutter, struct list *list, size_t start, const struct cut *cut)
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

static uint32_t tokens_of(
    const struct cutter *cutter, const struct hp_chunk *chunk, const struct cut *cut, bool joined)
{
    if (cutter->measure.unit == HP_UNIT_TOKENS && !joined)
        return (uint32_t)cut->size;
    const struct hp_tokens *tokens = cutter->measure.tokens;
    return tokens ? (uint32_t)hp_tokens_count(tokens, chunk->start, chunk->end) : 0;
}

static enum hp_code add(
    struct cutter *cutter, struct list *list, size_t start, const struct cut *cut)
{
    struct hp_arena *arena = cutter->ladder.arena;
    bool joined = join(cutter, list, start, cut);
    if (!joined) {
        if (list->count == list->room) {
            size_t size = sizeof *list->chunk, room = list->room + list->room / 2 + 16;
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
    last->tokens = tokens_of(cutter, last, cut, joined);
    return HP_OK;
}

enum hp_code hp_chunk_text(hp_str text, const struct hp_structure *structure,
    const struct hp_tokens *tokens, const struct hp_chunk_options *options, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_chunks *out, struct hp_fault *fault)
{
    *out = (struct hp_chunks){ 0 };
    struct list list = { 0 };
    struct cutter cutter = { .max = (size_t)options->max,
        .overlap = (size_t)options->overlap,
        .min = (size_t)options->min,
        .tail = (size_t)(options->min ? options->min : options->max / 8),
        .deadline = deadline,
        .fault = fault };
    HP_TRY(hp_ladder_init(&cutter.ladder, text, structure, arena, deadline, fault));
    const struct hp_edges *lines = &cutter.ladder.lines;
    if (lines->count == 0)
        return HP_OK;
    HP_TRY(hp_measure_init(&cutter.measure, text, tokens, options->unit, arena, fault));
    HP_TRY(
        hp_kept_find(&cutter.kept, &cutter.measure, structure, cutter.max, arena, deadline, fault));
    cutter.slack = hp_measure_slack(&cutter.measure);
    cutter.end = lines->edge[lines->count - 1].at;
    size_t start = lines->first;
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
