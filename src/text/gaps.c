// gaps.c -- pieces, the gaps between them, and the signs before a gap that end sentences and
// clauses.
#include "text/gaps.h"

#include "text/abbreviation.h"
#include "text/look.h"

static bool blank_at(hp_str s, size_t at)
{
    size_t next;
    return hp_break_at(s, at, &next)->kind & KIND_BLANK;
}

enum { FF = 0x0c, NEL = 0x85, LINE_SEPARATOR = 0x2028, PARAGRAPH_SEPARATOR = 0x2029 };

// Line ends that a blank counts as. LF, VT, CR, NEL and LS are one; PS is a paragraph by itself.
static unsigned lines_of(uint32_t blank)
{
    if (blank == PARAGRAPH_SEPARATOR)
        return 2;
    return (blank >= 0x0a && blank <= 0x0d && blank != FF) || blank == NEL ||
           blank == LINE_SEPARATOR;
}

// The blank at `at`, or 0; *next is behind it.
static uint32_t blank_of(hp_str s, size_t at, size_t *next)
{
    unsigned char byte = (unsigned char)s.ptr[at];
    *next = at + 1;
    if (byte < 0x80)
        return byte == ' ' || (byte >= '\t' && byte <= '\r') ? byte : 0;
    uint32_t code_point = hp_char_at(s, at, next);
    return hp_break_of(code_point)->kind & KIND_BLANK ? code_point : 0;
}

struct hp_gap hp_gap_at(hp_str s, size_t at)
{
    struct hp_gap gap = { .at = at, .end = at };
    while (gap.end < s.len) {
        size_t next;
        uint32_t blank = blank_of(s, gap.end, &next);
        if (!blank)
            break;
        if (blank == '\r' && next < s.len && s.ptr[next] == '\n')
            next++;
        else if (next < s.len && !hp_ascii_at(s, next) && hp_grapheme_end(s, gap.end) != next)
            break;
        gap.lines += lines_of(blank);
        gap.page |= blank == FF;
        gap.end = next;
    }
    return gap;
}

// End of the piece that starts at `at`: the first word edge that cuts no cluster. A word and a
// cluster can overlap (flags with marks between them, a prefix sign before a blank).
static size_t piece_end(hp_str s, size_t at, const struct hp_deadline *deadline)
{
    size_t end = hp_word_unblank(s, at, deadline), cluster = at, check_at = at + HP_LOOK_BYTES;
    while (end < s.len && !(hp_ascii_at(s, end - 1) && hp_ascii_at(s, end))) {
        for (; cluster < end; cluster = hp_grapheme_within(s, cluster, deadline)) {
            if (cluster < check_at)
                continue;
            if (hp_deadline_passed(deadline))
                return end;
            check_at = cluster + HP_LOOK_BYTES;
        }
        if (cluster == end)
            break;
        end = blank_at(s, end) ? cluster : hp_word_unblank(s, end, deadline);
    }
    return end;
}

struct hp_gap hp_gap_behind(hp_str s, size_t piece, const struct hp_deadline *deadline)
{
    return hp_gap_at(s, piece_end(s, piece, deadline));
}

// A prefix sign (an Arabic number sign) takes the blank behind it into its cluster.
size_t hp_gap_start(hp_str s, size_t end)
{
    size_t at = end, before, next;
    while (at > 0 && blank_at(s, before = hp_utf8_start(s, at)))
        at = before;
    if (at == 0 || at == end || hp_ascii_at(s, at - 1))
        return at;
    if (hp_break_at(s, hp_utf8_start(s, at), &next)->grapheme != GCB_PREPEND)
        return at;
    uint8_t class = hp_break_at(s, at, &next)->grapheme;
    return class == GCB_OTHER ? next : at;
}

enum hp_boundary hp_gap_rank(const struct hp_gap *gap)
{
    if (gap->page)
        return HP_EDGE_PAGE;
    if (gap->lines > 0)
        return gap->lines > 1 ? HP_EDGE_PARAGRAPH : HP_EDGE_LINE;
    return HP_EDGE_WORD;
}

enum { CLOSING_MAX = 8 };

struct hp_sign hp_sign_before(hp_str s, size_t end)
{
    struct hp_sign sign = { .at = end };
    for (int i = 0; i < CLOSING_MAX && sign.at > 0; i++) {
        size_t next;
        sign.at = hp_utf8_start(s, sign.at);
        sign.code_point = hp_char_at(s, sign.at, &next);
        sign.row = hp_break_of(sign.code_point);
        if (sign.row->sentence != SB_CLOSE)
            break;
    }
    return sign;
}

