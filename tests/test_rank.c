// test_rank.c -- words, terms, counts, scores and selection, without JSON or HTTP: the fast ways
// against the plain ones, on every kind of machine.
#include "hotpathd/cpu.h"
#include "rank/select.h"
#include "rank/spans.h"
#include "rank/split.h"
#include "text/casefold.h"
#include "hotpathd/utf8.h"

#include "random.h"
#include "test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static const struct hp_deadline never = { 0 };

static struct random dice = { 1 };

// --- words ---------------------------------------------------------------------------------------

struct list {
    char text[4096];
    size_t len;
};

static void list_word(void *context, hp_str word)
{
    struct list *list = context;
    ck_assert_uint_lt(list->len + word.len + 2, sizeof list->text);
    memcpy(list->text + list->len, word.ptr, word.len);
    list->len += word.len;
    list->text[list->len++] = '|';
    list->text[list->len] = '\0';
}

static const struct {
    const char *text, *words;
} splits[] = {
    { "", "" },
    { "The wing's LIFT", "the|wing's|lift|" },
    { "U.S.A. 3.14, 1,000; a:b can't 'quoted'", "u.s.a|3.14|1,000|a:b|can't|quoted|" },
    { "foo_bar __ _x x_", "foo_bar|_x|x_|" },
    { "a.1 1.a a,b 1;2 1:2", "a|1|1|a|a|b|1;2|1|2|" },
    { "Straße ﬁne ＷＩＤＥ Ⅷ ½", "strasse|fine|wide|viii|1\u20442|" },
    { "e\u0301 \u00c9 A\u030a \u212b", "é|é|å|å|" },
    { "東京都", "東京|京都|" },
    { "東 京", "東|京|" },
    { "東京tower、大", "東京|tower|大|" },
    { "서울tower", "서울|tower|" },
    { "\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국|" },
    { "서's 울'a.b 서.tower'서", "서|s|울|a.b|서|tower|서|" },
    { "ﾀﾜｰ ｶﾞ", "タワ|ワー|ガ|" },
    { "กำลัง ก\u0e4d\u0e32ลัง",
        "ก\u0e4d\u0e32|\u0e32ล\u0e31|ล\u0e31ง|ก\u0e4d\u0e32|\u0e32ล\u0e31|ล\u0e31ง|" },
    { "東\ufe00京", "東京|" },
    { "東\u200b京", "東|京|" },
    { "ג'ורג' ג' 'ג", "ג'ורג'|ג'|ג|" },
    { "צה\"ל", "צה\"ל|" },
    { "👩‍👩‍👦 🇩🇪", "" },
    { "soft\u00adhyphen", "softhyphen|" },
};

START_TEST(splits_as_the_definition_says)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 24);
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        struct hp_split split;
        struct list list = { .len = 0 };
        hp_split_init(&split, &arena, list_word, &list);
        hp_split_text(&split, hp_str_from(splits[i].text));
        ck_assert_str_eq(list.text, splits[i].words);
    }
    hp_arena_done(&arena);
}
END_TEST

START_TEST(folding_twice_is_folding_once)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    struct hp_buf once = hp_buf_in(&arena), twice = hp_buf_in(&arena);
    struct hp_fault fault;
    for (uint32_t cp = 1; cp < 0x110000; cp++) {
        char text[4];
        if (cp >= 0xd800 && cp < 0xe000)
            continue;
        once.len = twice.len = 0;
        hp_str one = { text, hp_utf8_put(text, cp) };
        ck_assert(!hp_casefold(one, &never, &once, &fault));
        ck_assert(!hp_casefold(hp_buf_str(&once), &never, &twice, &fault));
        ck_assert_msg(hp_str_equal(hp_buf_str(&once), hp_buf_str(&twice)), "U+%04X", cp);
    }
    hp_arena_done(&arena);
}
END_TEST

