// test_tokens.c -- token counts against tiktoken's (tests/data/tokens.tsv) and against the
// definition. Tests that need a vocabulary take it from $HOTPATHD_VOCAB, else build/vocab, and are
// skipped without.
#include "text/tokens.h"

#include "hotpathd/cpu.h"
#include "text/encoded.h"
#include "text/pretoken.h"
#include "hotpathd/utf8.h"
#include "text/window.h"
#include "text/words.h"

#include "test.h"
#include "token_ranks.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const enum hp_encoding exact[] = { HP_O200K_BASE, HP_CL100K_BASE };

static const char *vocab_folder(void)
{
    const char *folder = getenv("HOTPATHD_VOCAB");
    return folder ? folder : "build/vocab";
}

// NULL, and a line that says so, where it is not installed.
static struct hp_vocab *vocab_or_skip(enum hp_encoding encoding)
{
    struct hp_fault fault;
    struct hp_vocab *vocab = hp_vocab_open(vocab_folder(), encoding, &fault);
    ck_assert_msg(fault.code == HP_OK, "%s", fault.detail);
    if (!vocab)
        fprintf(stderr, "test_tokens: skipped, no %s in %s (make vocab)\n",
            hp_encoding_name(encoding), vocab_folder());
    return vocab;
}

// --- texts ---------------------------------------------------------------------------------------

enum { ROWS = 128, TEXT_MAX = 8192 };

static const struct hp_deadline never;

struct row {
    char text[TEXT_MAX];
    size_t len;
    char ranks[2][TEXT_MAX];
};

static size_t unescape(const char *in, char *out)
{
    size_t len = 0;
    for (; *in; in++) {
        unsigned byte;
        if (*in == '\\' && sscanf(in, "\\x%2x", &byte) == 1) {
            out[len++] = (char)byte;
            in += 3;
        } else {
            out[len++] = *in;
        }
    }
    return len;
}

static size_t read_rows(struct row *rows)
{
    static char line[4 * TEXT_MAX], text[TEXT_MAX];
    FILE *file = fopen("tests/data/tokens.tsv", "r");
    ck_assert_msg(file != NULL, "run from the root of the tree");
    size_t count = 0;
    while (fgets(line, sizeof line, file)) {
        struct row *row = &rows[count];
        if (line[0] == '#' && line[1] == ' ')
            continue;
        line[strcspn(line, "\n")] = '\0';
        char *at = line;
        strcpy(text, strsep(&at, "\t"));
        strcpy(row->ranks[0], strsep(&at, "\t"));
        strcpy(row->ranks[1], at);
        row->len = unescape(text, row->text);
        count++;
    }
    fclose(file);
    ck_assert_uint_gt(count, 35);
    return count;
}

static uint64_t random_state;

static size_t random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

// Pieces that lie on the seams of both expressions.
static const char *const seams[] = { "a", "B", "c", " ", "  ", "\t", "\n", "\r\n", "1", "23", "'s",
    "'LL", "'", "!", "/", "//", "-", "\xc3\xa9", "\xcc\x81", "\xe6\xbc\xa2", "\xe5\xad\x97",
    "\xd0\xaf", "\xc7\x85", "\xc2\xa0", "\xe3\x80\x80", "\xe2\x80\xa8", "\xf0\x9f\x98\x80",
    "\xc5\xbf", "\xc2\xb2", "the", " the", "tion", "\xe0\xa4\x95", "\xe0\xa5\x8d",
    "\xf0\x9d\x94\x98", "\xe2\x80\x8d" };

static hp_str random_text(char *out, size_t max)
{
    size_t len = 0, kinds = 1 + random_below(10), pool[10];
    for (size_t i = 0; i < kinds; i++)
        pool[i] = random_below(sizeof seams / sizeof *seams);
    while (len + 8 < max) {
        const char *part = seams[pool[random_below(kinds)]];
        memcpy(out + len, part, strlen(part));
        len += strlen(part);
    }
    return (hp_str){ out, len };
}

