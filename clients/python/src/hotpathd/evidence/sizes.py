"""What the hop costs against what it saves, by payload size, in words.

From a canary, whose old side tells the size of some of its calls, or from calls in mode shadow, which have both sides on the
same payload. What a canary compares is what callers waited, so that calls which time out and fall back are in it.
"""

from __future__ import annotations

from typing import Optional

import numpy as np

from . import breakeven
from .blocks import Array
from .breakeven import BreakEven, Sized
from .sides import Window


def break_even(window: Window, route: str, kind: str, old_index: Array, new_index: Array) -> Optional[BreakEven]:
    """Of what is compared, where that has sizes on both sides; else of calls in mode shadow."""
    if kind == "canary":
        found = breakeven.break_even(_sized(window, old_index, "total_ms"), _sized(window, new_index, "total_ms"))
        if found.buckets:
            return found
    both = window.where(route, lambda cell: cell.path == "both" and cell.outcome == "ok")
    found = breakeven.break_even(_sized(window, both, "legacy_ms", "sidecar_ms"), _sized(window, both, "sidecar_ms", "legacy_ms"))
    return found if found.buckets else None


def _sized(window: Window, index: Array, took: str, *known: str) -> Sized:
    """Calls whose size is known, and what else must be. One column after the other: few old calls have a size."""
    for name in ("bytes_in", took, *known):
        index = index[np.isfinite(window.table.at(name, index))]
    sizes, values, times = (window.table.at(name, index) for name in ("bytes_in", took, "ts"))
    return Sized(sizes, values, times)


def says(found: BreakEven) -> str:
    first, last = found.buckets[0], found.buckets[-1]
    if all(bucket.saved.low > 0 for bucket in found.buckets):
        return f"it saves time at every size seen, from {word(first.size)} to {word(last.size)}"
    if found.above is None:
        return f"at no size up to {word(last.size)} it saves time for sure"
    return f"switch on above {word(found.above)}; below, the hop costs what it saves, or more"


def word(size: float) -> str:
    for unit, bytes_ in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= bytes_:
            return f"{size / bytes_:.3g} {unit}"
    return f"{size:.3g} bytes"
