// test_routes.c -- the contract test that walks every row of routes.def: its example succeeds,
// every truncation of it is refused, odd JSON gets an answer, and with the n-th allocation failing
// the reply is right or an error.
#include "hotpathd/json.h"
#include "hotpathd/route.h"

#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct call {
    struct hp_arena arena;
    struct hp_request request;
    struct hp_buf reply;
    struct hp_fault fault;
    enum hp_code code;
};

static const struct hp_presets presets = { .count = 1, .item = { { HP_STR("p"), HP_STR("{}") } } };

static void *open_route(const struct hp_route *route)
{
    const char *folder = getenv("HOTPATHD_VOCAB");
    struct hp_setting setting = { .vocabulary = folder ? folder : "build/vocab" };
    struct hp_fault fault = HP_FAULT_NONE;
    void *state = calloc(1, route->state_size + 1);
    ck_assert_int_eq(route->open(state, &setting, &fault), HP_OK);
    return state;
}

static void close_route(const struct hp_route *route, void *state)
{
    route->close(state);
    free(state);
}

// Runs `route` on a copy of `body`; the n-th allocation fails where `fail_after` says so.
static void run(struct call *call, const struct hp_route *route, const void *state, hp_str body,
    const char *media_type, unsigned fail_after)
{
    *call = (struct call){ .fault = HP_FAULT_NONE };
    hp_arena_init(&call->arena, NULL, 1 << 30);
    char *copy = hp_alloc(&call->arena, body.len + HP_PADDING, 1);
    memcpy(copy, body.ptr, body.len);
    void *own = hp_alloc(&call->arena, route->options_size + 1, 1);
    if (route->options)
        hp_fields_preset(route->options, own);
    call->request = (struct hp_request){ .body = copy,
        .body_len = body.len,
        .media_type = hp_str_from(media_type),
        .options = own,
        .presets = &presets,
        .arena = &call->arena };
    call->reply = hp_buf_in(&call->arena);
    call->arena.fail_after = fail_after;
    call->code = route->run(state, &call->request, &call->reply, &call->fault);
}

