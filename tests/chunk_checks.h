// chunk_checks.h -- what the contract promises of the chunks of any text, in one walk over them.
#pragma once

#include "text/chunk.h"
#include "text/unicode.h"
#include "hotpathd/utf8.h"

struct chunk_check {
    hp_str text;
    const struct hp_tokens *tokens;
    const struct hp_chunk_options *options;
    const bool *cluster; // at each byte: one begins or ends
};

static inline const bool *clusters_of(hp_str text, struct hp_arena *arena)
{
    bool *cluster = HP_NEW(arena, bool, text.len + 1);
    if (!cluster)
        return NULL;
    for (size_t at = 0; at < text.len; at = hp_grapheme_end(text, at))
        cluster[at] = true;
    cluster[text.len] = true;
    return cluster;
}

static inline size_t chunk_size(const struct chunk_check *check, size_t start, size_t end)
{
    if (check->options->unit == HP_UNIT_TOKENS)
        return hp_tokens_count(check->tokens, start, end);
    hp_str span = { check->text.ptr + start, end - start };
    return check->options->unit == HP_UNIT_CHARS ? hp_utf8_chars(span) : span.len;
}

static inline bool blank_span(hp_str text, size_t start, size_t end)
{
    for (size_t at = start, len; at < end; at += len)
        if (!hp_unicode_blank(hp_utf8_at(text, at, &len)))
            return false;
    return true;
}

static inline const char *wrong_alone(const struct chunk_check *check, const struct hp_chunk *chunk)
{
    if (chunk->start >= chunk->end || chunk->end > check->text.len)
        return "no span of the text";
    if (!check->cluster[chunk->start] || !check->cluster[chunk->end])
        return "a chunk cuts a cluster";
    size_t first_end = chunk->start + 1, last = chunk->end - 1;
    while (!check->cluster[first_end])
        first_end++;
    while (!check->cluster[last])
        last--;
    if (blank_span(check->text, chunk->start, first_end))
        return "a chunk begins with a blank";
    if (blank_span(check->text, last, chunk->end))
        return "a chunk ends with a blank";
    bool over = chunk_size(check, chunk->start, chunk->end) > (size_t)check->options->max;
    if (over != chunk->oversize)
        return "over size, or said to be";
    if (over && first_end != chunk->end)
        return "more than one cluster is over size";
    if (check->tokens && chunk->tokens != hp_tokens_count(check->tokens, chunk->start, chunk->end))
        return "other tokens than the chunk has";
    return chunk->boundary < HP_EDGES ? NULL : "no such boundary";
}

static inline const char *wrong_neighbours(
    const struct chunk_check *check, const struct hp_chunk *a, const struct hp_chunk *b)
{
    if (b->end <= a->end)
        return "ends do not grow";
    if (b->start <= a->start)
        return "starts do not grow";
    if (b->start >= a->end)
        return blank_span(check->text, a->end, b->start) ? NULL : "text between chunks is lost";
    size_t overlap = chunk_size(check, b->start, a->end);
    return overlap <= (size_t)check->options->overlap ? NULL : "too much overlap";
}

// NULL where everything holds.
static inline const char *wrong_chunks(
    const struct chunk_check *check, const struct hp_chunks *chunks)
{
    const char *wrong = NULL;
    if ((chunks->count == 0) != blank_span(check->text, 0, check->text.len))
        return "blank or not";
    if (chunks->count == 0)
        return NULL;
    const struct hp_chunk *first = chunks->chunk, *last = &first[chunks->count - 1];
    if (!blank_span(check->text, 0, first->start))
        return "text before the first chunk is lost";
    if (!blank_span(check->text, last->end, check->text.len))
        return "text behind the last chunk is lost";
    if (last->boundary != HP_EDGE_DOCUMENT)
        return "the last chunk does not end the document";
    for (size_t i = 0; i < chunks->count && !wrong; i++)
        wrong = wrong_alone(check, &first[i]);
    for (size_t i = 1; i < chunks->count && !wrong; i++)
        wrong = wrong_neighbours(check, &first[i - 1], &first[i]);
    return wrong;
}
