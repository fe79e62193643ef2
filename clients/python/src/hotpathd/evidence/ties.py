"""Order statistics under a clock that ticks.

Calls that took the same number of ticks took different times. They are spread evenly over their tick, as the median of
grouped data does it; without, limits would jump by whole ticks and a change of less than a tick would not be seen.
"""

from __future__ import annotations

import math
from typing import List, Sequence

import numpy as np

from .blocks import Array

ENOUGH = 10_000  # values in which to look for the tick


def tick(values: Array) -> float:
    """The smallest step between values: the clock's, or next to nothing."""
    distinct = np.unique(values[:ENOUGH])
    return float(np.diff(distinct).min()) if len(distinct) > 1 else 0.0


def at(values: Array, places: Sequence[float]) -> List[float]:
    """The values at places from 0 to n - 1 of the order, between neighbours where a place is; infinite outside."""
    n, width = len(values), tick(values)
    floors = [math.floor(min(max(place, 0), n - 1)) for place in places]
    ordered = np.partition(values, sorted({k for i in floors for k in (i, min(i + 1, n - 1))}))

    def spread(i: int) -> float:
        value = ordered[i]
        below, same = np.count_nonzero(values < value), np.count_nonzero(values == value)
        return float(value + width * ((i - below + 0.5) / same - 0.5))

    def between(place: float, i: int) -> float:
        if not 0 <= place <= n - 1:
            return math.copysign(math.inf, place)
        low = spread(i)
        return low if place == i else low + (place - i) * (spread(i + 1) - low)

    return [between(place, i) for place, i in zip(places, floors)]