static struct hp_tokens *encode(const struct hp_vocab *vocab, hp_str text, struct hp_arena *arena)
{
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_tokens *tokens;
    hp_arena_init(arena, NULL, 1 << 28);
    ck_assert_int_eq(hp_tokens_encode(vocab, text, arena, &never, &tokens, &fault), HP_OK);
    return tokens;
}

static size_t random_edge(hp_str text)
{
    size_t at = random_below(text.len + 1);
    while (at < text.len && hp_utf8_continues(text.ptr[at]))
        at++;
    return at;
}

// --- properties ----------------------------------------------------------------------------------

static void check_parts(const struct hp_vocab *vocab, hp_str text, size_t tries)
{
    struct hp_arena arena;
    struct hp_tokens *tokens = encode(vocab, text, &arena);
    struct hp_fault fault;
    size_t total;
    ck_assert_uint_eq(hp_tokens_all(tokens), hp_tokens_reference(vocab, text));
    ck_assert_int_eq(hp_tokens_total(vocab, text, &arena, &never, &total, &fault), HP_OK);
    ck_assert_uint_eq(hp_tokens_all(tokens), total);
    for (size_t i = 0; i < tries; i++) {
        size_t a = random_edge(text), b = random_edge(text);
        size_t start = a < b ? a : b, end = a < b ? b : a;
        hp_str part = { text.ptr + start, end - start };
        ck_assert_uint_eq(hp_tokens_count(tokens, start, end), hp_tokens_reference(vocab, part));
    }
    hp_arena_done(&arena);
}

static void check_reach(const struct hp_vocab *vocab, hp_str text, size_t starts)
{
    struct hp_arena arena;
    struct hp_tokens *tokens = encode(vocab, text, &arena);
    for (size_t start = 0, step; start < starts; start += step) {
        hp_utf8_at(text, start, &step);
        for (size_t max = 0; max < 12; max += 1 + max / 4) {
            size_t far = hp_tokens_reach(tokens, start, max);
            ck_assert_uint_ge(far, start);
            ck_assert_uint_le(far, text.len);
            for (size_t end = far + 1; end <= text.len; end++)
                if (end == text.len || ((unsigned char)text.ptr[end] & 0xc0) != 0x80)
                    ck_assert_uint_gt(hp_tokens_count(tokens, start, end), max);
        }
    }
    hp_arena_done(&arena);
}

static void each_encoding(void (*check)(const struct hp_vocab *vocab))
{
    for (size_t i = 0; i < 2; i++) {
        struct hp_vocab *vocab = vocab_or_skip(exact[i]);
        if (vocab)
            check(vocab);
        hp_vocab_close(vocab);
    }
}

// --- windows -------------------------------------------------------------------------------------

static const enum hp_cpu levels[] = { HP_CPU_BASELINE, HP_CPU_AVX2, HP_CPU_AVX512 };

// Every border that a window finds is the plain one's, and it leaves none out. Returns how many it
// found.
static size_t check_windows(enum hp_encoding encoding, hp_str text)
{
    hp_window_fn *window = hp_window_best();
    size_t found = 0;
    for (size_t at = 0; at < text.len;) {
        size_t next = hp_pretoken_end(encoding, text, at);
        if (text.len - at >= HP_WINDOW) {
            uint64_t borders = window(encoding, text.ptr + at);
            size_t end = at;
            for (borders &= borders - 1; borders; borders &= borders - 1) {
                end = hp_pretoken_end(encoding, text, end);
                if (end - at != (size_t)__builtin_ctzll(borders))
                    ck_abort_msg("a border too many or too few");
                found++;
            }
            next = end > at ? end : next;
        }
        at = next;
    }
    return found;
}

static size_t check_all_windows(hp_str text)
{
    size_t found = 0;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        hp_cpu_limit(levels[i]);
        for (size_t k = 0; k < 2; k++)
            found += check_windows(exact[k], text);
    }
    hp_cpu_limit(HP_CPU_AVX512);
    return found;
}

START_TEST(windows_find_the_borders_that_the_plain_matcher_finds)
{
    static char bytes[700];
    size_t found = 0;
    random_state = 5;
    for (size_t i = 0; i < 1000; i++)
        found += check_all_windows(random_text(bytes, 80 + random_below(sizeof bytes - 80)));
    ck_assert_uint_gt(found, 50000); // it does find some
}
END_TEST

