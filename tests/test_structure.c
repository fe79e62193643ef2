// test_structure.c -- maps of edits, structures that move along with them, and the spans that
// passes leave alone; each against a plain version.
#include "text/rewrite.h"

#include "random.h"
#include "test.h"

static const struct hp_deadline never = { 0 };
static struct random dice = { 11 };

static uint32_t pick(uint32_t below)
{
    return random_below(&dice, below);
}

enum { TEXT = 400, NOWHERE = -1 };

// A text as the place in the raw text that each of its bytes came from: what an edit put came from
// the whole span that it took.
struct plain {
    struct {
        int from, to;
    } byte[2 * TEXT];
    size_t len;
};

static struct plain plain_of(size_t len)
{
    struct plain text = { .len = len };
    for (size_t i = 0; i < len; i++) {
        text.byte[i].from = (int)i;
        text.byte[i].to = (int)i + 1;
    }
    return text;
}

// Random edits of a text of `len` bytes, and the text behind them.
static struct plain random_edits(
    const struct plain *in, struct hp_edits *edits, struct hp_arena *arena, uint32_t far)
{
    struct plain out = { .len = 0 };
    hp_edits_clear(edits);
    for (size_t at = 0; at < in->len;) {
        size_t same = pick(4) ? pick(far) : 0, take = 1 + pick(pick(8) ? 3 : 40), put = pick(3);
        for (; same > 0 && at < in->len; same--)
            out.byte[out.len++] = in->byte[at++];
        if (at + take > in->len)
            take = in->len - at;
        if (take == 0)
            continue;
        struct hp_edit edit = { (uint32_t)out.len, (uint32_t)put, (uint32_t)at, (uint32_t)take };
        ck_assert(hp_edits_add(edits, edit, arena));
        for (; put > 0; put--) {
            out.byte[out.len].from = in->byte[at].from;
            out.byte[out.len++].to = in->byte[at + take - 1].to;
        }
        at += take;
    }
    return out;
}

// Bytes that one edit made share a span that covers the spans of both maps; the plain text knows
// only the finer one.
static void check_covers(const struct hp_edits *edits, const struct plain *text)
{
    size_t start, end;
    for (size_t at = 0; at < text->len; at++) {
        hp_edits_source(edits, at, at + 1, &start, &end);
        ck_assert_int_le((int)start, text->byte[at].from);
        ck_assert_int_ge((int)end, text->byte[at].to);
    }
}

START_TEST(every_byte_finds_its_source)
{
    for (int round = 0; round < rounds(3000); round++) {
        struct hp_arena arena;
        struct hp_edits edits = { 0 };
        hp_arena_init(&arena, NULL, 1 << 24);
        struct plain in = plain_of(pick(TEXT)),
                     out = random_edits(&in, &edits, &arena, 1 + pick(30));
        size_t start, end;
        for (size_t at = 0; at < out.len; at++) {
            hp_edits_source(&edits, at, at + 1, &start, &end);
            ck_assert(out.byte[at].from == (int)start && out.byte[at].to == (int)end);
        }
        hp_arena_done(&arena);
    }
}
END_TEST

// The edits from `from` on, as if there were none before.
static struct hp_edits edits_from(
    const struct hp_edits *edits, uint32_t from, struct hp_arena *arena)
{
    struct hp_edits kept = { 0 };
    struct hp_edits_walk walk = hp_edits_walk(edits);
    struct hp_edit edit;
    uint32_t shift = 0;
    while (hp_edits_next(&walk, &edit)) {
        if (edit.raw_at < from)
            continue;
        shift = kept.count ? shift : edit.at - edit.raw_at;
        edit.at -= shift;
        ck_assert(hp_edits_add(&kept, edit, arena));
    }
    return kept;
}

// A text that was edited twice.
struct twice {
    struct plain in, out;
    struct hp_edits first, second;
};

static struct twice edited_twice(struct hp_arena *arena)
{
    struct twice made = { .in = plain_of(pick(TEXT)) };
    struct plain middle = random_edits(&made.in, &made.first, arena, 1 + pick(30));
    made.out = random_edits(&middle, &made.second, arena, 1 + pick(30));
    return made;
}

