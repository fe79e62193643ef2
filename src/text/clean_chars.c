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

// What the characters that a rule knows begin with: single bytes, and of longer ones the classes of
// their first bytes and, as rows of struct hp_pairs, what may follow each class. A superset is
// enough.
enum {
    C2 = 1 << 0,
    C4 = 1 << 1, // to c7
    E1 = 1 << 2,
    E2 = 1 << 3,
    E3 = 1 << 4,
    EF = 1 << 5,
    F0 = 1 << 6 // to f4
};

enum { ROW_0 = 1 << 0, ROW_1 = 1 << 1, ROW_7 = 1 << 7 }; // of ASCII, by the high half

static const struct hp_pairs leads = {
    .lead_high = { [0xc] = C2 | C4, [0xe] = E1 | E2 | E3 | EF, [0xf] = F0 },
    .lead_low = { F0, E1 | F0, C2 | E2 | F0, E3 | F0, C4 | F0, C4, C4, C4, [0xf] = EF },
};

// In the order of the switches: how many bytes from the place on become `with`, which is empty
// beforehand; 0: they stay.
enum { FIRST = HP_FIX_LINE_ENDINGS, RULES = HP_FIX_LIGATURES - FIRST + 1 };

static const struct {
    size_t (*match)(const struct place *place, hp_str *with);
    struct hp_pairs begins;
} rules[RULES] = {
    // 0b 0d; c2 85; e2 80
    [HP_FIX_LINE_ENDINGS - FIRST] = { match_line_ending,
        { .one_high = { ROW_0 },
            .one_low = { [0xb] = ROW_0, [0xd] = ROW_0 },
            .next_high = { [8] = C2 | E2 },
            .next_low = { E2, [5] = C2 } } },
    // 00-08 0e-1f 7f; c2 80-9f; ef b7, bb, bf; f0-f4 8f, 9f, af, bf
    [HP_FIX_CONTROLS - FIRST] = { match_control,
        { .one_high = { ROW_0, ROW_1, [7] = ROW_7 },
            .one_low = { ROW_0 | ROW_1, ROW_0 | ROW_1, ROW_0 | ROW_1, ROW_0 | ROW_1, ROW_0 | ROW_1,
                ROW_0 | ROW_1, ROW_0 | ROW_1, ROW_0 | ROW_1, ROW_0 | ROW_1, ROW_1, ROW_1, ROW_1,
                ROW_1, ROW_1, ROW_0 | ROW_1, ROW_0 | ROW_1 | ROW_7 },
            .next_high = { [8] = C2 | F0, [9] = C2 | F0, [0xa] = F0, [0xb] = EF | F0 },
            .next_low = { C2, C2, C2, C2, C2, C2, C2, C2 | EF, C2, C2, C2, C2 | EF, C2, C2, C2,
                C2 | EF | F0 } } },
    // c2 a0, ad; e1 9a; e2 80-81; e3 80
    [HP_FIX_SPACES -
        FIRST] = { match_space, { .next_high = { [8] = E2 | E3, [9] = E1, [0xa] = C2 },
                                    .next_low = { C2 | E2 | E3, E2, [0xa] = E1, [0xd] = C2 } } },
    // c4-c7 84-8c, b1-b3; ef ac
    [HP_FIX_LIGATURES - FIRST] = { match_ligature,
        { .next_high = { [8] = C4, [0xa] = EF, [0xb] = C4 },
            .next_low = { [1] = C4, C4, C4, C4, C4, C4, C4, C4, C4, C4, C4, C4 | EF } } },
};

static void add_row(uint8_t to[16], const uint8_t row[16])
{
    for (size_t i = 0; i < 16; i++)
        to[i] |= row[i];
}

static struct hp_pairs pairs_of(const struct hp_clean_options *options)
{
    struct hp_pairs set = leads;
    for (int rule = 0; rule < RULES; rule++) {
        const struct hp_pairs *begins = &rules[rule].begins;
        if (!options->on[FIRST + rule])
            continue;
        add_row(set.one_high, begins->one_high);
        add_row(set.one_low, begins->one_low);
        add_row(set.next_high, begins->next_high);
        add_row(set.next_low, begins->next_low);
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
