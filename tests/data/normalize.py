#!/usr/bin/env python3
"""Writes normalize.txt: strings and what Unicode 16.0 says of them, for test_normalize.c.

    pip install unicodedata2==16.0.0
    python3 tests/data/normalize.py > tests/data/normalize.txt

First 64-bit FNV-1a over the UTF-8 of the form of every code point alone, in order, for both forms; then the same of
the strings with which the consortium's NormalizationTest.txt tests canonical order, of every code point with a combining
class (its other lines are the code points alone, or did not change since the version that Debian carries). Then one string
a line: source;NFC;NFKC, as hexadecimal code points.
"""
import random

import unicodedata2 as ucd

POINTS = [cp for cp in range(0x110000) if not 0xD800 <= cp <= 0xDFFF]
MARKS = [cp for cp in POINTS if ucd.combining(chr(cp))]
COMPOSITES = [cp for cp in POINTS if ucd.decomposition(chr(cp)) and not 0xAC00 <= cp <= 0xD7A3]
PARTS = sorted({int(part, 16) for cp in COMPOSITES for part in ucd.decomposition(chr(cp)).split() if part[0] != "<"})
HANGUL = [*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A7, 0x11C3), *range(0xAC00, 0xAC40)]


def orders():
    for mark in map(chr, MARKS):
        yield "a\u0315\u0300\u05ae" + mark + "b"
        yield "a" + mark + "\u0315\u0300\u05aeb"


def fnv(form, texts):
    value = 0xCBF29CE484222325
    for text in texts:
        for byte in ucd.normalize(form, text).encode():
            value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def string(rng):
    pools = [MARKS, COMPOSITES, PARTS, HANGUL, POINTS, range(0x20, 0x7F)]
    weights = rng.choice([(4, 2, 4, 0, 0, 1), (1, 1, 4, 4, 0, 0), (1, 4, 1, 1, 1, 1), (1, 0, 1, 0, 1, 6)])
    size = rng.choice([2, 3, 4, 6, 12])
    text = [rng.choice(rng.choices(pools, weights)[0]) for _ in range(size)]
    if rng.random() < 0.02:  # longer than any run that is sorted by insertion
        text[1:1] = rng.choices(MARKS, k=rng.randrange(20, 90))
    return "".join(map(chr, text))


def points(text):
    return " ".join(f"{ord(c):X}" for c in text)


def main():
    assert ucd.unidata_version == "16.0.0"
    rng = random.Random(16)
    print("# Unicode 16.0.0, made by tests/data/normalize.py")
    print(";".join(fnv(form, texts) for texts in (list(map(chr, POINTS)), list(orders())) for form in ("NFC", "NFKC")))
    for _ in range(1500):
        text = string(rng)
        print(";".join(points(t) for t in (text, ucd.normalize("NFC", text), ucd.normalize("NFKC", text))))


if __name__ == "__main__":
    main()
