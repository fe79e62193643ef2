// test_ladder.c -- edges found where they are asked for are the ones that the plain list has, in
// whatever order the questions come.
#include "text/gaps.h"
#include "text/ladder.h"
#include "text/lines.h"
#include "hotpathd/utf8.h"

#include "hotpathd/cpu.h"

#include <stdio.h>

#include "test.h"
#include "texts.h"

static const struct hp_deadline never = { 0 };

enum { TEXT_MAX = 1 << 14 };

// --- texts ---------------------------------------------------------------------------------------

// Runs of one part each, so that there are long stretches in which no rule lets go.
static size_t random_runs(struct random *random, char *out, size_t runs)
{
    size_t len = 0;
    char unit[4 * TEXT_PART_MAX];
    for (size_t i = 0; i < runs; i++) {
        size_t unit_len = random_text(random, unit, 1 + random_below(random, 2), 3);
        for (uint32_t n = 1 + random_below(random, 120); n > 0; n--) {
            if (len + unit_len > TEXT_MAX)
                return len;
            memcpy(out + len, unit, unit_len);
            len += unit_len;
        }
    }
    return len;
}

static size_t random_points(struct random *random, char *out, size_t count)
{
    static const uint32_t limits[] = { 0x80, 0x700, 0x3100, 0x110000 };
    size_t len = 0;
    for (; count > 0; count--) {
        uint32_t code_point = random_below(random, limits[random_below(random, 4)]);
        if (code_point >= 0xd800 && code_point < 0xe000)
            code_point = 0x2029;
        len += hp_utf8_put(out + len, code_point);
    }
    return len;
}

static hp_str any_text(struct random *random, char *text)
{
    switch (random_below(random, 4)) {
    case 0:
        return (hp_str){ text, random_points(random, text, random_below(random, 1000)) };
    case 1:
        return (hp_str){ text, random_runs(random, text, 1 + random_below(random, 12)) };
    default:
        return (
            hp_str){ text, random_text(random, text, random_below(random, TEXT_MAX / TEXT_PART_MAX),
                               1 + random_below(random, 60)) };
    }
}

static void show(hp_str text)
{
    for (size_t i = 0; i < text.len; i++)
        fprintf(stderr, "\\x%02x", (unsigned char)text.ptr[i]);
    fprintf(stderr, "\n");
}

// --- the plain answers
// -----------------------------------------------------------------------------

struct plain {
    hp_str text;
    struct hp_edges edges;
    int rank[TEXT_MAX + 1];              // at each byte, -1: no edge
    bool start[TEXT_MAX + 1];            // a piece starts
    size_t last[HP_EDGES][TEXT_MAX + 1]; // of that rank or above, at or before each byte
};

static void plain_clusters(struct plain *plain)
{
    size_t at = plain->edges.first;
    for (size_t i = 0; i < plain->edges.count; i++) {
        const struct hp_edge *edge = &plain->edges.edge[i];
        while ((at = hp_grapheme_end(plain->text, at)) < edge->at)
            plain->rank[at] = HP_EDGE_GRAPHEME;
        plain->rank[edge->at] = edge->rank;
        at = edge->next;
        if (at < plain->text.len)
            plain->start[at] = true;
    }
}

// Below line rank the end of the document is no edge, and of clusters only those inside words.
static bool counts(int rank, int of)
{
    if (rank < 0 || (of < HP_EDGE_LINE && rank == HP_EDGE_DOCUMENT))
        return false;
    return of == HP_EDGE_GRAPHEME ? rank == of : rank >= of;
}

static void plain_fill(struct plain *plain, hp_str text, struct hp_arena *arena)
{
    struct hp_fault fault;
    plain->text = text;
    ck_assert(!hp_edges_find(text, arena, &never, &plain->edges, &fault));
    for (size_t at = 0; at <= text.len; at++) {
        plain->rank[at] = -1;
        plain->start[at] = false;
    }
    plain_clusters(plain);
    for (int rank = 0; rank < HP_EDGES; rank++)
        for (size_t at = 0, last = 0; at <= text.len; at++) {
            if (counts(plain->rank[at], rank))
                last = at;
            plain->last[rank][at] = last;
        }
}

