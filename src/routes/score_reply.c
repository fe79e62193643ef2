// score_reply.c -- results, then what they rest on. Nothing here depends on time or memory: the
// same request has the same bytes for an answer.
#include "routes/score_reply.h"

static void put_name(struct hp_buf *out, const char *before, hp_str text)
{
    hp_buf_add(out, hp_str_from(before));
    hp_json_put_string(out, text);
}

static void put_real(struct hp_buf *out, const char *before, double value)
{
    hp_buf_add(out, hp_str_from(before));
    hp_json_put_real(out, value);
}

static void put_count(struct hp_buf *out, const char *before, uint64_t value)
{
    hp_buf_add(out, hp_str_from(before));
    hp_buf_uint(out, value);
}

// --- explain -------------------------------------------------------------------------------------

// A term's part is one of the score's, or where ranks are fused, of what gave the rank.
static void put_term_part(
    const struct score_outcome *outcome, const struct hp_count *count, struct hp_buf *out)
{
    bool fused = outcome->selection->by_rank;
    put_name(out, "{\"term\":", outcome->terms->term[count->term]);
    if (outcome->documents->objects)
        put_name(out, ",\"field\":", outcome->documents->name[count->field]);
    put_count(out, ",\"times\":", count->times);
    put_count(out, ",\"length\":", count->length);
    put_real(out, fused ? ",\"bm25\":" : ",\"part\":", hp_bm25_part(outcome->bm25, count));
    hp_buf_add(out, HP_S("},"));
}

static void put_rank_part(struct hp_buf *out, const char *order, uint32_t rank, double part)
{
    hp_buf_format(out, "{\"order\":\"%s\",\"rank\":%u,", order, rank);
    put_real(out, "\"part\":", part);
    hp_buf_add(out, HP_S("},"));
}

static void put_prior_part(
    const struct score_outcome *outcome, const struct hp_result *result, struct hp_buf *out)
{
    put_real(out, "{\"prior\":", outcome->selection->priors[result->document]);
    put_real(out, ",\"part\":", hp_prior_part(outcome->selection, result->document));
    hp_buf_add(out, HP_S("},"));
}

static void put_fusion_parts(
    const struct score_outcome *outcome, const struct hp_result *result, struct hp_buf *out)
{
    const struct hp_selection *selection = outcome->selection;
    if (selection->by_rank)
        put_rank_part(out, "bm25", result->rank, hp_rank_part(result->rank));
    if (selection->by_rank && selection->priors)
        put_rank_part(
            out, "prior", result->prior_rank, hp_prior_rank_part(selection, result->prior_rank));
    if (!selection->by_rank && selection->priors)
        put_prior_part(outcome, result, out);
}

static void put_explanation(
    const struct score_outcome *outcome, const struct hp_result *result, struct hp_buf *out)
{
    struct hp_count_walk walk = hp_counts_of(outcome->counts, result->document);
    struct hp_count count;
    hp_buf_add(out, HP_S(",\"explain\":["));
    size_t empty = out->len;
    while (hp_count_next(&walk, &count))
        if (count.term < outcome->bm25->terms)
            put_term_part(outcome, &count, out);
    put_fusion_parts(outcome, result, out);
    if (!out->failed && out->len > empty)
        out->len--; // the last comma
    hp_buf_char(out, ']');
}

// --- results -------------------------------------------------------------------------------------

static void put_result(
    const struct score_outcome *outcome, const struct hp_result *result, struct hp_buf *out)
{
    put_count(out, "{\"index\":", result->document);
    put_real(out, ",\"relevance_score\":", result->score);
    if (outcome->request->explain)
        put_explanation(outcome, result, out);
    if (outcome->documents->sent) {
        hp_buf_add(out, HP_S(",\"document\":"));
        hp_buf_add(out, outcome->documents->sent[result->document]);
    }
    hp_buf_char(out, '}');
}

enum { CHECKED_EVERY = 256, RESULT_BYTES = 60 };

