// tool_tokens.c -- token ranks over a pipe, for tests in other languages: tool_tokens VOCAB
// ENCODING reads a text as its length (4 bytes, little endian) and bytes, and answers with the
// number of tokens (4 bytes), its count by hp_tokens_reference where that is cheap (else the same
// again), and the ranks.
#include "token_ranks.h"

#include <stdio.h>
#include <stdlib.h>

enum { REFERENCE_MAX = 4096 };

static enum hp_encoding encoding_named(const char *name)
{
    for (int i = 0; i < HP_ENCODINGS; i++)
        if (strcmp(name, hp_encoding_name((enum hp_encoding)i)) == 0)
            return (enum hp_encoding)i;
    return HP_ENCODINGS;
}

static int serve(const struct hp_vocab *vocab)
{
    uint32_t len, head[2];
    while (fread(&len, sizeof len, 1, stdin) == 1) {
        char *bytes = malloc(len + 1u);
        uint32_t *ranks = malloc((len + 1u) * sizeof *ranks);
        if (!bytes || !ranks || fread(bytes, 1, len, stdin) != len)
            return EXIT_FAILURE;
        hp_str text = { bytes, len };
        head[0] = (uint32_t)token_ranks(vocab, text, ranks, len);
        head[1] = len <= REFERENCE_MAX ? (uint32_t)hp_tokens_reference(vocab, text) : head[0];
        fwrite(head, sizeof head, 1, stdout);
        fwrite(ranks, sizeof *ranks, head[0], stdout);
        fflush(stdout);
        free(bytes);
        free(ranks);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct hp_fault fault = HP_FAULT_NONE;
    enum hp_encoding encoding = argc == 3 ? encoding_named(argv[2]) : HP_ENCODINGS;
    if (encoding >= HP_ESTIMATE) {
        fprintf(stderr, "usage: tool_tokens VOCAB ENCODING\n");
        return 64;
    }
    struct hp_vocab *vocab = hp_vocab_open(argv[1], encoding, &fault);
    if (!vocab) {
        fprintf(stderr, "tool_tokens: %s\n", fault.code ? fault.detail : "no vocabulary");
        return EXIT_FAILURE;
    }
    int status = serve(vocab);
    hp_vocab_close(vocab);
    return status;
}
