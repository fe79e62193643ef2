// test_markdown.c -- the blocks of Markdown: each case is a text and what must be found in it, one
// line a block; then what holds of any text, on soup, and cost in proportion to size.
#include "markdown_checks.h"

#include "hotpathd/cpu.h"

#include <stdio.h>

#include "test.h"

struct example {
    const char *text, *blocks;
};

enum { SHOWN_MAX = 4096 };

static const char *const kind_name[] = { [HP_ELEMENT_CODE] = "code",
    [HP_ELEMENT_TABLE] = "table",
    [HP_ELEMENT_ITEM] = "item",
    [HP_ELEMENT_HTML] = "html",
    [HP_ELEMENT_FRONT_MATTER] = "front" };

// Headings as "h2 text", then elements as "kind text", a block a line, line ends in them as '|'.
static void show(hp_str text, const struct hp_structure *structure, char *out)
{
    for (size_t i = 0; i < structure->headings; i++) {
        const struct hp_heading *h = &structure->heading[i];
        out += sprintf(out, "h%u %.*s\n", h->level, (int)(h->text_end - h->text_start),
            text.ptr + h->text_start);
    }
    for (size_t i = 0; i < structure->elements; i++) {
        const struct hp_element *e = &structure->element[i];
        char *from = out += sprintf(out, "%s ", kind_name[e->kind]);
        out += sprintf(out, "%.*s\n", (int)(e->end - e->start), text.ptr + e->start);
        for (; from < out - 1; from++)
            *from = *from == '\n' ? '|' : *from;
    }
    *out = '\0';
}

static void check_examples(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct hp_arena arena;
        char shown[SHOWN_MAX];
        hp_str text = hp_str_from(examples[i].text);
        hp_arena_init(&arena, NULL, SIZE_MAX);
        struct hp_structure structure = markdown(text, &arena);
        show(text, &structure, shown);
        ck_assert_str_eq(shown, examples[i].blocks);
        ck_assert_ptr_null(check_structure(text, &structure));
        ck_assert_ptr_null(check_dresses(text, &structure));
        hp_arena_done(&arena);
    }
}

#define EXAMPLES(name, ...)                                                                        \
    START_TEST(name)                                                                               \
    {                                                                                              \
        static const struct example examples[] = { __VA_ARGS__ };                                  \
        check_examples(examples, sizeof examples / sizeof *examples);                              \
    }                                                                                              \
    END_TEST

EXAMPLES(finds_atx_headings,                                                   //
    { "# One\n## Two ##\n###### Six", "h1 One\nh2 Two\nh6 Six\n" },            //
    { "   #\tOne  \t# #  \n", "h1 One  \t#\n" },                               //
    { "#\n## ##\n#  \n", "h1 \nh2 \nh1 \n" },                                  //
    { "# One#\n# Two \\#\n# *a* `b`\n", "h1 One#\nh1 Two \\#\nh1 *a* `b`\n" }, //
    { "####### seven\n#none\n\\# none\n", "" },                                //
    { "text\n# One\ntext\n", "h1 One\n" },                                     //
    { "a\n    # lazy\n\n    # code\n", "code     # code\n" })

EXAMPLES(finds_setext_headings,                                                  //
    { "One\n===\nTwo\n  ---  \n", "h1 One\nh2 Two\n" },                          //
    { "  One\nand two  \n=\n", "h1 One\nand two\n" },                            //
    { "=\n=\n", "h1 =\n" },                                                      //
    { "===\n\ntext\n= =\n\ntext\n\n===\n", "" },                                 //
    { "> One\n> ===\n\n> text\n===\n\n- text\n---\n", "h1 One\nitem - text\n" }, //
    { "text\n    ===\n", "" },                                                   //
    { "- One\n  ===\n", "h1 One\nitem - One|  ===\n" },                          //
    { "| a |\n---\n", "h2 | a |\n" })

