// test_html.c -- HTML to text: what becomes of which element, the plain reader of words against the
// fast one on pages in disrepair, and what holds of every page.
#include "html_checks.h"
#include "random.h"
#include "test.h"

static const struct hp_deadline never = { 0 };
static struct random dice = { 11 };

static uint32_t pick(uint32_t below)
{
    return random_below(&dice, below);
}

static struct html_page read_page(hp_str raw, struct hp_arena *arena)
{
    struct html_page page;
    struct hp_fault fault = HP_FAULT_NONE;
    ck_assert_int_eq(html_read(raw, arena, &never, &page, &fault), HP_OK);
    return page;
}

// --- by example ----------------------------------------------------------------------------------

static const struct {
    const char *html, *text;
} rows[] = {
    { "", "" },
    { " \n\t ", "" },
    { "<p></p><ul><li></li></ul><table><tr><td></td></tr></table>", "" },
    { "plain text", "plain text" },
    // blanks
    { " a  b\n\tc ", "a b c" },
    { "a <b> b</b> c", "a b c" },
    { "a<b>b</b>c", "abc" },
    { "a&#32;&#10; b", "a b" },
    { "a&nbsp; b", "a\u00a0 b" },
    { "a<!-- x -->b", "ab" },
    { "a<wbr>b", "ab" },
    // blocks
    { "<p>a<p>b", "a\n\nb" },
    { "a<div>b</div>c<div><div>d</div></div>", "a\nb\nc\nd" },
    { "<h1>a</h1>b<h2>c</h2>", "a\n\nb\n\nc" },
    { "a<br>b<br/>c</br>d", "a\nb\nc\nd" },
    { "a<br><br><br>b", "a\n\nb" },
    { "a<hr>b<section>c</section>d", "a\n\nb\n\nc\n\nd" },
    { "<dl><dt>a<dd>b<dt>c<dd>d</dl>e", "a\nb\nc\nd\n\ne" },
    { "<blockquote><p>a</p></blockquote>b", "a\n\nb" },
    { "<select><option>a<option>b</select>", "a\nb" },
    { "<figure><img alt='a'><figcaption>b</figcaption></figure>", "a\nb" },
    // lists
    { "<ul><li>a<li>b</ul>c", "- a\n- b\n\nc" },
    { "x<ul><li><p>a</p></li>\n<li><p>b</p><p>c</p></ul>", "x\n\n- a\n- b\n\n  c" },
    { "<ol><li>a<li value=7>b<li>c</ol>", "1. a\n7. b\n8. c" },
    { "<ol start=-1><li>a<li>b<li>c</ol>", "-1. a\n0. b\n1. c" },
    { "<ol start=99999999999><li>a<li>b</ol>", "1000000000. a\n1000000001. b" },
    { "<ol start=x><li>a</ol>", "1. a" },
    { "<ul><li>a<ul><li>b<ol><li>c</ol></ul><li>d</ul>", "- a\n  - b\n    1. c\n- d" },
    { "<ul><li>a</li><ul><li>b</ul></ul>", "- a\n  - b" },
    { "<ul><li>a<br>b<p>c</ul>", "- a\n  b\n\n  c" },
    { "<ul><li></li><li>b</ul>", "- b" },
    { "<ul><li><ul><li>a</ul></ul>", "- a" },
    { "<ol><li><ul><li></li></ul>a</ol>", "1. a" },
    { "<li>a<li>b", "- a\n- b" },
    { "<ul><li>a</ol></ul>b", "- a\n\nb" },
    // tables
    { "<table><tr><th>a<th>b<tr><td>c<td>d</table>e", "a | b\nc | d\n\ne" },
    { "<table><tr><td>a<td><td>c<tr><td><td>b<td></table>", "a | | c\n| b" },
    { "<table><td>a<td>b</table>", "a | b" },
    { "x<table><caption>a</caption><tr><td>b</table>", "x\n\na\nb" },
    { "<table><tr><td><p>a</p></td><td><p>b</p></td></tr></table>", "a | b" },
    { "<table><tr><td>a<br>b<div>c</div></td><td>d</table>", "a b c | d" },
    { "<table><tr><td><p>a<p>b</td><td>c</table>", "a\n\nb | c" },
    { "<table><tr><td>a<td><ul><li>b<li>c</ul><tr><td>d</table>", "a | - b\n- c\nd" },
    { "<table><tr><td>a<td><table><tr><td>b<td>c</table><td>d</table>", "a | b | c | d" },
    { "<table><tr><td></td></tr><tr><td>a</table>", "a" },
    { "<ul><li>a<table><tr><td>b<td>c</table>d</ul>", "- a\n\nb | c\n\n  d" },
    { "<ul><li><table><tr><td>b<td>c</table></ul>", "- b | c" },
    { "a<td>b</td>c</tr>d", "a b c\nd" },
    // preformatted
    { "x<pre>\n  a\n\n\n    b  c \n</pre>y", "x\n\n  a\n\n\n    b  c\n\ny" },
    { "x<pre>\n\n  <b>a</b>\tb<br> c\n\n</pre>", "x\n\n  a\tb\n c" },
    { "<pre>  a</pre>", "a" },
    { "x<pre> </pre>y", "x\n\ny" },
    { "<pre>a <!-- x --> b&#10;c</pre>", "a  b\nc" },
    { "x<ul><li><pre>  a\n  b</pre></ul>", "x\n\n-   a\n  b" },
    { "x<xmp> <b>&amp;</b>\n</xmp>y", "x\n\n <b>&amp;</b>\n\ny" },
    { "x<plaintext> <b></plaintext>", "x\n\n <b></plaintext>" },
    { "x<listing>\n a</listing>", "x\n\n a" },
    // what is in a line
    { "<img alt=\"a &amp; b\">c", "a & b c" },
    { "a<img src=x>b<img alt=''>c", "a b c" },
    { "<img alt='<b>&copy=1 &copy;'>", "<b>&copy=1 \u00a9" },
    { "a<button>b</button><button>c</button>d", "a b c d" },
    { "<textarea>\na <b>&lt;</textarea>b", "a <b>< b" },
    { "a <q>b <q>c</q> </q>d</q>", "a \u201cb \u201cc\u201d\u201d d" },
    { "<q>a<li></q>b", "\u201ca\u201d\n- b" },
    { "<ruby>\u6f22<rt>kan</rt>\u5b57<rt>ji</ruby>x", "\u6f22(kan)\u5b57(ji)x" },
    { "<ruby>\u6f22<rp>[</rp><rt>kan</rt><rp>]</rp></ruby>", "\u6f22[kan]" },
    { "x<sub>2</sub> <a href='u'>b</a>", "x2 b" },
    { "<svg><title>a</title><text>b</text></svg>c", "ab c" },
    // what goes
    { "a<script>b</script>c<style>d</style>e", "ace" },
    { "a<script><!--<script></script>--></script>b", "ab" },
    { "a<script>'</scripts>'</script >b", "ab" },
    { "a<template>b<template>c</template><script></template></script>d</template>e", "ae" },
    { "a<iframe><b></iframe>b<noembed>c</noembed>d", "abd" },
    { "<title>x</title>a", "a" },
    { "<noscript>a</noscript>", "a" },
    // disrepair
    { "a < b <= c <3 <<b>d</b>", "a < b <= c <3 <d" },
    { "a</>b</ c>d</3>e<?f?>g<!h>i", "abdegi" },
    { "a<!-->b<!--->c<!---->d<!-- - -- --!>e<!--x", "abcde" },
    { "<b a='>'b=\">\" c=d>x<b a=>y<b ='>z", "xyz" },
    { "<b a'=b>x<b a=b'c>y", "xy" },
    { "a<b title='x>b</b>c", "a" },
    { "a<b", "a" },
    { "a<", "a<" },
    { "a</", "a</" },
    { "a<!", "a" },
    { "<DIV>a</DiV>b<P\n>c", "a\nb\n\nc" },
    { "a<![CDATA[b]]>c<svg><![CDATA[<d>]]></svg>", "ac <d>" },
    { "a\0b", "a" },
    { "\ufeff<p>a\ufeff", "a\ufeff" },
    { "<?xml version='1.0'?><title/><script src='x'/>a<iframe/>b", "ab" },
    { "<title/>a", "" },
    // references
    { "&lt;p&gt; &amp;amp; &copy &copyx &notit; &notin; &x; &;& &#",
        "<p> &amp; \u00a9 \u00a9x "
        "\u00acit; \u2209 &x; &;& &#" },
    { "&#65;&#x42&#X43;&#0;&#x80;&#xd800;&#x110000;&#99999999999;",
        "ABC\ufffd\u20ac\ufffd\ufffd\ufffd" },
    { "&NotEqualTilde;&bne;", "\u2242\u0338=\u20e5" },
};

