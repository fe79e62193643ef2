// test_score.c -- what a request to /v1/score costs, on usual and on hostile documents: memory
// beside its body, scratch and reply among it; time that grows with its bytes; and none behind its
// deadline.
#include "hotpathd/json.h"
#include "hotpathd/route.h"

#include <stdio.h>
#include <stdlib.h>

#include "test.h"

extern const struct hp_route hp_route_score;

enum { SWEEP_MAX = 32 };

enum { MIB = 1 << 20, MOST = 4 * MIB, UNBOUNDED = 1 << 30 };

struct call {
    char *body;
    size_t len, room;
};

static void put(struct call *call, const char *text)
{
    size_t len = strlen(text);
    if (call->len + len + HP_PADDING > call->room) {
        call->room = (call->len + len + HP_PADDING) * 2;
        call->body = realloc(call->body, call->room);
    }
    memcpy(call->body + call->len, text, len);
    call->len += len;
}

struct cost {
    enum hp_code code;
    uint64_t cpu_ns;
};

// With at most so many bytes of memory beside the body, for all arenas together.
static struct cost run_within(struct call *call, size_t most, uint64_t deadline_ns)
{
    struct hp_arena arena;
    struct hp_budget budget = { 0, most };
    struct hp_fault fault = HP_FAULT_NONE;
    char own[64] = { 0 };
    hp_arena_init(&arena, &budget, UNBOUNDED);
    hp_fields_preset(hp_route_score.options, own);
    memset(call->body + call->len, '"', HP_PADDING);
    struct hp_request request = { .body = call->body,
        .body_len = call->len,
        .options = own,
        .arena = &arena,
        .deadline = { deadline_ns } };
    struct hp_buf reply = hp_buf_in(&arena);
    uint64_t from = hp_thread_cpu_ns();
    enum hp_code code = hp_route_score.run(NULL, &request, &reply, &fault);
    struct cost cost = { code, hp_thread_cpu_ns() - from };
    hp_arena_done(&arena);
    return cost;
}

static uint64_t cpu_of(struct call *call)
{
    struct cost cost = run_within(call, UNBOUNDED, 0);
    ck_assert_int_eq(cost.code, HP_OK);
    return cost.cpu_ns;
}

static bool fits(struct call *call, size_t most)
{
    return run_within(call, most, 0).code == HP_OK;
}

// `count` documents, each `times` times `text`, given between `before` and `behind`.
static struct call documents(const char *head, size_t count, const char *before, const char *text,
    size_t times, const char *behind)
{
    struct call call = { NULL, 0, 0 };
    put(&call, head);
    put(&call, ",\"documents\":[");
    for (size_t i = 0; i < count; i++) {
        put(&call, i ? "," : "");
        put(&call, before);
        for (size_t j = 0; j < times; j++)
            put(&call, text);
        put(&call, behind);
    }
    put(&call, "]}");
    return call;
}

#define LETTERS "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9 "

