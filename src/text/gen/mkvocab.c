// mkvocab.c -- turns a published vocabulary (lines of base64 bytes, blank, rank) into the map that
// vocab.c opens:   mkvocab NAME SHA256 IN OUT
//
// The one idea: of all ways to cut a token in two only one ever merges into it, the last step of
// merging its bytes by themselves. So a table of one pair a token stands for all merges. A token
// that merging its bytes does not lead to is only ever a whole pre-token; it stays out of pairs and
// trie.
#include "hotpathd/utf8.h"
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

// --- perfect hashes ------------------------------------------------------------------------------

// A set of keys on their way to slots of their own: of each its hash and what to call it later.
struct keys {
    const uint64_t *hash;
    uint32_t count;
    uint32_t bits, pilot_bits; // log2 of the slots, of the buckets
};

static uint32_t log2_over(uint64_t count)
{
    uint32_t bits = 4;
    while (((uint64_t)1 << bits) < count)
        bits++;
    return bits;
}

static struct keys plan_keys(const uint64_t *hash, uint32_t count)
{
    uint32_t bits = log2_over((uint64_t)count * 5 / 4); // at most four fifths full
    return (struct keys){ hash, count, bits, bits - 2 };
}

// The keys of one bucket: order[from, to).
struct bucket {
    uint32_t from, to;
};

static int larger_first(const void *a, const void *b)
{
    const struct bucket *x = a, *y = b;
    uint32_t m = x->to - x->from, n = y->to - y->from;
    return m != n ? (m < n) - (m > n) : (x->from > y->from) - (x->from < y->from);
}

static int by_bucket(const void *a, const void *b, void *context)
{
    const struct keys *keys = context;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    uint32_t x = (uint32_t)keys->hash[i] >> (32 - keys->pilot_bits);
    uint32_t y = (uint32_t)keys->hash[j] >> (32 - keys->pilot_bits);
    return x != y ? (x > y) - (x < y) : (i > j) - (i < j);
}

// Takes the slots that the pilot gives to the bucket's keys; none where one is taken already.
static bool settle(const struct keys *keys, const uint32_t *order, struct bucket bucket,
    uint8_t pilot, uint8_t *taken)
{
    uint32_t mask = (1u << keys->bits) - 1;
    for (uint32_t i = bucket.from; i < bucket.to; i++) {
        uint32_t slot = hp_slot(keys->hash[order[i]], pilot, mask);
        if (!taken[slot]) {
            taken[slot] = 1;
            continue;
        }
        while (i-- > bucket.from)
            taken[hp_slot(keys->hash[order[i]], pilot, mask)] = 0;
        return false;
    }
    return true;
}

// Finds a pilot for every bucket, the largest first.
static void find_pilots(struct keys *keys, uint8_t *pilot)
{
    uint32_t *order = memory(keys->count, sizeof *order), buckets = 0;
    struct bucket *bucket = memory(keys->count, sizeof *bucket);
    uint8_t *taken = memory((size_t)1 << keys->bits, 1);
    for (uint32_t i = 0; i < keys->count; i++)
        order[i] = i;
    qsort_r(order, keys->count, sizeof *order, by_bucket, keys);
    for (uint32_t i = 0, end; i < keys->count; i = end) {
        uint32_t shift = 32 - keys->pilot_bits, number = (uint32_t)keys->hash[order[i]] >> shift;
        for (end = i; end < keys->count && (uint32_t)keys->hash[order[end]] >> shift == number;)
            end++;
        bucket[buckets++] = (struct bucket){ i, end };
    }
    qsort(bucket, buckets, sizeof *bucket, larger_first);
    for (uint32_t i = 0; i < buckets; i++) {
        uint32_t number = (uint32_t)keys->hash[order[bucket[i].from]] >> (32 - keys->pilot_bits);
        uint32_t tried = 0;
        while (!settle(keys, order, bucket[i], (uint8_t)tried, taken))
            if (++tried > UINT8_MAX)
                die("no pilot keeps its keys apart", "tables");
        pilot[number] = (uint8_t)tried;
    }
    free(order);
    free(bucket);
    free(taken);
}