START_TEST(reads_every_example_as_it_says)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, 1 << 20);
        struct html_page page = read_page(hp_str_from(rows[i].html), &arena);
        const char *wrong = check_html(&page, &arena);
        if (wrong || !hp_str_is(page.clean.text, rows[i].text))
            ck_abort_msg("%s: \"%.*s\" %s", rows[i].html, (int)page.clean.text.len,
                page.clean.text.ptr, wrong ? wrong : "");
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(drops_nul)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    ck_assert(hp_str_is(
        read_page(HP_S("a\0b<p>\0c\0<pre>\0 d\0</pre>"), &arena).clean.text, "ab\n\nc\n\n d"));
    hp_arena_done(&arena);
}
END_TEST

// --- structure -----------------------------------------------------------------------------------

// The structure, written out: headings as h2(text), elements as kind(text).
static hp_str describe(const struct html_page *page, struct hp_buf *out)
{
    static const char *const kinds[] = { "code", "table", "item" };
    const struct hp_structure *s = &page->clean.structure;
    if (s->title.len > 0)
        hp_buf_format(out, "title(%.*s)", (int)s->title.len, s->title.ptr);
    for (size_t i = 0; i < s->headings; i++) {
        const struct hp_heading *h = &s->heading[i];
        hp_buf_format(out, "h%d(%.*s)", h->level, (int)(h->text_end - h->text_start),
            page->clean.text.ptr + h->text_start);
    }
    for (size_t i = 0; i < s->elements; i++) {
        const struct hp_element *e = &s->element[i];
        hp_buf_format(out, "%s(%.*s)", kinds[e->kind], (int)(e->end - e->start),
            page->clean.text.ptr + e->start);
    }
    return hp_buf_str(out);
}

