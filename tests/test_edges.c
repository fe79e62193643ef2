// test_edges.c -- where text may be cut and how strong each place is: snippets with their ranks,
// and what holds of every text.
#include "text/segment.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

#include <stdio.h>

#include "test.h"
#include "texts.h"

static const struct hp_deadline never = { 0 };

static struct hp_edges edges_of(hp_str text, struct hp_arena *arena)
{
    struct hp_edges edges;
    struct hp_fault fault;
    hp_arena_init(arena, NULL, (size_t)1 << 30);
    ck_assert_int_eq(hp_edges_find(text, arena, &never, &edges, &fault), HP_OK);
    return edges;
}

// --- snippets -----------------------------------------------------------------------------------

// A mark stands where an edge above a word's is expected, in front of its blanks: {c} clause,
// {s} sentence, {l} line, {p} paragraph, {f} page. All others are words' but the document's.
static const char marks[HP_EDGES] = "gwcslp?fd";

#define NEL "\xc2\x85"

static const char *const lines[] = {
    "One line{l}\nnext line",
    "One line{l}\r\nnext line",
    "One line{l}\rnext line",
    "One line{l}\vnext line",
    "One line{l}" NEL "next line",
    "One line{l}\u2028next line",
    "One paragraph{p}\u2029next one",
    "One line{l} \t \n  next line",
    "A paragraph.{p}\n\nAnother.",
    "A paragraph.{p}\r\n\r\nAnother.",
    "A paragraph.{p}\r\rAnother.",
    "A paragraph.{p}\n\rAnother.",
    "A paragraph.{p} \n \t\u00a0\n Another.",
    "A paragraph.{p}\n\n\n\n\nAnother.",
    "A paragraph.{p}" NEL NEL "Another.",
    "A page.{f}\fAnother.",
    "A page.{f}\n\f\nAnother.",
    "A page{f} \f and more",
    "A heading,{l}\nThe end of it.{l}\nMore",
    "Title{p}\n\nMr.{l}\nSmith went.{s} He came.",
    "A mark joins no line end{l}\n\u0301 GB4",
};

static const char *const sentences[] = {
    "He left.{s} She stayed.{s} Then?{s} Nothing!{s} So it ended.",
    "Mr. Smith met Dr. Jones and Mrs. Brown.{s} They sat.",
    "Prof. Dr. med. Huber sagte nichts.{s} Er ging.",
    "St. Mary of Mt. Carmel,{c} Lt. Col. James.{s} Yes.",
    "Some fruit,{c} e.g. Apples,{c} i.e. Round ones.{s} More.",
    "Some fruit,{c} e.g. apples,{c} i.e. round ones.{s} More.",
    "The U.S. Army came.{s} It left the U.S. in May.",
    "Apples,{c} pears,{c} etc.{s} Then more.",
    "Apples,{c} pears,{c} etc. and then more.",
    "Das gilt z. B. In Berlin,{c} d. h. Nicht hier.{s} Gut.",
    "Das gilt z.B. In Berlin.{s} Gut.",
    "Siehe Nr. 5 und Abb. 3 dort.{s} Gut.",
    "See No. 5 of Vol. 2.{s} He said no.{s} Good.",
    "He said no.{s} No.{s} He did.",
    "J. R. R. Tolkien wrote.{s} C. S. Lewis too.",
    "So did I.{s} Then we left.",
    "I. M. Pei built it.{s} The A.I. Group met.{s} Good.",
    "It costs 3.14 or 1,000.50 dollars.{s} Cheap.",
    "Version 2.0.{s} Next.",
    "1. Install it.{s} Then run it.",
    "Do this:{l}\n1. Install it.{l}\n2. Run it.{s} 3. End it.",
    "Wait... what?{s} Yes.",
    "Wait...{s} What?{s} Yes.",
    "Wait\u2026 what?",
    "Wait\u2026{s} What?",
    "\"Go.\"{s} He went.",
    "(He went.){s} She stayed.",
    "\u201cGo!\u201d{s} He went.",
    "\u201cGo.\u201d{s} \u201cNo.\u201d{s} \u2018Why?\u2019{s} So.",
    "\u00bbGeh!\u00ab{s} Er ging.",
    "\"Wait!\" she said.{s} He did.",
    "[Note.]{s} Text (see above).{s} More.",
    "Really?!{s} Yes.",
    "See example.com and a?b=1 there.{s} Good.",
    "Yahoo! is a name.{s} Good.",
    "He came at 5 p.m. and left.{s} Good.",
    "\u041e\u043d \u0443\u0448\u0451\u043b.{s} \u041e\u043d\u0430 \u043d\u0435\u0442.",
};