EXAMPLES(does_not_take_definitions_for_a_heading,                   //
    { "[a]: /u\n===\n", "" },                                       //
    { "[a]: /u\n===\n===\n", "h1 ===\n" },                          //
    { "[a]: /u\n---\n", "" },                                       //
    { "[a]: /u\nOne\n===\n", "h1 One\n" },                          //
    { "[a]: /u 't'\n[b]:\n <v w>\n  (t)\nOne\n===\n", "h1 One\n" }, //
    { "[a]: /u\n'title\nthat ends'\n===\n", "" },                   //
    { "[a]: /u\n'no title' x\n===\n", "h1 'no title' x\n" },        //
    { "[a]: /u 'no title' x\n===\n", "h1 [a]: /u 'no title' x\n" }, //
    { "[a]: /u\n'never ends\n===\n", "h1 'never ends\n" },          //
    { "[a\nb\\]]: /u\n===\n", "" },                                 //
    { "[ ]: /u\n===\n", "h1 [ ]: /u\n" },                           //
    { "[a]:\n===\n", "h1 [a]:\n" },                                 //
    { "[a]: /u(\n===\n[a]: <u\n===\n[a]: <u>x\n===\n",              //
        "h1 [a]: /u(\nh1 [a]: <u\nh1 [a]: <u>x\n" },                //
    { "[a]\n===\n", "h1 [a]\n" })

EXAMPLES(finds_code,                                                              //
    { "```c\n# no\n\n- no\n```\n# One\n", "h1 One\ncode ```c|# no||- no|```\n" }, //
    { "~~~ a`b\n```\n~~\n~~~~~\n", "code ~~~ a`b|```|~~|~~~~~\n" },               //
    { "``` a`b\n\n``\n", "" },                                                    //
    { "````\n```\n\n\n", "code ````|```\n" },                                     //
    { "   ```\n    ```\n   ```  \n", "code    ```|    ```|   ```\n" },            //
    { "text\n```\nx\n```\ntext", "code ```|x|```\n" },                            //
    { "- ```\n  x\ny\n", "item - ```|  x\ncode - ```|  x\n" },                    //
    { "> ```\n> x\n```\n", "code > ```|> x\ncode ```\n" },                        //
    { "    a\n\n     b\n\n\nc\n", "code     a||     b\n" },                       //
    { "\ta\n  \tb\n", "code \ta|  \tb\n" },                                       //
    { "text\n    lazy\n", "" },                                                   //
    { "-     a\n\n      b\n", "item -     a||      b\ncode -     a||      b\n" }, //
    { "# One\n    a\n", "h1 One\ncode     a\n" })

EXAMPLES(finds_items,                                                       //
    { "- a\n- b\n* c\n+ d\n1. e\n2) f\n",                                   //
        "item - a\nitem - b\nitem * c\nitem + d\nitem 1. e\nitem 2) f\n" }, //
    { "- a\n\n  b\n\n\n  c\nlazy\n\nd\n", "item - a||  b|||  c|lazy\n" },   //
    { "- a\n  - b\n    - c\n- d\n",
        "item - a|  - b|    - c\nitem   - b|    - c\nitem     - c\nitem - d\n" }, //
    { "- - a\n", "item - - a\nitem - - a\n" },                                    //
    { "-\n  a\n-\n\n  b\n", "item -|  a\nitem -\n" },                             //
    { "text\n2. no\ntext\n-\n", "h2 text\n2. no\ntext\n" },                       //
    { "text\n- a\n", "item - a\n" },                                              //
    { "text\n1. a\n2. b\n", "item 1. a\nitem 2. b\n" },                           //
    { "1234567890. no\n123456789. a\n\n-no\n1.no\n", "" },                        //
    { "123456789. a\n", "item 123456789. a\n" },                                  //
    { "-\ta\n\n\tb\n\n  c\n", "item -\ta||\tb\n" },                               //
    { "10. a\n\n    b\n\n   c\n", "item 10. a||    b\n" },                        //
    { "> - a\n>\n>   b\n>\n> c\n", "item > - a|>|>   b\n" },                      //
    { "- > a\nlazy\n", "item - > a|lazy\n" },                                     //
    { "- a\n\n\n# One\n- # Two\n", "h1 One\nh1 Two\nitem - a\nitem - # Two\n" },  //
    { "* * *\n- - -\n* a\n* * *\n", "item * a\n" })