START_TEST(a_long_unspaced_run_gives_every_pair)
{
    enum { CHARS = 100000 };
    struct hp_arena arena;
    struct hp_analyzer analyzer;
    struct hp_terms terms;
    struct hp_counts counts;
    struct hp_analysed found;
    struct hp_fault fault;
    char *text = malloc(CHARS * 3);
    for (size_t i = 0; i < CHARS; i++)
        memcpy(text + 3 * i, i % 3 == 0 ? "東" : i % 3 == 1 ? "京" : "都", 3);
    hp_arena_init(&arena, NULL, 1 << 24);
    ck_assert(!hp_analyzer_open(HP_S("simple"), "", &analyzer, &fault));
    ck_assert(!hp_terms_init(&terms, &analyzer, 8, &arena, &fault));
    ck_assert(!hp_terms_add(&terms, HP_S("東京 京都 都東"), NULL, "", &found, &fault));
    ck_assert(!hp_counts_init(&counts, &terms, &arena, &fault));
    ck_assert(!hp_counts_add(&counts, &(hp_str){ text, CHARS * 3 }, 1, &never, &fault));
    struct hp_count_walk walk = hp_counts_of(&counts, 0);
    struct hp_count count;
    uint32_t total = 0;
    while (hp_count_next(&walk, &count))
        total += count.times;
    ck_assert_uint_eq(total, CHARS - 1);
    ck_assert_uint_eq(count.length, CHARS - 1);
    hp_counts_done(&counts);
    hp_arena_done(&arena);
    free(text);
}
END_TEST

// --- stemmers ------------------------------------------------------------------------------------

static const char *const endings[] = { "", "s", "es", "ed", "ing", "edly", "ingly", "ly", "y",
    "ies", "ied", "'s", "ational", "eed", "sses", "us", "e", "l", "ers", "ying", "yed", "ss", "ogi",
    "li", "ability", "bility", "ibilities", "ization", "fulness", "ivity", "alli", "ently", "ously",
    "iveness", "ative", "icate", "ator", "ency", "ancy", "izer", "ably", "logy", "tional",
    "ational", "alize", "icity", "ical", "ement", "sion", "tion" };

static size_t random_word(char *word)
{
    static const char letters[] = "aaeeiioouuyyybcdlnstxz0'_\xc3";
    size_t len = 0, most = random_below(&dice, 8);
    for (size_t i = 0; i < most; i++) {
        char c = letters[random_below(&dice, sizeof letters - 1)];
        word[len++] = c;
        if (c == '\xc3')
            word[len++] = (char)(0xa0 + random_below(&dice, 16));
    }
    const char *end = endings[random_below(&dice, sizeof endings / sizeof *endings)];
    memcpy(word + len, end, strlen(end));
    return len + strlen(end);
}

static uint64_t first_bytes(hp_str s)
{
    uint64_t bytes = 0;
    memcpy(&bytes, s.ptr, s.len < 8 ? s.len : 8);
    return bytes;
}

START_TEST(a_word_whose_head_is_refused_has_another_stem)
{
    static const char *const names[] = { "english", "porter", "simple" };
    static struct hp_terms terms;
    struct hp_arena arena;
    struct hp_fault fault;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    for (size_t n = 0; n < 3; n++) {
        struct hp_analyzer analyzer;
        ck_assert(!hp_analyzer_open(hp_str_from(names[n]), "", &analyzer, &fault));
        for (size_t i = 0; i < 100000; i++) {
            char word[64], stem_copy[64];
            hp_str folded = { word, random_word(word) };
            if (folded.len == 0 || word[0] == '\'')
                continue; // no word of UAX #29 begins so
            hp_str stem = hp_stem(&analyzer, folded);
            memcpy(stem_copy, stem.ptr, stem.len);
            if (i % 1000 == 0)
                ck_assert(!hp_terms_init(&terms, &analyzer, 1, &arena, &fault));
            memset(terms.head, 0, sizeof terms.head);
            memset(terms.neck, 0, sizeof terms.neck);
            terms.count = 0;
            struct hp_analysed found;
            struct hp_analyzer plain = analyzer; // which takes the stem as it is
            plain.stemmer = NULL;
            plain.english = false;
            terms.analyzer = &plain;
            char query[80];
            memcpy(query, stem_copy, stem.len);
            if (hp_terms_add(&terms, (hp_str){ query, stem.len }, NULL, "", &found, &fault) ||
                found.words != 1 || !hp_str_equal(terms.term[0], (hp_str){ stem_copy, stem.len }))
                continue;
            ck_assert_msg(hp_terms_may_be(&terms, first_bytes(folded)), "%s: %.*s is %.*s",
                names[n], (int)folded.len, folded.ptr, (int)stem.len, stem_copy);
        }
        hp_analyzer_close(&analyzer);
    }
    hp_arena_done(&arena);
}
END_TEST