// Asks for windows with borders anywhere until enough words wait, and looks at these.
static size_t ask_and_look(
    const struct hp_vocab *vocab, const char *bytes, uint64_t *longer, struct hp_words *words)
{
    const struct hp_words_how *how = hp_words_best();
    size_t unknown = 0;
    words->count = 0;
    for (uint32_t at = 0; words->count < HP_WORDS_WAITING && at < 8 * HP_WINDOW; at += HP_WINDOW) {
        uint64_t borders = 1;
        for (size_t i = random_below(30); i > 0; i--)
            borders |= (uint64_t)1 << random_below(HP_WINDOW);
        *longer++ = how->ask(words, vocab, bytes + at, at, borders);
    }
    for (size_t from = 0; from < words->count; from += 64) {
        *longer = how->unknown(words, vocab, from);
        unknown += hp_bit_count(*longer++);
    }
    return unknown;
}

static void words_of_random_windows(const struct hp_vocab *vocab)
{
    enum { BYTES = 9 * HP_WINDOW, MASKS = 10 };
    static char bytes[BYTES];
    static struct hp_words plain, fast;
    size_t known = 0, unknown = 0;
    for (uint32_t round = 1; round <= 300; round++) {
        random_state = round;
        hp_str text = random_text(bytes, BYTES);
        memset(bytes + text.len, ' ', BYTES - text.len);
        for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
            uint64_t want[MASKS] = { 0 }, found[MASKS] = { 0 };
            hp_cpu_limit(HP_CPU_BASELINE);
            random_state = round;
            size_t missing = ask_and_look(vocab, bytes, want, &plain);
            hp_cpu_limit(levels[i]);
            random_state = round;
            ck_assert_uint_eq(ask_and_look(vocab, bytes, found, &fast), missing);
            ck_assert_int_eq(memcmp(want, found, sizeof want), 0);
            ck_assert_uint_eq(plain.count, fast.count);
            ck_assert_int_eq(memcmp(plain.key, fast.key, plain.count * sizeof *plain.key), 0);
            ck_assert_int_eq(memcmp(plain.behind, fast.behind, plain.count * sizeof *plain.at), 0);
            ck_assert_int_eq(memcmp(plain.at, fast.at, plain.count * sizeof *plain.at), 0);
            known += plain.count - missing;
            unknown += missing;
        }
    }
    hp_cpu_limit(HP_CPU_AVX512);
    ck_assert(known > 1000 && unknown > 1000);
}

START_TEST(words_side_by_side_are_looked_up_as_one_after_the_other)
{
    each_encoding(words_of_random_windows);
}
END_TEST

// Each with letters, digits, signs, blanks and line ends on both sides.
START_TEST(windows_take_every_code_point)
{
    static const char *const around[] = { "aB", "1 ", " ", "\n", "x I'", "s'", "/", "\xe6\xbc\xa2",
        "A", "" };
    static char bytes[160];
    for (uint32_t c = 1; c < 0x110000; c++) {
        char one[4];
        if (c == 0xd800)
            c = 0xe000;
        size_t size = hp_utf8_put(one, c), len = 0;
        for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
            memcpy(bytes + len, one, size);
            memcpy(bytes + len + size, around[i], strlen(around[i]));
            len += size + strlen(around[i]);
        }
        memset(bytes + len, 'x', HP_WINDOW);
        for (size_t k = 0; k < 2; k++)
            check_windows(exact[k], (hp_str){ bytes, len + HP_WINDOW });
    }
}
END_TEST

// --- tokens --------------------------------------------------------------------------------------

static void golden(const struct hp_vocab *vocab)
{
    static struct row rows[ROWS];
    static uint32_t ranks[TEXT_MAX];
    static char shown[8 * TEXT_MAX];
    size_t count = read_rows(rows);
    for (size_t i = 0; i < count; i++) {
        hp_str text = { rows[i].text, rows[i].len };
        size_t found = token_ranks(vocab, text, ranks, TEXT_MAX), len = 0;
        shown[0] = '\0';
        for (size_t k = 0; k < found; k++)
            len += (size_t)sprintf(shown + len, k ? " %u" : "%u", ranks[k]);
        ck_assert_str_eq(shown, rows[i].ranks[vocab->encoding]);
        ck_assert_uint_eq(hp_tokens_reference(vocab, text), found);
    }
}