static const struct {
    const char *html, *structure;
} structures[] = {
    { "<p>a", "" },
    { "<title> a &amp;\n b </title><h1>c</h1>", "title(a & b)h1(c)" },
    { "<title></title><title>a</title><title>b</title>", "title(a)" },
    { "<svg><title>a</title></svg>", "" },
    { "<title>a", "title(a)" },
    { "x<h2> a <b>b</b><br>c </h2>d<h6>e", "h2(a b c)h6(e)" },
    { "<h1></h1><h2>a</h3>b", "h2(a)" },
    { "<h1><div>a</div><div>b</div></h1>c", "h1(a b)" },
    { "<div><h1>a</div>b", "h1(a)" },
    { "<h1><p>a</p></h1>", "h1(a)" },
    { "<h1>a<p>b", "h1(a)" },
    { "<h1>a<h2>b", "h1(a)h2(b)" },
    { "<h1>a<ul><li>b</ul>", "h1(a)item(- b)" },
    { "<h1>a<pre>b</pre>", "h1(a)code(b)" },
    { "<ul><li><h3>a</h3>b</ul>", "h3(a)item(- a\n\n  b)" },
    { "<ul><li>a<ol><li>b</ol>c<li>d</ul>e", "item(- a\n  1. b\n  c)item(  1. b)item(- d)" },
    { "x<pre>\n  a\n b \n</pre>y", "code(  a\n b)" },
    { "<table><tr><td>a<td>b<tr><td><pre>c\n d</pre></table>e", "table(a | b\nc\n d)code(c\n d)" },
    { "<table><tr><td><table><tr><td>a</table></table>", "table(a)table(a)" },
    { "<ul><li><table><tr><td>a</table><li></ul>", "item(- a)table(- a)" },
};

