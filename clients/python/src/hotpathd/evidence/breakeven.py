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


class Sized(NamedTuple):
    """Calls of one side."""

    sizes: Array
    took: Array
    times: Array

    def at(self, index: Array) -> "Sized":
        return Sized(self.sizes[index], self.took[index], self.times[index])


class Bucket(NamedTuple):
    size: float  # the median, in bytes
    calls: int  # of the new side
    old: Interval  # medians
    new: Interval
    saved: Interval  # by a call; below zero it costs


class BreakEven(NamedTuple):
    buckets: List[Bucket]
    size: Optional[Interval]  # None: no line, or one that does not rise for sure
    above: Optional[float]  # switch on above so many bytes; None: at no size is it sure to save


def break_even(old: Sized, new: Sized, confidence: float = CONFIDENCE) -> BreakEven:
    """Both sides of the same calls, as shadow mode has them, or of calls apart, as a canary does."""
    buckets = _buckets(old, new, confidence)
    exact = [bucket for bucket in buckets if 0 < bucket.saved.high - bucket.saved.low < math.inf]
    size = _zero(exact, confidence) if len(exact) >= 2 else None
    return BreakEven(buckets, size, _above(buckets, size))


def _buckets(old: Sized, new: Sized, confidence: float) -> List[Bucket]:
    octaves = [np.log2(np.maximum(side.sizes, 1)).astype(np.int64) for side in (old, new)]
    found = []
    for octave in np.intersect1d(octaves[0], octaves[1]):
        one, other = (side.at(np.flatnonzero(where == octave)) for side, where in zip((old, new), octaves))
        if min(len(one.sizes), len(other.sizes)) >= LEAST:
            found.append(_bucket(one, other, confidence))
    return found


def _bucket(old: Sized, new: Sized, confidence: float) -> Bucket:
    return Bucket(
        float(np.median(new.sizes)), len(new.sizes),
        intervals.quantile(old.took, old.times, 0.5, confidence),
        intervals.quantile(new.took, new.times, 0.5, confidence),
        intervals.quantile_difference(new.took, new.times, old.took, old.times, 0.5, confidence),
    )  # fmt: skip


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
