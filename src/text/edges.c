// edges.c -- the places where text may be cut, with their ranks. The text is a row of pieces (words
// of UAX #29, clusters kept whole) with gaps of blanks between them, often empty ones; what stands
// in a gap, and around it, is its rank.
#include "text/breaks.h"
#include "text/abbreviation.h"

#include <assert.h>

const char *hp_boundary_name(enum hp_boundary boundary)
{
    static const char *const names[HP_EDGES] = { "grapheme", "word", "clause", "sentence", "line",
        "paragraph", "section", "page", "document" };
    return names[boundary];
}

struct gap {
    size_t at, end;
    unsigned lines;
    bool page;
};

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

// The blanks from `at` on. A blank that carries marks is a cluster of another kind, and ends the
// gap.
static struct gap gap_at(hp_str s, size_t at)
{
    struct gap gap = { .at = at, .end = at };
    while (gap.end < s.len) {
        size_t next;
        uint32_t blank = hp_char_at(s, gap.end, &next);
        if (!(hp_break_of(blank)->kind & KIND_BLANK))
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
static size_t piece_end(hp_str s, size_t at)
{
    size_t end = hp_word_unblank(s, at), cluster = at;
    while (end < s.len && !(hp_ascii_at(s, end - 1) && hp_ascii_at(s, end))) {
        while (cluster < end)
            cluster = hp_grapheme_end(s, cluster);
        if (cluster == end)
            break;
        end = blank_at(s, end) ? cluster : hp_word_unblank(s, end);
    }
    return end;
}

// What stands before a gap: the last character that is no closing quote or bracket.
struct sign {
    uint32_t code_point;
    size_t at;
    const struct hp_break *row;
};

enum { CLOSING_MAX = 8 };

static struct sign sign_before(hp_str s, size_t end)
{
    struct sign sign = { .at = end };
    for (int i = 0; i < CLOSING_MAX && sign.at > 0; i++) {
        size_t next;
        do
            sign.at--;
        while (((unsigned char)s.ptr[sign.at] & 0xc0) == 0x80);
        sign.code_point = hp_char_at(s, sign.at, &next);
        sign.row = hp_break_of(sign.code_point);
        if (sign.row->sentence != SB_CLOSE)
            break;
    }
    return sign;
}

struct finder {
    hp_str s;
    size_t sentence_end;   // the first end of a sentence that is not before the gap
    size_t sentence_start; // of the sentence that the gap may end
};

enum { ELLIPSIS = 0x2026 };

// UAX #29 ends a sentence in this gap, and nothing that it does not know of speaks against it.
static bool ends_sentence(
    const struct finder *finder, const struct gap *gap, const struct sign *sign)
{
    hp_str s = finder->s;
    size_t next;
    bool ellipsis = sign->code_point == ELLIPSIS && gap->end > gap->at;
    if (finder->sentence_end > gap->end && !ellipsis)
        return false;
    if (sign->code_point >= 0x80 && !ellipsis)
        return true;
    if (gap->end == gap->at || hp_break_at(s, gap->end, &next)->sentence == SB_LOWER)
        return false; // a?b=1; "Yahoo! is", "Wait!" she said
    return sign->code_point != '.' || !hp_abbreviation(s, finder->sentence_start, sign->at);
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

static bool ends_clause(hp_str s, const struct gap *gap, const struct sign *sign)
{
    size_t next;
    uint32_t after = hp_char_at(s, gap->end, &next);
    if (gap->end > gap->at)
        return sign->row->kind & (KIND_CLAUSE | KIND_CLAUSE_WIDE) ||
               (thai_or_lao(sign->code_point) && thai_or_lao(after));
    return clause_wide(sign->code_point) && !clause_wide(after) &&
           hp_break_of(after)->sentence != SB_CLOSE;
}

static enum hp_boundary rank_of(struct finder *finder, const struct gap *gap)
{
    while (finder->sentence_end < gap->at)
        finder->sentence_end = hp_sentence_end(finder->s, finder->sentence_end);
    if (gap->page)
        return HP_EDGE_PAGE;
    if (gap->lines > 0)
        return gap->lines > 1 ? HP_EDGE_PARAGRAPH : HP_EDGE_LINE;
    struct sign sign = sign_before(finder->s, gap->at);
    if (ends_sentence(finder, gap, &sign))
        return HP_EDGE_SENTENCE;
    return ends_clause(finder->s, gap, &sign) ? HP_EDGE_CLAUSE : HP_EDGE_WORD;
}

struct list {
    struct hp_edge *edge;
    size_t count, room;
};

static bool list_add(struct list *list, struct hp_arena *arena, const struct gap *gap, int rank)
{
    if (list->count == list->room) {
        size_t room = list->room * 2 + 64;
        struct hp_edge *grown =
            hp_grow(arena, list->edge, list->room * sizeof *grown, room * sizeof *grown);
        if (!grown)
            return false;
        list->edge = grown;
        list->room = room;
    }
    list->edge[list->count++] =
        (struct hp_edge){ (uint32_t)gap->at, (uint32_t)gap->end, (uint8_t)rank };
    return true;
}

enum { CHECK_BYTES = 16384 };

enum hp_code hp_edges_find(hp_str text, struct hp_arena *arena, const struct hp_deadline *deadline,
    struct hp_edges *out, struct hp_fault *fault)
{
    assert(text.len <= UINT32_MAX);
    struct list list = { 0 };
    struct gap gap = gap_at(text, 0);
    struct finder finder = { .s = text, .sentence_start = gap.end };
    size_t first = gap.end, check_at = 0;
    while (gap.end < text.len) {
        if (gap.end >= check_at) {
            HP_TRY(hp_deadline_check(deadline, fault));
            check_at = gap.end + CHECK_BYTES;
        }
        gap = gap_at(text, piece_end(text, gap.end));
        enum hp_boundary rank = gap.end == text.len ? HP_EDGE_DOCUMENT : rank_of(&finder, &gap);
        if (rank >= HP_EDGE_SENTENCE)
            finder.sentence_start = gap.end;
        if (!list_add(&list, arena, &gap, rank))
            return hp_no_memory(arena, fault);
    }
    *out = (struct hp_edges){ list.edge, list.count, first };
    return HP_OK;
}
