// clean_lines.c -- reading lines. Line ends are those of the switch line_endings and the page
// break: they count whether or not that switch is on.
#include "text/clean_lines.h"

#include "text/ascii.h"
#include "text/passes.h"
#include "text/scan.h"
#include "text/unicode_data.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

// Where the next line end or page break stands; in.len where there is none.
static enum hp_code find_break(struct hp_rewrite *rewrite, size_t at, size_t *found)
{
    hp_str in = rewrite->in;
    struct hp_pairs set = { 0 };
    for (int c = '\n'; c <= '\r'; c++)
        hp_pairs_add_byte(&set, (unsigned char)c);
    hp_pairs_add(&set, 0xc2, 0xc2, 0x85, 0x85);
    hp_pairs_add(&set, 0xe2, 0xe2, 0x80, 0x80);
    while (at < in.len) {
        HP_TRY(hp_rewrite_tick(rewrite, at));
        size_t stop = hp_rewrite_stop(rewrite, at);
        at = hp_scan_pairs(in, at, stop, &set);
        if (at < stop && hp_break_len(in, at))
            break;
        at += at < stop;
    }
    *found = at;
    return HP_OK;
}

enum hp_code hp_line_read(struct hp_rewrite *rewrite, size_t at, struct hp_line *line)
{
    hp_str in = rewrite->in;
    size_t len;
    *line = (struct hp_line){ .start = at };
    HP_TRY(find_break(rewrite, at, &line->end));
    line->page = line->end < in.len && in.ptr[line->end] == '\f';
    line->next = line->end < in.len ? line->end + hp_break_len(in, line->end) : in.len;
    line->first = at;
    while (line->first < line->end && (len = hp_blank_len(in, line->first)) > 0)
        line->first += len;
    line->last = line->end;
    while (line->last > line->first) {
        hp_utf8_before(in, line->last, &len);
        if (!hp_blank_len(in, line->last - len))
            break;
        line->last -= len;
    }
    return HP_OK;
}

// Length of "12." or "b)" or "(iv)" at `at`; 0 where none stands there.
static size_t number_len(hp_str s, size_t at, size_t end)
{
    enum { MOST = 4 };
    bool open = at < end && s.ptr[at] == '(';
    size_t from = at + open, stop = from;
    while (stop < end && stop - from < MOST && hp_ascii_digit(s.ptr[stop]))
        stop++;
    if (stop == from && stop < end && hp_ascii_letter(s.ptr[stop]))
        stop++;
    while (open && stop < end && stop - from < MOST && hp_ascii_letter(s.ptr[stop]))
        stop++;
    if (stop == from || stop == end || (s.ptr[stop] != ')' && (open || s.ptr[stop] != '.')))
        return 0;
    return stop + 1 - at;
}

static bool bullet(uint32_t cp)
{
    static const uint32_t bullets[] = { '-', '*', '+', 0xb7, 0x2010, 0x2011, 0x2012, 0x2013, 0x2014,
        0x2022, 0x2023, 0x2043, 0x204c, 0x204d, 0x2192, 0x21d2, 0x2219, 0x25a0, 0x25a1, 0x25aa,
        0x25ab, 0x25b6, 0x25b8, 0x25ba, 0x25cb, 0x25cf, 0x25e6, 0x2605, 0x2606, 0x2610, 0x2611,
        0x2612, 0x2713, 0x2714, 0x2717, 0x27a2, 0x2794, 0x30fb };
    for (size_t i = 0; i < sizeof bullets / sizeof *bullets; i++)
        if (bullets[i] == cp)
            return true;
    return false;
}

bool hp_line_lists(hp_str s, const struct hp_line *line)
{
    size_t len, at = line->first;
    if (at == line->last)
        return false;
    if (bullet(hp_utf8_at(s, at, &len)))
        at += len;
    else
        at += number_len(s, at, line->last);
    return at > line->first && (at == line->last || hp_blank_len(s, at) > 0);
}

bool hp_letter_at(hp_str s, size_t at, bool lower, size_t *len)
{
    uint8_t bits = hp_bits_of(hp_utf8_at(s, at, len));
    enum hp_category category = (enum hp_category)(bits & HP_BITS_CATEGORY);
    if (bits & (HP_BITS_NFC | HP_BITS_NFKC))
        return false;
    return lower ? category == HP_CAT_LL : hp_category_letter(category);
}

bool hp_conjunction_at(hp_str s, size_t at)
{
    static const char *const words[] = { "and", "or", "und", "oder", "bzw", "ou", "och", "og",
        "eller", "\u0438\u043b\u0438" };
    for (size_t i = 0, len; i < sizeof words / sizeof *words; i++) {
        size_t end = at + strlen(words[i]);
        if (end > s.len || memcmp(s.ptr + at, words[i], end - at) != 0)
            continue;
        if (end == s.len || !(hp_letter_at(s, end, false, &len) ||
                                hp_unicode_category(hp_utf8_at(s, end, &len)) == HP_CAT_M))
            return true;
    }
    return false;
}
