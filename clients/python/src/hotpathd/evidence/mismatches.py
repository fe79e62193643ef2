"""Differences by where they begin: the first differing pointer, its array indexes left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, List, Tuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .sides import Window
    from .spool import Example

_INDEX = re.compile(r"/[0-9]+(?=/|$)")
LONGEST = 200
MOST_CLUSTERS = 20


@dataclass(frozen=True)
class Cluster:
    pointer: str
    count: int
    share: float  # of the route's mismatches
    examples: "Tuple[Example, ...]"


def cluster_of(pointer: str) -> str:
    """`/chunks/3/end` and `/chunks/12/end` are one: `/chunks/*/end`."""
    return _INDEX.sub("/*", pointer[:LONGEST])


def clusters(window: "Window", route: str, differing: NDArray[Any]) -> List[Cluster]:
    """The greatest first. `differing`: indexes of the mismatches."""
    words = window.table.words("diff")
    counts = np.bincount(window.table.at("diff", differing), minlength=len(words))
    found = []
    for at in np.argsort(-counts, kind="stable")[:MOST_CLUSTERS]:
        if not counts[at]:
            break
        pointer = words[at] or ""
        examples = [one for one in window.table.examples if one.route == route and one.pointer == pointer]
        found.append(Cluster(pointer, int(counts[at]), int(counts[at]) / len(differing), tuple(examples[:3])))
    return found
