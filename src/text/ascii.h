// ascii.h -- letters and digits of ASCII, whatever the locale.
#pragma once

#include <stdbool.h>

static inline bool hp_ascii_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool hp_ascii_letter(char c)
{
    return (unsigned char)((c | 0x20) - 'a') < 26;
}

static inline bool hp_ascii_alnum(char c)
{
    return hp_ascii_digit(c) || hp_ascii_letter(c);
}
