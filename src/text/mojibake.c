// mojibake.c -- text that was decoded wrongly: lines in which unlikely characters stand together
// are repaired as far as they can be. What stays of a line, and all other lines, is not touched.
#include "text/mojibake.h"

#include "text/passes.h"
#include "text/scan.h"
#include "hotpathd/utf8.h"

enum {
    STEPS_MAX = 32,       // over a line: no text below 4 GiB has more layers
    SHORT_LINE = 4 << 10, // bytes
    CELLS_FIRST = SHORT_LINE,
};

// Where the line of `at` begins, not before `least`, and where the next one does.
static size_t line_start(hp_str s, size_t at, size_t least)
{
    size_t len;
    while (at > least && !hp_mojibake_line_end(hp_utf8_before(s, at, &len)))
        at -= len;
    return at;
}

static size_t line_stop(hp_str s, size_t at)
{
    static const struct hp_bytes first_bytes = { // "\n\v\r\xe2"
        { [0] = { [10] = 1, [11] = 1, [13] = 1 }, [1] = { [2] = 1 << 6 } }
    };
    for (;;) {
        at = hp_scan(s, at, &first_bytes);
        if (at == s.len)
            return at;
        size_t len;
        uint32_t cp = hp_utf8_at(s, at, &len);
        at += len;
        if (hp_mojibake_line_end(cp))
            return at;
    }
}

static enum hp_code room(struct hp_mojibake_line *line, size_t cells, struct hp_arena *arena)
{
    if (cells <= line->cap)
        return HP_OK;
    size_t cap = cells > 2 * line->cap ? cells : 2 * line->cap;
    cap = cap > CELLS_FIRST ? cap : CELLS_FIRST;
    line->cell = HP_NEW_RAW(arena, struct hp_mojibake_cell, cap);
    line->byte = HP_NEW_RAW(arena, uint8_t, cap);
    line->cap = cap;
    return line->cell && line->byte ? HP_OK : hp_no_memory(arena, line->fault);
}

// A run of ASCII is one cell but for its ends: no rule looks further into it.
enum { RUN_HEAD = 8, RUN_TAIL = 3 };

static size_t run_cells(size_t run)
{
    return run > RUN_HEAD + 1 + RUN_TAIL ? RUN_HEAD + 1 + RUN_TAIL : run;
}

// Bytes of ASCII from `at` on; 0 where U+001A stands there, which is not in all encodings.
static size_t ascii_run(hp_str s, size_t at, size_t stop)
{
    static const struct hp_bytes others = { { [0] = { [10] = 1 << 1 },
        [1] = {
            255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 } } };
    return hp_scan((hp_str){ s.ptr, stop }, at, &others) - at;
}

// What is next on the line: a run, or one character of `len` bytes, which is no run.
static bool next_is_run(hp_str s, size_t at, size_t stop, size_t *len)
{
    *len = (unsigned char)s.ptr[at] < 0x80 ? ascii_run(s, at, stop) : 0;
    return *len > 0;
}

// At most so many cells has the line. Short ones are not worth counting.
static enum hp_code most_cells(struct hp_rewrite *rewrite, size_t at, size_t stop, size_t *count)
{
    hp_str s = rewrite->in;
    *count = stop - at;
    if (*count <= SHORT_LINE)
        return HP_OK;
    *count = 0;
    for (size_t len; at < stop; at += len) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        bool run = next_is_run(s, at, stop, &len);
        *count += run ? run_cells(len) : 1;
        if (!run)
            hp_utf8_at(s, at, &len);
    }
    return HP_OK;
}

static void read_run(struct hp_mojibake_cell *cell, hp_str s, size_t at, size_t run)
{
    size_t cells = run_cells(run), head = cells < run ? RUN_HEAD : run;
    for (size_t i = 0; i < head; i++)
        cell[i] = hp_mojibake_cell_of((unsigned char)s.ptr[at + i], (uint32_t)(at + i));
    if (cells == run)
        return;
    cell[head] = hp_mojibake_run_of((uint32_t)(at + head));
    for (size_t i = 0, from = at + run - RUN_TAIL; i < RUN_TAIL; i++)
        cell[head + 1 + i] =
            hp_mojibake_cell_of((unsigned char)s.ptr[from + i], (uint32_t)(from + i));
}

static enum hp_code read_cells(struct hp_rewrite *rewrite, size_t at, size_t stop,
    struct hp_mojibake_cell *cell, size_t *count)
{
    hp_str s = rewrite->in;
    *count = 0;
    for (size_t len; at < stop; at += len) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        if (next_is_run(s, at, stop, &len)) {
            read_run(cell + *count, s, at, len);
            *count += run_cells(len);
        } else {
            cell[(*count)++] = hp_mojibake_cell_of(hp_utf8_at(s, at, &len), (uint32_t)at);
        }
    }
    return HP_OK;
}

// Puts the cells that are not the one raw character they came from.
static enum hp_code put_cells(
    struct hp_rewrite *rewrite, const struct hp_mojibake_line *line, size_t count, size_t stop)
{
    for (size_t i = 0; i < count; i++) {
        size_t from = line->cell[i].from, end = i + 1 < count ? line->cell[i + 1].from : stop, len;
        if (end - from == 1 || line->cell[i].cp == HP_MOJIBAKE_RUN) // ASCII stays what it is
            continue;
        uint32_t raw = hp_utf8_at(rewrite->in, from, &len);
        if (len == end - from && raw == line->cell[i].cp)
            continue;
        char with[4];
        hp_str put = { with, hp_utf8_put(with, line->cell[i].cp) };
        HP_TRY(hp_rewrite_put(rewrite, from, end - from, put));
    }
    return HP_OK;
}

static enum hp_code repair_line(
    struct hp_rewrite *rewrite, struct hp_mojibake_line *line, size_t at, size_t stop)
{
    size_t count;
    HP_TRY(most_cells(rewrite, at, stop, &count));
    HP_TRY(room(line, count, rewrite->out->arena));
    HP_TRY(read_cells(rewrite, at, stop, line->cell, &count));
    line->parted = false;
    line->allowance = (uint64_t)count * STEPS_MAX;
    bool settled;
    HP_TRY(hp_mojibake_settle(line, &count, &settled));
    return settled ? put_cells(rewrite, line, count, stop) : HP_OK;
}

enum hp_code hp_fix_mojibake(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    (void)options;
    hp_str in = rewrite->in;
    struct hp_mojibake_line line = { .deadline = rewrite->deadline, .fault = rewrite->fault };
    for (size_t at = 0, done = 0; at < in.len;) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        size_t stop = hp_rewrite_stop(rewrite, at);
        at = hp_mojibake_find(in, at, stop);
        if (at == stop)
            continue;
        size_t start = line_start(in, at, done);
        at = done = line_stop(in, at);
        HP_TRY(repair_line(rewrite, &line, start, done));
    }
    return HP_OK;
}
