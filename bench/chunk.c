// chunk.c -- MB/s of finding edges and of cutting chunks, each alone, over texts of 1 MiB made
// here: medians of ROUNDS, one thread. "-" where there is no vocabulary (make vocab).
#include "text/chunk.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 1 << 20, ROUNDS = 9 };

// --- material -----------------------------------------------------------------------------------

enum { UNITS = 5 };

static const struct sample {
    const char *name;
    const char *unit[UNITS]; // drawn at random
} samples[] = {
    { "English",
        { "The wing lifts because it turns the air downwards, and the air pushes back. ",
            "Mr. Smith, who had seen it, said: \"Nobody asked him why he did.\" ",
            "It costs 3.14 dollars; that is more than the U.S. Mail takes. ",
            "Was it so? We don't know, but some of them do.\n\n",
            "Chapter two\n\nA plain sentence with some words around it, and no end in sight. " } },
    { "Markdown",
        { "## A heading\n\nSome text with `code` and a [link](https://example.com/a?b=1).\n\n",
            "- an item, with **bold** words\n- another one\n  - and one below it\n",
            "```c\nfor (int i = 0; i < n; i++)\n    sum += row[i]; // all of them\n```\n\n",
            "| name | value |\n|------|-------|\n| one  | 1.5   |\n| two  | 2.25  |\n\n",
            "> A quote that runs over\n> two lines, and ends.\n\nThen a paragraph. It ends "
            "too.\n" } },
    { "CJK",
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

// --- runs ---------------------------------------------------------------------------------------

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench/chunk: %s\n", what);
    exit(EXIT_FAILURE);
}

static const struct run {
    const char *name;
    struct hp_chunk_options options; // max 0: edges alone
    bool exact;                      // by o200k_base
} runs[] = {
    { .name = "edges" },
    { "2000 chars", { .max = 2000, .unit = HP_UNIT_CHARS }, false },
    { "512 estimate", { .max = 512, .unit = HP_UNIT_TOKENS }, false },
    { "512 o200k", { .max = 512, .unit = HP_UNIT_TOKENS }, true },
    { "512/64 o200k", { .max = 512, .overlap = 64, .unit = HP_UNIT_TOKENS }, true },
};

enum { RUNS = sizeof runs / sizeof *runs };

// Nanoseconds of one run; what it needs before it is made outside the clock.
static uint64_t time_once(const struct run *run, const struct hp_vocab *vocab, hp_str text)
{
    static const struct hp_deadline never = { 0 };
    struct hp_arena arena;
    struct hp_fault fault;
    struct hp_edges edges;
    struct hp_tokens *tokens;
    struct hp_chunks chunks;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    uint64_t from = hp_now_ns();
    must(!hp_edges_find(text, &arena, &never, &edges, &fault), "no edges");
    uint64_t ns = hp_now_ns() - from;
    if (run->options.max > 0) {
        must(!hp_tokens_encode(vocab, text, &arena, &never, &tokens, &fault), "no tokens");
        from = hp_now_ns();
        must(!hp_chunk_text(text, &edges, tokens, &run->options, &arena, &never, &chunks, &fault),
            "no chunks");
        ns = hp_now_ns() - from;
        must(chunks.count > 0, "no chunk");
    }
    hp_arena_done(&arena);
    return ns;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double rate(const struct run *run, const struct hp_vocab *vocab, hp_str text)
{
    uint64_t ns[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++)
        ns[i] = time_once(run, vocab, text);
    qsort(ns, ROUNDS, sizeof *ns, compare);
    return SIZE * 1e3 / (double)ns[ROUNDS / 2];
}

int main(void)
{
    static char text[SIZE];
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_vocab *vocab = hp_vocab_open("build/vocab", HP_O200K_BASE, &fault);
    must(vocab || !fault.code, fault.detail);
    printf("%-10s", "MB/s");
    for (size_t i = 0; i < RUNS; i++)
        printf(" %13s", runs[i].name);
    printf("\n");
    for (size_t i = 0; i < SAMPLES; i++) {
        hp_str s = make_text(&samples[i], text);
        printf("%-10s", samples[i].name);
        for (size_t j = 0; j < RUNS; j++) {
            if (runs[j].exact && !vocab)
                printf(" %13s", "-");
            else
                printf(" %13.0f", rate(&runs[j], runs[j].exact ? vocab : NULL, s));
        }
        printf("\n");
    }
    hp_vocab_close(vocab);
    return EXIT_SUCCESS;
}
