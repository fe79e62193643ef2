// test_late.c -- looks at the deadline: there are enough of them, and whichever one finds that the
// time is over, the request ends with that and nothing else. The linker puts the functions here in
// the place of those of deadline.c (see the Makefile).
#include "hotpathd/json.h"
#include "hotpathd/route.h"
#include "text/chunk.h"

#include "test.h"

// --- looks ---------------------------------------------------------------------------------------

static struct {
    const struct hp_request *request;
    size_t seen[HP_STAGES]; // looks, by the stage that the request is in
    size_t left;            // looks that still find time
} looks;

bool __wrap_hp_deadline_passed(const struct hp_deadline *deadline);
enum hp_code __wrap_hp_deadline_check(const struct hp_deadline *deadline, struct hp_fault *fault);
enum hp_code __wrap_hp_deadline_check_at(
    const struct hp_deadline *deadline, uint64_t now_ns, struct hp_fault *fault);

bool __wrap_hp_deadline_passed(const struct hp_deadline *deadline)
{
    (void)deadline;
    looks.seen[looks.request->progress.stage]++;
    looks.left -= looks.left > 0;
    return looks.left == 0;
}

enum hp_code __wrap_hp_deadline_check(const struct hp_deadline *deadline, struct hp_fault *fault)
{
    return __wrap_hp_deadline_passed(deadline) ? hp_fail(fault, HP_DEADLINE, NULL, "over") : HP_OK;
}

enum hp_code __wrap_hp_deadline_check_at(
    const struct hp_deadline *deadline, uint64_t now_ns, struct hp_fault *fault)
{
    (void)now_ns;
    return __wrap_hp_deadline_check(deadline, fault);
}

// --- requests ------------------------------------------------------------------------------------

enum { PARSE = 1 << HP_PARSE, COMPUTE = 1 << HP_COMPUTE, WRITE = 1 << HP_WRITE };

static const struct body {
    int route;       // number in routes.def
    unsigned stages; // that walk over the whole of it
    const char *type, *head, *unit, *tail;
} bodies[] = {
    { 0, PARSE | COMPUTE | WRITE, "application/json", "{\"text\":\"", "It lifts. ", "\"}" },
    { 0, PARSE | COMPUTE | WRITE, "application/json", "{\"text\":\"", "It lifts.\\n", "\"}" },
    { 0, PARSE | COMPUTE | WRITE, "application/json", "{\"text\":\"", "\\\\ ", "\"}" },
    { 0, PARSE, "application/json", "{\"text\":\"a\"", "          ", "}" },
    { 0, PARSE | COMPUTE | WRITE, "text/plain", "", "It was the best of times.\n\n", "" },
    { 0, PARSE | COMPUTE | WRITE, "text/plain", "", "a\f", "" },
    { 0, PARSE | COMPUTE | WRITE, "text/plain", "", "\xc3\x83\xc2\xa9 ", "" },
    { 0, PARSE | COMPUTE | WRITE, "text/plain", "", "e\xcc\x81 ", "" },
    { 0, PARSE | COMPUTE | WRITE, "text/markdown", "", "- item\n", "" },
    { 0, PARSE | COMPUTE | WRITE, "text/markdown", "", "# A\n|a|\n|-|\n", "" },
    { 0, PARSE | COMPUTE, "text/html", "", "<ul><li>", "" },
    { 0, PARSE | COMPUTE, "text/html", "", "<p>One <b>word</b>", "" },
    { 1, PARSE, "application/json", "{\"query\":\"a\",\"documents\":[\"", "a wing ", "\"]}" },
    { 1, PARSE, "application/json", "{\"query\":\"a\",\"documents\":[\"a\"",
        ",\"the wing lifts because it turns the air downwards, and the air pushes back, as it has "
        "to: so said Newton, whom nobody asked about wings at all\"",
        "]}" },
};

enum { BODIES = sizeof bodies / sizeof *bodies, ROUTES = 2 };

static struct {
    void *state[ROUTES];
} opened;

static void open_routes(void)
{
    struct hp_setting setting = { .vocabulary = "build/vocab" };
    struct hp_fault fault = HP_FAULT_NONE;
    for (int i = 0; i < ROUTES; i++) {
        opened.state[i] = calloc(1, hp_routes[i]->state_size + 1);
        ck_assert_int_eq(hp_routes[i]->open(opened.state[i], &setting, &fault), HP_OK);
    }
}

static void close_routes(void)
{
    for (int i = 0; i < ROUTES; i++) {
        hp_routes[i]->close(opened.state[i]);
        free(opened.state[i]);
    }
}

static size_t fill(char *to, const struct body *body, size_t bytes)
{
    char *at = stpcpy(to, body->head);
    for (size_t step = strlen(body->unit); at + step <= to + bytes; at += step)
        memcpy(at, body->unit, step);
    return (size_t)(stpcpy(at, body->tail) - to);
}

