// score_request.c -- the contract's ScoreRequest, read. The body is walked once by the table, which
// leaves spans; each span is then walked by its own function, in an order that suits us.
#include "routes/score_request.h"

#include "hotpathd/utf8.h"

#include <math.h>
#include <stdio.h>

// --- tables --------------------------------------------------------------------------------------

#define LIMIT(name) .key = #name, .offset = offsetof(struct score_limits, name)

const struct hp_field score_options[] = {
    { LIMIT(max_documents), .help = "documents of one request", .type = HP_INT, .min = 1,
        .max = 1000000, .preset = "10000" },
    { LIMIT(max_document), .help = "bytes of one document, all its fields together",
        .type = HP_SIZE, .min = 1, .max = INT64_C(1) << 30, .preset = "1MiB" },
    { LIMIT(max_terms), .help = "different words that one request looks for", .type = HP_INT,
        .min = 1, .max = HP_TERMS_MAX, .preset = "64" },
    { .key = NULL },
};

static const char *const fusions[] = { "sum", "rrf", NULL };

static const struct hp_field bm25_fields[] = {
    { .key = "k1",
        .help = "how soon more of the same word adds nothing",
        .type = HP_REAL,
        .max = 100,
        .offset = offsetof(struct hp_bm25, k1),
        .preset = "1.2" },
    { .key = "b",
        .help = "how much a document's length counts",
        .type = HP_REAL,
        .max = 1,
        .offset = offsetof(struct hp_bm25, b),
        .preset = "0.75" },
    { .key = NULL },
};

static const struct hp_field stats_fields[] = {
    { .key = "docs",
        .help = "documents of the corpus",
        .type = HP_INT,
        .min = 1,
        .max = INT64_MAX,
        .offset = offsetof(struct score_stats, docs) },
    { .key = "avg_len",
        .help = "words of a document, or of each field",
        .type = HP_SPAN,
        .offset = offsetof(struct score_stats, avg_len) },
    { .key = "df",
        .help = "documents that hold a word",
        .type = HP_SPAN,
        .offset = offsetof(struct score_stats, df) },
    { .key = NULL },
};

#define AT(name) .key = #name, .offset = offsetof(struct score_request, name)

// What a preset may hold: all but what is of one request alone.
#define OPTIONS                                                                                    \
    { AT(top_n), .help = "results", .type = HP_INT, .min = 1, .max = INT64_MAX },                  \
        { AT(fields), .help = "weights of the fields", .type = HP_SPAN },                          \
        { AT(analyzer), .help = "of words", .type = HP_STRING, .preset = "english" },              \
        { AT(bm25), .help = "of the formula", .type = HP_OBJECT, .fields = bm25_fields },          \
        { AT(stats), .help = "of the corpus", .type = HP_OBJECT, .fields = stats_fields },         \
        { AT(prior_weight), .help = "of the priors", .type = HP_REAL, .preset = "1" },             \
        { AT(fusion), .help = "of score and prior", .type = HP_WORD, .words = fusions },           \
        { AT(match), .help = "query words that a result holds", .type = HP_SPAN },                 \
        { AT(must), .help = "words that a result holds", .type = HP_SPAN },                        \
        { AT(must_not), .help = "words that no result holds", .type = HP_SPAN },                   \
        { AT(min_score), .help = "of a result", .type = HP_REAL },                                 \
        { AT(explain), .help = "every part of a score", .type = HP_BOOL },                         \
    {                                                                                              \
        AT(return_documents), .help = "documents come back", .type = HP_BOOL                       \
    }

static enum hp_code start_from(
    void *request, hp_str name, const char *pointer, struct hp_fault *fault);

static const struct hp_field request_fields[] = {
    { AT(query), .help = "words to look for", .type = HP_STRING, .flags = HP_REQUIRED },
    { AT(documents), .help = "candidates", .type = HP_SPAN, .flags = HP_REQUIRED },
    OPTIONS,
    { AT(priors), .help = "one number a document", .type = HP_SPAN },
    { AT(model), .help = "ignored", .type = HP_STRING },
    { .key = "preset", .help = "options to start from", .type = HP_BASE, .bare = start_from },
    { .key = NULL },
};

static const struct hp_field preset_fields[] = {
    OPTIONS,
    { .key = NULL },
};