static size_t first_start(const bool *starts, size_t place, size_t limit)
{
    while (place < limit && !starts[place])
        place++;
    return place < limit ? place : limit;
}

static size_t first_of(const struct plain *plain, int rank, size_t place, size_t limit)
{
    while (place < limit && !counts(plain->rank[place], rank))
        place++;
    return place < limit ? place : limit;
}

// --- questions -----------------------------------------------------------------------------------

static const char *ask_last(
    struct hp_ladder *ladder, const struct plain *plain, int rank, size_t low, size_t place)
{
    struct hp_edge edge;
    size_t at = plain->last[rank][place];
    bool found = hp_ladder_last(ladder, rank, low, place, &edge);
    if (found != (at > low))
        return "the last edge is missed, or made up";
    if (found && (edge.at != at || edge.rank != plain->rank[at]))
        return "another last edge";
    if (found && edge.rank > HP_EDGE_GRAPHEME && edge.next != hp_gap_at(plain->text, at).end)
        return "another start behind the edge";
    return NULL;
}

static const char *ask_after(
    struct hp_ladder *ladder, const struct plain *plain, int rank, size_t place, size_t limit)
{
    size_t end = limit < plain->text.len ? limit + 1 : plain->text.len + 1;
    size_t at = place + 1;
    while (at < end && plain->rank[at] < rank)
        at++;
    return hp_ladder_after(ladder, rank, place, limit) == (at < end ? at : 0) ? NULL
                                                                              : "edge behind";
}

static const char *ask(struct hp_ladder *ladder, const struct plain *plain, struct random *random)
{
    size_t len = plain->text.len, a = random_below(random, (uint32_t)len + 1);
    size_t b = random_below(random, (uint32_t)len + 1), low = a < b ? a : b, high = a < b ? b : a;
    int rank = (int)random_below(random, HP_EDGES);
    struct hp_edge edge;
    if (random_below(random, 2) && high - low > 300)
        low = high - random_below(random, 300);
    switch (random_below(random, 5)) {
    case 0:
        return hp_fine_start(&ladder->fine, low, high) == first_start(plain->start, low, high)
                   ? NULL
                   : "start";
    case 1:
        return hp_fine_cluster(&ladder->fine, low, high) ==
                       first_of(plain, HP_EDGE_GRAPHEME, low, high)
                   ? NULL
                   : "cluster";
    case 2:
        return ask_after(ladder, plain, rank > 0 ? rank : HP_EDGE_WORD, low, high);
    case 3:
        if (high == 0)
            return NULL;
        return hp_ladder_at(ladder, high, &edge) == (plain->rank[high] > HP_EDGE_GRAPHEME)
                   ? NULL
                   : "edge at a place";
    default:
        return ask_last(ladder, plain, rank, low, high);
    }
}

static void check_text(hp_str text, struct random *random)
{
    static struct plain plain;
    struct hp_arena arena;
    struct hp_ladder ladder;
    struct hp_fault fault;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    plain_fill(&plain, text, &arena);
    ck_assert(!hp_ladder_init(&ladder, text, NULL, &arena, &never, &fault));
    ck_assert_uint_eq(ladder.lines.first, plain.edges.first);
    ck_assert_uint_eq(ladder.lines.count == 0, plain.edges.count == 0);
    if (ladder.lines.count > 0) {
        ck_assert(!hp_ladder_open(&ladder, true, &fault));
        for (int i = 0; i < 100; i++) {
            const char *wrong = ask(&ladder, &plain, random);
            if (wrong)
                show(text);
            ck_assert_msg(!wrong, "%s", wrong);
        }
    }
    hp_arena_done(&arena);
}

START_TEST(answers_as_the_plain_list_does)
{
    static char text[TEXT_MAX];
    struct random random = { 21 };
    for (int i = 0; i < rounds(6000); i++)
        check_text(any_text(&random, text), &random);
}
END_TEST

// --- line ends -----------------------------------------------------------------------------------