START_TEST(finds_the_tokens_that_tiktoken_finds)
{
    each_encoding(golden);
}
END_TEST

static void parts_of_random_texts(const struct hp_vocab *vocab)
{
    static char bytes[500];
    for (size_t i = 0; i < 300; i++)
        check_parts(vocab, random_text(bytes, 16 + random_below(sizeof bytes - 16)), 20);
}

START_TEST(counts_any_part_as_if_it_stood_alone)
{
    random_state = 88172645463325252u;
    each_encoding(parts_of_random_texts);
    parts_of_random_texts(NULL);
}
END_TEST

static void parts_of_golden_texts(const struct hp_vocab *vocab)
{
    static struct row rows[ROWS];
    static char bytes[ROWS * TEXT_MAX];
    size_t count = read_rows(rows), len = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(bytes + len, rows[i].text, rows[i].len);
        len += rows[i].len;
    }
    check_parts(vocab, (hp_str){ bytes, len }, 500);
}

START_TEST(counts_any_part_of_real_text)
{
    random_state = 1234567;
    each_encoding(parts_of_golden_texts);
}
END_TEST

// One pre-token far longer than what is looked at as a whole.
static void parts_of_long_pieces(const struct hp_vocab *vocab)
{
    static char bytes[3000];
    static const char *const letters[] = { "a", "b", "ab", "the", "\xe6\xbc\xa2", "\xe5\xad\x97",
        "\xe4\xb8\x80", "z", "q" };
    for (size_t i = 0; i < 12; i++) {
        size_t kinds = 1 + random_below(sizeof letters / sizeof *letters), len = 0;
        while (len + 8 < sizeof bytes) {
            const char *part = letters[random_below(kinds)];
            memcpy(bytes + len, part, strlen(part));
            len += strlen(part);
        }
        check_parts(vocab, (hp_str){ bytes, len }, 10);
    }
}

START_TEST(counts_any_part_of_a_long_piece)
{
    random_state = 424242;
    each_encoding(parts_of_long_pieces);
}
END_TEST

// A run of one sign with a few others in it: wherever a part begins it is out of step.
static void parts_of_runs(const struct hp_vocab *vocab)
{
    static char bytes[2500];
    static const char *const signs[] = { "a", "=", "\xe6\xbc\xa2", "ab", "\xcc\x81",
        "\xe2\x80\x8d" };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t step = strlen(signs[i]), len = 0;
        for (; len + step <= sizeof bytes; len += step)
            memcpy(bytes + len, signs[i], step);
        check_parts(vocab, (hp_str){ bytes, len }, 15);
        for (size_t k = 0; k < 4; k++)
            bytes[random_below(len / step) * step] = 'q';
        if (hp_utf8_valid((hp_str){ bytes, len }) == len)
            check_parts(vocab, (hp_str){ bytes, len }, 15);
    }
}

START_TEST(counts_any_part_of_a_run)
{
    random_state = 77;
    each_encoding(parts_of_runs);
}
END_TEST

// What the encoding says of a run, of parts of it, and of it between others, as merging does.
static void check_run(const struct hp_vocab *vocab, char byte, size_t len)
{
    static char bytes[3000];
    struct hp_arena arena;
    memset(bytes, byte, len);
    struct hp_tokens *tokens = encode(vocab, (hp_str){ bytes, len }, &arena);
    ck_assert_uint_eq(hp_tokens_all(tokens), hp_tokens_reference(vocab, (hp_str){ bytes, len }));
    for (size_t i = 0; i < 2; i++) {
        size_t start = random_below(len), end = start + random_below(len - start) + 1;
        hp_str part = { bytes + start, end - start };
        ck_assert_uint_eq(hp_tokens_count(tokens, start, end), hp_tokens_reference(vocab, part));
    }
    hp_arena_done(&arena);
    bytes[len / 3] = "=-_ \n"[len % 5];
    check_parts(vocab, (hp_str){ bytes, len }, 1);
}

