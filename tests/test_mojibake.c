// test_mojibake.c -- mojibake: what is repaired and from where it came, what is left alone, the
// fast search against the plain one and against the automaton alone, and what holds of any text.
// That all of it is as ftfy does is tests/mojibake_vs_ftfy.py.
#include "text/mojibake.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

#include "clean_checks.h"
#include "hotpathd/cpu.h"
#include "test.h"
#include "texts.h"

static const struct hp_deadline never = { 0 };
static const struct hp_clean_options alone = { .on = { [HP_FIX_MOJIBAKE] = true } };

// --- examples ------------------------------------------------------------------------------------

static const struct {
    const char *what, *raw, *repaired;
} rows[] = {
    { "windows-1252",
        "Le caf\u00c3\u00a9 est ferm\u00c3\u00a9 l\u00e2\u20ac\u2122\u00c3\u00a9t\u00c3\u00a9.",
        "Le caf\u00e9 est ferm\u00e9 l\u2019\u00e9t\u00e9." },
    { "latin-1", "na\u00c3\u00aff \u00e2\xc2\x80\xc2\x94 \u00c2\u00aboui\u00c2\u00bb",
        "na\u00eff \u2014 \u00aboui\u00bb" },
    { "windows-1250",
        "Za\u0139\u013d\u0102\u0142\u0139\u201a\u00c4\u2021 g\u00c4\u2122\u0139\u203al\u00c4\u2026 "
        "ja\u0139\u015f\u0139\u201e",
        "Za\u017c\u00f3\u0142\u0107 g\u0119\u015bl\u0105 ja\u017a\u0144" },
    { "windows-1251",
        "\u0420\u045f\u0421\u0402\u0420\u0451\u0420\u0406\u0420\u00b5\u0421\u201a, "
        "\u0420\u0458\u0420\u0451\u0421\u0402",
        "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440" },
    { "windows-1253",
        "\u039e\xc2\x9a\u039e\u00b1\u039e\u00bb\u039e\u00b7\u039e\u038c\u039e\u00ad\u039f\xc2\x81"
        "\u039e\u00b1 \u039e\u038a\u039f\xc2\x8c\u039f\u0192\u039e\u038c\u039e\u00b5",
        "\u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 \u03ba\u03cc\u03c3\u03bc\u03b5" },
    { "windows-1254", "g\u00c3\u00bcne\u00c5\u0178li \u00c4\u00b0zmir\u00e2\u20ac\u2122de",
        "g\u00fcne\u015fli \u0130zmir\u2019de" },
    { "windows-1257",
        "R\u00c4\u00abg\u00c4\xc2\x81 \u00c5\u00a1odien "
        "\u0101\u20ac\xc2\x9csnieg\u0101\u20ac\u00af",
        "R\u012bg\u0101 \u0161odien \u201csnieg\u201d" },
    { "iso-8859-2",
        "\u0139\u017elu\u0139\u013dou\u00c4\xc2\x8dk\u0102\u02dd k\u0139\u017b\u0139\xc2\x88",
        "\u017elu\u0165ou\u010dk\u00fd k\u016f\u0148" },
    { "Mac Roman", "d\u221a\u00a9j\u221a\u2020 vu \u221a\u2020 N\u221a\u00c6mes",
        "d\u00e9j\u00e0 vu \u00e0 N\u00eemes" },
    { "code page 437", "Gr\u251c\u2562\u251c\u0192e: 5 \u252c\u2561m",
        "Gr\u00f6\u00dfe: 5 \u00b5m" },
    { "Chinese", "\u00e6\u00b8\u2026\u00e6\u00b4\u2014\u00e6\u2013\u2021\u00e6\u0153\u00ac",
        "\u6e05\u6d17\u6587\u672c" },
    { "Arabic",
        "\u00d9\u2026\u00d8\u00b1\u00d8\u00ad\u00d8\u00a8\u00d8\u00a7 "
        "\u00d8\u00a8\u00d8\u00a7\u00d9\u201e\u00d8\u00b9\u00d8\u00a7\u00d9\u201e\u00d9\u2026",
        "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645" },
    { "Hindi",
        "\u00e0\u00a4\u00a8\u00e0\u00a4\u00ae\u00e0\u00a4\u00b8\u00e0\u00a5\xc2\x8d\u00e0\u00a4"
        "\u00a4\u00e0\u00a5\u2021 "
        "\u00e0\u00a4\u00a6\u00e0\u00a5\xc2\x81\u00e0\u00a4\u00a8\u00e0\u00a4\u00bf\u00e0\u00a4"
        "\u00af\u00e0\u00a4\u00be",
        "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e" },
    { "an emoji", "ok \u00f0\u0178\u02dc\u20ac", "ok \U0001f600" },
    { "three layers", "ein k\u00c3\u0192\u00c6\u2019\u00c3\u201a\u00c2\u00bchles Bier",
        "ein k\u00fchles Bier" },
    { "two layers of two kinds", "ein k\u00e2\u02c6\u0161\u00c2\u00bahles Bier",
        "ein k\u00fchles Bier" },
    { "a lost byte", "\u00e2\u20ac\u0153so it goes\u00e2\u20ac\ufffd", "\u201cso it goes\ufffd" },
    { "a lost byte, marked", "sch\u00c3\u00b6ner \u00c3?rger", "sch\u00f6ner \ufffdrger" },
    { "A0 as a space", "voil\u00c3  le prix", "voil\u00e0 le prix" },
    { "A0 as a space, in one with the next", "plats \u00c3 la carte", "plats \u00e0 la carte" },
    { "A0 as a space, in Portuguese", "chegou \u00c3 s duas", "chegou \u00e0s duas" },
    { "a part of a line",
        "\u0413\u0430\u0432\u0430\u043d\u044c \u2014 pr\u00c3\u00a8s du ch\u00c3\u00a2teau, "
        "\u0442\u0438\u0445\u043e",
        "\u0413\u0430\u0432\u0430\u043d\u044c \u2014 pr\u00e8s du ch\u00e2teau, "
        "\u0442\u0438\u0445\u043e" },
    { "surrogates in UTF-8", "ok \u00ed\u00a0\u00bd\u00ed\u00b8\xc2\x80", "ok \U0001f600" },
    { "C1 controls",
        "5 \xc2\x80 \xc2\x93"
        "each\xc2\x94\xc2\x85",
        "5 \u20ac \u201ceach\u201d\u2026" },
    { "C1 controls of no windows-1252",
        "a\xc2\x81"
        "b",
        "a\xc2\x81"
        "b" },
    { "one line of three",
        "Tudo \u00e9 N\u00c3O.\nN\u00c3\u00a3o \u00c3\u00a9.\nS\u00c3O TOM\u00c9\n",
        "Tudo \u00e9 N\u00c3O.\nN\u00e3o \u00e9.\nS\u00c3O TOM\u00c9\n" },
    { "a line end comes to light",
        "\u00d0\u00be\u00d0\u00b4\u00d0\u00b8\u00d0\u00bd\u00e2\u20ac\u00a8\u00d0\u00b4\u00d0\u00b2"
        "\u00d0\u00b0 \u00d1\u201a\u00d1\u20ac\u00d0\u00b8",
        "\u043e\u0434\u0438\u043d\u2028\u0434\u0432\u0430 \u0442\u0440\u0438" },
    { "A0 at the end of a line", "\u00c3\u00a9 \u00c3\u00a0\no\u00c3\u00b9",
        "\u00e9 \u00e0\no\u00f9" },
    { "too deep to follow",
        "\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2"
        "\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2"
        "\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00ad\u00ad\u00ad\u00ad\u00ad"
        "\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad"
        "\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad"
        "\u00ad\u00ad\u00ad\u00ad\u00ad",
        "\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2"
        "\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2"
        "\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00c2\u00ad\u00ad\u00ad\u00ad\u00ad"
        "\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad"
        "\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad"
        "\u00ad\u00ad\u00ad\u00ad\u00ad" },
};

