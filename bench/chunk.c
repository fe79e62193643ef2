// chunk.c -- MB/s of cutting chunks, with the share of the counting speed that is left when a text
// is counted and cut: over texts of 1 MiB made here, medians of ROUNDS, one thread. "-" where there
// is no vocabulary (make vocab). Or documents of a list:
//
//     build/bench/chunk --files list.txt --max 512 --overlap 64 --unit tokens --format markdown
//
// list.txt holds a path a line; the documents are plain or Markdown, UTF-8, and are not cleaned.
// Prints one line of JSON: CPU seconds of counting and of cutting (the format's structure among
// it), each document once, or in --rounds the median of so many.
#include "text/chunk.h"
#include "text/clean.h"
#include "hotpathd/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 1 << 20, ROUNDS = 9, ROUNDS_MAX = 99 };

// --- material -----------------------------------------------------------------------------------

enum { UNITS = 5 };

static const struct sample {
    const char *name;
    bool markdown;
    const char *unit[UNITS]; // drawn at random
} samples[] = {
    { "English", false,
        { "The wing lifts because it turns the air downwards, and the air pushes back. ",
            "Mr. Smith, who had seen it, said: \"Nobody asked him why he did.\" ",
            "It costs 3.14 dollars; that is more than the U.S. Mail takes. ",
            "Was it so? We don't know, but some of them do.\n\n",
            "Chapter two\n\nA plain sentence with some words around it, and no end in sight. " } },
    { "Markdown", true,
        { "## A heading\n\nSome text with `code` and a [link](https://example.com/a?b=1).\n\n",
            "- an item, with **bold** words\n- another one\n  - and one below it\n",
            "```c\nfor (int i = 0; i < n; i++)\n    sum += row[i]; // all of them\n```\n\n",
            "| name | value |\n|------|-------|\n| one  | 1.5   |\n| two  | 2.25  |\n\n",
            "> A quote that runs over\n> two lines, and ends.\n\nThen a paragraph. It ends "
            "too.\n" } },
    { "CJK", false,
        { "\u673a\u7ffc\u4f7f\u7a7a\u6c14\u5411\u4e0b\u504f\u8f6c\u3002",
            "\u56e0\u4e3a\u6587\u6863\u5f88\u591a\uff0c\u6240\u4ee5\u901f\u5ea6\u5f88\u91cd\u8981"
            "\uff01\n\n",
            "\u3053\u308c\u306f\u30c6\u30b9\u30c8\u306e\u6587\u7ae0\u3067\u3059\u3002",
            "\u300c\u8d70\u5427\u3002\u300d\u4ed6\u8bf4\uff1a\u597d\u3001\u597d\u3002",
            "\ud55c\uad6d\uc5b4 \ubb38\uc7a5\uc774 \uc5ec\uae30 \uc788\uc2b5\ub2c8\ub2e4. " } },
};

enum { SAMPLES = sizeof samples / sizeof *samples };

// Whole units, and full stops up to SIZE.
static hp_str make_text(const struct sample *sample, char *text)
{
    size_t len = 0;
    uint64_t state = 1;
    for (;;) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const char *unit = sample->unit[(state >> 33) % UNITS];
        if (len + strlen(unit) > SIZE)
            break;
        memcpy(text + len, unit, strlen(unit));
        len += strlen(unit);
    }
    memset(text + len, '.', SIZE - len);
    return (hp_str){ text, SIZE };
}

// --- one text
// --------------------------------------------------------------------------------------

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench/chunk: %s\n", what);
    exit(EXIT_FAILURE);
}

struct job {
    struct hp_chunk_options options;
    const struct hp_vocab *vocab;
    int encoding; // enum hp_encoding; HP_ENCODINGS: nothing is counted
    int format;   // enum hp_format
};

struct result {
    uint64_t count_ns, cut_ns;
    size_t chunks, tokens, sizes; // tokens of all chunks; their sizes in the unit
};

static size_t size_of(const struct job *job, hp_str text, const struct hp_chunk *chunk)
{
    if (job->options.unit == HP_UNIT_TOKENS)
        return chunk->tokens;
    hp_str part = { text.ptr + chunk->start, chunk->end - chunk->start };
    return job->options.unit == HP_UNIT_CHARS ? hp_utf8_chars(part) : part.len;
}