START_TEST(knows_the_stop_words_and_no_others)
{
    static const char stops[] = "a an and are as at be but by for if in into is it no not of on or "
                                "such that the their then there these they this to was will with";
    size_t count = 0;
    for (hp_str rest = hp_str_from(stops); rest.len; count++)
        ck_assert(hp_english_stop(hp_str_cut(&rest, ' ')));
    ck_assert_uint_eq(count, 33);
    for (size_t i = 0; i < (size_t)rounds(1000000); i++) {
        char word[8], padded[16];
        size_t len = 1 + random_below(&dice, 6);
        for (size_t j = 0; j < len; j++)
            word[j] = (char)('a' + random_below(&dice, 26));
        snprintf(padded, sizeof padded, " %.*s ", (int)len, word);
        char all[sizeof stops + 2];
        snprintf(all, sizeof all, " %s ", stops);
        ck_assert_int_eq(hp_english_stop((hp_str){ word, len }), strstr(all, padded) != NULL);
    }
}
END_TEST

START_TEST(refuses_an_analyzer_that_is_not_there)
{
    struct hp_analyzer analyzer;
    struct hp_fault fault = HP_FAULT_NONE;
    static const char *const names[] = { "", "klingon", "English", "english ", "en" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_int_eq(hp_analyzer_open(hp_str_from(names[i]), "/analyzer", &analyzer, &fault),
            HP_UNKNOWN_ANALYZER);
    ck_assert_str_eq(fault.pointer, "/analyzer");
}
END_TEST

// --- fast and plain ------------------------------------------------------------------------------

static const char *const pieces[] = { "wing", "Wings", "lifted", "the", "THE", "of", "it's",
    "wing's", "x", "_", "__", "a_b", "3.14", "1,000", "a.b", "a:b", "dying", "aed", "é", "É",
    "e\u0301", "\u0301", "東京", "京", "ﾞ", "тест", "’s", "\u200d", "\u200b", "\u00ad", "צ\"צ",
    "\"", "'", ".", ",", ";", ":", " ", " ", " ", " ", "  ", "\n", "\r\n", "-", "(", "\t", "🇩🇪",
    "1\ufe0f\u20e3", "กำลัง", "서울", "serendipitously", "serendipitous", "internationalization's",
    "\x7f", "\x01", "waveguides", "waveguide", "ing", "s", "Q", "צ'", "abcdefgh", "abcdefghi",
    "that's" };

static hp_str random_text(char *text, size_t most)
{
    size_t len = 0, want = random_below(&dice, (uint32_t)most);
    bool ascii = random_below(&dice, 3) > 0;
    while (len < want) {
        const char *piece = pieces[random_below(&dice, sizeof pieces / sizeof *pieces)];
        if (ascii && strlen(piece) != hp_ascii_prefix(hp_str_from(piece)))
            continue;
        memcpy(text + len, piece, strlen(piece));
        len += strlen(piece);
        if (random_below(&dice, 4))
            text[len++] = ' ';
    }
    return (hp_str){ text, len };
}

static void compare_counts(const struct hp_counts *fast, const struct hp_counts *plain, hp_str text)
{
    ck_assert_msg(hp_str_equal(hp_buf_str(&fast->bytes), hp_buf_str(&plain->bytes)),
        "fast and plain differ on \"%.*s\"", (int)text.len, text.ptr);
    ck_assert_mem_eq(fast->holders, plain->holders, sizeof fast->holders);
}

// Text that ends where memory does: reading behind it is what the sanitizer is for. A third of it
// is the second field.
static void count_text_both(const struct hp_analyzer *analyzer, const char *query, hp_str text)
{
    static struct hp_terms terms;
    static struct hp_counts fast, plain;
    struct hp_analysed found;
    struct hp_fault fault;
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 26);
    ck_assert(!hp_terms_init(&terms, analyzer, 64, &arena, &fault));
    ck_assert(!hp_terms_add(&terms, hp_str_from(query), NULL, "", &found, &fault));
    ck_assert(!hp_counts_init(&fast, &terms, &arena, &fault));
    ck_assert(!hp_counts_init(&plain, &terms, &arena, &fault));
    char *copy = malloc(text.len + 1);
    memcpy(copy, text.ptr, text.len);
    hp_str fields[2] = { { copy, text.len }, { copy, hp_str_cut_at(text, text.len / 3) } };
    ck_assert(!hp_counts_add(&fast, fields, 2, &never, &fault));
    ck_assert(!hp_counts_add_plain(&plain, fields, 2, &never, &fault));
    compare_counts(&fast, &plain, text);
    free(copy);
    hp_counts_done(&fast);
    hp_counts_done(&plain);
    hp_arena_done(&arena);
}

