// edits.c -- writing edits down, finding them, and joining two maps with one walk over both.
#include "text/edits.h"

#include <assert.h>

enum {
    MARK_EVERY = 64, // edits
    SMALL = 15,      // lengths from here on do not fit into the head
    CODE_MAX = 1 + 3 * 5,
    CODE_FIRST = 256,
    MARKS_FIRST = 8
};

static uint8_t *write_number(uint8_t *to, uint32_t value)
{
    for (; value >= 0x80; value >>= 7)
        *to++ = (uint8_t)(value | 0x80);
    *to++ = (uint8_t)value;
    return to;
}

static uint32_t read_number(const uint8_t **from)
{
    uint32_t value = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = *(*from)++;
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
}

// The head holds raw_len in its low half, len in its high half.
static inline uint8_t *write_edit(uint8_t *to, uint32_t gap, uint32_t raw_len, uint32_t len)
{
    if (raw_len < SMALL && len < SMALL && gap < 0x80) { // nearly all
        to[0] = (uint8_t)(raw_len | len << 4);
        to[1] = (uint8_t)gap;
        return to + 2;
    }
    uint32_t low = raw_len < SMALL ? raw_len : SMALL, high = len < SMALL ? len : SMALL;
    *to++ = (uint8_t)(low | high << 4);
    if (low == SMALL)
        to = write_number(to, raw_len - SMALL);
    if (high == SMALL)
        to = write_number(to, len - SMALL);
    return write_number(to, gap);
}

struct hp_edits_walk hp_edits_walk(const struct hp_edits *edits)
{
    if (edits->count == 0)
        return (struct hp_edits_walk){ 0 };
    return (struct hp_edits_walk){ edits->code, edits->code + edits->size, 0, 0 };
}

static inline bool next_edit(struct hp_edits_walk *walk, struct hp_edit *out)
{
    if (walk->next == walk->end)
        return false;
    const uint8_t *from = walk->next;
    uint8_t head = *from++;
    uint32_t raw_len = head & SMALL, len = head >> 4;
    if (raw_len == SMALL)
        raw_len += read_number(&from);
    if (len == SMALL)
        len += read_number(&from);
    uint32_t gap = *from;
    if (gap < 0x80)
        from++;
    else
        gap = read_number(&from);
    walk->next = from;
    *out = (struct hp_edit){ walk->at + gap, len, walk->raw_at + gap, raw_len };
    walk->at = out->at + len;
    walk->raw_at = out->raw_at + raw_len;
    return true;
}

bool hp_edits_next(struct hp_edits_walk *walk, struct hp_edit *out)
{
    return next_edit(walk, out);
}

static bool code_grow(struct hp_edits *edits, struct hp_arena *arena)
{
    size_t cap = edits->cap ? edits->cap + edits->cap / 2 : CODE_FIRST;
    void *grown = hp_grow(arena, edits->code, edits->cap, cap);
    if (!grown)
        return false;
    edits->code = grown;
    edits->cap = cap;
    return true;
}

static inline bool code_room(struct hp_edits *edits, struct hp_arena *arena)
{
    return edits->cap - edits->size >= CODE_MAX || code_grow(edits, arena);
}

static bool mark_room(struct hp_edits *edits, size_t marks, struct hp_arena *arena)
{
    if (marks < edits->marks_cap)
        return true;
    size_t cap = edits->marks_cap ? edits->marks_cap * 2 : MARKS_FIRST;
    void *grown = hp_grow(
        arena, edits->mark, edits->marks_cap * sizeof *edits->mark, cap * sizeof *edits->mark);
    if (!grown)
        return false;
    edits->mark = grown;
    edits->marks_cap = cap;
    return true;
}

void hp_edits_clear(struct hp_edits *edits)
{
    edits->size = edits->count = 0;
    edits->at = edits->raw_at = 0;
    edits->removal = false;
}

static bool add_mark(struct hp_edits *edits, struct hp_arena *arena)
{
    size_t mark = edits->count / MARK_EVERY;
    if (!mark_room(edits, mark, arena))
        return false;
    edits->mark[mark] = (struct hp_edits_mark){ edits->size, edits->at, edits->raw_at };
    return true;
}

