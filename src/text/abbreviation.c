// abbreviation.c -- a table of words that keep their full stop inside a sentence, and four shapes:
// initials ("J. R. R. Tolkien"), letters with stops between ("U.S.", "z.B."), the number of a list
// item ("1. Install") and the day of a German date ("3. Mai"). Words that end sentences as often as
// not
// ("etc.", "Inc.") are left out: what follows tells, and lower case already joins.
#include "text/abbreviation.h"

#include "text/ascii.h"
#include "text/breaks.h"

struct word {
    hp_str text;
    bool before_number; // only where a digit follows: "No. 5", but "No. He did."
};

static const struct word words[] = {
#define WORD(text) { HP_STR(text), false },
#define NUMBERED(text) { HP_STR(text), true },
    // titles and names
    WORD("mr") WORD("mrs") WORD("ms") WORD("mx") WORD("dr") WORD("prof") WORD("rev") WORD("hon")
        WORD("sr") WORD("sra") WORD("srta") WORD("st") WORD("ste") WORD("mt") WORD("ft") WORD("gen")
            WORD("col") WORD("maj") WORD("capt") WORD("cpt") WORD("lt") WORD("sgt") WORD("cmdr")
                WORD("adm") WORD("sen") WORD("rep") WORD("gov") WORD("pres") WORD("supt")
                    WORD("messrs") WORD("mme") WORD("mlle") WORD("hr") WORD("fr") WORD("frl")
                        WORD("dipl") WORD("ing") WORD("med") WORD("phil") WORD("habil") WORD("dra")
                            WORD("ud") WORD("uds") WORD("mgr")
    // between words
    WORD("vs") WORD("cf") WORD("viz") WORD("resp") WORD("approx") WORD("ca") WORD("incl")
        WORD("excl") WORD("esp") WORD("bzw") WORD("vgl") WORD("ggf") WORD("evtl") WORD("inkl")
            WORD("exkl") WORD("sog") WORD("bspw") WORD("insb") WORD("zzgl") WORD("abzgl") WORD("ed")
                WORD("eds") WORD("hrsg") WORD("mio") WORD("mrd") WORD("dept") WORD("univ")
                    WORD("assn") WORD("bros") WORD("tel")
    // before numbers
    NUMBERED("no") NUMBERED("nos") NUMBERED("nr") NUMBERED("fig") NUMBERED("figs") NUMBERED("vol")
        NUMBERED("vols") NUMBERED("pp") NUMBERED("ch") NUMBERED("chap") NUMBERED("sec") NUMBERED(
            "sect") NUMBERED("art") NUMBERED("abs") NUMBERED("abb") NUMBERED("tab") NUMBERED("kap")
            NUMBERED("bd") NUMBERED("eq") NUMBERED("eqs") NUMBERED("ref") NUMBERED("refs")
                NUMBERED("app") NUMBERED("ex") NUMBERED("jan") NUMBERED("feb") NUMBERED("mar")
                    NUMBERED("apr") NUMBERED("jun") NUMBERED("jul") NUMBERED("aug") NUMBERED("sep")
                        NUMBERED("sept") NUMBERED("oct") NUMBERED("nov") NUMBERED("dec")
                            NUMBERED("p\u00e1g") NUMBERED("\u0441\u0442\u0440")
                                NUMBERED("\u0440\u0438\u0441") NUMBERED("\u0433\u043b")
#undef WORD
#undef NUMBERED
};

enum { LETTERS_MAX = 16 };

// Start of the letters that end at `end`, at most LETTERS_MAX of them.
static size_t letters_start(hp_str s, size_t start, size_t end, size_t *count)
{
    *count = 0;
    for (size_t at = end; at > start && *count < LETTERS_MAX; ++*count) {
        size_t next;
        at = hp_utf8_start(s, at);
        uint8_t class = hp_break_at(s, at, &next)->sentence;
        if (class != SB_UPPER && class != SB_LOWER)
            break;
        end = at;
    }
    return end;
}

static bool number_follows(hp_str s, size_t dot)
{
    size_t at = dot + 1;
    while (at < s.len && s.ptr[at] == ' ')
        at++;
    return at < s.len && hp_ascii_digit(s.ptr[at]);
}

static bool listed(hp_str s, hp_str word, size_t dot)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (hp_str_equal_nocase(words[i].text, word))
            return !words[i].before_number || number_follows(s, dot);
    return false;
}

// Nothing but digits since the sentence began.
static bool list_number(hp_str s, size_t start, size_t dot)
{
    size_t at = dot;
    while (at > start && dot - at < LETTERS_MAX && hp_ascii_digit(s.ptr[at - 1]))
        at--;
    return at == start && at < dot;
}

// An initial follows: one capital letter and a full stop.
static bool initial_follows(hp_str s, size_t dot)
{
    size_t at = dot + 1;
    while (at < s.len && s.ptr[at] == ' ')
        at++;
    return at + 1 < s.len && s.ptr[at] >= 'A' && s.ptr[at] <= 'Z' && s.ptr[at + 1] == '.';
}

// The day of a German date: one or two digits before the full stop, a month behind it.
static bool day_of_month(hp_str s, size_t start, size_t dot)
{
    static const hp_str months[] = { HP_STR("Januar"), HP_STR("Februar"), HP_STR("M\u00e4rz"),
        HP_STR("April"), HP_STR("Mai"), HP_STR("Juni"), HP_STR("Juli"), HP_STR("August"),
        HP_STR("September"), HP_STR("Oktober"), HP_STR("November"), HP_STR("Dezember") };
    size_t digits = dot, at = dot + 1;
    while (digits > start && hp_ascii_digit(s.ptr[digits - 1]) && dot - digits < 3)
        digits--;
    if (digits == dot || dot - digits > 2)
        return false;
    while (at < s.len && s.ptr[at] == ' ')
        at++;
    for (size_t i = 0; i < sizeof months / sizeof *months; i++)
        if (s.len - at >= months[i].len && memcmp(s.ptr + at, months[i].ptr, months[i].len) == 0)
            return true;
    return false;
}

bool hp_abbreviation(hp_str s, size_t start, size_t dot)
{
    size_t count;
    if (list_number(s, start, dot) || day_of_month(s, start, dot))
        return true;
    size_t at = letters_start(s, start, dot, &count);
    if (at == dot)
        return false;
    hp_str word = { s.ptr + at, dot - at };
    if (count > 1)
        return listed(s, word, dot);
    if (at > start && s.ptr[at - 1] == '.')
        return true;
    return !hp_str_is(word, "I") || initial_follows(s, dot); // "So did I. Then"
}