// Runs the request; the time is over at the look number `late`.
static enum hp_code run(const struct body *body, size_t bytes, size_t late)
{
    const struct hp_route *route = hp_routes[body->route];
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    char *copy = hp_alloc_raw(&arena, bytes + 64 + HP_PADDING, 1);
    void *own = hp_alloc(&arena, route->options_size + 1, 1);
    if (route->options)
        hp_fields_preset(route->options, own);
    struct hp_request request = { .body = copy,
        .body_len = fill(copy, body, bytes),
        .media_type = hp_str_from(body->type),
        .options = own,
        .arena = &arena };
    struct hp_buf reply = hp_buf_in(&arena);
    memset(&looks, 0, sizeof looks);
    looks.request = &request;
    looks.left = late;
    hp_progress_enter(&request.progress, HP_PARSE);
    enum hp_code code = route->run(opened.state[body->route], &request, &reply, &fault);
    hp_arena_done(&arena);
    return code;
}

// --- tests ---------------------------------------------------------------------------------------

// The bytes of the body are read, worked on and written: each of these takes its looks.
START_TEST(looks_at_the_deadline_in_every_stage)
{
    enum { BYTES = 1 << 20, LEAST = BYTES >> 17 }; // one for every 128 KiB
    open_routes();
    for (const struct body *body = bodies; body < bodies + BODIES; body++) {
        ck_assert_int_eq(run(body, BYTES, SIZE_MAX), HP_OK);
        for (int stage = 0; stage < HP_STAGES; stage++)
            ck_assert_msg(!(body->stages >> stage & 1) || looks.seen[stage] >= LEAST,
                "%s: %zu looks in stage %s", body->unit, looks.seen[stage],
                hp_stage_name((enum hp_stage)stage));
    }
    close_routes();
}
END_TEST

START_TEST(is_over_at_whichever_look_finds_it)
{
    enum { BYTES = 128 << 10, TRIES = 24 };
    open_routes();
    for (const struct body *body = bodies; body < bodies + BODIES; body++) {
        ck_assert_int_eq(run(body, BYTES, SIZE_MAX), HP_OK);
        size_t all = 0;
        for (int stage = 0; stage < HP_STAGES; stage++)
            all += looks.seen[stage];
        for (size_t late = 1; late <= all; late += 1 + all / TRIES)
            ck_assert_msg(run(body, BYTES, late) == HP_DEADLINE, "%s, at look %zu of %zu",
                body->unit, late, all);
        ck_assert_int_eq(run(body, BYTES, all), HP_DEADLINE);
    }
    close_routes();
}
END_TEST

// One word, or one cluster, may be the whole of a text.
static const char *const endless[] = { "a", "7", "\xd0\xb6", "\xed\x95\x9c", "\xcc\x81",
    "\xf0\x9f\x91\xa9\xe2\x80\x8d" };

enum { ENDLESS = sizeof endless / sizeof *endless };

// Cuts a text of one unit over and over; the time is over at the look number `late`.
static enum hp_code cut(const char *unit, size_t bytes, size_t most, size_t late)
{
    struct hp_request request = { .progress.stage = HP_COMPUTE };
    const struct hp_chunk_options options = { .unit = HP_UNIT_CHARS, .max = most };
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_chunks chunks;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    char *text = hp_alloc_raw(&arena, bytes + HP_PADDING, 1);
    size_t len = fill(text, &(struct body){ .head = "", .unit = unit, .tail = "" }, bytes);
    memset(&looks, 0, sizeof looks);
    looks.request = &request;
    looks.left = late;
    enum hp_code code = hp_chunk_text(
        (hp_str){ text, len }, NULL, NULL, &options, &arena, &request.deadline, &chunks, &fault);
    hp_arena_done(&arena);
    return code;
}

START_TEST(looks_at_the_deadline_inside_a_word)
{
    enum { BYTES = 1 << 20, LEAST = BYTES >> 14 };
    for (size_t i = 0; i < ENDLESS; i++) {
        ck_assert_int_eq(cut(endless[i], BYTES, BYTES / 8, SIZE_MAX), HP_OK);
        ck_assert_msg(
            looks.seen[HP_COMPUTE] >= LEAST, "%s: %zu looks", endless[i], looks.seen[HP_COMPUTE]);
    }
}
END_TEST

// A walk that ends there leaves an edge where none is: nothing is to come of it.
START_TEST(is_over_inside_a_word)
{
    enum { BYTES = 100 << 10, TRIES = 12 };
    static const size_t most[] = { 7, BYTES / 3 };
    for (size_t i = 0; i < ENDLESS * 2; i++) {
        const char *unit = endless[i / 2];
        ck_assert_int_eq(cut(unit, BYTES, most[i % 2], SIZE_MAX), HP_OK);
        size_t all = looks.seen[HP_COMPUTE];
        for (size_t late = 1; late <= all; late += 1 + all / TRIES)
            ck_assert_msg(cut(unit, BYTES, most[i % 2], late) == HP_DEADLINE,
                "%s, at look %zu of %zu", unit, late, all);
    }
}
END_TEST

TESTS("late", looks_at_the_deadline_inside_a_word, is_over_inside_a_word,
    looks_at_the_deadline_in_every_stage, is_over_at_whichever_look_finds_it)