static void runs_of_every_byte(const struct hp_vocab *vocab)
{
    static const size_t lens[] = { 1111 };
    for (int byte = 0; byte < 0x80; byte += SANITIZED ? 5 : 1) {
        for (size_t len = 1; len <= 600; len += 1 + random_below(60))
            check_run(vocab, (char)byte, len);
        for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
            check_run(vocab, (char)byte, lens[i]);
    }
    for (const char *sign = "-"; *sign; sign++)
        for (size_t len = 1; len <= 600; len += SANITIZED ? 7 : 1)
            check_run(vocab, *sign, len);
}

START_TEST(counts_a_run_of_any_byte_of_any_length)
{
    random_state = 600;
    each_encoding(runs_of_every_byte);
}
END_TEST

static void reach_of_random_texts(const struct hp_vocab *vocab)
{
    static char bytes[100];
    for (size_t i = 0; i < 25; i++) {
        hp_str text = random_text(bytes, 12 + random_below(sizeof bytes - 12));
        check_reach(vocab, text, text.len);
    }
    static char run[HP_LONG_PIECE + 60];
    static const char units[] = "a \n!1";
    for (size_t i = 0; units[i]; i++) {
        memset(run, units[i], sizeof run);
        run[3] = 'x', run[4] = ' ';
        check_reach(vocab, (hp_str){ run, sizeof run }, 8);
    }
}

START_TEST(no_end_beyond_reach_fits)
{
    random_state = 777;
    each_encoding(reach_of_random_texts);
    reach_of_random_texts(NULL);
}
END_TEST

// Reach is worth something only where it is near: within 3 pre-tokens for prose.
static void reach_is_near(const struct hp_vocab *vocab)
{
    static char bytes[20000];
    static const char sentence[] =
        "The lift of a thin wing depends on its angle, and so does the drag. ";
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = sentence[i % (sizeof sentence - 1)];
    struct hp_arena arena;
    struct hp_tokens *tokens = encode(vocab, (hp_str){ bytes, sizeof bytes }, &arena);
    for (size_t start = 0; start < 10000; start += 7) {
        size_t far = hp_tokens_reach(tokens, start, 100);
        ck_assert_uint_gt(hp_tokens_count(tokens, start, far), 95);
        ck_assert_uint_le(hp_tokens_count(tokens, start, far), 104);
    }
    hp_arena_done(&arena);
}

START_TEST(reach_is_tight_in_prose)
{
    each_encoding(reach_is_near);
}
END_TEST

// --- time ----------------------------------------------------------------------------------------

enum { HALF = 1 << 17, TIMINGS = 3, ATTEMPTS = 8 };

static uint64_t thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t time_once(const struct hp_vocab *vocab, hp_str text)
{
    struct hp_arena arena;
    uint64_t from = thread_ns();
    encode(vocab, text, &arena);
    uint64_t ns = thread_ns() - from;
    hp_arena_done(&arena);
    return ns;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// How much longer twice the text takes, the two taking turns: 2 where time is linear, 4 where it is
// quadratic.
static double doubling(const struct hp_vocab *vocab, hp_str text)
{
    uint64_t half[TIMINGS], whole[TIMINGS];
    for (size_t i = 0; i < TIMINGS; i++) {
        half[i] = time_once(vocab, (hp_str){ text.ptr, text.len / 2 });
        whole[i] = time_once(vocab, text);
    }
    qsort(half, TIMINGS, sizeof *half, by_size);
    qsort(whole, TIMINGS, sizeof *whole, by_size);
    return (double)whole[TIMINGS / 2] / (double)half[TIMINGS / 2];
}

// Each repeated, whole, to both sizes.
static const char *const units[] = { "a", "^", "_", " ", "\n", " \n", "\xcc\x81", "\xe2\x80\x8d",
    "a1", "aB", "\xe6\xbc\xa2\x41", "'s", "a\xcc\x81", "<|endoftext|>", "0f3e9a",
    "\xf0\x9f\x98\x80", "\xe6\xbc\xa2",
    "The lift of a thin wing depends on its angle, and so does the drag. " };

static hp_str repeated(char *bytes, const char *unit)
{
    size_t step = strlen(unit), half = HALF / step * step;
    for (size_t len = 0; len < 2 * half; len += step)
        memcpy(bytes + len, unit, step);
    return (hp_str){ bytes, 2 * half };
}

static hp_str like_base64(char *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < (size_t)2 * HALF; i++)
        bytes[i] = digits[random_below(64)];
    return (hp_str){ bytes, (size_t)2 * HALF };
}