START_TEST(a_map_that_follows_is_appended_as_it_would_be_joined)
{
    size_t appended = 0;
    for (int round = 0; round < rounds(1000); round++) {
        struct hp_arena arena;
        struct hp_edits both = { 0 };
        struct hp_fault fault;
        hp_arena_init(&arena, NULL, 1 << 24);
        struct twice made = edited_twice(&arena);
        struct hp_edits first = made.first, second = made.second;
        if (second.count > 0 && edits_from(&second, first.at, &arena).count < second.count)
            ck_assert(!hp_edits_follow(&first, &second));
        second = edits_from(&second, first.at, &arena);
        ck_assert(hp_edits_follow(&first, &second));
        ck_assert_int_eq(hp_edits_join(&first, &second, &arena, &never, &both, &fault), HP_OK);
        appended += second.count;
        ck_assert_int_eq(hp_edits_append(&first, &second, &arena, &never, &fault), HP_OK);
        ck_assert(first.count == both.count && first.at == both.at && first.raw_at == both.raw_at);
        ck_assert(first.size == both.size &&
                  (first.size == 0 || memcmp(first.code, both.code, first.size) == 0));
        hp_arena_done(&arena);
    }
    ck_assert_uint_gt(appended, 0);
}
END_TEST

START_TEST(joined_maps_lead_all_the_way_back)
{
    for (int round = 0; round < rounds(3000); round++) {
        struct hp_arena arena;
        struct hp_edits both = { 0 };
        struct hp_fault fault;
        hp_arena_init(&arena, NULL, 1 << 24);
        struct twice made = edited_twice(&arena);
        ck_assert_int_eq(
            hp_edits_join(&made.first, &made.second, &arena, &never, &both, &fault), HP_OK);
        check_covers(&both, &made.out);
        struct hp_edits_walk walk = hp_edits_walk(&both);
        struct hp_edit edit, last = { 0 };
        for (; hp_edits_next(&walk, &edit); last = edit)
            ck_assert(edit.raw_len > 0 && edit.at >= last.at + last.len);
        size_t behind = made.in.len - last.raw_at - last.raw_len; // the rest is the same
        ck_assert_uint_eq(last.at + last.len + behind, made.out.len);
        hp_arena_done(&arena);
    }
}
END_TEST

// Where the first byte in [start, end) that is left went, and the end of the last one: what edits
// put counts for all that they took.
static void move_plainly(const struct hp_edits *edits, uint32_t *start, uint32_t *end)
{
    uint32_t from = *start, to = *end;
    long shift = 0;
    struct hp_edits_walk walk = hp_edits_walk(edits);
    struct hp_edit edit;
    long new_start = NOWHERE, new_end = NOWHERE;
    while (hp_edits_next(&walk, &edit)) {
        if (new_start < 0 && from < edit.raw_at + edit.raw_len)
            new_start = from < edit.raw_at ? from + shift : edit.at;
        if (new_end < 0 && to - 1 < edit.raw_at + edit.raw_len)
            new_end = to - 1 < edit.raw_at ? to + shift : edit.at + edit.len;
        shift = (long)(edit.at + edit.len) - (long)(edit.raw_at + edit.raw_len);
    }
    *start = (uint32_t)(new_start < 0 ? from + shift : new_start);
    *end = (uint32_t)(new_end < 0 ? to + shift : new_end);
}