START_TEST(lines_are_those_of_the_plain_list)
{
    static char text[TEXT_MAX];
    static struct plain plain;
    struct random random = { 22 };
    for (int i = 0; i < rounds(6000); i++) {
        struct hp_arena arena;
        struct hp_edges lines;
        struct hp_fault fault;
        hp_str s = any_text(&random, text);
        hp_arena_init(&arena, NULL, (size_t)1 << 30);
        plain_fill(&plain, s, &arena);
        ck_assert(!hp_lines_find(s, NULL, &arena, &never, &lines, &fault));
        size_t line = 0;
        for (size_t j = 0; j < plain.edges.count; j++) {
            const struct hp_edge *edge = &plain.edges.edge[j];
            if (edge->rank < HP_EDGE_LINE)
                continue;
            ck_assert_uint_lt(line, lines.count);
            ck_assert_uint_eq(lines.edge[line].at, edge->at);
            ck_assert_uint_eq(lines.edge[line].next, edge->next);
            ck_assert_uint_eq(lines.edge[line].rank, edge->rank);
            line++;
        }
        ck_assert_uint_eq(line, lines.count);
        hp_arena_done(&arena);
    }
}
END_TEST

static size_t next_char(hp_str s, size_t at)
{
    do
        at++;
    while (at < s.len && hp_utf8_continues(s.ptr[at]));
    return at;
}

START_TEST(scans_for_line_ends_as_the_plain_scan_does)
{
    static char text[TEXT_MAX];
    struct random random = { 23 };
    for (int i = 0; i < rounds(2000); i++) {
        hp_str s = any_text(&random, text);
        if (s.len > 600)
            s.len = 600;
        while (s.len > 0 && hp_utf8_continues(s.ptr[s.len]))
            s.len--;
        for (size_t at = 0; at < s.len; at = next_char(s, at))
            ck_assert_uint_eq(hp_line_scan(s, at), hp_line_scan_plain(s, at));
    }
}
END_TEST

// --- what a format says
// ----------------------------------------------------------------------------

struct outline {
    const char *text;
    const char *heading; // marks '#' under the bytes of a heading, NULL: none
    const char *element; // c, t, i, h, f under those of an element
    const char *ranks;   // of the edges from lines up, in order: l p s f, d at the end
};

static const char marks[HP_EDGES] = "gwcnlpsfd";

static const struct outline outlines[] = {
    { "a.\n\n# B\n\nc", "    ###   ", NULL, "sld" },
    { "a\n# B\nc", "  ###  ", NULL, "sld" },
    { "# A\n\n# B\n\nc", "###  ###   ", NULL, "lld" },
    { "a\n\f\n# B\nc", "    ###  ", NULL, "fld" },
    { "# A\n\f\nc", "###     ", NULL, "ld" },
    { "a\n\n# B", "   ###", NULL, "sd" },
    { "a\n\nx\n\ny\n\nb", NULL, "   cccc   ", "plpd" },
    { "a\n\nx\n\ny\n\nb", NULL, "   iiii   ", "plpd" },
    { "a\n\nx\n\ny\n\nb", NULL, "   tttt   ", "plpd" },
    { "a\n\nx\n\ny\n\nb", NULL, "   ffff   ", "plpd" },
    { "a\n\nx\n\ny\n\nb", NULL, "   hhhh   ", "pppd" },
    { "x\n\ny\n\nz", NULL, "iiii   ", "lpd" },
    { "x\n\f\ny", NULL, "ccccc", "fd" },
    { "x\n\n# B\n\ny", "   ###   ", "iiiiiiiii", "sld" },
};