// --- the body ------------------------------------------------------------------------------------

enum { QUERY_MAX = 4096 }; // characters; of an entry of a filter too

struct hp_json score_body(const struct hp_request *in, struct hp_span span)
{
    bool sent = (uintptr_t)span.ptr - (uintptr_t)in->body < in->body_len;
    return (struct hp_json){ .start = sent ? in->body : span.ptr,
        .end = sent ? in->body + in->body_len : span.ptr + span.len,
        .deadline = &in->deadline,
        .pointer = "" };
}

// What holds where a request says nothing.
static void set_defaults(struct score_request *out)
{
    hp_fields_preset(request_fields, out);
    out->min_score = -INFINITY;
    out->top_n = INT64_MAX;
}

static enum hp_code start_from(
    void *request, hp_str name, const char *pointer, struct hp_fault *fault)
{
    struct score_request *out = request;
    return hp_json_read_preset(out->presets, name, pointer, out->arena, preset_fields, out, fault);
}

enum hp_code score_read(struct hp_request *in, struct score_request *out, struct hp_fault *fault)
{
    out->presets = in->presets;
    out->arena = in->arena;
    set_defaults(out);
    HP_TRY(hp_json_read(in->body, in->body_len, &in->deadline, request_fields, out, fault));
    size_t chars = hp_utf8_chars(out->query);
    if (chars < 1 || chars > QUERY_MAX)
        return hp_fail_limit(fault, HP_OUT_OF_RANGE, "/query", chars ? QUERY_MAX : 1,
            "1 to %d characters", QUERY_MAX);
    if (out->stats.df.ptr && !out->stats.docs)
        return hp_fail(fault, HP_MISSING_FIELD, "/stats/docs", "df needs the number of documents");
    return HP_OK;
}

// "/documents/17"; made for every document, so without printf.
static void pointer_to(char *pointer, const char *list, size_t index)
{
    char digits[24];
    size_t first = sizeof digits, len = strlen(list);
    do
        digits[--first] = (char)('0' + index % 10);
    while (index /= 10);
    memcpy(pointer, list, len);
    pointer[len++] = '/';
    memcpy(pointer + len, digits + first, sizeof digits - first);
    pointer[len + sizeof digits - first] = '\0';
}

enum { CHECKED_EVERY = 16384 }; // bytes: some 50 us of work at the worst

// Looks at the deadline where `at` is far enough behind `last`, which then is there too.
static enum hp_code tick(
    const struct hp_request *in, size_t at, size_t *last, struct hp_fault *fault)
{
    if (at - *last < CHECKED_EVERY)
        return HP_OK;
    *last = at;
    return hp_deadline_check(&in->deadline, fault);
}

// --- documents -----------------------------------------------------------------------------------

struct loading {
    const struct score_limits *limits;
    struct hp_arena *arena;
    struct score_documents *out;
    bool fixed;                  // the request names the fields
    hp_str field[HP_FIELDS_MAX]; // of the document that is being read
    score_taker take;
    void *context;
    char *copy; // of the documents as they were sent
    size_t sent_room;
};

enum { ROOM_FIRST = 256, NO_FIELD = -1 };

static enum hp_code check_size(
    const struct loading *loading, size_t bytes, const char *list, struct hp_fault *fault)
{
    char pointer[HP_POINTER_MAX];
    if (bytes <= (size_t)loading->limits->max_document)
        return HP_OK;
    pointer_to(pointer, list, loading->out->count);
    return hp_fail_limit(fault, HP_DOCUMENT_TOO_LARGE, pointer,
        (uint64_t)loading->limits->max_document, "a document has at most %lld bytes",
        (long long)loading->limits->max_document);
}

static int field_named(const struct score_documents *documents, hp_str name)
{
    for (size_t i = 0; i < documents->fields; i++)
        if (hp_str_equal(documents->name[i], name))
            return (int)i;
    return NO_FIELD;
}

static void pointer_into(char *pointer, const struct hp_json *json, const struct hp_member *member)
{
    snprintf(pointer, HP_POINTER_MAX, "%s", json->pointer);
    hp_pointer_add(pointer, member->name);
}

