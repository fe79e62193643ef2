// score.c -- MB/s of analysing and counting documents of about 1 KB, made here: words of a random
// vocabulary, drawn after Zipf, with English stop words between them. The plain way (every word by
// UAX #29, folded, stemmed and compared) beside the fast one on each kind of machine. CPU time,
// best of ROUNDS.
#include "hotpathd/cpu.h"
#include "rank/select.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DOCUMENTS = 1000,
    DOCUMENT_BYTES = 1100,
    ROUNDS = 9,
    PROFILED = 1000,
    VOCABULARY = 6000,
    WORD_MAX = 64
};

static uint64_t seed = 1;

static uint32_t random_below(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

struct kind {
    const char *name, *analyzer, *query;
    const char *const *syllables, *const *stops;
    const char *between, *end;
};

static const char *const latin[] = { "ta", "ri", "on", "be", "st", "al", "ing", "er", "mo", "ne",
    "pra", "lu", "ti", "ve", "co", "es", "ed", "is", "po", "ha", "wi", "sy", "de", "un", NULL };
static const char *const accented[] = { "tä", "ri", "ön", "be", "st", "al", "ung", "er", "mü", "ne",
    "schlo", "ßen", "ti", "ve", "es", "en", "is", "po", "ha", "wi", "de", "un", NULL };
static const char *const cyrillic[] = { "та", "ри", "он", "бе", "ст", "ал", "ие", "ер", "мо", "не",
    "пра", "лу", "ти", "ве", "ко", "ов", "ый", "ость", "по", "за", NULL };
static const char *const han[] = { "东", "西", "南", "北", "中", "山", "水", "人", "大", "小", "上",
    "下", "学", "生", "国", "家", "时", "间", "工", "作", "天", "地", "文", "字", NULL };
static const char *const english_stops[] = { "the", "of", "and", "to", "in", "a", "is", "that",
    "for", "it", "with", "as", "was", "on", "be", "by", NULL };
static const char *const curly_stops[] = { "the", "it\u2019s", "\u201cof\u201d", "and",
    "don\u2019t", "to", "in", "a", "\u2014", "that", "for", NULL };
static const char *const no_stops[] = { "и", "в", NULL };

static const struct kind kinds[5] = {
    { "english", "english", "tarion bestal coveres", latin, english_stops, " ", ". " },
    { "english, curly quotes", "english", "tarion bestal coveres", latin, curly_stops, " ", ". " },
    { "german", "german", "tärion bestal münes", accented, english_stops, " ", ". " },
    { "russian", "russian", "тарион бестал ковеов", cyrillic, no_stops, " ", ". " },
    { "chinese", "simple", "东西南北 学生", han, han, "", "。" },
};

static size_t count_of(const char *const *list)
{
    size_t count = 0;
    while (list[count])
        count++;
    return count;
}

static const char *pick(const char *const *list)
{
    return list[random_below((uint32_t)count_of(list))];
}

// Rank r with a weight of about 1/r: the product of two even draws leans to the front.
static size_t draw(size_t n)
{
    return (size_t)((uint64_t)random_below((uint32_t)n) * random_below((uint32_t)n) / n);
}

static hp_str document(const struct kind *kind, char (*words)[WORD_MAX], char *at)
{
    size_t len = 0;
    while (len < DOCUMENT_BYTES) {
        const char *word = random_below(5) < 2 ? pick(kind->stops) : words[draw(VOCABULARY)];
        const char *behind = random_below(12) ? kind->between : kind->end;
        len += (size_t)sprintf(at + len, "%s%s", word, behind);
    }
    return (hp_str){ at, len };
}

static void make_words(const struct kind *kind, char (*words)[WORD_MAX])
{
    for (size_t i = 0; i < VOCABULARY; i++) {
        words[i][0] = '\0';
        for (uint32_t left = 1 + random_below(4); left; left--)
            strcat(words[i], pick(kind->syllables));
    }
}

typedef enum hp_code (*adder)(struct hp_counts *counts, const hp_str *field, size_t fields,
    const struct hp_deadline *deadline, struct hp_fault *fault);

static uint64_t time_once(const struct kind *kind, const hp_str *documents, adder add)
{
    static struct hp_terms terms;
    static struct hp_counts counts;
    static const struct hp_deadline never = { 0 };
    struct hp_arena arena;
    struct hp_analyzer analyzer;
    struct hp_analysed found;
    struct hp_fault fault;
    hp_arena_init(&arena, NULL, (size_t)1 << 30);
    uint64_t from = hp_thread_cpu_ns();
    bool failed = hp_analyzer_open(hp_str_from(kind->analyzer), "", &analyzer, &fault) ||
                  hp_terms_init(&terms, &analyzer, 64, &arena, &fault) ||
                  hp_terms_add(&terms, hp_str_from(kind->query), NULL, "", &found, &fault) ||
                  hp_counts_init(&counts, &terms, &arena, &fault);
    for (size_t i = 0; i < DOCUMENTS && !failed; i++)
        failed = add(&counts, &documents[i], 1, &never, &fault);
    if (failed)
        exit(EXIT_FAILURE);
    uint64_t ns = hp_thread_cpu_ns() - from;
    hp_counts_done(&counts);
    hp_analyzer_close(&analyzer);
    hp_arena_done(&arena);
    return ns;
}

static void row(const struct kind *kind, const char *how, const hp_str *documents, adder add)
{
    uint64_t best = UINT64_MAX;
    size_t bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t ns = time_once(kind, documents, add);
        best = ns < best ? ns : best;
    }
    for (size_t i = 0; i < DOCUMENTS; i++)
        bytes += documents[i].len;
    printf("%-22s %-9s %8.3f ms %8.0f MB/s\n", kind->name, how, (double)best / 1e6,
        (double)bytes * 1e3 / (double)best);
}

// With the name of a kind, that one alone, the fast way, until somebody has had a look at it.
int main(int argc, char **argv)
{
    static char words[VOCABULARY][WORD_MAX], text[DOCUMENTS][DOCUMENT_BYTES + 2 * WORD_MAX];
    static hp_str documents[DOCUMENTS];
    const enum hp_cpu best = hp_cpu();
    printf("%d documents of %d bytes, a query of three words\n", DOCUMENTS, DOCUMENT_BYTES);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (argc > 1 && strcmp(argv[1], kinds[k].name) != 0)
            continue;
        make_words(&kinds[k], words);
        for (size_t i = 0; i < DOCUMENTS; i++)
            documents[i] = document(&kinds[k], words, text[i]);
        for (int i = 0; argc > 1 && i < PROFILED; i++)
            time_once(&kinds[k], documents, hp_counts_add);
        row(&kinds[k], "plain", documents, hp_counts_add_plain);
        for (enum hp_cpu cpu = HP_CPU_BASELINE; cpu <= best; cpu++) {
            hp_cpu_limit(cpu);
            row(&kinds[k], hp_cpu_name(cpu), documents, hp_counts_add);
        }
    }
    return 0;
}
