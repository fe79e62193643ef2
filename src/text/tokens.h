// tokens.h -- byte-pair token counts, exactly tiktoken's encode_ordinary: of a text, and of any
// part of it as if that part stood alone. A vocabulary is a read-only map, shared by all threads.
#pragma once

#include "hotpathd/arena.h"
#include "hotpathd/deadline.h"

enum hp_encoding { HP_O200K_BASE, HP_CL100K_BASE, HP_ESTIMATE, HP_ENCODINGS };

const char *hp_encoding_name(enum hp_encoding encoding);

struct hp_vocab;

// Maps `directory`/<name>.vocab, as `make vocab` wrote it. NULL where there is none, with
// fault->code HP_OK; where there is one that is damaged or of another version NULL with the reason
// in the fault.
struct hp_vocab *hp_vocab_open(
    const char *directory, enum hp_encoding encoding, struct hp_fault *fault);
void hp_vocab_close(struct hp_vocab *vocab);

// sha256 of the published .tiktoken file that the map was made from, as 64 hex digits.
const char *hp_vocab_sha256(const struct hp_vocab *vocab);

// How many words of more than one token are remembered at the moment, by all threads together, and
// how many at most: for the metrics. What is remembered changes how fast an answer comes, never
// which.
struct hp_remembered {
    size_t words, most;
};

struct hp_remembered hp_vocab_remembered(const struct hp_vocab *vocab);

// The encoding of one text: its pre-tokens with their counts. Lives in the arena it was made in.
// Counting writes to scratch of its own, so one result belongs to one thread at a time.
struct hp_tokens;

// Encodes `text` (valid UTF-8, borrowed for the life of the result; < 4 GiB) once. `vocab` NULL:
// the estimator.
HP_MUST_USE enum hp_code hp_tokens_encode(const struct hp_vocab *vocab, hp_str text,
    struct hp_arena *arena, const struct hp_deadline *deadline, struct hp_tokens **out,
    struct hp_fault *fault);

// What hp_tokens_all would say of the text, where nothing else is asked: without the result.
HP_MUST_USE enum hp_code hp_tokens_total(const struct hp_vocab *vocab, hp_str text,
    struct hp_arena *arena, const struct hp_deadline *deadline, size_t *count,
    struct hp_fault *fault);

// Tokens of the whole text.
size_t hp_tokens_all(const struct hp_tokens *tokens);

// Tokens of text[start, end) alone, what tiktoken says of exactly these bytes; both ends on
// character boundaries. Costs the pre-tokens at the two edges, not the length between them.
size_t hp_tokens_count(const struct hp_tokens *tokens, size_t start, size_t end);

// A position `far` such that every end > far has hp_tokens_count(start, end) > max: where a search
// for the end of a chunk can begin. Tight to a few tokens or the length of the pre-token it falls
// in. text.len where all fits.
size_t hp_tokens_reach(const struct hp_tokens *tokens, size_t start, size_t max);

// The slow, plain version of hp_tokens_count for the tests: pre-token by pre-token, merge by merge.
size_t hp_tokens_reference(const struct hp_vocab *vocab, hp_str text);
