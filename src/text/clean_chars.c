// clean_chars.c -- the switches that judge a character by itself: line_endings, controls, spaces,
// ligatures. Each is a rule; no character is known to two of them, so one walk over the text does
// for all what one walk after the other would do. The two places where the order still shows: an
// escape sequence ends at what has become a line end before, and two removals of one switch count
// as one place where only an earlier switch removed text between them.
#include "text/passes.h"

#include "text/scan.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

// A character, and the options.
struct place {
    hp_str s;
    size_t at, len;
    uint32_t cp;
    const struct hp_clean_options *options;
};

// CRLF loses its CR; CR, VT, NEL, LS and PS become LF. FF stays: it is a page break.
static size_t match_line_ending(const struct place *place, hp_str *with)
{
    uint32_t cp = place->cp;
    if (cp != '\r' && cp != '\v' && cp != 0x85 && cp != 0x2028 && cp != 0x2029)
        return 0;
    bool pair = cp == '\r' && place->at + 1 < place->s.len && place->s.ptr[place->at + 1] == '\n';
    if (!pair)
        *with = HP_S("\n");
    return place->len;
}

// C0 and C1, BOM, noncharacters and terminal escapes go. Tab and every line end stay, NEL among
// them: line ends are another switch.
static size_t match_control(const struct place *place, hp_str *with)
{
    (void)with;
    uint32_t cp = place->cp;
    if (cp == 0x1b)
        return hp_escape_len(place->s, place->at, place->options->on[HP_FIX_LINE_ENDINGS]);
    bool kept = (cp >= '\t' && cp <= '\r') || cp == 0x85;
    bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
    return (control && !kept) || cp == 0xfeff || hp_unicode_noncharacter(cp) ? place->len : 0;
}

// Whether blanks and a line end follow: then a soft hyphen is the hyphenation's to remove.
static bool ends_line(const struct place *place)
{
    size_t at = place->at + place->len, len;
    while (at < place->s.len && (len = hp_blank_len(place->s, at)) > 0)
        at += len;
    return at < place->s.len && place->s.ptr[at] != '\f' && hp_break_len(place->s, at) > 0;
}

// Every Space_Separator becomes a space; zero-width space and soft hyphen go. ZWJ and ZWNJ carry
// meaning.
static size_t match_space(const struct place *place, hp_str *with)
{
    uint32_t cp = place->cp;
    if (cp == 0xad && place->options->on[HP_FIX_HYPHENATION] && ends_line(place))
        return 0;
    if (cp == 0xad || cp == 0x200b)
        return place->len;
    if (cp < 0xa0 || cp == 0x2028 || cp == 0x2029 || !hp_unicode_blank(cp))
        return 0;
    *with = HP_S(" ");
    return place->len;
}

static const struct {
    uint32_t cp;
    hp_str letters;
} ligatures[] = { { 0x132, HP_STR("IJ") }, { 0x133, HP_STR("ij") }, { 0x149, HP_STR("\u02bcn") },
    { 0x1c4, HP_STR("D\u017d") }, { 0x1c5, HP_STR("D\u017e") }, { 0x1c6, HP_STR("d\u017e") },
    { 0x1c7, HP_STR("LJ") }, { 0x1c8, HP_STR("Lj") }, { 0x1c9, HP_STR("lj") },
    { 0x1ca, HP_STR("NJ") }, { 0x1cb, HP_STR("Nj") }, { 0x1cc, HP_STR("nj") },
    { 0x1f1, HP_STR("DZ") }, { 0x1f2, HP_STR("Dz") }, { 0x1f3, HP_STR("dz") },
    { 0xfb00, HP_STR("ff") }, { 0xfb01, HP_STR("fi") }, { 0xfb02, HP_STR("fl") },
    { 0xfb03, HP_STR("ffi") }, { 0xfb04, HP_STR("ffl") }, { 0xfb05, HP_STR("\u017ft") },
    { 0xfb06, HP_STR("st") } };

static size_t match_ligature(const struct place *place, hp_str *with)
{
    for (size_t i = 0; i < sizeof ligatures / sizeof *ligatures; i++) {
        if (ligatures[i].cp == place->cp) {
            *with = ligatures[i].letters;
            return place->len;
        }
    }
    return 0;
}

// In the order of the switches: how many bytes from the place on become `with`, which is empty
// beforehand; 0: they stay. And where the first two bytes of the characters lie that it knows: a
// superset is enough.
enum { FIRST = HP_FIX_LINE_ENDINGS, RULES = HP_FIX_LIGATURES - FIRST + 1 };

