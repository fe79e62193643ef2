// rewrite.h -- one pass of cleaning over a text: what it changes is written down as edits, and the
// new text grows beside the old one from the first edit on. Edits of passes that follow each other
// join into one map.
#pragma once

#include "text/clean.h"

struct hp_rewrite {
    hp_str in;
    const struct hp_structure *structure; // of `in`; for the passes from repeated_lines on
    struct hp_buf *out;                   // empty until the first edit
    struct hp_edits *edits;
    uint32_t *changes; // by switch; for the passes that serve several of them
    size_t copied;     // in[0, copied) is in `out`
    size_t check_at;
    const struct hp_deadline *deadline;
    struct hp_fault *fault;
};

enum { HP_REWRITE_STEP = 64 << 10 }; // bytes between two looks at the deadline

// To be called on the way, with the place that was reached. One that lies far before the last look
// begins another walk over what was read: it is looked at too.
HP_MUST_USE static inline enum hp_code hp_rewrite_tick(struct hp_rewrite *rewrite, size_t at)
{
    if (at < rewrite->check_at && rewrite->check_at - at <= HP_REWRITE_STEP)
        return HP_OK;
    rewrite->check_at = at + HP_REWRITE_STEP;
    return hp_deadline_check(rewrite->deadline, rewrite->fault);
}

// Where a look at the text that starts at `at` should stop for a tick.
static inline size_t hp_rewrite_stop(const struct hp_rewrite *rewrite, size_t at)
{
    size_t left = rewrite->in.len - at;
    return at + (left < HP_REWRITE_STEP ? left : HP_REWRITE_STEP);
}

// in[at, at + len) becomes `with`; len > 0, `at` behind all that was put before.
HP_MUST_USE enum hp_code hp_rewrite_put(
    struct hp_rewrite *rewrite, size_t at, size_t len, hp_str with);

// Forgets all that was put.
void hp_rewrite_undo(struct hp_rewrite *rewrite);

// Takes the rest over; *text is the new text, or the old one where nothing was put.
HP_MUST_USE enum hp_code hp_rewrite_end(struct hp_rewrite *rewrite, hp_str *text);

// Moves positions of a structure of the text before the edits to the text behind them: a start to
// what became of its first byte or, where that is gone, of what follows; an end likewise from its
// last byte. Elements and headings of which nothing is left go. Linear.
HP_MUST_USE enum hp_code hp_structure_move(struct hp_structure *structure,
    const struct hp_edits *edits, struct hp_arena *arena, struct hp_fault *fault);
