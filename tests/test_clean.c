// test_clean.c -- cleaning: what each switch does, a plain version of every pass against the fast
// ones, and the properties that hold of any text.
#include "text/clean.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

#include "clean_checks.h"
#include "text/rewrite.h"
#include "random.h"
#include "test.h"

static const struct hp_deadline never = { 0 };
static struct random dice = { 3 };

static uint32_t pick(uint32_t below)
{
    return random_below(&dice, below);
}

// --- the plain version: code points in, code points out, one rule after the other ----------------

struct points {
    uint32_t cp[4096];
    size_t count;
};

static void add(struct points *text, uint32_t cp)
{
    ck_assert_uint_lt(text->count, 4096);
    text->cp[text->count++] = cp;
}

static struct points read_all(hp_str s)
{
    struct points text = { .count = 0 };
    for (size_t at = 0, len; at < s.len; at += len)
        add(&text, hp_utf8_at(s, at, &len));
    return text;
}

static hp_str write_all(const struct points *text, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < text->count; i++)
        len += hp_utf8_put(out + len, text->cp[i]);
    return (hp_str){ out, len };
}

static bool line_end(uint32_t cp)
{
    return cp == '\n' || cp == '\r' || cp == '\v' || cp == 0x85 || cp == 0x2028 || cp == 0x2029;
}

static struct points plain_line_endings(const struct points *in)
{
    struct points out = { .count = 0 };
    for (size_t i = 0; i < in->count; i++)
        if (in->cp[i] != '\r' || i + 1 == in->count || in->cp[i + 1] != '\n')
            add(&out, line_end(in->cp[i]) ? '\n' : in->cp[i]);
    return out;
}

static struct points plain_spaces(const struct points *in)
{
    struct points out = { .count = 0 };
    for (size_t i = 0; i < in->count; i++) {
        uint32_t cp = in->cp[i];
        bool odd = cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x202f ||
                   cp == 0x205f || cp == 0x3000;
        if (cp != 0x200b && cp != 0xad)
            add(&out, odd ? ' ' : cp);
    }
    return out;
}

// Without escapes: the texts of this comparison hold none.
static struct points plain_controls(const struct points *in)
{
    struct points out = { .count = 0 };
    for (size_t i = 0; i < in->count; i++) {
        uint32_t cp = in->cp[i];
        bool control = cp < 0x20 || (cp >= 0x7f && cp <= 0x9f);
        bool kept = cp == '\t' || cp == '\f' || line_end(cp);
        if ((!control || kept) && cp != 0xfeff && !hp_unicode_noncharacter(cp))
            add(&out, cp);
    }
    return out;
}

static bool blank_at(const struct points *in, size_t i)
{
    if (!hp_unicode_blank(in->cp[i]))
        return false;
    return line_end(in->cp[i]) || in->cp[i] == '\f' || i + 1 == in->count ||
           hp_unicode_category(in->cp[i + 1]) != HP_CAT_M;
}

// One run of blanks: split at breaks; what is before a break goes, what is behind the last is
// squeezed.
static void plain_run(const struct points *in, size_t start, size_t end, struct points *out)
{
    size_t inside = 0, line_ends = 0;
    for (size_t i = start; i < end; i++) {
        uint32_t cp = in->cp[i];
        inside = line_end(cp) || cp == '\f' ? 0 : inside + 1;
        if (cp == '\f')
            line_ends = 0;
        else if (line_end(cp))
            line_ends++;
        bool pair = cp == '\r' && i + 1 < end && in->cp[i + 1] == '\n';
        if (cp == '\f' || (line_end(cp) && line_ends <= 2))
            add(out, cp);
        if (pair) {
            i++;
            if (line_ends <= 2)
                add(out, '\n');
        }
    }
    if (inside > 0)
        add(out, inside == 1 ? in->cp[end - 1] : ' ');
}

