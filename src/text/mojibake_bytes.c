// mojibake_bytes.c -- a line read back as the bytes it was, and these as UTF-8, with what happens
// to bytes on the way: A0 turned into a space, and bytes that were no character turned into U+FFFD
// or a question mark.
#include "text/mojibake.h"

#include "hotpathd/utf8.h"

enum { LOST = 0x1a, NBSP = 0xa0, REPLACEMENT = 0xfffd, A_GRAVE = 0xe0 };

struct bytes {
    const uint8_t *p;
    size_t count;
    bool spaces; // a space may be a byte A0
    bool lossy;  // LOST is a byte that got lost, and so may a question mark be
};

static bool tail(uint8_t byte)
{
    return hp_utf8_continues((char)byte);
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
    enum {
        LEADS = 1 | 1 << (0xc3 - 0xc2) | 1 << (0xc5 - 0xc2) | 1 << (0xce - 0xc2) |
                1 << (0xd0 - 0xc2) | 1 << (0xd9 - 0xc2)
    };
    return byte >= 0xc2 && byte <= 0xd9 && LEADS >> (byte - 0xc2) & 1;
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

static struct piece piece_at(const struct bytes *b, size_t at)
{
    const uint8_t *p = b->p + at;
    size_t left = b->count - at;
    if (p[0] < 0x80 && !(b->lossy && p[0] == LOST))
        return (struct piece){ p[0], 1 };
    struct piece piece = utf8_piece(p, left);
    if (piece.len > 0)
        return piece;
    if (b->lossy)
        piece = (struct piece){ REPLACEMENT, lossy_len(p, left) };
    if (b->spaces && p[0] == 0xc3 && left > 1 && p[1] == ' ')
        piece = (struct piece){ A_GRAVE, 1 }; // the space stays
    return piece;
}

// --- the line ------------------------------------------------------------------------------------

enum { FILL = 512, AHEAD = 8 }; // cells that become bytes at once; bytes that a look may take in

// Makes sure that the bytes from `at` on that a look may take in are there.
static enum hp_code fill(struct hp_mojibake_line *line, const struct hp_mojibake_span *span,
    const uint8_t *byte_of, size_t at, size_t *filled)
{
    if (*filled == span->count || at + AHEAD <= *filled)
        return HP_OK;
    size_t from = *filled, left = span->count - from;
    *filled += left < FILL ? left : FILL;
    for (size_t i = from; i < *filled; i++)
        line->byte[i] = byte_of[span->cell[i].number];
    return hp_mojibake_tick(line, from);
}

// Bytes of the piece at `at`, in which a space becomes the A0 that it was; 0: this is not UTF-8.
static size_t piece_len(struct hp_mojibake_line *line, const struct bytes *b, size_t at)
{
    size_t space = b->spaces ? space_of(b->p + at, b->count - at) : 0;
    if (space > 0)
        line->byte[at + space] = NBSP;
    return piece_at(b, at).len;
}

static enum hp_code check(struct hp_mojibake_line *line, const struct hp_mojibake_span *span,
    const uint8_t *byte_of, const struct bytes *b, bool *is_utf8)
{
    size_t filled = 0;
    *is_utf8 = true;
    for (size_t at = 0; at < b->count && *is_utf8;) {
        HP_TRY(fill(line, span, byte_of, at, &filled));
        size_t len = b->p[at] < 0x80 ? 1 : piece_len(line, b, at);
        at += len;
        while (len > 0 && at < filled && b->p[at] < 0x80)
            at++;
        *is_utf8 = len > 0;
    }
    return HP_OK;
}

static void put_piece(struct hp_mojibake_line *line, struct hp_mojibake_cell *to,
    const struct hp_mojibake_cell *from, struct piece piece, bool *changed)
{
    *changed |= piece.len > 1 || piece.cp != from->cp;
    line->parted |= hp_mojibake_line_end(piece.cp);
    *to = hp_mojibake_cell_of(piece.cp, from->from);
}

static enum hp_code put_pieces(struct hp_mojibake_line *line, const struct bytes *b,
    struct hp_mojibake_span *span, bool *changed)
{
    size_t to = 0;
    for (size_t at = 0, len; at < b->count; at += len, to++) {
        HP_TRY(hp_mojibake_tick(line, to));
        len = 1;
        if (b->p[at] < 0x80 && b->p[at] != LOST) {
            span->cell[to] = span->cell[at];
            continue;
        }
        struct piece piece = piece_at(b, at);
        put_piece(line, &span->cell[to], &span->cell[at], piece, changed);
        len = piece.len;
    }
    span->count = to;
    return HP_OK;
}

enum hp_code hp_mojibake_decode(struct hp_mojibake_line *line, struct hp_mojibake_span *span,
    unsigned encoding, bool *is_utf8, bool *changed)
{
    // in Mac Roman the byte before it would be a dash, in right text often before a space
    bool spaces = encoding != HP_MOJIBAKE_MAC_ROMAN, lossy = HP_MOJIBAKE_SLOPPY >> encoding & 1;
    struct bytes all = { line->byte, span->count, spaces, lossy };
    HP_TRY(check(line, span, hp_mojibake_bytes[encoding], &all, is_utf8));
    return *is_utf8 ? put_pieces(line, &all, span, changed) : HP_OK;
}
