// fuzz_tokens.c -- any bytes, as far as they are UTF-8: counts of the whole and of parts against
// the definition, and no end beyond reach that fits. The first byte seeds where the parts lie.
// Vocabularies come from $HOTPATHD_VOCAB, else build/vocab; the estimator is always tried.
#include "text/tokens.h"

#include "hotpathd/utf8.h"

#include "fuzz.h"

enum { TEXT_MAX = 2048, PARTS = 8 }; // the definition takes quadratic time

static struct hp_vocab *open_vocab(enum hp_encoding encoding)
{
    const char *folder = getenv("HOTPATHD_VOCAB");
    struct hp_fault fault;
    struct hp_vocab *vocab = hp_vocab_open(folder ? folder : "build/vocab", encoding, &fault);
    demand(fault.code == HP_OK, fault.detail);
    return vocab;
}

static size_t edge(hp_str text, uint32_t random)
{
    size_t at = random % (text.len + 1);
    while (at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static void check_part(
    const struct hp_vocab *vocab, const struct hp_tokens *tokens, hp_str text, uint32_t *random)
{
    size_t one = edge(text, *random = *random * 1664525 + 1013904223);
    size_t two = edge(text, *random = *random * 1664525 + 1013904223);
    size_t start = one < two ? one : two, end = one < two ? two : one;
    size_t count = hp_tokens_count(tokens, start, end);
    demand(count == hp_tokens_reference(vocab, (hp_str){ text.ptr + start, end - start }),
        "a part counts other than it would alone");
    size_t far = hp_tokens_reach(tokens, start, count);
    demand(far >= end && far <= text.len, "an end beyond reach fits");
}

static void check(const struct hp_vocab *vocab, hp_str text, uint32_t random)
{
    static const struct hp_deadline never;
    struct hp_arena arena;
    struct hp_fault fault;
    struct hp_tokens *tokens;
    hp_arena_init(&arena, NULL, (size_t)1 << 26);
    demand(!hp_tokens_encode(vocab, text, &arena, &never, &tokens, &fault), "encoding failed");
    demand(hp_tokens_all(tokens) == hp_tokens_reference(vocab, text), "the whole count is wrong");
    for (size_t i = 0; i < PARTS; i++)
        check_part(vocab, tokens, text, &random);
    hp_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hp_vocab *vocabs[HP_ESTIMATE];
    static bool opened;
    for (enum hp_encoding i = 0; !opened && i < HP_ESTIMATE; i++)
        vocabs[i] = open_vocab(i);
    opened = true;
    if (size == 0)
        return 0;
    hp_str text = { (const char *)data + 1, size - 1 < TEXT_MAX ? size - 1 : TEXT_MAX };
    text.len = hp_utf8_valid(text);
    check(NULL, text, data[0]);
    for (enum hp_encoding i = 0; i < HP_ESTIMATE; i++)
        if (vocabs[i])
            check(vocabs[i], text, data[0]);
    return 0;
}