static struct points plain_blank_runs(const struct points *in)
{
    struct points out = { .count = 0 };
    for (size_t i = 0, end; i < in->count; i = end) {
        for (end = i; end < in->count && blank_at(in, end); end++)
            ;
        if (end > i && i > 0 && end < in->count)
            plain_run(in, i, end, &out);
        if (end == i)
            add(&out, in->cp[end++]);
    }
    return out;
}

static hp_str plain_clean(hp_str raw, const struct hp_clean_options *options, char *space)
{
    struct points text = read_all(raw);
    if (options->on[HP_FIX_LINE_ENDINGS])
        text = plain_line_endings(&text);
    if (options->on[HP_FIX_CONTROLS])
        text = plain_controls(&text);
    if (options->on[HP_FIX_SPACES])
        text = plain_spaces(&text);
    if (options->on[HP_FIX_BLANK_RUNS])
        text = plain_blank_runs(&text);
    return write_all(&text, space);
}

// --- random texts of what makes trouble ----------------------------------------------------------

static const uint32_t points[] = { ' ', ' ', ' ', '\t', '\n', '\n', '\r', '\f', '\v', 'a', 'b', 'e',
    'x', 0, 0x7f, 0x85, 0x9b, 0xa0, 0xad, 0xe9, 0x301, 0x316, 0x345, 0x1680, 0x2003, 0x200b, 0x200d,
    0x2028, 0x2029, 0x3000, 0x3001, 0x3042, 0x3099, 0x4e00, 0xac00, 0x1100, 0x1161, 0x11a8, 0xfeff,
    0xfb01, 0x1c5, 0xfdd0, 0xfffe, 0x1ffff, 0x1f600, 0x958, 0x9bc, 0x212b, 0x2126, 0xa8, 0xfdfa,
    0x0f73 };

static hp_str random_text(char *out, size_t count, bool escapes)
{
    static const char *const pieces[] = { "\x1b[31m", "\x1b]0;t\x07", "\x1b(B", "\x1b", "\x1b[",
        "\x1bP\x1b\\", "\x1b]x\n", "[3m" };
    size_t len = 0;
    while (count-- > 0) {
        uint32_t kind = pick(16);
        if (kind == 0 && escapes) {
            const char *piece = pieces[pick(8)];
            memcpy(out + len, piece, strlen(piece));
            len += strlen(piece);
        } else if (kind < 5) {
            for (uint32_t run = pick(40); run > 0; run--)
                out[len++] = (char)('a' + pick(26));
        } else {
            len += hp_utf8_put(out + len, points[pick(sizeof points / sizeof *points)]);
        }
    }
    return (hp_str){ out, len };
}

// Of 11 bits and a form.
static struct hp_clean_options options_of(uint32_t bits)
{
    struct hp_clean_options options = { .form = (int)(bits / (1 << HP_FIXES) % 3) };
    for (int fix = 0; fix < HP_FIXES; fix++)
        options.on[fix] = bits >> fix & 1;
    options.format = (int)(bits / (1 << HP_FIXES) / 3 % HP_FORMATS);
    return options;
}

enum { ALL_OPTIONS = (1 << HP_FIXES) * 3 * HP_FORMATS };

enum {
    PLAIN_FIXES = 1 << HP_FIX_LINE_ENDINGS | 1 << HP_FIX_CONTROLS | 1 << HP_FIX_SPACES |
                  1 << HP_FIX_BLANK_RUNS
};

START_TEST(agrees_with_the_plain_version)
{
    static char text[8192], space[16384];
    for (int round = 0; round < rounds(15000); round++) {
        struct hp_clean_options options = options_of(pick(1 << HP_FIXES) & PLAIN_FIXES);
        hp_str raw = random_text(text, pick(60), false);
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, 64 << 20);
        hp_str want = plain_clean(raw, &options, space);
        ck_assert(hp_str_equal(cleaned(raw, &options, &arena).text, want));
        hp_arena_done(&arena);
    }
}
END_TEST