static const char *const scripts[] = {
    "\u4f60\u597d\u3002{s}\u4ed6\u8d70\u4e86\uff01{s}\u771f\u7684\uff1f{s}\u662f\u3002",
    "\u300c\u8d70\u3002\u300d{s}\u4ed6\u8d70\u4e86\u3002",
    "\u201c\u8d70\uff01\u201d{s}\u4ed6\u8d70\u4e86\u3002",
    "\uff08\u8d70\u3002\uff09{s}\u4ed6\u3002",
    "\u4f60\u597d\u3002{s} \u4ed6\u8d70\u4e86",
    "\u662f\u5417\uff1f\uff01{s}\u662f",
    "\u8a9e\uff61{s}\u6587",
    "\u82f9\u679c\u3001{c}\u68a8\uff0c{c}\u6843\uff1b{c}\u674e\uff1a{c}\u5b8c\u3002",
    "\u82f9\u679c\u3001{c} \u68a8",
    "\u0930\u093e\u092e \u0917\u092f\u093e\u0964{s} \u0935\u0939 \u0906\u092f\u093e\u0964",
    "\u0935\u0939 \u0906\u092f\u093e\u0965{s} \u0930\u093e\u092e",
    "\u0643\u064a\u0641 \u062d\u0627\u0644\u0643\u061f{s} \u0628\u062e\u064a\u0631",
    "\u0646\u0639\u0645\u060c{c} \u0648\u0644\u0643\u0646\u061b{c} \u0644\u0627",
    "\u0644\u0627\u06d4{s} \u062b\u0645",
    "\u0e09\u0e31\u0e19\u0e44\u0e1b{c} \u0e40\u0e02\u0e32\u0e21\u0e32",
    "\u0e09\u0e31\u0e19 Word \u0e40\u0e02\u0e32",
    "\u0589{s} \u0531\u0562\u0589{s} \u0532",
    "\u12a0\u1362{s} \u1260",
};

// Prose as its languages write it. {c} marks stand where a comma or its kin ends a clause.
static const char *const languages[] = {
    // English
    "Dr. A. B. Smith Jr. met Gen. Lee on Jan. 5 at approx. 3 p.m. in St. Louis.{s} It rained.",
    "See pp. 3\u20135,{c} fig. 2 and eq. 7 of vol. 1.{s} The U.S. Senate met.{s} \"Yes,\"{c} he "
    "said.",
    // German
    "Am 3. M\u00e4rz kam Hr. Dr. M\u00fcller,{c} d. h. der Arzt,{c} ca. 5 km weit.{s} Er sagte:{c} "
    "\u201eGut.\u201c{s} "
    "Dann ging er.",
    "Vgl. Abb. 3 bzw. Kap. 2,{c} z. B. Seite 4.{s} Das kostet 1.234,50 Euro.{s} Nr. 5 lebt!",
    // French
    "M. Dupont et Mme. Roy sont l\u00e0.{s} \u00ab Vraiment\u00a0? \u00bb dit-il.{s} \u00ab Non ! "
    "\u00bb{s} Oui\u00a0!{s} "
    "C'est tout.",
    // Spanish
    "\u00bfVienes?{s} \u00a1S\u00ed!{s} El Sr. P\u00e9rez lleg\u00f3 a las 3.{s} "
    "\u00abBien\u00bb,{c} dijo.",
    // Russian
    "\u041e\u043d \u043f\u0440\u0438\u0448\u0451\u043b \u0432 \u0434\u043e\u043c.{s} \u0410. "
    "\u0421. "
    "\u041f\u0443\u0448\u043a\u0438\u043d "
    "\u043f\u0438\u0441\u0430\u043b.{s} \u00ab\u0414\u0430!\u00bb \u2014{c} "
    "\u0441\u043a\u0430\u0437\u0430\u043b \u043e\u043d.",
    // Chinese
    "\u201c\u4f60\u597d\uff0c{c}\u4e16\u754c\u3002\u201d{s}\u4ed6\u8bf4\u3002{s}\u7b2c3."
    "5\u8282\uff1a{c}\u7ed3\u675f\uff01\uff01{s}\u597d\u2026\u2026",
    // Japanese
    "\u4eca\u65e5\u306f\u6674\u308c\u3002{s}\u660e\u65e5\u306f\uff1f{s}"
    "\u300c\u96e8\u3060\u3002\u300d{s}\u3068\u3001{c}\u5f7c\u306f\u8a00\u3063\u305f\u3002",
    // Korean
    "\uc548\ub155\ud558\uc138\uc694.{s} \ubc18\uac11\uc2b5\ub2c8\ub2e4!{s} \uc815\ub9d0\uc694?{s} "
    "\ub124,{c} \uadf8\ub798\uc694.",
    // Hindi
    "\u092f\u0939 \u0920\u0940\u0915 \u0939\u0948\u0964{s} \u0915\u094d\u092f\u093e,{c} "
    "\u0938\u091a?{s} \u0939\u093e\u0901\u0964",
    // Thai: blanks end clauses, and words run together
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35{c} \u0e1c\u0e21\u0e0a\u0e37\u0e48\u0e2d\u0e40\u0e08{c} "
    "\u0e22\u0e34\u0e19\u0e14\u0e35",
    // Arabic
    "\u0645\u0631\u062d\u0628\u0627\u060c{c} \u0643\u064a\u0641 \u062d\u0627\u0644\u0643\u061f{s} "
    "\u0628\u062e\u064a\u0631.{s} \u0634\u0643\u0631\u0627!{s} \u0645\u0639",
    // Hebrew
    "\u05e9\u05dc\u05d5\u05dd.{s} \u05de\u05d4 \u05e9\u05dc\u05d5\u05de\u05da?{s} "
    "\u05e6\u05d4\"\u05dc,{c} \u05db\u05df!{s} \u05d8\u05d5\u05d1",
};

