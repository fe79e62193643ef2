// select.h -- which documents are results, and in which order: filters, fusion with a prior, and
// the best n. Equal scores stand in the order in which the documents were sent.
#pragma once

#include "rank/bm25.h"

enum { HP_RRF_K = 60 }; // Cormack, Clarke and Buettcher, 2009

struct hp_selection {
    size_t least;                       // distinct query terms that a result holds
    struct hp_term_set must;            // a result holds all of these,
    const struct hp_term_set *must_not; // and of each of these sets not all
    size_t must_not_count;
    double min_score;     // of the final score, inclusive; -INFINITY: none
    const double *priors; // one for each document, or NULL
    double prior_weight;
    bool by_rank; // fusion by reciprocal rank instead of a sum
    size_t top_n;
};

struct hp_result {
    double score; // final; finite
    uint32_t document;
    uint32_t rank, prior_rank; // from 1; where fusion is by rank
};

struct hp_results {
    struct hp_result *result;
    size_t count;
    size_t matched; // documents that pass and hold a query term
};

// The results, best first.
HP_MUST_USE enum hp_code hp_select(const struct hp_bm25 *bm25, const struct hp_counts *counts,
    const struct hp_selection *selection, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_results *out, struct hp_fault *fault);

// What the prior of a document adds to a sum.
double hp_prior_part(const struct hp_selection *selection, size_t document);

// What a place in an order adds to a fusion by rank.
double hp_rank_part(uint32_t rank);
double hp_prior_rank_part(const struct hp_selection *selection, uint32_t rank);
