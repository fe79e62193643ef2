// score.c -- POST /v1/score: a query and candidates on one side; analyse, count, score and select
// on the other.
#include "routes/score_reply.h"

// --- what is looked for --------------------------------------------------------------------------

struct work {
    struct hp_request *in;
    struct score_request request;
    struct score_documents documents;
    struct hp_analyzer analyzer;
    struct hp_terms terms;
    uint32_t times[HP_TERMS_MAX]; // of each term in the query
    size_t asked;                 // terms of the query
    struct hp_term_set must_not[HP_TERMS_MAX];
    struct hp_corpus corpus;
    struct hp_counts counts;
    struct hp_selection selection;
    struct hp_results results;
    struct score_warnings warnings;
};

static void work_done(struct work **work)
{
    if (!*work)
        return;
    hp_counts_done(&(*work)->counts);
    hp_analyzer_close(&(*work)->analyzer);
}

// A query of stop words alone is taken at its word.
static enum hp_code read_query(struct work *work, struct hp_fault *fault)
{
    struct hp_analysed found;
    hp_str query = work->request.query;
    HP_TRY(hp_terms_add(&work->terms, query, work->times, "/query", &found, fault));
    if (found.terms == 0 && found.stops > 0) {
        work->analyzer.keep_stops = work->warnings.stop_words_kept = true;
        HP_TRY(hp_terms_add(&work->terms, query, work->times, "/query", &found, fault));
    }
    work->warnings.query_empty = found.words == 0;
    work->asked = work->terms.count;
    return HP_OK;
}

// In a filter a stop word is passed over, whatever the query is.
static enum hp_code read_filter(struct work *work, hp_str word, const char *pointer,
    struct hp_term_set *set, struct hp_fault *fault)
{
    struct hp_analysed found;
    bool kept = work->analyzer.keep_stops;
    work->analyzer.keep_stops = false;
    enum hp_code code = hp_terms_add(&work->terms, word, NULL, pointer, &found, fault);
    work->analyzer.keep_stops = kept;
    if (code)
        return code;
    if (found.stops > 0)
        work->warnings.filter_stop_words = true;
    *set = found.set;
    return HP_OK;
}

static enum hp_code add_must(void *context, hp_str word, struct hp_fault *fault)
{
    struct work *work = context;
    struct hp_term_set set;
    HP_TRY(read_filter(work, word, "/must", &set, fault));
    for (size_t i = 0; i < HP_TERM_SETS; i++)
        work->selection.must.bits[i] |= set.bits[i];
    return HP_OK;
}

static enum hp_code add_must_not(void *context, hp_str word, struct hp_fault *fault)
{
    static const struct hp_term_set none = { { 0 } };
    struct work *work = context;
    struct hp_term_set set;
    HP_TRY(read_filter(work, word, "/must_not", &set, fault));
    if (memcmp(&set, &none, sizeof set) == 0)
        return HP_OK;
    if (work->selection.must_not_count == work->terms.limit)
        return hp_fail_limit(fault, HP_TOO_MANY_TERMS, "/must_not", work->terms.limit,
            "at most %zu words", work->terms.limit);
    work->must_not[work->selection.must_not_count++] = set;
    return HP_OK;
}

static enum hp_code read_terms(struct work *work, struct hp_fault *fault)
{
    const struct score_limits *limits = work->in->options;
    const struct score_request *request = &work->request;
    HP_TRY(hp_analyzer_open(request->analyzer, "/analyzer", &work->analyzer, fault));
    HP_TRY(hp_terms_init(
        &work->terms, &work->analyzer, (size_t)limits->max_terms, work->in->arena, fault));
    HP_TRY(read_query(work, fault));
    HP_TRY(score_read_words(work->in, request->must, "/must", add_must, work, fault));
    return score_read_words(work->in, request->must_not, "/must_not", add_must_not, work, fault);
}

// --- what is known -------------------------------------------------------------------------------

// A key that is several terms says the same of each; of two keys for one term the larger holds.
static enum hp_code add_df(void *context, hp_str name, double value, const int64_t *integer,
    const char *pointer, struct hp_fault *fault)
{
    struct work *work = context;
    struct hp_corpus *corpus = &work->corpus;
    struct hp_analysed found;
    (void)value;
    HP_TRY(score_df_value(integer, pointer, fault));
    HP_TRY(hp_terms_match(&work->terms, name, &found, fault));
    for (size_t i = 0; i < work->asked; i++) {
        if (!hp_term_set_has(&found.set, i))
            continue;
        if (!hp_term_set_has(&corpus->given, i) || corpus->holders[i] < (uint64_t)*integer)
            corpus->holders[i] = (uint64_t)*integer;
        hp_term_set_add(&corpus->given, i);
    }
    return HP_OK;
}

