// normalize.h -- normalization forms NFC and NFKC (UAX #15), from the same generated tables.
#pragma once

#include "hotpathd/buf.h"

enum hp_form { HP_FORM_NONE, HP_FORM_NFC, HP_FORM_NFKC };

// Length of the longest prefix that is certainly in the form already and ends before a starter that
// does not combine backwards: what follows can be normalized apart from it. Fast (quick check).
size_t hp_normal_prefix(hp_str s, enum hp_form form);

// Normalizes the one segment at the start of `s`: from its first code point to before the next
// starter that nothing before it can combine with. Appends the result to `out`, returns the
// segment's length in bytes (> 0 for s.len > 0). Worst case O(n log n) in the segment (a run of
// combining marks). Scratch comes from out->arena; on failure `out` is marked.
size_t hp_normalize_segment(hp_str s, enum hp_form form, struct hp_buf *out);
