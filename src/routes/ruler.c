// ruler.c -- counting what lies between the last position and the next.
#include "routes/ruler.h"

static size_t count(const struct hp_ruler *ruler, size_t from, size_t to)
{
    hp_str between = { ruler->text.ptr + from, to - from };
    return ruler->unit == HP_OFFSETS_CHAR ? hp_utf8_chars(between) : hp_utf8_utf16(between);
}

size_t hp_ruler_at(struct hp_ruler *ruler, size_t byte)
{
    if (ruler->unit == HP_OFFSETS_BYTE)
        return byte;
    if (byte >= ruler->byte)
        ruler->units += count(ruler, ruler->byte, byte);
    else
        ruler->units -= count(ruler, byte, ruler->byte);
    ruler->byte = byte;
    return ruler->units;
}