EXAMPLES(finds_tables,                                                                            //
    { "| a | b |\n|---|:-:|\n| 1 | 2 |\n3\n\n4\n", "table | a | b |||---|:-:||| 1 | 2 ||3\n" },   //
    { "text\na | b\n- | -\n", "item - | -\n" },                                                   //
    { "text\na | b\n-|-\n1\n", "table a | b|-|-|1\n" },                                           //
    { "| a |\n|-|-|\n\na\n|-|\n", "" },                                                           //
    { "| a \\| b |\n|-|\n", "table | a \\| b |||-|\n" },                                          //
    { "> | a |\n> |-|\n> | b |\nc\n", "table > | a ||> |-||> | b |\n" },                          //
    { "- | a |\n  |-|\n  | b |\n", "item - | a ||  |-||  | b |\ntable - | a ||  |-||  | b |\n" }, //
    { "> | a |\n|-|\n", "" },                                                                     //
    { "| a |\n|-|\n# One\n", "h1 One\ntable | a |||-|\n" },                                       //
    { "| a |\n|-|\n    b\n", "table | a |||-|\ncode     b\n" },                                   //
    { "| a |\n|-|\n- b\n", "table | a |||-|\nitem - b\n" },                                       //
    { "| a |\n    |-|\n\n    | a |\n|-|\n", "code     | a |\n" })

EXAMPLES(finds_html,                                                                 //
    { "<div>\n# no\n\n# One\n", "h1 One\nhtml <div>|# no\n" },                       //
    { "text\n</DIV >\n\ntext\n<b>\n", "html </DIV >\n" },                            //
    { "<b x='y' z=w q>\n*a*\n\n<b> x\n", "html <b x='y' z=w q>|*a*\n" },             //
    { "<!-- a\n\n# no\n--> # no\n# One\n", "h1 One\nhtml <!-- a||# no|--> # no\n" }, //
    { "<!-->\n# One\n", "h1 One\nhtml <!-->\n" },                                    //
    { "<?php\n\n?>\n<!X\n\n>\n<![CDATA[\n\n]]>\n",                                   //
        "html <?php||?>\nhtml <!X||>\nhtml <![CDATA[||]]>\n" },                      //
    { "<pre\n\n# no\n</pre> x\n# One\n", "h1 One\ncode <pre||# no|</pre> x\n" },     //
    { "<script>\n\n</style>\n# One\n", "h1 One\nhtml <script>||</style>\n" },        //
    { "<textarea>\n\nnever ends\n\n", "html <textarea>||never ends\n" },             //
    { "> <div>\n> a\nb\n", "html > <div>|> a\n" },                                   //
    { "<div/>\n\n<hr />\n\n<divx>y\n\n<p:x>y\n", "html <div/>\nhtml <hr />\n" },     //
    { "<a b='>\n\n</b c>\n\n<1>\n\n<>\n\n<!1>\n", "" })

EXAMPLES(finds_front_matter,                                                //
    { "---\na: b\n# c\n---\n# One\n", "h1 One\nfront ---|a: b|# c|---\n" }, //
    { "---\na: b\n...  \n# One\n", "h1 One\nfront ---|a: b|...\n" },        //
    { "+++\n\na = 1\n+++\ntext\n", "front +++||a = 1|+++\n" },              //
    { "\n \n--- \na: b\n---", "front --- |a: b|---\n" },                    //
    { "---\n---\n# One\n", "h1 One\nfront ---|---\n" },                     //
    { "\xef\xbb\xbf---\na: b\n---\n", "front ---|a: b|---\n" },             //
    { "\xef\xbb\xbf# One\n", "h1 One\n" },                                  //
    { "---\n\na\n\n---\n", "" },                                            //
    { "---\na: b\n", "" },                                                  //
    { "text\n\n---\na: b\n---\n", "h2 a: b\n" },                            //
    { " ---\na: b\n---\n", "h2 a: b\n" },                                   //
    { "---\na: b\n+++\n", "" })