static void count_both(
    const char *analyzer_name, bool keep_stops, const char *query, size_t rounds, size_t most)
{
    struct hp_analyzer analyzer;
    struct hp_fault fault;
    char text[9000];
    ck_assert(!hp_analyzer_open(hp_str_from(analyzer_name), "", &analyzer, &fault));
    analyzer.keep_stops = keep_stops;
    for (size_t i = 0; i < rounds; i++)
        count_text_both(&analyzer, query, random_text(text, most));
    hp_analyzer_close(&analyzer);
}

START_TEST(fast_counts_are_the_plain_ones_on_every_machine)
{
    static const char query[] =
        "wings lift dying aed x 3.14 a_b a:b 東京 京 тест é serendipitous "
        "waveguide s 1,000 internationalization abcdefgh abcdefghi ing q צ' צ";
    const enum hp_cpu best = hp_cpu();
    for (enum hp_cpu cpu = HP_CPU_BASELINE; cpu <= best; cpu++) {
        hp_cpu_limit(cpu);
        count_both("english", false, query, 4000, 300);
        count_both("english", true, "the of it that", 500, 300);
        count_both("porter", false, query, 1000, 300);
        count_both("simple", false, query, 1000, 300);
        count_both("german", false, query, 500, 300);
        count_both("english", false, query, 50, 8000);
    }
}
END_TEST

// "wing.\u201d" at every place of a block: what ends one block must be told by what begins the
// next.
START_TEST(marks_beside_punctuation_are_told_across_blocks)
{
    static const char *const marks[] = { ".", "'", ":", ",", ";", "\"", "_", "" };
    static const char *const beside[] = { "\u201d", "\u201c", "\u2014", "\u2026", "\u2019",
        "\u00a0", "\u00bb", "\u00e9", "\u6771", "\u2018", "\u05d0" };
    const enum hp_cpu best = hp_cpu();
    struct hp_analyzer analyzer;
    struct hp_fault fault;
    ck_assert(!hp_analyzer_open(HP_S("simple"), "", &analyzer, &fault));
    for (enum hp_cpu cpu = HP_CPU_BASELINE; cpu <= best; cpu++) {
        hp_cpu_limit(cpu);
        for (size_t i = 0; i < sizeof marks / sizeof *marks * sizeof beside / sizeof *beside; i++) {
            const char *mark = marks[i % (sizeof marks / sizeof *marks)];
            const char *next = beside[i / (sizeof marks / sizeof *marks)];
            for (int pad = 0; pad < 2 * HP_SPANS_BLOCK; pad++) {
                char text[4 * HP_SPANS_BLOCK];
                snprintf(text, sizeof text, "%*swing%s%s%s4%s wing%s", pad, "", mark, next, mark,
                    mark, next);
                count_text_both(&analyzer, "wing 4", hp_str_from(text));
            }
        }
    }
    hp_analyzer_close(&analyzer);
}
END_TEST

START_TEST(more_words_than_are_remembered_are_counted_all_the_same)
{
    enum { WORDS = 40000, WIDTH = 12 };
    struct hp_arena arena;
    struct hp_analyzer analyzer;
    struct hp_analysed found;
    struct hp_fault fault;
    static struct hp_terms terms;
    static struct hp_counts fast, plain;
    char *text = malloc(WORDS * WIDTH + 1);
    for (size_t i = 0; i < WORDS; i++)
        snprintf(text + i * WIDTH, WIDTH + 1, "wi%-9zx ", i % 39000);
    hp_arena_init(&arena, NULL, 1 << 26);
    ck_assert(!hp_analyzer_open(HP_S("german"), "", &analyzer, &fault));
    ck_assert(!hp_terms_init(&terms, &analyzer, 64, &arena, &fault));
    ck_assert(!hp_terms_add(&terms, HP_S("wi5 wi10 wi9000 wi7fff"), NULL, "", &found, &fault));
    ck_assert(!hp_counts_init(&fast, &terms, &arena, &fault));
    ck_assert(!hp_counts_init(&plain, &terms, &arena, &fault));
    hp_str whole = { text, WORDS * WIDTH };
    ck_assert(!hp_counts_add(&fast, &whole, 1, &never, &fault));
    ck_assert(!hp_counts_add_plain(&plain, &whole, 1, &never, &fault));
    compare_counts(&fast, &plain, (hp_str){ "", 0 });
    ck_assert_uint_lt(arena.held, 4 << 20);
    hp_analyzer_close(&analyzer);
    hp_counts_done(&fast);
    hp_counts_done(&plain);
    hp_arena_done(&arena);
    free(text);
}
END_TEST