static struct result run(const struct job *job, hp_str text)
{
    static const struct hp_deadline never = { 0 };
    struct hp_arena arena;
    struct hp_fault fault;
    struct hp_structure structure = { 0 };
    struct hp_tokens *tokens = NULL;
    struct hp_chunks chunks;
    struct result result = { 0 };
    hp_arena_init(&arena, NULL, (size_t)4 << 30);
    uint64_t begun = hp_thread_cpu_ns();
    if (job->encoding < HP_ENCODINGS)
        must(!hp_tokens_encode(job->vocab, text, &arena, &never, &tokens, &fault), "no tokens");
    uint64_t counted = hp_thread_cpu_ns();
    if (job->format == HP_MARKDOWN)
        must(!hp_markdown_read(text, &arena, &never, &structure, &fault), "no structure");
    must(!hp_chunk_text(text, &structure, tokens, &job->options, &arena, &never, &chunks, &fault),
        "no chunks");
    result.count_ns = counted - begun;
    result.cut_ns = hp_thread_cpu_ns() - counted;
    result.chunks = chunks.count;
    for (size_t i = 0; i < chunks.count; i++) {
        result.tokens += chunks.chunk[i].tokens;
        result.sizes += size_of(job, text, &chunks.chunk[i]);
    }
    hp_arena_done(&arena);
    return result;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static struct result run_often(const struct job *job, hp_str text, size_t rounds)
{
    uint64_t count[ROUNDS_MAX], cut[ROUNDS_MAX];
    struct result result = { 0 };
    for (size_t i = 0; i < rounds; i++) {
        result = run(job, text);
        count[i] = result.count_ns;
        cut[i] = result.cut_ns;
    }
    qsort(count, rounds, sizeof *count, compare);
    qsort(cut, rounds, sizeof *cut, compare);
    result.count_ns = count[rounds / 2];
    result.cut_ns = cut[rounds / 2];
    return result;
}

static struct hp_vocab *vocabulary(enum hp_encoding encoding)
{
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_vocab *vocab = hp_vocab_open("build/vocab", encoding, &fault);
    must(vocab || !fault.code, fault.detail);
    return vocab;
}

// --- the samples
// -----------------------------------------------------------------------------------

static const struct column {
    const char *name;
    struct hp_chunk_options options;
    int encoding;
} columns[] = {
    { "2000 chars", { .max = 2000, .unit = HP_UNIT_CHARS }, HP_ENCODINGS },
    { "512 o200k", { .max = 512, .unit = HP_UNIT_TOKENS }, HP_O200K_BASE },
    { "512/64 o200k", { .max = 512, .overlap = 64, .unit = HP_UNIT_TOKENS }, HP_O200K_BASE },
};

enum { COLUMNS = sizeof columns / sizeof *columns };

static void print_cell(const struct result *result)
{
    double cut = (double)result->cut_ns, count = (double)result->count_ns;
    if (count < 1)
        printf(" %16.0f", SIZE * 1e3 / cut);
    else
        printf(" %8.0f (%4.2f) ", SIZE * 1e3 / cut, count / (count + cut));
}

static void run_samples(void)
{
    static char text[SIZE];
    struct hp_vocab *vocab = vocabulary(HP_O200K_BASE);
    printf("%-10s", "MB/s");
    for (size_t i = 0; i < COLUMNS; i++)
        printf(" %16s", columns[i].name);
    printf("   (share of the counting speed that is left)\n");
    for (size_t i = 0; i < SAMPLES; i++) {
        hp_str s = make_text(&samples[i], text);
        printf("%-10s", samples[i].name);
        for (size_t j = 0; j < COLUMNS; j++) {
            bool exact = columns[j].encoding == HP_O200K_BASE;
            struct job job = { columns[j].options, vocab, columns[j].encoding, HP_PLAIN };
            if (samples[i].markdown)
                job.format = HP_MARKDOWN;
            if (exact && !vocab) {
                printf(" %16s", "-");
                continue;
            }
            struct result result = run_often(&job, s, ROUNDS);
            if (!exact)
                result.count_ns = 0;
            print_cell(&result);
        }
        printf("\n");
    }
    hp_vocab_close(vocab);
}

// --- documents of a list
// ---------------------------------------------------------------------------

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    must(file && !fseek(file, 0, SEEK_END), path);
    long size = ftell(file);
    must(size >= 0 && !fseek(file, 0, SEEK_SET), path);
    char *text = malloc((size_t)size + 1);
    must(text && fread(text, 1, (size_t)size, file) == (size_t)size, path);
    fclose(file);
    *len = (size_t)size;
    return text;
}

