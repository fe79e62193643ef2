// document.h -- one document through the whole engine: cleaned, encoded, cut. What the route and
// the users of the library call; each step has a header of its own.
#pragma once

#include "text/chunk.h"
#include "text/clean.h"
#include "hotpathd/utf8.h"

struct hp_document_options {
    struct hp_clean_options clean; // with the format
    bool whole;                    // no chunks wanted: `chunk` is not looked at
    struct hp_chunk_options chunk;
};

// Everything lies in the arena, or is the raw text itself where cleaning changed nothing.
struct hp_document {
    struct hp_clean clean;
    size_t total;             // tokens of the whole clean text
    struct hp_tokens *tokens; // for counts of its parts; NULL where no chunks were wanted
    struct hp_chunks chunks;
};

// `raw` is valid UTF-8, below 4 GiB, and stays as long as the result. `vocab` NULL: the estimator.
HP_MUST_USE enum hp_code hp_document_read(const struct hp_vocab *vocab, hp_str raw,
    const struct hp_document_options *options, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_document *out, struct hp_fault *fault);