START_TEST(finds_titles_headings_items_tables_and_code)
{
    for (size_t i = 0; i < sizeof structures / sizeof *structures; i++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, 1 << 20);
        struct html_page page = read_page(hp_str_from(structures[i].html), &arena);
        struct hp_buf buf = hp_buf_in(&arena);
        hp_str got = describe(&page, &buf);
        if (!hp_str_is(got, structures[i].structure))
            ck_abort_msg("%s: %.*s", structures[i].html, (int)got.len, got.ptr);
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(the_title_is_cleaned_as_the_text_is)
{
    struct hp_arena arena;
    struct hp_clean out;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_clean_options options = hp_clean_standard;
    options.format = HP_HTML;
    hp_arena_init(&arena, NULL, 1 << 20);
    hp_str raw = HP_S("<title>&nbsp;e&#x301; \u00a0 x&shy;y\x01</title><p>e&#x301;");
    ck_assert_int_eq(hp_clean(raw, &options, &arena, &never, &out, &fault), HP_OK);
    ck_assert(hp_str_is(out.structure.title, "\u00e9 xy"));
    ck_assert(hp_str_is(out.text, "\u00e9"));
    hp_arena_done(&arena);
}
END_TEST

// The raw bytes behind the first place where the text says `what`.
static hp_str source_of(const struct html_page *page, const char *what)
{
    size_t start, end;
    const char *at = memmem(page->clean.text.ptr, page->clean.text.len, what, strlen(what));
    ck_assert_ptr_nonnull(at);
    size_t from = (size_t)(at - page->clean.text.ptr);
    hp_edits_source(&page->clean.edits, from, from + strlen(what), &start, &end);
    return (hp_str){ page->raw.ptr + start, end - start };
}

START_TEST(sources_are_exact_to_the_character)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct html_page page =
        read_page(HP_S("<h1> One </h1>\n<ul class=x><li>two &amp; <b>three</b></li><li>four</ul> "
                       "<img alt='five six'><p>se<i>v</i>en"),
            &arena);
    ck_assert(hp_str_is(source_of(&page, "One"), "One"));
    ck_assert(hp_str_is(source_of(&page, "- two & three"), "<li>two &amp; <b>three"));
    ck_assert(hp_str_is(source_of(&page, "two & three"), "two &amp; <b>three"));
    ck_assert(hp_str_is(source_of(&page, "&"), "&amp;"));
    ck_assert(hp_str_is(source_of(&page, "three"), "three"));
    ck_assert(hp_str_is(source_of(&page, "- four"), "<li>four"));
    ck_assert(hp_str_is(source_of(&page, "six"), "six"));
    ck_assert(hp_str_is(source_of(&page, "seven"), "se<i>v</i>en"));
    hp_arena_done(&arena);
}
END_TEST

// --- pages in disrepair --------------------------------------------------------------------------

static const char *const names[] = { "p", "div", "b", "a", "span", "ul", "ol", "li", "table", "tr",
    "td", "th", "caption", "pre", "h1", "h2", "h6", "br", "img", "hr", "q", "ruby", "rt", "rp",
    "script", "style", "title", "textarea", "xmp", "iframe", "template", "svg", "math", "option",
    "button", "dd", "blockquote", "section", "body", "nosuch", "figcaption", "noscript",
    "plaintext2" };
static const char *const attributes[] = { "", "", "", " a", " a=b", " a=\"b\"", " a='b'",
    " a=\"x>y\"", " alt='x'", " alt=\"y &amp; z\"", " start=5", " value='-3'", "/", " /", " ='x'",
    " a = b", " a='", " a=\"", " a=b'c", "\n", " a=\"b\"c='d'", " a=>", " a==\"b\"", " =\"x\"",
    " b=\"c\"/", " alt=x alt=y", " ALT='&lt'",
    " abcdefghijklmnopqrstuvwxyz=\"0123456789 0123456789 0123456789\"" };
static const char *const bits[] = { "word", "two words", "\u00e9", "\u6f22\u5b57", " ", "\n", "  ",
    "\t", "<", "<<", "< ", "&", "&amp;", "&lt;p&gt;", "&notit;", "&#65;", "&#10;", "&nbsp;", "&#0;",
    ">", "-->", "--", "]]>", "'", "\"", "=", "/", "\r\n", "\f", "<!-->", "<!--->", "<!-- x -->",
    "<!-- --!>", "<!--", "<!x>", "<?x>", "</>", "</ x>", "<![CDATA[", "<!DOCTYPE html>",
    "</script>", "</style>", "</title>", "</textarea>",
    "a rather long stretch of words that fills more than one register, and one more", "- ", "1. ",
    " | ", "&NotEqualTilde;", "&copy", "&copy=" };