static void time_is_linear(const struct hp_vocab *vocab, hp_str text, const char *name)
{
    double ratio = doubling(vocab, text);
    for (int i = 1; i < ATTEMPTS && ratio > 2.8; i++)
        ratio = doubling(vocab, text);
    ck_assert_msg(ratio <= 2.8, "twice \"%s\" takes %.2f times as long", name, ratio);
}

static void each_unit_is_linear(const struct hp_vocab *vocab)
{
    char *bytes = malloc((size_t)2 * HALF);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        time_is_linear(vocab, repeated(bytes, units[i]), units[i]);
    time_is_linear(vocab, like_base64(bytes), "base64");
    free(bytes);
}

START_TEST(twice_the_text_takes_twice_the_time)
{
    if (SANITIZED)
        return;
    random_state = 31337;
    each_encoding(each_unit_is_linear);
    each_unit_is_linear(NULL);
}
END_TEST

// How much longer a run of one sign takes than prose that is as long.
static double beside_prose(const struct hp_vocab *vocab, hp_str run, hp_str prose)
{
    uint64_t ours[TIMINGS], theirs[TIMINGS];
    for (size_t i = 0; i < TIMINGS; i++) {
        ours[i] = time_once(vocab, run);
        theirs[i] = time_once(vocab, prose);
    }
    qsort(ours, TIMINGS, sizeof *ours, by_size);
    qsort(theirs, TIMINGS, sizeof *theirs, by_size);
    return (double)ours[TIMINGS / 2] / (double)theirs[TIMINGS / 2];
}

static void runs_are_cheap(const struct hp_vocab *vocab)
{
    enum { RATIO = 60 };
    char *bytes = malloc((size_t)2 * HALF), *prose = malloc((size_t)2 * HALF);
    ck_assert(bytes && prose);
    hp_str beside = repeated(prose, units[sizeof units / sizeof *units - 1]);
    for (char byte = 1; byte > 0 && byte < 0x7f; byte++) {
        double ratio = RATIO + 1;
        memset(bytes, byte, beside.len);
        for (int i = 0; i < ATTEMPTS && ratio > RATIO; i++)
            ratio = beside_prose(vocab, (hp_str){ bytes, beside.len }, beside);
        ck_assert_msg(ratio <= RATIO, "a run of %c takes %.0f times as long", byte, ratio);
    }
    free(bytes);
    free(prose);
}

START_TEST(a_run_of_one_sign_costs_what_a_text_costs)
{
    if (SANITIZED)
        return;
    each_encoding(runs_are_cheap);
}
END_TEST

// What 500 counts of 2000 bytes cost in a text that is one pre-token.
static uint64_t time_parts(const struct hp_vocab *vocab, hp_str text)
{
    struct hp_arena arena;
    struct hp_tokens *tokens = encode(vocab, text, &arena);
    size_t sum = 0;
    uint64_t from = thread_ns();
    for (size_t i = 0; i < 500; i++) {
        size_t start = random_below(text.len - 2000);
        sum += hp_tokens_count(tokens, start, start + 2000);
        sum += hp_tokens_reach(tokens, start, 50);
    }
    uint64_t ns = thread_ns() - from;
    ck_assert_uint_gt(sum, 0);
    hp_arena_done(&arena);
    return ns;
}

