"""What the hop costs against what it saves, by payload size: from which size on the sidecar pays.

From calls in mode shadow, which have both sides on the same payload; a canary's old side does not know its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Optional

import numpy as np
from numpy.typing import NDArray

from . import intervals
from .intervals import Interval
from .sides import Window

LEAST = 20  # calls of a size, before anything is said of it
Array = NDArray[Any]


@dataclass(frozen=True)
class Bin:
    low: int  # bytes
    high: int
    calls: int
    old_p50: float
    new_p50: float
    saved: Interval  # ms of a call; below zero the hop costs more


@dataclass(frozen=True)
class BreakEven:
    bins: List[Bin]
    above: Optional[int]  # bytes; 0: at every size seen, None: at none
    says: str


def break_even(window: Window, route: str) -> Optional[BreakEven]:
    both = window.where(route, lambda cell: cell.path == "both" and cell.outcome == "ok")
    if not len(both):
        return None
    size = window.table.at("bytes_in", both)
    old, new = window.table.at("legacy_ms", both), window.table.at("sidecar_ms", both)
    known = np.isfinite(size) & np.isfinite(old) & np.isfinite(new)
    stamps = window.table.at("ts", both)
    bins = _bins(size[known], old[known], new[known], stamps[known])
    return BreakEven(bins, *_above(bins)) if bins else None


def _bins(size: Array, old: Array, new: Array, stamps: Array) -> List[Bin]:
    power = np.floor(np.log2(np.maximum(size, 1))).astype(int)
    out = []
    for at in np.unique(power):
        here = power == at
        if here.sum() >= LEAST:
            saved = intervals.mean(old[here] - new[here], stamps[here])
            out.append(Bin(1 << int(at), 2 << int(at), int(here.sum()), float(np.median(old[here])), float(np.median(new[here])), saved))
    return out


def _above(bins: List[Bin]) -> "tuple[Optional[int], str]":
    paying: List[Bin] = []
    for one in reversed(bins):
        if one.saved.low <= 0:
            break
        paying.append(one)
    if not paying:
        return None, f"at no size up to {size_word(bins[-1].high)} it saves time for sure"
    if len(paying) == len(bins):
        return 0, f"it saves time at every size seen, from {size_word(bins[0].low)} on"
    edge = paying[-1].low
    return edge, f"switch on above {size_word(edge)}; below, the hop costs what it saves, or more"


def size_word(size: int) -> str:
    for unit, bytes_ in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= bytes_:
            return f"{size / bytes_:g} {unit}"
    return f"{size} bytes"
