// lines.c -- finds line ends a register at a time, and what each of them is.
#include "text/lines.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"
#include "text/gaps.h"
#include "text/look.h"

#include <assert.h>

// --- line ends -----------------------------------------------------------------------------------

// Their last bytes are 0a to 0d, 85 behind c2 (NEL), a8 or a9 behind 80 behind e2 (LS, PS).
static size_t line_end_at(hp_str s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    if (p[0] >= 0x0a && p[0] <= 0x0d)
        return at;
    if (p[0] == 0x85 && at >= 1 && p[-1] == 0xc2)
        return at - 1;
    if ((p[0] | 1) == 0xa9 && at >= 2 && p[-1] == 0x80 && p[-2] == 0xe2)
        return at - 2;
    return s.len;
}

size_t hp_line_scan_plain(hp_str s, size_t at)
{
    for (; at < s.len; at++) {
        size_t found = line_end_at(s, at);
        if (found < s.len)
            return found;
    }
    return s.len;
}

#ifdef __x86_64__
enum { STEP = 32 };

// The bytes that are a line end or may be the last one of it.
HP_AVX2 static unsigned line_mask(const char *p)
{
    __m256i bytes = hp_load256(p), ends = hp_within256(bytes, 0x0a, 0x0d);
    if (hp_mask256(bytes)) {
        __m256i before = hp_load256(p - 1);
        __m256i nel = _mm256_and_si256(hp_equal256(bytes, 0x85), hp_equal256(before, 0xc2));
        __m256i odd = _mm256_or_si256(bytes, _mm256_set1_epi8(1));
        __m256i separator = _mm256_and_si256(hp_equal256(odd, 0xa9), hp_equal256(before, 0x80));
        ends = _mm256_or_si256(ends, _mm256_or_si256(nel, separator));
    }
    return hp_mask256(ends);
}

// Reads a byte before `at`: that is above 0.
HP_AVX2 static size_t scan_steps(hp_str s, size_t at, size_t *found)
{
    for (; s.len - at >= STEP; at += STEP) {
        for (unsigned mask = line_mask(s.ptr + at); mask; mask &= mask - 1) {
            *found = line_end_at(s, at + (size_t)__builtin_ctz(mask));
            if (*found < s.len)
                return at;
        }
    }
    *found = s.len;
    return at;
}

size_t hp_line_scan(hp_str s, size_t at)
{
    if (s.len - at <= STEP || hp_cpu() < HP_CPU_AVX2)
        return hp_line_scan_plain(s, at);
    size_t found = line_end_at(s, at);
    if (found == at)
        return at;
    at = scan_steps(s, at + 1, &found);
    return found < s.len ? found : hp_line_scan_plain(s, at);
}
#else
size_t hp_line_scan(hp_str s, size_t at)
{
    return hp_line_scan_plain(s, at);
}
#endif

// --- ranks ---------------------------------------------------------------------------------------

// A walk over the structure beside the walk over the gaps.
struct outline {
    const struct hp_structure *structure;
    size_t begun, ended; // headings that begin, or end, before the gap
    size_t next;         // the first element that does not begin before it
    uint32_t *open;      // those that have begun and not ended, the outermost first
    size_t depth, lined; // how many; how many of them make lines of paragraphs
};

static bool makes_lines(const struct hp_element *element)
{
    return element->kind != HP_ELEMENT_HTML;
}

static void close_before(struct outline *outline, size_t at)
{
    const struct hp_element *elements = outline->structure->element;
    while (outline->depth > 0 && elements[outline->open[outline->depth - 1]].end <= at)
        outline->lined -= makes_lines(&elements[outline->open[--outline->depth]]);
}

// Whether `at` is strictly inside an element that makes lines of paragraphs.
static bool in_lines(struct outline *outline, size_t at)
{
    const struct hp_structure *structure = outline->structure;
    for (; outline->next < structure->elements; outline->next++) {
        const struct hp_element *element = &structure->element[outline->next];
        if (element->start >= at)
            break;
        close_before(outline, element->start);
        outline->open[outline->depth++] = (uint32_t)outline->next;
        outline->lined += makes_lines(element);
    }
    close_before(outline, at);
    return outline->lined > 0;
}

