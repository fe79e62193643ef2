// mkvocab.c -- turns a published vocabulary (lines of base64 bytes, blank, rank) into the map that
// vocab.c opens:   mkvocab NAME SHA256 IN OUT
//
// The one idea: of all ways to cut a token in two only one ever merges into it, the last step of
// merging its bytes by themselves. So a table of one pair a token stands for all merges. A token
// that merging its bytes does not lead to is only ever a whole pre-token; it stays out of pairs and
// trie.
#include "text/vocab.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Everything while it is made; main ends with the process, which frees it.
struct maker {
    char *text; // the published file
    size_t len;
    char **bytes; // of each token
    uint8_t *lens;
    uint32_t *left, *right, *prefix;
    uint32_t tokens;
    struct hp_node *node;
    bool *base_taken;
    uint32_t nodes, lowest_free, root;
    uint32_t spelled;
};

enum { NODES_MAX = 1 << 20 };

static _Noreturn void die(const char *what, const char *path)
{
    fprintf(stderr, "mkvocab: %s: %s\n", path, what);
    exit(EXIT_FAILURE);
}

static void *memory(size_t count, size_t size)
{
    void *out = calloc(count ? count : 1, size);
    if (!out)
        die("no memory", "tables");
    return out;
}

// --- the published file --------------------------------------------------------------------------

static void read_file(struct maker *maker, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        die(strerror(errno), path);
    long len = ftell(file);
    rewind(file);
    maker->text = memory((size_t)(len < 0 ? 0 : len) + 1, 1);
    maker->len = fread(maker->text, 1, (size_t)(len < 0 ? 0 : len), file);
    if (len <= 0 || maker->len != (size_t)len)
        die("cannot be read", path);
    fclose(file);
}

static int sextet(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static size_t base64(const char *in, size_t len, char *out)
{
    size_t made = 0;
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < len && in[i] != '='; i++) {
        int value = sextet(in[i]);
        if (value < 0)
            return 0;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8)
            out[made++] = (char)(bits >> (held -= 8));
    }
    return made;
}

static void read_line(struct maker *maker, hp_str line, const char *path)
{
    hp_str word = hp_str_cut(&line, ' ');
    uint64_t rank;
    if (!hp_str_decimal(line, &rank) || rank != maker->tokens || rank >= HP_NO_TOKEN)
        die("the ranks do not count up from 0", path);
    char *bytes = memory(word.len + 1, 1);
    size_t len = base64(word.ptr, word.len, bytes);
    if (len == 0 || len > HP_TOKEN_MAX)
        die("a token is not base64 of 1 to 128 bytes", path);
    maker->bytes[rank] = bytes;
    maker->lens[rank] = (uint8_t)len;
    maker->spelled += len > HP_WORD_SHORT ? (uint32_t)len : 0;
    maker->tokens++;
}

static void read_tokens(struct maker *maker, const char *path)
{
    size_t most = 1;
    for (size_t i = 0; i < maker->len; i++)
        most += maker->text[i] == '\n';
    maker->bytes = memory(most, sizeof *maker->bytes);
    maker->lens = memory(most, sizeof *maker->lens);
    hp_str rest = { maker->text, maker->len };
    while (rest.len) {
        hp_str line = hp_str_cut(&rest, '\n');
        if (line.len)
            read_line(maker, line, path);
    }
}

// --- words ---------------------------------------------------------------------------------------

static void put_words(
    const struct maker *maker, struct hp_word *word, uint32_t slots, char *spelling)
{
    uint32_t spelled = 0;
    for (uint32_t i = 0; i < maker->tokens; i++) {
        struct hp_word key = hp_word_key(maker->bytes[i], maker->lens[i]);
        size_t at = hp_word_slot(key, slots);
        while (word[at].tag)
            at = at + 1 == slots ? 0 : at + 1;
        if (maker->lens[i] > HP_WORD_SHORT) {
            key.tail = spelled;
            memcpy(spelling + spelled, maker->bytes[i], maker->lens[i]);
            spelled += maker->lens[i];
        }
        key.tag |= i;
        word[at] = key;
    }
}

// --- pairs ---------------------------------------------------------------------------------------

// The parts of one token while its bytes merge: part i begins at start[i], start[parts] is its end.
struct parts {
    const char *bytes;
    uint8_t start[HP_TOKEN_MAX + 1];
    size_t count;
};

static uint32_t part(
    const struct hp_vocab *words, const struct parts *parts, size_t from, size_t to)
{
    size_t at = parts->start[from];
    return hp_vocab_find(words, parts->bytes + at, parts->start[to] - at);
}