START_TEST(repairs_what_was_read_in_the_wrong_encoding)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, 1 << 20);
        struct hp_clean out = cleaned(hp_str_from(rows[i].raw), &alone, &arena);
        if (!hp_str_is(out.text, rows[i].repaired))
            ck_abort_msg("%s: %.*s", rows[i].what, (int)out.text.len, out.text.ptr);
        hp_arena_done(&arena);
    }
}
END_TEST

// Right texts with much in them that mojibake is made of.
static const char *const right[] = {
    "L\u2019\u00e9t\u00e9 dernier, o\u00f9 \u00ab il faisait beau \u00bb : 5 \u00b0C, \u00bd "
    "litre, 3 \u20ac, l\u2019\u0153uvre, \u0152UVRE",
    "N\u00c3O \u00c9 ASSIM: S\u00c3O PAULO, MA\u00c7\u00c3, \u00c0 TOA",
    "ROM\u00c2NIA, \u00ceN P\u00c2R\u00c2U",
    "Gr\u00fc\u00dfe aus K\u00f6ln \u2013 \u201esch\u00f6n\u201c, \u201aso\u2018, 20 \u00a3 und 5 "
    "\u00a5, \u00a75, \u00b62",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u00ab\u043c\u0438\u0440\u00bb \u2014 \u21165, "
    "\u201c\u0434\u0430\u201d\u2026 \u0401\u043b\u043a\u0430, \u0412\u0413\u0420\u0421",
    "\u0402\u043e\u0440\u0452\u0435, \u0409\u0443\u0431\u0430\u0432, "
    "\u040b\u0443\u043f\u0440\u0438\u0458\u0430",
    "\u0490\u0430\u043d\u043e\u043a, \u0491\u0440\u0443\u043d\u0442, \u0404\u0432\u0430, "
    "\u0407\u0436\u0430\u043a",
    "\u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 \u00ab\u03ba\u03cc\u03c3\u03bc\u03b5\u00bb "
    "\u2014 \u201c\u03bd\u03b1\u03b9\u201d\u2026 \u0392\u0393\u039e\u039f",
    "\u201c\u6c49\u5b57\u201d\u2026\u2026\uff08\u6587\u672c\uff09\uff0c\u300a\u4e66\u300b\uff01"
    "\uff01",
    "\u300c\u65e5\u672c\u8a9e\u300d\u30fc\u30fc\u3001\u3005\u301c",
    "\ud55c\uad6d\uc5b4\u2026 \u201c\ub124\u201d",
    "\u200f\u0645\u0631\u062d\u0628\u0627 "
    "\u00ab\u0628\u0627\u0644\u0639\u0627\u0644\u0645\u00bb\u060c \u0663\u066b\u0665",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u201c\u0926\u0941\u0928\u093f\u092f\u093e\u201d\u2026",
    "\u0110\u01b0\u1eddng v\u1ec1 \u0110\u00e0 N\u1eb5ng: \u0111\u01b0\u1ee3c, \u01b0\u01a1n "
    "\u01b0\u1edbt, \u0102\u00c2\u0110\u00ca\u00d4\u01a0\u01af",
    "\u017elu\u0165ou\u010dk\u00fd k\u016f\u0148 p\u011bl \u010f\u00e1belsk\u00e9 \u00f3dy, "
    "\u017dLU\u0164OU\u010cK\u00dd",
    "Za\u017c\u00f3\u0142\u0107 g\u0119\u015bl\u0105 ja\u017a\u0144, \u0141\u00d3D\u0179 "
    "\u201etak\u201d\u2026",
    "\u00c1rv\u00edzt\u0171r\u0151 t\u00fck\u00f6rf\u00far\u00f3g\u00e9p "
    "\u00c1RV\u00cdZT\u0170R\u0150",
    "\u00bfQu\u00e9? \u00a1S\u00ed! \u00a1Ol\u00e9!\u00bb, A\u00d1O, "
    "\u00a1\u00ab\u00d1and\u00fa\u00bb!",
    "\u2554\u2550\u2550\u2550\u2557 \u2551 x \u2551 \u255a\u2550\u2550\u2550\u255d "
    "\u251c\u2500\u2500 a \u2502 \u2514\u2500\u2500 b",
    "(\u30ce\u0ca0\u76ca\u0ca0)\u30ce\u5f61\u253b\u2501\u253b \u00af\\_(\u30c4)_/\u00af "
    "\u0ca0_\u0ca0",
    "x\u00b2 + y\u00b3 \u2260 \u00bd\u00b7\u03c0, \u2202f/\u2202x \u2248 \u2211\u221an \u00b1 "
    "3\u00b5, \u221e",
    "Brand\u00ae and Co\u2122, \u00a9 2020, 1\u00ba y 2\u00aa",
    "\u00c5 is a word, \u00d8 too, \u00dc also: \u00e5 \u00f8 \u00fc",
    "IJsland, \u01c4, \ufb01n, \ufb02ag, \ufb03",
    "\U0001f469\u200d\U0001f4bb\U0001f600 ok",
    "\ufeffBOM, \ufffd once",
    "T\u200dhis\u200b has\u00ad odd chars",
    "\u00c8 per\u00f2 cos\u00ec: \u00abl\u00e0\u00bb, PERCH\u00c9 \u00c8, pi\u00f9",
    "\u0130stanbul\u2019da \u011e\u00dc\u015e\u0130\u00d6\u00c7",
    "\u0160\u2013\u010c ir \u017e, \u0100\u0112\u012a\u016a, \u0137",
    "\u00e0 propos, \u00c0 propos; \u00e0 2 \u20ac",
};

