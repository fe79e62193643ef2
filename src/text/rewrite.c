// rewrite.c -- writing edits down, and joining two maps with one walk over both.
#include "text/rewrite.h"

#include <assert.h>

enum { EDITS_FIRST = 64 };

static bool edits_room(struct hp_edits *edits, struct hp_arena *arena)
{
    if (edits->count < edits->cap)
        return true;
    size_t cap = edits->cap ? edits->cap * 2 : EDITS_FIRST;
    void *grown =
        hp_grow(arena, edits->edit, edits->cap * sizeof *edits->edit, cap * sizeof *edits->edit);
    if (!grown)
        return false;
    edits->edit = grown;
    edits->cap = cap;
    return true;
}

// Removals that touch become one. Others stay apart, so that spans of the raw text stay exact.
static bool edits_add(struct hp_edits *edits, struct hp_edit edit, struct hp_arena *arena)
{
    struct hp_edit *last = edits->count ? &edits->edit[edits->count - 1] : NULL;
    if (last && last->len == 0 && edit.len == 0 && last->raw_at + last->raw_len == edit.raw_at) {
        last->raw_len += edit.raw_len;
        return true;
    }
    if (!edits_room(edits, arena))
        return false;
    edits->edit[edits->count++] = edit;
    return true;
}

// Takes the untouched text up to `at` over.
static void copy_up_to(struct hp_rewrite *rewrite, size_t at)
{
    hp_str same = { rewrite->in.ptr + rewrite->copied, at - rewrite->copied };
    hp_buf_add(rewrite->out, same);
    rewrite->copied = at;
}

enum hp_code hp_rewrite_put(struct hp_rewrite *rewrite, size_t at, size_t len, hp_str with)
{
    struct hp_buf *out = rewrite->out;
    assert(len > 0 && at >= rewrite->copied);
    if (rewrite->edits->count == 0)
        hp_buf_room(out, rewrite->in.len); // most texts shrink: the one allocation
    copy_up_to(rewrite, at);
    struct hp_edit edit = { (uint32_t)out->len, (uint32_t)with.len, (uint32_t)at, (uint32_t)len };
    hp_buf_add(out, with);
    rewrite->copied = at + len;
    if (out->failed || !edits_add(rewrite->edits, edit, out->arena))
        return hp_no_memory(out->arena, rewrite->fault);
    return hp_rewrite_tick(rewrite, at);
}

enum hp_code hp_rewrite_end(struct hp_rewrite *rewrite, hp_str *text)
{
    *text = rewrite->in;
    if (rewrite->edits->count == 0)
        return HP_OK;
    copy_up_to(rewrite, rewrite->in.len);
    HP_TRY(hp_buf_check(rewrite->out, rewrite->fault));
    if (rewrite->out->len > UINT32_MAX)
        return hp_fail_limit(rewrite->fault, HP_TOO_LARGE, NULL, UINT32_MAX,
            "the cleaned text is longer than 4 GiB");
    *text = hp_buf_str(rewrite->out);
    return HP_OK;
}

// A list of edits that is walked, and how far its two sides are apart behind what was walked
// (modulo 2^32).
struct walk {
    const struct hp_edit *next, *end;
    uint32_t to_raw, to_clean;
};

static struct walk walk_of(const struct hp_edits *edits)
{
    return (struct walk){ edits->edit, edits->edit + edits->count, 0, 0 };
}

static void pass_by(struct walk *walk)
{
    const struct hp_edit *edit = walk->next++;
    walk->to_raw = edit->raw_at + edit->raw_len - (edit->at + edit->len);
    walk->to_clean = 0u - walk->to_raw;
}

// A span of the middle text.
struct span {
    uint32_t start, end;
};

// The span that the next edits cover: one of them, and all that overlap it, or each other.
static struct span take_group(struct walk *first, struct walk *second)
{
    struct span span;
    bool lead = first->next < first->end &&
                (second->next == second->end || first->next->at <= second->next->raw_at);
    if (lead)
        span = (struct span){ first->next->at, first->next->at + first->next->len };
    else
        span = (struct span){ second->next->raw_at, second->next->raw_at + second->next->raw_len };
    pass_by(lead ? first : second);
    for (;;) {
        uint32_t end;
        if (first->next < first->end && first->next->at < span.end) {
            end = first->next->at + first->next->len;
            pass_by(first);
        } else if (second->next < second->end && second->next->raw_at < span.end) {
            end = second->next->raw_at + second->next->raw_len;
            pass_by(second);
        } else {
            return span;
        }
        if (end > span.end)
            span.end = end;
    }
}

enum hp_code hp_edits_join(const struct hp_edits *first, const struct hp_edits *second,
    struct hp_arena *arena, struct hp_edits *out, struct hp_fault *fault)
{
    struct walk a = walk_of(first), b = walk_of(second);
    while (a.next < a.end || b.next < b.end) {
        uint32_t to_raw = a.to_raw, to_clean = b.to_clean;
        struct span middle = take_group(&a, &b);
        struct hp_edit edit = { .at = middle.start + to_clean, .raw_at = middle.start + to_raw };
        edit.len = middle.end + b.to_clean - edit.at;
        edit.raw_len = middle.end + a.to_raw - edit.raw_at;
        if (!edits_add(out, edit, arena))
            return hp_no_memory(arena, fault);
    }
    return HP_OK;
}
