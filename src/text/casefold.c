// casefold.c -- each character by table, then NFC of the whole, which the quick check vouches for
// nearly always.
#include "text/casefold.h"

#include "text/casefold_data.h"
#include "text/normalize.h"
#include "text/unicode.h"
#include "text/unicode_data.h"
#include "hotpathd/utf8.h"

enum { LONGEST = 33, CHECKED_EVERY = 16384 }; // bytes: of U+FDFA's folding; between two checks

static hp_str folding(uint16_t value)
{
    const uint8_t *entry = hp_fold_pool + (value & ~HP_FOLD_UNSPACED) * HP_FOLD_UNIT;
    return (hp_str){ (const char *)entry + 1, *entry };
}

static bool folds(uint16_t value)
{
    return (value & ~HP_FOLD_UNSPACED) != 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

// Whether a single character is of NFC whatever stands around it.
static bool is_stable(hp_str s)
{
    size_t len;
    uint32_t cp = s.len ? hp_utf8_at(s, 0, &len) : 0;
    return s.len && len == s.len && !(hp_bits_of(cp) & HP_BITS_NFC);
}

// *stable where the result is certainly of NFC.
static enum hp_code map(hp_str s, const struct hp_deadline *deadline, struct hp_buf *out,
    bool *stable, struct hp_fault *fault)
{
    *stable = true;
    for (size_t at = 0, len, check = CHECKED_EVERY; at < s.len; at += len) {
        if (at >= check) {
            HP_TRY(hp_deadline_check(deadline, fault));
            check = at + CHECKED_EVERY;
        }
        if (out->cap - out->len < LONGEST && !hp_buf_room(out, s.len - at + LONGEST))
            return hp_buf_check(out, fault);
        uint32_t cp = hp_utf8_at(s, at, &len);
        if (cp < 0x80) {
            out->ptr[out->len++] = lower((char)cp);
            continue;
        }
        uint16_t value = hp_fold_of(cp);
        hp_str to = folds(value) ? folding(value) : (hp_str){ s.ptr + at, len };
        *stable = *stable && is_stable(to);
        for (size_t i = 0; i < to.len; i++)
            out->ptr[out->len++] = to.ptr[i];
    }
    return HP_OK;
}

// Appends NFC of mapped[at, ...), where a segment begins, to `normal`.
static enum hp_code compose_rest(hp_str mapped, size_t at, struct hp_normalizer *normalizer,
    struct hp_buf *normal, struct hp_fault *fault)
{
    for (size_t len; at < mapped.len; at += len) {
        HP_TRY(hp_normalizer_segment(normalizer, at, mapped.len, normal, &len, fault));
        at += len;
        HP_TRY(hp_normalizer_prefix(normalizer, at, mapped.len, &len, fault));
        hp_buf_add(normal, (hp_str){ mapped.ptr + at, len });
    }
    return hp_buf_check(normal, fault);
}

// NFC of out[start, len), from the first place on that the quick check does not vouch for.
static enum hp_code compose_with(struct hp_arena *scratch, struct hp_buf *out, size_t start,
    const struct hp_deadline *deadline, struct hp_fault *fault)
{
    hp_str mapped = { out->ptr + start, out->len - start };
    struct hp_normalizer normalizer = hp_normalizer_of(mapped, HP_FORM_NFC, deadline, scratch);
    struct hp_buf normal = hp_buf_in(scratch);
    size_t sure;
    HP_TRY(hp_normalizer_prefix(&normalizer, 0, mapped.len, &sure, fault));
    HP_TRY(compose_rest(mapped, sure, &normalizer, &normal, fault));
    out->len = start + sure;
    hp_buf_add(out, hp_buf_str(&normal));
    return hp_buf_check(out, fault);
}

// With scratch of its own: there may be a hundred thousand such words in one text.
static enum hp_code compose(
    struct hp_buf *out, size_t start, const struct hp_deadline *deadline, struct hp_fault *fault)
{
    struct hp_arena scratch;
    hp_arena_init(&scratch, out->arena->budget, out->arena->ceiling);
    enum hp_code code = compose_with(&scratch, out, start, deadline, fault);
    if (scratch.why)
        out->arena->why = scratch.why;
    hp_arena_done(&scratch);
    return code;
}

enum hp_code hp_casefold(
    hp_str s, const struct hp_deadline *deadline, struct hp_buf *out, struct hp_fault *fault)
{
    size_t start = out->len;
    bool stable;
    enum hp_code code = map(s, deadline, out, &stable, fault);
    if (!code && !stable)
        code = compose(out, start, deadline, fault);
    out->failed = out->failed || (code && code != HP_DEADLINE);
    return code;
}

bool hp_fold_joins(uint32_t code_point)
{
    if (code_point < 0x80)
        return false;
    uint16_t value = hp_fold_of(code_point);
    size_t len;
    if (folds(value) && folding(value).len == 0)
        return false;
    uint32_t first = folds(value) ? hp_utf8_at(folding(value), 0, &len) : code_point;
    return hp_unicode_category(first) == HP_CAT_M || hp_norm_of(first)->flags & HP_NORM_BACKWARD;
}

bool hp_fold_vanishes(uint32_t code_point)
{
    uint16_t value = hp_fold_of(code_point);
    return folds(value) && folding(value).len == 0;
}

bool hp_unspaced(uint32_t code_point)
{
    return hp_fold_of(code_point) & HP_FOLD_UNSPACED;
}
