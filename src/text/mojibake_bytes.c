// mojibake_bytes.c -- a line read back as the bytes it was, and these as UTF-8, with what happens
// to bytes on the way: A0 turned into a space, and bytes that were no character turned into U+FFFD
// or a question mark.
#include "text/mojibake.h"

enum { LOST = 0x1a, NBSP = 0xa0, REPLACEMENT = 0xfffd, A_GRAVE = 0xe0 };

// The bytes from one place to the end of the line.
struct bytes {
    const uint8_t *p;
    size_t left;
    bool spaces; // a space may be a byte A0
    bool lossy;  // LOST is a byte that got lost, and so may a question mark be
};

static bool tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

// --- spaces that were A0 -------------------------------------------------------------------------

// As the second byte of three. 85 would make letters of ellipses.
static bool narrow_tail(uint8_t byte)
{
    return tail(byte) && byte != 0x85 && byte != NBSP;
}

// Two bytes of which the second is A0 and that are likely: NBSP, a grave, S caron, Pi, Er, Arabic
// 0.
static bool leads_two(uint8_t byte)
{
    static const char leads[] = "\xc2\xc3\xc5\xce\xd0\xd9";
    return memchr(leads, byte, sizeof leads - 1) != NULL;
}

static bool starts(const uint8_t *p, size_t left, hp_str with)
{
    return left >= with.len && memcmp(p, with.ptr, with.len) == 0;
}

// "A with tilde, space" is mostly the French or Portuguese word "a grave", whose A0 and the space
// behind it became one. But for words that begin with that letter, and where two spaces stand.
static bool a_grave_alone(const uint8_t *behind, size_t left)
{
    return !starts(behind, left, HP_S(" ")) && !starts(behind, left, HP_S("s ")) &&
           !starts(behind, left, HP_S("quele")) && !starts(behind, left, HP_S("quela")) &&
           !starts(behind, left, HP_S("quilo"));
}

// Which byte behind the lead byte at p[0] is a space that was A0; 0: none is.
static size_t space_of(const uint8_t *p, size_t left)
{
    if (left < 2 || p[0] < 0xc2 || p[0] > 0xf0)
        return 0;
    if (leads_two(p[0]))
        return p[1] == ' ' && !(p[0] == 0xc3 && a_grave_alone(p + 2, left - 2)) ? 1 : 0;
    if (left >= 3 && p[0] >= 0xe0 && p[0] <= 0xe3) {
        if (p[0] >= 0xe2 && p[1] == ' ' && narrow_tail(p[2]))
            return 1;
        return narrow_tail(p[1]) && p[2] == ' ' ? 2 : 0;
    }
    if (left < 4 || p[0] != 0xf0)
        return 0;
    size_t space = p[1] == ' ' ? 1 : p[2] == ' ' ? 2 : 3;
    for (size_t i = 1; i < 4; i++)
        if (i == space ? p[i] != ' ' : !tail(p[i]))
            return 0;
    return space;
}

// --- sequences of which bytes got lost -----------------------------------------------------------

// Whether p[0, count) are later bytes of a character of which at least one got lost; at most
// `marks` of them are question marks.
static bool lost_among(const uint8_t *p, size_t count, unsigned marks)
{
    bool lost = false;
    for (size_t i = 0; i < count; i++) {
        if (p[i] == '?' && marks-- == 0)
            return false;
        if (p[i] != '?' && p[i] != LOST && !tail(p[i]))
            return false;
        lost |= !tail(p[i]);
    }
    return lost;
}

static bool surrogates(const uint8_t *p, size_t left)
{
    return left >= 6 && p[0] == 0xed && (p[1] & 0xf0) == 0xa0 && p[3] == 0xed &&
           (p[4] & 0xf0) == 0xb0;
}

// Bytes of the character at p[0] that became U+FFFD; 0: none got lost.
static size_t lossy_len(const uint8_t *p, size_t left)
{
    if (p[0] == LOST)
        return 1;
    if (surrogates(p, left)) {
        const uint8_t tails[] = { p[2], p[5] };
        if (lost_among(tails, 2, 2))
            return 6;
    }
    size_t count = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : p[0] < 0xf5 ? 3 : 0;
    unsigned marks = p[0] < 0xc4 || p[0] >= 0xe0 ? 1 : 0;
    return count > 0 && left > count && lost_among(p + 1, count, marks) ? count + 1 : 0;
}

// --- UTF-8 ---------------------------------------------------------------------------------------

