// window.h -- many pre-tokens at once: their borders in the next 64 bytes, as bits.
#pragma once

#include "text/tokens.h"

enum { HP_WINDOW = 64 }; // bytes

// Given that a pre-token of `text` begins at bytes[0], the places among HP_WINDOW bytes of valid
// UTF-8 where one begins: bit 0 and as many behind it as are certain from these bytes alone. Each
// but the last ends where the next begins. Bit 0 alone: ask hp_pretoken_end.
typedef uint64_t hp_window_fn(enum hp_encoding encoding, const char *bytes);

// The fastest that hp_cpu() allows.
hp_window_fn *hp_window_best(void);