static void run_files(const char *list, const struct job *job, size_t rounds)
{
    FILE *paths = fopen(list, "r");
    must(paths, list);
    struct result sum = { 0 };
    size_t documents = 0, bytes = 0, len;
    char path[4096];
    while (fgets(path, sizeof path, paths)) {
        path[strcspn(path, "\n")] = 0;
        char *text = read_file(path, &len);
        must(hp_utf8_valid((hp_str){ text, len }) == len, path);
        struct result result = run_often(job, (hp_str){ text, len }, rounds);
        free(text);
        sum.count_ns += result.count_ns;
        sum.cut_ns += result.cut_ns;
        sum.chunks += result.chunks;
        sum.tokens += result.tokens;
        sum.sizes += result.sizes;
        bytes += len;
        documents++;
    }
    fclose(paths);
    double chunks = sum.chunks ? (double)sum.chunks : 1;
    printf("{\"documents\":%zu,\"bytes\":%zu,\"seconds\":%.6f,\"count_seconds\":%.6f,"
           "\"cut_seconds\":%.6f,\"chunks\":%zu,\"mean_tokens\":%.1f,\"mean_size\":%.1f}\n",
        documents, bytes, (double)(sum.count_ns + sum.cut_ns) / 1e9, (double)sum.count_ns / 1e9,
        (double)sum.cut_ns / 1e9, sum.chunks, (double)sum.tokens / chunks,
        (double)sum.sizes / chunks);
}

// --- arguments
// -------------------------------------------------------------------------------------

static int word_of(const char *word, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    must(false, word);
    return 0;
}

static int64_t number_of(const char *word)
{
    char *end;
    long long value = strtoll(word, &end, 10);
    must(*word && !*end && value >= 0, word);
    return value;
}

int main(int argc, char **argv)
{
    static const char *const units[] = { "tokens", "chars", "bytes", NULL };
    static const char *const formats[] = { "plain", "markdown", NULL };
    static const char *const encodings[] = { "o200k_base", "cl100k_base", "estimate", "none",
        NULL };
    static const char *const options[] = { "--files", "--max", "--overlap", "--min", "--unit",
        "--format", "--encoding", "--rounds", NULL };
    struct job job = { .options = { .max = 512 }, .encoding = -1 };
    const char *files = NULL;
    size_t rounds = 1;
    for (int i = 1; i < argc; i += 2) {
        int option = word_of(argv[i], options);
        must(i + 1 < argc, "an option without a value");
        const char *value = argv[i + 1];
        switch (option) {
        case 0:
            files = value;
            break;
        case 1:
            job.options.max = number_of(value);
            break;
        case 2:
            job.options.overlap = number_of(value);
            break;
        case 3:
            job.options.min = number_of(value);
            break;
        case 4:
            job.options.unit = word_of(value, units);
            break;
        case 5:
            job.format = word_of(value, formats);
            break;
        case 6:
            job.encoding = word_of(value, encodings);
            break;
        default:
            rounds = (size_t)number_of(value);
        }
    }
    if (!files) {
        run_samples();
        return EXIT_SUCCESS;
    }
    must(job.options.max > 0 && job.options.overlap < job.options.max, "overlap is below max");
    must(rounds > 0 && rounds <= ROUNDS_MAX, "1 to 99 rounds");
    if (job.encoding < 0) // characters and bytes need no tokens
        job.encoding = job.options.unit == HP_UNIT_TOKENS ? HP_O200K_BASE : HP_ENCODINGS;
    must(job.options.unit != HP_UNIT_TOKENS || job.encoding < HP_ENCODINGS, "no encoding");
    struct hp_vocab *vocab = NULL;
    if (job.encoding < HP_ESTIMATE) {
        vocab = vocabulary(job.encoding);
        must(vocab, "no vocabulary (make vocab)");
        job.vocab = vocab;
    }
    run_files(files, &job, rounds);
    hp_vocab_close(vocab);
    return EXIT_SUCCESS;
}
