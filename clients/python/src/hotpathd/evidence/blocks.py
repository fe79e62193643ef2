"""Time blocks: how much less a call tells when its neighbours were slow, too.

Latencies come in runs. Means over blocks of consecutive calls are as good as independent once a block is much
longer than a run, so that their spread is the honest one (batch means: Law and Kelton, Simulation Modeling and
Analysis, section 9.5.3).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Optional, Tuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[Any]
BLOCKS = 32  # 31 degrees of freedom cost 4 % of width against infinitely many
LEAST = 60  # calls of a block
MOST_EARLIER = 1000


def in_time(values: Array, times: Array) -> Array:
    return ordered(values, times)[0]


def ordered(values: Array, times: Array) -> Tuple[Array, Array]:
    """Both by time; what is in order already is not copied."""
    if bool((times[1:] < times[:-1]).any()):
        order = np.argsort(times, kind="stable")
        return values[order], times[order]
    return values, times


def _count(n: int) -> int:
    return min(n, max(5, min(BLOCKS, n // LEAST)))


def freedom(n: int) -> int:
    """Degrees of freedom of a spread that is measured from the blocks of n values."""
    return max(_count(n) - 1, 1)


def means(values: Array) -> Array:
    """Of blocks of consecutive values, equally long to within one."""
    n = len(values)
    edges = np.linspace(0, n, _count(n) + 1).astype(np.int64)
    return np.asarray(np.add.reduceat(values, edges[:-1], dtype=np.float64) / np.diff(edges))


def design_effect(hits: Array) -> float:
    """Of yes and no by time: how many calls tell as much as one independent call (Kish, Survey Sampling, 1965)."""
    share = float(np.mean(hits))
    found = means(hits)
    if not 0 < share < 1 or len(found) < 2:
        return 1.0
    independent = share * (1 - share) * len(found) / len(hits)
    effect = max(float(np.var(found, ddof=1)) / independent, 1 / len(found))
    return _with_edges(effect, len(hits) / len(found))


def _with_edges(effect: float, size: float) -> float:
    """Neighbouring blocks share a run at their edge; so much is missing for a memory that fades exponentially."""
    return effect + max(effect**2 - 1, 0.0) / (2 * size)


class Worth(NamedTuple):
    """What calls are worth, and how well that is known."""

    effect: float  # calls that tell as much as one independent call
    freedom: int


def worth(hits: Array) -> Worth:
    """By the blocks of the calls themselves."""
    return Worth(design_effect(hits), freedom(len(hits)))


def worth_of_earlier(hits: Array, n: int) -> Optional[Worth]:
    """For n calls, by those that came before them: so many more blocks, each a quarter of n. From one to the next (von
    Neumann, Annals of Mathematical Statistics 12, 1941), as day and night are no spread of a window of seconds."""
    size = max(n // 4, LEAST)
    count = min(len(hits) // size, MOST_EARLIER)
    if count < 3:
        return None
    found = np.mean(hits[len(hits) - count * size :].reshape(count, size), axis=1, dtype=np.float64)
    share = float(np.mean(found))
    if not 0 < share < 1:
        return None
    effect = float(np.mean(np.diff(found) ** 2)) / 2 * size / (share * (1 - share))
    return Worth(of_clumps(_with_edges(effect, size)), int(2 * (count - 1) ** 2 / (3 * count - 4)))


def of_clumps(effect: float) -> float:
    """For limits far out: slow calls that come in clumps are very many at once oftener than independent ones whose number varies as
    much. So much more makes up for clumps of geometric size (Polya and Aeppli's distribution; the tests compute it)."""
    return effect + max(effect - 1, 0.0) / 2


def surer(own: Worth, seen: Optional[Worth]) -> Worth:
    """What was seen before, where that knows better. Nothing is worth more than it says itself."""
    return Worth(max(own.effect, seen.effect), seen.freedom) if seen and seen.freedom > own.freedom else own


def critical(n: int, confidence: float) -> float:
    """Student's t for such a spread."""
    return student(freedom(n), confidence)


def student(freedom: int, confidence: float) -> float:
    return float(special.stdtrit(freedom, (1 + confidence) / 2))


def shared(a: Array, a_times: Array, b: Array, b_times: Array) -> float:
    """The correlation of two sides, each by time, over blocks of the same times: a slow minute is slow for both. 0 for
    sides that did not run at the same time, and for what chance makes of none in 19 of 20 cases: limits that are drawn in by
    chance are too narrow more often than wider ones make good."""
    n = min(len(a), len(b))
    if n < 5 * LEAST:
        return 0.0
    times = a_times if len(a) == n else b_times
    edges = times[np.linspace(0, n - 1, _count(n) + 1).astype(np.int64)]
    first, second = _between(a, a_times, edges), _between(b, b_times, edges)
    if first is None or second is None or not np.ptp(first) * np.ptp(second):
        return 0.0
    found = float(np.corrcoef(first, second)[0, 1])
    return found if abs(found) > 2 / math.sqrt(len(first) - 1) else 0.0


def _between(values: Array, times: Array, edges: Array) -> Optional[Array]:
    """Means between the edges; None, if there is nothing between two of them."""
    at = np.searchsorted(times, edges)
    counts = np.diff(at)
    if not counts.all():
        return None
    return np.asarray(np.add.reduceat(values[: at[-1]], at[:-1], dtype=np.float64) / counts)
