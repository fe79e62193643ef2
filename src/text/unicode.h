// unicode.h -- properties of code points, from generated two-stage tables (unicode_data.c;
// Unicode 16.0, the version of tiktoken's regular expressions). All pure look-ups.
#pragma once

#include "hotpathd/str.h"

#define HP_UNICODE_VERSION "16.0.0"

// General category, as the pre-tokenizers need it.
enum hp_category {
    HP_CAT_OTHER,
    HP_CAT_LU,
    HP_CAT_LL,
    HP_CAT_LT,
    HP_CAT_LM,
    HP_CAT_LO,
    HP_CAT_M,    // Mn, Mc, Me
    HP_CAT_N,    // Nd, Nl, No
    HP_CAT_SPACE // White_Space
};

enum hp_category hp_unicode_category(uint32_t code_point);

// L: a letter of any kind.
static inline bool hp_category_letter(enum hp_category category)
{
    return category >= HP_CAT_LU && category <= HP_CAT_LO;
}

// White_Space: what the contract calls blank.
static inline bool hp_unicode_blank(uint32_t code_point)
{
    if (code_point < 0x80)
        return code_point == ' ' || (code_point >= '\t' && code_point <= '\r');
    return hp_unicode_category(code_point) == HP_CAT_SPACE;
}

bool hp_unicode_noncharacter(uint32_t code_point);
