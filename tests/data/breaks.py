#!/usr/bin/env python3
"""Writes tests/data/breaks.txt: the consortium's Unicode 16.0 break tests, one a line.

    cargo vendor (of unicode-segmentation =1.12.0), then
    python3 tests/data/breaks.py vendor/unicode-segmentation/tests/testdata/mod.rs > tests/data/breaks.txt

G, W or S, then the code points in hexadecimal; a slash stands for every break inside the text.
"""
import re
import sys

KIND = {"TEST_SAME": "G", "TEST_DIFF": "G", "TEST_WORD": "W", "TEST_SENTENCE": "S"}


def unescape(text):
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda m: chr(int(m.group(1), 16)), text)


def rows(source):
    """(kind, pieces) of each row: a text, its pieces, and in TEST_DIFF the legacy clusters, left out here."""
    for name, body in re.findall(r"pub const (TEST_\w+):[^=]*= &\[(.*?)\n\s*\];", source, re.S):
        for text, pieces in re.findall(r'\("([^"]*)",\s*&\[([^\]]*)\]', body):
            found = [unescape(piece) for piece in re.findall(r'"([^"]*)"', pieces)]
            assert "".join(found) == unescape(text)
            yield KIND[name], found


print("# Unicode 16.0.0 {Grapheme,Word,Sentence}BreakTest.txt; made by tests/data/breaks.py")
for kind, pieces in rows(open(sys.argv[1], encoding="utf-8").read()):
    print(kind, " / ".join(" ".join(f"{ord(c):X}" for c in piece) for piece in pieces))
