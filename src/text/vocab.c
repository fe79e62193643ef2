// vocab.c -- opens a vocabulary's map. Nothing is built here: the file is checked (sizes, checksum,
// and that no number in it points outside) and used as it lies.
#include "text/vocab.h"

#include "text/memo.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL // the library's users link nothing
#include <xxhash.h>

static const char *const names[HP_ENCODINGS] = { "o200k_base", "cl100k_base", "estimate" };

const char *hp_encoding_name(enum hp_encoding encoding)
{
    return names[encoding];
}

// --- layout --------------------------------------------------------------------------------------

enum { ARRAYS = 12 };

// Where each array begins: one behind the other, each on a cache line of its own.
static void layout(const struct hp_vocab_head *head, uint64_t at[ARRAYS + 1])
{
    const uint64_t bytes[ARRAYS] = {
        (uint64_t)1 << head->word_pilot_bits,
        sizeof(struct hp_word) << head->word_bits,
        sizeof(uint32_t) << head->word_bits,
        (uint64_t)1 << head->pair_pilot_bits,
        (uint64_t)1 << (head->pair_bits + HP_FILTER_BITS - 3),
        sizeof(uint64_t) << head->pair_bits,
        HP_CHARS * sizeof(struct hp_character),
        sizeof(uint32_t[64][256]),
        256 * sizeof(uint32_t),
        (uint64_t)head->nodes * sizeof(struct hp_node),
        (uint64_t)head->tokens * sizeof(struct hp_token),
        head->spelled,
    };
    at[0] = (sizeof *head + 63) / 64 * 64;
    for (size_t i = 0; i < ARRAYS; i++)
        at[i + 1] = (at[i] + bytes[i] + 63) / 64 * 64;
}

uint64_t hp_vocab_bytes(const struct hp_vocab_head *head)
{
    uint64_t at[ARRAYS + 1];
    layout(head, at);
    return at[ARRAYS];
}

struct hp_vocab hp_vocab_bind(const struct hp_vocab_head *head)
{
    uint64_t at[ARRAYS + 1];
    layout(head, at);
    const char *base = (const char *)head;
    return (struct hp_vocab){
        .head = head,
        .word_pilot = (const void *)(base + at[0]),
        .word = (const void *)(base + at[1]),
        .word_token = (const void *)(base + at[2]),
        .pair_pilot = (const void *)(base + at[3]),
        .pair_filter = (const void *)(base + at[4]),
        .pair = (const void *)(base + at[5]),
        .character = (const void *)(base + at[6]),
        .seam = (const uint32_t(*)[256])(const void *)(base + at[7]),
        .byte = (const void *)(base + at[8]),
        .node = (const void *)(base + at[9]),
        .token = (const void *)(base + at[10]),
        .spelling = base + at[11],
        .word_mask = (1u << head->word_bits) - 1,
        .pair_mask = (1u << head->pair_bits) - 1,
        .word_shift = 32 - head->word_pilot_bits,
        .pair_shift = 32 - head->pair_pilot_bits,
        .filter_shift = 64 - (head->pair_bits + HP_FILTER_BITS),
    };
}

uint64_t hp_vocab_checksum(const struct hp_vocab_head *head)
{
    struct hp_vocab_head plain = *head;
    plain.checksum = 0;
    uint64_t of_head = XXH3_64bits(&plain, sizeof plain);
    return XXH3_64bits_withSeed(head + 1, head->bytes - sizeof plain, of_head);
}

// --- words ---------------------------------------------------------------------------------------

#define MASK(bytes) ((bytes) == 0 ? 0 : UINT64_MAX >> (64 - 8 * ((bytes) ? (bytes) : 1)))
#define MASKS(len)                                                                                 \
    {                                                                                              \
        MASK((len) < 8 ? (len) : 8), MASK((len) < 8 ? 0 : (len)-8), (uint64_t)(len) << 56          \
    }

const uint64_t hp_word_masks[HP_WORD_SHORT + 1][3] = { MASKS(0), MASKS(1), MASKS(2), MASKS(3),
    MASKS(4), MASKS(5), MASKS(6), MASKS(7), MASKS(8), MASKS(9), MASKS(10), MASKS(11), MASKS(12),
    MASKS(13), MASKS(14), MASKS(15) };

static uint64_t hash_long(const char *bytes, size_t len)
{
    uint64_t hash = len, part;
    for (size_t at = 0; at + sizeof part < len; at += sizeof part) {
        memcpy(&part, bytes + at, sizeof part);
        hash = hp_mix(hash ^ part);
    }
    memcpy(&part, bytes + len - sizeof part, sizeof part);
    return hp_mix(hash ^ part);
}