// Merges the first of the pairs with the lowest rank below `limit`; false where there is none.
static bool merge_once(const struct hp_vocab *words, struct parts *parts, uint32_t limit)
{
    size_t best = 0;
    uint32_t lowest = limit;
    for (size_t i = 0; i + 2 <= parts->count; i++) {
        uint32_t rank = part(words, parts, i, i + 2);
        if (rank != HP_NO_TOKEN && rank < lowest) {
            lowest = rank;
            best = i;
        }
    }
    if (lowest == limit)
        return false;
    memmove(parts->start + best + 1, parts->start + best + 2, parts->count - best - 1);
    parts->count--;
    return true;
}

static void split_token(struct maker *maker, const struct hp_vocab *words, uint32_t token)
{
    struct parts parts = { .bytes = maker->bytes[token], .count = maker->lens[token] };
    for (size_t i = 0; i <= parts.count; i++)
        parts.start[i] = (uint8_t)i;
    while (merge_once(words, &parts, token))
        ;
    maker->left[token] = maker->right[token] = token;
    if (parts.count > 2)
        die("merges do not lead to one of its tokens", "vocabulary");
    if (parts.count == 1)
        return;
    maker->left[token] = part(words, &parts, 0, 1);
    maker->right[token] = part(words, &parts, 1, 2);
}

static void put_pairs(const struct maker *maker, uint64_t *pair, uint32_t slots)
{
    for (uint32_t i = 0; i < maker->tokens; i++) {
        if (maker->left[i] == i)
            continue;
        uint64_t key = (uint64_t)maker->left[i] << HP_TOKEN_BITS | maker->right[i];
        size_t at = hp_pair_slot(key, slots);
        while (pair[at])
            at = at + 1 == slots ? 0 : at + 1;
        pair[at] = key << HP_TOKEN_BITS | i;
    }
}

// --- trie ----------------------------------------------------------------------------------------

static int compare_tokens(const void *a, const void *b, void *context)
{
    const struct maker *maker = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    size_t shorter = maker->lens[x] < maker->lens[y] ? maker->lens[x] : maker->lens[y];
    int order = memcmp(maker->bytes[x], maker->bytes[y], shorter);
    return order ? order : (int)maker->lens[x] - (int)maker->lens[y];
}

static bool base_fits(const struct maker *maker, uint32_t base, const uint8_t *labels, size_t count)
{
    if (maker->base_taken[base])
        return false;
    for (size_t i = 0; i < count; i++)
        if (maker->node[base ^ labels[i]].edge)
            return false;
    return true;
}

// The first base, from the lowest free slot on, under which all labels find a free slot. Base 0 is
// never given: it is what nodes without children have.
static uint32_t base_for(struct maker *maker, const uint8_t *labels, size_t count)
{
    while (maker->node[maker->lowest_free].edge)
        maker->lowest_free++;
    for (uint32_t slot = maker->lowest_free; slot < NODES_MAX - 256; slot++) {
        uint32_t base = slot ^ labels[0];
        if (maker->node[slot].edge || !base_fits(maker, base, labels, count))
            continue;
        maker->base_taken[base] = true;
        if ((base | 0xff) >= maker->nodes)
            maker->nodes = (base | 0xff) + 1;
        return base;
    }
    die("more nodes than the trie may have", "tables");
}

// Gives children to the node whose strings are sorted[0, count), all alike in their first `depth`
// bytes; returns its base. `inherited` is the longest token on the way to it.
static uint32_t grow(
    struct maker *maker, const uint32_t *sorted, size_t count, size_t depth, uint32_t inherited)
{
    uint8_t labels[256];
    size_t first[257], children = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t label = (uint8_t)maker->bytes[sorted[i]][depth];
        if (children && labels[children - 1] == label)
            continue;
        labels[children] = label;
        first[children++] = i;
    }
    first[children] = count;
    uint32_t base = base_for(maker, labels, children);
    for (size_t i = 0; i < children; i++)
        maker->node[base ^ labels[i]].edge = HP_NODE_USED | labels[i];
    for (size_t i = 0; i < children; i++) {
        struct hp_node *node = &maker->node[base ^ labels[i]];
        const uint32_t *from = sorted + first[i];
        size_t strings = first[i + 1] - first[i];
        uint32_t token = HP_NO_TOKEN;
        if (maker->lens[from[0]] == depth + 1) { // the shortest comes first
            token = from[0];
            maker->prefix[token] = inherited;
            from++, strings--;
        }
        node->token = token;
        if (strings)
            node->edge |=
                grow(maker, from, strings, depth + 1, token == HP_NO_TOKEN ? inherited : token)
                << 9;
    }
    return base;
}