// The last edit, a removal, grows.
static bool extend(struct hp_edits *edits, uint32_t raw_len, struct hp_arena *arena)
{
    if (!code_room(edits, arena))
        return false;
    struct hp_edits_walk walk = { edits->code + edits->last_code, NULL, 0, 0 };
    struct hp_edit written = { 0 };
    next_edit(&walk, &written);
    uint8_t *to = edits->code + edits->last_code;
    edits->raw_at += raw_len;
    edits->size = (size_t)(write_edit(to, written.at, written.raw_len + raw_len, 0) - edits->code);
    return true;
}

static inline __attribute__((always_inline)) bool add(struct hp_edits *edits, uint32_t at,
    uint32_t len, uint32_t raw_at, uint32_t raw_len, struct hp_arena *arena)
{
    uint32_t gap = at - edits->at;
    assert(at >= edits->at && gap == raw_at - edits->raw_at);
    if (gap == 0 && len == 0 && edits->removal)
        return extend(edits, raw_len, arena);
    if (!code_room(edits, arena) || (edits->count % MARK_EVERY == 0 && !add_mark(edits, arena)))
        return false;
    edits->last_code = edits->size;
    uint8_t *to = edits->code + edits->size;
    edits->size = (size_t)(write_edit(to, gap, raw_len, len) - edits->code);
    edits->at = at + len;
    edits->raw_at = raw_at + raw_len;
    edits->removal = len == 0;
    edits->count++;
    return true;
}

bool hp_edits_add(struct hp_edits *edits, struct hp_edit edit, struct hp_arena *arena)
{
    return add(edits, edit.at, edit.len, edit.raw_at, edit.raw_len, arena);
}

// The last mark of which the edit before ends at or before the place.
static struct hp_edits_walk walk_from(const struct hp_edits *edits, uint32_t place, bool raw)
{
    size_t low = 0, high = (edits->count + MARK_EVERY - 1) / MARK_EVERY;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        const struct hp_edits_mark *mark = &edits->mark[middle];
        if ((raw ? mark->raw_at : mark->at) <= place)
            low = middle;
        else
            high = middle;
    }
    const struct hp_edits_mark *mark = &edits->mark[low];
    return (struct hp_edits_walk){ edits->code + mark->code, edits->code + edits->size, mark->at,
        mark->raw_at };
}

// The last edit that begins at or before `place` of the clean (of the raw) text.
static struct hp_edit before(const struct hp_edits *edits, uint32_t place, bool raw)
{
    struct hp_edit found = { 0 }, next;
    if (edits->count == 0)
        return found;
    struct hp_edits_walk walk = walk_from(edits, place, raw);
    found = (struct hp_edit){ .at = walk.at, .raw_at = walk.raw_at };
    while (hp_edits_next(&walk, &next) && (raw ? next.raw_at : next.at) <= place)
        found = next;
    return found;
}

struct hp_edit hp_edits_before_raw(const struct hp_edits *edits, uint32_t raw_at)
{
    return before(edits, raw_at, true);
}

// The raw bytes that made the clean byte `at`.
static void byte_source(const struct hp_edits *edits, size_t at, size_t *start, size_t *end)
{
    struct hp_edit edit = before(edits, (uint32_t)at, false);
    size_t clean_end = (size_t)edit.at + edit.len, raw_end = (size_t)edit.raw_at + edit.raw_len;
    bool made = at < clean_end;
    *start = made ? edit.raw_at : at - clean_end + raw_end;
    *end = made ? raw_end : *start + 1;
}

void hp_edits_source(
    const struct hp_edits *edits, size_t start, size_t end, size_t *raw_start, size_t *raw_end)
{
    size_t ignored;
    byte_source(edits, start, raw_start, &ignored);
    *raw_end = *raw_start;
    if (end > start)
        byte_source(edits, end - 1, &ignored, raw_end);
}

