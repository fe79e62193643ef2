// fuzz_chunk.c -- any text with any options and, where one bit says so, a random structure: what
// the contract promises of chunks, and, of short texts, the chunks of the slow chunker. The first
// bytes are the options, the longest valid UTF-8 prefix of the rest is the text. Aborts where one
// differs.
#include "chunk_checks.h"
#include "chunk_oracle.h"
#include "fuzz.h"

enum { OPTION_BYTES = 6, SLOW_BYTES = 400, STRUCTURED = 64, EXACT = 128 };

// Unit, max (1 to 65536), overlap below max and min, the last two as parts of 256.
static struct hp_chunk_options options_of(const uint8_t *bytes)
{
    struct hp_chunk_options options = { .unit = bytes[0] % 3 };
    options.max = 1 + (bytes[1] | (bytes[2] & bytes[3]) << 8);
    options.overlap = options.max * bytes[4] / 256;
    options.min = options.max * bytes[5] / 256;
    return options;
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

static void compare(const struct document *document, const struct hp_chunk_options *options,
    const struct hp_chunks *chunks)
{
    static struct slow slow;
    static struct hp_chunk expected[ENDS_MAX];
    size_t count;
    slow.document = document;
    slow.options = options;
    demand(as_slow(&slow, chunks, expected, &count), "the slow chunker cuts otherwise");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hp_deadline never = { 0 };
    static struct forest forest;
    if (size < OPTION_BYTES)
        return 0;
    struct hp_chunk_options options = options_of(data);
    hp_str bytes = { (const char *)data + OPTION_BYTES, size - OPTION_BYTES };
    struct document document = { .text = { bytes.ptr, hp_utf8_valid(bytes) } };
    hp_str text = document.text;
    const struct hp_vocab *vocab = data[0] & EXACT ? vocabulary() : NULL;
    struct random random = { data[4] + 256u * data[5] };
    struct hp_arena *arena = &document.arena;
    struct hp_fault fault;
    struct hp_chunks chunks;
    hp_arena_init(arena, NULL, (size_t)1 << 30);
    if (data[0] & STRUCTURED && text.len > 0)
        document.structure = random_structure(&random, text, &forest);
    demand(!hp_tokens_encode(vocab, text, arena, &never, &document.tokens, &fault), "no tokens");
    demand(!hp_chunk_text(text, &document.structure, document.tokens, &options, arena, &never,
               &chunks, &fault),
        "no cut");
    struct chunk_check check = { text, document.tokens, &options, clusters_of(text, arena) };
    demand(check.cluster, "no memory");
    const char *wrong = wrong_chunks(&check, &chunks);
    must_hold(wrong);
    if (text.len <= SLOW_BYTES) {
        demand(!hp_edges_find(text, arena, &never, &document.edges, &fault), "no edges");
        compare(&document, &options, &chunks);
    }
    hp_arena_done(arena);
    return 0;
}