// Brackets and quotes that open. UAX #29 takes them for closing ones, and so ends a sentence behind
// them; the German closing quote is among them, but in front of a blank.
static bool opens(uint32_t code_point)
{
    static const uint32_t openers[] = { 0x2018, 0x201c, 0x3008, 0x300a, 0x300c, 0x300e, 0x3010,
        0x3014, 0x3016, 0x3018, 0x301a, 0xff08, 0xff3b, 0xff5b, 0xff62 };
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++)
        if (openers[i] == code_point)
            return true;
    return false;
}

static uint32_t code_point_before(hp_str s, size_t at)
{
    size_t next;
    return at > 0 ? hp_char_at(s, hp_utf8_start(s, at), &next) : 0;
}

enum { ELLIPSIS = 0x2026, GUILLEMET = 0xbb };

static bool terminator(uint32_t code_point)
{
    return code_point == '.' || code_point == '!' || code_point == '?' || code_point == ELLIPSIS;
}

// French sets its guillemets off by blanks: \u00ab Oui ! \u00bb. The one that closes has a blank or
// nothing on its other side.
static bool guillemet_closes(hp_str s, size_t at)
{
    size_t next;
    return at < s.len && hp_char_at(s, at, &next) == GUILLEMET &&
           (next == s.len || blank_at(s, next));
}

static bool behind_guillemet(hp_str s, size_t at)
{
    if (code_point_before(s, at) != GUILLEMET)
        return false;
    size_t quote = hp_utf8_start(s, at), end = quote;
    while (end > 0 && quote - end < CLOSING_MAX && blank_at(s, hp_utf8_start(s, end)))
        end = hp_utf8_start(s, end);
    return end < quote && terminator(code_point_before(s, end));
}

bool hp_gap_ends_sentence(
    hp_str s, const struct hp_gap *gap, const struct hp_sign *sign, bool breaks, size_t start)
{
    size_t next;
    uint32_t after = hp_char_at(s, gap->end, &next);
    bool empty = gap->end == gap->at, ellipsis = sign->code_point == ELLIPSIS && !empty;
    if (empty && sign->code_point >= 0x80 && sign->row->sentence == SB_STERM) {
        if (opens(code_point_before(s, gap->at)))
            return false;
        if (opens(after))
            return true;
    }
    bool quoted = !empty && !breaks && behind_guillemet(s, gap->at);
    if (!breaks && !ellipsis && !quoted)
        return false;
    if (!empty && guillemet_closes(s, gap->end))
        return false;
    if (sign->code_point >= 0x80 && !ellipsis && !quoted)
        return true;
    if (empty || hp_break_of(after)->sentence == SB_LOWER)
        return false; // a?b=1; "Yahoo! is", "Wait!" she said
    return sign->code_point != '.' || !hp_abbreviation(s, start, sign->at);
}

static bool thai_or_lao(uint32_t code_point)
{
    return code_point >= 0xe00 && code_point < 0xf00;
}

enum { EM_DASH = 0x2014 };

// Ends a clause with no blank behind it too.
static bool clause_wide(uint32_t code_point)
{
    return code_point == EM_DASH || hp_break_of(code_point)->kind & KIND_CLAUSE_WIDE;
}

bool hp_gap_ends_clause(hp_str s, const struct hp_gap *gap, const struct hp_sign *sign)
{
    size_t next;
    uint32_t after = hp_char_at(s, gap->end, &next);
    if (gap->end > gap->at)
        return sign->row->kind & (KIND_CLAUSE | KIND_CLAUSE_WIDE) ||
               (thai_or_lao(sign->code_point) && thai_or_lao(after));
    if (!clause_wide(sign->code_point) || opens(code_point_before(s, gap->at)))
        return false;
    return opens(after) || (!clause_wide(after) && hp_break_of(after)->sentence != SB_CLOSE);
}

bool hp_edge_list_add(
    struct hp_edge_list *list, struct hp_arena *arena, const struct hp_gap *gap, int rank)
{
    if (list->count == list->room) {
        size_t size = sizeof *list->edge, room = list->room + list->room / 8 + 64;
        struct hp_edge *grown = hp_grow(arena, list->edge, list->room * size, room * size);
        if (!grown)
            return false;
        list->edge = grown;
        list->room = room;
    }
    list->edge[list->count++] =
        (struct hp_edge){ (uint32_t)gap->at, (uint32_t)gap->end, (uint8_t)rank };
    return true;
}