START_TEST(structures_move_with_their_text)
{
    for (int round = 0; round < rounds(5000); round++) {
        struct hp_arena arena;
        struct hp_edits edits = { 0 };
        struct hp_fault fault;
        hp_arena_init(&arena, NULL, 1 << 24);
        struct plain in = plain_of(1 + pick(TEXT));
        random_edits(&in, &edits, &arena, 1 + pick(30));
        uint32_t start = pick((uint32_t)in.len), end = start + 1 + pick((uint32_t)in.len - start);
        struct hp_element element = { start, end, HP_ELEMENT_CODE };
        struct hp_heading heading = { start, end, start, end, 2 };
        struct hp_structure structure = { &heading, &element, 1, 1, HP_STR("t") };
        ck_assert_int_eq(hp_structure_move(&structure, &edits, &arena, &fault), HP_OK);
        move_plainly(&edits, &start, &end);
        ck_assert_uint_eq(structure.elements, start < end);
        ck_assert_uint_eq(structure.headings, start < end);
        if (start < end) {
            ck_assert(structure.element->start == start && structure.element->end == end);
            ck_assert_int_eq(structure.element->kind, HP_ELEMENT_CODE);
            ck_assert(structure.heading->text_start == start && structure.heading->text_end == end);
            ck_assert_int_eq(structure.heading->level, 2);
        }
        ck_assert(hp_str_is(structure.title, "t"));
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(what_was_removed_whole_is_gone)
{
    struct hp_arena arena;
    struct hp_edits edits = { 0 };
    struct hp_fault fault;
    hp_arena_init(&arena, NULL, 1 << 20);
    const struct hp_element elements[] = { { 0, 4, HP_ELEMENT_CODE }, { 5, 9, HP_ELEMENT_TABLE } };
    const struct hp_heading headings[] = { { 0, 4, 2, 4, 1 }, { 5, 9, 5, 7, 1 } };
    struct hp_structure structure = { headings, elements, 2, 2, HP_STR("") };
    ck_assert(hp_edits_add(&edits, (struct hp_edit){ 5, 0, 5, 3 }, &arena));
    ck_assert_int_eq(hp_structure_move(&structure, &edits, &arena, &fault), HP_OK);
    ck_assert(structure.elements == 2 && structure.element[1].start == 5 &&
              structure.element[1].end == 6);
    ck_assert_uint_eq(structure.headings, 1); // nothing is left of what the second one says
    hp_edits_clear(&edits);
    ck_assert(hp_edits_add(&edits, (struct hp_edit){ 0, 0, 0, 6 }, &arena));
    ck_assert_int_eq(hp_structure_move(&structure, &edits, &arena, &fault), HP_OK);
    ck_assert(structure.elements == 0 && structure.headings == 0);
    hp_arena_done(&arena);
}
END_TEST

START_TEST(shields_cover_what_they_should)
{
    for (int round = 0; round < rounds(5000); round++) {
        struct hp_element elements[12];
        struct hp_heading headings[4];
        bool covered[TEXT + 1] = { false };
        struct hp_structure structure = { headings, elements, 0, 0, HP_STR("") };
        unsigned kinds = pick(32);
        bool with_headings = pick(2);
        for (uint32_t at = 0; at < TEXT && structure.elements < 10; at += 1 + pick(30)) {
            uint32_t len = 1 + pick(20), kind = pick(5);
            bool nested = len > 4 && pick(2);
            elements[structure.elements++] = (struct hp_element){ at, at + len, (uint8_t)kind };
            if (nested)
                elements[structure.elements++] =
                    (struct hp_element){ at + 1, at + 3, (uint8_t)pick(5) };
            at += len;
            if (structure.headings < 4 && pick(3) == 0) {
                headings[structure.headings++] = (struct hp_heading){ at, at + 5, at, at + 5, 1 };
                at += 5;
            }
        }
        for (size_t i = 0; i < structure.elements; i++)
            for (uint32_t at = elements[i].start; at < elements[i].end && at < TEXT; at++)
                covered[at] |= kinds >> elements[i].kind & 1;
        for (size_t i = 0; i < structure.headings; i++)
            for (uint32_t at = headings[i].start; at < headings[i].end && at < TEXT; at++)
                covered[at] |= with_headings;
        struct hp_shield shield = { .of = &structure, .kinds = kinds, .headings = with_headings };
        for (size_t at = 0; at < TEXT; at += 1 + pick(3)) {
            hp_shield_move(&shield, at);
            ck_assert_int_eq(shield.start <= at, covered[at]);
            ck_assert(shield.end > at);
        }
    }
}
END_TEST

TESTS("structure", every_byte_finds_its_source, joined_maps_lead_all_the_way_back,
    a_map_that_follows_is_appended_as_it_would_be_joined, structures_move_with_their_text,
    what_was_removed_whole_is_gone, shields_cover_what_they_should)
