// clean_repeats.c -- page headers and footers.
//
// A page is what lies between two page breaks; blank ones are passed over. Its first three and its
// last three lines that are not blank are candidates. Two candidates, of the same edge of two
// pages, are the same where they say the same but for blanks and numbers (arabic or roman), and
// each number is the same or moves on by as much as the pages do. Candidates that are the same link
// up over neighbouring pages, and over every other page (left and right ones differ); a chain of
// three is a header or footer, and its lines go. In a text of two or three pages a chain of two
// will do. So a line goes only where it stands on at least half of the pages that the chain spans,
// and text that occurs once, or on pages far apart, never does; but a chapter's number at the top
// of every single page is no different from the page's. Code, tables, front matter and HTML in
// Markdown are no candidates, nor is a heading of several lines.
//
// Only five pages are kept in mind. Where all lines of the text would go, none goes: it has no
// body.
#include "text/clean_lines.h"

#include "text/ascii.h"
#include "text/passes.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

enum {
    EDGE = 3,  // lines
    BACK = 2,  // pages
    CHAIN = 3, // candidates
    CHAIN_FEW = 2,
    FEW_PAGES = 3,
    RING = BACK * (CHAIN - 1) + 1,
    NUMBERS = 4,    // of a line, the first ones
    LINE_MOST = 512 // bytes; a longer line is no header
};

struct candidate {
    size_t start, end; // what goes with it
    uint64_t key;      // of what it says; 0: it is none
    uint32_t number[NUMBERS];
    uint32_t chain;           // how many are linked, this one included
    struct candidate *before; // the one that it links to
    bool goes;
};

struct page {
    size_t number; // blank ones count
    unsigned tops, bottoms, lines;
    struct candidate top[EDGE];
    struct candidate bottom[EDGE]; // a ring: the last lines
};

struct repeats {
    struct hp_rewrite *rewrite;
    struct hp_shield shield;
    const struct hp_structure *structure;
    size_t heading; // the next of the structure's
    size_t pages;   // that were read, blank ones left out
    uint32_t enough;
    bool kept; // a line stays
    struct page ring[RING];
};

// --- what a line says ----------------------------------------------------------------------------

struct saying {
    uint64_t key;
    uint32_t number[NUMBERS];
    unsigned numbers;
};

static void say(struct saying *saying, uint32_t what)
{
    saying->key = (saying->key ^ what) * 0x9e3779b97f4a7c15u;
    saying->key ^= saying->key >> 29;
}

static void say_number(struct saying *saying, uint32_t value)
{
    say(saying, UINT32_MAX);
    if (saying->numbers < NUMBERS)
        saying->number[saying->numbers++] = value;
}

static uint32_t roman_digit(char c)
{
    static const char digits[] = "ivxlcdm";
    static const uint32_t values[] = { 1, 5, 10, 50, 100, 500, 1000 };
    const char *found = c ? strchr(digits, c | 0x20) : NULL;
    return found ? values[found - digits] : 0;
}

static bool alnum(hp_str s, size_t at)
{
    size_t len;
    enum hp_category category = hp_unicode_category(hp_utf8_at(s, at, &len));
    return category >= HP_CAT_LU && category <= HP_CAT_N;
}

// Length of a roman number that is a word of its own, all small or all capitals; 0 where none
// stands at `at`.
static size_t roman_len(hp_str s, size_t at, uint32_t *value)
{
    enum { MOST = 8 };
    size_t end = at;
    uint32_t sum = 0;
    while (end < s.len && end - at < MOST && roman_digit(s.ptr[end]) &&
           (s.ptr[end] & 0x20) == (s.ptr[at] & 0x20)) {
        uint32_t here = roman_digit(s.ptr[end]);
        uint32_t next = end + 1 < s.len ? roman_digit(s.ptr[end + 1]) : 0;
        sum += here < next ? 0u - here : here;
        end++;
    }
    if (end == at || (end < s.len && alnum(s, end)))
        return 0;
    *value = sum;
    return end - at;
}

