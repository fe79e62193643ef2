// tokens.c -- a text is encoded once into two bitmaps, one bit a byte: where pre-tokens start and
// where tokens start. A count is a difference of two ranks.
//
// A part of the text, standing alone, is cut like the whole but near its edges: up to the first
// border of a pre-token that the whole has too, and behind the last one that does not depend on
// what follows the end. Only these two stretches are encoded anew.
#include "text/tokens.h"

#include "text/encoded.h"
#include "text/estimate.h"
#include "text/memo.h"
#include "text/pretoken.h"
#include "text/runs.h"
#include "text/window.h"
#include "text/words.h"

#include <assert.h>

enum { DEADLINE_BYTES = 16384 }; // between two looks at the clock

size_t hp_piece_end(const struct hp_vocab *vocab, hp_str text, size_t at)
{
    return hp_pretoken_end(vocab ? vocab->encoding : HP_O200K_BASE, text, at);
}

// --- pieces --------------------------------------------------------------------------------------

static void scratch_need(struct hp_scratch *scratch, size_t bits)
{
    size_t words = hp_bit_words(bits), more = words - scratch->clean;
    if (words <= scratch->clean)
        return;
    memset(scratch->starts + scratch->clean, 0, more * sizeof *scratch->starts);
    memset(scratch->dead + scratch->clean, 0, more * sizeof *scratch->dead);
    scratch->clean = words;
}

// Sets the bits of `mask`, which has one for each byte from `at` on.
static inline void set_bits(uint64_t *bits, size_t at, uint64_t mask)
{
    bits[at / 64] |= mask << at % 64;
    bits[at / 64 + 1] |= mask >> 1 >> (63 - at % 64);
}

size_t hp_split_long(const struct hp_vocab *vocab, hp_str piece, struct hp_scratch *scratch,
    const struct hp_deadline *deadline)
{
    scratch_need(scratch, piece.len);
    return hp_bpe_split(vocab, piece.ptr, 0, piece.len, scratch->starts, scratch->dead, deadline);
}

void hp_scratch_clear(struct hp_scratch *scratch, size_t bits)
{
    memset(scratch->starts, 0, hp_bit_words(bits) * sizeof *scratch->starts);
    memset(scratch->dead, 0, hp_bit_words(bits) * sizeof *scratch->dead);
}

uint64_t hp_short_tokens(const struct hp_vocab *vocab, hp_str piece)
{
    if (!vocab)
        return UINT64_MAX >> (64 - hp_estimate_tokens(piece));
    if (hp_vocab_find(vocab, piece.ptr, piece.len) != HP_NO_TOKEN)
        return 1;
    return hp_bpe_merge(vocab, piece.ptr, piece.len);
}

// The tokens of a word of up to HP_WORD_SHORT bytes that is more than one.
static uint64_t remembered(
    const struct hp_vocab *vocab, struct hp_word key, uint64_t hash, hp_str word)
{
    uint64_t tokens = hp_memo_find(vocab->memo, key, hash);
    if (tokens)
        return tokens;
    tokens = hp_bpe_merge(vocab, word.ptr, word.len);
    hp_memo_keep(vocab->memo, key, hash, tokens);
    return tokens;
}

// The tokens of a piece of 16 to HP_MEMO_LONG bytes; `behind` is the key of those behind the first
// 16.
static uint64_t remembered_long(const struct hp_vocab *vocab, hp_str piece, struct hp_word behind)
{
    struct hp_word first;
    memcpy(&first, piece.ptr, sizeof first);
    uint64_t hash = hp_mix(hp_word_hash(behind) ^ first.low ^ first.high * 0xd1b54a32d192ed03u);
    uint64_t tokens = hp_memo_find_long(vocab->memo, first, behind, hash);
    if (tokens)
        return tokens;
    tokens = hp_short_tokens(vocab, piece);
    hp_memo_keep_long(vocab->memo, first, behind, hash, tokens);
    return tokens;
}

uint64_t hp_lasting_tokens(const struct hp_vocab *vocab, hp_str piece)
{
    if (!vocab || piece.len > HP_MEMO_LONG)
        return hp_short_tokens(vocab, piece);
    if (piece.len > HP_WORD_SHORT)
        return remembered_long(vocab, piece,
            hp_word_key(piece.ptr + sizeof(struct hp_word), piece.len - sizeof(struct hp_word)));
    struct hp_word key = hp_word_key(piece.ptr, piece.len);
    uint64_t hash = hp_word_hash(key);
    if (hp_word_is(vocab, hp_word_slot_of(vocab, hash), key))
        return 1;
    return remembered(vocab, key, hash, piece);
}

