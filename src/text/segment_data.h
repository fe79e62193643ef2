// Made by src/text/gen/segment.py from the Unicode 16.0.0 character database; do not edit.
#pragma once

#include <stdint.h>

enum grapheme_class {
    GCB_OTHER,
    GCB_CR,
    GCB_LF,
    GCB_CONTROL,
    GCB_EXTEND,
    GCB_NONJOINER,
    GCB_LINKER,
    GCB_ZWJ,
    GCB_REGIONAL,
    GCB_PREPEND,
    GCB_SPACING,
    GCB_L,
    GCB_V,
    GCB_T,
    GCB_LV,
    GCB_LVT,
    GCB_PICTURE,
    GCB_CONSONANT,
    GCB_CLASSES
};

enum word_class {
    WB_OTHER,
    WB_CR,
    WB_LF,
    WB_NEWLINE,
    WB_EXTEND,
    WB_FORMAT,
    WB_ZWJ,
    WB_SPACE,
    WB_LETTER,
    WB_HEBREW,
    WB_NUMERIC,
    WB_KATAKANA,
    WB_CONNECTOR,
    WB_REGIONAL,
    WB_MID_LETTER,
    WB_MID_NUM,
    WB_MID_BOTH,
    WB_SINGLE_QUOTE,
    WB_DOUBLE_QUOTE,
    WB_CLASSES
};

enum sentence_class {
    SB_OTHER,
    SB_CR,
    SB_LF,
    SB_SEP,
    SB_EXTEND,
    SB_FORMAT,
    SB_SP,
    SB_LOWER,
    SB_UPPER,
    SB_OTHER_LETTER,
    SB_NUMERIC,
    SB_ATERM,
    SB_CONTINUE,
    SB_STERM,
    SB_CLOSE,
    SB_CLASSES
};

enum { KIND_BLANK = 1, KIND_PICTURE = 2, KIND_CLAUSE = 4, KIND_CLAUSE_WIDE = 8 };

enum { BREAK_BLOCK = 128 };

// What a code point is to each of the three kinds of break; `kind` is a set of KIND_ bits.
struct hp_break {
    uint8_t grapheme, word, sentence, kind;
};

extern const struct hp_break hp_break_row[66];
extern const uint16_t hp_break_index[8704];
extern const uint8_t hp_break_block[256][BREAK_BLOCK];

static inline const struct hp_break *hp_break_of(uint32_t code_point)
{
    uint32_t block = hp_break_index[code_point / BREAK_BLOCK];
    return &hp_break_row[hp_break_block[block][code_point % BREAK_BLOCK]];
}
