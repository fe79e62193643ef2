#!/usr/bin/env python3
"""Writes tests/data/decode.txt: what Python's decoders make of damaged bodies.

    python3 tests/data/decode.py > tests/data/decode.txt

One case a line: the body, its text under replace, under cp1252, all in hex; and the offset of the first fault, -1
where there is none. UTF-16 (with a BOM) knows no cp1252: there the column repeats replace. Python counts the bytes of a
truncated unit as one fault, as we do; a lone surrogate too.
"""
import random

CP1252 = {b: bytes([b]).decode("cp1252", "ignore") or chr(b) for b in range(256)}


def as_cp1252(raw):
    out, at = "", 0
    while at < len(raw):
        try:
            return out + raw[at:].decode("utf-8")
        except UnicodeDecodeError as fault:
            good = at + fault.start
            out += raw[at:good].decode("utf-8") + CP1252[raw[good]]
            at = good + 1
    return out


def utf16(raw, big):
    """By hand: Python's decoder takes a high surrogate and the wrong unit behind it for one fault."""
    order = "big" if big else "little"
    units = [int.from_bytes(raw[i:i + 2], order) for i in range(2, len(raw) - 1, 2)]
    out, offset, i = "", -1, 0
    while i < len(units):
        unit, low = units[i], units[i + 1] if i + 1 < len(units) else 0
        if 0xD800 <= unit < 0xDC00 and 0xDC00 <= low < 0xE000:
            out += (unit.to_bytes(2, order) + low.to_bytes(2, order)).decode("utf-16-be" if big else "utf-16-le")
            i += 2
            continue
        lone = 0xD800 <= unit < 0xE000
        out += "\ufffd" if lone else chr(unit)
        if lone and offset < 0:
            offset = 2 + 2 * i
        i += 1
    if len(raw) % 2:
        out += "\ufffd"
        offset = len(raw) - 1 if offset < 0 else offset
    return out, offset


def row(raw):
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text, offset = utf16(raw, raw[0] == 0xFE)
        if offset < 0:
            assert text == raw.decode("utf-16")
        return raw, text, text, offset
    offset = -1
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        offset = fault.start
    return raw, raw.decode("utf-8", "replace"), as_cp1252(raw), offset


def damaged(rng):
    text = "".join(rng.choice("ab \n\u00e9\u00df\u20ac\u4e2d\U0001f600\ufeff") for _ in range(rng.randrange(24)))
    raw = bytearray(text.encode("utf-8" if rng.random() < 0.6 else rng.choice(["utf-16-le", "utf-16-be"])))
    if rng.random() < 0.4:
        raw = bytearray(rng.choice([b"\xff\xfe", b"\xfe\xff"])) + raw
    for _ in range(rng.choice([0, 1, 1, 2, 5])):
        if raw:
            at = rng.randrange(len(raw))
            raw[at:at + rng.randrange(2)] = bytes([rng.choice([0x80, 0x81, 0x9F, 0xC0, 0xC2, 0xD8, 0xDC, 0xE0, 0xE2, 0xED, 0xF0, 0xF4, 0xF5, 0xFF, 0x41])])
    return bytes(raw)


def main():
    rng = random.Random(4)
    cases = [bytes([a, b, c]) for a in (0xC2, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0x80, 0x41)
             for b in (0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0x41) for c in (0x80, 0x41, 0xE2)]
    cases += [bytes([b]) for b in range(256)] + [b"\xf0\x9f\x98", b"\xf0\x9f\x98\x80\x80", b"\xff\xfe", b"\xfe\xff\x00"]
    cases += [damaged(rng) for _ in range(1200)]
    print("# made by tests/data/decode.py")
    for raw, replaced, read, offset in map(row, cases):
        print(raw.hex(), replaced.encode().hex(), read.encode().hex(), offset, sep=";")


if __name__ == "__main__":
    main()
