// estimate.h -- what stands in for a vocabulary where there is none: a guess at the tokens of each
// pre-token of o200k_base. See estimate.c for how far it is off.
#pragma once

#include "hotpathd/str.h"

enum { HP_ESTIMATE_BYTES = 16 }; // no guess has fewer tokens than one for this many bytes

// 1 to len; at least len / HP_ESTIMATE_BYTES.
size_t hp_estimate_tokens(hp_str piece);
