// estimate.c -- a guess at the tokens of a text without a vocabulary.
//
// Units are runs of one kind of character, a word with the blank before it; each kind has its own
// number of bytes to a token, after o200k_base.
#include "text/estimate.h"

#include "text/unicode.h"
#include "text/utf8.h"

size_t hp_estimate_end(hp_str text, size_t at)
{
    size_t len;
    bool blank = hp_unicode_blank(hp_utf8_at(text, at, &len));
    for (at += len; at < text.len; at += len)
        if (hp_unicode_blank(hp_utf8_at(text, at, &len)) != blank)
            break;
    return at;
}

size_t hp_estimate_tokens(const char *unit, size_t len)
{
    (void)unit;
    return (len + 3) / 4;
}