struct pair {
    uint8_t lead_first, lead_last, next_first, next_last;
};

static const struct {
    size_t (*match)(const struct place *place, hp_str *with);
    hp_str single; // bytes
    struct pair pair[8];
} rules[RULES] = {
    [HP_FIX_LINE_ENDINGS - FIRST] = { match_line_ending, HP_STR("\v\r"),
        { { 0xc2, 0xc2, 0x85, 0x85 }, { 0xe2, 0xe2, 0x80, 0x80 } } },
    [HP_FIX_CONTROLS - FIRST] = { match_control,
        HP_STR("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13\x14\x15\x16"
               "\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"),
        { { 0xc2, 0xc2, 0x80, 0x9f }, { 0xef, 0xef, 0xb7, 0xb7 }, { 0xef, 0xef, 0xbb, 0xbb },
            { 0xef, 0xef, 0xbf, 0xbf }, { 0xf0, 0xf4, 0x8f, 0x8f }, { 0xf0, 0xf4, 0x9f, 0x9f },
            { 0xf0, 0xf4, 0xaf, 0xaf }, { 0xf0, 0xf4, 0xbf, 0xbf } } },
    [HP_FIX_SPACES - FIRST] = { match_space, HP_STR(""),
        { { 0xc2, 0xc2, 0xa0, 0xa0 }, { 0xc2, 0xc2, 0xad, 0xad }, { 0xe1, 0xe1, 0x9a, 0x9a },
            { 0xe2, 0xe2, 0x80, 0x81 }, { 0xe3, 0xe3, 0x80, 0x80 } } },
    [HP_FIX_LIGATURES - FIRST] = { match_ligature, HP_STR(""),
        { { 0xc4, 0xc7, 0x84, 0x8c }, { 0xc4, 0xc7, 0xb1, 0xb3 }, { 0xef, 0xef, 0xac, 0xac } } },
};

static struct hp_pairs pairs_of(const struct hp_clean_options *options)
{
    struct hp_pairs set = { 0 };
    for (int rule = 0; rule < RULES; rule++) {
        if (!options->on[FIRST + rule])
            continue;
        for (size_t i = 0; i < rules[rule].single.len; i++)
            hp_pairs_add_byte(&set, (unsigned char)rules[rule].single.ptr[i]);
        for (const struct pair *pair = rules[rule].pair;
             pair < rules[rule].pair + sizeof rules[rule].pair / sizeof *pair && pair->lead_first;
             pair++)
            hp_pairs_add(
                &set, pair->lead_first, pair->lead_last, pair->next_first, pair->next_last);
    }
    return set;
}

struct walk {
    struct hp_rewrite *rewrite;
    size_t gone_to[RULES]; // where the text ends that a switch, and those before it, removed last
};

// Counts a change of in[at, at + len).
static void count(struct walk *walk, int rule, size_t at, size_t len, bool removed)
{
    walk->rewrite->changes[FIRST + rule] += !(removed && walk->gone_to[rule] == at);
    for (int later = rule + 1; later < RULES && removed; later++)
        if (walk->gone_to[later] == at)
            walk->gone_to[later] = at + len;
    if (removed)
        walk->gone_to[rule] = at + len;
}

// Judges the character at *at, and moves on.
static enum hp_code judge(struct walk *walk, const struct hp_clean_options *options, size_t *at)
{
    struct place place = { .s = walk->rewrite->in, .at = *at, .options = options };
    place.cp = hp_utf8_at(place.s, *at, &place.len);
    *at += place.len;
    for (int rule = 0; rule < RULES; rule++) {
        hp_str with = { "", 0 };
        size_t len = options->on[FIRST + rule] ? rules[rule].match(&place, &with) : 0;
        if (len == 0)
            continue;
        count(walk, rule, place.at, len, with.len == 0);
        *at = place.at + len;
        return hp_rewrite_put(walk->rewrite, place.at, len, with);
    }
    return HP_OK;
}

enum hp_code hp_fix_chars(struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    const struct hp_pairs set = pairs_of(options);
    struct walk walk = { .rewrite = rewrite };
    memset(walk.gone_to, 0xff, sizeof walk.gone_to); // nowhere yet
    hp_str in = rewrite->in;
    struct hp_hits hits = { .s = in, .set = &set };
    for (size_t at = 0; at < in.len;) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        hits.stop = hp_rewrite_stop(rewrite, at);
        hits.lanes = 0; // of another stretch
        while ((at = hp_hits_next(&hits, at)) < hits.stop)
            HP_TRY(judge(&walk, options, &at));
    }
    return HP_OK;
}
