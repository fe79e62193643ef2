// mojibake_line.c -- repairs a line, step by step, until it is settled: while it is bad, all of it
// is read as bytes of the first encoding that has all its characters and gives UTF-8; where none
// does, so are the parts of it that look like UTF-8, each by itself; and where there are none, C1
// controls are read as windows-1252.
#include "text/mojibake.h"

#include "text/cp1252.h"

enum {
    DEPTH_MAX = 64, // calls: for parts of parts, which halve, and for lines that change again
};

// One repair of a span.
struct repair {
    struct hp_mojibake_span span;
    bool changed;
    bool settled; // false: the allowance is spent
};

typedef enum hp_code settle_function(struct hp_mojibake_line *, struct repair *, unsigned depth);

// Whether the span is bad, and which encodings have all its characters. Plain characters are in
// all, and no rare pair begins with one.
static enum hp_code look(const struct hp_mojibake_line *line, const struct hp_mojibake_span *span,
    bool *bad, unsigned *encodings)
{
    *encodings = HP_MOJIBAKE_ALL;
    *bad = false;
    for (size_t i = 0; i < span->count && (!*bad || *encodings); i++) {
        HP_TRY(hp_mojibake_tick(line, i));
        if (hp_mojibake_plain(span->cell[i].number))
            continue;
        *encodings &= hp_mojibake_chars[span->cell[i].number].encodings;
        *bad = *bad || hp_mojibake_unlikely(span, i);
    }
    return HP_OK;
}

static enum hp_code decode_whole(
    struct hp_mojibake_line *line, struct repair *repair, unsigned encodings, bool *done)
{
    *done = false;
    for (unsigned e = 0; e < HP_MOJIBAKE_ENCODINGS && !*done; e++)
        if (encodings >> e & 1)
            HP_TRY(hp_mojibake_decode(line, &repair->span, e, done, &repair->changed));
    return HP_OK;
}

// --- parts that look like UTF-8 ------------------------------------------------------------------

static unsigned roles(struct hp_mojibake_cell cell)
{
    return hp_mojibake_chars[cell.number].roles;
}

// Cells of the one character of UTF-8 that seems to begin at `at`; 0: none does.
static size_t sequence_len(const struct hp_mojibake_span *span, size_t at)
{
    unsigned role = roles(span->cell[at]);
    size_t tails = role & HP_MOJIBAKE_LEAD_2   ? 1
                   : role & HP_MOJIBAKE_LEAD_3 ? 2
                   : role & HP_MOJIBAKE_LEAD_4 ? 3
                                               : 0;
    if (tails == 0 || span->count - at <= tails)
        return 0;
    for (size_t i = 1; i <= tails; i++)
        if (!(roles(span->cell[at + i]) & HP_MOJIBAKE_TAIL))
            return 0;
    return tails + 1;
}

static enum hp_code part_len(const struct hp_mojibake_line *line,
    const struct hp_mojibake_span *span, size_t at, size_t *len)
{
    size_t sequences = 0, end = at;
    for (size_t more = 1; more > 0 && end < span->count; end += more) {
        HP_TRY(hp_mojibake_tick(line, sequences++));
        more = sequence_len(span, end);
    }
    *len = end - at;
    return HP_OK;
}

// Repairs the part cell[at, at + len) by itself.
static enum hp_code repair_part(struct hp_mojibake_line *line, settle_function *settle,
    struct repair *whole, size_t at, size_t *len, unsigned depth)
{
    struct repair part = { .span = { whole->span.cell + at, *len }, .settled = true };
    bool bad;
    unsigned encodings;
    HP_TRY(look(line, &part.span, &bad, &encodings));
    if (bad)
        HP_TRY(settle(line, &part, depth + 1));
    whole->changed |= part.changed;
    whole->settled &= part.settled;
    *len = part.span.count;
    return HP_OK;
}

static void move(const struct hp_mojibake_span *span, size_t to, size_t from, size_t count)
{
    if (to != from)
        memmove(span->cell + to, span->cell + from, count * sizeof *span->cell);
}

