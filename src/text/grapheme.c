// grapheme.c -- extended grapheme clusters, UAX #29 section 3 (Unicode 16). Whether two neighbours
// belong together is a table of pairs, but for three rules that look further back: a conjunct
// (GB9c), an emoji sequence (GB11) and a flag (GB12, GB13). A cluster carries what these need to
// know.
#include "text/breaks.h"

#include "text/look.h"

#define BIT(name) (1u << GCB_##name)

enum {
    TAIL = BIT(EXTEND) | BIT(NONJOINER) | BIT(LINKER) | BIT(ZWJ) | BIT(SPACING), // GB9, GB9a
    CONTROLS = BIT(CR) | BIT(LF) | BIT(CONTROL)
};

// What may follow without a break, whatever came before (GB3 to GB9b).
static const uint32_t joins[GCB_CLASSES] = {
    [GCB_OTHER] = TAIL,
    [GCB_CR] = BIT(LF),
    [GCB_EXTEND] = TAIL,
    [GCB_NONJOINER] = TAIL,
    [GCB_LINKER] = TAIL,
    [GCB_ZWJ] = TAIL,
    [GCB_REGIONAL] = TAIL,
    [GCB_PREPEND] = ~(uint32_t)CONTROLS,
    [GCB_SPACING] = TAIL,
    [GCB_L] = TAIL | BIT(L) | BIT(V) | BIT(LV) | BIT(LVT),
    [GCB_V] = TAIL | BIT(V) | BIT(T),
    [GCB_T] = TAIL | BIT(T),
    [GCB_LV] = TAIL | BIT(V) | BIT(T),
    [GCB_LVT] = TAIL | BIT(T),
    [GCB_PICTURE] = TAIL,
    [GCB_CONSONANT] = TAIL,
};

struct cluster {
    uint8_t last;
    uint8_t conjunct; // 1 behind a consonant, 2 where a linker came after it
    uint8_t picture;  // 1 behind a pictograph and its extenders, 2 where a ZWJ came after them
    bool odd;         // an odd number of regional indicators stands last
};

static void conjunct_take(struct cluster *cluster, uint8_t class)
{
    if (class == GCB_CONSONANT)
        cluster->conjunct = 1;
    else if (class == GCB_LINKER)
        cluster->conjunct = cluster->conjunct ? 2 : 0;
    else if (class != GCB_EXTEND && class != GCB_ZWJ)
        cluster->conjunct = 0;
}

static void picture_take(struct cluster *cluster, uint8_t class)
{
    if (class == GCB_PICTURE)
        cluster->picture = 1;
    else if (class == GCB_ZWJ)
        cluster->picture = cluster->picture == 1 ? 2 : 0;
    else if (cluster->picture == 2 || !(BIT(EXTEND) & 1u << class || BIT(NONJOINER) & 1u << class ||
                                          BIT(LINKER) & 1u << class))
        cluster->picture = 0;
}

static void take(struct cluster *cluster, uint8_t class)
{
    conjunct_take(cluster, class);
    picture_take(cluster, class);
    cluster->odd = class == GCB_REGIONAL && !cluster->odd;
    cluster->last = class;
}

static bool goes_on(const struct cluster *cluster, uint8_t class)
{
    if (joins[cluster->last] & 1u << class)
        return true;
    if (class == GCB_CONSONANT)
        return cluster->conjunct == 2;
    if (class == GCB_PICTURE)
        return cluster->picture == 2;
    return class == GCB_REGIONAL && cluster->odd;
}

size_t hp_grapheme_within(hp_str s, size_t at, const struct hp_deadline *deadline)
{
    size_t end, next;
    if (hp_ascii_at(s, at) && s.ptr[at] != '\r' && (at + 1 == s.len || hp_ascii_at(s, at + 1)))
        return at + 1;
    struct cluster cluster = { 0 };
    take(&cluster, hp_break_at(s, at, &end)->grapheme);
    for (size_t check_at = at + HP_LOOK_BYTES; end < s.len; end = next) {
        if (end >= check_at) {
            if (deadline && hp_deadline_passed(deadline))
                break;
            check_at = end + HP_LOOK_BYTES;
        }
        uint8_t class = hp_break_at(s, end, &next)->grapheme;
        if (!goes_on(&cluster, class))
            break;
        take(&cluster, class);
    }
    return end;
}

size_t hp_grapheme_end(hp_str s, size_t at)
{
    return hp_grapheme_within(s, at, NULL);
}
