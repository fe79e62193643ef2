// estimate.c -- a guess at the tokens of one pre-token: every character weighs parts of a token by
// its script, fitted by hand to o200k_base; the sum, rounded, but at least one.
//
// Against o200k_base, measured by bench/estimate.py over 200 KB each (in brackets: the middle 90 %
// of slices of 2,000 bytes). Licences +2 % (-3 to +12), Markdown -4 % (-14 to +7), Python code -2 %
// (-7 to +4), Chinese and Russian messages of programs +8 % (-4 to +18) and +3 % (-9 to +16),
// base64 -27 % (-29 to -26). A few sentences shuffled: German -6 % (-8 to -5), Japanese -2 % (-6 to
// +2), Korean -8 % (-10 to -6), Arabic +7 % (+5 to +10), Hindi +6 % (+3 to +10). Other texts may be
// further off.
#include "text/estimate.h"

enum { WHOLE = 64 }; // parts of one token

// Letters that are rare in words are frequent where there are none: in digests, keys and base64.
static const unsigned char letter_weight[26] = { 8, 12, 8, 8, 8, 11, 11, 8, 8, 30, 17, 8, 11, 8, 8,
    11, 30, 8, 8, 8, 8, 17, 12, 28, 12, 30 };

static unsigned ascii_weight(unsigned char c)
{
    if (c >= 'a' && c <= 'z')
        return letter_weight[c - 'a'];
    if (c >= 'A' && c <= 'Z')
        return letter_weight[c - 'A'] + 11u;
    return c <= ' ' ? 5 : 24;
}

// Parts that the character with this lead byte weighs; nothing for the bytes that continue it.
static unsigned weight(unsigned char lead)
{
    if (lead < 0x80)
        return ascii_weight(lead);
    if (lead < 0xc0)
        return 0;
    if (lead < 0xc4)
        return 48; // Latin-1 letters with accents
    if (lead < 0xd0)
        return 20; // other Latin, Greek
    if (lead < 0xd6)
        return 17; // Cyrillic
    if (lead < 0xe0)
        return 24; // Hebrew, Arabic
    if (lead < 0xe1)
        return 26; // scripts of India, Thai
    if (lead < 0xe3)
        return 16; // Georgian, Ethiopic, Khmer; signs
    if (lead < 0xea)
        return 56;                 // kana, Han
    return lead < 0xf0 ? 46 : 110; // Hangul; emoji
}

size_t hp_estimate_tokens(hp_str piece)
{
    size_t parts = 0;
    for (size_t i = 0; i < piece.len; i++)
        parts += weight((unsigned char)piece.ptr[i]);
    size_t tokens = (parts + WHOLE / 2) / WHOLE;
    size_t least = (piece.len + HP_ESTIMATE_BYTES - 1) / HP_ESTIMATE_BYTES;
    return tokens > least ? tokens : least;
}