static void check_reply_is_json(const struct call *call)
{
    json_error_t error;
    json_t *json = json_loadb(
        call->reply.ptr, call->reply.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    ck_assert_msg(json && json_is_object(json), "the reply is not a JSON object: %s", error.text);
    json_decref(json);
}

static void check_answered(const struct call *call)
{
    if (call->code == HP_OK) {
        check_reply_is_json(call);
        return;
    }
    ck_assert_int_eq(call->code, call->fault.code);
    ck_assert_int_ne(call->code, HP_INTERNAL);
    ck_assert_msg(
        call->fault.detail[0] != '\0', "%s without a detail", hp_error_info(call->code)->slug);
}

START_TEST(every_route_has_its_papers)
{
    for (size_t i = 0; i < hp_route_count; i++) {
        const struct hp_route *route = hp_routes[i];
        char contract[64];
        snprintf(contract, sizeof contract, "%s/", route->name);
        ck_assert_int_eq(strncmp(route->contract, contract, strlen(contract)), 0);
        ck_assert_uint_gt(strlen(route->summary), 20);
    }
}
END_TEST

START_TEST(answers_its_example)
{
    for (size_t i = 0; i < hp_route_count; i++) {
        struct call call;
        void *state = open_route(hp_routes[i]);
        run(&call, hp_routes[i], state, hp_routes[i]->example, "application/json", 0);
        ck_assert_msg(call.code == HP_OK, "%s: %s", hp_routes[i]->name, call.fault.detail);
        check_reply_is_json(&call);
        hp_arena_done(&call.arena);
        close_route(hp_routes[i], state);
    }
}
END_TEST

START_TEST(refuses_every_truncation_of_its_example)
{
    for (size_t i = 0; i < hp_route_count; i++) {
        void *state = open_route(hp_routes[i]);
        hp_str body = hp_routes[i]->example;
        for (body.len = 0; body.len < hp_routes[i]->example.len; body.len++) {
            struct call call;
            run(&call, hp_routes[i], state, body, "application/json", 0);
            ck_assert_int_ne(call.code, HP_OK);
            check_answered(&call);
            hp_arena_done(&call.arena);
        }
        close_route(hp_routes[i], state);
    }
}
END_TEST

START_TEST(answers_odd_json)
{
    static const hp_str odd[] = { HP_STR("{}"), HP_STR("[]"), HP_STR("null"), HP_STR("\"\""),
        HP_STR("0"), HP_STR("\xef\xbb\xbf{}"), HP_STR("{\"\":1}"), HP_STR("{\"text\":null}"),
        HP_STR("{\"text\":1e999}"), HP_STR("{\"text\":\"\\ud800\"}"), HP_STR("{\"text\":\"\xff\"}"),
        HP_STR("{\"text\":\"a\",\"text\":\"b\"}"), HP_STR("{\"text\":\"\\u0000\"}"),
        HP_STR("{\"chunk\":{\"max\":99999999999999999999}}"), HP_STR("{\"text\":\"a\",}"),
        HP_STR("{\"a\\u0000b\":1}"), HP_STR("{\"text\":\"a\"} x") };
    for (size_t i = 0; i < hp_route_count; i++) {
        void *state = open_route(hp_routes[i]);
        for (size_t j = 0; j < sizeof odd / sizeof *odd; j++) {
            struct call call;
            run(&call, hp_routes[i], state, odd[j], "application/json", 0);
            check_answered(&call);
            hp_arena_done(&call.arena);
        }
        close_route(hp_routes[i], state);
    }
}
END_TEST

START_TEST(nesting_a_million_deep_is_refused)
{
    size_t depth = 1000000, len = 0;
    char *body = malloc(2 * depth + 64);
    len += (size_t)sprintf(body, "{\"chunk\":");
    memset(body + len, '[', depth), len += depth;
    memset(body + len, ']', depth), len += depth;
    body[len++] = '}';
    for (size_t i = 0; i < hp_route_count; i++) {
        struct call call;
        void *state = open_route(hp_routes[i]);
        run(&call, hp_routes[i], state, (hp_str){ body, len }, "application/json", 0);
        ck_assert_int_ne(call.code, HP_OK);
        check_answered(&call);
        hp_arena_done(&call.arena);
        close_route(hp_routes[i], state);
    }
    free(body);
}
END_TEST

// True where it succeeded all the same.
static bool survives_failure(const struct hp_route *route, const void *state, hp_str body,
    unsigned nth, const struct call *right)
{
    struct call call;
    run(&call, route, state, body, "application/json", nth);
    bool ok = call.code == HP_OK && !call.reply.failed;
    if (ok) {
        ck_assert(hp_str_equal(hp_buf_str(&call.reply), hp_buf_str(&right->reply)));
    } else if (call.code) {
        ck_assert_int_eq(call.code, HP_OVERLOADED);
        check_answered(&call);
    }
    hp_arena_done(&call.arena);
    return ok;
}

// How many allocations there were.
static unsigned fail_each(const struct hp_route *route, const void *state, hp_str body)
{
    struct call right;
    unsigned nth = 1;
    run(&right, route, state, body, "application/json", 0);
    ck_assert_int_eq(right.code, HP_OK);
    while (!survives_failure(route, state, body, nth, &right))
        nth++;
    hp_arena_done(&right.arena);
    return nth - 1;
}

// The example, starting from a preset.
static hp_str with_preset(const struct hp_route *route, char *body, size_t size)
{
    return (hp_str){ body,
        (size_t)snprintf(body, size, "{\"preset\":\"p\",%s", route->example.ptr + 1) };
}

START_TEST(survives_the_failure_of_every_allocation)
{
    for (size_t i = 0; i < hp_route_count; i++) {
        char body[1024];
        void *state = open_route(hp_routes[i]);
        unsigned plain = fail_each(hp_routes[i], state, hp_routes[i]->example);
        ck_assert_uint_gt(plain, 0); // it does allocate: the reply at least
        hp_str named = with_preset(hp_routes[i], body, sizeof body);
        ck_assert_uint_gt(fail_each(hp_routes[i], state, named), plain); // a copy of the preset
        close_route(hp_routes[i], state);
    }
}
END_TEST

START_TEST(an_empty_preset_changes_nothing)
{
    for (size_t i = 0; i < hp_route_count; i++) {
        struct call plain, named;
        char body[1024];
        void *state = open_route(hp_routes[i]);
        run(&plain, hp_routes[i], state, hp_routes[i]->example, "application/json", 0);
        hp_str with = with_preset(hp_routes[i], body, sizeof body);
        run(&named, hp_routes[i], state, with, "application/json", 0);
        ck_assert_int_eq(named.code, HP_OK);
        ck_assert(hp_str_equal(hp_buf_str(&plain.reply), hp_buf_str(&named.reply)));
        hp_arena_done(&plain.arena);
        hp_arena_done(&named.arena);
        close_route(hp_routes[i], state);
    }
}
END_TEST

START_TEST(stops_at_a_deadline_that_has_passed)
{
    for (size_t i = 0; i < hp_route_count; i++) {
        struct call call;
        void *state = open_route(hp_routes[i]);
        run(&call, hp_routes[i], state, hp_routes[i]->example, "application/json", 0);
        memcpy(call.request.body, hp_routes[i]->example.ptr, hp_routes[i]->example.len);
        call.request.deadline.at_ns = 1;
        ck_assert_int_eq(
            hp_routes[i]->run(state, &call.request, &call.reply, &call.fault), HP_DEADLINE);
        hp_arena_done(&call.arena);
        close_route(hp_routes[i], state);
    }
}
END_TEST

TESTS("routes", every_route_has_its_papers, answers_its_example,
    refuses_every_truncation_of_its_example, answers_odd_json, nesting_a_million_deep_is_refused,
    survives_the_failure_of_every_allocation, an_empty_preset_changes_nothing,
    stops_at_a_deadline_that_has_passed)
