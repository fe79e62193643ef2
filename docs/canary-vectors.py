#!/usr/bin/env python3
"""canary-vectors.py -- writes canary-vectors.json, the answers that every client's canary must give.

It follows the words of the contract and shares no code with any client:

    bucket = first 8 bytes, big endian, of SHA-256(route + 0x00 + salt + 0x00 + key), modulo 10000

Run it where it stands: python3 docs/canary-vectors.py. With --check it writes nothing and exits 1
when the file in the tree is not what it would write.
"""

import hashlib
import json
import pathlib
import sys

TARGET = pathlib.Path(__file__).with_name("canary-vectors.json")

KEYS = [
    "",  # the empty key is a key
    "a",
    "b",
    "0",
    "00",
    "A",
    " a",
    "a ",
    "doc-1",
    "doc-2",
    "doc-42",
    "tenant-7/doc-42",
    "user@example.com",
    "https://example.com/a?b=c&d=%20#e",
    "0b6ee2a2-6b1f-4f39-9df0-6c4f3bd4f7a1",
    "line\nbreak",
    "tab\tand\r\nline end",
    'quote " and backslash \\',
    "\0",  # NUL is a byte like any other, although it also parts the fields
    "a\0b",
    "\0\0\0",
    "\x01\x1f\x7f",
    "é",  # one code point
    "e\u0301",  # the same to the eye, two code points: keys are never normalized
    "ß",
    "日本語",
    "한국어",
    "हिन्दी",
    "עברית",
    "😀",  # outside the basic plane
    "👩\u200d👩\u200d👧",
    "\ufeffbom",
    "\ufffd",
    "\U0010ffff",
    "x" * 55,  # around the block size of SHA-256
    "x" * 56,
    "x" * 63,
    "x" * 64,
    "x" * 65,
    "0123456789" * 100,
    "ü" * 2048,
    "k" * 65536,
]

FIELDS = [
    ("chunk", "chunk"),
    ("score", "score"),
    ("chunk", ""),
    ("chunk", "salt of 2026"),
    ("chunk", "sälz\0"),
    ("score", "chunk"),
]

# Moving a NUL between salt and key gives the same bytes, so the same bucket.
PAIRS = [("chunk", "a", "b\0c"), ("chunk", "a\0b", "c")]


def bucket(route: str, salt: str, key: str) -> int:
    message = b"\0".join(part.encode("utf-8") for part in (route, salt, key))
    return int.from_bytes(hashlib.sha256(message).digest()[:8], "big") % 10000


def rows():
    for route, salt in FIELDS[:2]:
        for key in KEYS:
            yield route, salt, key
    for route, salt in FIELDS[2:]:
        for key in KEYS[:12]:
            yield route, salt, key
    yield from PAIRS


def text() -> str:
    lines = [
        json.dumps({"route": route, "salt": salt, "key": key, "bucket": bucket(route, salt, key)})
        for route, salt, key in rows()
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        return 0 if TARGET.read_text(encoding="ascii") == text() else 1
    TARGET.write_text(text(), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