// Lines of many kinds, so that the passes that look at lines find something to do.
static hp_str random_lines(char *out, size_t count)
{
    static const char *const pieces[] = { "exam-\nple ", "well\u00ad\nknown ", "-", "- item ",
        "12. item ", "> ", "From: me\n", "Title:\n", "| a | b |\n", "    code\n", "\n", "\n\n",
        "  \n", "\\\n", "\f", "\f", "Header\n", "Page 3 of 10\n", "- iv -\n", "--\n",
        "\u4e2d\u6587\n\u5b57", "```\n", "# Heading\n", "lower case words that go on\n",
        "and more of the same kind of words\n", "A line that begins with a capital letter\n",
        "\u00e2\xc2\x80\xc2\x99", "\u00c3\u00a9", "\u00c3\x01\u00a9", "\t", "\r\n", "e\u0301",
        ".\n" };
    size_t len = 0;
    while (count-- > 0) {
        if (pick(3) == 0) {
            for (uint32_t run = 1 + pick(9); run > 0; run--)
                out[len++] = (char)('a' + pick(26));
            out[len++] = pick(6) ? ' ' : '\n';
            continue;
        }
        const char *piece = pieces[pick(sizeof pieces / sizeof *pieces)];
        memcpy(out + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return (hp_str){ out, len };
}

static const char *check_twice(hp_str raw, const struct hp_clean_options *options)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 64 << 20);
    struct hp_clean once = cleaned(raw, options, &arena);
    const char *wrong = check_clean(raw, &once);
    // the text of HTML is HTML no more
    if (!wrong && options->format != HP_HTML &&
        cleaned(once.text, options, &arena).text.ptr != once.text.ptr)
        wrong = "cleaning twice is not cleaning once";
    hp_arena_done(&arena);
    return wrong;
}

START_TEST(every_combination_is_idempotent_and_keeps_its_map)
{
    static char text[16384];
    for (uint32_t round = 0; round < (SANITIZED ? 1 : 2) * ALL_OPTIONS; round++) {
        struct hp_clean_options options = options_of(round);
        bool lines = pick(2);
        hp_str raw = lines ? random_lines(text, pick(60)) : random_text(text, pick(80), true);
        const char *wrong = check_twice(raw, &options);
        if (wrong)
            ck_abort_msg("options %u: %s: %.*s", round % ALL_OPTIONS, wrong, (int)raw.len, raw.ptr);
    }
}
END_TEST

// Switches of one walk do what walks one after the other do, counts too.
START_TEST(switches_of_characters_act_in_their_order)
{
    static char text[8192];
    for (uint32_t round = 0; round < (uint32_t)rounds(20000); round++) {
        struct hp_clean_options all = hp_clean_none;
        struct hp_arena arena;
        uint32_t bits = pick(16), counts[HP_FIXES] = { 0 };
        hp_arena_init(&arena, NULL, 64 << 20);
        hp_str raw = random_text(text, pick(60), true), stepwise = raw;
        for (int fix = HP_FIX_LINE_ENDINGS; fix <= HP_FIX_LIGATURES; fix++) {
            struct hp_clean_options one = hp_clean_none;
            all.on[fix] = one.on[fix] = bits >> (fix - HP_FIX_LINE_ENDINGS) & 1;
            struct hp_clean out = cleaned(stepwise, &one, &arena);
            counts[fix] = out.changes[fix];
            stepwise = out.text;
        }
        struct hp_clean out = cleaned(raw, &all, &arena);
        ck_assert(hp_str_equal(out.text, stepwise));
        ck_assert_mem_eq(out.changes, counts, sizeof counts);
        hp_arena_done(&arena);
    }
}
END_TEST