START_TEST(leaves_right_text_alone)
{
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, 1 << 20);
        hp_str raw = hp_str_from(right[i]);
        struct hp_clean out = cleaned(raw, &alone, &arena);
        if (out.text.ptr != raw.ptr)
            ck_abort_msg("%s became %.*s", right[i], (int)out.text.len, out.text.ptr);
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(each_repaired_character_is_a_change_and_knows_its_source)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 1 << 20);
    // "a", e acute in two layers, "b", ellipsis, "c"
    hp_str raw = HP_S("a\u00c3\u0192\u00c2\u00a9b\u00e2\u20ac\u00a6c");
    struct hp_clean out = cleaned(raw, &alone, &arena);
    static const size_t spans[][4] = { { 0, 1, 0, 1 }, { 1, 3, 1, 9 }, { 3, 4, 9, 10 },
        { 4, 7, 10, 17 }, { 7, 8, 17, 18 }, { 2, 5, 1, 17 } };
    ck_assert(hp_str_is(out.text, "a\u00e9b\u2026c"));
    ck_assert_uint_eq(out.changes[HP_FIX_MOJIBAKE], 2);
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        size_t start, end;
        hp_clean_source(&out, spans[i][0], spans[i][1], &start, &end);
        ck_assert(start == spans[i][2] && end == spans[i][3]);
    }
    hp_arena_done(&arena);
}
END_TEST

