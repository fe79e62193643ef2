// json.c -- a request of 1 MiB read by hp_json_read and by jansson, and its text written by both;
// then a list of strings, as /v1/score has it, every one of them looked at. Turn by turn in one
// run: medians, in MB/s of JSON.
#include "hotpathd/json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 1 << 20, ROUNDS = 61 };

// --- material ------------------------------------------------------------------------------------

#define PROSE "The wing lifts because it turns the air downwards, and the air pushes back. "

static const struct sample {
    const char *name;
    const char *unit; // of the text, as JSON
} samples[] = {
    { "plain ASCII", PROSE },
    { "lines and quotes", "\\\"No\\\", he said, and left.\\nNobody asked him why he did.\\n" },
    { "accents and escapes", "D\xc3\xa9j\xc3\xa0 vu, na\xc3\xafve: \\\"caf\xc3\xa9\\\"\\n" PROSE },
    { "CJK", "\xe6\x9c\xba\xe7\xbf\xbc\xe4\xbd\xbf\xe7\xa9\xba\xe6\xb0\x94\xe5\x90\x91\xe4\xb8\x8b"
             "\xe5\x81\x8f\xe8\xbd\xac\xe3\x80\x82" },
    { "accents \\u-escaped", "D\\u00e9j\\u00e0 vu, na\\u00efve: \\\"caf\\u00e9\\\"\\n" PROSE },
    { "CJK \\u-escaped", "\\u673a\\u7ffc\\u4f7f\\u7a7a\\u6c14\\u5411\\u4e0b\\u504f\\u8f6c\\u3002" },
};

enum { SAMPLES = sizeof samples / sizeof *samples };

struct request {
    hp_str text;
    int format, offsets;
    int64_t max;
};

static const char *const formats[] = { "plain", "markdown", "html", NULL };
static const char *const offsets[] = { "char", "byte", "utf16", NULL };

static const struct hp_field chunk_fields[] = {
    { .key = "max", .type = HP_INT, .min = 1, .max = 1000000 },
    { .key = NULL },
};

#define AT(name) .key = #name, .offset = offsetof(struct request, name)

static const struct hp_field fields[] = {
    { AT(text), .type = HP_STRING, .flags = HP_REQUIRED },
    { AT(format), .type = HP_WORD, .words = formats },
    { AT(offsets), .type = HP_WORD, .words = offsets },
    { .key = "chunk",
        .offset = offsetof(struct request, max),
        .type = HP_OBJECT,
        .fields = chunk_fields },
    { .key = NULL },
};

static size_t make_body(const struct sample *sample, char *body)
{
    char *at = stpcpy(body, "{\"text\":\"");
    for (size_t step = strlen(sample->unit); at + step < body + SIZE; at += step)
        memcpy(at, sample->unit, step);
    at = stpcpy(at, "\",\"format\":\"markdown\",\"chunk\":{\"max\":512},\"offsets\":\"byte\"}");
    return (size_t)(at - body);
}

// The same text as a list of strings of about this many bytes.
enum { LIST_BYTES = 1100 };

static const struct hp_field list_fields[] = {
    { .key = "documents", .offset = 0, .type = HP_SPAN, .flags = HP_REQUIRED },
    { .key = NULL },
};

static size_t make_list(const struct sample *sample, char *body)
{
    char *at = stpcpy(body, "{\"documents\":[");
    size_t step = strlen(sample->unit);
    while (at + LIST_BYTES + step < body + SIZE) {
        const char *first = at;
        *at++ = '"';
        for (; at < first + LIST_BYTES; at += step)
            memcpy(at, sample->unit, step);
        at = stpcpy(at, "\",");
    }
    at = stpcpy(at - 1, "]}");
    return (size_t)(at - body);
}

// --- runs ----------------------------------------------------------------------------------------

struct scene {
    const char *body;
    size_t len;
    char *copy; // of the body, decoded in place
    hp_str text;
    json_t *string; // the same for jansson
    char *out;
};

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench/json: %s\n", what);
    exit(EXIT_FAILURE);
}

static size_t read_ours(struct scene *scene)
{
    struct request request = { .max = 0 };
    struct hp_fault fault = HP_FAULT_NONE;
    enum hp_code code = hp_json_read(scene->copy, scene->len, NULL, fields, &request, &fault);
    must(!code && request.max == 512, "our reader refused the body");
    return scene->len;
}