static void count_word(void *context, hp_str word)
{
    *(size_t *)context += word.len > 0;
}

START_TEST(one_long_span_is_left_at_a_deadline)
{
    static char text[300000];
    const struct hp_deadline passed = { 1 };
    struct hp_arena arena;
    struct hp_split split;
    size_t words = 0;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = "\xe6\x9d\xb1"[i % 3];
    hp_arena_init(&arena, NULL, 1 << 24);
    hp_split_init(&split, &arena, count_word, &words);
    split.deadline = &passed;
    hp_split_text(&split, (hp_str){ text, sizeof text });
    ck_assert(split.late);
    ck_assert_uint_lt(words, sizeof text / 3 / 10);
    hp_arena_done(&arena);
}
END_TEST

// Neither is one word of a megabyte folded to its end.
START_TEST(one_long_word_is_left_at_a_deadline)
{
    enum { BYTES = 1 << 20 };
    const struct hp_deadline passed = { 1 };
    struct hp_arena arena;
    struct hp_split split;
    size_t words = 0;
    char *text = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        text[i] = "\xc3\xa9"[i % 2];
    hp_arena_init(&arena, NULL, 1 << 24);
    hp_split_init(&split, &arena, count_word, &words);
    split.deadline = &passed;
    hp_split_text(&split, (hp_str){ text, BYTES });
    ck_assert(split.late);
    ck_assert_uint_eq(words, 0);
    ck_assert_uint_lt(split.word.len, BYTES / 10);
    split = (struct hp_split){ 0 };
    hp_split_init(&split, &arena, count_word, &words);
    hp_split_text(&split, (hp_str){ text, BYTES });
    ck_assert_uint_eq(words, 1);
    ck_assert_uint_eq(split.word.len, BYTES);
    hp_arena_done(&arena);
    free(text);
}
END_TEST

enum { LONGEST = 259 };

struct short_words {
    size_t words, shorter;
    uint64_t sum; // of the bytes of those of at most LONGEST
};

static void add_short_word(void *context, hp_str word)
{
    struct short_words *found = context;
    found->words++;
    if (word.len > LONGEST)
        return;
    found->shorter++;
    for (size_t i = 0; i < word.len; i++)
        found->sum = found->sum * 31 + (unsigned char)word.ptr[i];
}

static struct short_words short_words_of(hp_str text, size_t longest)
{
    struct hp_arena arena;
    struct hp_split split;
    struct short_words found = { 0, 0, 0 };
    hp_arena_init(&arena, NULL, 1 << 26);
    hp_split_init(&split, &arena, add_short_word, &found);
    split.longest = longest;
    hp_split_text(&split, text);
    ck_assert(!hp_split_failed(&split));
    hp_arena_done(&arena);
    return found;
}

// Latin, Thai and kana, with so many marks that they are cut, nearly so, and not.
START_TEST(what_is_cut_of_long_words_changes_no_other)
{
    static const char *bases[] = { "a", "\xc3\xa9", " wing ", "\xe0\xb8\x81", "\xe0\xb8\xb3",
        "\xe3\x82\x9f", "\xcd\x85", "\xef\xb7\xba", "'s ", "\xea\xb0\x80", "\xe1\x86\xa8" };
    static const char *rows[] = { "\xcc\x81\xcc\xa7", "\xcd\x8f", "\xcd\x85", "\xcc\x88\xcc\x81",
        "\xe0\xb8\xb3", "\xc3\xa9", "\xe1\x85\xa1", "e\xcc\x81" };
    enum { BASES = sizeof bases / sizeof *bases, ROWS = sizeof rows / sizeof *rows };
    static char text[1 << 17];
    for (size_t round = 0; round < 100; round++) {
        size_t len = 0;
        for (size_t i = 0; i < 4; i++) {
            const char *base = bases[random_below(&dice, BASES)],
                       *row = rows[random_below(&dice, ROWS)];
            size_t times = random_below(&dice, random_below(&dice, 3) ? 1500 : 4);
            len += (size_t)sprintf(text + len, "%s", base);
            for (size_t j = 0; j < times; j++)
                len += (size_t)sprintf(text + len, "%s", row);
        }
        struct short_words all = short_words_of((hp_str){ text, len }, SIZE_MAX);
        struct short_words cut = short_words_of((hp_str){ text, len }, LONGEST);
        ck_assert_uint_eq(all.words, cut.words);
        ck_assert_uint_eq(all.shorter, cut.shorter);
        ck_assert_uint_eq(all.sum, cut.sum);
    }
}
END_TEST