// The field's index; where the request names none, each new name makes one.
static enum hp_code find_field(struct loading *loading, const struct hp_json *json,
    const struct hp_member *member, int *field, struct hp_fault *fault)
{
    struct score_documents *out = loading->out;
    hp_str name = member->name;
    char pointer[HP_POINTER_MAX];
    *field = field_named(out, name);
    if (*field != NO_FIELD || loading->fixed)
        return HP_OK;
    if (out->fields == HP_FIELDS_MAX) {
        pointer_into(pointer, json, member);
        return hp_fail_limit(fault, HP_OUT_OF_RANGE, pointer, HP_FIELDS_MAX,
            "at most %d fields; `fields` says which ones count", HP_FIELDS_MAX);
    }
    *field = (int)out->fields;
    out->name[out->fields++] = name;
    return HP_OK;
}

static enum hp_code read_field(struct loading *loading, const struct hp_json *json,
    const struct hp_member *member, size_t *bytes, struct hp_fault *fault)
{
    char pointer[HP_POINTER_MAX];
    hp_str text;
    int field;
    if (member->kind != HP_JSON_STRING) {
        pointer_into(pointer, json, member);
        return hp_json_bad_type(json, member, pointer, "a string", fault);
    }
    HP_TRY(hp_json_string(json, member, &text, fault));
    HP_TRY(find_field(loading, json, member, &field, fault));
    *bytes += text.len;
    if (field != NO_FIELD)
        loading->field[field] = text;
    return HP_OK;
}

static enum hp_code read_object(struct loading *loading, const struct hp_json *list,
    const struct hp_member *item, struct hp_fault *fault)
{
    struct hp_json json;
    struct hp_member member;
    char pointer[HP_POINTER_MAX];
    size_t bytes = 0;
    bool found;
    pointer_to(pointer, list->pointer, loading->out->count);
    hp_json_enter(&json, list, item, pointer);
    for (;;) {
        HP_TRY(hp_json_next(&json, &member, &found, fault));
        if (!found)
            return check_size(loading, bytes, list->pointer, fault);
        HP_TRY(read_field(loading, &json, &member, &bytes, fault));
    }
}

static enum hp_code read_string(struct loading *loading, const struct hp_json *list,
    const struct hp_member *item, struct hp_fault *fault)
{
    hp_str text;
    HP_TRY(hp_json_string(list, item, &text, fault));
    loading->field[0] = text;
    return check_size(loading, text.len, list->pointer, fault);
}

// Notes where the copy has this document.
static enum hp_code note_sent(struct loading *loading, const struct hp_member *item,
    const char *first, struct hp_fault *fault)
{
    struct score_documents *out = loading->out;
    if (!loading->copy)
        return HP_OK;
    if (out->count == loading->sent_room) {
        size_t room = loading->sent_room ? loading->sent_room * 2 : ROOM_FIRST;
        hp_str *sent = hp_grow(
            loading->arena, out->sent, loading->sent_room * sizeof *sent, room * sizeof *sent);
        if (!sent)
            return hp_no_memory(loading->arena, fault);
        out->sent = sent;
        loading->sent_room = room;
    }
    out->sent[out->count] = (hp_str){ loading->copy + (item->value - first), item->len };
    return HP_OK;
}

static enum hp_code read_document(struct loading *loading, const struct hp_json *list,
    const struct hp_member *item, struct hp_fault *fault)
{
    struct score_documents *out = loading->out;
    bool object = *item->value == '{';
    char pointer[HP_POINTER_MAX];
    if (out->count == (size_t)loading->limits->max_documents)
        return hp_fail_limit(fault, HP_TOO_MANY_DOCUMENTS, list->pointer, out->count,
            "at most %zu documents", out->count);
    pointer_to(pointer, list->pointer, out->count);
    if (item->kind != HP_JSON_STRING && !object)
        return hp_json_bad_type(list, item, pointer, "a string, or an object of strings", fault);
    if (out->count == 0)
        out->objects = object;
    if (object != out->objects)
        return hp_fail(fault, HP_MIXED_DOCUMENTS, pointer, "all strings, or all objects");
    return object ? read_object(loading, list, item, fault)
                  : read_string(loading, list, item, fault);
}