static void parts_are_cheap(const struct hp_vocab *vocab)
{
    enum { SMALL = 8000, LARGE = 64 * SMALL };
    char *bytes = malloc(LARGE);
    ck_assert_ptr_nonnull(bytes);
    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < LARGE; i++)
            bytes[i] = kind ? (char)('a' + random_below(26)) : 'a';
        double ratio = 9;
        for (int i = 0; i < ATTEMPTS && ratio > 4; i++) {
            uint64_t small = time_parts(vocab, (hp_str){ bytes, SMALL });
            ratio = (double)time_parts(vocab, (hp_str){ bytes, LARGE }) / (double)small;
        }
        ck_assert_msg(ratio <= 4, "64 times the piece: a count takes %.1f times as long", ratio);
    }
    free(bytes);
}

START_TEST(a_part_costs_the_same_however_long_the_piece_around_it)
{
    if (SANITIZED)
        return;
    random_state = 12;
    each_encoding(parts_are_cheap);
}
END_TEST

// --- threads -------------------------------------------------------------------------------------

struct job {
    const struct hp_vocab *vocab;
    hp_str text;
    size_t count;
};

// Threads that write and read the same remembered words, again and again, count alike.
static void *count_again(void *context)
{
    struct job *job = context;
    for (int i = 0; i < 20; i++) {
        struct hp_arena arena;
        struct hp_tokens *tokens = encode(job->vocab, job->text, &arena);
        size_t count = hp_tokens_all(tokens);
        hp_arena_done(&arena);
        if (i > 0 && count != job->count)
            count = SIZE_MAX;
        job->count = count;
    }
    return NULL;
}

static void count_in_threads(const struct hp_vocab *vocab)
{
    static char bytes[60000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(random_below(8) ? 'a' + random_below(26) : ' ');
    hp_str text = { bytes, sizeof bytes };
    struct job jobs[3];
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) {
        jobs[i] = (struct job){ vocab, text, 0 };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_again, &jobs[i]), 0);
    }
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(jobs[i].count, hp_tokens_reference(vocab, text));
}

START_TEST(threads_share_what_they_remember)
{
    random_state = 4711;
    each_encoding(count_in_threads);
}
END_TEST

// --- vocabularies --------------------------------------------------------------------------------

START_TEST(says_which_file_a_vocabulary_was_made_from)
{
    static const char *const sha256[] = {
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    };
    for (size_t i = 0; i < 2; i++) {
        struct hp_vocab *vocab = vocab_or_skip(exact[i]);
        if (vocab)
            ck_assert_str_eq(hp_vocab_sha256(vocab), sha256[i]);
        hp_vocab_close(vocab);
    }
}
END_TEST

START_TEST(a_missing_vocabulary_is_no_fault)
{
    struct hp_fault fault;
    ck_assert_ptr_null(hp_vocab_open("/nonexistent", HP_O200K_BASE, &fault));
    ck_assert_int_eq(fault.code, HP_OK);
}
END_TEST

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    ck_assert(file && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

START_TEST(refuses_a_damaged_or_truncated_vocabulary)
{
    struct hp_vocab *vocab = vocab_or_skip(HP_CL100K_BASE);
    if (!vocab)
        return;
    char folder[] = "/tmp/test_tokens.XXXXXX", path[64];
    struct hp_fault fault;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cl100k_base.vocab", folder);
    size_t size = vocab->head->bytes;
    char *copy = malloc(size);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, vocab->head, size);
    random_state = 99;
    for (size_t i = 0; i < 20; i++) {
        size_t at = i < 10 ? random_below(sizeof(struct hp_vocab_head)) : random_below(size);
        copy[at] ^= (char)(1u << random_below(8));
        write_file(path, copy, size);
        ck_assert_ptr_null(hp_vocab_open(folder, HP_CL100K_BASE, &fault));
        ck_assert_int_eq(fault.code, HP_INTERNAL);
        copy[at] = ((const char *)vocab->head)[at];
    }
    for (size_t i = 0; i < 15; i++) {
        size_t len = i < 10 ? i * 20 : random_below(size);
        write_file(path, copy, len);
        ck_assert_ptr_null(hp_vocab_open(folder, HP_CL100K_BASE, &fault));
        ck_assert_int_eq(fault.code, HP_INTERNAL);
    }
    write_file(path, copy, size);
    struct hp_vocab *whole = hp_vocab_open(folder, HP_CL100K_BASE, &fault);
    ck_assert_ptr_nonnull(whole);
    hp_vocab_close(whole);
    free(copy);
    remove(path);
    rmdir(folder);
    hp_vocab_close(vocab);
}
END_TEST

