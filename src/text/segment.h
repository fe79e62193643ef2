// segment.h -- where text may be cut: extended grapheme clusters, words and sentences (UAX #29),
// and above them clauses, lines, paragraphs and pages. Pure; valid UTF-8.
#pragma once

#include "text/structure.h"

// End of the cluster, word segment or sentence that starts at `at` (a boundary of its kind, below
// s.len). UAX #29 to the letter: these three pass the consortium's break tests.
size_t hp_grapheme_end(hp_str s, size_t at);
size_t hp_word_end(hp_str s, size_t at);
size_t hp_sentence_end(hp_str s, size_t at);

// hp_grapheme_end while there is time: a cluster may be as long as the text. Behind the deadline,
// somewhere in it.
size_t hp_grapheme_within(hp_str s, size_t at, const struct hp_deadline *deadline);

// A walk to the end of a word segment that can be left and taken up again: one may be as long as
// the text.
struct hp_word_walk {
    hp_str s;
    size_t end;      // of what is taken
    size_t seen;     // above 0: looked on as far as this, behind a middle character at `end`
    uint8_t left;    // class of the last character that counts
    uint8_t raw;     // class of the last character
    bool odd;        // an odd number of regional indicators stands last
    bool blank_ends; // U+202F is a break, though its class says connector
    bool whole;      // `end` is the segment's end
};

struct hp_word_walk hp_word_begin(hp_str s, size_t at);

// Goes on for about so many bytes; whether the word is whole now.
bool hp_word_more(struct hp_word_walk *word, size_t bytes);

// Kinds of boundary, lowest first; the names are the contract's.
enum hp_boundary {
    HP_EDGE_GRAPHEME,
    HP_EDGE_WORD,
    HP_EDGE_CLAUSE,
    HP_EDGE_SENTENCE,
    HP_EDGE_LINE,
    HP_EDGE_PARAGRAPH,
    HP_EDGE_SECTION,
    HP_EDGE_PAGE,
    HP_EDGE_DOCUMENT,
    HP_EDGES
};

const char *hp_boundary_name(enum hp_boundary boundary);

// All places of `text` where a chunk may end or begin, at word rank and above, in order. `at` is
// the end of the non-blank text before the boundary, `next` the start of the non-blank text behind
// it (at == next where no blank lies between): chunks neither begin nor end with a blank. Every
// `at` and `next` is a grapheme edge. The last edge is HP_EDGE_DOCUMENT at the end of the last
// non-blank cluster, with next = text.len. Edges at grapheme rank are not listed: they lie inside
// words and are found with hp_grapheme_end.
struct hp_edge {
    uint32_t at, next;
    uint8_t rank;
};

struct hp_edges {
    const struct hp_edge *edge;
    size_t count; // 0 for an empty or blank text
    size_t first; // start of the first non-blank cluster
};

// The plain version: chunk.h finds the same edges where it needs them. FF is a page, a blank line a
// paragraph, LF a line; sentences after UAX #29 with the abbreviations and initials that it gets
// wrong put right; clauses after , ; : and dashes and their CJK and Arabic kin. Linear in text.
// text.len < 4 GiB.
HP_MUST_USE enum hp_code hp_edges_find(hp_str text, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_edges *out, struct hp_fault *fault);
