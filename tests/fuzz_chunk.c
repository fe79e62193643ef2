// fuzz_chunk.c -- any text with any options: what the contract promises of chunks. The first bytes
// are the options, the longest valid UTF-8 prefix of the rest is the text. Aborts where a promise
// does not hold.
#include "text/chunk.h"
#include "text/unicode.h"
#include "text/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum { OPTION_BYTES = 6 };

static void must_hold(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

// Unit, max (1 to 65536), overlap below max and min, the last two as parts of 256.
static struct hp_chunk_options options_of(const uint8_t *bytes)
{
    struct hp_chunk_options options = { .unit = bytes[0] % 3 };
    options.max = 1 + (bytes[1] | (bytes[2] & bytes[3]) << 8);
    options.overlap = options.max * bytes[4] / 256;
    options.min = options.max * bytes[5] / 256;
    return options;
}

struct cut {
    hp_str text;
    const struct hp_tokens *tokens;
    const struct hp_chunk_options *options;
    const bool *cluster; // at each byte: one begins or ends
};

static size_t size_of(const struct cut *cut, size_t start, size_t end)
{
    if (cut->options->unit == HP_UNIT_TOKENS)
        return hp_tokens_count(cut->tokens, start, end);
    hp_str span = { cut->text.ptr + start, end - start };
    return cut->options->unit == HP_UNIT_CHARS ? hp_utf8_chars(span) : span.len;
}

static bool blank(hp_str text, size_t start, size_t end)
{
    for (size_t at = start, len; at < end; at += len)
        if (!hp_unicode_blank(hp_utf8_at(text, at, &len)))
            return false;
    return true;
}

static void check_alone(const struct cut *cut, const struct hp_chunk *chunk)
{
    must_hold(chunk->start < chunk->end && chunk->end <= cut->text.len, "no span of the text");
    must_hold(cut->cluster[chunk->start] && cut->cluster[chunk->end], "a chunk cuts a cluster");
    size_t first_end = hp_grapheme_end(cut->text, chunk->start), last = chunk->end - 1;
    while (!cut->cluster[last])
        last--;
    must_hold(!blank(cut->text, chunk->start, first_end), "a chunk begins with a blank");
    must_hold(!blank(cut->text, last, chunk->end), "a chunk ends with a blank");
    bool over = size_of(cut, chunk->start, chunk->end) > (size_t)cut->options->max;
    must_hold(over == chunk->oversize, "over size, or said to be");
    must_hold(!over || first_end == chunk->end, "more than one cluster is over size");
    must_hold(chunk->tokens == hp_tokens_count(cut->tokens, chunk->start, chunk->end), "tokens");
    must_hold(chunk->boundary < HP_EDGES, "no such boundary");
}

static void check_neighbours(
    const struct cut *cut, const struct hp_chunk *a, const struct hp_chunk *b)
{
    must_hold(b->end > a->end, "ends do not grow");
    must_hold(b->start > a->start, "starts do not grow");
    if (b->start >= a->end) {
        must_hold(blank(cut->text, a->end, b->start), "text between chunks is lost");
        return;
    }
    size_t overlap = size_of(cut, b->start, a->end);
    must_hold(overlap <= (size_t)cut->options->overlap, "too much overlap");
}

static void check(const struct cut *cut, const struct hp_chunks *chunks)
{
    must_hold((chunks->count == 0) == blank(cut->text, 0, cut->text.len), "blank or not");
    if (chunks->count == 0)
        return;
    const struct hp_chunk *first = chunks->chunk, *last = &first[chunks->count - 1];
    must_hold(blank(cut->text, 0, first->start), "text before the first chunk is lost");
    must_hold(blank(cut->text, last->end, cut->text.len), "text behind the last chunk is lost");
    must_hold(last->boundary == HP_EDGE_DOCUMENT, "the last chunk does not end the document");
    for (size_t i = 0; i < chunks->count; i++)
        check_alone(cut, &first[i]);
    for (size_t i = 1; i < chunks->count; i++)
        check_neighbours(cut, &first[i - 1], &first[i]);
}

static const bool *clusters_of(hp_str text, struct hp_arena *arena)
{
    bool *cluster = HP_NEW(arena, bool, text.len + 1);
    must_hold(cluster, "no memory");
    for (size_t at = 0; at < text.len; at = hp_grapheme_end(text, at))
        cluster[at] = true;
    cluster[text.len] = true;
    return cluster;
}

// The vocabulary, where there is one, serves every second input.
static const struct hp_vocab *vocabulary(void)
{
    static struct hp_vocab *vocab;
    static bool tried;
    struct hp_fault fault;
    if (!tried)
        vocab = hp_vocab_open("build/vocab", HP_O200K_BASE, &fault);
    tried = true;
    return vocab;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hp_deadline never = { 0 };
    if (size < OPTION_BYTES)
        return 0;
    struct hp_chunk_options options = options_of(data);
    hp_str bytes = { (const char *)data + OPTION_BYTES, size - OPTION_BYTES };
    hp_str text = { bytes.ptr, hp_utf8_valid(bytes) };
    const struct hp_vocab *vocab = data[0] & 128 ? vocabulary() : NULL;
    struct hp_arena arena;
    struct hp_fault fault;
    struct hp_tokens *tokens;
    struct hp_chunks chunks;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    must_hold(!hp_tokens_encode(vocab, text, &arena, &never, &tokens, &fault), "no tokens");
    must_hold(
        !hp_chunk_text(text, NULL, tokens, &options, &arena, &never, &chunks, &fault), "no cut");
    struct cut cut = { text, tokens, &options, clusters_of(text, &arena) };
    check(&cut, &chunks);
    hp_arena_done(&arena);
    return 0;
}
