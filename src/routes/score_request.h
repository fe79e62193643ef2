// score_request.h -- what a request to /v1/score says: options by table, the rest by hand, since it
// is large (documents, priors) or of several types. Texts stay in the body.
#pragma once

#include "hotpathd/json.h"
#include "hotpathd/route.h"
#include "rank/select.h"

// The route's own options in the configuration.
struct score_limits {
    int64_t max_documents, max_document, max_terms;
};

extern const struct hp_field score_options[];

struct score_stats {
    int64_t docs; // 0: not given
    struct hp_span avg_len, df;
};

struct score_request {
    hp_str query, analyzer, model;
    struct hp_span documents, fields, priors, match, must, must_not;
    int64_t top_n;
    double prior_weight, min_score;
    struct hp_bm25 bm25; // k1, b and weights
    struct score_stats stats;
    int fusion;
    bool explain, return_documents;
    const struct hp_presets *presets;
    struct hp_arena *arena;
};

enum { FUSION_SUM, FUSION_RRF };

struct score_documents {
    size_t count;
    bool objects;
    size_t fields; // at least 1
    hp_str name[HP_FIELDS_MAX];
    hp_str *sent; // each as it was sent; NULL where nobody asked
};

// Reads the body. Faults in its parts are found by the functions below.
HP_MUST_USE enum hp_code score_read(
    struct hp_request *in, struct score_request *out, struct hp_fault *fault);

// What a span lies in: the body, or a preset.
struct hp_json score_body(const struct hp_request *in, struct hp_span span);

// Reads `fields`, and fills in the weights.
HP_MUST_USE enum hp_code score_read_fields(struct hp_request *in, struct score_request *request,
    struct score_documents *out, struct hp_fault *fault);

// Takes a document by its fields, a missing one empty; those behind the last are not known yet.
typedef enum hp_code (*score_taker)(
    void *context, const hp_str *field, size_t fields, struct hp_fault *fault);

// Reads `fields`, fills in the weights, and gives every one of `documents` to `take`.
HP_MUST_USE enum hp_code score_read_documents(struct hp_request *in, struct score_request *request,
    struct score_documents *out, score_taker take, void *context, struct hp_fault *fault);

// Reads `priors`: one number for each document, or NULL where there are none.
HP_MUST_USE enum hp_code score_read_priors(struct hp_request *in,
    const struct score_request *request, size_t documents, const double **out,
    struct hp_fault *fault);

// Reads `match` as the least number of query terms: SIZE_MAX for all.
HP_MUST_USE enum hp_code score_read_match(struct hp_request *in,
    const struct score_request *request, size_t *out, struct hp_fault *fault);

// Calls `each` for every string of a list (`span.ptr` NULL: none).
HP_MUST_USE enum hp_code score_read_words(struct hp_request *in, struct hp_span span,
    const char *pointer, enum hp_code (*each)(void *context, hp_str word, struct hp_fault *fault),
    void *context, struct hp_fault *fault);

// What a value of stats.df may be; `value` is NULL where it is no integer.
HP_MUST_USE enum hp_code score_df_value(
    const int64_t *value, const char *pointer, struct hp_fault *fault);

// The struct hp_route's `preset`.
HP_MUST_USE enum hp_code score_check_preset(
    hp_str json, struct hp_arena *arena, struct hp_fault *fault);

// Reads `stats` but for df.
HP_MUST_USE enum hp_code score_read_stats(struct hp_request *in,
    const struct score_request *request, const struct score_documents *documents,
    struct hp_corpus *out, struct hp_fault *fault);
