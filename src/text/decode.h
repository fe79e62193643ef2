// decode.h -- the bytes of a raw body as valid UTF-8, with the way back to the bytes.
#pragma once

#include "text/edits.h"

// What becomes of bytes that are no UTF-8, and of surrogates that stand alone in UTF-16.
enum hp_invalid {
    HP_INVALID_REJECT,  // HP_BAD_UTF8 with the byte's offset
    HP_INVALID_REPLACE, // U+FFFD for each maximal subpart (The Unicode Standard, 3.9)
    HP_INVALID_CP1252   // each byte is a character of windows-1252; in UTF-16: U+FFFD
};

// A body that begins with the byte order mark of UTF-16 (FE FF or FF FE) is UTF-16, and the mark no
// part of the text. A BOM of UTF-8 is part of it: taking it out is cleaning (controls).
struct hp_decoded {
    hp_str text; // the body itself where it was UTF-8
    hp_str raw;
    struct hp_edits edits; // from `raw` to `text`, where `raw` was not UTF-16
    uint32_t *units;       // UTF-16: how many units the text has before its n-th step; else NULL
};

// Decodes `raw` (< 4 GiB). Linear; memory is at most three times the body (windows-1252 signs at
// every byte), and as much for the map.
HP_MUST_USE enum hp_code hp_decode(hp_str raw, enum hp_invalid invalid, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_decoded *out, struct hp_fault *fault);

// The bytes of the body behind text[start, end), which is a span of whole characters.
void hp_decoded_source(
    const struct hp_decoded *decoded, size_t start, size_t end, size_t *raw_start, size_t *raw_end);