static const struct {
    const char *what, *head, *before, *text;
    size_t count, times;
    const char *behind;
} loads[] = {
    { "usual", "{\"query\":\"wing lift boundary layer\"", "\"", "the wing lifts a layer of words ",
        1000, 34, "\"" },
    { "small", "{\"query\":\"wing lift boundary layer\"", "\"", "wing ", 10000, 1, "\"" },
    { "fields", "{\"query\":\"wing\"",
        "{\"a\":\"wing\",\"b\":\"wing\",\"c\":\"x\",\"d\":\"wing\",\"e\":\"\",\"f\":\"wing\",\"g\":"
        "\"",
        "wing ", 10000, 1, "\",\"h\":\"wing\"}" },
    { "every word a term", "{\"analyzer\":\"simple\",\"query\":\"" LETTERS "\"", "\"", LETTERS,
        10000, 2, "\"" },
    { "words never seen", "{\"analyzer\":\"german\",\"query\":\"wing\"", "\"",
        "\xd0\xb0\xd0\xb1w1 w2 w3x w4xy w5xyz ", 1000, 40, "\"" },
    { "marks", "{\"query\":\"wing\"", "\"",
        "a\xcc\x81\xcc\xa7\xcc\x81\xcc\xa7\xcc\x81\xcc\xa7\xcc\x81", 100, 1000, "\"" },
    { "one cluster", "{\"query\":\"wing\"", "\"a", "\xcc\x81\xcc\xa7", 1, 250000, "\"" },
    { "one cluster of Thai", "{\"query\":\"wing\"", "\"\xe0\xb8\x81", "\xcc\x81\xcc\xa7", 1, 250000,
        "\"" },
    { "no letter", "{\"query\":\"wing\"", "\"", "\xcc\x81\xcc\xa7", 1, 250000, "\"" },
    { "looking on", "{\"query\":\"wing\"", "\"a\xc3\xa9.", "\xcc\x81\xcc\xa7", 1, 250000, "\"" },
    { "one word", "{\"query\":\"wing\"", "\"", "\xef\xb7\xba", 1, 340000, "\"" },
    { "letters", "{\"query\":\"wing\"", "\"", "\xc3\xa9", 1, 500000, "\"" },
    { "syllables", "{\"query\":\"wing\"", "\"", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", 1, 110000,
        "\"" },
    { "nothing", "{\"query\":\"wing\"", "\"a", "\xcd\x8f", 1, 500000, "\"" },
    { "thai", "{\"query\":\"wing\"", "\"\xe0\xb8\x81", "\xe0\xb8\xb3", 1, 340000, "\"" },
    { "compatibility", "{\"query\":\"wing\"", "\"", "\xef\xb7\xba ", 20, 10000, "\"" },
    { "han", "{\"query\":\"\xe6\x9d\xb1\xe4\xba\xac\"", "\"", "\xe6\x9d\xb1\xe4\xba\xac", 100, 4000,
        "\"" },
};

// So many quarters of it: of its documents, or of its only one.
static struct call load(size_t i, size_t quarters)
{
    bool one = loads[i].count == 1;
    return documents(loads[i].head, one ? 1 : loads[i].count / 4 * quarters, loads[i].before,
        loads[i].text, one ? loads[i].times / 4 * quarters : loads[i].times, loads[i].behind);
}

START_TEST(memory_is_the_body_and_four_megabytes)
{
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        struct call call = load(i, 4);
        ck_assert_msg(fits(&call, MOST), "%s: more than %d bytes beside a body of %zu",
            loads[i].what, MOST, call.len);
        free(call.body);
    }
}
END_TEST

#define PAIRS "aa bb cc dd ee ff gg hh ii jj kk ll mm nn oo pp qq rr ss tt uu vv ww xx yy zz a1 b1 "

// As many words as a query may have, each in each of as many fields as there may be.
START_TEST(memory_of_the_densest_request_is_the_body_and_four_megabytes)
{
    struct call call = documents("{\"analyzer\":\"simple\",\"query\":\"" LETTERS PAIRS "\"", 10000,
        "{\"a\":\"" LETTERS PAIRS "\",\"b\":\"" LETTERS PAIRS "\",\"c\":\"" LETTERS PAIRS
        "\",\"d\":\"" LETTERS PAIRS "\",\"e\":\"" LETTERS PAIRS "\",\"f\":\"" LETTERS PAIRS
        "\",\"g\":\"" LETTERS PAIRS "\",\"h\":\"",
        LETTERS PAIRS, 1, "\"}");
    ck_assert_msg(fits(&call, MOST), "more than %d bytes beside a body of %zu", MOST, call.len);
    free(call.body);
}
END_TEST

// A list of words costs no memory a word.
START_TEST(a_long_filter_costs_no_more_memory)
{
    struct call call = { NULL, 0, 0 };
    put(&call, "{\"query\":\"wing\",\"documents\":[\"wing\"],\"must\":[");
    for (size_t i = 0; i < 100000; i++)
        put(&call, "\"the\",\"w\xc3\xafng\",\"\xe6\x9d\xb1\xe4\xba\xac\",");
    put(&call, "\"wing\"]}");
    ck_assert(fits(&call, MIB));
    free(call.body);
}
END_TEST