// --- words ---------------------------------------------------------------------------------------

static uint64_t *hash_words(const struct maker *maker)
{
    uint64_t *hash = memory(maker->tokens, sizeof *hash);
    for (uint32_t i = 0; i < maker->tokens; i++)
        hash[i] = hp_word_hash(hp_word_key(maker->bytes[i], maker->lens[i]));
    return hash;
}

static void put_words(const struct maker *maker, const struct hp_vocab *map, struct hp_word *word,
    uint32_t *word_token, char *spelling)
{
    uint32_t spelled = 0;
    for (uint32_t i = 0; i < maker->tokens; i++) {
        struct hp_word key = hp_word_key(maker->bytes[i], maker->lens[i]);
        uint32_t slot = hp_word_slot(map, key);
        if (maker->lens[i] > HP_WORD_SHORT) {
            key.high |= spelled;
            memcpy(spelling + spelled, maker->bytes[i], maker->lens[i]);
            spelled += maker->lens[i];
        }
        word[slot] = key;
        word_token[slot] = i;
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

// The pairs that merge, by the token they make.
static uint64_t *list_pairs(const struct maker *maker, uint32_t *count)
{
    uint64_t *pair = memory(maker->tokens, sizeof *pair);
    *count = 0;
    for (uint32_t i = 0; i < maker->tokens; i++)
        if (maker->left[i] != i)
            pair[(*count)++] =
                ((uint64_t)maker->left[i] << HP_TOKEN_BITS | maker->right[i]) << HP_TOKEN_BITS | i;
    return pair;
}

static void put_pairs(const struct hp_vocab *map, const uint64_t *list, uint32_t count,
    uint64_t *pair, uint64_t *filter)
{
    memset(pair, 0xff, sizeof *pair << map->head->pair_bits);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = hp_pair_hash(list[i] >> HP_TOKEN_BITS);
        uint8_t pilot = map->pair_pilot[(uint32_t)hash >> map->pair_shift];
        pair[hp_slot(hash, pilot, map->pair_mask)] = list[i];
        uint64_t bit = hash >> map->filter_shift;
        filter[bit / 64] |= (uint64_t)1 << bit % 64;
    }
}

// --- characters ----------------------------------------------------------------------------------

// The last character of the token, or -1 where the token is only the end of one, -2 where it ends
// before its last character does.
static int64_t last_character(const struct maker *maker, uint32_t token)
{
    size_t len = maker->lens[token], at = len;
    const char *bytes = maker->bytes[token];
    while (at > 0 && hp_utf8_continues(bytes[at - 1]))
        at--;
    if (at == 0)
        return -1;
    hp_str text = { bytes + at - 1, len - at + 1 };
    return hp_utf8_valid_plain(text) == text.len ? (int64_t)hp_utf8_at(text, 0, &len) : -2;
}

// Whether the token is the beginning of a character, but not all of it.
static bool begins_character(const struct maker *maker, uint32_t token)
{
    uint8_t first = (uint8_t)maker->bytes[token][0];
    return first >= 0xc0 && maker->lens[token] < (first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4);
}

static void lower(uint32_t *limit, uint32_t rank)
{
    *limit = rank < *limit ? rank : *limit;
}

static void put_limits(
    const struct maker *maker, struct hp_character *character, uint32_t (*seam)[256])
{
    for (uint32_t i = 0; i < HP_CHARS; i++)
        character[i].limit = HP_NO_TOKEN;
    for (uint32_t i = 0; i < 64 * 256; i++)
        seam[i / 256][i % 256] = HP_NO_TOKEN;
    for (uint32_t i = 0; i < maker->tokens; i++) {
        uint32_t left = maker->left[i], right = maker->right[i];
        if (left == i)
            continue;
        int64_t last = last_character(maker, left);
        uint8_t first = (uint8_t)maker->bytes[right][0];
        if (last == -1 && !hp_utf8_continues((char)first))
            lower(&seam[maker->bytes[left][maker->lens[left] - 1] & 63][first], i);
        if (last >= 0 && last < HP_CHARS && begins_character(maker, right))
            lower(&character[last].limit, i);
    }
}

static void put_characters(
    const struct maker *maker, struct hp_character *character, uint32_t *byte)
{
    for (uint32_t i = 0; i < HP_CHARS; i++)
        character[i].token = HP_NO_TOKEN;
    for (uint32_t i = 0; i < maker->tokens; i++) {
        hp_str text = { maker->bytes[i], maker->lens[i] };
        size_t len;
        if (text.len == 1)
            byte[(uint8_t)text.ptr[0]] = i;
        if (text.len > 3 || hp_utf8_valid_plain(text) != text.len)
            continue;
        uint32_t code_point = hp_utf8_at(text, 0, &len);
        if (len == text.len)
            character[code_point].token = i;
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

// Words alone, for the merges that the rest is made from.
static struct hp_vocab make_words(struct maker *maker, struct hp_vocab_head *plan)
{
    struct keys keys = plan_keys(hash_words(maker), maker->tokens);
    plan->word_bits = keys.bits;
    plan->word_pilot_bits = keys.pilot_bits;
    plan->pair_pilot_bits = 1;
    struct hp_vocab words = image_new(plan);
    find_pilots(&keys, at(words.head, words.word_pilot));
    put_words(maker, &words, at(words.head, words.word), at(words.head, words.word_token),
        at(words.head, words.spelling));
    return words;
}

static struct hp_vocab make_map(struct maker *maker, const char *name, const char *sha256)
{
    struct hp_vocab_head plan = {
        .magic = "hpvocab",
        .version = HP_VOCAB_VERSION,
        .order = HP_VOCAB_ORDER,
        .tokens = maker->tokens,
        .spelled = maker->spelled,
    };
    snprintf(plan.name, sizeof plan.name, "%s", name);
    snprintf(plan.sha256, sizeof plan.sha256, "%s", sha256);
    struct hp_vocab words = make_words(maker, &plan);

    maker->left = memory(maker->tokens, sizeof *maker->left);
    maker->right = memory(maker->tokens, sizeof *maker->right);
    maker->prefix = memory(maker->tokens, sizeof *maker->prefix);
    for (uint32_t i = 0; i < maker->tokens; i++) {
        maker->prefix[i] = HP_NO_TOKEN;
        split_token(maker, &words, i);
    }
    make_trie(maker);

    uint32_t pairs;
    uint64_t *list = list_pairs(maker, &pairs), *hash = memory(pairs, sizeof *hash);
    for (uint32_t i = 0; i < pairs; i++)
        hash[i] = hp_pair_hash(list[i] >> HP_TOKEN_BITS);
    struct keys keys = plan_keys(hash, pairs);
    plan.pair_bits = keys.bits;
    plan.pair_pilot_bits = keys.pilot_bits;
    plan.nodes = maker->nodes;
    plan.root = maker->root;
    plan.bytes = hp_vocab_bytes(&plan);
    struct hp_vocab map = image_new(&plan);
    struct hp_vocab_head *head = at(map.head, map.head);
    struct hp_token *token = at(head, map.token);
    memcpy(at(head, map.word_pilot), words.word_pilot, (size_t)1 << plan.word_pilot_bits);
    memcpy(at(head, map.word), words.word, sizeof *map.word << plan.word_bits);
    memcpy(at(head, map.word_token), words.word_token, sizeof *map.word_token << plan.word_bits);
    memcpy(at(head, map.spelling), words.spelling, plan.spelled);
    memcpy(at(head, map.node), maker->node, plan.nodes * sizeof *map.node);
    find_pilots(&keys, at(head, map.pair_pilot));
    put_pairs(&map, list, pairs, at(head, map.pair), at(head, map.pair_filter));
    free(list);
    free(hash);
    put_characters(maker, at(head, map.character), at(head, map.byte));
    put_limits(maker, at(head, map.character), at(head, map.seam));
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
