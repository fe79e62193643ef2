// ruler.h -- byte positions of a text as code points or UTF-16 units. Each ruler walks forward from
// where it was last: positions in ascending order cost one pass over the text in all.
#pragma once

#include "hotpathd/utf8.h"

enum hp_offsets { HP_OFFSETS_CHAR, HP_OFFSETS_BYTE, HP_OFFSETS_UTF16 };

struct hp_ruler {
    hp_str text;
    int unit; // enum hp_offsets
    size_t byte, units;
};

static inline struct hp_ruler hp_ruler_on(hp_str text, int unit)
{
    return (struct hp_ruler){ .text = text, .unit = unit };
}

// `byte` in the ruler's unit.
size_t hp_ruler_at(struct hp_ruler *ruler, size_t byte);