static void make_trie(struct maker *maker)
{
    uint32_t *sorted = memory(maker->tokens, sizeof *sorted);
    for (uint32_t i = 0; i < maker->tokens; i++)
        sorted[i] = i;
    qsort_r(sorted, maker->tokens, sizeof *sorted, compare_tokens, maker);
    maker->node = memory(NODES_MAX, sizeof *maker->node);
    maker->base_taken = memory(NODES_MAX, 1);
    for (size_t i = 0; i < NODES_MAX; i++)
        maker->node[i].token = HP_NO_TOKEN;
    maker->lowest_free = 256; // base 0 stays without children
    for (size_t i = 0; i < 256; i++)
        maker->base_taken[i] = true;
    maker->root = grow(maker, sorted, maker->tokens, 0, HP_NO_TOKEN);
}

// --- the map -------------------------------------------------------------------------------------

static void *at(const struct hp_vocab_head *head, const void *array)
{
    return (char *)head + ((const char *)array - (const char *)head);
}

static struct hp_vocab image_new(const struct hp_vocab_head *plan)
{
    struct hp_vocab_head *head = memory(hp_vocab_bytes(plan), 1);
    *head = *plan;
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it lives as long as the process
    return hp_vocab_bind(head);
}

static struct hp_vocab make_map(struct maker *maker, const char *name, const char *sha256)
{
    struct hp_vocab_head plan = {
        .magic = "hpvocab",
        .version = HP_VOCAB_VERSION,
        .order = HP_VOCAB_ORDER,
        .tokens = maker->tokens,
        .words = maker->tokens * 2,
        .spelled = maker->spelled,
    };
    snprintf(plan.name, sizeof plan.name, "%s", name);
    snprintf(plan.sha256, sizeof plan.sha256, "%s", sha256);
    struct hp_vocab words = image_new(&plan);
    put_words(maker, at(words.head, words.word), plan.words, at(words.head, words.spelling));

    maker->left = memory(maker->tokens, sizeof *maker->left);
    maker->right = memory(maker->tokens, sizeof *maker->right);
    maker->prefix = memory(maker->tokens, sizeof *maker->prefix);
    for (uint32_t i = 0; i < maker->tokens; i++) {
        maker->prefix[i] = HP_NO_TOKEN;
        split_token(maker, &words, i);
    }
    make_trie(maker);

    plan.pairs = maker->tokens * 2;
    plan.nodes = maker->nodes;
    plan.root = maker->root;
    plan.bytes = hp_vocab_bytes(&plan);
    struct hp_vocab map = image_new(&plan);
    struct hp_vocab_head *head = at(map.head, map.head);
    struct hp_token *token = at(head, map.token);
    memcpy(at(head, map.word), words.word, plan.words * sizeof *map.word);
    memcpy(at(head, map.spelling), words.spelling, plan.spelled);
    memcpy(at(head, map.node), maker->node, plan.nodes * sizeof *map.node);
    put_pairs(maker, at(head, map.pair), plan.pairs);
    for (uint32_t i = 0; i < maker->tokens; i++)
        token[i] =
            (struct hp_token){ maker->left[i], maker->right[i], maker->prefix[i], maker->lens[i] };
    head->checksum = hp_vocab_checksum(head);
    return map;
}

// Written beside the place and renamed: readers see the old file or the whole new one.
static void write_map(const struct hp_vocab *map, const char *path)
{
    char beside[4096];
    int len = snprintf(beside, sizeof beside, "%s.%ld", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof beside)
        die("the path is too long", path);
    FILE *file = fopen(beside, "wb");
    if (!file)
        die(strerror(errno), beside);
    bool written = fwrite(map->head, 1, map->head->bytes, file) == map->head->bytes;
    if (fclose(file) != 0 || !written || rename(beside, path) != 0) {
        int why = errno;
        remove(beside);
        die(strerror(why), path);
    }
}

int main(int argc, char **argv)
{
    struct maker maker = { 0 };
    if (argc != 5 || strlen(argv[2]) != 64) {
        fprintf(stderr, "usage: mkvocab NAME SHA256 IN OUT\n");
        return 64;
    }
    read_file(&maker, argv[3]);
    read_tokens(&maker, argv[3]);
    struct hp_vocab map = make_map(&maker, argv[1], argv[2]);
    write_map(&map, argv[4]);
    printf("%s: %u tokens, %.1f MB\n", argv[4], maker.tokens, (double)map.head->bytes / 1e6);
    return 0;
}
