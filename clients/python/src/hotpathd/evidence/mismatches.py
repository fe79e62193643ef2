"""Differences by where they begin: the first differing pointer, its array indexes left out."""

from __future__ import annotations

import re
_INDEX = re.compile(r"/[0-9]+(?=/|$)")
LONGEST = 200


def cluster_of(pointer: str) -> str:
    """`/chunks/3/end` and `/chunks/12/end` are one: `/chunks/*/end`."""
    return _INDEX.sub("/*", pointer[:LONGEST])
