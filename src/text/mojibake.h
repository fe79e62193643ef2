// mojibake.h -- text that was UTF-8 and was read as something else: what finds it, and what turns a
// line of it back. The heuristic is that of ftfy 6.3.1 (Robyn Speer, Apache-2.0): which characters
// are unlikely beside which (badness), which bytes may have got lost (restore_byte_a0,
// replace_lossy_sequences), and in what order repairs are tried (fix_encoding).
#pragma once

#include "text/mojibake_data.h"
#include "text/rewrite.h"

// --- mojibake_find.c -----------------------------------------------------------------------------

// Where the first unlikely sequence in s[at, stop) that begins with one of its rare pairs has that
// pair; `stop` where there is none. Looks at characters beyond both ends to tell.
size_t hp_mojibake_find(hp_str s, size_t at, size_t stop);
size_t hp_mojibake_find_plain(hp_str s, size_t at, size_t stop);

// What the switch line_endings makes a line end: a line is looked at by itself.
static inline bool hp_mojibake_line_end(uint32_t cp)
{
    return cp == '\n' || cp == '\r' || cp == '\v' || cp == 0x2028 || cp == 0x2029;
}

// --- a line --------------------------------------------------------------------------------------

// One character of the line as it is by now; it came from the raw text between `from` and the next
// cell's `from`.
struct hp_mojibake_cell {
    uint32_t cp : 21, number : 11;
    uint32_t from;
};

static inline struct hp_mojibake_cell hp_mojibake_cell_of(uint32_t cp, uint32_t from)
{
    return (struct hp_mojibake_cell){ cp & 0x1fffff, hp_mojibake_number(cp) & 0x7ff, from };
}

// A cell for many characters of ASCII; to all rules and encodings it is a letter.
enum { HP_MOJIBAKE_RUN = 0x1fffff };

static inline struct hp_mojibake_cell hp_mojibake_run_of(uint32_t from)
{
    return (struct hp_mojibake_cell){ HP_MOJIBAKE_RUN, hp_mojibake_number('x') & 0x7ff, from };
}

// The line in work, and what is spent on it.
struct hp_mojibake_line {
    struct hp_mojibake_cell *cell;
    uint8_t *byte; // as many; the line in some encoding
    size_t cap;
    size_t since_tick;  // cells looked at since the last look at the deadline
    bool parted;        // a line end came to light
    uint64_t allowance; // cells that may yet be looked at
    const struct hp_deadline *deadline;
    struct hp_fault *fault;
};

enum {
    HP_MOJIBAKE_TICK = 16 << 10
}; // cells, or steps of a loop, between two looks at the deadline

HP_MUST_USE static inline enum hp_code hp_mojibake_tick(
    const struct hp_mojibake_line *line, size_t at)
{
    return at == 0 || at % HP_MOJIBAKE_TICK ? HP_OK
                                            : hp_deadline_check(line->deadline, line->fault);
}

// Some cells of a line, repaired in place: how many there are.
struct hp_mojibake_span {
    struct hp_mojibake_cell *cell;
    size_t count;
};

// mojibake_find.c: whether the rare pair of an unlikely sequence stands at cell `at`.
bool hp_mojibake_unlikely(const struct hp_mojibake_span *span, size_t at);

// mojibake_bytes.c: reads all cells as bytes of `encoding`, which has them all, and these as UTF-8.
// *is_utf8 says whether they were that; the span is untouched where not.
HP_MUST_USE enum hp_code hp_mojibake_decode(struct hp_mojibake_line *line,
    struct hp_mojibake_span *span, unsigned encoding, bool *is_utf8, bool *changed);

// mojibake_line.c: repairs cell[0, *count) of the line until nothing changes. *settled is false
// where that takes more than the allowance; the cells are then of no use.
HP_MUST_USE enum hp_code hp_mojibake_settle(
    struct hp_mojibake_line *line, size_t *count, bool *settled);
