// fine.h -- the edges of a text below line rank: sentences, clauses, words, and the clusters inside
// words, found only near the places that someone asks for. The answers are those of hp_edges_find,
// but that inside code, tables and front matter every edge between line ends is a word's.
//
// A text is looked at 64 bytes at a time: from a place before them where no rule looks back, or
// where the last look ended. What was found stays in bitmaps, so that no part of a text is read
// more than a few times, wherever the questions fall.
#pragma once

#include "text/breaks.h"

// Two series of questions, about ends and about starts of chunks, each moving on through the text.
enum hp_fine_use { HP_FINE_ENDS, HP_FINE_STARTS, HP_FINE_USES };

// Where a look ended.
struct hp_fine_place {
    size_t at;    // start of a piece; of a cluster
    size_t whole; // the first word of the bitmaps all of which was seen on the way there
    size_t sentence_start;
    struct hp_sentences walk;
};

// The last answer of a search backwards: nothing else lies in (low, place], and found is 0 or the
// only one there is in (found - 1, place].
struct hp_fine_memo {
    size_t low, place, found;
};

struct hp_fine {
    hp_str text;
    size_t first, end;               // of the text that is not blank
    const struct hp_element **quiet; // outermost code, tables, front matter
    size_t quiets;
    uint64_t *seen, *start,
        *rank[HP_EDGE_LINE]; // bit: a piece starts, an edge of that rank or above
    uint64_t *clusters_seen; // of rank[HP_EDGE_GRAPHEME]: clusters inside words alone
    struct hp_fine_place left[HP_FINE_USES], clusters_left[HP_FINE_USES];
    struct hp_fine_memo memo[HP_EDGE_LINE];
    const struct hp_deadline *deadline;
    bool late; // the deadline has passed: nothing is found any more
    struct hp_arena *arena;
};

// Takes memory for the structure's elements alone.
HP_MUST_USE enum hp_code hp_fine_init(struct hp_fine *fine, hp_str text,
    const struct hp_structure *structure, size_t first, size_t end, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_fault *fault);

// Takes the memory for edges (and clusters), once. Before the questions below.
HP_MUST_USE enum hp_code hp_fine_open(struct hp_fine *fine, bool clusters, struct hp_fault *fault);

// The last edge of at least `rank` (GRAPHEME: the last cluster's end inside a word) in (low,
// place], and the first in (place, limit]; 0 where there is none. The text's end is none of them.
size_t hp_fine_last(struct hp_fine *fine, int rank, size_t low, size_t place);
size_t hp_fine_after(struct hp_fine *fine, int rank, size_t place, size_t limit);

// The first start of a piece in [place, limit), and the first end of a cluster inside a word;
// `limit` where there is none.
size_t hp_fine_start(struct hp_fine *fine, size_t place, size_t limit);
size_t hp_fine_cluster(struct hp_fine *fine, size_t place, size_t limit);

// The rank of the edge at `at`, that of a word's at least, from what has been found: SENTENCE for
// those of lines and above.
enum hp_boundary hp_fine_rank(const struct hp_fine *fine, size_t at);