START_TEST(stops_at_a_deadline)
{
    struct hp_arena arena;
    struct hp_analyzer analyzer;
    struct hp_analysed found;
    struct hp_fault fault = HP_FAULT_NONE;
    const struct hp_deadline passed = { 1 };
    static struct hp_terms terms;
    struct hp_counts counts;
    static char text[99999];
    for (size_t i = 0; i < sizeof text; i++) // one span beyond ASCII
        text[i] = "\xe6\x9d\xb1"[i % 3];
    hp_arena_init(&arena, NULL, 1 << 26);
    ck_assert(!hp_analyzer_open(HP_S("simple"), "", &analyzer, &fault));
    ck_assert(!hp_terms_init(&terms, &analyzer, 64, &arena, &fault));
    ck_assert(!hp_terms_add(&terms, HP_S("wing"), NULL, "", &found, &fault));
    ck_assert(!hp_counts_init(&counts, &terms, &arena, &fault));
    ck_assert_int_eq(
        hp_counts_add(&counts, &(hp_str){ text, sizeof text }, 1, &passed, &fault), HP_DEADLINE);
    hp_counts_done(&counts);
    hp_arena_done(&arena);
}
END_TEST

// --- scores --------------------------------------------------------------------------------------

struct scoring {
    struct hp_arena arena;
    struct hp_analyzer analyzer;
    struct hp_terms terms;
    uint32_t times[HP_TERMS_MAX];
    struct hp_counts counts;
    struct hp_corpus corpus;
    struct hp_bm25 bm25;
    struct hp_selection selection;
    struct hp_results results;
};

static void score_begin(struct scoring *s, const char *query, const char *const *documents)
{
    struct hp_fault fault;
    struct hp_analysed found;
    memset(s, 0, sizeof *s);
    hp_arena_init(&s->arena, NULL, 1 << 26);
    ck_assert(!hp_analyzer_open(HP_S("simple"), "", &s->analyzer, &fault));
    ck_assert(!hp_terms_init(&s->terms, &s->analyzer, 64, &s->arena, &fault));
    ck_assert(!hp_terms_add(&s->terms, hp_str_from(query), s->times, "", &found, &fault));
    ck_assert(!hp_counts_init(&s->counts, &s->terms, &s->arena, &fault));
    for (; *documents; documents++) {
        hp_str text = hp_str_from(*documents);
        ck_assert(!hp_counts_add(&s->counts, &text, 1, &never, &fault));
    }
    s->bm25 = (struct hp_bm25){ .k1 = 1.2, .b = 0.75, .weight = { 1 } };
    s->selection = (struct hp_selection){ .min_score = -INFINITY, .top_n = SIZE_MAX };
}

static void score_run(struct scoring *s)
{
    struct hp_fault fault;
    hp_bm25_prepare(&s->bm25, &s->counts, &s->corpus, s->times, s->terms.count);
    ck_assert(
        !hp_select(&s->bm25, &s->counts, &s->selection, &s->arena, &never, &s->results, &fault));
}

static void score_end(struct scoring *s)
{
    hp_counts_done(&s->counts);
    hp_arena_done(&s->arena);
}

START_TEST(scores_as_lucene_by_hand)
{
    static const char *const documents[] = { "wing lift wing", "boat", "lift", NULL };
    struct scoring *s = malloc(sizeof *s);
    score_begin(s, "wing", documents);
    score_run(s);
    double idf = log(1 + (3 - 1 + 0.5) / (1 + 0.5)), average = 5.0 / 3;
    double expected = idf * 2 / (2 + 1.2 * (1 - 0.75 + 0.75 * (3 / average)));
    ck_assert_double_eq_tol(s->results.result[0].score, expected, 1e-15);
    ck_assert_uint_eq(s->results.result[0].document, 0);
    ck_assert_uint_eq(s->results.matched, 1);
    ck_assert_uint_eq(s->results.count, 3);
    score_end(s);
    free(s);
}
END_TEST