// Up to eight bytes as a number, without a look behind them.
static uint64_t read_few(const char *bytes, size_t len)
{
    const unsigned char *p = (const unsigned char *)bytes;
    uint64_t eight;
    uint32_t first, last;
    if (len >= sizeof eight) {
        memcpy(&eight, p, sizeof eight);
        return eight;
    }
    if (len >= sizeof first) { // the two may overlap
        memcpy(&first, p, sizeof first);
        memcpy(&last, p + len - sizeof last, sizeof last);
        return first | (uint64_t)last << 8 * (len - sizeof last);
    }
    if (len == 0)
        return 0;
    return p[0] | (uint64_t)p[len / 2] << 8 * (len / 2) | (uint64_t)p[len - 1] << 8 * (len - 1);
}

struct hp_word hp_word_key(const char *bytes, size_t len)
{
    enum { HALF = 8 };
    if (len > HP_WORD_SHORT)
        return (struct hp_word){ hash_long(bytes, len), (uint64_t)(len | 0x80) << 56 };
    uint64_t high = len > HALF ? read_few(bytes + HALF, len - HALF) : 0;
    return (struct hp_word){ read_few(bytes, len), high | (uint64_t)len << 56 };
}

uint32_t hp_vocab_find(const struct hp_vocab *vocab, const char *bytes, size_t len)
{
    if (len == 0 || len > HP_TOKEN_MAX)
        return HP_NO_TOKEN;
    struct hp_word key = hp_word_key(bytes, len);
    uint32_t slot = hp_word_slot(vocab, key);
    const struct hp_word *word = &vocab->word[slot];
    bool same = len > HP_WORD_SHORT
                    ? word->low == key.low && word->high >> 56 == key.high >> 56 &&
                          memcmp(vocab->spelling + (uint32_t)word->high, bytes, len) == 0
                    : hp_word_is(vocab, slot, key);
    return same ? vocab->word_token[slot] : HP_NO_TOKEN;
}

// --- checks --------------------------------------------------------------------------------------

static bool is_token(const struct hp_vocab_head *head, uint32_t token)
{
    return token < head->tokens;
}

// Bytes of a long word; 128 is 0x80 | 128 too.
static uint32_t long_len(struct hp_word word)
{
    uint32_t len = word.high >> 56 & 0x7f;
    return len ? len : HP_TOKEN_MAX;
}

static bool words_are_sound(const struct hp_vocab *vocab)
{
    const struct hp_vocab_head *head = vocab->head;
    bool sound = true;
    for (size_t i = 0; i <= vocab->word_mask; i++) {
        struct hp_word word = vocab->word[i];
        bool empty = word.high == 0;
        bool in_itself = word.high >> 63 == 0;
        uint64_t end = (uint64_t)(uint32_t)word.high + long_len(word);
        sound &= empty | in_itself | (end <= head->spelled);
        sound &= empty | is_token(head, vocab->word_token[i]);
    }
    return sound;
}

static bool pairs_are_sound(const struct hp_vocab *vocab)
{
    bool sound = true;
    for (size_t i = 0; i <= vocab->pair_mask; i++) {
        uint64_t pair = vocab->pair[i];
        sound &= (pair == UINT64_MAX) | is_token(vocab->head, (uint32_t)pair & HP_NO_TOKEN);
    }
    return sound;
}

static bool is_token_or_none(const struct hp_vocab_head *head, uint32_t token)
{
    return is_token(head, token) | (token == HP_NO_TOKEN);
}

static bool characters_are_sound(const struct hp_vocab *vocab)
{
    bool sound = true;
    for (size_t i = 0; i < HP_CHARS; i++)
        sound &= is_token_or_none(vocab->head, vocab->character[i].token);
    for (size_t i = 0; i < 256; i++)
        sound &= is_token(vocab->head, vocab->byte[i]);
    return sound;
}

static bool nodes_are_sound(const struct hp_vocab *vocab)
{
    const struct hp_vocab_head *head = vocab->head;
    bool sound = (head->root | 0xff) < head->nodes;
    for (size_t i = 0; i < head->nodes; i++) {
        struct hp_node node = vocab->node[i];
        sound &= (node.edge >> 9 | 0xff) < head->nodes;
        sound &= is_token_or_none(head, node.token);
    }
    for (uint32_t byte = 0; sound && byte < 256; byte++) {
        struct hp_node node = vocab->node[head->root ^ byte];
        sound = (node.edge & 0x1ff) == (HP_NODE_USED | byte) && node.token != HP_NO_TOKEN;
    }
    return sound; // and a search for the longest token always finds one
}

// Halves come before what they make, and prefixes are shorter: every walk along them ends.
static bool tokens_are_sound(const struct hp_vocab *vocab)
{
    const struct hp_vocab_head *head = vocab->head;
    for (uint32_t i = 0; i < head->tokens; i++) {
        struct hp_token token = vocab->token[i];
        bool single = token.left == i && token.right == i;
        if (!single && (token.left >= i || token.right >= i))
            return false;
        if (token.len == 0 || token.len > HP_TOKEN_MAX)
            return false;
        if (token.prefix == HP_NO_TOKEN)
            continue;
        if (!is_token(head, token.prefix) || vocab->token[token.prefix].len >= token.len)
            return false;
    }
    return true;
}

