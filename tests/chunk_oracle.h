// chunk_oracle.h -- the slow chunker, written from the contract's words: every possible end is a
// row, every size is counted. And documents with random structures to compare with it.
#pragma once

#include "text/chunk.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

#include <assert.h>
#include <string.h>

#include "texts.h"

struct document {
    struct hp_arena arena;
    hp_str text;
    struct hp_edges edges; // the plain list, for the slow chunker
    struct hp_structure structure;
    struct hp_tokens *tokens;
};

enum { ENDS_MAX = 4096 };

struct end {
    size_t at, next;
    int rank;
};

struct slow {
    const struct document *document;
    const struct hp_chunk_options *options;
    struct end end[ENDS_MAX];
    size_t count;
};

static inline size_t size_of(const struct slow *slow, size_t start, size_t end)
{
    if (slow->options->unit == HP_UNIT_TOKENS)
        return hp_tokens_count(slow->document->tokens, start, end);
    hp_str span = { slow->document->text.ptr + start, end - start };
    return slow->options->unit == HP_UNIT_CHARS ? hp_utf8_chars(span) : span.len;
}

static inline bool inside(const struct hp_element *element, size_t at)
{
    return element->start < at && at < element->end;
}

// What the structure makes of an edge.
static inline int slow_rank(const struct hp_structure *structure, const struct hp_edge *edge)
{
    int rank = edge->rank;
    bool begins = false, ends = false;
    for (size_t i = 0; i < structure->headings; i++) {
        const struct hp_heading *heading = &structure->heading[i];
        begins |= heading->start >= edge->at && heading->start <= edge->next;
        ends |= heading->end >= edge->at && heading->end <= edge->next;
    }
    if (rank >= HP_EDGE_LINE && ends)
        return HP_EDGE_LINE;
    if (rank >= HP_EDGE_LINE && rank < HP_EDGE_PAGE && begins)
        return HP_EDGE_SECTION;
    for (size_t i = 0; i < structure->elements; i++) {
        const struct hp_element *element = &structure->element[i];
        if (!inside(element, edge->at) || element->kind == HP_ELEMENT_HTML)
            continue;
        if (rank == HP_EDGE_PARAGRAPH)
            rank = HP_EDGE_LINE;
        if (rank < HP_EDGE_LINE && element->kind != HP_ELEMENT_ITEM)
            rank = HP_EDGE_WORD;
    }
    return rank;
}

// In an element that begins behind the start and is no longer than max.
static inline bool slow_kept(const struct slow *slow, size_t start, size_t at)
{
    const struct hp_structure *structure = &slow->document->structure;
    for (size_t i = 0; i < structure->elements; i++) {
        const struct hp_element *element = &structure->element[i];
        size_t from = element->start, len;
        if (from <= start || !inside(element, at))
            continue;
        while (hp_unicode_blank(hp_utf8_at(slow->document->text, from, &len)))
            from += len;
        if (size_of(slow, from, element->end) <= (size_t)slow->options->max)
            return true;
    }
    return false;
}

static inline void slow_ends(struct slow *slow)
{
    size_t at = slow->document->edges.first;
    slow->count = 0;
    for (size_t i = 0; i < slow->document->edges.count; i++) {
        const struct hp_edge *edge = &slow->document->edges.edge[i];
        for (at = hp_grapheme_end(slow->document->text, at); at < edge->at;
             at = hp_grapheme_end(slow->document->text, at))
            slow->end[slow->count++] = (struct end){ at, at, HP_EDGE_GRAPHEME };
        assert(at == edge->at); // no edge cuts a cluster
        int rank = edge->rank;
        if (rank != HP_EDGE_DOCUMENT)
            rank = slow_rank(&slow->document->structure, edge);
        slow->end[slow->count++] = (struct end){ edge->at, edge->next, rank };
        at = edge->next;
    }
    assert(slow->count < ENDS_MAX);
}

static const struct end *slow_last(const struct slow *slow)
{
    return &slow->end[slow->count - 1];
}

// Of the ends behind `after` that fit, and leave `least` on both sides, what the rule says; NULL:
// none.
static const struct end *slow_choose(
    const struct slow *slow, size_t start, size_t after, size_t least)
{
    const struct end *best = NULL;
    size_t max = (size_t)slow->options->max;
    bool best_half = false;
    for (size_t i = 0; i < slow->count; i++) {
        const struct end *end = &slow->end[i];
        if (end->at <= start || end->at <= after)
            continue;
        size_t size = size_of(slow, start, end->at);
        if (size > max || size < least || slow_kept(slow, start, end->at))
            continue;
        if (end == slow_last(slow))
            return least ? best : end;
        if (least && size_of(slow, end->next, slow_last(slow)->at) < least)
            continue;
        bool half = size * 2 >= max;
        if (!best || half > best_half || (half == best_half && end->rank >= best->rank)) {
            best = end;
            best_half = half;
        }
    }
    return best;
}

static inline struct end slow_end(
    const struct slow *slow, size_t start, size_t after, bool *oversize)
{
    size_t least = (size_t)(slow->options->min ? slow->options->min : slow->options->max / 8);
    const struct end *end = slow_choose(slow, start, 0, 0);
    *oversize = false;
    if (!end) {
        for (end = slow->end; end->at <= start;)
            end++;
        *oversize = size_of(slow, start, end->at) > (size_t)slow->options->max;
        return *end;
    }
    if (end == slow_last(slow) || end->at <= after || least == 0 ||
        size_of(slow, end->next, slow_last(slow)->at) >= least)
        return *end;
    const struct end *shared = slow_choose(slow, start, after, least);
    return shared ? *shared : *end;
}