// A part does not begin behind a character that may end another one: a few characters out of a
// larger garble would make it worse. Nor is the whole a part.
static enum hp_code decode_parts(
    struct hp_mojibake_line *line, settle_function *settle, struct repair *repair, unsigned depth)
{
    struct hp_mojibake_span *span = &repair->span;
    bool behind_tail = false;
    size_t to = 0;
    for (size_t at = 0, len = 0; at < span->count && repair->settled; at += len) {
        HP_TRY(hp_mojibake_tick(line, at));
        len = 0;
        if (!behind_tail)
            HP_TRY(part_len(line, span, at, &len));
        bool part = len > 0 && len < span->count;
        len = len > 0 ? len : 1;
        behind_tail = roles(span->cell[at + len - 1]) & HP_MOJIBAKE_STRICT_TAIL;
        size_t left = len;
        if (part)
            HP_TRY(repair_part(line, settle, repair, at, &left, depth));
        move(span, to, at, left);
        to += left;
    }
    span->count = to;
    return HP_OK;
}

// --- C1 ------------------------------------------------------------------------------------------

static enum hp_code replace_c1(struct hp_mojibake_line *line, struct repair *repair)
{
    for (size_t i = 0; i < repair->span.count; i++) {
        HP_TRY(hp_mojibake_tick(line, i));
        struct hp_mojibake_cell *cell = &repair->span.cell[i];
        if (!(roles(*cell) & HP_MOJIBAKE_C1))
            continue;
        uint32_t cp = hp_cp1252[cell->cp - 0x80];
        repair->changed |= cp != cell->cp;
        *cell = hp_mojibake_cell_of(cp, cell->from);
    }
    return HP_OK;
}

// --- steps ---------------------------------------------------------------------------------------

static enum hp_code step(
    struct hp_mojibake_line *line, settle_function *settle, struct repair *repair, unsigned depth)
{
    bool bad, done;
    unsigned encodings;
    repair->changed = false;
    HP_TRY(look(line, &repair->span, &bad, &encodings));
    if (!bad)
        return HP_OK;
    HP_TRY(decode_whole(line, repair, encodings, &done));
    if (!done)
        HP_TRY(decode_parts(line, settle, repair, depth));
    return done || repair->changed || !repair->settled ? HP_OK : replace_c1(line, repair);
}

// Takes a look at all of the span out of the allowance.
static enum hp_code spend(struct hp_mojibake_line *line, struct repair *repair, unsigned depth)
{
    size_t cells = repair->span.count;
    repair->settled = line->allowance >= cells && depth < DEPTH_MAX;
    line->allowance -= repair->settled ? cells : 0;
    line->since_tick += cells;
    if (line->since_tick < HP_MOJIBAKE_TICK)
        return HP_OK;
    line->since_tick = 0;
    return hp_deadline_check(line->deadline, line->fault);
}

static enum hp_code settle_part(
    struct hp_mojibake_line *line, struct repair *repair, unsigned depth)
{
    for (bool changed = false;; changed = true) {
        HP_TRY(spend(line, repair, depth));
        if (repair->settled)
            HP_TRY(step(line, settle_part, repair, depth));
        if (repair->settled && repair->changed)
            continue;
        repair->changed |= changed;
        return HP_OK;
    }
}

// Cells up to the first line end, that one included; all where there is none.
static size_t first_line(const struct hp_mojibake_line *line, const struct hp_mojibake_span *span)
{
    size_t at = line->parted ? 0 : span->count;
    while (at < span->count && !hp_mojibake_line_end(span->cell[at].cp))
        at++;
    return at < span->count ? at + 1 : at;
}

// As settle_part; but line ends that come to light part the line, as they would the next time.
static enum hp_code settle_lines(
    struct hp_mojibake_line *line, struct repair *repair, unsigned depth)
{
    struct hp_mojibake_span rest = repair->span;
    size_t to = 0;
    for (size_t len; rest.count > 0 && repair->settled; rest.cell += len, rest.count -= len) {
        struct repair part = { .span = { rest.cell, first_line(line, &rest) } };
        len = part.span.count;
        HP_TRY(spend(line, &part, depth));
        if (part.settled)
            HP_TRY(step(line, settle_part, &part, depth));
        if (part.settled && part.changed)
            HP_TRY(settle_lines(line, &part, depth + 1));
        repair->settled = part.settled;
        move(&repair->span, to, (size_t)(rest.cell - repair->span.cell), part.span.count);
        to += part.span.count;
    }
    repair->span.count = to;
    return HP_OK;
}

enum hp_code hp_mojibake_settle(struct hp_mojibake_line *line, size_t *count, bool *settled)
{
    struct repair repair = { .span = { line->cell, *count }, .settled = true };
    HP_TRY(settle_lines(line, &repair, 0));
    *count = repair.span.count;
    *settled = repair.settled;
    return HP_OK;
}
