// chunk.h -- cuts a clean text into chunks of at most `max` tokens, characters or bytes, each
// ending at the strongest boundary that fills it (docs/openapi.yaml, ChunkReply.chunks, is the
// rule).
#pragma once

#include "text/segment.h"
#include "text/tokens.h"

enum hp_unit { HP_UNIT_TOKENS, HP_UNIT_CHARS, HP_UNIT_BYTES };

struct hp_chunk_options {
    int64_t max, overlap, min; // in `unit`
    int unit;                  // enum hp_unit
};

struct hp_chunk {
    uint32_t start, end; // bytes of the text
    uint32_t tokens;     // of text[start, end) alone
    uint8_t boundary;    // enum hp_boundary: what ends it
    bool oversize;       // one grapheme cluster that alone is over max
};

struct hp_chunks {
    const struct hp_chunk *chunk;
    size_t count;
};

// overlap < max. `structure` is the text's, NULL: it has none. `tokens` may be NULL where the unit
// is not tokens; a chunk's `tokens` are 0 then. Linear in text plus chunks; ends grow strictly.
HP_MUST_USE enum hp_code hp_chunk_text(hp_str text, const struct hp_structure *structure,
    const struct hp_tokens *tokens, const struct hp_chunk_options *options, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_chunks *out, struct hp_fault *fault);
