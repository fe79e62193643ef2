// json.c -- a request of 1 MiB read by hp_json_read and by jansson, and its text written by both,
// turn by turn in one run: medians, in MB/s of JSON.
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
    enum hp_code code = hp_json_read(scene->copy, scene->len, fields, &request, &fault);
    must(!code && request.max == 512, "our reader refused the body");
    return scene->len;
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

static const struct run {
    const char *name;
    size_t (*call)(struct scene *scene);
} runs[] = {
    { "read", read_ours },
    { "jansson", read_jansson },
    { "write", write_ours },
    { "jansson", write_jansson },
};

enum { RUNS = sizeof runs / sizeof *runs };

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

// MB/s of each run, the runs taking turns.
static void measure(struct scene *scene, double rates[RUNS])
{
    static double each[RUNS][ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t run = 0; run < RUNS; run++) {
            memcpy(scene->copy, scene->body, scene->len);
            uint64_t start = hp_now_ns();
            size_t bytes = runs[run].call(scene);
            uint64_t ns = hp_now_ns() - start;
            each[run][round] = (double)bytes * 1000 / (double)ns;
        }
    }
    for (size_t run = 0; run < RUNS; run++)
        rates[run] = median(each[run]);
}

// The text of the request, for the writers.
static hp_str decoded_text(struct scene *scene)
{
    struct request request;
    struct hp_fault fault;
    memcpy(scene->copy, scene->body, scene->len);
    must(!hp_json_read(scene->copy, scene->len, fields, &request, &fault), "no text");
    char *text = malloc(request.text.len);
    must(text, "no memory");
    memcpy(text, request.text.ptr, request.text.len);
    return (hp_str){ text, request.text.len };
}

static void show(const struct sample *sample)
{
    char *body = malloc(SIZE + 256), *copy = malloc(SIZE + 256), *out = malloc(8 * SIZE);
    must(body && copy && out, "no memory");
    struct scene scene = { .body = body, .copy = copy, .out = out };
    double rates[RUNS];
    scene.len = make_body(sample, body);
    scene.text = decoded_text(&scene);
    scene.string = json_stringn(scene.text.ptr, scene.text.len);
    must(scene.string, "jansson refused the text");
    measure(&scene, rates);
    printf("%-20s", sample->name);
    for (size_t run = 0; run < RUNS; run += 2)
        printf(" | %8.0f %8.0f %6.0fx", rates[run], rates[run + 1], rates[run] / rates[run + 1]);
    printf("\n");
    json_decref(scene.string);
    free((char *)scene.text.ptr);
    free(out);
    free(copy);
    free(body);
}

int main(void)
{
    hp_json_start();
    printf("MB/s of 1 MiB of JSON, medians of %d rounds\n%-20s", ROUNDS, "");
    for (size_t run = 0; run < RUNS; run += 2)
        printf(" | %8s %8s %7s", runs[run].name, runs[run + 1].name, "ratio");
    printf("\n");
    for (size_t i = 0; i < SAMPLES; i++)
        show(&samples[i]);
    return 0;
}
