// tokens.c -- how fast texts are encoded. Without arguments a short table of texts made here; with
// --serve VOCAB a measuring instrument for bench/tokens.py: reads the encoding, the length (4 bytes
// each, of this machine's order; the encoding with COUNT_ONLY where no result is wanted) and the
// text, answers with nanoseconds (8 bytes) and tokens (8).
#include "text/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BYTES = 1 << 20, ROUNDS = 15, TEXT_MAX = 1 << 28, COUNT_ONLY = 0x100 };

static const struct {
    const char *name, *unit;
} texts[] = {
    { "english",
        "The lift of a thin wing depends on its angle, and so, it seems, does the drag. " },
    { "russian",
        "\xd0\xa1\xd0\xba\xd0\xbe\xd1\x80\xd0\xbe\xd1\x81\xd1\x82\xd1\x8c \xd1\x80\xd0\xb5\xd0\xba"
        "\xd0\xb8 \xd0\xb2\xd0\xb5\xd0\xbb\xd0\xb8\xd0\xba\xd0\xb0. " },
    { "chinese", "\xe6\x9c\xba\xe7\xbf\xbc\xe4\xbd\xbf\xe7\xa9\xba\xe6\xb0\x94\xe5\x90\x91\xe4\xb8"
                 "\x8b\xe5\x81\x8f\xe8\xbd\xac\xe3\x80\x82" },
    { "one letter", "a" },
};

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench/tokens: %s\n", what);
    exit(EXIT_FAILURE);
}

// CPU time of this thread: what else runs on the machine does not count.
static uint64_t thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t time_encode(const struct hp_vocab *vocab, hp_str text, uint64_t *count)
{
    struct hp_arena arena;
    struct hp_deadline never = { 0 };
    struct hp_fault fault;
    struct hp_tokens *tokens;
    hp_arena_init(&arena, NULL, (size_t)1 << 32);
    uint64_t from = thread_ns();
    must(!hp_tokens_encode(vocab, text, &arena, &never, &tokens, &fault), "encoding failed");
    uint64_t ns = thread_ns() - from;
    *count = hp_tokens_all(tokens);
    hp_arena_done(&arena);
    return ns;
}

static uint64_t time_count(const struct hp_vocab *vocab, hp_str text, uint64_t *count)
{
    struct hp_arena arena;
    struct hp_deadline never = { 0 };
    struct hp_fault fault;
    size_t total;
    hp_arena_init(&arena, NULL, (size_t)1 << 32);
    uint64_t from = thread_ns();
    must(!hp_tokens_total(vocab, text, &arena, &never, &total, &fault), "counting failed");
    uint64_t ns = thread_ns() - from;
    *count = total;
    hp_arena_done(&arena);
    return ns;
}

static void open_all(const char *folder, struct hp_vocab *vocabs[HP_ENCODINGS])
{
    for (enum hp_encoding i = 0; i < HP_ESTIMATE; i++) {
        struct hp_fault fault;
        vocabs[i] = hp_vocab_open(folder, i, &fault);
        must(vocabs[i], "no vocabulary (make vocab)");
    }
}

// --- table ---------------------------------------------------------------------------------------

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void show(const struct hp_vocab *vocab, enum hp_encoding encoding, size_t which, char *bytes)
{
    size_t len = 0, step = strlen(texts[which].unit);
    uint64_t ns[ROUNDS], count;
    for (; len + step <= BYTES; len += step)
        memcpy(bytes + len, texts[which].unit, step);
    for (size_t round = 0; round < ROUNDS; round++)
        ns[round] = time_encode(vocab, (hp_str){ bytes, len }, &count);
    qsort(ns, ROUNDS, sizeof *ns, compare);
    double median = (double)ns[ROUNDS / 2];
    printf("%-12s %-10s %7.1f MB/s %7.1f Mtok/s\n", hp_encoding_name(encoding), texts[which].name,
        (double)len * 1e3 / median, (double)count * 1e3 / median);
}

static int table(void)
{
    struct hp_vocab *vocabs[HP_ENCODINGS] = { NULL };
    char *bytes = malloc(BYTES);
    must(bytes, "no memory");
    open_all("build/vocab", vocabs);
    for (enum hp_encoding i = 0; i < HP_ENCODINGS; i++)
        for (size_t which = 0; which < sizeof texts / sizeof *texts; which++)
            show(vocabs[i], i, which, bytes);
    free(bytes);
    return EXIT_SUCCESS;
}

// --- serve ---------------------------------------------------------------------------------------

static int serve(const char *folder)
{
    struct hp_vocab *vocabs[HP_ENCODINGS] = { NULL };
    uint32_t head[2];
    open_all(folder, vocabs);
    while (fread(head, sizeof head, 1, stdin) == 1) {
        uint32_t encoding = head[0] & ~(uint32_t)COUNT_ONLY;
        must(encoding < HP_ENCODINGS && head[1] <= TEXT_MAX, "no such request");
        char *bytes = malloc(head[1] + 1u);
        must(bytes && fread(bytes, 1, head[1], stdin) == head[1], "the text was cut short");
        uint64_t reply[2];
        hp_str text = { bytes, head[1] };
        reply[0] = head[0] & COUNT_ONLY ? time_count(vocabs[encoding], text, &reply[1])
                                        : time_encode(vocabs[encoding], text, &reply[1]);
        fwrite(reply, sizeof reply, 1, stdout);
        fflush(stdout);
        free(bytes);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--serve") == 0)
        return serve(argv[2]);
    return table();
}
