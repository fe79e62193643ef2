// bm25.h -- BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond",
// 2009) as Lucene has it since version 8, over several weighted fields that share one document
// frequency:
//
//   score(d) = sum over fields i and distinct query terms q of
//              qtf(q) * idf(q) * w_i * f_i(q) / (f_i(q) + k1 * (1 - b + b * len_i / avg_i))
//   idf(q)   = ln(1 + (N - n(q) + 0.5) / (n(q) + 0.5)),   always above zero
//
// n(q) is the number of documents that hold q in any field, N of all documents. Lengths are exact.
#pragma once

#include "rank/count.h"

enum hp_df_source { HP_DF_COUNTED, HP_DF_GIVEN, HP_DF_SCALED };

// What is known of the corpus, where anything is.
struct hp_corpus {
    uint64_t documents;            // 0: the candidates are all there is
    double average[HP_FIELDS_MAX]; // words of a field; 0: counted
    struct hp_term_set given;      // terms whose document frequency is known
    uint64_t holders[HP_TERMS_MAX];
};

struct hp_bm25 {
    double k1, b;
    double weight[HP_FIELDS_MAX];
    // by hp_bm25_prepare
    size_t terms; // of the query
    double average[HP_FIELDS_MAX];
    double df[HP_TERMS_MAX], idf[HP_TERMS_MAX];
    double times[HP_TERMS_MAX]; // of the term in the query, as a factor
    enum hp_df_source source[HP_TERMS_MAX];
};

// Fills in the rest; the first `terms` of the counted terms are the query's.
void hp_bm25_prepare(struct hp_bm25 *bm25, const struct hp_counts *counts,
    const struct hp_corpus *corpus, const uint32_t *times, size_t terms);

// What one term in one field adds.
double hp_bm25_part(const struct hp_bm25 *bm25, const struct hp_count *count);

// The sum of the parts of all query terms, in the order of hp_count_next; `held` is what the
// document holds of all terms. Finite, not negative.
double hp_bm25_score(const struct hp_bm25 *bm25, const struct hp_counts *counts, size_t document,
    struct hp_term_set *held);
