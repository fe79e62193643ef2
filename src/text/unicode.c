// unicode.c -- look-ups in the generated tables.
#include "text/unicode.h"

#include "text/unicode_data.h"

enum hp_category hp_unicode_category(uint32_t code_point)
{
    return (enum hp_category)(hp_bits_of(code_point) & HP_BITS_CATEGORY);
}

bool hp_unicode_noncharacter(uint32_t code_point)
{
    return (code_point & 0xfffe) == 0xfffe || (code_point >= 0xfdd0 && code_point <= 0xfdef);
}
