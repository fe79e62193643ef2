// test_base.c -- slices, arena, buffer, faults.
#include "hotpathd/buf.h"

#include "test.h"

START_TEST(arena_gives_aligned_zeroed_memory)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    for (size_t size = 0; size < 5000; size += 37) {
        unsigned char *p = hp_alloc(&arena, size, 1);
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            ck_assert_uint_eq(p[i], 0);
        memset(p, 0xff, size);
    }
    hp_arena_done(&arena);
}
END_TEST

START_TEST(arena_refuses_beyond_its_ceiling_and_names_it)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&arena, NULL, 100000);
    ck_assert_ptr_nonnull(hp_alloc(&arena, 50000, 1));
    ck_assert_ptr_null(hp_alloc(&arena, 60000, 1));
    ck_assert_int_eq(hp_no_memory(&arena, &fault), HP_TOO_LARGE);
    ck_assert_int_eq(fault.limit, 100000);
    ck_assert_ptr_null(hp_alloc(&arena, SIZE_MAX / 2, 3));
    hp_arena_done(&arena);
}
END_TEST

START_TEST(arena_pays_its_budget_back)
{
    struct hp_budget budget = { .limit = 100000 };
    struct hp_arena one, two;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&one, &budget, 1 << 20);
    hp_arena_init(&two, &budget, 1 << 20);
    ck_assert_ptr_nonnull(hp_alloc(&one, 60000, 1));
    ck_assert_ptr_null(hp_alloc(&two, 60000, 1));
    ck_assert_int_eq(hp_no_memory(&two, &fault), HP_OVERLOADED);
    hp_arena_done(&one);
    ck_assert_ptr_nonnull(hp_alloc(&two, 60000, 1));
    hp_arena_done(&two);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(arena_fails_on_the_allocation_asked_for)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    arena.fail_after = 3;
    ck_assert_ptr_nonnull(hp_alloc(&arena, 1, 1));
    ck_assert_ptr_nonnull(hp_alloc(&arena, 1, 1));
    ck_assert_ptr_null(hp_alloc(&arena, 1, 1));
    ck_assert_ptr_null(hp_alloc(&arena, 1, 1));
    hp_arena_done(&arena);
}
END_TEST

START_TEST(buffer_keeps_what_it_was_given_while_it_grows)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&arena, NULL, 64 << 20);
    struct hp_buf buf = hp_buf_in(&arena);
    for (unsigned i = 0; i < 200000; i++) {
        hp_buf_char(&buf, (char)(i * 31));
        if (i % 1000 == 0)
            ck_assert_ptr_nonnull(hp_alloc(&arena, 100, 1)); // others allocate in between
    }
    ck_assert_int_eq(hp_buf_check(&buf, &fault), HP_OK);
    ck_assert_uint_eq(buf.len, 200000);
    for (unsigned i = 0; i < 200000; i++)
        ck_assert_int_eq(buf.ptr[i], (char)(i * 31));
    hp_arena_done(&arena);
}
END_TEST

START_TEST(buffer_marks_a_failed_append)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&arena, NULL, 40000);
    struct hp_buf buf = hp_buf_in(&arena);
    hp_buf_add(&buf, HP_S("head"));
    ck_assert(!hp_buf_room(&buf, 1 << 20));
    hp_buf_add(&buf, HP_S("tail"));
    ck_assert_uint_eq(buf.len, 4);
    ck_assert_int_eq(hp_buf_check(&buf, &fault), HP_TOO_LARGE);
    hp_arena_done(&arena);
}
END_TEST

START_TEST(pointer_escapes_and_cuts_names)
{
    char pointer[HP_POINTER_MAX] = "/chunk";
    hp_pointer_add(pointer, HP_S("a/b~c"));
    ck_assert_str_eq(pointer, "/chunk/a~1b~0c");
    char name[200];
    memset(name, 'x', sizeof name);
    name[63] = (char)0xc3, name[64] = (char)0xa9; // e acute across the cut
    char other[HP_POINTER_MAX] = "";
    hp_pointer_add(other, (hp_str){ name, sizeof name });
    ck_assert_uint_eq(strlen(other), 1 + 63);
    char bad[HP_POINTER_MAX] = "";
    hp_pointer_add(bad, HP_S("a\x01\xff"));
    ck_assert_str_eq(bad, "/a??");
}
END_TEST