EXAMPLES(reads_every_line_end,                                              //
    { "One\r\n===\r\n\r\n- a\r\n- b\r\n", "h1 One\nitem - a\nitem - b\n" }, //
    { "One\r===\r\r- a\r- b", "h1 One\nitem - a\nitem - b\n" },             //
    { "text\f# One\f\n```\f", "h1 One\ncode ```\n" },                       //
    { "", "" }, { "\n", "" }, { " ", "" }, { "\r\n\r", "" })

START_TEST(spans_are_whole_lines)
{
    struct hp_arena arena;
    hp_str text = HP_S("a\n\n>  ## One ##  \n\n- ```\n  x\n  ```  \n");
    hp_arena_init(&arena, NULL, SIZE_MAX);
    struct hp_structure s = markdown(text, &arena);
    ck_assert_uint_eq(s.headings, 1);
    ck_assert_uint_eq(s.elements, 2);
    ck_assert_uint_eq(s.heading[0].start, 3);
    ck_assert_uint_eq(s.heading[0].end, 17);
    ck_assert_uint_eq(s.heading[0].text_start, 9);
    ck_assert_uint_eq(s.heading[0].text_end, 12);
    ck_assert_uint_eq(s.element[0].kind, HP_ELEMENT_ITEM);
    ck_assert_uint_eq(s.element[1].kind, HP_ELEMENT_CODE);
    ck_assert_uint_eq(s.element[1].start, 19);
    ck_assert_uint_eq(s.element[1].end, 34);
    ck_assert_uint_eq(s.element[0].end, 34);
    ck_assert_uint_eq(s.title.len, 0);
    hp_arena_done(&arena);
}
END_TEST

START_TEST(what_is_nested_too_deep_is_text)
{
    struct hp_arena arena;
    char text[512];
    size_t len = 0;
    for (; len < 400; len += 2)
        memcpy(text + len, "- ", 2);
    len += (size_t)sprintf(text + len, "# no\n\n# One\n");
    hp_arena_init(&arena, NULL, SIZE_MAX);
    struct hp_structure s = markdown((hp_str){ text, len }, &arena);
    ck_assert_uint_eq(s.elements, 64);
    ck_assert_uint_eq(s.headings, 1);
    for (len = 0; len < 400; len++)
        text[len] = '>';
    s = markdown((hp_str){ text, len + (size_t)sprintf(text + len, "# no\n\n# One\n") }, &arena);
    ck_assert_uint_eq(s.elements, 0);
    ck_assert_uint_eq(s.headings, 1);
    hp_arena_done(&arena);
}
END_TEST

// --- soup ---

static unsigned random_below(uint64_t *state, unsigned below)
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return (unsigned)((*state * 0x2545f4914f6cdd1du) >> 33) % below;
}

static const char *const parts[] = { "\n", "\n", "\n", "\n\n", " ", "  ", "    ", "\t", "> ", ">",
    "- ", "* ", "+", "1. ", "2) ", "10.", "a", "b c", "#", "## ", "```", "~~~~", "===", "---", "=",
    "-", "|", " | ", "|-|", ":-:", "<div>", "</b>", "<!--", "-->", "<pre>", "</pre>", "<?", "?>",
    "[a]: /u", "[", "]:", "'t'", "\\", "+++", "...", "\r", "\r\n", "\f", "\xc3\xa9", "___", "<" };

enum { PARTS = sizeof parts / sizeof *parts };

