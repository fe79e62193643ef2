"""Quantiles of two samples and their ratio, with intervals that autocorrelation and ties do not spoil.

Each: order-statistic interval (Woodruff 1952), its level from the binomial share below the quantile (Jeffreys'
interval), widened by a design effect: the variance of the share's batch sums over the binomial one. Batches are
successive in time, the same for both samples; they are joined while neighbours correlate (batch means,
Fishman 1978). Ratio: log limits joined by MOVER with the correlation of the batches (Zou and Donner 2008).
Ties of a coarse clock are spread over its step.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Tuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm
from scipy.stats import t as student

Array = NDArray[Any]

BATCHES = 64
_LEAST_BATCHES = 16
_STEPS = (1000.0, 100.0, 10.0, 1.0, 0.1, 0.01, 0.001)
_LEAST_MS = 0.0005  # half of what is recorded: logarithms


class Interval(NamedTuple):
    estimate: float
    low: float
    high: float


def step_of(values: Array) -> float:
    """The largest decimal step that all (of up to 10,000) values are multiples of."""
    some = values[:: max(1, len(values) // 10_000)].astype(np.float64)
    for step in _STEPS:
        if np.all(np.abs(some / step - np.round(some / step)) * step < np.maximum(2e-7 * some, 1e-9)):
            return step
    return 0.0


def at_share(ordered: Array, share: float, step: float) -> float:
    """The value below which `share` of the sample lies; ties spread over +-step/2."""
    n = len(ordered)
    rank = min(max(share * n, 0.5), n - 0.5)
    value = ordered[min(int(rank), n - 1)]
    first = int(np.searchsorted(ordered, value, "left"))
    last = int(np.searchsorted(ordered, value, "right"))
    if last - first < 2:
        return max(float(value), _LEAST_MS)
    return max(float(value) + ((rank - first) / (last - first) - 0.5) * step, _LEAST_MS)


class Side(NamedTuple):
    """A sample: in order, and the batch of each value in the order of `values`."""

    values: Array
    batch: Array
    ordered: Array
    step: float

    @classmethod
    def of(cls, values: Array, batch: Array) -> "Side":
        return cls(values, batch, np.sort(values), step_of(values))

    def share_sums(self, quantile: float, at: float) -> Array:
        """By batch: how many more values lie above than their share would have."""
        above = (self.values > at).astype(np.float64)
        counts = np.bincount(self.batch, minlength=BATCHES)
        sums: Array = np.bincount(self.batch, weights=above, minlength=BATCHES) - counts * above.mean()
        return sums

    def interval(self, quantile: float, effect: float, z: float) -> Interval:
        n = len(self.ordered) / effect
        tail = float(norm.sf(z))
        below, above = n * quantile + 0.5, n * (1 - quantile) + 0.5
        low = np.nan_to_num(beta.ppf(tail, below, above), nan=0.0)  # tails under 1e-300
        high = np.nan_to_num(beta.isf(tail, below, above), nan=1.0)
        limits = [at_share(self.ordered, float(share), self.step) for share in (quantile, low, high)]
        return Interval(*limits)


class Comparison:
    """One quantile of the new and the old path."""

    def __init__(self, new: Side, old: Side, quantile: float) -> None:
        self.quantile = quantile
        self._sides = (new, old)
        sums = [side.share_sums(quantile, at_share(side.ordered, quantile, side.step)) for side in self._sides]
        sums_new, sums_old = _joined(sums[0] / len(new.values), sums[1] / len(old.values))
        self.batches = len(sums_new)
        self._effects = tuple(
            _effect(sums, len(side.values), quantile) for sums, side in zip((sums_new, sums_old), self._sides)
        )
        spread = math.sqrt(float(np.sum(sums_new**2) * np.sum(sums_old**2)))
        self._correlation = float(np.sum(sums_new * sums_old)) / spread if spread else 0.0

    def each(self, z: float) -> Tuple[Interval, Interval]:
        z = self._student(z)
        new, old = (side.interval(self.quantile, effect, z) for side, effect in zip(self._sides, self._effects))
        return new, old

    def log_ratio(self, z: float) -> Interval:
        new, old = (Interval(*(math.log(x) for x in one)) for one in self.each(z))
        low = _mover(new.estimate - new.low, old.high - old.estimate, self._correlation)
        high = _mover(new.high - new.estimate, old.estimate - old.low, self._correlation)
        difference = new.estimate - old.estimate
        return Interval(difference, difference - low, difference + high)

    @property
    def standard_error(self) -> float:
        """From a wide interval: a narrow one hangs on the gaps between few values."""
        one = self.log_ratio(2.0)
        return (one.high - one.low) / 4

    def _student(self, z: float) -> float:
        """As few batches know their variance badly."""
        return float(min(student.isf(norm.sf(z), self.batches - 1), 1e3))


def _mover(a: float, b: float, correlation: float) -> float:
    return math.sqrt(max(a * a + b * b - 2 * correlation * a * b, 0.0))


def _effect(sums: Array, n: int, quantile: float) -> float:
    batches = len(sums)
    variance = float(np.sum(sums**2)) * batches / (batches - 1)
    # less than a fifth of the binomial variance is no property of latencies, but too little data
    return max(variance * n / (quantile * (1 - quantile)), 0.2)


def _joined(new: Array, old: Array) -> Tuple[Array, Array]:
    """Neighbours are added up while they correlate."""
    while len(new) > _LEAST_BATCHES and _is_correlated(new - old, new, old):
        new, old = new.reshape(-1, 2).sum(axis=1), old.reshape(-1, 2).sum(axis=1)
    return new, old


def _is_correlated(*series: Array) -> bool:
    return any(_lag_one(one) > 1.65 / math.sqrt(len(one)) for one in series)


def _lag_one(one: Array) -> float:
    spread = float(np.sum(one**2))
    return float(np.sum(one[1:] * one[:-1])) / spread if spread else 0.0


def batches_of(stamps: Array) -> Array:
    """Edges that part events of both paths into batches of equal number."""
    some = np.sort(stamps[:: max(1, len(stamps) // 100_000)])
    edges: Array = some[(np.arange(1, BATCHES) * len(some)) // BATCHES]
    return edges
