// str.h -- bytes as pointer and length: borrowed, passed by value, never NUL-terminated.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct hp_str {
    const char *ptr;
    size_t len;
} hp_str;

// The slice of a string literal; also a static initialiser.
#define HP_STR(literal)                                                                            \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define HP_S(literal) ((hp_str)HP_STR(literal))

static inline hp_str hp_str_from(const char *terminated)
{
    return (hp_str){ terminated, terminated ? strlen(terminated) : 0 };
}

static inline bool hp_str_equal(hp_str a, hp_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool hp_str_is(hp_str a, const char *terminated)
{
    if (a.len > 0 && a.ptr[0] != terminated[0]) // as a rule, and its length is never asked for
        return false;
    return hp_str_equal(a, hp_str_from(terminated));
}

// ASCII letters compare without case, as in HTTP header values.
bool hp_str_equal_nocase(hp_str a, hp_str b);

// The slice without blanks and tabs at both ends.
hp_str hp_str_trim(hp_str s);

// Splits `*rest` at the first `separator`: returns what is before it and moves `*rest` behind it.
// Without a separator the whole is returned and `*rest` becomes empty with ptr NULL.
hp_str hp_str_cut(hp_str *rest, char separator);

// A whole decimal number of 1 to 19 digits without sign or blanks; false where `s` is anything
// else.
bool hp_str_decimal(hp_str s, uint64_t *value);

// The largest length <= `max` at which `s`, which is UTF-8, can be cut without cutting a character.
size_t hp_str_cut_at(hp_str s, size_t max);
