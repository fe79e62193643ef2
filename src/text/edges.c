// edges.c -- all places where text may be cut, with their ranks, from the first to the last. The
// plain version: a chunker finds the same ones where it needs them (lines.c, fine.c).
#include "text/gaps.h"

#include "text/look.h"

#include <assert.h>

const char *hp_boundary_name(enum hp_boundary boundary)
{
    static const char *const names[HP_EDGES] = { "grapheme", "word", "clause", "sentence", "line",
        "paragraph", "section", "page", "document" };
    return names[boundary];
}

struct finder {
    hp_str s;
    size_t sentence_end;   // the first end of a sentence that is not before the gap
    size_t sentence_start; // of the sentence that the gap may end
};

static enum hp_boundary rank_of(struct finder *finder, const struct hp_gap *gap)
{
    while (finder->sentence_end < gap->at)
        finder->sentence_end = hp_sentence_end(finder->s, finder->sentence_end);
    enum hp_boundary rank = hp_gap_rank(gap);
    if (rank > HP_EDGE_WORD)
        return rank;
    struct hp_sign sign = hp_sign_before(finder->s, gap->at);
    bool breaks = finder->sentence_end <= gap->end;
    if (hp_gap_ends_sentence(finder->s, gap, &sign, breaks, finder->sentence_start))
        return HP_EDGE_SENTENCE;
    return hp_gap_ends_clause(finder->s, gap, &sign) ? HP_EDGE_CLAUSE : HP_EDGE_WORD;
}

enum hp_code hp_edges_find(hp_str text, struct hp_arena *arena, const struct hp_deadline *deadline,
    struct hp_edges *out, struct hp_fault *fault)
{
    assert(text.len <= UINT32_MAX);
    struct hp_edge_list list = { 0 };
    struct hp_gap gap = hp_gap_at(text, 0);
    struct finder finder = { .s = text, .sentence_start = gap.end };
    size_t first = gap.end, check_at = 0;
    while (gap.end < text.len) {
        if (gap.end >= check_at) {
            HP_TRY(hp_deadline_check(deadline, fault));
            check_at = gap.end + HP_LOOK_BYTES;
        }
        gap = hp_gap_behind(text, gap.end, deadline);
        enum hp_boundary rank = gap.end == text.len ? HP_EDGE_DOCUMENT : rank_of(&finder, &gap);
        if (rank >= HP_EDGE_SENTENCE)
            finder.sentence_start = gap.end;
        if (!hp_edge_list_add(&list, arena, &gap, rank))
            return hp_no_memory(arena, fault);
    }
    *out = (struct hp_edges){ list.edge, list.count, first };
    return HP_OK;
}