static enum hp_code put_results(const struct score_outcome *outcome,
    const struct hp_deadline *deadline, struct hp_buf *out, struct hp_fault *fault)
{
    const struct hp_results *results = outcome->results;
    hp_buf_room(out, results->count * RESULT_BYTES);
    hp_buf_add(out, HP_S("{\"results\":["));
    for (size_t i = 0; i < results->count; i++) {
        if (i % CHECKED_EVERY == 0)
            HP_TRY(hp_deadline_check(deadline, fault));
        if (i)
            hp_buf_char(out, ',');
        put_result(outcome, &results->result[i], out);
    }
    hp_buf_char(out, ']');
    return HP_OK;
}

// --- meta ----------------------------------------------------------------------------------------

static void put_term(const struct score_outcome *outcome, size_t term, struct hp_buf *out)
{
    static const char *const sources[] = {
        [HP_DF_COUNTED] = "candidates", [HP_DF_GIVEN] = "request", [HP_DF_SCALED] = "scaled"
    };
    const struct hp_bm25 *bm25 = outcome->bm25;
    put_name(out, "{\"term\":", outcome->terms->term[term]);
    if (bm25->source[term] == HP_DF_SCALED)
        put_real(out, ",\"df\":", bm25->df[term]);
    else if (bm25->source[term] == HP_DF_GIVEN)
        put_count(out, ",\"df\":", outcome->corpus->holders[term]);
    else
        put_count(out, ",\"df\":", outcome->counts->holders[term]);
    put_real(out, ",\"idf\":", bm25->idf[term]);
    put_name(out, ",\"df_source\":", hp_str_from(sources[bm25->source[term]]));
    hp_buf_char(out, '}');
}

static void put_terms(const struct score_outcome *outcome, struct hp_buf *out)
{
    hp_buf_add(out, HP_S(",\"terms\":["));
    for (size_t i = 0; i < outcome->bm25->terms; i++) {
        if (i)
            hp_buf_char(out, ',');
        put_term(outcome, i, out);
    }
    hp_buf_char(out, ']');
}

static void begin_warning(struct hp_buf *out, const char *code, bool *first)
{
    put_name(out, *first ? "{\"code\":" : ",{\"code\":", hp_str_from(code));
    *first = false;
}

static void put_missing_df(const struct score_outcome *outcome, bool *first, struct hp_buf *out)
{
    bool any = false;
    for (size_t i = 0; i < outcome->bm25->terms; i++) {
        if (outcome->bm25->source[i] != HP_DF_SCALED)
            continue;
        if (!any)
            begin_warning(out, "df_missing", first);
        put_name(out, any ? "," : ",\"terms\":[", outcome->terms->term[i]);
        any = true;
    }
    if (any)
        hp_buf_add(out, HP_S("]}"));
}

static void put_warnings(const struct score_outcome *outcome, struct hp_buf *out)
{
    const struct {
        bool holds;
        const char *code;
    } rows[] = {
        { outcome->warnings.query_empty, "query_empty" },
        { outcome->warnings.stop_words_kept, "stop_words_kept" },
        { outcome->warnings.filter_stop_words, "filter_stop_words" },
        { outcome->warnings.priors_missing, "priors_missing" },
    };
    bool first = true;
    hp_buf_add(out, HP_S(",\"warnings\":["));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!rows[i].holds)
            continue;
        begin_warning(out, rows[i].code, &first);
        hp_buf_char(out, '}');
    }
    put_missing_df(outcome, &first, out);
    hp_buf_char(out, ']');
}

enum hp_code score_write(const struct score_outcome *outcome, const struct hp_deadline *deadline,
    struct hp_buf *out, struct hp_fault *fault)
{
    HP_TRY(put_results(outcome, deadline, out, fault));
    put_count(out, ",\"meta\":{\"documents\":", outcome->counts->documents);
    put_count(out, ",\"matched\":", outcome->results->matched);
    put_count(out, ",\"returned\":", outcome->results->count);
    hp_buf_add(out, HP_S(",\"formula\":\"bm25-lucene/1\""));
    put_terms(outcome, out);
    put_warnings(outcome, out);
    hp_buf_add(out, HP_S("}}"));
    return hp_buf_check(out, fault);
}
