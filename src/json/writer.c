// writer.c -- strings written as JSON: long runs that need nothing are found a register at a time
// and copied whole; what must be escaped is, byte for byte as jansson writes it.
#include "hotpathd/json.h"
#include "json/strings.h"

#include "base/lanes.h"
#include "hotpathd/cpu.h"

static bool must_escape(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

static size_t unquoted_from(hp_str s, size_t at)
{
    while (at < s.len && !must_escape(s.ptr[at]))
        at++;
    return at;
}

size_t hp_json_unquoted_plain(hp_str s)
{
    return unquoted_from(s, 0);
}

#ifdef __x86_64__
enum { WIDTH = 16 };

static unsigned to_escape(__m128i bytes)
{
    const __m128i marks = _mm_or_si128(hp_equal128(bytes, '"'), hp_equal128(bytes, '\\'));
    return hp_mask128(_mm_or_si128(hp_upto128(bytes, 0x1f), marks));
}

enum { WIDE = 64 };

// In steps of two registers, until what is left from *at on is shorter; false: none was found.
HP_AVX2 static bool find_wide(hp_str s, size_t *at)
{
    for (; s.len - *at >= WIDE; *at += WIDE) {
        __m256i first = hp_load256(s.ptr + *at), second = hp_load256(s.ptr + *at + WIDE / 2);
        uint64_t found = hp_mask256x2(hp_upto256(first, 0x1f), hp_upto256(second, 0x1f)) |
                         hp_equal256x2(first, second, '"') | hp_equal256x2(first, second, '\\');
        if (found) {
            *at += (size_t)__builtin_ctzll(found);
            return true;
        }
    }
    return false;
}

size_t hp_json_unquoted(hp_str s)
{
    size_t at = 0;
    if (s.len >= WIDE && hp_cpu() >= HP_CPU_AVX2 && find_wide(s, &at))
        return at;
    for (; at + WIDTH <= s.len; at += WIDTH) {
        unsigned found = to_escape(hp_load128(s.ptr + at));
        if (found)
            return at + (size_t)__builtin_ctz(found);
    }
    return unquoted_from(s, at);
}
#else
size_t hp_json_unquoted(hp_str s)
{
    return hp_json_unquoted_plain(s);
}
#endif

// The letter behind the backslash; 0: \u00XX.
static const char letters[256] = {
    ['"'] = '"',
    ['\\'] = '\\',
    ['\b'] = 'b',
    ['\f'] = 'f',
    ['\n'] = 'n',
    ['\r'] = 'r',
    ['\t'] = 't',
};

static void put_escape(struct hp_buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    if (letters[c])
        hp_buf_add(buf, (hp_str){ (char[]){ '\\', letters[c] }, 2 });
    else
        hp_buf_add(buf, (hp_str){ (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6 });
}

static void put_bytes(struct hp_buf *buf, hp_str s)
{
    for (;;) {
        size_t len = hp_json_unquoted(s);
        hp_buf_add(buf, (hp_str){ s.ptr, len });
        if (len == s.len)
            return;
        put_escape(buf, (unsigned char)s.ptr[len]);
        s = (hp_str){ s.ptr + len + 1, s.len - len - 1 };
    }
}

// An eighth more: what escapes take in usual text.
static bool string_room(struct hp_buf *buf, hp_str s)
{
    return hp_buf_room(buf, s.len + s.len / 8 + 2);
}

void hp_json_put_string(struct hp_buf *buf, hp_str s)
{
    if (!string_room(buf, s))
        return;
    hp_buf_char(buf, '"');
    put_bytes(buf, s);
    hp_buf_char(buf, '"');
}

enum { PUT_BETWEEN_CHECKS = 32 << 10 }; // bytes

enum hp_code hp_json_put_long(
    struct hp_buf *buf, hp_str s, const struct hp_deadline *deadline, struct hp_fault *fault)
{
    if (!string_room(buf, s))
        return hp_buf_check(buf, fault);
    hp_buf_char(buf, '"');
    while (s.len > 0) {
        size_t len = s.len < PUT_BETWEEN_CHECKS ? s.len : PUT_BETWEEN_CHECKS;
        put_bytes(buf, (hp_str){ s.ptr, len });
        s = (hp_str){ s.ptr + len, s.len - len };
        if (s.len > 0)
            HP_TRY(hp_deadline_check(deadline, fault));
    }
    hp_buf_char(buf, '"');
    return HP_OK;
}