// --- the search ----------------------------------------------------------------------------------

// The automaton over all characters, one after the other: where the first rule is found to hold.
static size_t whole_automaton(hp_str s)
{
    uint8_t state = HP_MOJIBAKE_LINE_START;
    for (size_t at = 0, len; at < s.len; at += len) {
        uint32_t cp = hp_utf8_at(s, at, &len);
        unsigned number = hp_mojibake_number(cp), class = hp_mojibake_chars[number].class;
        enum hp_category category = hp_unicode_category(cp);
        bool word = (category >= HP_CAT_LU && category <= HP_CAT_LO) || category == HP_CAT_N;
        if (number == 0 && word)
            class = HP_MOJIBAKE_OTHER_WORD;
        state = hp_mojibake_next[state][class];
        if (state == HP_MOJIBAKE_FOUND)
            return at + len;
    }
    return s.len + 1;
}

static void check_search(hp_str s)
{
    size_t plain = hp_mojibake_find_plain(s, 0, s.len), end = whole_automaton(s);
    size_t fast = hp_mojibake_find(s, 0, s.len);
    if (fast != plain)
        ck_abort_msg("fast: %zu, plain: %zu: %.*s", fast, plain, (int)s.len, s.ptr);
    if ((plain < s.len) != (end <= s.len) || (end <= s.len && plain >= end))
        ck_abort_msg("a pair at %zu, a rule at %zu: %.*s", plain, end, (int)s.len, s.ptr);
}

static uint32_t named_char(size_t which)
{
    static uint32_t all[HP_MOJIBAKE_CHARS];
    if (all[2] == 0) // number 1 is NUL
        for (uint32_t cp = 0; cp < 0x10000; cp++)
            all[hp_mojibake_number(cp)] = cp;
    return which == 0 ? 0x6f22 : all[which]; // a word character that has no number
}

static size_t pad(char *out, const char *with)
{
    memcpy(out, with, strlen(with));
    return strlen(with);
}

START_TEST(finds_every_pair_that_the_automaton_finds)
{
    static const char *const before[] = { "", "text, and more than 32 bytes of it: ", "x\n",
        "\u0413\u045e" };
    static const char *const behind = "\u0412a and plain text behind it, over 32 bytes";
    char text[128];
    for (size_t a = 0; a < HP_MOJIBAKE_CHARS; a++)
        for (size_t b = 0; b < HP_MOJIBAKE_CHARS; b++) {
            size_t len = pad(text, before[(a + b) % 4]);
            len += hp_utf8_put(text + len, named_char(a));
            len += hp_utf8_put(text + len, named_char(b));
            len += pad(text + len, behind + (a + b / 4) % 4 / 3 * 2);
            check_search((hp_str){ text, len });
        }
}
END_TEST