static const struct {
    const char *raw, *clean;
} rows[] = {
    { "", "" },
    { " \t\n\f ", "" },
    { "plain text, unchanged.\n\nAs it is.", "plain text, unchanged.\n\nAs it is." },
    { "a\r\nb\rc\xc2\x85"
      "d\u2028e\u2029f\vg",
        "a\nb\nc\u2026d\ne\nf\ng" }, // U+0085 is windows-1252's ellipsis
    { "page one \n\f\n\n\n page two", "page one\n\f\n\n page two" },
    { "\ufeff\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b]8;;u\x1b\\y\x1b(Bz", "red xyz" },
    { "cut \x1b[31", "cut [31" },
    { "open \x1b]0;title\nnext", "open ]0;title\nnext" },
    { "a\u00a0\u2009b\u00adc\u200bd\u200de", "a bcd\u200de" },
    { "e\u0301 A\u030a", "\u00e9 \u00c5" },
    { "a  b \t c\td   ", "a b c\td" },
    { "a\n \n\t\n\nb", "a\n\nb" },
    { "a  \u0301b", "a  \u0301b" },
    { "a   \u0301b", "a  \u0301b" },
    { "x\ufdd0\ufffe\U0001ffffy", "xy" },
};

START_TEST(standard_cleans_as_the_contract_says)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, 1 << 20);
        struct hp_clean out = cleaned(hp_str_from(rows[i].raw), &hp_clean_standard, &arena);
        if (!hp_str_is(out.text, rows[i].clean))
            ck_abort_msg("row %zu: %.*s", i, (int)out.text.len, out.text.ptr);
        hp_arena_done(&arena);
    }
}
END_TEST

// Three pages whose lines all repeat, but one in the middle: every round takes three from each end.
// Long enough, it does not settle.
START_TEST(a_text_that_does_not_settle_is_idempotent_too)
{
    enum { LINES = 20000, PAGES = 3 };
    char *text = malloc(PAGES * (2 * LINES + 8));
    struct hp_clean_options options = hp_clean_standard;
    options.on[HP_FIX_REPEATED_LINES] = true;
    hp_str raw = { text, 0 };
    for (int page = 0; page < PAGES; page++) {
        for (int i = 0; i < LINES; i++) {
            text[raw.len++] = i == LINES / 2 ? (char)('a' + page) : 'x';
            text[raw.len++] = '\n';
        }
        text[raw.len++] = '\f';
    }
    const char *wrong = check_twice(raw, &options);
    ck_assert_msg(!wrong, "%s", wrong);
    free(text);
}
END_TEST

#define WIDE "This line of a paragraph was wrapped at seventy columns or so by the"

