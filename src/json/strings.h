// strings.h -- the bytes between two quotes: are they sound, what do they stand for, and may they
// be written as they are. Each answer has a plain version beside the fast one: it is the reference
// of the tests, and what runs where the registers are missing.
#pragma once

#include "hotpathd/error.h"

// Length of the longest prefix that is valid UTF-8 (Unicode 16, table 3-7) without control
// characters. Sets *escaped where that prefix holds a backslash, and else leaves it alone.
size_t hp_json_sound(hp_str s, bool *escaped);
size_t hp_json_sound_plain(hp_str s, bool *escaped);

// Bytes that are decoded in place, some of them at a time.
struct hp_json_span {
    char *to;                // where the next one is written
    const char *from, *stop; // what is to be read now; it is sound
    const char *end;         // of all
};

// Replaces the escapes that begin before `stop` by what they stand for; the last one may end behind
// it. HP_BAD_JSON for an escape that there is none of, HP_BAD_UTF8 for half a surrogate pair:
// `from` is where it began.
HP_MUST_USE enum hp_code hp_json_unescape(struct hp_json_span *span);
HP_MUST_USE enum hp_code hp_json_unescape_plain(struct hp_json_span *span);

// Length of the longest prefix that holds no quote, backslash or control character.
size_t hp_json_unquoted(hp_str s);
size_t hp_json_unquoted_plain(hp_str s);