// --- encode --------------------------------------------------------------------------------------

// A text on its way through; `starts` and `pieces` are NULL where nothing but the count is asked
// for.
struct pass {
    const struct hp_vocab *vocab;
    hp_str text;
    uint64_t *pieces, *starts;
    struct hp_scratch *scratch;
    const struct hp_deadline *deadline;
    size_t count;
    const struct hp_words_how *how;
    struct hp_words *words; // not cleared: read only as far as it was written
    bool has_long;          // a piece of HP_LONG_PIECE or more
};

static void add_runs(struct pass *pass, size_t at, const struct hp_runs *runs)
{
    pass->count += hp_runs_tokens(runs);
    for (size_t i = 0; i < runs->count && pass->starts; i++) {
        size_t len = pass->vocab->token[runs->run[i].token].len;
        for (size_t k = 0; k < runs->run[i].times; k++, at += len)
            hp_bit_set(pass->starts, at);
    }
}

static void add_long(struct pass *pass, size_t at, hp_str piece)
{
    if (!pass->vocab) {
        size_t count = hp_estimate_tokens(piece);
        for (size_t i = 0; i < count && pass->starts; i++)
            hp_bit_set(pass->starts, at + i);
        pass->count += count;
        return;
    }
    if (hp_vocab_find(pass->vocab, piece.ptr, piece.len) != HP_NO_TOKEN) {
        if (pass->starts)
            hp_bit_set(pass->starts, at);
        pass->count++;
        return;
    }
    struct hp_runs runs;
    if (hp_runs_encode(pass->vocab, piece.ptr, piece.len, &runs)) {
        add_runs(pass, at, &runs);
        return;
    }
    pass->count += hp_split_long(pass->vocab, piece, pass->scratch, pass->deadline);
    for (size_t i = 0; i < hp_bit_words(piece.len) && pass->starts; i++)
        if (pass->scratch->starts[i])
            set_bits(pass->starts, at + i * 64, pass->scratch->starts[i]);
    hp_scratch_clear(pass->scratch, piece.len);
}

// A piece that is in no table of short words, or estimated.
static void add_piece(struct pass *pass, size_t at, size_t len)
{
    hp_str piece = { pass->text.ptr + at, len };
    if (len > HP_MERGE_BYTES) {
        add_long(pass, at, piece);
        return;
    }
    uint64_t mask = hp_lasting_tokens(pass->vocab, piece);
    if (pass->starts)
        set_bits(pass->starts, at, mask);
    pass->count += hp_bit_count(mask);
}

// One pre-token, wherever it ends.
static size_t step(struct pass *pass, size_t at)
{
    size_t end = hp_piece_end(pass->vocab, pass->text, at);
    pass->has_long |= end - at >= HP_LONG_PIECE;
    if (pass->pieces)
        hp_bit_set(pass->pieces, at);
    add_piece(pass, at, end - at);
    return end;
}

static void add_remembered(struct pass *pass, size_t at, size_t len)
{
    hp_str piece = { pass->text.ptr + at, len };
    struct hp_word behind = hp_word_key_near(piece.ptr + sizeof behind, len - sizeof behind);
    uint64_t mask = remembered_long(pass->vocab, piece, behind);
    pass->count += hp_bit_count(mask);
    if (pass->starts)
        set_bits(pass->starts, at, mask);
}

// Word number `i` of those that wait is more than one token.
static void add_several(struct pass *pass, size_t i)
{
    const struct hp_words *words = pass->words;
    struct hp_word key = words->key[i];
    hp_str word = { pass->text.ptr + words->at[i], key.high >> 56 };
    uint64_t mask = remembered(pass->vocab, key, hp_word_hash_short(key), word);
    pass->count += hp_bit_count(mask) - 1;
    if (pass->starts)
        set_bits(pass->starts, words->at[i], mask);
}

// Looks at the slots of all that wait.
static void answer(struct pass *pass)
{
    struct hp_words *words = pass->words;
    for (size_t base = 0; base < words->count; base += 64) {
        uint64_t several = pass->how->unknown(words, pass->vocab, base);
        for (; several; several &= several - 1)
            add_several(pass, base + (size_t)__builtin_ctzll(several));
    }
    pass->count += words->count;
    words->count = 0;
}