static size_t soup(uint64_t *state, char *text, size_t most)
{
    size_t len = 0, count = random_below(state, 60), few = 1 + random_below(state, PARTS);
    unsigned from = random_below(state, PARTS);
    for (size_t i = 0; i < count; i++) {
        const char *part = parts[(from + random_below(state, (unsigned)few)) % PARTS];
        if (random_below(state, 4) == 0)
            part = "\n";
        if (len + strlen(part) > most)
            break;
        memcpy(text + len, part, strlen(part));
        len += strlen(part);
    }
    return len;
}

START_TEST(soup_has_the_shape_and_the_same_one_in_every_dress)
{
    uint64_t state = 88172645463325252u;
    char text[512];
    for (int i = 0; i < 20000; i++) {
        struct hp_arena arena;
        hp_str s = { text, soup(&state, text, sizeof text) };
        hp_arena_init(&arena, NULL, SIZE_MAX);
        struct hp_structure structure = markdown(s, &arena);
        ck_assert_msg(!check_structure(s, &structure), "%.*s", (int)s.len, s.ptr);
        ck_assert_msg(!check_dresses(s, &structure), "%.*s", (int)s.len, s.ptr);
        ck_assert_ptr_null(check_line_ends(s));
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(line_ends_are_found_in_batches_of_any_size)
{
    uint64_t state = 1;
    static char text[20000];
    for (int density = 1; density < 200; density *= 3) {
        for (size_t i = 0; i < sizeof text; i++)
            text[i] =
                random_below(&state, (unsigned)density) ? 'a' : "\n\r\f"[random_below(&state, 3)];
        ck_assert_ptr_null(check_line_ends((hp_str){ text, sizeof text }));
        hp_cpu_limit(HP_CPU_BASELINE);
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, SIZE_MAX);
        struct hp_structure plain = markdown((hp_str){ text, sizeof text }, &arena);
        hp_cpu_limit(HP_CPU_AVX512);
        struct hp_structure fast = markdown((hp_str){ text, sizeof text }, &arena);
        ck_assert_uint_eq(plain.elements, fast.elements);
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(stops_at_a_deadline_and_where_memory_ends)
{
    const struct hp_deadline past = { 1 };
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_structure structure;
    struct hp_arena arena;
    static char text[100000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = "- a\n"[i % 4];
    hp_str s = { text, sizeof text };
    hp_arena_init(&arena, NULL, SIZE_MAX);
    ck_assert_int_eq(hp_markdown_read(s, &arena, &past, &structure, &fault), HP_DEADLINE);
    hp_arena_done(&arena);
    int failed = 0;
    for (unsigned n = 1; n < 20; n++) {
        const struct hp_deadline never = { 0 };
        hp_arena_init(&arena, NULL, SIZE_MAX);
        arena.fail_after = n;
        enum hp_code code = hp_markdown_read(s, &arena, &never, &structure, &fault);
        ck_assert(code == HP_OK || code == HP_OVERLOADED);
        failed += code == HP_OVERLOADED;
        hp_arena_done(&arena);
    }
    ck_assert_int_gt(failed, 5);
}
END_TEST

// --- cost ---

struct hostile {
    const char *head, *unit, *tail;
    size_t nested; // the unit grows from line to line up to so many times
};

static const struct hostile hostile[] = { { "", ">", "", 0 }, { "", "> ", "a", 0 },
    { "", "- ", "", 0 }, { "", "* ", "", 0 }, { "", "* ", "a", 0 }, { "", "- ", "a", 60 },
    { "", ">", "a\n", 60 }, { "", "  ", "- a\n", 60 }, { "", "`", "", 0 }, { "", "```\n", "", 0 },
    { "", "```a`\n", "", 0 }, { "", "[", "", 0 }, { "", "[a]: /u\n", "===", 0 },
    { "", "[a]: /u 't\n", "===", 0 }, { "[a]: /u\n'", "t\n", "===", 0 }, { "", "#", "", 0 },
    { "", "# #\n", "", 0 }, { "# a ", "#", "a", 0 }, { "", "\t", "", 0 }, { "", "\t\n", "", 0 },
    { "", " \t", "a", 0 }, { "", "a\n    b\n", "", 0 }, { "", "a\n", "===", 0 },
    { "", "a\n=\n", "", 0 }, { "", "|", "\n|-|", 0 }, { "", "|a", "\n", 0 }, { "", "|-", "", 0 },
    { "a|b\n", "-|", "", 0 }, { "", "|a|b|\n|-|\n", "", 0 }, { "", "-|-\n", "", 0 },
    { "", "<div>\n", "", 0 }, { "<!--\n", "- >\n", "", 0 }, { "<pre>\n", "</pr>", "", 0 },
    { "", "<a b='", "", 0 }, { "<a", " b=c", "", 0 }, { "", "<", "", 0 }, { "", "\n", "", 0 },
    { "- - - - - - - - - - - - - - - - - - - - a\n", "\n", "", 0 },
    { "> > > > > > > > > > > > > > > > > > > > a\n", "b\n", "", 0 }, { "", "1. ", "", 0 },
    { "", "1.", "", 0 }, { "", "9", "", 0 }, { "", "- a\n  > b\n", "", 0 }, { "", "\r", "", 0 },
    { "", "-\n\n", "", 0 }, { "", "\\", "", 0 }, { "---\n", "a: b\n", "", 0 },
    { "- ", "_ ", "a", 0 }, { "", "~~~\n\n", "", 0 } };

// At least `bytes` of it.
static hp_str hostile_text(const struct hostile *way, size_t bytes)
{
    size_t unit = strlen(way->unit), line = unit * way->nested + strlen(way->tail);
    char *text = malloc(bytes + line + strlen(way->head) + 64), *at = text;
    ck_assert_ptr_nonnull(text);
    at = stpcpy(at, way->head);
    if (way->nested == 0) {
        for (; (size_t)(at - text) < bytes; at += unit)
            memcpy(at, way->unit, unit);
        at = stpcpy(at, way->tail);
    }
    for (size_t depth = 0; way->nested && (size_t)(at - text) < bytes; depth++) {
        for (size_t i = 0; i < depth % way->nested; i++, at += unit)
            memcpy(at, way->unit, unit);
        at = stpcpy(at, way->tail);
    }
    return (hp_str){ text, (size_t)(at - text) };
}

static double cpu_of(hp_str text)
{
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < 5; round++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, SIZE_MAX);
        uint64_t from = hp_thread_cpu_ns();
        markdown(text, &arena);
        uint64_t spent = hp_thread_cpu_ns() - from;
        best = spent < best ? spent : best;
        ck_assert_uint_le(arena.held, 24 * text.len + (64 << 10));
        hp_arena_done(&arena);
    }
    return (double)best;
}

// Eight times the text may cost at most twice what is proportional; so that a bad moment of the
// machine is no failure, it is measured anew.
START_TEST(costs_in_proportion_whatever_is_nested)
{
    if (SANITIZED)
        return;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        double ratio = 0;
        for (int attempt = 0; attempt < 5; attempt++) {
            hp_str small = hostile_text(&hostile[i], 128 << 10),
                   large = hostile_text(&hostile[i], 1 << 20);
            ratio = cpu_of(large) / (cpu_of(small) + 10e3);
            free((void *)small.ptr);
            free((void *)large.ptr);
            if (ratio < 16)
                break;
        }
        ck_assert_msg(ratio < 16, "%s: %f", hostile[i].unit, ratio);
    }
}
END_TEST

TESTS("markdown", finds_atx_headings, finds_setext_headings,
    does_not_take_definitions_for_a_heading, finds_code, finds_items, finds_tables, finds_html,
    finds_front_matter, reads_every_line_end, spans_are_whole_lines,
    what_is_nested_too_deep_is_text, soup_has_the_shape_and_the_same_one_in_every_dress,
    line_ends_are_found_in_batches_of_any_size, stops_at_a_deadline_and_where_memory_ends,
    costs_in_proportion_whatever_is_nested)