// One switch alone, and what it makes of a text; NULL: it leaves it alone.
static const struct {
    enum hp_switch fix;
    const char *raw, *clean;
} line_rows[] = {
    { HP_FIX_LINE_ENDINGS,
        "a\r\nb\rc\xc2\x85"
        "d\u2028e\u2029f\vg\f",
        "a\nb\nc\nd\ne\nf\ng\f" },
    { HP_FIX_HYPHENATION, "an exam-\nple of it", "an example of it" },
    { HP_FIX_HYPHENATION, "an exam-  \r\n   ple of it", "an example of it" },
    { HP_FIX_HYPHENATION, "an exam\u2010\nple, exam\u00ad\nple", "an example, example" },
    { HP_FIX_HYPHENATION, "EXAM\u00ad\nPLE \u4e2d\u00ad\n\u6587", "EXAMPLE \u4e2d\u6587" },
    { HP_FIX_HYPHENATION, "incom-\nprehen-\nsible", "incomprehensible" },
    { HP_FIX_HYPHENATION, "\u00fcber-\nm\u00fctig, \u043f\u0440\u0438-\n\u043c\u0435\u0440",
        "\u00fcberm\u00fctig, \u043f\u0440\u0438\u043c\u0435\u0440" },
    { HP_FIX_HYPHENATION, "an exam-\n\nple", NULL }, { HP_FIX_HYPHENATION, "an exam-\fple", NULL },
    { HP_FIX_HYPHENATION, "the COVID-\nrelated X-\nray", NULL },
    { HP_FIX_HYPHENATION, "a 3-\nfold way, state-of-the-\nart", NULL },
    { HP_FIX_HYPHENATION, "her mother-\nin-law", NULL },
    { HP_FIX_HYPHENATION, "pre-\nand post-war, e-\nmail, over-\nall-",
        "pre-\nand post-war, e-\nmail, overall-" },
    { HP_FIX_HYPHENATION, "he said--\nthen, Anglo-\nSaxon, http://exam-\nple", NULL },
    { HP_FIX_HYPHENATION, "- an exam-\n  ple", NULL },
    { HP_FIX_HYPHENATION, "12) an exam-\nple", NULL },
    { HP_FIX_JOIN_LINES, WIDE "\nprogram that sent it.\n\nNext.",
        WIDE " program that sent it.\n\nNext." },
    { HP_FIX_JOIN_LINES, WIDE "  \r\n program\n" WIDE, NULL }, // one is indented
    { HP_FIX_JOIN_LINES, " " WIDE " \r\n   program", " " WIDE " program" },
    { HP_FIX_JOIN_LINES, WIDE "\nlast.\nShort.", NULL }, // "last." had room for more
    { HP_FIX_JOIN_LINES, "The quick brown fox\njumps over the lazy dog",
        "The quick brown fox jumps over the lazy dog" },
    { HP_FIX_JOIN_LINES, "so much depends\nupon\n\na red wheel\nbarrow", NULL },
    { HP_FIX_JOIN_LINES,
        "Shall I compare thee to a summer's day?\nThou art more lovely and more "
        "temperate:\nRough winds do shake the darling buds of May,\nAnd summer's lease hath all "
        "too short",
        NULL },
    { HP_FIX_JOIN_LINES, "- " WIDE "\nprogram\n* " WIDE "\nprogram", NULL },
    { HP_FIX_JOIN_LINES, "From: Alice Miller and others\nSubject: a longer line of words\nto you",
        NULL },
    { HP_FIX_JOIN_LINES, WIDE "\n> " WIDE "\n> " WIDE, NULL },
    { HP_FIX_JOIN_LINES, WIDE ":\nprogram that sent it", NULL },
    { HP_FIX_JOIN_LINES, "--\n" WIDE "\nprogram", NULL },
    { HP_FIX_JOIN_LINES, "10.2 33.1 48.7 99.9 12.4 51.0 77.7\n10.2 33.1 48.7 99.9 12.4 51.0 77.7",
        NULL },
    { HP_FIX_JOIN_LINES,
        "a long name of a thing | and its value here\nb long name of a thing | value", NULL },
    { HP_FIX_JOIN_LINES,
        "\u4e2d\u6587\u7684\u6bb5\u843d\u4e5f\u53ef\u4ee5\u5728\u884c\u672b\u65ad\u5f00\n"
        "\u8fd9\u662f\u4e00\u4e2a\u4f8b\u5b50\u3002",
        "\u4e2d\u6587\u7684\u6bb5\u843d\u4e5f\u53ef\u4ee5\u5728\u884c\u672b\u65ad\u5f00"
        "\u8fd9\u662f\u4e00\u4e2a\u4f8b\u5b50\u3002" },
    { HP_FIX_JOIN_LINES, "it was a well known state of the-\nart thing of hers",
        "it was a well known state of the-art thing of hers" },
    { HP_FIX_REPEATED_LINES, "Head\none\n1\n\fHead\ntwo\n2\n\fHead\nthree\n3",
        "one\n\ftwo\n\fthree\n" },
    { HP_FIX_REPEATED_LINES, "one\n- i -\fH\ntwo\n- ii -\fthree\n- iii -\f\fH\nfour\n- v -",
        "one\n\fH\ntwo\n\fthree\n\f\fH\nfour\n" },
    { HP_FIX_REPEATED_LINES, "L\na\fR\nb\fL\nc\fR\nd\fL\ne\fR\nf", "a\fb\fc\fd\fe\ff" },
    { HP_FIX_REPEATED_LINES, "Chapter 1\na\fb\fChapter 2\nc\fd\fe\fChapter 3\nf", NULL },
    { HP_FIX_REPEATED_LINES, "Total 17\na\fTotal 34\nb\fTotal 7\nc\fTotal 5\nd", NULL },
    { HP_FIX_REPEATED_LINES, "H\na\fb\fc\fd\fH\ne\ff\fg\fH\nh", NULL },
    { HP_FIX_REPEATED_LINES, "H\na\fH\nb\fc\fd", NULL },
    { HP_FIX_REPEATED_LINES, "H\na\fH\nb", "a\fb" },
    { HP_FIX_REPEATED_LINES, "same\fsame\fsame\fsame", NULL }, // there is no body
    { HP_FIX_REPEATED_LINES, "H\na\nH\nb\nH\nc", NULL },       // there are no pages
};