START_TEST(extreme_parameters_stay_finite)
{
    static const char *const documents[] = { "wing wing", "", "wing boat boat boat", NULL };
    static const double k1[] = { 0, DBL_MIN, 1.2, 100 }, b[] = { 0, DBL_MIN, 0.75, 1 };
    static const double averages[] = { 0, DBL_MIN, 4.9e-324, 1, DBL_MAX };
    struct scoring *s = malloc(sizeof *s);
    for (size_t i = 0; i < 4 * 4 * 5; i++) {
        score_begin(s, "wing", documents);
        s->bm25.k1 = k1[i % 4];
        s->bm25.b = b[i / 4 % 4];
        s->corpus.average[0] = averages[i / 16];
        s->corpus.documents = i % 3 ? UINT64_MAX : 0;
        score_run(s);
        for (size_t r = 0; r < s->results.count; r++) {
            ck_assert(isfinite(s->results.result[r].score));
            ck_assert_double_ge(s->results.result[r].score, 0);
        }
        score_end(s);
    }
    free(s);
}
END_TEST

// More of a term, and a shorter document, never lower a score.
START_TEST(scores_are_monotone)
{
    struct hp_bm25 bm25 = { .k1 = 1.2, .b = 0.75, .weight = { 1 }, .average = { 10 } };
    bm25.times[0] = 1;
    bm25.idf[0] = 2.5;
    for (uint32_t length = 1; length < 200; length++)
        for (uint32_t times = 1; times <= length; times++) {
            struct hp_count now = { .times = times, .length = length };
            struct hp_count more = { .times = times + 1, .length = length };
            struct hp_count longer = { .times = times, .length = length + 1 };
            ck_assert_double_ge(hp_bm25_part(&bm25, &more), hp_bm25_part(&bm25, &now));
            ck_assert_double_le(hp_bm25_part(&bm25, &longer), hp_bm25_part(&bm25, &now));
        }
}
END_TEST

START_TEST(the_best_n_are_the_first_of_all)
{
    enum { DOCUMENTS = 300 };
    static char text[DOCUMENTS][64];
    const char *documents[DOCUMENTS + 1] = { NULL };
    double priors[DOCUMENTS];
    struct scoring *s = malloc(sizeof *s);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        for (uint32_t words = random_below(&dice, 8), w = 0; w < words; w++)
            strcat(text[i], random_below(&dice, 2) ? "wing " : "boat ");
        documents[i] = text[i];
        priors[i] = random_below(&dice, 4);
    }
    for (size_t mode = 0; mode < 3; mode++) {
        struct hp_result all[DOCUMENTS];
        score_begin(s, "wing", documents);
        s->selection.priors = mode ? priors : NULL;
        s->selection.prior_weight = 0.5;
        s->selection.by_rank = mode == 2;
        score_run(s);
        ck_assert_uint_eq(s->results.count, DOCUMENTS);
        memcpy(all, s->results.result, sizeof all);
        for (size_t i = 1; i < DOCUMENTS; i++)
            ck_assert(all[i - 1].score > all[i].score ||
                      (all[i - 1].score == all[i].score && all[i - 1].document < all[i].document));
        for (size_t n = 0; n < DOCUMENTS; n += 7) {
            s->selection.top_n = n;
            score_run(s);
            ck_assert_uint_eq(s->results.count, n);
            for (size_t i = 0; i < n; i++)
                ck_assert_uint_eq(s->results.result[i].document, all[i].document);
        }
        score_end(s);
    }
    free(s);
}
END_TEST

TESTS("rank", splits_as_the_definition_says, folding_twice_is_folding_once,
    a_long_unspaced_run_gives_every_pair, a_word_whose_head_is_refused_has_another_stem,
    knows_the_stop_words_and_no_others, refuses_an_analyzer_that_is_not_there,
    fast_counts_are_the_plain_ones_on_every_machine,
    marks_beside_punctuation_are_told_across_blocks,
    more_words_than_are_remembered_are_counted_all_the_same, one_long_span_is_left_at_a_deadline,
    one_long_word_is_left_at_a_deadline, what_is_cut_of_long_words_changes_no_other,
    stops_at_a_deadline, scores_as_lucene_by_hand, extreme_parameters_stay_finite,
    scores_are_monotone, the_best_n_are_the_first_of_all)