// A map that is walked: its next edit, of `from` bytes at `at` in the text that it starts from to
// `to` bytes; `apart` is how far the text that it makes is ahead of the other before that edit, and
// `behind` what the edit adds (modulo 2^32).
struct side {
    struct hp_edits_walk walk;
    uint32_t at, len; // in the middle text
    uint32_t apart, more_apart;
    bool more;
};

// The first map makes the middle text, the second one starts from it.
static inline void pass_by(struct side *side, bool makes)
{
    struct hp_edit edit = { 0 };
    side->apart += side->more_apart;
    side->more = next_edit(&side->walk, &edit);
    side->at = makes ? edit.at : edit.raw_at;
    side->len = makes ? edit.len : edit.raw_len;
    side->more_apart = makes ? edit.raw_len - edit.len : edit.len - edit.raw_len;
}

// What the next edits cover in the middle text: one of them, and all that overlap it, or each
// other.
struct span {
    uint32_t start, end;
};

static inline struct span take_group(struct side *first, struct side *second)
{
    bool lead = first->more && (!second->more || first->at <= second->at);
    struct side *leader = lead ? first : second;
    struct span span = { leader->at, leader->at + leader->len };
    pass_by(leader, lead);
    for (;;) {
        uint32_t end;
        if (first->more && first->at < span.end) {
            end = first->at + first->len;
            pass_by(first, true);
        } else if (second->more && second->at < span.end) {
            end = second->at + second->len;
            pass_by(second, false);
        } else {
            return span;
        }
        if (end > span.end)
            span.end = end;
    }
}

// Nothing of the other is near its next edit: that is a group by itself, as nearly all are.
static inline bool alone(const struct side *side, const struct side *other)
{
    return side->more && (!other->more || side->at + side->len < other->at);
}

static inline struct span take_alone(struct side *side, bool makes)
{
    struct span span = { side->at, side->at + side->len };
    pass_by(side, makes);
    return span;
}

enum { GROUPS_BETWEEN_CHECKS = 4096 };

bool hp_edits_follow(const struct hp_edits *first, const struct hp_edits *second)
{
    struct hp_edits_walk walk = hp_edits_walk(second);
    struct hp_edit edit = { 0 };
    return !next_edit(&walk, &edit) || edit.raw_at >= first->at;
}

enum hp_code hp_edits_append(struct hp_edits *first, const struct hp_edits *second,
    struct hp_arena *arena, const struct hp_deadline *deadline, struct hp_fault *fault)
{
    struct hp_edits_walk walk = hp_edits_walk(second);
    struct hp_edit edit = { 0 };
    uint32_t apart = first->raw_at - first->at;
    for (size_t edits = 1; next_edit(&walk, &edit); edits++) {
        if (edits % GROUPS_BETWEEN_CHECKS == 0)
            HP_TRY(hp_deadline_check(deadline, fault));
        edit.raw_at += apart;
        if (!hp_edits_add(first, edit, arena))
            return hp_no_memory(arena, fault);
    }
    return HP_OK;
}

enum hp_code hp_edits_join(const struct hp_edits *first, const struct hp_edits *second,
    struct hp_arena *arena, const struct hp_deadline *deadline, struct hp_edits *out,
    struct hp_fault *fault)
{
    struct side a = { .walk = hp_edits_walk(first) }, b = { .walk = hp_edits_walk(second) };
    pass_by(&a, true);
    pass_by(&b, false);
    for (size_t groups = 0; a.more || b.more; groups++) {
        if ((groups + 1) % GROUPS_BETWEEN_CHECKS == 0)
            HP_TRY(hp_deadline_check(deadline, fault));
        uint32_t to_raw = a.apart, to_clean = b.apart;
        struct span middle = alone(&a, &b) ? take_alone(&a, true) : take_group(&a, &b);
        uint32_t at = middle.start + to_clean, raw_at = middle.start + to_raw;
        // `apart` holds what was passed by, the group included, but not what comes next
        uint32_t len = middle.end + b.apart - at, raw_len = middle.end + a.apart - raw_at;
        if (!add(out, at, len, raw_at, raw_len, arena))
            return hp_no_memory(arena, fault);
    }
    return HP_OK;
}