START_TEST(lines_are_judged_as_documented)
{
    for (size_t i = 0; i < sizeof line_rows / sizeof *line_rows; i++) {
        struct hp_arena arena;
        struct hp_clean_options options = hp_clean_none;
        const char *raw = line_rows[i].raw, *want = line_rows[i].clean;
        options.on[line_rows[i].fix] = true;
        hp_arena_init(&arena, NULL, 1 << 20);
        struct hp_clean out = cleaned(hp_str_from(raw), &options, &arena);
        if (!hp_str_is(out.text, want ? want : raw))
            ck_abort_msg("row %zu: %.*s", i, (int)out.text.len, out.text.ptr);
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(soft_hyphens_at_line_ends_join_or_go)
{
    struct hp_arena arena;
    struct hp_clean_options options = hp_clean_standard;
    options.on[HP_FIX_HYPHENATION] = true;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_clean out =
        cleaned(HP_S("so\u00adft exam\u00ad \nple, item\u00ad\n12"), &options, &arena);
    ck_assert(hp_str_is(out.text, "soft example, item\n12"));
    ck_assert_uint_eq(out.changes[HP_FIX_SPACES], 1);
    ck_assert_uint_eq(out.changes[HP_FIX_HYPHENATION], 2);
    hp_arena_done(&arena);
}
END_TEST

START_TEST(a_chain_that_wakes_itself_is_followed_to_its_end)
{
    // each round takes one pair out of the middle, which makes the next one a pair
    struct hp_arena arena;
    struct hp_clean_options options = hp_clean_none;
    options.on[HP_FIX_REPEATED_LINES] = true;
    hp_arena_init(&arena, NULL, 1 << 20);
    hp_str raw =
        HP_S("1\n2\n3\n4\n5\n6\n7\n8\na\f1\n2\n3\n4\n5\n6\n7\n8\nb\f1\n2\n3\n4\n5\n6\n7\n8\nc");
    ck_assert(hp_str_is(cleaned(raw, &options, &arena).text, "a\fb\fc"));
    hp_arena_done(&arena);
}
END_TEST

START_TEST(changes_are_counted_by_switch)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_clean out =
        cleaned(HP_S("a\r\nb\rc \u00a0 de\u0301\x01\x02"), &hp_clean_standard, &arena);
    ck_assert_uint_eq(out.changes[HP_FIX_LINE_ENDINGS], 2);
    ck_assert_uint_eq(out.changes[HP_FIX_CONTROLS], 1); // two removals that touch are one place
    ck_assert_uint_eq(out.changes[HP_FIX_SPACES], 1);
    ck_assert_uint_eq(out.changes[HP_FIX_NORMALIZATION], 1);
    ck_assert_uint_eq(out.changes[HP_FIX_BLANK_RUNS], 1);
    hp_arena_done(&arena);
}
END_TEST

START_TEST(source_leaves_out_what_was_removed_beside_the_span)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    struct hp_clean out =
        cleaned(HP_S("  one\u00a0 two\x01  e\u0301  "), &hp_clean_standard, &arena);
    size_t start, end;
    ck_assert(hp_str_is(out.text, "one two \u00e9"));
    hp_clean_source(&out, 0, 3, &start, &end);
    ck_assert(start == 2 && end == 5);
    hp_clean_source(&out, 4, 7, &start, &end);
    ck_assert(start == 8 && end == 11);
    hp_clean_source(&out, 8, 10, &start, &end);
    ck_assert(start == 14 && end == 17);
    hp_arena_done(&arena);
}
END_TEST

