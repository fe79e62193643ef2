// rewrite.c -- the new text beside the old one, and its edits.
#include "text/rewrite.h"

#include <assert.h>

enum { SHORT = 32 };

// Appends; a short piece, which nearly all are, by one copy of fixed length where there is room.
static inline void add_short(struct hp_buf *out, hp_str end_of, size_t at, size_t len)
{
    if (len <= SHORT && out->cap - out->len >= SHORT && end_of.len - at >= SHORT && !out->failed) {
        memcpy(out->ptr + out->len, end_of.ptr + at, SHORT);
        out->len += len;
    } else {
        hp_buf_add(out, (hp_str){ end_of.ptr + at, len });
    }
}

static void copy(struct hp_rewrite *rewrite, size_t at)
{
    add_short(rewrite->out, rewrite->in, rewrite->copied, at - rewrite->copied);
    rewrite->copied = at;
}

// Takes the untouched text up to `at` over.
static enum hp_code copy_up_to(struct hp_rewrite *rewrite, size_t at)
{
    while (at - rewrite->copied > HP_REWRITE_STEP) {
        copy(rewrite, rewrite->copied + HP_REWRITE_STEP);
        HP_TRY(hp_deadline_check(rewrite->deadline, rewrite->fault));
    }
    copy(rewrite, at);
    return HP_OK;
}

static enum hp_code too_long(const struct hp_rewrite *rewrite)
{
    return hp_fail_limit(
        rewrite->fault, HP_TOO_LARGE, NULL, UINT32_MAX, "the cleaned text is longer than 4 GiB");
}

enum hp_code hp_rewrite_put(struct hp_rewrite *rewrite, size_t at, size_t len, hp_str with)
{
    struct hp_buf *out = rewrite->out;
    assert(len > 0 && at >= rewrite->copied);
    if (rewrite->edits->count == 0)
        hp_buf_room(out, rewrite->in.len); // most texts shrink: the one allocation
    HP_TRY(copy_up_to(rewrite, at));
    if (out->len > UINT32_MAX)
        return too_long(rewrite);
    struct hp_edit edit = { (uint32_t)out->len, (uint32_t)with.len, (uint32_t)at, (uint32_t)len };
    if (with.len == 1)
        hp_buf_char(out, with.ptr[0]);
    else
        hp_buf_add(out, with);
    rewrite->copied = at + len;
    if (out->failed || !hp_edits_add(rewrite->edits, edit, out->arena))
        return hp_no_memory(out->arena, rewrite->fault);
    return hp_rewrite_tick(rewrite, at);
}

void hp_rewrite_undo(struct hp_rewrite *rewrite)
{
    hp_edits_clear(rewrite->edits);
    rewrite->out->len = rewrite->copied = 0;
}

enum hp_code hp_rewrite_end(struct hp_rewrite *rewrite, hp_str *text)
{
    *text = rewrite->in;
    if (rewrite->edits->count == 0)
        return HP_OK;
    HP_TRY(copy_up_to(rewrite, rewrite->in.len));
    HP_TRY(hp_buf_check(rewrite->out, rewrite->fault));
    if (rewrite->out->len > UINT32_MAX)
        return too_long(rewrite);
    *text = hp_buf_str(rewrite->out);
    return HP_OK;
}
