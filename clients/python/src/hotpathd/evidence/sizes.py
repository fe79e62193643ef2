"""What the hop costs against what it saves, by payload size, in words.

From calls in mode shadow, which have both sides on the same payload; a canary's old side does not know its size.
"""

from __future__ import annotations

from typing import Optional

import numpy as np

from . import breakeven
from .breakeven import BreakEven
from .sides import Window


def break_even(window: Window, route: str) -> Optional[BreakEven]:
    both = window.where(route, lambda cell: cell.path == "both" and cell.outcome == "ok")
    size, old, new, times = (window.table.at(name, both) for name in ("bytes_in", "legacy_ms", "sidecar_ms", "ts"))
    known = np.isfinite(size) & np.isfinite(old) & np.isfinite(new)
    found = breakeven.break_even(size[known], old[known], new[known], times[known])
    return found if found.buckets else None


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