static const char *const clauses[] = {
    "Yes,{c} but no;{c} he said:{c} go",
    "One \u2014{c} two \u2013{c} three",
    "At 10:30 and 1,000 it is x,y or std::vector",
    "He said,{c} \"go,\"{c} and left",
    "Pages 10\u201312 1990\u20132000",
    "Yes\u2014{c}but no\u2014\u2014{c}or \u201cGo\u2014\u201d{c} then",
};

struct marked {
    char text[512];
    size_t len;
    char mark[512]; // at each byte, 0: none
};

static void unmark(const char *row, struct marked *out)
{
    *out = (struct marked){ .len = 0 };
    for (; *row; row++) {
        if (*row != '{') {
            out->text[out->len++] = *row;
            continue;
        }
        out->mark[out->len] = row[1];
        row += 2;
    }
    ck_assert_uint_lt(out->len, sizeof out->text);
}

static void check_ranks(const char *row)
{
    struct marked marked;
    struct hp_arena arena;
    unmark(row, &marked);
    struct hp_edges edges = edges_of((hp_str){ marked.text, marked.len }, &arena);
    for (size_t i = 0; i < edges.count; i++) {
        const struct hp_edge *edge = &edges.edge[i];
        char expected = marked.mark[edge->at] ? marked.mark[edge->at] : 'w';
        if (i + 1 == edges.count)
            expected = 'd';
        ck_assert_msg(marks[edge->rank] == expected, "%s: %c, not %c, at byte %u", row,
            marks[edge->rank], expected, edge->at);
        marked.mark[edge->at] = 0;
    }
    for (size_t at = 0; at < marked.len; at++)
        ck_assert_msg(!marked.mark[at], "%s: no edge at byte %zu", row, at);
    hp_arena_done(&arena);
}

#define CHECK_ALL(rows)                                                                            \
    for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++)                                     \
    check_ranks((rows)[i])

START_TEST(ranks_line_ends_blank_lines_and_pages)
{
    CHECK_ALL(lines);
}
END_TEST

START_TEST(ranks_sentences_past_abbreviations)
{
    CHECK_ALL(sentences);
}
END_TEST

START_TEST(ranks_sentences_of_other_scripts)
{
    CHECK_ALL(scripts);
}
END_TEST

START_TEST(ranks_prose_of_many_languages)
{
    CHECK_ALL(languages);
}
END_TEST

START_TEST(ranks_clauses)
{
    CHECK_ALL(clauses);
}
END_TEST

START_TEST(names_every_rank)
{
    ck_assert_str_eq(hp_boundary_name(HP_EDGE_GRAPHEME), "grapheme");
    ck_assert_str_eq(hp_boundary_name(HP_EDGE_SENTENCE), "sentence");
    ck_assert_str_eq(hp_boundary_name(HP_EDGE_DOCUMENT), "document");
}
END_TEST

// --- what holds of every text -------------------------------------------------------------------

// Marks the clusters' edges, from the first one on.
static void mark_clusters(hp_str text, bool *edge)
{
    memset(edge, 0, text.len + 1);
    for (size_t at = 0; at < text.len; at = hp_grapheme_end(text, at))
        edge[at] = true;
    edge[text.len] = true;
}

static bool blank_span(hp_str text, size_t start, size_t end)
{
    for (size_t at = start, len; at < end; at += len)
        if (!hp_unicode_blank(hp_utf8_at(text, at, &len)))
            return false;
    return true;
}

// True where the cluster at `at` is nothing but a blank (or CRLF).
static bool blank_cluster(hp_str text, size_t at)
{
    return blank_span(text, at, hp_grapheme_end(text, at));
}