static const char *const units[] = { "\u00a0", "\r", "x\r", " ", "\x1b", "\x1b]", "\x1b[", "\n",
    "\f", "\u0301", "\u0316\u0301", "e\u0301", "\u00ad", "\u00a0\u0301", " \n",
    "\u1100\u1161\u11a8", "\u1161", "\u0958", "a \t", "\u2028 ", "\ufffe", "a-\n", "ab-\n", "-",
    "- ", "- a\n", "a\f", "ab cd\n", "\u00ad ", "\u00ad\n", "1. ", "> ", " a\n", "a  \n", "x\n\f",
    "I\f\n", "\u00c3\u00a9", "\u00e2\u200b" };

// Least CPU time of three.
static uint64_t cost(const char *unit, size_t bytes, const struct hp_clean_options *options)
{
    size_t len = strlen(unit), count = bytes / len;
    char *text = malloc(count * len);
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * len, unit, len);
    for (int round = 0; round < 3; round++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, (size_t)1 << 30);
        uint64_t from = hp_thread_cpu_ns();
        struct hp_clean out = cleaned((hp_str){ text, count * len }, options, &arena);
        uint64_t took = hp_thread_cpu_ns() - from;
        least = took < least ? took : least;
        const char *wrong = check_map((hp_str){ text, count * len }, &out);
        ck_assert_msg(!wrong, "%s", wrong);
        hp_arena_done(&arena);
    }
    free(text);
    return least;
}

// Eight times the text: linear is 8, quadratic 64.
static void check_cost(const char *unit, const struct hp_clean_options *options)
{
    uint64_t small = cost(unit, 32 << 10, options), large = cost(unit, 256 << 10, options);
    ck_assert_msg(large < small * 24 + 1000000, "unit %s: %llu ns, then %llu", unit,
        (unsigned long long)small, (unsigned long long)large);
}

START_TEST(hostile_texts_cost_linear_time)
{
    if (SANITIZED)
        return;
    struct hp_clean_options all = hp_clean_standard;
    memset(all.on, true, sizeof all.on);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        check_cost(units[i], &hp_clean_standard);
        all.format = HP_PLAIN;
        check_cost(units[i], &all);
        all.format = HP_MARKDOWN;
        check_cost(units[i], &all);
    }
}
END_TEST

// What cleaning a megabyte of `unit` holds, in hundredths of the text.
static size_t held_for(const char *unit, const struct hp_clean_options *options)
{
    enum { BYTES = 1 << 20 };
    size_t len = strlen(unit), count = BYTES / len;
    char *text = malloc(count * len);
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * len, unit, len);
    cleaned((hp_str){ text, count * len }, options, &arena);
    size_t held = arena.held * 100 / (count * len);
    hp_arena_done(&arena);
    free(text);
    return held;
}

START_TEST(memory_stays_in_proportion_where_every_character_changes)
{
    struct hp_clean_options most = hp_clean_standard;
    for (int fix = 0; fix < HP_FIXES; fix++)
        most.on[fix] = fix != HP_FIX_BLANK_RUNS;
    ck_assert_uint_le(held_for("a\r\n", &hp_clean_standard), 500);
    ck_assert_uint_le(held_for("e\u0301", &hp_clean_standard), 500);
    ck_assert_uint_le(held_for("\u00a0", &hp_clean_standard), 650);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        ck_assert_uint_le(held_for(units[i], &hp_clean_standard), 850);
        ck_assert_uint_le(held_for(units[i], &most), 850);
    }
}
END_TEST

