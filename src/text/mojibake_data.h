// mojibake_data.h -- the characters that mojibake is made of, as gen/mojibake.py tells them from
// Python's codecs and ftfy's heuristic. A character has a number, 0 where no table names it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    HP_MOJIBAKE_BLOCK = 128,
    HP_MOJIBAKE_BLOCKS = 21,
    HP_MOJIBAKE_PLAIN = 127, // numbers 1 to this: ASCII but U+001A, in every encoding
    HP_MOJIBAKE_CHARS = 630,
    HP_MOJIBAKE_CLASSES = 79,
    HP_MOJIBAKE_STATES = 113,
    HP_MOJIBAKE_ENCODINGS = 10,
};

// Code point to number, below U+10000.
extern const uint8_t hp_mojibake_pages[0x10000 / HP_MOJIBAKE_BLOCK];
extern const uint16_t hp_mojibake_blocks[HP_MOJIBAKE_BLOCKS][HP_MOJIBAKE_BLOCK];

static inline unsigned hp_mojibake_number(uint32_t cp)
{
    if (cp > 0xffff)
        return 0;
    return hp_mojibake_blocks[hp_mojibake_pages[cp / HP_MOJIBAKE_BLOCK]][cp % HP_MOJIBAKE_BLOCK];
}

static inline bool hp_mojibake_plain(unsigned number)
{
    return number - 1 < HP_MOJIBAKE_PLAIN;
}

// What a character is in the encodings whose letters stand where Latin-1 has them.
enum {
    HP_MOJIBAKE_LEAD_2 = 1, // the first of two bytes of UTF-8
    HP_MOJIBAKE_LEAD_3 = 2,
    HP_MOJIBAKE_LEAD_4 = 4,
    HP_MOJIBAKE_TAIL = 8,         // a later byte, or the space that a byte A0 became
    HP_MOJIBAKE_STRICT_TAIL = 16, // and no sign that often stands for itself
    HP_MOJIBAKE_C1 = 32,
};

struct hp_mojibake_char {
    uint16_t encodings; // bit e: it is a byte of encoding e
    uint8_t class;      // for the automaton
    uint8_t roles;
};

extern const struct hp_mojibake_char hp_mojibake_chars[HP_MOJIBAKE_CHARS];

// The encodings in the order in which they are tried.
enum {
    HP_MOJIBAKE_SLOPPY = 0x07e, // cp125x: byte 1A stands for U+FFFD, a byte that got lost
    HP_MOJIBAKE_MAC_ROMAN = 8,
    HP_MOJIBAKE_ALL = (1 << HP_MOJIBAKE_ENCODINGS) - 1,
};
extern const uint8_t hp_mojibake_bytes[HP_MOJIBAKE_ENCODINGS][HP_MOJIBAKE_CHARS];

// The automaton: what comes of a state and a class.
enum {
    HP_MOJIBAKE_INSIDE,     // of a line
    HP_MOJIBAKE_LINE_START, // of it
    HP_MOJIBAKE_FOUND = HP_MOJIBAKE_STATES - 1,
};
enum { HP_MOJIBAKE_OTHER, HP_MOJIBAKE_OTHER_WORD }; // classes of characters without a number
extern const uint8_t hp_mojibake_next[HP_MOJIBAKE_STATES][HP_MOJIBAKE_CLASSES];

// Whether the classes of two neighbours are a pair that every bad text has one of.
extern const bool hp_mojibake_pairs[HP_MOJIBAKE_CLASSES][HP_MOJIBAKE_CLASSES];
