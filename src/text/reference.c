// reference.c -- byte-pair encoding as its definition says: of all neighbours merge the first of
// those with the lowest rank, until none can. What the fast version is tested against; no daemon
// calls it.
#include "text/estimate.h"
#include "text/encoded.h"

#include <assert.h>
#include <stdlib.h>

// Joins the first of the lowest-ranked neighbours among the parts that begin at start[0 .. count);
// false where no two can be joined.
static bool join(const struct hp_vocab *vocab, const char *text, size_t *start, size_t count)
{
    size_t best = 0;
    uint32_t lowest = HP_NO_TOKEN;
    for (size_t i = 0; i + 2 <= count; i++) {
        uint32_t rank = hp_vocab_find(vocab, text + start[i], start[i + 2] - start[i]);
        if (rank < lowest) {
            lowest = rank;
            best = i;
        }
    }
    if (lowest == HP_NO_TOKEN)
        return false;
    memmove(start + best + 1, start + best + 2, (count - best - 1) * sizeof *start);
    return true;
}

static size_t merge(const struct hp_vocab *vocab, const char *text, size_t len)
{
    if (hp_vocab_find(vocab, text, len) != HP_NO_TOKEN)
        return 1;
    size_t *start = malloc((len + 1) * sizeof *start);
    assert(start);
    for (size_t i = 0; i <= len; i++)
        start[i] = i;
    size_t count = len;
    while (join(vocab, text, start, count))
        count--;
    free(start);
    return count;
}

size_t hp_tokens_reference(const struct hp_vocab *vocab, hp_str text)
{
    size_t count = 0;
    for (size_t at = 0, end; at < text.len; at = end) {
        end = hp_piece_end(vocab, text, at);
        count += vocab ? merge(vocab, text.ptr + at, end - at)
                       : hp_estimate_tokens((hp_str){text.ptr + at, end - at});
    }
    return count;
}