static bool heading_begins(struct outline *outline, const struct hp_gap *gap)
{
    const struct hp_structure *structure = outline->structure;
    while (
        outline->begun < structure->headings && structure->heading[outline->begun].start < gap->at)
        outline->begun++;
    return outline->begun < structure->headings &&
           structure->heading[outline->begun].start <= gap->end;
}

static bool heading_ends(struct outline *outline, const struct hp_gap *gap)
{
    const struct hp_structure *structure = outline->structure;
    while (outline->ended < structure->headings && structure->heading[outline->ended].end < gap->at)
        outline->ended++;
    return outline->ended < structure->headings &&
           structure->heading[outline->ended].end <= gap->end;
}

static enum hp_boundary rank_of(struct outline *outline, const struct hp_gap *gap)
{
    enum hp_boundary rank = hp_gap_rank(gap);
    if (!outline->structure)
        return rank;
    bool lined = in_lines(outline, gap->at);
    if (heading_ends(outline, gap))
        return HP_EDGE_LINE;
    if (rank == HP_EDGE_PAGE)
        return HP_EDGE_PAGE;
    if (heading_begins(outline, gap))
        return HP_EDGE_SECTION;
    return lined ? HP_EDGE_LINE : rank;
}

// --- the list ------------------------------------------------------------------------------------

// The gap around the line end at `end`, which is above 0.
static struct hp_gap gap_around(hp_str s, size_t end)
{
    bool plain = hp_ascii_at(s, end - 1) && s.ptr[end - 1] > ' ';
    size_t at = plain ? end : hp_gap_start(s, end);
    if (s.ptr[end] == '\n' && end + 1 < s.len && hp_ascii_at(s, end + 1) && s.ptr[end + 1] > ' ')
        return (struct hp_gap){ .at = at, .end = end + 1, .lines = 1 };
    return hp_gap_at(s, at);
}

// Gaps from `at` on that hold a line end, but for the last one, at the end of the text.
static enum hp_code list_gaps(struct hp_edge_list *list, hp_str s, size_t at,
    struct outline *outline, struct hp_arena *arena, const struct hp_deadline *deadline,
    struct hp_fault *fault)
{
    for (size_t check_at = HP_LOOK_BYTES;;) {
        if (at >= check_at) {
            HP_TRY(hp_deadline_check(deadline, fault));
            check_at = at + HP_LOOK_BYTES;
        }
        size_t end = hp_line_scan(s, at);
        if (end == s.len)
            return HP_OK;
        struct hp_gap gap = gap_around(s, end);
        at = gap.end;
        if (at == s.len)
            return HP_OK;
        if (!hp_edge_list_add(list, arena, &gap, rank_of(outline, &gap)))
            return hp_no_memory(arena, fault);
    }
}

enum hp_code hp_lines_find(hp_str text, const struct hp_structure *structure,
    struct hp_arena *arena, const struct hp_deadline *deadline, struct hp_edges *out,
    struct hp_fault *fault)
{
    assert(text.len <= UINT32_MAX);
    *out = (struct hp_edges){ .first = hp_gap_at(text, 0).end };
    if (out->first == text.len)
        return HP_OK;
    struct hp_edge_list list = { 0 };
    struct outline outline = { 0 };
    if (structure && structure->headings + structure->elements > 0) {
        outline.structure = structure;
        outline.open = HP_NEW_RAW(arena, uint32_t, structure->elements + 1);
        if (!outline.open)
            return hp_no_memory(arena, fault);
    }
    HP_TRY(list_gaps(&list, text, out->first, &outline, arena, deadline, fault));
    struct hp_gap last = { .at = hp_gap_start(text, text.len), .end = text.len };
    if (!hp_edge_list_add(&list, arena, &last, HP_EDGE_DOCUMENT))
        return hp_no_memory(arena, fault);
    out->edge = list.edge;
    out->count = list.count;
    return HP_OK;
}
