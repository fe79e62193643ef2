#!/usr/bin/env python3
"""Writes src/text/html_entities_data.c and html_tags_data.c: the look-ups of html_entities.c and html_tokens.c.

    python3 src/text/gen/entities.py src/text

The named character references are those of Python's html.entities.html5, which is the table of the HTML standard,
13.5; the elements are the rows of html_tags.def. Both are hash tables with open addressing.
"""
import html.entities
import re
import sys
from pathlib import Path

MASK64 = (1 << 64) - 1
MULTIPLY = 0x9E3779B97F4A7C15
TAG_BITS, ENTITY_BITS = 8, 13
KEY = 8


def key(name):
    """The first eight bytes as a little-endian number, and the length on top of them."""
    return int.from_bytes(name.encode()[:KEY], "little")


def slot(number, bits):
    return (number * MULTIPLY & MASK64) >> (64 - bits)


def entity_hash(name):
    number = len(name)
    data = name.encode()
    for at in range(0, len(data), KEY):
        number = ((number ^ int.from_bytes(data[at:at + KEY], "little")) * MULTIPLY) & MASK64
        number ^= number >> 32
    return number


def place(slots, start, value):
    at = start
    while slots[at]:
        at = (at + 1) % len(slots)
    slots[at] = value
    return (at - start) % len(slots) + 1


def numbers(values, width):
    lines, line = [], ""
    for value in values:
        piece = f"{value}, "
        if len(line) + len(piece) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return "\n".join("    " + line for line in lines + [line.rstrip()])


def escaped(text):
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


HEAD = "// Made by src/text/gen/entities.py from {}; do not edit.\n#include \"text/{}\"\n\n// clang-format off\n"


def entities(folder):
    table = html.entities.html5
    assert all(name.rstrip(";").isalnum() and name.isascii() for name in table)
    # every name without a semicolon also has one, with the same value
    assert all(table[name] == table[name + ";"] for name in table if not name.endswith(";"))
    names = sorted(name[:-1] for name in table if name.endswith(";"))
    legacy = {name for name in table if not name.endswith(";")}
    slots, probes, rows = [0] * (1 << ENTITY_BITS), 0, []
    for index, name in enumerate(names):
        start = entity_hash(name) >> 48 & ((1 << ENTITY_BITS) - 1)
        probes = max(probes, place(slots, start, index + 1))
        value = table[name + ";"]
        assert len(value.encode()) <= 6
        rows.append(f'    {{ "{name}", {len(name)}, {int(name in legacy)}, {len(value.encode())}, "{escaped(value)}" }},')
    out = HEAD.format("the table of named character references of the HTML standard", "html_entities.h")
    out += f"_Static_assert(HP_ENTITY_LONGEST == {max(map(len, names))}, \"see gen/entities.py\");\n"
    out += f"_Static_assert(HP_ENTITY_LEGACY_LONGEST == {max(map(len, legacy))}, \"see gen/entities.py\");\n"
    out += f"_Static_assert(HP_ENTITIES == {len(names)}, \"see gen/entities.py\");\n\n"
    out += "const struct hp_entity hp_entity_row[HP_ENTITIES] = {\n" + "\n".join(rows) + "\n};\n\n"
    out += f"// At most {probes} looks.\nconst uint16_t hp_entity_slot[1 << HP_ENTITY_BITS] = {{\n"
    out += numbers(slots, 110) + "\n};\n"
    (folder / "html_entities_data.c").write_text(out)
    print(len(names), "names,", len(legacy), "legacy, probes", probes)


def tags(folder):
    rows = re.findall(r'^HP_TAG\((\w+), "(\w+)"', (folder / "html_tags.def").read_text(), re.M)
    assert len(rows) < 1 << TAG_BITS - 1
    slots, probes = [0] * (1 << TAG_BITS), 0
    for index, (_, name) in enumerate(rows):
        probes = max(probes, place(slots, slot(key(name), TAG_BITS), index + 1))
    assert len({key(name) for _, name in rows}) == len(rows)
    by_slot = [rows[value - 1] if value else None for value in slots]
    out = HEAD.format("html_tags.def", "html_tokens.h")
    out += f"// At most {probes} looks.\nconst struct hp_html_slot hp_html_slot[1 << HP_HTML_TAG_BITS] = {{\n"
    for at, row in enumerate(by_slot):
        if row:
            out += f'    [{at}] = {{ 0x{key(row[1]):x}u, "{row[1]}", {len(row[1])}, HP_HTML_{row[0]} }},\n'
    (folder / "html_tags_data.c").write_text(out + "};\n")
    print(len(rows), "tags, probes", probes)


entities(Path(sys.argv[1]))
tags(Path(sys.argv[1]))
