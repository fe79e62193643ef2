// runs.h -- the tokens of a long piece that is few runs of one byte: "-----" or " ====\n".
#pragma once

#include "text/vocab.h"

// End of the bytes of [at, len) that are like the one at `at`.
size_t hp_alike_end(const char *bytes, size_t at, size_t len);

enum { HP_RUNS = 160 };

// `times` times the same token.
struct hp_run {
    uint32_t token, times;
    uint32_t twice; // what two of it merge into, or HP_NO_TOKEN
    uint32_t next;  // what it and the next run's token merge into
};

struct hp_runs {
    struct hp_run run[HP_RUNS];
    size_t count;
};

// The tokens of a piece, the same neighbours taken together. False where the piece is not worth it:
// more runs than an eighth of its bytes, or than 64. What it costs is little more than finding out
// that the bytes are alike.
bool hp_runs_encode(
    const struct hp_vocab *vocab, const char *bytes, size_t len, struct hp_runs *runs);

size_t hp_runs_tokens(const struct hp_runs *runs);
