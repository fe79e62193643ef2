// split.c -- the plain way to words: by UAX #29, a segment at a time, each folded by itself. It
// takes any text; spans.c spares ASCII the trouble.
#include "rank/split.h"

#include "text/casefold.h"
#include "text/segment.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

void hp_split_init(struct hp_split *split, struct hp_arena *arena,
    void (*take)(void *context, hp_str word), void *context)
{
    *split = (struct hp_split){ .take = take,
        .context = context,
        .word = hp_buf_in(arena),
        .run = hp_buf_in(arena),
        .longest = SIZE_MAX };
}

// --- time ----------------------------------------------------------------------------------------

enum { CHECKED_EVERY = 16384 }; // bytes

// Whether to stop after so many bytes more.
static bool must_stop(struct hp_split *split, size_t bytes)
{
    split->unchecked += bytes;
    if (split->deadline && split->unchecked >= CHECKED_EVERY) {
        split->unchecked = 0;
        split->late = hp_deadline_passed(split->deadline);
    }
    return split->late || hp_split_failed(split);
}

// Appends s, folded, to `out`.
static void fold(struct hp_split *split, hp_str s, struct hp_buf *out)
{
    static const struct hp_deadline never;
    struct hp_fault fault;
    const struct hp_deadline *deadline = split->deadline ? split->deadline : &never;
    if (hp_casefold(s, deadline, out, &fault) == HP_DEADLINE)
        split->late = true;
}

// No character decomposes to more by canonical mappings (UAX #15): of so many that do not vanish at
// least one is left.
enum { DECOMPOSED_MAX = 4 };

// --- unspaced runs -------------------------------------------------------------------------------

static void end_run(struct hp_split *split)
{
    if (split->chars == 1)
        split->take(split->context, hp_buf_str(&split->run));
    split->chars = 0;
    split->run.len = 0;
}

static size_t char_end(hp_str s, size_t at)
{
    size_t len;
    hp_utf8_at(s, at, &len);
    for (at += len; at < s.len; at += len)
        if (hp_unicode_category(hp_utf8_at(s, at, &len)) != HP_CAT_M)
            break;
    return at;
}

enum { RUN_KEPT = 16384 }; // bytes of a run before its head is dropped

static void take_char(struct hp_split *split, size_t start, size_t end)
{
    if (split->chars > 0)
        split->take(split->context, (hp_str){ split->run.ptr + split->last, end - split->last });
    split->last = start;
    split->chars++;
}

// For what stands in text[start, end): the run goes on there, or another one begins.
static void prepare_run(struct hp_split *split, size_t start, size_t end)
{
    if (start != split->run_end)
        end_run(split);
    split->run_end = end;
    if (split->run.len > RUN_KEPT) {
        split->run.len -= split->last;
        memmove(split->run.ptr, split->run.ptr + split->last, split->run.len);
        split->last = 0;
    }
}

enum { IOTA_BELOW = 0x345 }; // the one mark that folds to a letter

// Of a row of marks only those that make its character longer than `longest`, whatever follows: an
// endless one would have to be put in order as a whole. In `split->word`.
static hp_str without_endless_marks(struct hp_split *split, hp_str s)
{
    size_t row = 0, len;
    split->word.len = 0;
    for (size_t at = 0; at < s.len && !must_stop(split, 0); at += len, split->unchecked += len) {
        uint32_t cp = hp_utf8_at(s, at, &len);
        bool mark = hp_unicode_category(cp) == HP_CAT_M && cp != IOTA_BELOW;
        row = mark ? row + !hp_fold_vanishes(cp) : 0;
        if (row / DECOMPOSED_MAX <= split->longest)
            hp_buf_add(&split->word, (hp_str){ s.ptr + at, len });
    }
    return hp_buf_str(&split->word);
}

// The characters that text[start, end) folds to: nearly always one.
static void add_to_run(struct hp_split *split, hp_str text, size_t start, size_t end)
{
    prepare_run(split, start, end);
    size_t at = split->run.len;
    hp_str chars = { text.ptr + start, end - start };
    if (chars.len / DECOMPOSED_MAX > split->longest)
        chars = without_endless_marks(split, chars);
    fold(split, chars, &split->run);
    if (split->run.failed)
        return;
    for (size_t next; at < split->run.len && !must_stop(split, 0); at = next) {
        next = char_end(hp_buf_str(&split->run), at);
        split->unchecked += next - at;
        take_char(split, at, next);
    }
}

// --- words ---------------------------------------------------------------------------------------

// Behind the characters that join the one before `at`. What vanishes belongs to it only within its
// segment, whose end is `least`: ZERO WIDTH SPACE parts words.
static size_t joined_end(struct hp_split *split, hp_str text, size_t at, size_t least)
{
    for (size_t len; at < text.len && !must_stop(split, 0); at += len, split->unchecked += len) {
        uint32_t cp = hp_utf8_at(text, at, &len);
        if (!hp_fold_joins(cp) && !(at < least && hp_fold_vanishes(cp)))
            break;
    }
    return at;
}

// Whether a word is longer than `longest` when it is folded: of each of its characters that does
// not vanish at least a byte is left, or of the few that compose to one.
static bool is_too_long(struct hp_split *split, hp_str word)
{
    size_t left = 0, len;
    if (word.len / DECOMPOSED_MAX <= split->longest)
        return false;
    for (size_t at = 0; at < word.len && left / DECOMPOSED_MAX <= split->longest; at += len) {
        left += !hp_fold_vanishes(hp_utf8_at(word, at, &len));
        if (must_stop(split, len))
            return false;
    }
    return left / DECOMPOSED_MAX > split->longest;
}