// The first start of the wanted kind (words, or clusters) that overlaps by at most `overlap`, and
// after which the chunk ends behind this one.
static inline bool slow_overlap(const struct slow *slow, size_t start, const struct end *this,
    bool words, size_t *at, struct end *next, bool *oversize, bool *any)
{
    *any = false;
    for (size_t i = 0; i < slow->count && slow->end[i].next < this->at; i++) {
        const struct end *edge = &slow->end[i];
        if (edge->next <= start || (edge->rank == HP_EDGE_GRAPHEME) == words)
            continue;
        if (size_of(slow, edge->next, this->at) > (size_t)slow->options->overlap)
            continue;
        *any = true;
        *next = slow_end(slow, edge->next, this->at, oversize);
        *at = edge->next;
        if (next->at > this->at)
            return true;
    }
    return false;
}

static inline size_t slow_cut(struct slow *slow, struct hp_chunk *out)
{
    size_t count = 0, start = slow->document->edges.first;
    bool oversize;
    slow_ends(slow);
    struct end end = slow_end(slow, start, 0, &oversize);
    for (;;) {
        struct hp_chunk chunk = { (uint32_t)start, (uint32_t)end.at, 0, (uint8_t)end.rank,
            oversize };
        struct hp_chunk *last = count ? &out[count - 1] : NULL;
        size_t min = (size_t)slow->options->min, max = (size_t)slow->options->max;
        if (last &&
            (size_of(slow, last->start, last->end) < min || size_of(slow, start, end.at) < min) &&
            size_of(slow, last->start, end.at) <= max)
            *last = (struct hp_chunk){ last->start, (uint32_t)end.at, 0, (uint8_t)end.rank, false };
        else
            out[count++] = chunk;
        if (end.at == slow_last(slow)->at)
            break;
        struct end next;
        size_t at;
        bool words, clusters, was = oversize;
        bool found = !was && slow_overlap(slow, start, &end, true, &at, &next, &oversize, &words);
        if (!found && !was && !words)
            found = slow_overlap(slow, start, &end, false, &at, &next, &oversize, &clusters);
        if (!found) {
            at = end.next;
            next = slow_end(slow, at, end.at, &oversize);
        }
        start = at;
        end = next;
    }
    for (size_t i = 0; i < count; i++)
        out[i].tokens = (uint32_t)hp_tokens_count(slow->document->tokens, out[i].start, out[i].end);
    return count;
}

// Whether the chunks are those of the slow chunker, which come out in `expected`.
static inline bool as_slow(struct slow *slow, const struct hp_chunks *chunks,
    struct hp_chunk expected[ENDS_MAX], size_t *count)
{
    *count = slow->document->edges.count ? slow_cut(slow, expected) : 0;
    bool same = chunks->count == *count;
    for (size_t i = 0; same && i < *count; i++)
        same = chunks->chunk[i].start == expected[i].start &&
               chunks->chunk[i].end == expected[i].end &&
               chunks->chunk[i].tokens == expected[i].tokens &&
               chunks->chunk[i].boundary == expected[i].boundary &&
               chunks->chunk[i].oversize == expected[i].oversize;
    return same;
}

// --- random structures ---------------------------------------------------------------------------

enum { STRUCTURE_MAX = 64 };

static inline size_t random_place(struct random *random, hp_str text, size_t low, size_t high)
{
    size_t at = low + random_below(random, (uint32_t)(high - low));
    while (at > low && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
        at--;
    return at;
}

// Ends behind a character that is not blank; `low` where there is none.
static inline size_t trimmed(hp_str text, size_t low, size_t end)
{
    size_t len;
    while (end > low && hp_unicode_blank(hp_utf8_before(text, end, &len)))
        end -= len;
    return end;
}

struct forest {
    struct hp_element element[STRUCTURE_MAX];
    struct hp_heading heading[STRUCTURE_MAX];
    size_t elements, headings;
};

// Elements side by side and in each other in text[low, high).
static inline void plant(
    struct random *random, hp_str text, struct forest *forest, size_t low, size_t high)
{
    while (low < high && forest->elements < STRUCTURE_MAX && random_below(random, 4)) {
        size_t start = random_below(random, 2) ? random_place(random, text, low, high) : low;
        size_t end = trimmed(text, start, random_place(random, text, start, high));
        if (random_below(random, 2))
            end = trimmed(text, start, high);
        if (end <= start)
            return;
        forest->element[forest->elements++] =
            (struct hp_element){ (uint32_t)start, (uint32_t)end, (uint8_t)random_below(random, 5) };
        if (random_below(random, 2))
            plant(random, text, forest, start, end);
        low = end;
    }
}

static inline void plant_headings(struct random *random, hp_str text, struct forest *forest)
{
    for (size_t at = 0; at < text.len && forest->headings < STRUCTURE_MAX;) {
        size_t start = random_place(random, text, at, text.len);
        const char *line = memchr(text.ptr + start, '\n', text.len - start);
        size_t end = trimmed(text, start, line ? (size_t)(line - text.ptr) : text.len);
        if (end > start)
            forest->heading[forest->headings++] = (struct hp_heading){ (uint32_t)start,
                (uint32_t)end, (uint32_t)start, (uint32_t)end, 1 };
        at = end > start ? end : start + 1;
        while (at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
            at++;
    }
}

static inline struct hp_structure random_structure(
    struct random *random, hp_str text, struct forest *forest)
{
    forest->elements = forest->headings = 0;
    if (random_below(random, 2))
        plant(random, text, forest, 0, text.len);
    if (random_below(random, 2))
        plant_headings(random, text, forest);
    return (struct hp_structure){ forest->heading, forest->element, forest->headings,
        forest->elements, { 0 } };
}
