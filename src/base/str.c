// str.c -- small questions about slices.
#include "hotpathd/str.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool hp_str_equal_nocase(hp_str a, hp_str b)
{
    if (a.len != b.len)
        return false;
    if (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0)
        return true; // most are written as we write them
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

hp_str hp_str_trim(hp_str s)
{
    while (s.len && is_blank(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

hp_str hp_str_cut(hp_str *rest, char separator)
{
    hp_str whole = *rest;
    const char *at = whole.len ? memchr(whole.ptr, separator, whole.len) : NULL;
    if (!at) {
        *rest = (hp_str){ NULL, 0 };
        return whole;
    }
    size_t len = (size_t)(at - whole.ptr);
    *rest = (hp_str){ at + 1, whole.len - len - 1 };
    return (hp_str){ whole.ptr, len };
}

bool hp_str_decimal(hp_str s, uint64_t *value)
{
    if (s.len == 0 || s.len > 19) // 10^19 - 1 fits into 64 bits
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        sum = sum * 10 + (uint64_t)(s.ptr[i] - '0');
    }
    *value = sum;
    return true;
}

size_t hp_str_cut_at(hp_str s, size_t max)
{
    if (s.len <= max)
        return s.len;
    while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
        max--;
    return max;
}

// Length of the character at `at`; 0 where there is none (Unicode 16, table 3-7).
static size_t char_len(hp_str s, size_t at)
{
    unsigned char lead = (unsigned char)s.ptr[at];
    if (lead < 0x80)
        return 1;
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || len > s.len - at)
        return 0;
    unsigned char second = (unsigned char)s.ptr[at + 1];
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (((unsigned char)s.ptr[at + i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool hp_str_is_utf8(hp_str s)
{
    for (size_t at = 0, len; at < s.len; at += len) {
        len = char_len(s, at);
        if (len == 0)
            return false;
    }
    return true;
}