static size_t add(char *out, size_t len, const char *what)
{
    memcpy(out + len, what, strlen(what));
    return len + strlen(what);
}

#define ANY(table) (table)[pick(sizeof(table) / sizeof *(table))]

static hp_str random_page(char *out, size_t parts)
{
    size_t len = 0;
    while (parts-- > 0) {
        if (pick(2)) {
            len = add(out, len, ANY(bits));
            continue;
        }
        len = add(out, len, pick(3) ? "<" : "</");
        len = add(out, len, ANY(names));
        len = add(out, len, ANY(attributes));
        if (pick(40))
            out[len++] = '>';
        if (pick(200) == 0)
            out[len++] = '\0';
    }
    return (hp_str){ out, len };
}

enum { PARTS = 60, PART_MAX = 128 };

START_TEST(agrees_with_the_plain_reader_and_is_sound)
{
    static char text[PARTS * PART_MAX];
    for (int round = 0; round < rounds(40000); round++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, 64 << 20);
        // a copy of its own size: a look behind its end is found out
        hp_str made = random_page(text, pick(PARTS));
        char *own = malloc(made.len + 1);
        memcpy(own, made.ptr, made.len);
        hp_str raw = { own, made.len };
        struct html_page page = read_page(raw, &arena);
        const char *wrong = check_html(&page, &arena);
        if (!wrong)
            wrong = check_html_clean(raw, &arena);
        if (wrong)
            ck_abort_msg("%s: %.*s\n--- is read as\n%.*s", wrong, (int)raw.len, raw.ptr,
                (int)page.clean.text.len, page.clean.text.ptr);
        free(own);
        hp_arena_done(&arena);
    }
}
END_TEST

// --- hostile pages -------------------------------------------------------------------------------

static const char *const units[] = { "<", "</", "<!", "<!--", "<!-- ", "-->", "<a ", "<a b='",
    "<a b=\"", "<a b=\"c\"", "<a b=c ", "<a/", "&", "&#", "&#1", "&a", "&amp", "&amp;", "&notin",
    "<p>", "<div>", "</div>", "<pre>", "<pre> ", "</pre>", "<ul>", "<ul><li>", "<ul><li>x",
    "<ol><li>", "<li>", "</li>", "</ul>", "</ol>", "<ul></ol>", "<table>", "<table><tr><td>",
    "<td>", "<table><td>x", "<tr>", "</table>", "<h1>", "<h1>x", "</h1>", "<h1><div>", "<q>",
    "</q>", "<q></q>", "<ruby>x<rt>", "<script>", "<script><!--", "<script><!--<script>",
    "</script>", "<title>", "<textarea>", "<template>", "</template>", "<svg>", "<svg><![CDATA[",
    "]]>", "<br>", "<pre><br>", "<pre>&#10;", " ", "\n", "x ", "x  ", "<b> </b>", "<img alt='x'>",
    "<img alt='", "<img alt=\"x y\" ", "<xmp>", "<plaintext>", "<pre>\n <b>",
    "<ol start=1><li value=2>", "\"", "'>", "=", "<!DOCTYPE ", "<?", "</ ",
    "<a =", "<pre> <ul><li> ", "<table><tr><td></td></tr>" };

struct cost {
    uint64_t ns;
    size_t held;
};

// Least CPU time of three, and the memory taken.
static struct cost cost(const char *unit, size_t bytes)
{
    size_t len = strlen(unit), count = bytes / len;
    char *text = malloc(count * len);
    struct cost least = { UINT64_MAX, 0 };
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * len, unit, len);
    for (int round = 0; round < 3; round++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, (size_t)1 << 30);
        uint64_t from = hp_thread_cpu_ns();
        struct html_page page = read_page((hp_str){ text, count * len }, &arena);
        uint64_t took = hp_thread_cpu_ns() - from;
        least.ns = took < least.ns ? took : least.ns;
        least.held = arena.held;
        const char *wrong = check_map(page.raw, &page.clean);
        if (!wrong)
            wrong = check_html_elements(&page);
        if (!wrong)
            wrong = check_html_headings(&page);
        ck_assert_msg(!wrong, "%s: %s", unit, wrong);
        hp_arena_done(&arena);
    }
    free(text);
    return least;
}

