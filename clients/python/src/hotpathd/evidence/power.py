"""How many calls of the new path a test needs, from what is known of the old one.

No density is estimated: the baseline's own interval says how exactly that many calls show the quantile.
"""

from __future__ import annotations

import math

from scipy import special

from . import blocks, intervals, sequential
from .blocks import Array

CAUTION = 0.9  # of baselines like this one, whose spread is not underestimated


def error_of_one(values: Array, times: Array, q: float) -> float:
    """The standard error of the log of the quantile, if a single call could tell it; by the root of n for n calls."""
    n = len(values)
    found = intervals.quantile(values, times, q)
    if not n or found.low <= 0 or math.isinf(found.high):
        return math.inf
    reach = math.log(found.high / found.low) / 2
    freedom = blocks.freedom(n)
    cautious = freedom / float(special.chdtri(freedom, CAUTION))
    return reach / blocks.critical(n, intervals.CONFIDENCE) * math.sqrt(n * cautious)


def calls_needed(
    values: Array, times: Array, q: float, regression: float,
    alpha: float = sequential.ALPHA, power: float = 0.9, share: float = 0.05,
) -> float:  # fmt: skip
    """Calls of the new path, so that a quantile later by `regression` (0.1: 10 %) is seen at the planned end at the latest;
    `share` of all calls go the new path. Infinite, if the baseline is too short to say."""
    wanted = math.log1p(regression) / (sequential.boundary(1, alpha) + float(special.ndtri(power)))
    needed = (error_of_one(values, times, q) / wanted) ** 2 / (1 - share)
    return math.ceil(needed) if math.isfinite(needed) else math.inf
