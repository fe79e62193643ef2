"""When may a test be stopped that is looked at every hour, or every ten seconds?

Each look asks for an interval at a higher confidence, so that over all looks together a truth is left out with a
probability of at most alpha on either side ("repeated confidence intervals": Jennison and Turnbull, Journal of the
Royal Statistical Society B 51, 1989). The boundary is a function of the information fraction alone: it holds for
looks at any times and as many as one likes, and a restarted command gives the same answer, as it needs no memory.

It is the lower of two, which share alpha:
- O'Brien and Fleming's, for looks without a pause: by the reflection principle a Brownian motion passes c before time T
  with probability 2 (1 - Phi(c / sqrt T)). That is the limit of Lan and DeMets' spending function (Biometrika 70, 1983), which
  would need the times of the earlier looks. Cheap at the planned end, blind early.
- A normal mixture (Robbins; Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 49, 2021), which holds
  for ever: it sees a grave regression within the first few per cent of the plan, and goes on beyond the planned end.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Callable, NamedTuple

from scipy import special

from .intervals import CONFIDENCE, Interval

ALPHA = 0.05
EARLY = 0.2  # the mixture's part of alpha
LATEST = 1.1  # of the plan: the look that ends it may come so late
MIXED = 0.005  # the variance of the mixture; it is sharpest at some ten times that fraction of the plan
SUREST = 1 - 1e-12  # nearer to 1 a confidence has no digits left: nothing is said yet


class Outcome(Enum):
    GO = "go"  # what matters is ruled out
    CONTINUE = "continue"
    REGRESSION = "regression"  # worse, for sure


class Look(NamedTuple):
    outcome: Outcome
    interval: Interval  # at `confidence`
    confidence: float  # of this look
    boundary: float  # standard errors from the estimate to a limit
    statistic: float  # standard errors from `harm` to the estimate; REGRESSION above the boundary
    fraction: float


def boundary(fraction: float, alpha: float = ALPHA, looks: int = 0) -> float:
    """Standard errors, one-sided, at a fraction of the planned information; beyond 1, too. With `looks`, a look is one of so
    many, each at events of its own (a guard's window), which share alpha evenly: there is no plan to be a fraction of."""
    if looks:
        return -float(special.ndtri(alpha / looks))
    if fraction <= 0:
        return math.inf
    return min(_planned(fraction, (1 - EARLY) * alpha), _mixture(fraction, EARLY * alpha))


def _planned(fraction: float, alpha: float) -> float:
    return -float(special.ndtri(alpha / 2)) * math.sqrt(LATEST / fraction) if fraction <= LATEST else math.inf


def _mixture(fraction: float, alpha: float) -> float:
    spread = 1 + fraction / MIXED
    return math.sqrt(2 * spread / (spread - 1) * math.log1p(math.sqrt(spread) / (2 * alpha)))


def confidence(fraction: float, alpha: float = ALPHA, looks: int = 0) -> float:
    """Of the two-sided interval of a look."""
    return 1 - 2 * float(special.ndtr(-boundary(fraction, alpha, looks)))


def look(
    measure: Callable[[float], Interval], harm: float, limit: float, fraction: float, alpha: float = ALPHA, looks: int = 0
) -> Look:
    """`measure` gives the interval at a confidence, of all data so far, the more the worse. REGRESSION: all of it is above
    `harm` (a ratio of 1, a difference of 0, an allowed rate); GO: all of it is at most `limit`. Where both hold, a
    regression is certain that is too small to matter: GO. `fraction`: new calls so far of those planned (power.py)."""
    level = confidence(fraction, alpha, looks)
    edge = boundary(fraction, alpha, looks)
    found = measure(level) if level < SUREST else Interval(measure(CONFIDENCE).value, -math.inf, math.inf)
    return Look(_outcome(found, harm, limit), found, level, edge, _statistic(found, harm, edge), fraction)


def _outcome(found: Interval, harm: float, limit: float) -> Outcome:
    if found.high <= limit:
        return Outcome.GO
    return Outcome.REGRESSION if found.low > harm else Outcome.CONTINUE


def _statistic(found: Interval, harm: float, edge: float) -> float:
    """In units of the reach towards `harm`, as intervals are skew."""
    reach = found.value - found.low if found.value >= harm else found.high - found.value
    return edge * (found.value - harm) / reach if 0 < reach < math.inf else 0.0
