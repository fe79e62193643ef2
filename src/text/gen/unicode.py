#!/usr/bin/env python3
"""Writes src/text/unicode_data.c: the Unicode 16.0 properties that text work needs, as two-stage tables.

    pip install unicodedata2==16.0.0
    python3 src/text/gen/unicode.py > src/text/unicode_data.c

Categories, combining classes and decompositions come from unicodedata2. White_Space comes from PropList.txt
(Debian's unicode-data, argument 1): the property has not changed since Unicode 6.3. Composition pairs are found by
asking: a pair composes where NFC of its canonical decomposition gives the character back.
"""
import sys

import unicodedata2 as ucd

VERSION = "16.0.0"
LIMIT = 0x110000
BLOCK = 128  # BLOCK_BITS of unicode_data.h
HANGUL = range(0xAC00, 0xD7A4)

CATEGORY = {"Lu": 1, "Ll": 2, "Lt": 3, "Lm": 4, "Lo": 5, "Mn": 6, "Mc": 6, "Me": 6, "Nd": 7, "Nl": 7, "No": 7}
SPACE = 8
UNSTABLE = {"NFC": 0x10, "NFKC": 0x20}
BACKWARD, BACKWARD_K, QUICK, QUICK_K = 1, 2, 4, 8


def white_space(path):
    found = set()
    for line in open(path, encoding="utf-8"):
        span, _, name = line.partition("#")[0].partition(";")
        if name.strip() == "White_Space":
            first, _, last = span.strip().partition("..")
            found.update(range(int(first, 16), int(last or first, 16) + 1))
    return found


def decomposed(cp, form):
    """The full decomposition, [] for what stands for itself; Hangul is arithmetic (normalize.c)."""
    if 0xD800 <= cp <= 0xDFFF or cp in HANGUL:
        return []
    text = ucd.normalize(form, chr(cp))
    return [] if text == chr(cp) else [ord(c) for c in text]


def pairs():
    """{first: [(second, composite)]} of the primary composites."""
    found = {}
    for cp in range(LIMIT):
        raw = ucd.decomposition(chr(cp)) if cp not in HANGUL else ""
        if not raw or raw.startswith("<") or " " not in raw:
            continue
        if ucd.normalize("NFC", chr(cp)) == chr(cp):
            first, second = (int(part, 16) for part in raw.split())
            found.setdefault(first, []).append((second, cp))
    return found


def common(lead):
    """How often text has characters with this first byte, roughly: what a pair that is in for nothing costs."""
    return 8 if 0xE3 <= lead <= 0xE9 or lead in (0xC3, 0xD0, 0xD1, 0xE2) else 1


def halves(byte_set):
    return frozenset(b >> 4 for b in byte_set), frozenset(b & 15 for b in byte_set)


def closure(byte_set):
    high, low = halves(byte_set)
    return [h << 4 | l for h in high for l in low]


def cost(group):
    leads, nexts = group
    return sum(common(lead) for lead in closure(leads) if lead >= 0xC2) * len(closure(nexts))


def pair_set(wanted):
    """The first two bytes of the code points in `wanted`, as struct hp_pairs: eight classes, joined so that few pairs
    are in for nothing."""
    nexts = {}
    for cp in wanted:
        if not 0xD800 <= cp <= 0xDFFF:
            first, second = chr(cp).encode()[:2]
            nexts.setdefault(first, set()).add(second)
    groups = [({lead}, set(after)) for lead, after in sorted(nexts.items())]
    while len(groups) > 8:
        def joined(i, j):
            return groups[i][0] | groups[j][0], groups[i][1] | groups[j][1]
        i, j = min(((i, j) for i in range(len(groups)) for j in range(i)),
                   key=lambda p: cost(joined(*p)) - cost(groups[p[0]]) - cost(groups[p[1]]))
        groups = [group for k, group in enumerate(groups) if k not in (i, j)] + [joined(i, j)]
    rows = {name: [0] * 16 for name in ("lead_high", "lead_low", "next_high", "next_low")}
    for bit, (leads, after) in enumerate(groups):
        for kind, members in (("lead", leads), ("next", after)):
            for part, values in zip(("high", "low"), halves(members)):
                for value in values:
                    rows[f"{kind}_{part}"][value] |= 1 << bit
    return "{ " + ",\n    ".join(f".{name} = {{ {', '.join(map(str, row))} }}" for name, row in rows.items()) + " }"