// Folds a word; a long one in parts that no character joins across, for the deadline's sake.
static void fold_word(struct hp_split *split, hp_str word)
{
    split->word.len = 0;
    for (size_t at = 0, end; at < word.len; at = end) {
        end = at + hp_str_cut_at((hp_str){ word.ptr + at, word.len - at }, CHECKED_EVERY);
        end = joined_end(split, word, end, word.len);
        fold(split, (hp_str){ word.ptr + at, end - at }, &split->word);
        if (must_stop(split, end - at) || split->word.len > split->longest)
            return;
    }
}

static void take_word(struct hp_split *split, hp_str word)
{
    end_run(split);
    if (is_too_long(split, word)) { // then it is no term, folded or not
        split->take(split->context, word);
        return;
    }
    fold_word(split, word);
    if (split->word.len > 0 && !split->late && !split->word.failed)
        split->take(split->context, hp_buf_str(&split->word));
}

enum { VOICED_MARK = 0xff9e, SEMI_VOICED_MARK = 0xff9f };

// Letters and numbers. The halfwidth sound marks are letters by category only: they fold to marks.
static bool counts(uint32_t cp)
{
    enum hp_category category = hp_unicode_category(cp);
    if (cp == VOICED_MARK || cp == SEMI_VOICED_MARK)
        return false;
    return category == HP_CAT_N || (category >= HP_CAT_LU && category <= HP_CAT_LO);
}

// What stands between unspaced characters and the ends of a segment.
struct piece {
    size_t start, first, last; // its start; its first letter or number; behind its last, with marks
    bool counted;              // there is one
};

static void note(struct piece *piece, size_t at, size_t end, uint32_t cp)
{
    if (counts(cp)) {
        piece->first = piece->counted ? piece->first : at;
        piece->last = end;
        piece->counted = true;
    } else if (piece->last == at && hp_fold_joins(cp)) {
        piece->last = end;
    }
}

// One segment: unspaced characters go to the run, what stands between them are words. A word that
// is cut off there keeps no mark of punctuation on that side. Returns where the next segment
// starts, a little farther where a mark joins across (Thai SARA AM).
static size_t take_segment(struct hp_split *split, hp_str text, size_t start, size_t end)
{
    struct piece piece = { .start = start, .last = SIZE_MAX };
    size_t at = start, len;
    while (at < end && !must_stop(split, 0)) {
        uint32_t cp = hp_utf8_at(text, at, &len);
        split->unchecked += len;
        if (!hp_unspaced(cp)) {
            note(&piece, at, at + len, cp);
            at += len;
            continue;
        }
        size_t from = piece.start == start ? start : piece.first;
        if (piece.counted)
            take_word(split, (hp_str){ text.ptr + from, piece.last - from });
        size_t behind = joined_end(split, text, at + len, end);
        add_to_run(split, text, at, behind);
        at = behind;
        piece = (struct piece){ .start = at, .last = SIZE_MAX };
    }
    size_t from = piece.start == start ? start : piece.first;
    if (piece.counted)
        take_word(split, (hp_str){ text.ptr + from, end - from });
    return at;
}

// --- the common case -----------------------------------------------------------------------------

// Ideographs, kana and syllables that fold to themselves; all are three bytes long.
static bool is_plain(uint32_t cp)
{
    return (cp >= 0x4e00 && cp <= 0x9fff) || (cp >= 0x3041 && cp <= 0x3096) ||
           (cp >= 0x30a1 && cp <= 0x30fa) || (cp >= 0xac00 && cp <= 0xd7a3) ||
           (cp >= 0x3400 && cp <= 0x4dbf);
}

// Whether what starts at `at` leaves a plain character before it as it is: another one, a blank, a
// full stop or a comma of theirs, or the end.
static bool leaves_alone(hp_str text, size_t at)
{
    size_t len;
    if (at == text.len || text.ptr[at] == ' ' || text.ptr[at] == '\n')
        return true;
    uint32_t cp = (unsigned char)text.ptr[at] < 0x80 ? 0 : hp_utf8_at(text, at, &len);
    return cp == 0x3001 || cp == 0x3002 || is_plain(cp);
}

// Takes plain characters from `at` on, each of them a segment or the part of one that take_segment
// would make of it; returns where they end.
static size_t take_plain(struct hp_split *split, hp_str text, size_t at)
{
    for (size_t len; at < text.len && (unsigned char)text.ptr[at] >= 0xe0; at += len) {
        if (!is_plain(hp_utf8_at(text, at, &len)) || !leaves_alone(text, at + len))
            break;
        prepare_run(split, at, at + len);
        size_t start = split->run.len;
        hp_buf_add(&split->run, (hp_str){ text.ptr + at, len });
        if (must_stop(split, len))
            break;
        take_char(split, start, start + len);
    }
    return at;
}

// --- the whole -----------------------------------------------------------------------------------

// Where the segment ends that starts at `at`.
static size_t segment_end(struct hp_split *split, hp_str text, size_t at)
{
    struct hp_word_walk word = hp_word_begin(text, at);
    while (!hp_word_more(&word, CHECKED_EVERY) && !must_stop(split, CHECKED_EVERY))
        ;
    return word.end;
}

void hp_split_text(struct hp_split *split, hp_str text)
{
    split->run_end = SIZE_MAX;
    for (size_t at = 0; (at = take_plain(split, text, at)) < text.len && !must_stop(split, 0);)
        at = take_segment(split, text, at, segment_end(split, text, at));
    end_run(split);
}