// The pre-tokens of a window, but for the one that goes on behind it.
static size_t step_window(struct pass *pass, size_t at, uint64_t borders)
{
    uint64_t longer =
        pass->how->ask(pass->words, pass->vocab, pass->text.ptr + at, (uint32_t)at, borders);
    for (; longer; longer &= longer - 1) {
        unsigned from = (unsigned)__builtin_ctzll(longer);
        unsigned len = (unsigned)__builtin_ctzll(borders >> from >> 1) + 1;
        if (len <= HP_MEMO_LONG)
            add_remembered(pass, at + from, len);
        else
            add_piece(pass, at + from, len);
    }
    if (pass->starts) {
        set_bits(pass->pieces, at, borders);
        set_bits(pass->starts, at, borders);
    }
    if (pass->words->count >= HP_WORDS_WAITING)
        answer(pass);
    return at + 63 - (unsigned)__builtin_clzll(borders);
}

static enum hp_code run(struct pass *pass, struct hp_fault *fault)
{
    assert(pass->text.len <= UINT32_MAX);
    hp_window_fn *window = hp_window_best();
    pass->how = hp_words_best();
    pass->words->count = 0;
    size_t look = DEADLINE_BYTES;
    for (size_t at = 0; at < pass->text.len;) {
        if (at >= look) {
            HP_TRY(hp_deadline_check(pass->deadline, fault));
            look = at + DEADLINE_BYTES;
        }
        uint64_t borders = 1;
        if (pass->vocab && pass->text.len - at >= HP_WORDS_READ)
            borders = window(pass->vocab->encoding, pass->text.ptr + at);
        at = borders == 1 ? step(pass, at) : step_window(pass, at, borders);
    }
    answer(pass);
    return hp_deadline_check(pass->deadline, fault);
}

static void sum_up(struct hp_tokens *tokens)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < hp_bit_words(tokens->text.len); i++) {
        tokens->before[i] = sum;
        sum += hp_bit_count(tokens->starts[i]);
    }
}

static bool scratch_init(struct hp_scratch *scratch, size_t bits, struct hp_arena *arena)
{
    size_t words = hp_bit_words(bits);
    uint64_t *starts = HP_NEW_RAW(arena, uint64_t, words * 2);
    if (!starts)
        return false;
    *scratch = (struct hp_scratch){ .starts = starts, .dead = starts + words };
    return true;
}

enum hp_code hp_tokens_encode(const struct hp_vocab *vocab, hp_str text, struct hp_arena *arena,
    const struct hp_deadline *deadline, struct hp_tokens **out, struct hp_fault *fault)
{
    size_t words = hp_bit_words(text.len);
    struct hp_tokens *tokens = HP_NEW(arena, struct hp_tokens, 1);
    struct hp_scratch *scratch = HP_NEW_RAW(arena, struct hp_scratch, 1);
    uint64_t *bits = HP_NEW(arena, uint64_t, words * 2);
    uint32_t *before = HP_NEW_RAW(arena, uint32_t, words);
    if (!tokens || !scratch || !bits || !before || !scratch_init(scratch, text.len, arena))
        return hp_no_memory(arena, fault);
    *tokens = (struct hp_tokens){
        .vocab = vocab,
        .text = text,
        .pieces = bits,
        .starts = bits + words,
        .scratch = scratch,
        .before = before,
    };
    struct hp_words waiting;
    struct pass pass = { .vocab = vocab,
        .text = text,
        .words = &waiting,
        .pieces = tokens->pieces,
        .starts = tokens->starts,
        .scratch = scratch,
        .deadline = deadline };
    HP_TRY(run(&pass, fault));
    hp_bit_set(tokens->pieces, text.len);
    if (pass.has_long && vocab && !(tokens->longest = HP_NEW(arena, uint8_t, text.len + HP_BYTES)))
        return hp_no_memory(arena, fault);
    sum_up(tokens);
    *out = tokens;
    return HP_OK;
}

enum hp_code hp_tokens_total(const struct hp_vocab *vocab, hp_str text, struct hp_arena *arena,
    const struct hp_deadline *deadline, size_t *count, struct hp_fault *fault)
{
    struct hp_scratch scratch;
    if (!scratch_init(&scratch, text.len, arena))
        return hp_no_memory(arena, fault);
    struct hp_words waiting;
    struct pass pass = {
        .vocab = vocab, .text = text, .words = &waiting, .scratch = &scratch, .deadline = deadline
    };
    HP_TRY(run(&pass, fault));
    *count = pass.count;
    return HP_OK;
}

size_t hp_tokens_all(const struct hp_tokens *tokens)
{
    return hp_tokens_rank(tokens, tokens->text.len);
}