START_TEST(long_details_are_cut_at_a_character)
{
    struct hp_fault fault = HP_FAULT_NONE;
    char text[400] = "";
    for (int i = 0; i < 190; i++)
        strcat(text, i == 0 ? "x" : "\xc3\xa9");
    ck_assert_int_eq(hp_fail(&fault, HP_BAD_TYPE, "/x", "%s", text), HP_BAD_TYPE);
    size_t len = strlen(fault.detail);
    ck_assert_uint_eq(len % 2, 1);
    ck_assert_uint_ge(len, HP_DETAIL_MAX - 3);
}
END_TEST

START_TEST(slices_cut_trim_and_read_numbers)
{
    hp_str rest = HP_S("a,b,,c");
    ck_assert(hp_str_is(hp_str_cut(&rest, ','), "a"));
    ck_assert(hp_str_is(hp_str_cut(&rest, ','), "b"));
    ck_assert(hp_str_is(hp_str_cut(&rest, ','), ""));
    ck_assert(hp_str_is(hp_str_cut(&rest, ','), "c"));
    ck_assert_ptr_null(rest.ptr);
    ck_assert(hp_str_is(hp_str_trim(HP_S(" \tx \t")), "x"));
    uint64_t n = 7;
    ck_assert(hp_str_decimal(HP_S("9999999999999999999"), &n) && n == 9999999999999999999u);
    ck_assert(!hp_str_decimal(HP_S("10000000000000000000"), &n));
    ck_assert(!hp_str_decimal(HP_S(""), &n) && !hp_str_decimal(HP_S("-1"), &n));
    ck_assert(hp_str_equal_nocase(HP_S("Chunked"), HP_S("cHUNKED")));
}
END_TEST

static bool lies_in(const char *room, size_t bytes, const char *at)
{
    return at >= room && at < room + bytes;
}

// Used before any of the arena's own, neither counted nor freed; what does not fit goes elsewhere.
START_TEST(an_arena_uses_up_what_it_was_lent_first)
{
    enum { ROOM = 256 };
    _Alignas(16) char room[ROOM];
    struct hp_budget budget = { 0, 1 << 20 };
    struct hp_arena arena;
    hp_arena_init(&arena, &budget, 1 << 20);
    hp_arena_lend(&arena, room, sizeof room);
    char *first = hp_alloc_raw(&arena, 1, 100), *second = hp_alloc_raw(&arena, 1, 100);
    ck_assert(lies_in(room, ROOM, first) && lies_in(room, ROOM, second + 99));
    ck_assert(second >= first + 100);
    ck_assert_uint_eq((uintptr_t)second % 16, 0);
    ck_assert_uint_eq(arena.held + budget.used, 0);
    char *third = hp_alloc(&arena, 1, 100), *large = hp_alloc(&arena, 1, 100000);
    ck_assert(third && large);
    ck_assert(!lies_in(room, ROOM, third) && !lies_in(room, ROOM, large));
    ck_assert_uint_gt(budget.used, 100100);
    memset(room, 7, sizeof room);
    char *grown = hp_grow(&arena, second, 100, 4000);
    ck_assert(grown && !lies_in(room, ROOM, grown));
    ck_assert_int_eq(grown[0], 7);
    hp_arena_done(&arena);
    ck_assert_uint_eq(budget.used, 0);
}
END_TEST

TESTS("base", arena_gives_aligned_zeroed_memory, arena_refuses_beyond_its_ceiling_and_names_it,
    arena_pays_its_budget_back, arena_fails_on_the_allocation_asked_for,
    buffer_keeps_what_it_was_given_while_it_grows, buffer_marks_a_failed_append,
    pointer_escapes_and_cuts_names, long_details_are_cut_at_a_character,
    slices_cut_trim_and_read_numbers, an_arena_uses_up_what_it_was_lent_first)