static size_t arabic_len(hp_str s, size_t at, uint32_t *value)
{
    size_t end = at;
    *value = 0;
    for (; end < s.len && hp_ascii_digit(s.ptr[end]); end++)
        *value = *value * 10 + (uint32_t)(s.ptr[end] - '0');
    return end - at;
}

static struct saying saying_of(hp_str s)
{
    struct saying saying = { .key = 0xcbf29ce484222325u };
    bool word = false, blank = false; // what stands before: a letter or digit, a blank
    for (size_t at = 0, len; at < s.len; at += len) {
        uint32_t value;
        if ((len = hp_blank_len(s, at)) > 0) {
            if (!blank)
                say(&saying, ' ');
            blank = true;
            word = false;
            continue;
        }
        blank = false;
        len = arabic_len(s, at, &value);
        if (len == 0 && !word)
            len = roman_len(s, at, &value);
        if (len > 0) {
            say_number(&saying, value);
            word = true;
            continue;
        }
        word = alnum(s, at);
        say(&saying, hp_utf8_at(s, at, &len));
    }
    saying.key |= 1;
    return saying;
}

// --- chains --------------------------------------------------------------------------------------

static bool same(const struct candidate *a, const struct candidate *b, size_t pages)
{
    if (a->key == 0 || a->key != b->key)
        return false;
    for (size_t i = 0; i < NUMBERS; i++)
        if (b->number[i] != a->number[i] && b->number[i] != a->number[i] + (uint32_t)pages)
            return false;
    return true;
}

static void link(struct repeats *repeats, struct candidate *to, struct candidate *from)
{
    to->before = from;
    to->chain = from->chain + 1;
    if (to->chain < repeats->enough)
        return;
    uint32_t left = repeats->enough; // those before were marked when they came
    for (struct candidate *at = to; at && left > 0; at = at->before, left--)
        at->goes = true;
}

// The candidate of a page that says the same; rather one with the very same numbers.
static struct candidate *find_on(
    struct page *page, const struct candidate *candidate, bool top, size_t pages)
{
    struct candidate *found = NULL;
    unsigned count = top ? page->tops : page->bottoms;
    for (unsigned i = 0; i < count; i++) {
        struct candidate *from = top ? &page->top[i] : &page->bottom[i];
        if (!same(from, candidate, pages))
            continue;
        if (memcmp(from->number, candidate->number, sizeof from->number) == 0)
            return from;
        found = found ? found : from;
    }
    return found;
}

// Looks for what the candidate repeats on the pages before.
static void find(
    struct repeats *repeats, const struct page *page, struct candidate *candidate, bool top)
{
    for (size_t back = 1; back <= BACK && back < repeats->pages; back++) {
        struct page *other = &repeats->ring[(repeats->pages - 1 - back) % RING];
        struct candidate *from = find_on(other, candidate, top, page->number - other->number);
        if (from) {
            link(repeats, candidate, from);
            return;
        }
    }
}

// --- pages ---------------------------------------------------------------------------------------

static void add_line(struct page *page, const struct hp_line *line, hp_str in, bool candidate)
{
    struct candidate new = {
        .start = line->start, .end = line->page ? line->end : line->next, .chain = 1
    };
    if (candidate && line->last - line->first <= LINE_MOST) {
        struct saying saying =
            saying_of((hp_str){ in.ptr + line->first, line->last - line->first });
        new.key = saying.key;
        memcpy(new.number, saying.number, sizeof new.number);
    }
    if (page->tops < EDGE)
        page->top[page->tops++] = new;
    page->bottom[page->lines % EDGE] = new;
    page->bottoms = page->bottoms < EDGE ? page->bottoms + 1 : EDGE;
    page->lines++;
}

static bool several_lines(struct repeats *repeats, const struct hp_line *line)
{
    const struct hp_structure *of = repeats->structure;
    while (repeats->heading < of->headings && of->heading[repeats->heading].end <= line->first)
        repeats->heading++;
    if (repeats->heading == of->headings)
        return false;
    const struct hp_heading *heading = &of->heading[repeats->heading];
    return heading->start < line->last &&
           (heading->start < line->start || heading->end > line->end);
}

