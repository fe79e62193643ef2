"""The statistics that the report uses, by their names here: intervals as (value, low, high)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Optional

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[Any]
CONFIDENCE = 0.95


class Interval(NamedTuple):
    value: float
    low: float
    high: float


def quantile(ordered: Array, q: float, confidence: float = CONFIDENCE) -> Optional[Interval]:
    """Of sorted values: by order statistics, from the binomial distribution."""
    n = len(ordered)
    if not n:
        return None
    value = float(np.quantile(ordered, q))
    tail = (1 - confidence) / 2
    low, high = (float(stats.binom.ppf(p, n, q)) for p in (tail, 1 - tail))
    return Interval(value, float(ordered[max(int(low) - 1, 0)]), float(ordered[min(int(high), n - 1)]))


def ratio_of_quantiles(new: Array, old: Array, q: float, confidence: float = CONFIDENCE) -> Optional[Interval]:
    a, b = quantile(new, q), quantile(old, q)
    if a is None or b is None or min(a.low, b.low) <= 0:
        return None
    z95 = stats.norm.ppf(0.975)
    error = math.hypot(math.log(a.high / a.low), math.log(b.high / b.low)) / 2 / z95
    middle, reach = math.log(a.value / b.value), stats.norm.ppf((1 + confidence) / 2) * error
    return Interval(*(math.exp(x) for x in (middle, middle - reach, middle + reach)))


def difference_of_quantiles(new: Array, old: Array, q: float, confidence: float = CONFIDENCE) -> Optional[Interval]:
    a, b = quantile(new, q, confidence), quantile(old, q, confidence)
    if a is None or b is None:
        return None
    middle = a.value - b.value
    low = math.hypot(a.value - a.low, b.high - b.value)
    return Interval(middle, middle - low, middle + math.hypot(a.high - a.value, b.value - b.low))


def rate(count: int, total: int, confidence: float = CONFIDENCE) -> Optional[Interval]:
    if not total:
        return None
    found = stats.binomtest(count, total).proportion_ci(confidence, "wilson")
    return Interval(count / total, float(found.low), float(found.high))


def difference_of_rates(new: Optional[Interval], old: Optional[Interval]) -> Optional[Interval]:
    """Newcombe's, from two of Wilson's."""
    if new is None or old is None:
        return None
    middle = new.value - old.value
    low = math.hypot(new.value - new.low, old.high - old.value)
    return Interval(middle, middle - low, middle + math.hypot(new.high - new.value, old.value - old.low))


def mean(values: Array) -> Optional[Interval]:
    if len(values) < 2:
        return Interval(float(values[0]), 0.0, math.inf) if len(values) else None
    middle = float(np.mean(values, dtype=np.float64))
    reach = float(stats.norm.ppf((1 + CONFIDENCE) / 2) * np.std(values, dtype=np.float64) / math.sqrt(len(values)))
    return Interval(middle, middle - reach, middle + reach)


def difference_of_means(new: Optional[Interval], old: Optional[Interval]) -> Optional[Interval]:
    if new is None or old is None:
        return None
    middle, reach = new.value - old.value, math.hypot(new.high - new.value, old.high - old.value)
    return Interval(middle, middle - reach, middle + reach)


def confidence_at_a_look(alpha: float, looks: int) -> float:
    """Two-sided, so that one side over all looks has `alpha`."""
    return 1 - 2 * alpha / looks


def clean_calls_needed(share: float, confidence: float = CONFIDENCE) -> int:
    """So many without a fault, and the true share is below `share`."""
    return math.ceil(math.log(1 - confidence) / math.log1p(-share))


def calls_needed(ratio: Optional[Interval], n: int, regression: float, power: float, confidence: float) -> Optional[int]:
    """Of the new side, so that a regression of that size is seen; from how exact `n` of them were."""
    if ratio is None or ratio.high <= ratio.low:
        return None
    z = float(stats.norm.ppf((1 + confidence) / 2))
    error = math.log(ratio.high / ratio.low) / 2 / z
    wanted = math.log1p(regression) / (z + float(stats.norm.ppf(power)))
    return math.ceil(n * (error / wanted) ** 2)
