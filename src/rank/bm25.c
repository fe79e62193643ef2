// bm25.c -- the formula. Every operation stands in the order in which tests/score_reference.py has
// it: equal requests score alike to the last bit, on both sides.
#include "rank/bm25.h"

#include <math.h>

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double idf(double all, double holders)
{
    return log(1 + (all - holders + 0.5) / (holders + 0.5));
}

// A document frequency that is missing is scaled up from the candidates.
static void prepare_term(struct hp_bm25 *bm25, const struct hp_counts *counts,
    const struct hp_corpus *corpus, size_t term)
{
    double sent = (double)counts->documents, all = larger((double)corpus->documents, sent);
    double df = counts->holders[term];
    enum hp_df_source source = HP_DF_COUNTED;
    if (hp_term_set_has(&corpus->given, term)) {
        df = (double)corpus->holders[term];
        source = HP_DF_GIVEN;
    } else if (corpus->documents > 0) {
        df = sent > 0 ? df * all / sent : 0;
        source = HP_DF_SCALED;
    }
    bm25->df[term] = df;
    bm25->source[term] = source;
    bm25->idf[term] = idf(larger(all, df), df);
}

void hp_bm25_prepare(struct hp_bm25 *bm25, const struct hp_counts *counts,
    const struct hp_corpus *corpus, const uint32_t *times, size_t terms)
{
    bm25->terms = terms;
    for (size_t i = 0; i < terms; i++) {
        bm25->times[i] = times[i];
        prepare_term(bm25, counts, corpus, i);
    }
    for (size_t i = 0; i < counts->fields; i++) {
        double counted =
            counts->documents ? (double)counts->length[i] / (double)counts->documents : 0;
        bm25->average[i] = corpus->average[i] > 0 ? corpus->average[i] : counted;
    }
}

enum { RELATIVE_MAX = 1000000000 }; // of a length to the average: more makes no difference but NaN

double hp_bm25_part(const struct hp_bm25 *bm25, const struct hp_count *count)
{
    double f = count->times, relative = count->length / bm25->average[count->field];
    relative = relative < RELATIVE_MAX ? relative : RELATIVE_MAX;
    double saturation = f / (f + bm25->k1 * (1 - bm25->b + bm25->b * relative));
    return bm25->times[count->term] * bm25->idf[count->term] * bm25->weight[count->field] *
           saturation;
}

double hp_bm25_score(const struct hp_bm25 *bm25, const struct hp_counts *counts, size_t document,
    struct hp_term_set *held)
{
    struct hp_count_walk walk = hp_counts_of(counts, document);
    struct hp_count count;
    double sum = 0;
    *held = (struct hp_term_set){ { 0 } };
    while (hp_count_next(&walk, &count)) {
        hp_term_set_add(held, count.term);
        if (count.term < bm25->terms)
            sum += hp_bm25_part(bm25, &count);
    }
    return sum;
}
