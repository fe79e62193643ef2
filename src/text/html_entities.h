// html_entities.h -- character references of HTML, named and numeric, with and without their
// semicolon.
#pragma once

#include "hotpathd/str.h"

enum {
    HP_ENTITY_LONGEST = 31, // bytes of a name, without '&' and ';'
    HP_ENTITY_LEGACY_LONGEST = 6,
    HP_ENTITIES = 2125,
    HP_ENTITY_BITS = 13,
    HP_ENTITY_TEXT_MAX = 6
};

struct hp_entity {
    char name[HP_ENTITY_LONGEST + 1];
    uint8_t name_len;
    uint8_t legacy; // stands without a semicolon too
    uint8_t len;
    char text[HP_ENTITY_TEXT_MAX + 1]; // UTF-8
};

extern const struct hp_entity hp_entity_row[HP_ENTITIES];
extern const uint16_t hp_entity_slot[1 << HP_ENTITY_BITS]; // row + 1; 0: empty

// The character reference at s.ptr[at], which is '&' (HTML standard, 13.2.5.72 to 80): returns its
// length, and writes its characters to `out`; 0 where none stands there, and '&' is text. In an
// attribute a name without semicolon that goes on with a letter, digit or '=' is none.
size_t hp_html_entity(
    hp_str s, size_t at, bool attribute, char out[HP_ENTITY_TEXT_MAX], size_t *out_len);