START_TEST(spans_are_exact_where_every_character_changes)
{
    enum { LINES = 5000 };
    static char text[3 * LINES];
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 24);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = "a\r\n"[i % 3];
    struct hp_clean out = cleaned((hp_str){ text, sizeof text }, &hp_clean_standard, &arena);
    ck_assert_uint_eq(out.text.len, 2 * LINES - 1);
    for (size_t at = 0; at < out.text.len; at++) {
        size_t start, end, want = at / 2 * 3 + at % 2 * 2;
        hp_clean_source(&out, at, at + 1, &start, &end);
        ck_assert(start == want && end == want + 1);
    }
    hp_arena_done(&arena);
}
END_TEST

START_TEST(memory_that_runs_out_is_an_error)
{
    static char text[8192];
    hp_str raw = random_text(text, 200, true);
    bool done = false;
    for (unsigned fail = 1; !done; fail++) {
        struct hp_arena arena;
        struct hp_clean out;
        struct hp_fault fault = HP_FAULT_NONE;
        hp_arena_init(&arena, NULL, 1 << 20);
        arena.fail_after = fail;
        enum hp_code code = hp_clean(raw, &hp_clean_standard, &arena, &never, &out, &fault);
        done = code == HP_OK;
        ck_assert(done || code == HP_OVERLOADED);
        ck_assert(fail > 1 || !done);
        hp_arena_done(&arena);
    }
}
END_TEST

// U+2028, U+3000 and no-break spaces are blank to cleaning, but no blanks to Markdown.
START_TEST(elements_end_within_the_text_whatever_blank_was_trimmed)
{
    static const char *const texts[] = { "- a\u2028", "- a\u00a0", "# a\u3000", "# a  \t\n",
        "|a|\n|-|\u00a0\n", "```\na\u2029 ", "    a\f", "- a\v\n", "<p>\xc2\x85", "- a \r",
        "<h2>\u2028\n\n``` \n`" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (uint32_t bits = 0; bits < ALL_OPTIONS; bits++) {
            struct hp_clean_options options = options_of(bits);
            const char *wrong = check_twice(hp_str_from(texts[i]), &options);
            if (wrong)
                ck_abort_msg("text %zu, options %u: %s", i, bits, wrong);
        }
    }
}
END_TEST

START_TEST(a_deadline_that_passed_stops_the_work)
{
    struct hp_arena arena;
    struct hp_clean out;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_deadline past = { 1 };
    hp_arena_init(&arena, NULL, 1 << 20);
    ck_assert_int_eq(
        hp_clean(HP_S("text"), &hp_clean_standard, &arena, &past, &out, &fault), HP_DEADLINE);
    hp_arena_done(&arena);
}
END_TEST

START_TEST(a_second_walk_over_a_long_line_looks_at_the_deadline_too)
{
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_deadline past = { 1 };
    struct hp_rewrite rewrite = { .deadline = &never, .fault = &fault };
    ck_assert_int_eq(hp_rewrite_tick(&rewrite, 8 * HP_REWRITE_STEP), HP_OK);
    rewrite.deadline = &past;
    ck_assert_int_eq(hp_rewrite_tick(&rewrite, 8 * HP_REWRITE_STEP + 1), HP_OK);
    ck_assert_int_eq(hp_rewrite_tick(&rewrite, HP_REWRITE_STEP), HP_DEADLINE);
}
END_TEST

TESTS("clean", agrees_with_the_plain_version, switches_of_characters_act_in_their_order,
    every_combination_is_idempotent_and_keeps_its_map, standard_cleans_as_the_contract_says,
    a_text_that_does_not_settle_is_idempotent_too, lines_are_judged_as_documented,
    soft_hyphens_at_line_ends_join_or_go, a_chain_that_wakes_itself_is_followed_to_its_end,
    changes_are_counted_by_switch, source_leaves_out_what_was_removed_beside_the_span,
    hostile_texts_cost_linear_time, memory_stays_in_proportion_where_every_character_changes,
    spans_are_exact_where_every_character_changes, memory_that_runs_out_is_an_error,
    elements_end_within_the_text_whatever_blank_was_trimmed, a_deadline_that_passed_stops_the_work,
    a_second_walk_over_a_long_line_looks_at_the_deadline_too)
