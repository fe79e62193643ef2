"""From which payload size on the hop pays.

A hop has a fixed cost and the step a cost per byte, on either side, so that what a call saves is a line over its size.
Calls are put in buckets of doubling size; the line goes through the medians of the buckets, each weighted by how exactly
it is known; Fieller's interval (Journal of the Royal Statistical Society B 16, 1954) says where the line is at zero:
the sizes at which its band contains zero.
"""

from __future__ import annotations

import math
from typing import List, NamedTuple, Optional

import numpy as np
from scipy import special

from . import intervals
from .blocks import Array
from .intervals import CONFIDENCE, Interval

LEAST = 50  # calls of a bucket


class Bucket(NamedTuple):
    size: float  # the median, in bytes
    calls: int
    old: Interval  # medians
    new: Interval
    saved: Interval  # by a call; below zero it costs


class BreakEven(NamedTuple):
    buckets: List[Bucket]
    size: Optional[Interval]  # None: no line, or one that does not rise for sure
    above: Optional[float]  # switch on above so many bytes; None: at no size is it sure to save


def break_even(sizes: Array, old: Array, new: Array, times: Array, confidence: float = CONFIDENCE) -> BreakEven:
    """Of calls that both sides did, as shadow mode has them."""
    buckets = _buckets(sizes, old, new, times, confidence)
    exact = [bucket for bucket in buckets if 0 < bucket.saved.high - bucket.saved.low < math.inf]
    size = _zero(exact, confidence) if len(exact) >= 2 else None
    return BreakEven(buckets, size, _above(buckets, size))


def _buckets(sizes: Array, old: Array, new: Array, times: Array, confidence: float) -> List[Bucket]:
    octaves = np.log2(np.maximum(sizes, 1)).astype(np.int64)
    chosen = [np.flatnonzero(octaves == octave) for octave in np.unique(octaves)]
    return [
        Bucket(
            float(np.median(sizes[at])), len(at),
            intervals.quantile(old[at], times[at], 0.5, confidence),
            intervals.quantile(new[at], times[at], 0.5, confidence),
            intervals.quantile_difference(new[at], times[at], old[at], times[at], 0.5, confidence),
        )  # fmt: skip
        for at in chosen
        if len(at) >= LEAST
    ]


def _zero(buckets: List[Bucket], confidence: float) -> Optional[Interval]:
    z = float(special.ndtri((1 + confidence) / 2))
    errors = [(bucket.saved.high - bucket.saved.low) / 2 / z for bucket in buckets]
    (slope, start), spread = np.polyfit(
        [bucket.size for bucket in buckets], [bucket.saved.value for bucket in buckets], 1,
        w=[1 / error for error in errors], cov="unscaled",
    )  # fmt: skip
    # (start + slope x)^2 = z^2 (variance of the line at x)
    square, linear, constant = slope**2 - z**2 * spread[0, 0], slope * start - z**2 * spread[0, 1], start**2 - z**2 * spread[1, 1]
    inside = linear**2 - square * constant
    if slope <= 0 or square <= 0 or inside < 0:
        return None
    low, high = ((-linear + sign * math.sqrt(inside)) / square for sign in (-1, 1))
    return Interval(*(max(float(x), 0.0) for x in (-start / slope, low, high)))


def _above(buckets: List[Bucket], size: Optional[Interval]) -> Optional[float]:
    """Never below a bucket that does not save for sure and is itself above the line's zero: the line may be wrong."""
    if size is None or not buckets or buckets[-1].saved.low <= 0:
        return None
    doubtful = [bucket.size for bucket in buckets if bucket.size > size.high and bucket.saved.low <= 0]
    return max([size.high, *doubtful])