static bool bits_are_sane(const struct hp_vocab_head *head)
{
    return head->word_bits <= 24 && head->pair_bits <= 24 && head->word_pilot_bits - 1 < 24 &&
           head->pair_pilot_bits - 1 < 24;
}

static const char *fault_of_head(const struct hp_vocab_head *head, size_t size, const char *name)
{
    if (size < sizeof *head || memcmp(head->magic, "hpvocab", 8) != 0)
        return "is not a vocabulary map";
    if (head->version != HP_VOCAB_VERSION || head->order != HP_VOCAB_ORDER)
        return "is of another version or machine; remove it and run make vocab";
    if (!bits_are_sane(head) || head->bytes != size || head->bytes != hp_vocab_bytes(head))
        return "is cut short or damaged";
    if (hp_vocab_checksum(head) != head->checksum)
        return "is damaged (wrong checksum)";
    if (strncmp(head->name, name, sizeof head->name) != 0 || head->sha256[64] != '\0')
        return "is of another encoding";
    return NULL;
}

static const char *fault_of(const struct hp_vocab *vocab)
{
    bool sound = vocab->head->tokens < HP_NO_TOKEN && words_are_sound(vocab) &&
                 pairs_are_sound(vocab) && characters_are_sound(vocab) && nodes_are_sound(vocab) &&
                 tokens_are_sound(vocab);
    return sound ? NULL : "is damaged (a number points outside)";
}

// --- open and close ------------------------------------------------------------------------------

static void file_done(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static const void *map_file(const char *path, size_t *size, struct hp_fault *fault)
{
    __attribute__((cleanup(file_done))) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 && errno == ENOENT)
        return NULL;
    if (fd < 0 || fstat(fd, &info) != 0) {
        hp_fail(fault, HP_INTERNAL, NULL, "%s: %s", path, strerror(errno));
        return NULL;
    }
    *size = (size_t)info.st_size;
    if (*size < sizeof(struct hp_vocab_head)) {
        hp_fail(fault, HP_INTERNAL, NULL, "%s is cut short", path);
        return NULL;
    }
    void *map = mmap(NULL, *size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (map != MAP_FAILED)
        return map;
    hp_fail(fault, HP_INTERNAL, NULL, "%s: %s", path, strerror(errno));
    return NULL;
}

// Has the pages of a fresh memo filled here, not by the first request. Plain zeroing would not: the
// compiler makes that and malloc into calloc, which leaves them for later.
static void touch(struct hp_memo *memo)
{
    for (size_t i = 0; i < (size_t)1 << HP_MEMO_BITS; i++) {
        hp_memo_put(&memo->few[i].low, 0);
        hp_memo_put(&memo->many[i].low, 0);
    }
}

static struct hp_vocab *vocab_new(const void *map, size_t size, const char *path,
    enum hp_encoding encoding, struct hp_fault *fault)
{
    const char *why = fault_of_head(map, size, names[encoding]);
    struct hp_vocab bound;
    if (!why) {
        bound = hp_vocab_bind(map);
        bound.encoding = encoding;
        why = fault_of(&bound);
    }
    struct hp_vocab *vocab = why ? NULL : malloc(sizeof *vocab);
    struct hp_memo *memo = vocab ? calloc(1, sizeof *memo) : NULL;
    if (!memo) {
        hp_fail(fault, HP_INTERNAL, NULL, "%s %s", path, why ? why : "finds no memory");
        free(vocab);
        return NULL;
    }
    touch(memo);
    *vocab = bound;
    vocab->memo = memo;
    return vocab;
}

struct hp_vocab *hp_vocab_open(
    const char *directory, enum hp_encoding encoding, struct hp_fault *fault)
{
    char path[4096];
    size_t size = 0;
    *fault = HP_FAULT_NONE;
    int len = snprintf(path, sizeof path, "%s/%s.vocab", directory, names[encoding]);
    if (len < 0 || (size_t)len >= sizeof path) {
        hp_fail(fault, HP_INTERNAL, NULL, "the path of the vocabularies is too long");
        return NULL;
    }
    const void *map = map_file(path, &size, fault);
    if (!map)
        return NULL;
    struct hp_vocab *vocab = vocab_new(map, size, path, encoding, fault);
    if (!vocab)
        munmap((void *)map, size);
    return vocab;
}

void hp_vocab_close(struct hp_vocab *vocab)
{
    if (!vocab)
        return;
    munmap((void *)vocab->head, vocab->head->bytes);
    free(vocab->memo);
    free(vocab);
}

const char *hp_vocab_sha256(const struct hp_vocab *vocab)
{
    return vocab->head->sha256;
}

struct hp_remembered hp_vocab_remembered(const struct hp_vocab *vocab)
{
    size_t words = 0, entries = (size_t)1 << HP_MEMO_BITS;
    for (size_t i = 0; i < entries; i++) {
        words += hp_memo_get(&vocab->memo->few[i].high) != 0;
        words += hp_memo_get(&vocab->memo->many[i].high) != 0;
    }
    return (struct hp_remembered){ words, entries * 2 };
}