class Pool:
    """An array in which equal entries share their place; place 0 means none."""

    def __init__(self):
        self.words, self.places = [0], {}

    def place(self, entry):
        if not entry:
            return 0
        key = tuple(entry)
        if key not in self.places:
            self.places[key] = len(self.words)
            self.words.extend(key)
        return self.places[key]


def marked(cps):
    """Length, then each code point with its combining class in the top byte."""
    return [len(cps)] + [cp | ucd.combining(chr(cp)) << 24 for cp in cps] if cps else []


def stages(values):
    first, blocks, places = [], [], {}
    for at in range(0, LIMIT, BLOCK):
        block = tuple(values[at:at + BLOCK])
        if block not in places:
            places[block] = len(places)
            blocks.extend(block)
        first.append(places[block])
    return first, blocks


def table(kind, name, values, show=str):
    print(f"\nconst {kind} {name}[{len(values)}] = {{")
    line = "   "
    for value in values:
        text = f" {show(value)},"
        if len(line) + len(text) > 100:
            print(line)
            line = "   "
        line += text
    print(line + "\n};")


def main():
    assert ucd.unidata_version == VERSION
    white = white_space(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode/PropList.txt")
    composes = pairs()
    backward = {second for rows in composes.values() for second, _ in rows}
    backward |= set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))  # Hangul vowels and finals

    def joins_backward(cps):
        return ucd.combining(chr(cps[0])) != 0 or cps[0] in backward

    bits, records, indices, pool = [], {(0, 0, 0, 0, 0): 0}, [], Pool()
    for cp in range(LIMIT):
        category = SPACE if cp in white else CATEGORY.get(ucd.category(chr(cp)), 0)
        canonical, compatible = decomposed(cp, "NFD"), decomposed(cp, "NFKD")
        flags = BACKWARD * joins_backward(canonical or [cp]) | BACKWARD_K * joins_backward(compatible or [cp])
        byte = category
        for form, joins, quick in (("NFC", BACKWARD, QUICK), ("NFKC", BACKWARD_K, QUICK_K)):
            changes = bool(canonical or compatible) and ucd.normalize(form, chr(cp)) != chr(cp)
            flags |= quick * (changes or cp in backward)
            byte |= UNSTABLE[form] * bool(flags & (joins | quick))
        bits.append(byte)
        rows = sorted(composes.get(cp, []))
        record = (pool.place(marked(canonical)), pool.place(marked(compatible)),
                  pool.place([len(rows)] + [word for row in rows for word in row]) if rows else 0,
                  ucd.combining(chr(cp)), flags)
        indices.append(records.setdefault(record, len(records)))

    print("// unicode_data.c -- made by src/text/gen/unicode.py from Unicode " + VERSION + "; not to be edited.\n"
          "// clang-format off\n#include \"text/unicode_data.h\"")
    first, blocks = stages(bits)
    table("uint16_t", "hp_bits_block", first)
    table("uint8_t", "hp_bits", blocks)
    first, blocks = stages(indices)
    table("uint16_t", "hp_norm_block", first)
    table("uint16_t", "hp_norm_index", blocks)
    table("struct hp_norm", "hp_norm", list(records), lambda r: "{" + ",".join(map(str, r)) + "}")
    assert len(pool.words) < 1 << 16
    table("uint32_t", "hp_norm_pool", pool.words, lambda w: f"0x{w:x}" if w > 9 else str(w))
    print()
    for name, mask in UNSTABLE.items():
        members = pair_set(cp for cp in range(LIMIT) if bits[cp] & mask)
        print(f"const struct hp_pairs hp_pairs_{name.lower()} =\n    {members};")


if __name__ == "__main__":
    main()
