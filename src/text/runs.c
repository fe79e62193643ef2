// runs.c -- byte-pair encoding of runs. What makes long runs dear elsewhere is that the vocabulary
// holds the same sign 64, 70, 72, ... 112 times: nearly all of these lead nowhere, but each byte
// has all of them to try. Merging does not care: all pairs in a run are the same pair, so a merge
// halves the run, and a megabyte is through after a few dozen.
//
// As a merge makes a token of a higher rank than its halves, a pair that it brings about never goes
// before what is left of its own kind: so these can all go at once. That the outcome is the
// encoding is not left to this reasoning, but is looked at (hp_bpe_neighbours).
#include "text/runs.h"

#include "text/bpe.h"

enum { RUNS_FIRST = 64, RUN_BYTES = 8 };

size_t hp_alike_end(const char *bytes, size_t at, size_t len)
{
    static const size_t strides[] = { 2048, 64 };
    size_t end = at + 1;
    for (size_t i = 0; i < sizeof strides / sizeof *strides; i++)
        while (end + strides[i] <= len && memcmp(bytes + end, bytes + end - 1, strides[i]) == 0)
            end += strides[i];
    while (end < len && bytes[end] == bytes[at])
        end++;
    return end;
}

static bool begin(const struct hp_vocab *vocab, const char *bytes, size_t len, struct hp_runs *runs)
{
    size_t most = len / RUN_BYTES < RUNS_FIRST ? len / RUN_BYTES : RUNS_FIRST;
    runs->count = 0;
    for (size_t at = 0, end; at < len; at = end) {
        if (runs->count == most)
            return false;
        end = hp_alike_end(bytes, at, len);
        struct hp_run *run = &runs->run[runs->count++];
        run->token = vocab->byte[(uint8_t)bytes[at]];
        run->times = (uint32_t)(end - at);
    }
    return true;
}

// Sets what the runs [from, end) merge into.
static void look(const struct hp_vocab *vocab, struct hp_runs *runs, size_t from, size_t end)
{
    for (size_t i = from; i < end && i < runs->count; i++) {
        struct hp_run *run = &runs->run[i];
        run->twice = run->next = HP_NO_TOKEN;
        if (run->times > 1)
            run->twice = hp_vocab_merge(vocab, run->token, run->token);
        if (i + 1 < runs->count)
            run->next = hp_vocab_merge(vocab, run->token, run[1].token);
    }
}

// The run whose own merge, or whose merge with the next, goes first; runs->count: no merge is left.
static size_t least(const struct hp_runs *runs)
{
    uint32_t best = HP_NO_TOKEN;
    size_t at = runs->count;
    for (size_t i = 0; i < runs->count; i++) {
        const struct hp_run *run = &runs->run[i];
        uint32_t rank = run->twice < run->next ? run->twice : run->next;
        if (rank < best) {
            best = rank;
            at = i;
        }
    }
    return at;
}

// Puts a run behind those that are there: none where it has no tokens, together with the last one
// where it is of the same token.
static size_t put(struct hp_run *runs, size_t count, uint32_t token, uint32_t times)
{
    if (times == 0)
        return count;
    if (count > 0 && runs[count - 1].token == token) {
        runs[count - 1].times += times;
        return count;
    }
    runs[count] = (struct hp_run){ .token = token, .times = times };
    return count + 1;
}

// Merges at run `at` what goes first there.
static void merge(const struct hp_vocab *vocab, struct hp_runs *runs, size_t at)
{
    enum { MADE_MOST = 5 }; // what one or two runs become, and both neighbours
    struct hp_run made[MADE_MOST], *run = &runs->run[at];
    bool itself = run->twice < run->next;
    size_t from = at > 0 ? at - 1 : 0, count = 0, end = at + (itself ? 1 : 2);
    if (at > 0)
        made[count++] = runs->run[from];
    if (itself) {
        count = put(made, count, run->twice, run->times / 2);
        count = put(made, count, run->token, run->times % 2);
    } else {
        count = put(made, count, run->token, run->times - 1);
        count = put(made, count, run->next, 1);
        count = put(made, count, run[1].token, run[1].times - 1);
    }
    if (end < runs->count) {
        count = put(made, count, runs->run[end].token, runs->run[end].times);
        end++;
    }
    memmove(runs->run + from + count, runs->run + end, (runs->count - end) * sizeof *made);
    memcpy(runs->run + from, made, count * sizeof *made);
    runs->count = runs->count - (end - from) + count;
    look(vocab, runs, from > 0 ? from - 1 : 0, from + count);
}

static bool is_encoding(const struct hp_vocab *vocab, const struct hp_runs *runs)
{
    for (size_t i = 0; i < runs->count; i++) {
        const struct hp_run *run = &runs->run[i];
        if (run->times > 1 && !hp_bpe_neighbours(vocab, run->token, run->token))
            return false;
        if (i + 1 < runs->count && !hp_bpe_neighbours(vocab, run->token, run[1].token))
            return false;
    }
    return true;
}

bool hp_runs_encode(
    const struct hp_vocab *vocab, const char *bytes, size_t len, struct hp_runs *runs)
{
    enum { GROWTH = 1 }; // a merge adds one run at most
    if (!begin(vocab, bytes, len, runs))
        return false;
    look(vocab, runs, 0, runs->count);
    for (size_t at; (at = least(runs)) < runs->count;) {
        if (runs->count + GROWTH > HP_RUNS)
            return false;
        merge(vocab, runs, at);
    }
    return is_encoding(vocab, runs);
}

size_t hp_runs_tokens(const struct hp_runs *runs)
{
    size_t count = 0;
    for (size_t i = 0; i < runs->count; i++)
        count += runs->run[i].times;
    return count;
}
