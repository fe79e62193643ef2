// select.c -- one pass over the documents fills a bounded heap, its root the worst that is kept;
// taken apart from the root it gives the order. Fusion by rank needs both orders whole.
#include "rank/select.h"

#include <float.h>

// --- order ---------------------------------------------------------------------------------------

static bool worse(const struct hp_result *a, const struct hp_result *b)
{
    return a->score < b->score || (a->score == b->score && a->document > b->document);
}

static void sift_down(struct hp_result *heap, size_t count, size_t at)
{
    struct hp_result moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && worse(&heap[child + 1], &heap[child]))
            child++;
        if (!worse(&heap[child], &moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void make_heap(struct hp_result *heap, size_t count)
{
    for (size_t at = count / 2; at-- > 0;)
        sift_down(heap, count, at);
}

enum { CHECKED_EVERY = 512 }; // documents

// From a heap to an order, best first.
static enum hp_code sort_heap(struct hp_result *heap, size_t count,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    while (count-- > 1) {
        struct hp_result worst = heap[0];
        heap[0] = heap[count];
        heap[count] = worst;
        sift_down(heap, count, 0);
        if (count % CHECKED_EVERY == 0)
            HP_TRY(hp_deadline_check(deadline, fault));
    }
    return HP_OK;
}

// Leaves the best `most` of all in front, best first, and no more than these.
static enum hp_code keep_best(
    struct hp_results *all, size_t most, const struct hp_deadline *deadline, struct hp_fault *fault)
{
    size_t count = all->count, kept = count < most ? count : most;
    struct hp_result *heap = all->result;
    make_heap(heap, kept);
    for (size_t i = kept; i < count; i++) {
        if (kept == 0 || !worse(&heap[0], &heap[i]))
            continue;
        heap[0] = heap[i];
        sift_down(heap, kept, 0);
    }
    all->count = kept;
    return sort_heap(heap, kept, deadline, fault);
}

// --- filters -------------------------------------------------------------------------------------

static size_t held_of_query(const struct hp_term_set *held, size_t terms)
{
    size_t count = 0;
    for (size_t i = 0; i < HP_TERM_SETS; i++) {
        size_t first = i * 64;
        uint64_t mask = terms >= first + 64 ? ~UINT64_C(0)
                        : terms > first     ? (UINT64_C(1) << (terms - first)) - 1
                                            : 0;
        for (uint64_t left = held->bits[i] & mask; left; left &= left - 1)
            count++;
    }
    return count;
}

static bool holds_all(const struct hp_term_set *held, const struct hp_term_set *wanted)
{
    uint64_t missing = 0;
    for (size_t i = 0; i < HP_TERM_SETS; i++)
        missing |= wanted->bits[i] & ~held->bits[i];
    return missing == 0;
}

static bool passes(const struct hp_selection *selection, const struct hp_term_set *held)
{
    for (size_t i = 0; i < selection->must_not_count; i++)
        if (holds_all(held, &selection->must_not[i]))
            return false;
    return holds_all(held, &selection->must);
}

// --- fusion --------------------------------------------------------------------------------------

// Priors and their weight are any doubles: their product, and a sum with it, may be too large.
static double finite(double value)
{
    return value > DBL_MAX ? DBL_MAX : value < -DBL_MAX ? -DBL_MAX : value;
}

double hp_prior_part(const struct hp_selection *selection, size_t document)
{
    return finite(selection->prior_weight * selection->priors[document]);
}

double hp_rank_part(uint32_t rank)
{
    return 1.0 / (HP_RRF_K + (double)rank);
}

double hp_prior_rank_part(const struct hp_selection *selection, uint32_t rank)
{
    return selection->prior_weight / (HP_RRF_K + (double)rank);
}

static void fuse_sum(const struct hp_selection *selection, struct hp_results *out)
{
    struct hp_result *all = out->result;
    for (size_t i = 0; i < out->count && selection->priors; i++)
        all[i].score = finite(all[i].score + hp_prior_part(selection, all[i].document));
}

// Sorted once by score and once by prior.
static enum hp_code fuse_ranks(const struct hp_selection *selection, struct hp_results *out,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    struct hp_result *all = out->result;
    size_t count = out->count;
    HP_TRY(keep_best(out, count, deadline, fault));
    for (size_t i = 0; i < count; i++) {
        all[i].rank = (uint32_t)i + 1;
        all[i].score = selection->priors ? selection->priors[all[i].document] : 0;
    }
    if (selection->priors)
        HP_TRY(keep_best(out, count, deadline, fault));
    for (size_t i = 0; i < count; i++) {
        all[i].prior_rank = (uint32_t)i + 1;
        all[i].score = hp_rank_part(all[i].rank);
        if (selection->priors)
            all[i].score = finite(all[i].score + hp_prior_rank_part(selection, (uint32_t)i + 1));
    }
    return HP_OK;
}

// --- the whole -----------------------------------------------------------------------------------

// Those that pass, with their BM25; `matches` says of each document whether it holds a query term.
static enum hp_code score_all(const struct hp_bm25 *bm25, const struct hp_counts *counts,
    const struct hp_selection *selection, const struct hp_deadline *deadline,
    struct hp_results *out, bool *matches, struct hp_fault *fault)
{
    for (size_t i = 0; i < counts->documents; i++) {
        struct hp_term_set held;
        if (i % CHECKED_EVERY == 0)
            HP_TRY(hp_deadline_check(deadline, fault));
        double score = hp_bm25_score(bm25, counts, i, &held);
        size_t terms = held_of_query(&held, bm25->terms);
        matches[i] = terms > 0;
        if (terms >= selection->least && passes(selection, &held))
            out->result[out->count++] =
                (struct hp_result){ .score = score, .document = (uint32_t)i };
    }
    return HP_OK;
}

static void drop_below(struct hp_results *out, double min_score)
{
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++)
        if (out->result[i].score >= min_score)
            out->result[kept++] = out->result[i];
    out->count = kept;
}

enum hp_code hp_select(const struct hp_bm25 *bm25, const struct hp_counts *counts,
    const struct hp_selection *selection, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_results *out, struct hp_fault *fault)
{
    *out =
        (struct hp_results){ .result = HP_NEW_RAW(arena, struct hp_result, counts->documents + 1) };
    bool *matches = HP_NEW_RAW(arena, bool, counts->documents + 1);
    if (!out->result || !matches)
        return hp_no_memory(arena, fault);
    HP_TRY(score_all(bm25, counts, selection, deadline, out, matches, fault));
    if (selection->by_rank)
        HP_TRY(fuse_ranks(selection, out, deadline, fault));
    else
        fuse_sum(selection, out);
    drop_below(out, selection->min_score);
    for (size_t i = 0; i < out->count; i++)
        out->matched += matches[out->result[i].document];
    return keep_best(out, selection->top_n, deadline, fault);
}
