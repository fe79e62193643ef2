// str.c -- small questions about slices.
#include "hotpathd/str.h"

#include "hotpathd/utf8.h"

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
    while (max > 0 && hp_utf8_continues(s.ptr[max]))
        max--;
    return max;
}