static enum hp_code take_document(struct loading *loading, struct hp_fault *fault)
{
    size_t fields = loading->out->fields ? loading->out->fields : 1;
    HP_TRY(loading->take(loading->context, loading->field, fields, fault));
    memset(loading->field, 0, sizeof loading->field);
    loading->out->count++;
    return HP_OK;
}

static enum hp_code read_documents(struct hp_request *in, const struct score_request *request,
    struct loading *loading, struct hp_fault *fault)
{
    struct hp_json body = score_body(in, request->documents), list;
    struct hp_member whole = hp_json_member(&body, request->documents), item;
    bool found;
    if (*whole.value != '[')
        return hp_json_bad_type(&body, &whole, "/documents", "a list", fault);
    hp_json_enter(&list, &body, &whole, "/documents");
    for (size_t last = 0;;) {
        HP_TRY(hp_json_next(&list, &item, &found, fault));
        if (!found)
            return HP_OK;
        HP_TRY(tick(in, item.offset, &last, fault));
        HP_TRY(note_sent(loading, &item, whole.value, fault));
        HP_TRY(read_document(loading, &list, &item, fault));
        HP_TRY(take_document(loading, fault));
    }
}

// --- fields --------------------------------------------------------------------------------------

struct weighing {
    struct score_request *request;
    struct score_documents *documents;
    struct hp_arena *arena;
};

static enum hp_code add_weight(void *context, hp_str name, double value, const int64_t *integer,
    const char *pointer, struct hp_fault *fault)
{
    struct weighing *weighing = context;
    struct score_documents *documents = weighing->documents;
    (void)integer;
    if (!(value > 0 && value <= 100))
        return hp_fail_limit(fault, HP_OUT_OF_RANGE, pointer, 100, "above 0 and at most 100");
    if (documents->fields == HP_FIELDS_MAX)
        return hp_fail_limit(
            fault, HP_OUT_OF_RANGE, "/fields", HP_FIELDS_MAX, "1 to %d fields", HP_FIELDS_MAX);
    char *copy = hp_arena_text(weighing->arena, name);
    if (!copy)
        return hp_no_memory(weighing->arena, fault);
    weighing->request->bm25.weight[documents->fields] = value;
    documents->name[documents->fields++] = (hp_str){ copy, name.len };
    return HP_OK;
}

enum hp_code score_read_fields(struct hp_request *in, struct score_request *request,
    struct score_documents *out, struct hp_fault *fault)
{
    struct weighing weighing = { request, out, in->arena };
    for (size_t i = 0; i < HP_FIELDS_MAX; i++)
        request->bm25.weight[i] = 1;
    if (!request->fields.ptr)
        return HP_OK;
    struct hp_json body = score_body(in, request->fields);
    struct hp_member member = hp_json_member(&body, request->fields);
    HP_TRY(hp_json_numbers(&body, &member, "/fields", add_weight, &weighing, fault));
    if (out->fields == 0)
        return hp_fail_limit(fault, HP_OUT_OF_RANGE, "/fields", 1, "1 to %d fields", HP_FIELDS_MAX);
    return HP_OK;
}

enum hp_code score_read_documents(struct hp_request *in, struct score_request *request,
    struct score_documents *out, score_taker take, void *context, struct hp_fault *fault)
{
    *out = (struct score_documents){ 0 };
    struct loading loading = {
        .limits = in->options, .arena = in->arena, .out = out, .take = take, .context = context
    };
    HP_TRY(score_read_fields(in, request, out, fault));
    loading.fixed = request->fields.ptr != NULL;
    if (request->return_documents) {
        loading.copy = HP_NEW_RAW(in->arena, char, request->documents.len);
        if (!loading.copy)
            return hp_no_memory(in->arena, fault);
        memcpy(loading.copy, request->documents.ptr, request->documents.len);
    }
    HP_TRY(read_documents(in, request, &loading, fault));
    if (loading.fixed && out->count && !out->objects)
        return hp_fail(fault, HP_BAD_TYPE, "/fields", "documents that are strings have no fields");
    out->fields = out->fields ? out->fields : 1;
    return HP_OK;
}

// --- priors, match, words ------------------------------------------------------------------------

static enum hp_code wrong_length(size_t documents, struct hp_fault *fault)
{
    return hp_fail_limit(fault, HP_LENGTH_MISMATCH, "/priors", documents,
        "one number for each of the %zu documents", documents);
}

