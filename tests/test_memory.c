// test_memory.c -- what a request takes: the arena, with body, scratch and reply, holds at most
// twelve times the body; Markdown with a heading or an item every few bytes, the worst that is
// known, up to twenty times.
#include "hotpathd/json.h"
#include "hotpathd/route.h"

#include "test.h"

#include <stdio.h>

enum { BODY = 1 << 20, TIMES = 12, TIMES_OF_BLOCKS = 20 };

// What a document is filled with.
static const struct {
    const char *name, *unit;
    bool blocks; // of Markdown, as many as there can be
} documents[] = {
    { "prose", "It was the best of times, it was the worst of times. \"Really?\" he asked.\n\n",
        false },
    { "Chinese",
        "\xe4\xb8\xad\xe6\x96\x87\xe6\xb2\xa1\xe6\x9c\x89\xe7\xa9\xba\xe6\xa0\xbc\xe3\x80\x82",
        false },
    { "one word", "a", false },
    { "letters and blanks", "a ", false },
    { "signs", "!a", false },
    { "lines", "a\n", false },
    { "CRLF", "a\r\n", false },
    { "no-break spaces", "a\xc2\xa0", false },
    { "decomposed", "e\xcc\x81", false },
    { "controls", "a\x01", false },
    { "blanks", "a  ", false },
    { "mojibake", "\xc3\x83\xc2\xa9", false },
    { "quotes", "a\"", false },
    { "line ends", "\n", false },
    { "bold", "<b>a</b>", false },
    { "paragraphs", "<p>a", false },
    { "entities", "&amp;", false },
    { "items", "- a\n", true },
    { "empty items", "-\n", true },
    { "nested", "- > ", false },
    { "headings", "# a\n", true },
    { "cells", "|a|b|\n|-|-|\n", false },
    { "fences", "```\n", true },
};

static const char *const queries[] = { "", "chunk.max=512&chunk.overlap=64",
    "chunk.max=16&return_text=never", "chunk=none&clean=none&encoding=estimate" };

static const char *const types[] = { "text/plain", "text/markdown", "text/html" };

static char text[BODY + 64];

static void fill(const char *unit)
{
    size_t len = strlen(unit), at = 0;
    for (; at + len <= BODY; at += len)
        memcpy(text + at, unit, len);
    memset(text + at, '.', BODY - at);
}

// The memory that a request held, in bodies.
static double times_held(const struct hp_route *route, const void *state, const char *type,
    const char *query, size_t *reply_bytes)
{
    struct hp_arena arena;
    struct hp_fault fault = HP_FAULT_NONE;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    char *body = hp_alloc_raw(&arena, BODY + HP_PADDING, 1);
    memcpy(body, text, BODY);
    struct hp_request request = { .body = body,
        .body_len = BODY,
        .media_type = hp_str_from(type),
        .query = hp_str_from(query),
        .arena = &arena };
    struct hp_buf reply = hp_buf_in(&arena);
    ck_assert_msg(!route->run(state, &request, &reply, &fault), "%s", fault.detail);
    double times = (double)(arena.held - reply.cap) / BODY;
    *reply_bytes = reply.len;
    hp_arena_done(&arena);
    return times;
}

START_TEST(a_request_holds_at_most_twelve_times_its_body)
{
    const struct hp_route *route = hp_routes[0];
    struct hp_setting setting = { .vocabulary = "build/vocab" };
    struct hp_fault fault = HP_FAULT_NONE;
    void *state = calloc(1, route->state_size);
    ck_assert(!route->open(state, &setting, &fault));
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        fill(documents[i].unit);
        for (size_t type = 0; type < 3; type++) {
            for (size_t query = 0; query < 4; query++) {
                size_t reply;
                double times = times_held(route, state, types[type], queries[query], &reply);
                if (getenv("SHOW"))
                    printf("%-20s %-14s %-50s %5.1f, reply %5.1f\n", documents[i].name, types[type],
                        queries[query], times, (double)reply / BODY);
                bool blocks = type == 1 && documents[i].blocks;
                ck_assert_msg(times <= (blocks ? TIMES_OF_BLOCKS : TIMES),
                    "%s as %s, %s: %.1f times its body", documents[i].name, types[type],
                    queries[query], times);
            }
        }
    }
    route->close(state);
    free(state);
}
END_TEST

TESTS("memory", a_request_holds_at_most_twelve_times_its_body)
