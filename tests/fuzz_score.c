// fuzz_score.c -- /v1/score on any bytes: what jansson refuses is refused, what it takes is refused
// for the contract's sake alone, and an answer is JSON with finite scores in order. An input that
// does not begin with a brace is a text (behind one byte that picks the analyzer): counted fast and
// plain.
#include "hotpathd/cpu.h"
#include "hotpathd/json.h"
#include "hotpathd/route.h"
#include "rank/count.h"
#include "hotpathd/utf8.h"

#include <jansson.h>
#include <math.h>

#include "fuzz.h"

extern const struct hp_route hp_route_score;

static const struct hp_deadline never = { 0 };

// --- the route -----------------------------------------------------------------------------------

static void check_results(const json_t *reply)
{
    const json_t *results = json_object_get(reply, "results"), *result;
    double last = INFINITY;
    json_int_t last_index = -1;
    size_t i;
    demand(json_is_array(results), "no results");
    json_array_foreach(results, i, result)
    {
        double score = json_real_value(json_object_get(result, "relevance_score"));
        json_int_t index = json_integer_value(json_object_get(result, "index"));
        demand(isfinite(score), "a score is not finite");
        demand(score < last || (score == last && index > last_index), "out of order");
        last = score;
        last_index = index;
    }
}

static bool is_syntax(enum hp_code code)
{
    return code == HP_BAD_JSON || code == HP_BAD_UTF8 || code == HP_DUPLICATE_KEY;
}

static void check_refusal(enum hp_code code, const struct hp_fault *fault, const json_t *theirs)
{
    demand(code == fault->code && fault->detail[0], "a code without a fault");
    demand(code != HP_INTERNAL && code != HP_DEADLINE, "no such fault here");
    demand(!theirs || !is_syntax(code), "refused as no JSON, though jansson reads it");
}

static const struct hp_presets presets = { .count = 1,
    .item = { { HP_STR("p"),
        HP_STR("{\"fields\":{\"title\":2,\"body\":1},\"match\":\"any\",\"must_not\":[\"x\\u0041\"],"
               "\"stats\":{\"docs\":9,\"avg_len\":{\"title\":3},\"df\":{\"a\":2}},\"explain\":"
               "true}") } } };

static void run_route(const char *data, size_t len)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    char own[64] = { 0 };
    json_error_t error;
    json_auto_t *theirs =
        json_loadb(data, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    bool too_deep = !theirs && json_error_code(&error) == json_error_stack_overflow;
    hp_arena_init(&arena, NULL, (size_t)1 << 28);
    demand(hp_route_score.options_size <= sizeof own, "options");
    hp_fields_preset(hp_route_score.options, own);
    char *body = malloc(len + HP_PADDING);
    memcpy(body, data, len);
    memset(body + len, '"', HP_PADDING);
    struct hp_request request = {
        .body = body, .body_len = len, .options = own, .presets = &presets, .arena = &arena
    };
    struct hp_buf reply = hp_buf_in(&arena);
    enum hp_code code = hp_route_score.run(NULL, &request, &reply, &fault);
    if (code) {
        check_refusal(code, &fault, theirs);
    } else {
        demand(theirs || too_deep, "answered, though jansson refuses it");
        json_auto_t *answer =
            json_loadb(reply.ptr, reply.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        demand(answer, "the reply is no JSON");
        check_results(answer);
    }
    free(body);
    hp_arena_done(&arena);
}

// --- counting ------------------------------------------------------------------------------------

static void compare(const struct hp_counts *fast, const struct hp_counts *plain)
{
    demand(hp_str_equal(hp_buf_str(&fast->bytes), hp_buf_str(&plain->bytes)),
        "fast and plain counts differ");
}

// The query is the text's own head, so that something is found.
static void count_text(uint8_t pick, hp_str text)
{
    static const char *const names[] = { "english", "simple", "porter", "german", "turkish" };
    static struct hp_terms terms;
    static struct hp_counts fast, plain;
    struct hp_arena arena;
    struct hp_analyzer analyzer;
    struct hp_analysed found;
    struct hp_fault fault;
    hp_arena_init(&arena, NULL, (size_t)1 << 28);
    demand(!hp_analyzer_open(hp_str_from(names[pick % 5]), "", &analyzer, &fault), "analyzer");
    analyzer.keep_stops = pick & 128;
    hp_cpu_limit(pick & 64 ? HP_CPU_BASELINE : HP_CPU_AVX512);
    demand(!hp_terms_init(&terms, &analyzer, HP_TERMS_MAX, &arena, &fault), "terms");
    hp_str head = { text.ptr, hp_str_cut_at(text, 256) };
    enum hp_code code = hp_terms_add(&terms, head, NULL, "", &found, &fault);
    demand(!code || code == HP_TOO_MANY_TERMS, "query");
    demand(!hp_counts_init(&fast, &terms, &arena, &fault), "counts");
    demand(!hp_counts_init(&plain, &terms, &arena, &fault), "counts");
    demand(!hp_counts_add(&fast, &text, 1, &never, &fault), "fast");
    demand(!hp_counts_add_plain(&plain, &text, 1, &never, &fault), "plain");
    compare(&fast, &plain);
    hp_counts_done(&fast);
    hp_counts_done(&plain);
    hp_analyzer_close(&analyzer);
    hp_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == '{') {
        run_route((const char *)data, size);
        return 0;
    }
    hp_str text = { (const char *)data + 1, size - 1 };
    text.len = hp_utf8_valid(text);
    count_text(data[0], text);
    return 0;
}
