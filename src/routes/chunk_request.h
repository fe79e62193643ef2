// chunk_request.h -- what a request to /v1/chunk says: JSON, or a raw body with a query string.
#pragma once

#include "hotpathd/json.h"
#include "hotpathd/route.h"
#include "text/decode.h"
#include "text/document.h"

enum return_text { RETURN_ALWAYS, RETURN_IF_CHANGED, RETURN_NEVER };

struct chunk_request {
    hp_str text;
    struct hp_decoded source; // of `text`: the bytes that it was read from
    struct hp_document_options how;
    int encoding; // enum hp_encoding, or ENCODING_DEFAULT
    int offsets, return_text, invalid_utf8;
    int sent; // enum hp_format: what the media type says, HP_PLAIN for nothing
    const struct hp_presets *presets;
    struct hp_arena *arena;
};

enum { ENCODING_DEFAULT = -1 };

// The words of format and chunk.unit, by their numbers.
extern const char *const chunk_formats[];
extern const char *const chunk_units[];

// Reads the body and what is said beside it. The text lies in the body or in the arena.
HP_MUST_USE enum hp_code chunk_read(
    struct hp_request *in, struct chunk_request *out, struct hp_fault *fault);

// Reads a preset of the configuration as a request would (struct hp_route).
HP_MUST_USE enum hp_code chunk_check_preset(
    hp_str json, struct hp_arena *arena, struct hp_fault *fault);
