// count.h -- what scoring needs of the documents: how long each field is, which terms it holds how
// often, and how many documents hold a term. Documents are counted one after the other and not
// looked at again. What they hold is written small: a bit for each term that there is, and one for
// each time that one of them occurs.
#pragma once

#include "hotpathd/buf.h"
#include "hotpathd/deadline.h"
#include "rank/terms.h"

enum { HP_FIELDS_MAX = 8 };

struct hp_counter;

struct hp_counts {
    size_t documents, fields;       // fields: the most that a document had
    struct hp_buf bytes;            // of each document each field, see store_field
    size_t set_bytes;               // of a set of terms in there
    uint32_t *at;                   // where each document starts in `bytes`
    size_t room;                    // of `at`
    uint32_t holders[HP_TERMS_MAX]; // documents that hold the term in any field
    uint64_t length[HP_FIELDS_MAX]; // words of each field, of all documents together
    struct hp_counter *counter;
    struct hp_arena *arena;
};

// `terms` are complete. Scratch memory of its own goes with hp_counts_done, which takes zeros too.
HP_MUST_USE enum hp_code hp_counts_init(struct hp_counts *counts, struct hp_terms *terms,
    struct hp_arena *arena, struct hp_fault *fault);
void hp_counts_done(struct hp_counts *counts);

// Counts the next document, given its fields (at most HP_FIELDS_MAX; one that is missing, or behind
// the last, is empty), each valid UTF-8; all documents together are below 4 GiB. Linear in them.
HP_MUST_USE enum hp_code hp_counts_add(struct hp_counts *counts, const hp_str *field, size_t fields,
    const struct hp_deadline *deadline, struct hp_fault *fault);

// For tests: the same, but every word by UAX #29, folded, stemmed and looked for.
HP_MUST_USE enum hp_code hp_counts_add_plain(struct hp_counts *counts, const hp_str *field,
    size_t fields, const struct hp_deadline *deadline, struct hp_fault *fault);

// One document's counts, field by field.
struct hp_count {
    size_t field, term;
    uint32_t times;
    uint32_t length; // of the field
};

struct hp_count_walk {
    size_t set_bytes;
    size_t fields;           // entered so far
    uint32_t length;         // of the last of them
    struct hp_term_set left; // its terms not yet read
    const uint8_t *at, *end; // its occurrences, a bit each; behind the document
    size_t read;             // occurrences
};

struct hp_count_walk hp_counts_of(const struct hp_counts *counts, size_t document);

// The next term of the document, in the order of fields, then of terms; false behind the last.
bool hp_count_next(struct hp_count_walk *walk, struct hp_count *out);
