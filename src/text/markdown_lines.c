// markdown_lines.c -- where lines end, found a register at a time and kept in a batch. FF ends a
// line too: it is a page break, and what stands behind it begins a page.
#include "text/markdown.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"

static bool ends_line(hp_str text, size_t at)
{
    char c = text.ptr[at];
    if (c == '\r')
        return at + 1 == text.len || text.ptr[at + 1] != '\n';
    return c == '\n' || c == '\f';
}

size_t hp_markdown_line_ends_plain(hp_str text, size_t *at, size_t stop, uint32_t *ends, size_t cap)
{
    size_t count = 0, i = *at;
    for (; i < stop && count < cap; i++) {
        ends[count] = (uint32_t)i;
        count += ends_line(text, i);
    }
    *at = i;
    return count;
}

#ifdef __x86_64__
enum { LANE = 32, STEP = 64 };

// LF, FF and CR: the bytes that are what the table holds for their low half.
HP_AVX2 static __m256i ends_in(__m256i bytes)
{
    static const uint8_t ends[16] = { 0xff, [10] = '\n', [12] = '\f', [13] = '\r' };
    return _mm256_cmpeq_epi8(_mm256_shuffle_epi8(hp_row256(ends), bytes), bytes);
}

// The bits of CR with LF behind them, which is looked for one byte over the end.
HP_AVX2 static uint64_t pairs(const char *from, __m256i low, __m256i high)
{
    uint64_t cr = hp_equal256x2(low, high, '\r');
    if (cr == 0)
        return 0;
    return cr & hp_equal256x2(hp_load256(from + 1), hp_load256(from + 1 + LANE), '\n');
}

HP_AVX2 static size_t ends_by_64(hp_str text, size_t *at, size_t stop, uint32_t *ends, size_t cap)
{
    size_t count = 0, i = *at;
    for (; stop - i > STEP && cap - count >= STEP; i += STEP) {
        const char *from = text.ptr + i;
        __m256i low = hp_load256(from), high = hp_load256(from + LANE);
        uint64_t mask = hp_mask256x2(ends_in(low), ends_in(high));
        for (mask &= ~pairs(from, low, high); mask; mask = _blsr_u64(mask))
            ends[count++] = (uint32_t)i + (uint32_t)_tzcnt_u64(mask);
    }
    *at = i;
    return count;
}

size_t hp_markdown_line_ends(hp_str text, size_t *at, size_t stop, uint32_t *ends, size_t cap)
{
    size_t count = hp_cpu() >= HP_CPU_AVX2 ? ends_by_64(text, at, stop, ends, cap) : 0;
    return count + hp_markdown_line_ends_plain(text, at, stop, ends + count, cap - count);
}
#else
size_t hp_markdown_line_ends(hp_str text, size_t *at, size_t stop, uint32_t *ends, size_t cap)
{
    return hp_markdown_line_ends_plain(text, at, stop, ends, cap);
}
#endif

void hp_markdown_lines_from(
    struct hp_markdown_lines *lines, hp_str text, size_t at, const struct hp_deadline *deadline)
{
    lines->text = text;
    lines->deadline = deadline;
    lines->scanned = lines->begin = at;
    lines->next = lines->count = 0;
}

enum hp_code hp_markdown_lines_ahead(struct hp_markdown_lines *lines, struct hp_fault *fault)
{
    hp_str text = lines->text;
    lines->next = lines->count = 0;
    while (lines->count == 0 && lines->scanned < text.len) {
        HP_TRY(hp_deadline_check(lines->deadline, fault));
        size_t left = text.len - lines->scanned;
        size_t stop = lines->scanned + (left < HP_MARKDOWN_STEP ? left : HP_MARKDOWN_STEP);
        lines->count =
            hp_markdown_line_ends(text, &lines->scanned, stop, lines->end, HP_MARKDOWN_BATCH);
    }
    if (lines->count == 0 && lines->begin < text.len)
        lines->end[lines->count++] = (uint32_t)text.len; // a last line without an end
    return HP_OK;
}
