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
static uint8_t *write_edit(uint8_t *to, uint32_t gap, uint32_t raw_len, uint32_t len)
{
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

bool hp_edits_next(struct hp_edits_walk *walk, struct hp_edit *out)
{
    if (walk->next == walk->end)
        return false;
    uint8_t head = *walk->next++;
    uint32_t raw_len = head & SMALL, len = head >> 4;
    if (raw_len == SMALL)
        raw_len += read_number(&walk->next);
    if (len == SMALL)
        len += read_number(&walk->next);
    uint32_t gap = read_number(&walk->next);
    *out = (struct hp_edit){ walk->at + gap, len, walk->raw_at + gap, raw_len };
    walk->at = out->at + len;
    walk->raw_at = out->raw_at + raw_len;
    return true;
}

static bool code_room(struct hp_edits *edits, struct hp_arena *arena)
{
    if (edits->cap - edits->size >= CODE_MAX)
        return true;
    size_t cap = edits->cap ? edits->cap + edits->cap / 2 : CODE_FIRST;
    void *grown = hp_grow(arena, edits->code, edits->cap, cap);
    if (!grown)
        return false;
    edits->code = grown;
    edits->cap = cap;
    return true;
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
    edits->last = (struct hp_edit){ 0 };
}

static bool append(struct hp_edits *edits, struct hp_edit edit, struct hp_arena *arena)
{
    const struct hp_edit *last = &edits->last;
    uint32_t at = last->at + last->len, raw_at = last->raw_at + last->raw_len;
    assert(edit.at >= at && edit.at - at == edit.raw_at - raw_at);
    if (!code_room(edits, arena))
        return false;
    if (edits->count % MARK_EVERY == 0) {
        if (!mark_room(edits, edits->count / MARK_EVERY, arena))
            return false;
        edits->mark[edits->count / MARK_EVERY] = (struct hp_edits_mark){ edits->size, at, raw_at };
    }
    uint8_t *to = edits->code + edits->size;
    edits->last_code = edits->size;
    edits->size = (size_t)(write_edit(to, edit.at - at, edit.raw_len, edit.len) - edits->code);
    edits->last = edit;
    edits->count++;
    return true;
}

// The last edit, a removal, grows.
static bool extend(struct hp_edits *edits, uint32_t raw_len, struct hp_arena *arena)
{
    if (!code_room(edits, arena))
        return false;
    struct hp_edits_walk walk = { edits->code + edits->last_code, NULL, 0, 0 };
    struct hp_edit written;
    hp_edits_next(&walk, &written);
    uint8_t *to = edits->code + edits->last_code;
    edits->last.raw_len += raw_len;
    edits->size = (size_t)(write_edit(to, written.at, edits->last.raw_len, 0) - edits->code);
    return true;
}

bool hp_edits_add(struct hp_edits *edits, struct hp_edit edit, struct hp_arena *arena)
{
    const struct hp_edit *last = &edits->last;
    bool touch = edits->count > 0 && last->raw_at + last->raw_len == edit.raw_at;
    if (touch && last->len == 0 && edit.len == 0)
        return extend(edits, edit.raw_len, arena);
    return append(edits, edit, arena);
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

struct hp_edit hp_edits_before(const struct hp_edits *edits, uint32_t at)
{
    return before(edits, at, false);
}

struct hp_edit hp_edits_before_raw(const struct hp_edits *edits, uint32_t raw_at)
{
    return before(edits, raw_at, true);
}

// The raw bytes that made the clean byte `at`.
static void byte_source(const struct hp_edits *edits, size_t at, size_t *start, size_t *end)
{
    struct hp_edit edit = hp_edits_before(edits, (uint32_t)at);
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

// A map that is walked, and how far its two sides are apart behind what was walked (modulo 2^32).
struct side {
    struct hp_edits_walk walk;
    struct hp_edit next;
    bool more;
    uint32_t to_raw, to_clean;
};

static struct side side_of(const struct hp_edits *edits)
{
    struct side side = { .walk = hp_edits_walk(edits) };
    side.more = hp_edits_next(&side.walk, &side.next);
    return side;
}

static void pass_by(struct side *side)
{
    const struct hp_edit *edit = &side->next;
    side->to_raw = edit->raw_at + edit->raw_len - (edit->at + edit->len);
    side->to_clean = 0u - side->to_raw;
    side->more = hp_edits_next(&side->walk, &side->next);
}

// A span of the middle text.
struct span {
    uint32_t start, end;
};

static uint32_t made_end(const struct side *first)
{
    return first->next.at + first->next.len;
}

static uint32_t taken_end(const struct side *second)
{
    return second->next.raw_at + second->next.raw_len;
}

// The span that the next edits cover: one of them, and all that overlap it, or each other.
static struct span take_group(struct side *first, struct side *second)
{
    struct span span;
    bool lead = first->more && (!second->more || first->next.at <= second->next.raw_at);
    if (lead)
        span = (struct span){ first->next.at, made_end(first) };
    else
        span = (struct span){ second->next.raw_at, taken_end(second) };
    pass_by(lead ? first : second);
    for (;;) {
        uint32_t end;
        if (first->more && first->next.at < span.end) {
            end = made_end(first);
            pass_by(first);
        } else if (second->more && second->next.raw_at < span.end) {
            end = taken_end(second);
            pass_by(second);
        } else {
            return span;
        }
        if (end > span.end)
            span.end = end;
    }
}

enum { GROUPS_BETWEEN_CHECKS = 4096 };

enum hp_code hp_edits_join(const struct hp_edits *first, const struct hp_edits *second,
    struct hp_arena *arena, const struct hp_deadline *deadline, struct hp_edits *out,
    struct hp_fault *fault)
{
    struct side a = side_of(first), b = side_of(second);
    for (size_t groups = 0; a.more || b.more; groups++) {
        if (groups % GROUPS_BETWEEN_CHECKS == 0)
            HP_TRY(hp_deadline_check(deadline, fault));
        uint32_t to_raw = a.to_raw, to_clean = b.to_clean;
        struct span middle = take_group(&a, &b);
        struct hp_edit edit = { .at = middle.start + to_clean, .raw_at = middle.start + to_raw };
        edit.len = middle.end + b.to_clean - edit.at;
        edit.raw_len = middle.end + a.to_raw - edit.raw_at;
        if (!hp_edits_add(out, edit, arena))
            return hp_no_memory(arena, fault);
    }
    return HP_OK;
}