enum hp_code score_read_priors(struct hp_request *in, const struct score_request *request,
    size_t documents, const double **out, struct hp_fault *fault)
{
    *out = NULL;
    if (!request->priors.ptr)
        return HP_OK;
    struct hp_json body = score_body(in, request->priors), list;
    struct hp_member whole = hp_json_member(&body, request->priors), item;
    double *prior = HP_NEW_RAW(in->arena, double, documents + 1);
    char pointer[HP_POINTER_MAX];
    bool found;
    if (!prior)
        return hp_no_memory(in->arena, fault);
    if (*whole.value != '[')
        return hp_json_bad_type(&body, &whole, "/priors", "a list of numbers", fault);
    hp_json_enter(&list, &body, &whole, "/priors");
    for (size_t i = 0;; i++) {
        HP_TRY(hp_json_next(&list, &item, &found, fault));
        if (found ? i == documents : i < documents)
            return wrong_length(documents, fault);
        if (!found)
            break;
        pointer_to(pointer, "/priors", i);
        HP_TRY(hp_json_real(&list, &item, pointer, &prior[i], fault));
    }
    *out = prior;
    return HP_OK;
}

static enum hp_code match_word(hp_str word, size_t *out, struct hp_fault *fault)
{
    if (hp_str_is(word, "none"))
        *out = 0;
    else if (hp_str_is(word, "any"))
        *out = 1;
    else if (hp_str_is(word, "all"))
        *out = SIZE_MAX;
    else
        return hp_fail(fault, HP_OUT_OF_RANGE, "/match", "none, any, all, or a number of words");
    return HP_OK;
}

enum hp_code score_read_match(
    struct hp_request *in, const struct score_request *request, size_t *out, struct hp_fault *fault)
{
    *out = 0;
    if (!request->match.ptr)
        return HP_OK;
    struct hp_json body = score_body(in, request->match);
    struct hp_member member = hp_json_member(&body, request->match);
    int64_t least;
    hp_str word;
    if (member.kind == HP_JSON_STRING) {
        HP_TRY(hp_json_string(&body, &member, &word, fault));
        return match_word(word, out, fault);
    }
    HP_TRY(hp_json_int(&body, &member, "/match", &least, fault));
    if (least < 1)
        return hp_fail_limit(fault, HP_OUT_OF_RANGE, "/match", 1, "at least 1");
    *out = (size_t)least;
    return HP_OK;
}

enum hp_code score_read_words(struct hp_request *in, struct hp_span span, const char *pointer,
    enum hp_code (*each)(void *context, hp_str word, struct hp_fault *fault), void *context,
    struct hp_fault *fault)
{
    if (!span.ptr)
        return HP_OK;
    struct hp_json body = score_body(in, span), list;
    struct hp_member whole = hp_json_member(&body, span), item;
    char place[HP_POINTER_MAX];
    hp_str word;
    bool found;
    if (*whole.value != '[')
        return hp_json_bad_type(&body, &whole, pointer, "a list of strings", fault);
    hp_json_enter(&list, &body, &whole, pointer);
    for (size_t i = 0, last = 0;; i++) {
        HP_TRY(hp_json_next(&list, &item, &found, fault));
        if (!found)
            return HP_OK;
        HP_TRY(tick(in, item.offset, &last, fault));
        pointer_to(place, pointer, i);
        if (item.kind != HP_JSON_STRING)
            return hp_json_bad_type(&list, &item, place, "a string", fault);
        HP_TRY(hp_json_string(&list, &item, &word, fault));
        if (hp_utf8_chars(word) > QUERY_MAX)
            return hp_fail_limit(
                fault, HP_OUT_OF_RANGE, place, QUERY_MAX, "at most %d characters", QUERY_MAX);
        HP_TRY(each(context, word, fault));
    }
}

// --- statistics ----------------------------------------------------------------------------------

// A field that the request does not name and no document happens to have is passed over: whether a
// request is right must not depend on the rows that came back.
struct averaging {
    const struct score_documents *documents;
    struct hp_corpus *corpus;
    bool named; // the request names the fields
};

