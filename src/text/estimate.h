// estimate.h -- what stands in for a vocabulary where there is none: a guess at the tokens of a
// text, unit by unit. See estimate.c for how far it is off.
#pragma once

#include "hotpathd/str.h"

// End of the unit of `text` (valid UTF-8) that begins at `at`, below text.len.
size_t hp_estimate_end(hp_str text, size_t at);

// Guess at the tokens of one unit: 1 to len.
size_t hp_estimate_tokens(const char *unit, size_t len);