// Texts of few kinds of characters, so that rules hold often.
static hp_str random_named(struct random *random, char *out, size_t count)
{
    uint32_t kinds[6];
    size_t len = 0;
    for (size_t i = 0; i < 6; i++)
        kinds[i] = random_below(random, 4) ? named_char(random_below(random, HP_MOJIBAKE_CHARS))
                                           : (uint32_t) "a \n?B"[random_below(random, 5)];
    while (count-- > 0)
        len += hp_utf8_put(out + len, kinds[random_below(random, 6)]);
    return (hp_str){ out, len };
}

// A text of random parts that was read wrongly up to three times.
static hp_str random_damaged(struct random *random, char *out, size_t size, char *space)
{
    size_t len = random_text(random, out, 1 + random_below(random, 12), 4);
    for (uint32_t layer = random_below(random, 4); layer > 0 && len * 3 < size; layer--) {
        uint32_t encoding = random_below(random, HP_MOJIBAKE_ENCODINGS);
        size_t grown = 0;
        for (size_t i = 0; i < len; i++) {
            size_t n = 1;
            while (hp_mojibake_bytes[encoding][n] != (unsigned char)out[i] ||
                   !(hp_mojibake_chars[n].encodings >> encoding & 1))
                n++;
            grown += hp_utf8_put(space + grown, named_char(n));
        }
        memcpy(out, space, grown);
        len = grown;
    }
    return (hp_str){ out, len };
}

START_TEST(the_fast_search_agrees_with_the_plain_one_and_the_automaton)
{
    static char text[1024];
    struct random random = { 1 };
    for (int round = 0; round < rounds(100000); round++)
        check_search(random_named(&random, text, random_below(&random, 60)));
}
END_TEST

START_TEST(the_baseline_processor_finds_the_same)
{
    static char text[1024];
    struct random random = { 2 };
    hp_cpu_limit(HP_CPU_BASELINE);
    for (int round = 0; round < rounds(10000); round++)
        check_search(random_named(&random, text, random_below(&random, 60)));
    hp_cpu_limit(HP_CPU_AVX512);
}
END_TEST

// --- what holds of any text ----------------------------------------------------------------------

static struct hp_clean_options options_of(uint32_t bits)
{
    struct hp_clean_options options = { .form = (int)(bits >> HP_FIXES) % 3 };
    for (int fix = 0; fix < HP_FIXES; fix++)
        options.on[fix] = bits >> fix & 1;
    options.on[HP_FIX_MOJIBAKE] = true;
    return options;
}

static void check_twice(hp_str raw, const struct hp_clean_options *options)
{
    struct hp_arena arena;
    hp_arena_init(&arena, NULL, 64 << 20);
    struct hp_clean once = cleaned(raw, options, &arena);
    const char *wrong = check_clean(raw, &once);
    if (!wrong && cleaned(once.text, options, &arena).text.ptr != once.text.ptr)
        wrong = "cleaning twice is not cleaning once";
    if (wrong)
        ck_abort_msg("%s: %.*s", wrong, (int)raw.len, raw.ptr);
    hp_arena_done(&arena);
}

START_TEST(repaired_text_stays_as_it_is_whatever_else_is_on)
{
    static char text[16384], space[16384];
    struct random random = { 3 };
    for (int round = 0; round < rounds(30000); round++) {
        struct hp_clean_options options = round % 3 == 0 ? alone
                                          : round % 3 == 1
                                              ? hp_clean_standard
                                              : options_of(random_below(&random, 1u << 12));
        hp_str raw = round & 1 ? random_named(&random, text, random_below(&random, 60))
                               : random_damaged(&random, text, sizeof text, space);
        check_twice(raw, &options);
    }
}
END_TEST

// Each level comes to light only when the one inside it became a zero-width space and was removed.
START_TEST(text_that_takes_too_many_rounds_stays_as_it_is_too)
{
    static char text[4096];
    for (size_t levels = 1; levels < 40; levels++) {
        size_t len = 0;
        for (size_t i = 0; i < levels; i++)
            len += pad(text + len, "\u00e2");
        for (size_t i = 0; i < levels; i++)
            len += pad(text + len, "\u20ac\u2039");
        check_twice((hp_str){ text, len }, &hp_clean_standard);
    }
}
END_TEST