static enum hp_code read_page(struct repeats *repeats, size_t *at, struct page *page)
{
    struct hp_line line = { .next = *at };
    hp_str in = repeats->rewrite->in;
    while (line.next < in.len && !line.page) {
        HP_TRY(hp_line_read(repeats->rewrite, line.next, &line));
        if (hp_line_blank(&line))
            continue;
        hp_shield_move(&repeats->shield, line.start);
        bool alone = repeats->shield.start < line.end || several_lines(repeats, &line);
        add_line(page, &line, in, !alone);
    }
    *at = line.next;
    return HP_OK;
}

// Takes out what goes of a page that nothing can link to any more.
static enum hp_code write_page(struct repeats *repeats, const struct page *page)
{
    size_t done = 0;
    unsigned gone = 0;
    for (unsigned i = 0; i < page->tops; i++) {
        const struct candidate *line = &page->top[i];
        bool goes = line->goes;
        for (unsigned j = 0; j < page->bottoms; j++)
            goes |= page->bottom[j].start == line->start && page->bottom[j].goes;
        if (!goes)
            continue;
        gone++;
        done = line->end;
        HP_TRY(hp_rewrite_put(repeats->rewrite, line->start, line->end - line->start, HP_S("")));
    }
    for (unsigned i = 0; i < page->bottoms; i++) {
        const struct candidate *line = &page->bottom[(page->lines + i) % page->bottoms];
        bool top = line->start <= page->top[page->tops - 1].start;
        if (top || line->start < done || !line->goes)
            continue;
        gone++;
        HP_TRY(hp_rewrite_put(repeats->rewrite, line->start, line->end - line->start, HP_S("")));
    }
    repeats->kept |= gone < page->lines;
    return HP_OK;
}

// Reads the next page that is not blank, and writes the one that leaves the ring.
static enum hp_code next_page(struct repeats *repeats, size_t *at, size_t *number)
{
    struct page page = { .number = *number };
    while (page.lines == 0 && *at < repeats->rewrite->in.len) {
        page.number = ++*number;
        HP_TRY(read_page(repeats, at, &page));
    }
    if (page.lines == 0)
        return HP_OK;
    struct page *slot = &repeats->ring[repeats->pages % RING];
    if (repeats->pages >= RING)
        HP_TRY(write_page(repeats, slot));
    *slot = page;
    repeats->pages++;
    for (unsigned i = 0; i < slot->tops; i++)
        find(repeats, slot, &slot->top[i], true);
    for (unsigned i = 0; i < slot->bottoms; i++)
        find(repeats, slot, &slot->bottom[i], false);
    return HP_OK;
}

// How many pages are not blank, up to a few.
static enum hp_code count_pages(struct hp_rewrite *rewrite, size_t *pages)
{
    struct hp_line line = { 0 };
    bool blank = true;
    *pages = 0;
    while (line.next < rewrite->in.len && *pages <= FEW_PAGES) {
        HP_TRY(hp_line_read(rewrite, line.next, &line));
        *pages += blank && !hp_line_blank(&line);
        blank = line.page || (blank && hp_line_blank(&line));
    }
    return HP_OK;
}

enum hp_code hp_fix_repeated_lines(
    struct hp_rewrite *rewrite, const struct hp_clean_options *options)
{
    (void)options;
    size_t pages, at = 0, number = 0;
    if (rewrite->in.len == 0 || !memchr(rewrite->in.ptr, '\f', rewrite->in.len))
        return HP_OK;
    HP_TRY(count_pages(rewrite, &pages));
    struct repeats repeats = { .rewrite = rewrite,
        .structure = rewrite->structure,
        .shield = { .of = rewrite->structure, .kinds = ~(1u << HP_ELEMENT_ITEM) },
        .enough = pages <= FEW_PAGES ? CHAIN_FEW : CHAIN };
    while (at < rewrite->in.len)
        HP_TRY(next_page(&repeats, &at, &number));
    for (size_t i = repeats.pages > RING ? repeats.pages - RING : 0; i < repeats.pages; i++)
        HP_TRY(write_page(&repeats, &repeats.ring[i % RING]));
    if (!repeats.kept)
        hp_rewrite_undo(rewrite);
    return HP_OK;
}
