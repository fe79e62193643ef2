// clean_escapes.c -- how far a terminal escape sequence reaches (ECMA-48, 5.4 and 5.6; xterm's
// operating system commands may end in BEL). What is not a whole sequence is no sequence: then only
// the ESC itself is a control, and the text behind it stays.
#include "text/passes.h"

#include "hotpathd/utf8.h"

enum { BEL = 0x07, ESC = 0x1b, DEL = 0x7f };

static unsigned char byte_at(hp_str s, size_t at)
{
    return at < s.len ? (unsigned char)s.ptr[at] : 0; // a NUL is in no sequence
}

static bool between(unsigned char c, unsigned char first, unsigned char last)
{
    return c >= first && c <= last;
}

static size_t skip(hp_str s, size_t at, unsigned char first, unsigned char last)
{
    while (between(byte_at(s, at), first, last))
        at++;
    return at;
}

// ESC [ parameters intermediates final
static size_t control_sequence_end(hp_str s, size_t at)
{
    at = skip(s, at, 0x30, 0x3f);
    at = skip(s, at, 0x20, 0x2f);
    return between(byte_at(s, at), 0x40, 0x7e) ? at + 1 : 0;
}

// ESC ] text BEL, or ESC \ as the end of any string. The text ends at the first control in any
// case (`lines`: a line end of any kind is one), so that a sequence that nobody closed costs no
// more than the next ESC is away.
static size_t string_end(hp_str s, size_t at, bool bell, bool lines)
{
    for (size_t len; byte_at(s, at) >= 0x20 && byte_at(s, at) != DEL; at += len) {
        hp_utf8_at(s, at, &len);
        if (lines && hp_break_len(s, at))
            return 0;
    }
    if (bell && byte_at(s, at) == BEL)
        return at + 1;
    return byte_at(s, at) == ESC && byte_at(s, at + 1) == '\\' ? at + 2 : 0;
}

// ESC ( B and its like; a blank is not taken for an intermediate, for text may well follow a lone
// ESC.
static size_t two_characters_end(hp_str s, size_t at)
{
    at = skip(s, at, 0x21, 0x2f);
    return between(byte_at(s, at), 0x30, 0x7e) ? at + 1 : 0;
}

static size_t sequence_end(hp_str s, size_t at, bool lines)
{
    switch (byte_at(s, at + 1)) {
    case '[':
        return control_sequence_end(s, at + 2);
    case ']':
        return string_end(s, at + 2, true, lines);
    case 'P': // device control
    case 'X': // start of string
    case '^': // privacy message
    case '_': // application program command
        return string_end(s, at + 2, false, lines);
    default:
        return two_characters_end(s, at + 1);
    }
}

size_t hp_escape_len(hp_str s, size_t at, bool lines)
{
    size_t end = sequence_end(s, at, lines);
    return end ? end - at : 1;
}
