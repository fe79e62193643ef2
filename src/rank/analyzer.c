// analyzer.c -- English by table; stems by libstemmer, which this folder alone knows.
#include "rank/analyzer.h"

#include <libstemmer.h>
#include <stdio.h>
#include <stdlib.h>

// --- English -------------------------------------------------------------------------------------

// Lucene's EnglishAnalyzer.ENGLISH_STOP_WORDS_SET, each word as a number in the slot that
// hp_english_stop_slot gives it: the factor was searched for until no two shared one.
#define C(letter, at) ((uint64_t)(letter) << (8 * (at)))
#define W1(a) C(a, 0)
#define W2(a, b) (W1(a) | C(b, 1))
#define W3(a, b, c) (W2(a, b) | C(c, 2))
#define W4(a, b, c, d) (W3(a, b, c) | C(d, 3))
#define W5(a, b, c, d, e) (W4(a, b, c, d) | C(e, 4))

const uint64_t hp_english_stops[64] = {
    [1] = W5('t', 'h', 'e', 'i', 'r'),
    [4] = W4('t', 'h', 'e', 'y'),
    [5] = W2('a', 's'),
    [8] = W3('f', 'o', 'r'),
    [9] = W3('n', 'o', 't'),
    [10] = W3('a', 'n', 'd'),
    [14] = W5('t', 'h', 'e', 's', 'e'),
    [16] = W2('i', 't'),
    [17] = W3('a', 'r', 'e'),
    [18] = W4('t', 'h', 'e', 'n'),
    [19] = W4('w', 'i', 'l', 'l'),
    [21] = W3('w', 'a', 's'),
    [22] = W2('a', 't'),
    [26] = W2('b', 'e'),
    [27] = W5('t', 'h', 'e', 'r', 'e'),
    [28] = W3('t', 'h', 'e'),
    [32] = W4('t', 'h', 'i', 's'),
    [33] = W2('o', 'f'),
    [34] = W4('w', 'i', 't', 'h'),
    [37] = W4('i', 'n', 't', 'o'),
    [38] = W2('i', 'f'),
    [40] = W2('o', 'n'),
    [41] = W2('b', 'y'),
    [43] = W2('o', 'r'),
    [44] = W2('i', 'n'),
    [49] = W2('a', 'n'),
    [51] = W4('s', 'u', 'c', 'h'),
    [53] = W2('t', 'o'),
    [54] = W3('b', 'u', 't'),
    [55] = W4('t', 'h', 'a', 't'),
    [57] = W2('n', 'o'),
    [61] = W1('a'),
    [63] = W2('i', 's'),
};

bool hp_english_stop(hp_str folded)
{
    uint64_t head = 0;
    if (folded.len == 0 || folded.len > sizeof head)
        return false;
    for (size_t i = 0; i < folded.len; i++)
        head |= C((unsigned char)folded.ptr[i], i);
    return hp_english_stop_head(head);
}

static bool ends_with(hp_str s, hp_str end)
{
    return s.len > end.len && memcmp(s.ptr + s.len - end.len, end.ptr, end.len) == 0;
}

hp_str hp_unpossessed(hp_str folded)
{
    static const hp_str marks[] = { HP_STR("'s"), HP_STR("\u2019s") };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (ends_with(folded, marks[i]))
            return (hp_str){ folded.ptr, folded.len - marks[i].len };
    return folded;
}

// --- stemmers ------------------------------------------------------------------------------------

static const char *stemmer_named(hp_str name)
{
    for (const char **known = sb_stemmer_list(); *known; known++)
        if (hp_str_is(name, *known))
            return *known;
    return NULL;
}

enum hp_code hp_analyzer_open(
    hp_str name, const char *pointer, struct hp_analyzer *out, struct hp_fault *fault)
{
    bool english = hp_str_is(name, "english"), porter = hp_str_is(name, "porter");
    *out = (struct hp_analyzer){ .english = english || porter,
        .head = english  ? HP_HEAD_ENGLISH
                : porter ? HP_HEAD_PORTER
                         : HP_HEAD_ANY };
    if (hp_str_is(name, "simple")) {
        out->head = HP_HEAD_EXACT;
        return HP_OK;
    }
    const char *language = stemmer_named(name);
    if (!language)
        return hp_fail(fault, HP_UNKNOWN_ANALYZER, pointer,
            "simple, or a stemmer of Snowball: english, porter, german, french ...");
    out->stemmer = sb_stemmer_new(language, "UTF_8");
    if (!out->stemmer)
        return hp_fail(fault, HP_OVERLOADED, NULL, "no memory left for a stemmer");
    return HP_OK;
}

void hp_analyzer_close(struct hp_analyzer *analyzer)
{
    if (analyzer->stemmer)
        sb_stemmer_delete(analyzer->stemmer);
    analyzer->stemmer = NULL;
}

// Snowball's porter leaves nothing of the word "s".
hp_str hp_stem(const struct hp_analyzer *analyzer, hp_str folded)
{
    if (!analyzer->stemmer || folded.len > HP_STEM_MAX)
        return folded;
    const sb_symbol *stem =
        sb_stemmer_stem(analyzer->stemmer, (const sb_symbol *)folded.ptr, (int)folded.len);
    int len = sb_stemmer_length(analyzer->stemmer);
    return stem && len > 0 ? (hp_str){ (const char *)stem, (size_t)len } : folded;
}
