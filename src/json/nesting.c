// nesting.c -- quotes and brackets alone, 64 bytes at a time. Bytes become masks; what lies in a
// string is the running exclusive or of its quotes (Langdale and Lemire, "Parsing gigabytes of JSON
// per second", 2019).
#include "json/nesting.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"

#include <stdint.h>
#include <string.h>

// Whether the byte at `at` is escaped: behind an odd number of backslashes. Those before one quote
// are never counted for another.
static bool is_escaped(const struct hp_nesting *nesting, const char *first, const char *at)
{
    const char *run = at;
    while (run > first && run[-1] == '\\')
        run--;
    size_t count = (size_t)(at - run) + (run == first && nesting->escaped);
    return count % 2 != 0;
}

const char *hp_json_unquote(struct hp_nesting *nesting, const char *first, const char *end)
{
    for (const char *at = first; (at = memchr(at, '"', (size_t)(end - at))); at++) {
        if (is_escaped(nesting, first, at))
            continue;
        nesting->quoted = nesting->escaped = false;
        return at + 1;
    }
    nesting->escaped = is_escaped(nesting, first, end);
    return NULL;
}

// Which kind of bracket closes which is left to whoever reads what is between them. A backslash
// outside of strings means nothing here.
const char *hp_json_close_plain(struct hp_nesting *nesting, const char *at, const char *end)
{
    while (at < end) {
        char c = *at;
        if (nesting->quoted) {
            at = hp_json_unquote(nesting, at, end);
            if (!at)
                return NULL;
            continue;
        }
        at++;
        if (c == '"')
            nesting->quoted = true;
        else if (c == '{' || c == '[')
            nesting->depth++;
        else if ((c == '}' || c == ']') && --nesting->depth == 0)
            return at;
    }
    return NULL;
}

#ifdef __x86_64__
enum { WIDTH = 32, BLOCK = 2 * WIDTH, TO_LAST = BLOCK - 1, TO_BRACE = 0x20 };

// Those behind an odd number of backslashes; *last is whether the byte behind the block is one.
// Added to its own first bit a run of bits carries to the byte behind it; whether that is odd or
// even, beside where the run began, says how long it was.
static uint64_t escaped_bytes(uint64_t slashes, bool *last)
{
    const uint64_t even = UINT64_C(0x5555555555555555);
    uint64_t behind = slashes << 1, sum;
    *last = __builtin_add_overflow(slashes & ~even & ~behind, slashes, &sum);
    return (even ^ sum << 1) & behind;
}

static uint64_t running_xor(uint64_t bits)
{
    for (unsigned step = 1; step < BLOCK; step *= 2)
        bits ^= bits << step;
    return bits;
}

// The byte at which the depth comes to 0, or BLOCK.
HP_AVX2 static unsigned closing_byte(struct hp_nesting *nesting, uint64_t opens, uint64_t closes)
{
    size_t before = nesting->depth;
    nesting->depth += (size_t)__builtin_popcountll(opens);
    nesting->depth -= (size_t)__builtin_popcountll(closes);
    size_t closed = 0;
    if ((size_t)__builtin_popcountll(closes) < before) // not all that are open
        return BLOCK;
    for (; closes; closes &= closes - 1) {
        unsigned at = (unsigned)__builtin_ctzll(closes);
        size_t opened = (size_t)__builtin_popcountll(_bzhi_u64(opens, at));
        if (before + opened == ++closed)
            return at;
    }
    return BLOCK;
}

// A block that begins outside of strings.
HP_AVX2 static const char *close_block(struct hp_nesting *nesting, const char *at)
{
    const __m256i one = hp_load256(at), two = hp_load256(at + WIDTH);
    const __m256i bit = _mm256_set1_epi8(TO_BRACE); // '[' becomes '{'
    const __m256i low = _mm256_or_si256(one, bit), high = _mm256_or_si256(two, bit);
    uint64_t slashes = hp_equal256x2(one, two, '\\');
    bool escaped;
    uint64_t inside = running_xor(hp_equal256x2(one, two, '"') & ~escaped_bytes(slashes, &escaped));
    if (slashes & ~inside) // no JSON: the plain version says what it means
        return hp_json_close_plain(nesting, at, at + BLOCK);
    nesting->quoted = inside >> TO_LAST;
    nesting->escaped = escaped;
    unsigned byte = closing_byte(
        nesting, hp_equal256x2(low, high, '{') & ~inside, hp_equal256x2(low, high, '}') & ~inside);
    return byte < BLOCK ? at + byte + 1 : NULL;
}

// Strings that end in another block than they begin in are left to memchr, which is faster.
const char *hp_json_close(struct hp_nesting *nesting, const char *at, const char *end)
{
    while (end - at >= BLOCK && hp_cpu() >= HP_CPU_AVX2) {
        if (nesting->quoted) {
            at = hp_json_unquote(nesting, at, end);
            if (!at)
                return NULL;
            continue;
        }
        const char *closed = close_block(nesting, at);
        if (closed)
            return closed;
        at += BLOCK;
    }
    return hp_json_close_plain(nesting, at, end);
}
#else
const char *hp_json_close(struct hp_nesting *nesting, const char *at, const char *end)
{
    return hp_json_close_plain(nesting, at, end);
}
#endif
