// clean_normal.c -- the pass for NFC and NFKC: what the quick check does not vouch for is
// normalized segment by segment, and only a segment that came out different is an edit.
#include "text/passes.h"

#include "text/unicode_data.h"
#include "text/utf8.h"

// Where to pause behind `at`: before a character that joins nothing before it, so that the text up
// to there can be looked at alone.
static size_t pause_behind(const struct hp_rewrite *rewrite, size_t at, enum hp_form form)
{
    hp_str in = rewrite->in;
    size_t stop = hp_rewrite_stop(rewrite, at), len = 0;
    while (stop < in.len && ((unsigned char)in.ptr[stop] & 0xc0) == 0x80)
        stop++;
    for (; stop < in.len; stop += len) {
        uint8_t unstable = form == HP_FORM_NFC ? HP_BITS_NFC : HP_BITS_NFKC;
        if (!(hp_bits_of(hp_utf8_at(in, stop, &len)) & unstable))
            break;
    }
    return stop;
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
    enum hp_form form = (enum hp_form)options->form;
    struct hp_buf normal = hp_buf_in(rewrite->out->arena);
    for (size_t at = 0, stop = 0; at < in.len;) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        if (at >= stop)
            stop = pause_behind(rewrite, at, form);
        at += hp_normal_prefix((hp_str){ in.ptr + at, stop - at }, form);
        if (at >= stop)
            continue;
        normal.len = 0;
        size_t len = hp_normalize_segment((hp_str){ in.ptr + at, stop - at }, form, &normal);
        HP_TRY(hp_buf_check(&normal, rewrite->fault));
        HP_TRY(fix_segment(rewrite, (hp_str){ in.ptr + at, len }, hp_buf_str(&normal)));
        at += len;
    }
    return HP_OK;
}