static void check_outline(const struct outline *outline)
{
    static const char kinds[] = "ctihf";
    hp_str text = hp_str_from(outline->text);
    struct hp_heading heading[2];
    struct hp_element element[1];
    struct hp_structure structure = { heading, element, 0, 0, { 0 } };
    struct hp_arena arena;
    struct hp_edges lines;
    struct hp_fault fault;
    const char *row = outline->heading;
    for (size_t at = 0; row && row[at]; at++) {
        if (row[at] != '#')
            continue;
        uint32_t start = (uint32_t)at;
        while (row[at] == '#')
            at++;
        heading[structure.headings++] =
            (struct hp_heading){ start, (uint32_t)at, start, (uint32_t)at, 1 };
        if (!row[at])
            break;
    }
    row = outline->element;
    if (row) {
        size_t start = strspn(row, " "), end = start + strspn(row + start, kinds);
        element[structure.elements++] = (struct hp_element){ (uint32_t)start, (uint32_t)end,
            (uint8_t)(strchr(kinds, row[start]) - kinds) };
    }
    hp_arena_init(&arena, NULL, (size_t)1 << 20);
    ck_assert(!hp_lines_find(text, &structure, &arena, &never, &lines, &fault));
    ck_assert_msg(lines.count == strlen(outline->ranks), "%s", outline->text);
    for (size_t i = 0; i < lines.count; i++)
        ck_assert_msg(marks[lines.edge[i].rank] == outline->ranks[i], "%s: edge %zu is %c",
            outline->text, i, marks[lines.edge[i].rank]);
    hp_arena_done(&arena);
}

START_TEST(ranks_lines_by_what_the_format_says)
{
    for (size_t i = 0; i < sizeof outlines / sizeof *outlines; i++)
        check_outline(&outlines[i]);
}
END_TEST

START_TEST(finds_only_words_in_code)
{
    hp_str text = HP_STR("One. Two, three.\nif (a); b. Then, c\nOne. Two");
    struct hp_element code = { 17, 35, HP_ELEMENT_CODE };
    struct hp_structure structure = { .element = &code, .elements = 1 };
    struct hp_arena arena;
    struct hp_ladder ladder;
    struct hp_fault fault;
    struct hp_edge edge;
    hp_arena_init(&arena, NULL, (size_t)1 << 20);
    ck_assert(!hp_ladder_init(&ladder, text, &structure, &arena, &never, &fault));
    ck_assert(!hp_ladder_open(&ladder, false, &fault));
    for (size_t at = 18; at < 35; at++)
        ck_assert(!hp_ladder_last(&ladder, HP_EDGE_CLAUSE, 17, at, &edge));
    ck_assert(hp_ladder_last(&ladder, HP_EDGE_WORD, 17, 34, &edge) && edge.rank == HP_EDGE_WORD);
    ck_assert(hp_ladder_last(&ladder, HP_EDGE_SENTENCE, 0, 16, &edge));
    ck_assert_uint_eq(edge.at, 16);
    ck_assert(hp_ladder_last(&ladder, HP_EDGE_SENTENCE, 35, text.len, &edge));
    ck_assert_uint_eq(edge.at, 40);
    hp_arena_done(&arena);
}
END_TEST

START_TEST(stops_where_memory_ends_and_at_the_deadline)
{
    static const struct hp_deadline past = { .at_ns = 1 };
    struct hp_arena arena;
    struct hp_ladder ladder;
    struct hp_fault fault = HP_FAULT_NONE;
    static char lines[100 << 10]; // more than is read before a look
    hp_str text = HP_STR("One. Two.\nThree.");
    for (size_t i = 0; i < sizeof lines; i++)
        lines[i] = i % 2 ? '\n' : 'a';
    hp_arena_init(&arena, NULL, (size_t)4 << 20);
    ck_assert_int_eq(
        hp_ladder_init(&ladder, (hp_str){ lines, sizeof lines }, NULL, &arena, &past, &fault),
        HP_DEADLINE);
    arena.fail_after = 1;
    ck_assert_int_ne(hp_ladder_init(&ladder, text, NULL, &arena, &never, &fault), HP_OK);
    arena.fail_after = 0;
    ck_assert(!hp_ladder_init(&ladder, text, NULL, &arena, &never, &fault));
    arena.fail_after = 1;
    ck_assert_int_ne(hp_ladder_open(&ladder, true, &fault), HP_OK);
    hp_arena_done(&arena);
}
END_TEST

TESTS("ladder", answers_as_the_plain_list_does, lines_are_those_of_the_plain_list,
    scans_for_line_ends_as_the_plain_scan_does, ranks_lines_by_what_the_format_says,
    finds_only_words_in_code, stops_where_memory_ends_and_at_the_deadline)
