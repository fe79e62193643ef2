"""Rates with intervals: Wilson's (Newcombe 1998, method 3), and exact upper bounds for rare events."""

from __future__ import annotations

from typing import Optional

from scipy.stats import beta, binomtest

from .quantiles import Interval


def wilson(count: int, n: int, level: float = 0.95) -> Optional[Interval]:
    if not n:
        return None
    limits = binomtest(count, n).proportion_ci(level, "wilson")
    return Interval(count / n, float(limits.low), float(limits.high))


def upper_bound(count: int, n: int, alpha: float) -> float:
    """Clopper and Pearson's, one-sided; for none in n about 3/n at 5 %."""
    return 1.0 if count >= n else float(beta.isf(alpha, count + 1, n - count))


def lower_bound(count: int, n: int, alpha: float) -> float:
    return 0.0 if not count else float(beta.ppf(alpha, count, n - count + 1))


def needed(limit: float, alpha: float, count: int = 0) -> int:
    """How large a sample must be for its upper bound to be under the limit, with `count` found."""
    low, high = count, max(int(10 * (count + 5) / limit), 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if upper_bound(count, middle, alpha) <= limit else (middle + 1, high)
    return low
