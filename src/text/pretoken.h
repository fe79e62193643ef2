// pretoken.h -- where one pre-token ends and the next begins: the regular expressions of the
// encodings, by hand. What they look at lies before the end of the text that is given, and never
// before `at`.
#pragma once

#include "text/tokens.h"

// End of the pre-token of `text` (valid UTF-8) that begins at `at`, below text.len. Over a whole
// text linear.
size_t hp_pretoken_end(enum hp_encoding encoding, hp_str text, size_t at);