struct piece {
    uint32_t cp;
    size_t len; // in bytes; 0: this is not UTF-8
};

static struct piece surrogate_pair(const uint8_t *p)
{
    uint32_t high = (p[1] & 0x0fu) << 6 | (p[2] & 0x3fu),
             low = (p[4] & 0x0fu) << 6 | (p[5] & 0x3fu);
    return (struct piece){ 0x10000 + (high << 10 | low), 6 };
}

// UTF-8 of Unicode; or of surrogates in pairs (CESU-8), or a NUL of two bytes, as Java writes them.
static struct piece utf8_piece(const uint8_t *p, size_t left)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (len == 0 || left < len)
        return (struct piece){ 0, 0 };
    uint32_t cp = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (!tail(p[i]))
            return (struct piece){ 0, 0 };
        cp = cp << 6 | (p[i] & 0x3fu);
    }
    if (surrogates(p, left) && tail(p[5]))
        return surrogate_pair(p);
    bool nul = p[0] == 0xc0 && cp == 0;
    bool wrong = (cp < least[len] && !nul) || (cp >= 0xd800 && cp < 0xe000) || cp > 0x10ffff;
    return (struct piece){ cp, wrong ? 0 : len };
}

static struct piece piece_at(struct bytes b)
{
    if (b.lossy) {
        size_t lost = lossy_len(b.p, b.left);
        if (lost > 0)
            return (struct piece){ REPLACEMENT, lost };
    }
    if (b.p[0] < 0x80)
        return (struct piece){ b.p[0], 1 };
    if (b.spaces && b.p[0] == 0xc3 && b.left > 1 && b.p[1] == ' ')
        return (struct piece){ A_GRAVE, 1 }; // the space stays
    return utf8_piece(b.p, b.left);
}

// --- the line ------------------------------------------------------------------------------------

static enum hp_code to_bytes(struct hp_mojibake_line *line, const struct hp_mojibake_span *span,
    unsigned encoding, bool spaces)
{
    const uint8_t *byte_of = hp_mojibake_bytes[encoding];
    for (size_t i = 0; i < span->count; i++) {
        HP_TRY(hp_mojibake_tick(line, i));
        line->byte[i] = byte_of[span->cell[i].number];
    }
    for (size_t i = 0; i < span->count && spaces; i++) {
        HP_TRY(hp_mojibake_tick(line, i));
        size_t space = space_of(line->byte + i, span->count - i);
        if (space > 0)
            line->byte[i + space] = NBSP;
    }
    return HP_OK;
}

static enum hp_code check(
    const struct hp_mojibake_line *line, struct bytes b, bool *is_utf8, size_t *pieces)
{
    *is_utf8 = true;
    for (*pieces = 0; b.left > 0 && *is_utf8; (*pieces)++) {
        HP_TRY(hp_mojibake_tick(line, *pieces));
        struct piece piece = piece_at(b);
        *is_utf8 = piece.len > 0;
        b.p += piece.len;
        b.left -= piece.len;
    }
    return HP_OK;
}

static enum hp_code put_pieces(const struct hp_mojibake_line *line, struct bytes b,
    struct hp_mojibake_span *span, bool *changed)
{
    size_t at = 0, to = 0;
    for (; at < span->count; to++) {
        HP_TRY(hp_mojibake_tick(line, to));
        struct piece piece = piece_at((struct bytes){ b.p + at, b.left - at, b.spaces, b.lossy });
        *changed |= piece.len > 1 || piece.cp != span->cell[at].cp;
        span->cell[to] = hp_mojibake_cell_of(piece.cp, span->cell[at].from);
        at += piece.len;
    }
    span->count = to;
    return HP_OK;
}

enum hp_code hp_mojibake_decode(struct hp_mojibake_line *line, struct hp_mojibake_span *span,
    unsigned encoding, bool *is_utf8, bool *changed)
{
    // in Mac Roman the byte before it would be a dash, in right text often before a space
    bool spaces = encoding != HP_MOJIBAKE_MAC_ROMAN, lossy = HP_MOJIBAKE_SLOPPY >> encoding & 1;
    HP_TRY(to_bytes(line, span, encoding, spaces));
    struct bytes all = { line->byte, span->count, spaces, lossy };
    size_t pieces;
    HP_TRY(check(line, all, is_utf8, &pieces));
    return *is_utf8 ? put_pieces(line, all, span, changed) : HP_OK;
}