static uint64_t least_cpu(size_t i, size_t quarters)
{
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < 5; round++) {
        struct call call = load(i, quarters);
        uint64_t ns = cpu_of(&call);
        best = ns < best ? ns : best;
        free(call.body);
    }
    return best;
}

// Four times the bytes take about four times the time; an algorithm that looks at pairs would take
// sixteen.
START_TEST(time_grows_with_the_bytes)
{
    for (size_t i = 0; !SANITIZED && i < sizeof loads / sizeof *loads; i++) {
        uint64_t quarter = least_cpu(i, 1), whole = least_cpu(i, 4);
        ck_assert_msg(whole < 8 * quarter, "%s: %.3f ms, and %.3f ms for four times as much",
            loads[i].what, (double)quarter / 1e6, (double)whole / 1e6);
    }
}
END_TEST

// The hostile documents of a megabyte, one to thirty-two of them: twice as many take about twice
// the time.
START_TEST(time_doubles_with_the_documents_up_to_the_largest_body)
{
    for (size_t i = 0; !SANITIZED && i < sizeof loads / sizeof *loads; i++) {
        uint64_t before = 0;
        for (size_t count = 1; count <= SWEEP_MAX && loads[i].count == 1; count *= 2) {
            uint64_t best = UINT64_MAX;
            for (int round = 0; round < 3; round++) {
                struct call call = documents(loads[i].head, count, loads[i].before, loads[i].text,
                    loads[i].times, loads[i].behind);
                uint64_t ns = cpu_of(&call);
                best = ns < best ? ns : best;
                free(call.body);
            }
            if (getenv("SHOW"))
                printf("%-20s %2zu documents %8.3f ms\n", loads[i].what, count, (double)best / 1e6);
            ck_assert_msg(count == 1 || best < 4 * before,
                "%s: %.3f ms, and %.3f for twice as much", loads[i].what, (double)before / 1e6,
                (double)best / 1e6);
            before = best;
        }
    }
}
END_TEST

// A machine may be slow: so it is the work that is measured with. Of a short one a look costs more.
static uint64_t behind_max(uint64_t whole)
{
    return whole / 8 + HP_NS_PER_MS;
}

// What is worked behind a deadline that passes when so many eighths of the work are done. CPU time
// never runs ahead of the clock, so what goes beyond them was worked behind it.
static uint64_t behind_deadline(size_t i, uint64_t whole, uint64_t eighths)
{
    uint64_t until = whole / 8 * eighths, behind = UINT64_MAX;
    for (int round = 0; round < 5; round++) {
        struct call call = load(i, 4);
        struct cost cost = run_within(&call, UNBOUNDED, hp_now_ns() + until);
        ck_assert(cost.code == HP_DEADLINE || cost.cpu_ns < 2 * whole);
        uint64_t more = cost.cpu_ns > until ? cost.cpu_ns - until : 0;
        behind = more < behind ? more : behind;
        free(call.body);
    }
    return behind;
}

// Whatever is being done when it passes: most of it is one thing for the documents of one word.
START_TEST(work_ends_with_the_deadline)
{
    for (size_t i = 0; !SANITIZED && i < sizeof loads / sizeof *loads; i++) {
        uint64_t whole = least_cpu(i, 4), worst = 0;
        for (uint64_t eighths = 0; eighths < 8; eighths++) {
            uint64_t behind = behind_deadline(i, whole, eighths);
            worst = behind > worst ? behind : worst;
        }
        if (getenv("SHOW"))
            printf("%-20s %8.3f ms, %8.3f behind the deadline\n", loads[i].what,
                (double)whole / 1e6, (double)worst / 1e6);
        ck_assert_msg(worst < behind_max(whole), "%s: %.3f ms behind its deadline", loads[i].what,
            (double)worst / 1e6);
    }
}
END_TEST

TESTS("score", memory_is_the_body_and_four_megabytes,
    memory_of_the_densest_request_is_the_body_and_four_megabytes,
    a_long_filter_costs_no_more_memory, time_grows_with_the_bytes,
    time_doubles_with_the_documents_up_to_the_largest_body, work_ends_with_the_deadline)
