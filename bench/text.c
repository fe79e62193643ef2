// text.c -- our side of bench/text.py: one task over the documents of a folder, in a process of its
// own. The first fifth warms up, each of the rest is done once, in CPU time of this thread.
//
//     text count|chunk|cut|clean|request [max] [overlap] [unit] [format] <LIST
//
// LIST names a file a line. `chunk` does no cleaning, `cut` counts no tokens either (characters or
// bytes of plain text), `clean` does nothing but clean; `request` is the whole
// route: JSON in, standard cleaning, chunks with ids and spans, JSON out.
#include "hotpathd/json.h"
#include "hotpathd/route.h"
#include "text/document.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILES_MAX = 4096, BODY_MAX = 4 << 20, MEMORY = 1 << 30 };

static const struct hp_deadline never = { 0 };

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "text: %s\n", what);
    exit(EXIT_FAILURE);
}

static hp_str read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    must(file, path);
    char *bytes = malloc(BODY_MAX);
    must(bytes, "no memory");
    size_t len = fread(bytes, 1, BODY_MAX, file);
    fclose(file);
    must(len < BODY_MAX && hp_utf8_valid((hp_str){ bytes, len }) == len, path);
    return (hp_str){ bytes, len };
}

static size_t read_list(hp_str files[FILES_MAX])
{
    char path[1024];
    size_t count = 0;
    while (count < FILES_MAX && fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = '\0';
        files[count++] = read_file(path);
    }
    return count;
}

struct totals {
    uint64_t cpu_ns;
    size_t bytes, chunks, tokens;
};

struct job {
    const char *task;
    const struct hp_vocab *vocab;
    struct hp_document_options options;
    const char *unit, *format;
    void *state; // of the route
    struct totals totals;
};

static void do_document(struct job *job, hp_str text, struct hp_arena *arena)
{
    struct hp_document document;
    struct hp_fault fault = HP_FAULT_NONE;
    uint64_t from = hp_thread_cpu_ns();
    if (strcmp(job->task, "clean") == 0)
        must(!hp_clean(text, &job->options.clean, arena, &never, &document.clean, &fault),
            fault.detail);
    else if (strcmp(job->task, "cut") == 0)
        must(!hp_chunk_text(
                 text, NULL, NULL, &job->options.chunk, arena, &never, &document.chunks, &fault),
            fault.detail);
    else
        must(!hp_document_read(job->vocab, text, &job->options, arena, &never, &document, &fault),
            fault.detail);
    job->totals.cpu_ns += hp_thread_cpu_ns() - from;
    if (job->task[0] != 'c' || job->options.whole || strcmp(job->task, "clean") == 0)
        return;
    job->totals.chunks += document.chunks.count;
    for (size_t i = 0; i < document.chunks.count; i++)
        job->totals.tokens += document.chunks.chunk[i].tokens;
}

static void do_request(struct job *job, hp_str text, struct hp_arena *arena)
{
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_buf body = hp_buf_in(arena), reply = hp_buf_in(arena);
    hp_buf_add(&body, HP_S("{\"text\":"));
    hp_json_put_string(&body, text);
    hp_buf_format(&body, ",\"chunk\":{\"max\":%lld,\"overlap\":%lld,\"unit\":\"%s\"}}",
        (long long)job->options.chunk.max, (long long)job->options.chunk.overlap, job->unit);
    hp_buf_room(&body, HP_PADDING);
    must(!body.failed, "no memory");
    struct hp_request request = { .body = body.ptr,
        .body_len = body.len,
        .media_type = HP_STR("application/json"),
        .arena = arena };
    uint64_t from = hp_thread_cpu_ns();
    must(!hp_routes[0]->run(job->state, &request, &reply, &fault), fault.detail);
    job->totals.cpu_ns += hp_thread_cpu_ns() - from;
}

static void run(struct job *job, const hp_str *files, size_t count)
{
    struct hp_arena arena;
    for (size_t i = 0; i < count; i++) {
        hp_arena_init(&arena, NULL, MEMORY);
        if (strcmp(job->task, "request") == 0)
            do_request(job, files[i], &arena);
        else
            do_document(job, files[i], &arena);
        job->totals.bytes += files[i].len;
        hp_arena_done(&arena);
    }
}

static int word(const char *given, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(given, words[i]) == 0)
            return i;
    must(false, given);
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const units[] = { "tokens", "chars", "bytes", NULL };
    static const char *const formats[] = { "plain", "markdown", "html", NULL };
    static hp_str files[FILES_MAX];
    static char state[4096];
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_setting setting = { .vocabulary = "build/vocab" };
    must(argc > 1, "text count|chunk|cut|clean|request [max] [overlap] [unit] [format] <LIST");
    mallopt(M_MMAP_THRESHOLD, 1 << 30); // as the daemon does
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    hp_json_start();
    struct job job = { .task = argv[1],
        .vocab = hp_vocab_open(setting.vocabulary, HP_O200K_BASE, &fault),
        .unit = argc > 4 ? argv[4] : "tokens",
        .state = state };
    must(job.vocab, "no vocabulary: make vocab");
    must(hp_routes[0]->state_size <= sizeof state, "state");
    must(!hp_routes[0]->open(state, &setting, &fault), fault.detail);
    job.options.clean = strcmp(job.task, "clean") == 0 ? hp_clean_standard : hp_clean_none;
    job.options.clean.format = argc > 5 ? word(argv[5], formats) : HP_PLAIN;
    job.options.whole = strcmp(job.task, "count") == 0;
    job.options.chunk = (struct hp_chunk_options){ .max = argc > 2 ? atol(argv[2]) : 512,
        .overlap = argc > 3 ? atol(argv[3]) : 0,
        .unit = word(job.unit, units) };
    size_t count = read_list(files), warm = count / 5 ? count / 5 : 1;
    must(count > 1, "two documents at least");
    run(&job, files, warm);
    job.totals = (struct totals){ 0 };
    run(&job, files + warm, count - warm);
    printf("{\"bytes\": %zu, \"cpu_s\": %.9f, \"documents\": %zu, \"chunks\": %zu, \"tokens\": "
           "%zu}\n",
        job.totals.bytes, (double)job.totals.cpu_ns / 1e9, count - warm, job.totals.chunks,
        job.totals.tokens);
    hp_routes[0]->close(state);
    return EXIT_SUCCESS;
}
