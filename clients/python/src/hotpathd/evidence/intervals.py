"""What was measured, and between which limits the truth is. All functions are pure; times are in any unit.

Quantiles: order statistics, which no heavy tail disturbs, of as many calls as the sample is worth (blocks.py).
Rates: Wilson's. Differences and ratios: Newcombe's square-and-add of the two sides' limits (Statistics in Medicine
17, 1998; for any estimate: Zou and Donner, Statistics in Medicine 27, 2008), which keeps their skew.
Slow minutes that both sides shared cancel, as far as the blocks show them to be shared.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, Optional, Tuple

import numpy as np
from scipy import optimize, special  # not stats: a guard that starts would wait half a second for it

from . import blocks, ties
from .blocks import Array

CONFIDENCE = 0.95
Method = Literal["wilson", "exact"]


class Interval(NamedTuple):
    """Infinite where the sample sets no limit, as 50 calls set none above their p99."""

    value: float
    low: float
    high: float


NOTHING = Interval(math.nan, -math.inf, math.inf)


def quantile(values: Array, times: Array, q: float, confidence: float = CONFIDENCE) -> Interval:
    return _quantile(*blocks.ordered(values, times), q, confidence)[0]


def _quantile(values: Array, times: Array, q: float, confidence: float, earlier: Optional[Array] = None) -> Tuple[Interval, Array, Array]:
    """With the yes and no by time that its reach was measured from. `earlier`: values of the same kind, by time, which tell
    how far such a quantile spreads."""
    n = len(values)
    if not n:
        return NOTHING, values, times
    value = ties.at(values, [q * (n - 1)])[0]
    hits = values <= value
    seen = None if earlier is None or not len(earlier) else blocks.worth_of_earlier(earlier <= np.quantile(earlier, q), n)
    effect, freedom = blocks.surer(blocks.worth(hits), seen)
    low, high = (u * (n + 1) - 1 for u in ranks(n / effect * _widened(freedom, confidence), q, confidence))
    return Interval(value, *ties.at(values, [low, high])), hits, times


def _widened(freedom: int, confidence: float) -> float:
    """Of the calls, as their worth is known from blocks alone: the normal distribution's limit by Student's t, squared."""
    return float(special.ndtri((1 + confidence) / 2) / blocks.student(freedom, confidence)) ** 2


def ranks(n: float, q: float, confidence: float = CONFIDENCE) -> Tuple[float, float]:
    """The limits of the q-quantile of n independent values, as fractions of the order: Hutson's fractional order
    statistics (Journal of Applied Statistics 26, 1999), which need no whole n."""
    tail = (1 - confidence) / 2

    def excess(u: float, wanted: float) -> float:
        return float(special.betainc((n + 1) * u, (n + 1) * (1 - u), q)) - wanted

    low, high = (float(optimize.brentq(excess, 1e-12, 1 - 1e-12, args=(wanted,))) for wanted in (1 - tail, tail))
    return low, high


def quantile_difference(
    old_values: Array, old_times: Array, new_values: Array, new_times: Array, q: float, confidence: float = CONFIDENCE
) -> Interval:
    """New less old."""
    new = _quantile(*blocks.ordered(new_values, new_times), q, confidence)
    old = _quantile(*blocks.ordered(old_values, old_times), q, confidence)
    return minus(new[0], old[0], blocks.shared(*new[1:], *old[1:]))


def quantile_ratio(
    old_values: Array, old_times: Array, new_values: Array, new_times: Array, q: float, confidence: float = CONFIDENCE,
    old_earlier: Optional[Array] = None, new_earlier: Optional[Array] = None,
) -> Interval:  # fmt: skip
    """New by old, of positive values. What is earlier, by time, is not compared: it tells how far such values spread."""
    new = _quantile(*blocks.ordered(new_values, new_times), q, confidence, new_earlier)
    old = _quantile(*blocks.ordered(old_values, old_times), q, confidence, old_earlier)
    found = minus(_log(new[0]), _log(old[0]), blocks.shared(*new[1:], *old[1:]))
    return Interval(*(float(np.exp(limit)) for limit in found))


def mean(values: Array, times: Array, confidence: float = CONFIDENCE) -> Interval:
    """From block means; for what has a variance, as CPU time has. A Pareto tail may have none: use quantiles."""
    if not len(values):
        return NOTHING
    value = float(np.mean(values, dtype=np.float64))
    if len(values) < 2:
        return Interval(value, -math.inf, math.inf)
    found = blocks.means(blocks.in_time(values, times))
    reach = blocks.critical(len(values), confidence) * float(np.std(found, ddof=1)) / math.sqrt(len(found))
    return Interval(value, value - reach, value + reach)


def mean_difference(
    old_values: Array, old_times: Array, new_values: Array, new_times: Array, confidence: float = CONFIDENCE
) -> Interval:
    """New less old."""
    new, old = blocks.ordered(new_values, new_times), blocks.ordered(old_values, old_times)
    return minus(mean(*new, confidence), mean(*old, confidence), blocks.shared(*new, *old))


def rate(count: int, n: int, confidence: float = CONFIDENCE, effect: float = 1.0, method: Method = "wilson") -> Interval:
    """Wilson's covers its confidence on average; "exact" (Clopper and Pearson's) at least, as looks want it, with which
    two events among the first ten calls are not an alarm. `effect`: blocks.design_effect of failures that come in runs."""
    if not n:
        return Interval(math.nan, 0.0, 1.0)
    effect = max(effect, 1.0) / _widened(blocks.freedom(n), confidence) if effect > 1 else 1.0  # which was measured, too
    worth = max(round(n / effect), 1)
    limits = _wilson if method == "wilson" else _exact
    return Interval(count / n, *limits(min(round(count / effect), worth), worth, (1 - confidence) / 2))


def _wilson(count: int, n: int, tail: float) -> Tuple[float, float]:
    z, share = float(special.ndtri(1 - tail)), count / n
    reach = z * math.sqrt(share * (1 - share) / n + (z / n) ** 2 / 4)
    low, high = ((share + z**2 / n / 2 + way * reach) / (1 + z**2 / n) for way in (-1, 1))
    return low if count else 0.0, high if count < n else 1.0


def _exact(count: int, n: int, tail: float) -> Tuple[float, float]:
    low = float(special.betaincinv(count, n - count + 1, tail)) if count else 0.0
    return low, float(special.betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0


def rate_difference(
    old_count: int, old_n: int, new_count: int, new_n: int, confidence: float = CONFIDENCE,
    old_effect: float = 1.0, new_effect: float = 1.0, method: Method = "wilson",
) -> Interval:  # fmt: skip
    """New less old."""
    new, old = rate(new_count, new_n, confidence, new_effect, method), rate(old_count, old_n, confidence, old_effect, method)
    return minus(new, old)


def no_event_upper_bound(n: int, confidence: float = CONFIDENCE) -> float:
    """Of the share that never occurred in n: Clopper and Pearson's, exact; the "rule of three" says 3 / n."""
    if not n:
        return 1.0
    return _exact(0, n, 1 - confidence)[1]


def clean_needed(bound: float, n: int = 0, confidence: float = CONFIDENCE) -> int:
    """So many more without an event, after n without one, show a share of at most `bound`."""
    needed = math.ceil(math.log1p(-confidence) / math.log1p(-bound)) if bound < 1 else 1
    return max(needed - n, 0)


def minus(a: Interval, b: Interval, shared: float = 0.0) -> Interval:
    """`shared`: the correlation of the two estimates."""
    value = a.value - b.value
    low = _reach(a.value - a.low, b.high - b.value, shared)
    return Interval(value, value - low, value + _reach(a.high - a.value, b.value - b.low, shared))


def _reach(a: float, b: float, shared: float) -> float:
    apart = math.hypot(a, b)
    return math.sqrt(max(apart**2 - 2 * shared * a * b, 0.0)) if math.isfinite(apart) else math.inf


def _log(found: Interval) -> Interval:
    return Interval(*(math.log(limit) if limit > 0 else -math.inf for limit in found))
