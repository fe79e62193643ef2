// example.c -- the text engine without a daemon: cuts standard input into chunks of 32 tokens.
#include <hotpathd/text.h>

#include <stdio.h>
#include <stdlib.h>

static int fail(const struct hp_fault *fault)
{
    fprintf(stderr, "%s: %s\n", hp_error_info(fault->code)->slug, fault->detail);
    return EXIT_FAILURE;
}

static void show(const struct hp_document *document, const struct hp_chunk *chunk)
{
    const char *text = document->clean.text.ptr;
    printf("%u tokens, ends at a %s: %.*s\n", chunk->tokens, hp_boundary_name(chunk->boundary),
        (int)(chunk->end - chunk->start), text + chunk->start);
}

int main(int argc, char **argv)
{
    static char raw[1 << 20];
    hp_str text = { raw, fread(raw, 1, sizeof raw, stdin) };
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_vocab *vocab = argc > 1 ? hp_vocab_open(argv[1], HP_O200K_BASE, &fault) : NULL;
    if (fault.code)
        return fail(&fault);
    if (hp_utf8_valid(text) < text.len)
        return fprintf(stderr, "not UTF-8\n"), EXIT_FAILURE;

    struct hp_arena arena;
    struct hp_document document;
    struct hp_deadline never = { 0 };
    struct hp_document_options options = { .clean = hp_clean_standard, .chunk = { .max = 32 } };
    options.clean.format = HP_MARKDOWN;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    if (hp_document_read(vocab, text, &options, &arena, &never, &document, &fault))
        return fail(&fault);

    printf("%zu tokens (%s)\n", document.total, vocab ? "exact" : "estimate");
    for (size_t i = 0; i < document.chunks.count; i++)
        show(&document, &document.chunks.chunk[i]);
    hp_arena_done(&arena);
    hp_vocab_close(vocab);
    return EXIT_SUCCESS;
}
