// bpe.h -- the tokens of one pre-token. Marks go into bitmaps over the whole text.
#pragma once

#include "text/bits.h"
#include "hotpathd/deadline.h"
#include "text/vocab.h"

// Longest piece that hp_bpe_merge takes, in bytes.
enum { HP_MERGE_BYTES = 62 };

// The tokens of a piece of 1 to HP_MERGE_BYTES bytes of valid UTF-8, by merging: a bit for every
// byte where one starts.
uint64_t hp_bpe_merge(const struct hp_vocab *vocab, const char *bytes, size_t len);

// Sets the bit of every byte in [at, end) where a token of text[at, end) starts; returns how many
// there are. `dead` is scratch of the same shape; of both the bits of [at, end) are 0 before.
// Linear. Gives up once `deadline` (NULL: none) has passed: the caller asks the deadline next.
size_t hp_bpe_split(const struct hp_vocab *vocab, const char *text, size_t at, size_t end,
    uint64_t *starts, uint64_t *dead, const struct hp_deadline *deadline);

// Whether `left` and `right` stay two tokens when they stand side by side. A sequence is the
// encoding of its bytes exactly where this holds for all its neighbours.
bool hp_bpe_neighbours(const struct hp_vocab *vocab, uint32_t left, uint32_t right);

// The longest token that text[at, end) begins with.
uint32_t hp_bpe_longest(const struct hp_vocab *vocab, const char *text, size_t at, size_t end);