static enum hp_code add_average(void *context, hp_str name, double value, const int64_t *integer,
    const char *pointer, struct hp_fault *fault)
{
    struct averaging *averaging = context;
    int field = field_named(averaging->documents, name);
    (void)integer;
    if (field == NO_FIELD && averaging->named)
        return hp_fail(fault, HP_UNKNOWN_FIELD, pointer, "`fields` has no such field");
    if (!(value > 0))
        return hp_fail(fault, HP_OUT_OF_RANGE, pointer, "above 0");
    if (field != NO_FIELD)
        averaging->corpus->average[field] = value;
    return HP_OK;
}

enum hp_code score_read_stats(struct hp_request *in, const struct score_request *request,
    const struct score_documents *documents, struct hp_corpus *out, struct hp_fault *fault)
{
    static const char pointer[] = "/stats/avg_len";
    struct averaging averaging = { documents, out, request->fields.ptr != NULL };
    double average;
    *out = (struct hp_corpus){ .documents = (uint64_t)request->stats.docs };
    if (!request->stats.avg_len.ptr)
        return HP_OK;
    struct hp_json body = score_body(in, request->stats.avg_len);
    struct hp_member member = hp_json_member(&body, request->stats.avg_len);
    if (*member.value == '{' && (documents->objects || !documents->count))
        return hp_json_numbers(&body, &member, pointer, add_average, &averaging, fault);
    if (*member.value == '{' || (documents->objects && documents->fields > 1))
        return hp_json_bad_type(&body, &member, pointer,
            documents->objects ? "an object of numbers, one for each field" : "a number", fault);
    HP_TRY(hp_json_real(&body, &member, pointer, &average, fault));
    if (!(average > 0))
        return hp_fail(fault, HP_OUT_OF_RANGE, pointer, "above 0");
    out->average[0] = average;
    return HP_OK;
}

// --- a preset of the configuration ---------------------------------------------------------------

enum hp_code score_df_value(const int64_t *value, const char *pointer, struct hp_fault *fault)
{
    if (!value)
        return hp_fail(fault, HP_BAD_TYPE, pointer, "an integer");
    if (*value < 0)
        return hp_fail_limit(fault, HP_OUT_OF_RANGE, pointer, 0, "at least 0");
    return HP_OK;
}

static enum hp_code check_df(void *context, hp_str name, double value, const int64_t *integer,
    const char *pointer, struct hp_fault *fault)
{
    (void)context, (void)name, (void)value;
    return score_df_value(integer, pointer, fault);
}

static enum hp_code check_word(void *context, hp_str word, struct hp_fault *fault)
{
    (void)context, (void)word, (void)fault;
    return HP_OK;
}

// Of documents it is only known whether they have fields.
static enum hp_code check_stats(
    struct hp_request *in, struct score_request *request, struct hp_fault *fault)
{
    struct score_documents documents = { 0 };
    struct hp_corpus corpus;
    struct hp_span average = request->stats.avg_len, df = request->stats.df;
    HP_TRY(score_read_fields(in, request, &documents, fault));
    documents.objects = average.ptr && *average.ptr == '{';
    HP_TRY(score_read_stats(in, request, &documents, &corpus, fault));
    if (!df.ptr)
        return HP_OK;
    struct hp_json body = score_body(in, df);
    struct hp_member member = hp_json_member(&body, df);
    return hp_json_numbers(&body, &member, "/stats/df", check_df, NULL, fault);
}

enum hp_code score_check_preset(hp_str json, struct hp_arena *arena, struct hp_fault *fault)
{
    struct score_request request = { .arena = arena };
    struct hp_request in = { .arena = arena };
    HP_CLOSED struct hp_analyzer analyzer = { .stemmer = NULL };
    size_t least;
    set_defaults(&request);
    HP_TRY(hp_json_read_copy(json, arena, preset_fields, &request, fault));
    HP_TRY(hp_analyzer_open(request.analyzer, "/analyzer", &analyzer, fault));
    HP_TRY(score_read_match(&in, &request, &least, fault));
    HP_TRY(score_read_words(&in, request.must, "/must", check_word, NULL, fault));
    HP_TRY(score_read_words(&in, request.must_not, "/must_not", check_word, NULL, fault));
    return check_stats(&in, &request, fault);
}