static const char *wrong_edge(hp_str text, const bool *cluster, size_t from, struct hp_edge edge)
{
    if (edge.at <= from || edge.next < edge.at || edge.next > text.len)
        return "edges are not sorted";
    if (!cluster[edge.at] || !cluster[edge.next])
        return "an edge cuts a cluster";
    if (!blank_span(text, edge.at, edge.next))
        return "more than blanks between at and next";
    if (edge.next < text.len && blank_cluster(text, edge.next))
        return "a piece begins with a blank";
    for (size_t at = from; at < edge.at; at = hp_grapheme_end(text, at))
        if (blank_cluster(text, at))
            return "a blank inside a piece";
    return edge.rank <= HP_EDGE_GRAPHEME || edge.rank >= HP_EDGES ? "no such rank" : NULL;
}

static const char *wrong_edges(hp_str text, const struct hp_edges *edges)
{
    static bool cluster[1 << 16];
    ck_assert_uint_lt(text.len, sizeof cluster);
    mark_clusters(text, cluster);
    if (!blank_span(text, 0, edges->first))
        return "text before the first piece";
    size_t from = edges->first;
    for (size_t i = 0; i < edges->count; i++) {
        const char *wrong = wrong_edge(text, cluster, from, edges->edge[i]);
        if (wrong)
            return wrong;
        if ((edges->edge[i].rank == HP_EDGE_DOCUMENT) != (i + 1 == edges->count))
            return "the last edge alone is the document's";
        from = edges->edge[i].next;
    }
    if (edges->count == 0)
        return blank_span(text, 0, text.len) ? NULL : "text without edges";
    return from == text.len ? NULL : "text behind the last edge";
}

static void check_edges(hp_str text)
{
    struct hp_arena arena;
    struct hp_edges edges = edges_of(text, &arena);
    const char *wrong = wrong_edges(text, &edges);
    if (wrong)
        for (size_t i = 0; i < text.len; i++)
            fprintf(stderr, "\\x%02x", (unsigned char)text.ptr[i]);
    ck_assert_msg(!wrong, "%s", wrong);
    hp_arena_done(&arena);
}

enum { PARTS_MAX = 60 };

START_TEST(edges_hold_on_texts_of_random_parts)
{
    static char text[PARTS_MAX * TEXT_PART_MAX];
    struct random random = { 11 };
    for (int i = 0; i < 40000; i++) {
        size_t parts = random_below(&random, PARTS_MAX);
        size_t len = random_text(&random, text, parts, 1 + random_below(&random, 60));
        check_edges((hp_str){ text, len });
    }
}
END_TEST

// Code points from all of Unicode, the low ones more often.
static uint32_t random_code_point(struct random *random)
{
    static const uint32_t limits[] = { 0x80, 0x700, 0x3100, 0x110000 };
    uint32_t code_point = random_below(random, limits[random_below(random, 4)]);
    return code_point >= 0xd800 && code_point < 0xe000 ? 0x2028 : code_point;
}

START_TEST(edges_hold_on_random_code_points)
{
    static char text[PARTS_MAX * 4];
    struct random random = { 12 };
    for (int i = 0; i < 40000; i++) {
        size_t len = 0;
        for (uint32_t n = random_below(&random, PARTS_MAX); n > 0; n--)
            len += hp_utf8_put(text + len, random_code_point(&random));
        check_edges((hp_str){ text, len });
    }
}
END_TEST

START_TEST(blank_text_has_no_edges)
{
    static const hp_str blanks[] = { HP_STR(""), HP_STR(" "), HP_STR("\r\n\f\t \n"),
        HP_STR(NEL "\u00a0\u2028\u2029\u202f\u3000") };
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        struct hp_arena arena;
        struct hp_edges edges = edges_of(blanks[i], &arena);
        ck_assert_uint_eq(edges.count, 0);
        ck_assert_uint_eq(edges.first, blanks[i].len);
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(stops_at_the_deadline_and_where_memory_ends)
{
    static const struct hp_deadline past = { .at_ns = 1 };
    struct hp_edges edges;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_arena arena;
    hp_str text = HP_STR("One. Two.");
    hp_arena_init(&arena, NULL, (size_t)1 << 20);
    ck_assert_int_eq(hp_edges_find(text, &arena, &past, &edges, &fault), HP_DEADLINE);
    arena.fail_after = 1;
    ck_assert_int_ne(hp_edges_find(text, &arena, &never, &edges, &fault), HP_OK);
    hp_arena_done(&arena);
}
END_TEST

TESTS("edges", ranks_line_ends_blank_lines_and_pages, ranks_sentences_past_abbreviations,
    ranks_sentences_of_other_scripts, ranks_prose_of_many_languages, ranks_clauses,
    names_every_rank, edges_hold_on_texts_of_random_parts, edges_hold_on_random_code_points,
    blank_text_has_no_edges, stops_at_the_deadline_and_where_memory_ends)