static enum hp_code read_corpus(struct work *work, struct hp_fault *fault)
{
    HP_TRY(score_read_stats(work->in, &work->request, &work->documents, &work->corpus, fault));
    if (!work->request.stats.df.ptr)
        return HP_OK;
    struct hp_json body = score_body(work->in, work->request.stats.df);
    struct hp_member df = hp_json_member(&body, work->request.stats.df);
    return hp_json_numbers(&body, &df, "/stats/df", add_df, work, fault);
}

static enum hp_code read_selection(struct work *work, struct hp_fault *fault)
{
    const struct score_request *request = &work->request;
    struct hp_selection *selection = &work->selection;
    size_t least;
    HP_TRY(score_read_match(work->in, request, &least, fault));
    HP_TRY(score_read_priors(work->in, request, work->documents.count, &selection->priors, fault));
    selection->least = least < work->asked ? least : work->asked;
    selection->must_not = work->must_not;
    selection->min_score = request->min_score;
    selection->prior_weight = request->prior_weight;
    selection->by_rank = request->fusion == FUSION_RRF;
    selection->top_n = (size_t)request->top_n;
    work->warnings.priors_missing = selection->by_rank && !selection->priors;
    return HP_OK;
}

// --- the work ------------------------------------------------------------------------------------

static enum hp_code count_document(
    void *context, const hp_str *field, size_t fields, struct hp_fault *fault)
{
    struct work *work = context;
    return hp_counts_add(&work->counts, field, fields, &work->in->deadline, fault);
}

// Documents are counted as they are read: nothing is kept of their text.
static enum hp_code count_all(struct work *work, struct hp_fault *fault)
{
    HP_TRY(hp_counts_init(&work->counts, &work->terms, work->in->arena, fault));
    return score_read_documents(
        work->in, &work->request, &work->documents, count_document, work, fault);
}

static enum hp_code work_on(struct work *work, struct hp_fault *fault)
{
    HP_TRY(count_all(work, fault));
    HP_TRY(read_corpus(work, fault));
    HP_TRY(read_selection(work, fault));
    hp_bm25_prepare(&work->request.bm25, &work->counts, &work->corpus, work->times, work->asked);
    return hp_select(&work->request.bm25, &work->counts, &work->selection, work->in->arena,
        &work->in->deadline, &work->results, fault);
}

static enum hp_code write_reply(struct work *work, struct hp_buf *reply, struct hp_fault *fault)
{
    struct score_outcome outcome = { &work->request, &work->documents, &work->terms, &work->counts,
        &work->corpus, &work->request.bm25, &work->selection, &work->results, work->warnings };
    return score_write(&outcome, &work->in->deadline, reply, fault);
}

// --- the route -----------------------------------------------------------------------------------

static enum hp_code score_open(void *state, struct hp_setting *setting, struct hp_fault *fault)
{
    (void)state, (void)setting, (void)fault;
    return HP_OK;
}

static enum hp_code score_run(
    const void *state, struct hp_request *in, struct hp_buf *reply, struct hp_fault *fault)
{
    __attribute__((cleanup(work_done))) struct work *work = HP_NEW(in->arena, struct work, 1);
    (void)state;
    if (!work)
        return hp_no_memory(in->arena, fault);
    work->in = in;
    HP_TRY(score_read(in, &work->request, fault));
    HP_TRY(read_terms(work, fault));
    HP_TRY(hp_enter(in, HP_COMPUTE, fault));
    HP_TRY(work_on(work, fault));
    HP_TRY(hp_enter(in, HP_WRITE, fault));
    return write_reply(work, reply, fault);
}

static void score_close(void *state)
{
    (void)state;
}

const struct hp_route hp_route_score = {
    .name = "score",
    .alias = "rerank",
    .contract = "score/1",
    .summary = "A query and candidates in; the best of them, scored, out.",
    .example = HP_STR("{\"query\":\"wing lift\",\"documents\":[\"lift of a wing\",\"a boat\"],"
                      "\"top_n\":2,\"explain\":true}"),
    .options = score_options,
    .options_size = sizeof(struct score_limits),
    .preset = score_check_preset,
    .open = score_open,
    .run = score_run,
    .close = score_close,
};
