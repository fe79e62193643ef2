// clean_normal.c -- the pass for NFC and NFKC: what the quick check does not vouch for is
// normalized segment by segment, and only a segment that came out different is an edit.
#include "text/passes.h"

#include "text/unicode_data.h"
#include "hotpathd/utf8.h"

// Where to pause behind `at`: before a character that joins nothing before it, so that the text up
// to there can be looked at alone.
static enum hp_code pause_behind(
    struct hp_rewrite *rewrite, size_t at, enum hp_form form, size_t *pause)
{
    hp_str in = rewrite->in;
    size_t stop = hp_rewrite_stop(rewrite, at), len = 0;
    while (stop < in.len && hp_utf8_continues(in.ptr[stop]))
        stop++;
    for (; stop < in.len; stop += len) {
        uint8_t unstable = form == HP_FORM_NFC ? HP_BITS_NFC : HP_BITS_NFKC;
        HP_TRY(hp_rewrite_tick(rewrite, stop));
        if (!(hp_bits_of(hp_utf8_at(in, stop, &len)) & unstable))
            break;
    }
    *pause = stop;
    return HP_OK;
}

static enum hp_code fix_segment(struct hp_rewrite *rewrite, hp_str segment, hp_str normal)
{
    if (hp_str_equal(segment, normal))
        return HP_OK;
    return hp_rewrite_put(rewrite, (size_t)(segment.ptr - rewrite->in.ptr), segment.len, normal);
}

enum hp_code hp_fix_normalization(
    struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    hp_str in = rewrite->in;
    struct hp_normalizer normalizer =
        hp_normalizer_of(in, (enum hp_form)options->form, rewrite->deadline, rewrite->out->arena);
    struct hp_buf normal = hp_buf_in(rewrite->out->arena);
    for (size_t at = 0, stop = 0, len; at < in.len; at += len) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        if (at >= stop)
            HP_TRY(pause_behind(rewrite, at, normalizer.form, &stop));
        HP_TRY(hp_normalizer_prefix(&normalizer, at, stop, &len, rewrite->fault));
        if (len > 0)
            continue;
        normal.len = 0;
        HP_TRY(hp_normalizer_segment(&normalizer, at, stop, &normal, &len, rewrite->fault));
        HP_TRY(fix_segment(rewrite, (hp_str){ in.ptr + at, len }, hp_buf_str(&normal)));
    }
    return HP_OK;
}
