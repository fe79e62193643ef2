// score_reply.h -- the contract's ScoreReply, written.
#pragma once

#include "routes/score_request.h"

// What a caller should know, though the answer stands.
struct score_warnings {
    bool stop_words_kept;   // the query is nothing but stop words
    bool query_empty;       // the query has no word at all
    bool filter_stop_words; // a stop word in must or must_not was passed over
    bool priors_missing;    // fusion by rank, and nothing to fuse with
};

struct score_outcome {
    const struct score_request *request;
    const struct score_documents *documents;
    const struct hp_terms *terms;
    const struct hp_counts *counts;
    const struct hp_corpus *corpus;
    const struct hp_bm25 *bm25;
    const struct hp_selection *selection;
    const struct hp_results *results;
    struct score_warnings warnings;
};

HP_MUST_USE enum hp_code score_write(const struct score_outcome *outcome,
    const struct hp_deadline *deadline, struct hp_buf *out, struct hp_fault *fault);
