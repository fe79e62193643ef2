// estimate.c -- a guess at the tokens of one pre-token: every character weighs parts of a token by
// its script, fitted by hand to o200k_base; the sum, rounded, but at least one.
//
// Against o200k_base, measured by bench/estimate.py over 200 KB each (in brackets: the middle 90 %
// of slices of 2,000 bytes). English licences +2 % (-3 to +12), English sentences +1 % (0 to +1),
// Python code -2 % (-7 to +4), Russian -1 % (-7 to +4), German -10 % (-11 to -10), Chinese -9 %
// (-12 to -7), Japanese -11 % (-14 to -9), Korean -8 % (-10 to -6), Arabic +7 % (+5 to +10), Hindi
// -26 % (-28 to -23), base64 -31 % (-33 to -29). But for licences, code and base64 these are a few
// sentences shuffled: other texts may be further off.
#include "text/estimate.h"

enum { WHOLE = 64 }; // parts of one token

static unsigned ascii_weight(unsigned char c)
{
    if (c >= 'a' && c <= 'z')
        return 9;
    if (c >= 'A' && c <= 'Z')
        return 20;
    return c <= ' ' ? 5 : 24;
}

// Parts that the character with this lead byte weighs; nothing for the bytes that continue it.
static unsigned weight(unsigned char lead)
{
    if (lead < 0x80)
        return ascii_weight(lead);
    if (lead < 0xc0)
        return 0;
    if (lead < 0xd0)
        return 20; // Latin with accents, Greek
    if (lead < 0xd6)
        return 17; // Cyrillic
    if (lead < 0xe0)
        return 24; // Hebrew, Arabic
    if (lead < 0xe3)
        return 16;                 // scripts of India and Southeast Asia; symbols
    return lead < 0xf0 ? 50 : 110; // kana, Han, Hangul; emoji
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