static size_t read_list(struct scene *scene)
{
    struct hp_json body = { .start = scene->copy, .end = scene->copy + scene->len, .pointer = "" };
    struct hp_json list;
    struct hp_span span;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_member whole, item;
    hp_str text;
    bool found;
    must(!hp_json_read(scene->copy, scene->len, NULL, list_fields, &span, &fault), "no list");
    whole = hp_json_member(&body, span);
    hp_json_enter(&list, &body, &whole, "/documents");
    for (;;) {
        must(!hp_json_next(&list, &item, &found, &fault), "no string in the list");
        if (!found)
            return scene->len;
        must(!hp_json_string(&list, &item, &text, &fault) && text.len, "no string");
    }
}

static size_t read_jansson(struct scene *scene)
{
    json_t *tree =
        json_loadb(scene->body, scene->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    must(tree, "jansson refused the body");
    json_decref(tree);
    return scene->len;
}

static size_t write_ours(struct scene *scene)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 64 << 20);
    struct hp_buf buf = hp_buf_in(&arena);
    hp_json_put_string(&buf, scene->text);
    must(!buf.failed, "our writer found no memory");
    size_t len = buf.len;
    hp_arena_done(&arena);
    return len;
}

static size_t write_jansson(struct scene *scene)
{
    return json_dumpb(scene->string, scene->out, 8 * SIZE, JSON_ENCODE_ANY);
}

struct run {
    const char *name;
    size_t (*call)(struct scene *scene);
};

static const struct run text_runs[] = {
    { "read", read_ours },
    { "jansson", read_jansson },
    { "write", write_ours },
    { "jansson", write_jansson },
};

static const struct run list_runs[] = { { "read", read_list }, { "jansson", read_jansson } };

enum { TEXT_RUNS = sizeof text_runs / sizeof *text_runs, LIST_RUNS = 2 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *of)
{
    qsort(of, ROUNDS, sizeof *of, compare);
    return of[ROUNDS / 2];
}

// Prints MB/s of each run and the ratio of each pair, the runs taking turns.
static void measure(const char *name, struct scene *scene, const struct run *runs, size_t count)
{
    static double each[TEXT_RUNS][ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t run = 0; run < count; run++) {
            memcpy(scene->copy, scene->body, scene->len);
            uint64_t start = hp_now_ns();
            size_t bytes = runs[run].call(scene);
            uint64_t ns = hp_now_ns() - start;
            each[run][round] = (double)bytes * 1000 / (double)ns;
        }
    }
    printf("%-20s", name);
    for (size_t run = 0; run < count; run += 2) {
        double ours = median(each[run]), theirs = median(each[run + 1]);
        printf(" | %8.0f %8.0f %6.0fx", ours, theirs, ours / theirs);
    }
    printf("\n");
}

static void heading(const char *what, const struct run *runs, size_t count)
{
    printf("%-20s", what);
    for (size_t run = 0; run < count; run += 2)
        printf(" | %8s %8s %7s", runs[run].name, runs[run + 1].name, "ratio");
    printf("\n");
}

// The text of the request, for the writers.
static hp_str decoded_text(struct scene *scene)
{
    struct request request;
    struct hp_fault fault;
    memcpy(scene->copy, scene->body, scene->len);
    must(!hp_json_read(scene->copy, scene->len, NULL, fields, &request, &fault), "no text");
    char *text = malloc(request.text.len);
    must(text, "no memory");
    memcpy(text, request.text.ptr, request.text.len);
    return (hp_str){ text, request.text.len };
}

static void show_text(const struct sample *sample, struct scene *scene, char *body)
{
    scene->len = make_body(sample, body);
    scene->text = decoded_text(scene);
    scene->string = json_stringn(scene->text.ptr, scene->text.len);
    must(scene->string, "jansson refused the text");
    measure(sample->name, scene, text_runs, TEXT_RUNS);
    json_decref(scene->string);
    free((char *)scene->text.ptr);
}

static void show_list(const struct sample *sample, struct scene *scene, char *body)
{
    scene->len = make_list(sample, body);
    measure(sample->name, scene, list_runs, LIST_RUNS);
}

int main(void)
{
    char *body = malloc(SIZE + 256), *copy = malloc(SIZE + 256), *out = malloc(8 * SIZE);
    must(body && copy && out, "no memory");
    struct scene scene = { .body = body, .copy = copy, .out = out };
    hp_json_start();
    printf("MB/s of 1 MiB of JSON, medians of %d rounds\n", ROUNDS);
    heading("one string", text_runs, TEXT_RUNS);
    for (size_t i = 0; i < SAMPLES; i++)
        show_text(&samples[i], &scene, body);
    heading("strings of 1.1 KB", list_runs, LIST_RUNS);
    for (size_t i = 0; i < SAMPLES; i++)
        show_list(&samples[i], &scene, body);
    free(out);
    free(copy);
    free(body);
    return 0;
}