// Eight times the page: linear is 8, quadratic 64. Memory is in proportion to the page whatever is
// nested in it: edits, text, kept blanks and elements double at most.
START_TEST(hostile_pages_cost_linear_time_and_bounded_memory)
{
    enum { SMALL = 128 << 10, LARGE = 1 << 20 };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct cost small = cost(units[i], SMALL), large = cost(units[i], LARGE);
        ck_assert_msg(large.ns < small.ns * 24 + 1000000, "%s: %llu ns, then %llu", units[i],
            (unsigned long long)small.ns, (unsigned long long)large.ns);
        ck_assert_msg(large.held < (size_t)LARGE * 24, "%s: %zu bytes", units[i], large.held);
    }
}
END_TEST

// A million open elements, then as many end tags.
START_TEST(nesting_a_million_deep_takes_no_stack)
{
    enum { DEEP = 1000000 };
    static const struct {
        const char *open, *close;
    } pairs[] = { { "<div>", "</div>" }, { "<ul><li>", "</ul>" }, { "<table><tr><td>", "</table>" },
        { "<pre>", "</pre>" }, { "<b>", "</b>" }, { "<svg>", "</svg>" } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t open = strlen(pairs[i].open), close = strlen(pairs[i].close), at = 0;
        char *text = malloc(DEEP * (open + close) + 2);
        for (int n = 0; n < DEEP; n++, at += open)
            memcpy(text + at, pairs[i].open, open);
        text[at++] = 'x';
        for (int n = 0; n < DEEP; n++, at += close)
            memcpy(text + at, pairs[i].close, close);
        text[at++] = 'y';
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, (size_t)1 << 30);
        struct html_page page = read_page((hp_str){ text, at }, &arena);
        ck_assert_uint_gt(page.clean.text.len, 1);
        ck_assert_uint_lt(page.clean.text.len, 300);
        ck_assert_ptr_null(check_html_elements(&page));
        hp_arena_done(&arena);
        free(text);
    }
}
END_TEST

// --- the rest of cleaning ------------------------------------------------------------------------

START_TEST(memory_that_runs_out_is_an_error)
{
    const hp_str raw =
        HP_STR("<title>a b</title><h1>c</h1><ul><li>d<pre> <b> e</pre></ul><p>&amp;");
    bool done = false;
    for (unsigned fail = 1; !done; fail++) {
        struct hp_arena arena;
        struct html_page page;
        struct hp_fault fault = HP_FAULT_NONE;
        hp_arena_init(&arena, NULL, 1 << 20);
        arena.fail_after = fail;
        enum hp_code code = html_read(raw, &arena, &never, &page, &fault);
        done = code == HP_OK;
        ck_assert(done || code == HP_OVERLOADED);
        ck_assert(fail > 5 || !done);
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(a_deadline_that_passed_stops_the_work)
{
    const struct hp_deadline past = { 1 };
    static const char *const pages[] = { "text", "<p>", "<!-- x", "<script>x", "<a b=c",
        "<template>" };
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct hp_arena arena;
        struct html_page page;
        struct hp_fault fault = HP_FAULT_NONE;
        hp_arena_init(&arena, NULL, 1 << 20);
        ck_assert_int_eq(
            html_read(hp_str_from(pages[i]), &arena, &past, &page, &fault), HP_DEADLINE);
        hp_arena_done(&arena);
    }
}
END_TEST

TESTS("html", reads_every_example_as_it_says, drops_nul,
    finds_titles_headings_items_tables_and_code, the_title_is_cleaned_as_the_text_is,
    sources_are_exact_to_the_character, agrees_with_the_plain_reader_and_is_sound,
    hostile_pages_cost_linear_time_and_bounded_memory, nesting_a_million_deep_takes_no_stack,
    memory_that_runs_out_is_an_error, a_deadline_that_passed_stops_the_work)