START_TEST(says_what_to_do_about_a_vocabulary_of_another_version)
{
    struct hp_vocab_head head = { .magic = "hpvocab", .version = HP_VOCAB_VERSION - 1 };
    char folder[] = "/tmp/test_tokens.XXXXXX", path[64];
    struct hp_fault fault;
    head.order = HP_VOCAB_ORDER;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cl100k_base.vocab", folder);
    write_file(path, &head, sizeof head);
    ck_assert_ptr_null(hp_vocab_open(folder, HP_CL100K_BASE, &fault));
    ck_assert_int_eq(fault.code, HP_INTERNAL);
    ck_assert_ptr_nonnull(strstr(fault.detail, "another version"));
    ck_assert_ptr_nonnull(strstr(fault.detail, "make vocab"));
    remove(path);
    rmdir(folder);
}
END_TEST

static void remembers(const struct hp_vocab *vocab)
{
    struct hp_arena arena;
    struct hp_remembered before = hp_vocab_remembered(vocab);
    encode(vocab,
        HP_S("xqzjw is no word, and neither is vbkpt, nor anything that pads the line out; "
             "it ends here, but not before it is longer than what a window reads."),
        &arena);
    hp_arena_done(&arena);
    struct hp_remembered after = hp_vocab_remembered(vocab);
    ck_assert_uint_eq(before.words, 0);
    ck_assert_uint_ge(after.words, 2);
    ck_assert_uint_le(after.words, after.most);
}

START_TEST(says_how_much_it_remembers)
{
    each_encoding(remembers);
}
END_TEST

START_TEST(fails_cleanly_when_memory_runs_out)
{
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_tokens *tokens;
    for (unsigned n = 1; n <= 5; n++) {
        struct hp_arena arena;
        hp_arena_init(&arena, NULL, 1 << 20);
        arena.fail_after = n;
        ck_assert_int_ne(
            hp_tokens_encode(NULL, HP_S("some text"), &arena, &never, &tokens, &fault), HP_OK);
        hp_arena_done(&arena);
    }
}
END_TEST

START_TEST(stops_at_its_deadline)
{
    static char bytes[100000];
    struct hp_fault fault = HP_FAULT_NONE;
    struct hp_deadline past = { 1 };
    struct hp_arena arena;
    struct hp_tokens *tokens;
    memset(bytes, ' ', sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i += 2)
        bytes[i] = 'x';
    hp_arena_init(&arena, NULL, 1 << 24);
    hp_str text = { bytes, sizeof bytes };
    ck_assert_int_eq(hp_tokens_encode(NULL, text, &arena, &past, &tokens, &fault), HP_DEADLINE);
    hp_arena_done(&arena);
}
END_TEST

TESTS("tokens", windows_find_the_borders_that_the_plain_matcher_finds,
    words_side_by_side_are_looked_up_as_one_after_the_other, windows_take_every_code_point,
    counts_any_part_of_a_run, counts_a_run_of_any_byte_of_any_length,
    a_run_of_one_sign_costs_what_a_text_costs,
    a_part_costs_the_same_however_long_the_piece_around_it, threads_share_what_they_remember,
    finds_the_tokens_that_tiktoken_finds, counts_any_part_as_if_it_stood_alone,
    counts_any_part_of_real_text, counts_any_part_of_a_long_piece, no_end_beyond_reach_fits,
    reach_is_tight_in_prose, twice_the_text_takes_twice_the_time,
    says_which_file_a_vocabulary_was_made_from, a_missing_vocabulary_is_no_fault,
    refuses_a_damaged_or_truncated_vocabulary, fails_cleanly_when_memory_runs_out,
    stops_at_its_deadline, says_what_to_do_about_a_vocabulary_of_another_version,
    says_how_much_it_remembers)