static const char *const hostile[] = { "\u00c3", "\u00c3\u201a", "\u00c2\u00ad", "\ufffd",
    "\xc2\x85", "\xc2\x81", "\u00c3\u00a9\u0436", "\u00c3 ", "\u00e2\u20ac\u00a8\u00c3\u00a9\u0436",
    "\u2554\u2550", "\u0153 ", "\u00e2\u20ac\u2039", "\u00c3\u00a9\n" };

static size_t repeat(char *out, size_t bytes, hp_str unit)
{
    size_t filled = 0;
    for (; unit.len > 0 && filled + unit.len <= bytes; filled += unit.len)
        memcpy(out + filled, unit.ptr, unit.len);
    return filled;
}

// CPU time for `unit` over and over; or for its first character and then for its others so often.
static double work(hp_str unit, size_t bytes, bool apart)
{
    char *text = malloc(bytes);
    size_t first = unit.len, filled;
    ck_assert_ptr_nonnull(text);
    if (apart)
        hp_utf8_at(unit, 0, &first);
    filled = repeat(text, apart ? bytes / 2 : bytes, (hp_str){ unit.ptr, first });
    if (apart)
        filled += repeat(text + filled, bytes / 2, (hp_str){ unit.ptr + first, unit.len - first });
    double best = 1e12;
    for (int round = 0; round < 5; round++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, (size_t)1 << 30);
        uint64_t from = hp_thread_cpu_ns();
        cleaned((hp_str){ text, filled }, &alone, &arena);
        double took = (double)(hp_thread_cpu_ns() - from);
        best = took < best ? took : best;
        hp_arena_done(&arena);
    }
    free(text);
    return best;
}

START_TEST(hostile_texts_cost_linear_time)
{
    if (SANITIZED)
        return;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile * 2; i++) {
        hp_str unit = hp_str_from(hostile[i / 2]);
        double small = work(unit, 64 << 10, i & 1), large = work(unit, 256 << 10, i & 1);
        if (large > small * 4 * 2)
            ck_abort_msg("%s: %.1f times the time for 4 times the text", unit.ptr, large / small);
    }
}
END_TEST

START_TEST(a_deadline_that_passed_stops_a_long_line)
{
    static char text[1 << 20];
    struct hp_arena arena;
    struct hp_clean out;
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_deadline soon = { hp_now_ns() + 2 * HP_NS_PER_MS };
    hp_arena_init(&arena, NULL, 1 << 28);
    size_t half = sizeof text / 2;
    for (size_t i = 0; i < half; i += 2)
        memcpy(text + i, "\u00c2", 2), memcpy(text + half + i, "\u00ad", 2);
    uint64_t from = hp_thread_cpu_ns();
    ck_assert_int_eq(
        hp_clean((hp_str){ text, sizeof text }, &alone, &arena, &soon, &out, &fault), HP_DEADLINE);
    uint64_t stopped = hp_thread_cpu_ns() - from;
    cleaned((hp_str){ text, sizeof text }, &alone, &arena);
    ck_assert_uint_lt(stopped * 2, hp_thread_cpu_ns() - from - stopped);
    hp_arena_done(&arena);
}
END_TEST

START_TEST(memory_that_runs_out_is_an_error)
{
    bool done = false;
    for (unsigned fail = 1; !done; fail++) {
        struct hp_arena arena;
        struct hp_clean out;
        struct hp_fault fault = HP_FAULT_NONE;
        hp_arena_init(&arena, NULL, 1 << 20);
        arena.fail_after = fail;
        enum hp_code code =
            hp_clean(hp_str_from(rows[0].raw), &alone, &arena, &never, &out, &fault);
        done = code == HP_OK;
        ck_assert(done || code == HP_OVERLOADED);
        ck_assert(fail > 1 || !done);
        hp_arena_done(&arena);
    }
}
END_TEST

TESTS("mojibake", repairs_what_was_read_in_the_wrong_encoding, leaves_right_text_alone,
    each_repaired_character_is_a_change_and_knows_its_source,
    finds_every_pair_that_the_automaton_finds,
    the_fast_search_agrees_with_the_plain_one_and_the_automaton,
    the_baseline_processor_finds_the_same, repaired_text_stays_as_it_is_whatever_else_is_on,
    text_that_takes_too_many_rounds_stays_as_it_is_too, hostile_texts_cost_linear_time,
    a_deadline_that_passed_stops_a_long_line, memory_that_runs_out_is_an_error)
