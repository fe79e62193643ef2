"""The stop rule on two samples: at this look and, where the planned sample is passed, at the planned one too.

What the planned look decided stays decided; later calls can only add an alarm, at the later boundary.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Optional

import numpy as np
from numpy.typing import NDArray

from . import sequential
from .quantiles import Comparison, Interval, Side, batches_of
from .rule import StopRule

Array = NDArray[Any]


class Sample(NamedTuple):
    ms: Array
    ts: Array

    def until(self, ts: int) -> "Sample":
        early = self.ts <= ts
        return Sample(self.ms[early], self.ts[early])


class Look(NamedTuple):
    information: float  # 1: the planned sample
    z: float
    change: Interval  # of the logarithm, at this look's boundary
    slower: bool
    excluded: bool  # the regression of the rule

    @property
    def is_regression(self) -> bool:
        return self.slower and not self.excluded


def compare(new: Sample, old: Sample, quantile: float) -> Comparison:
    edges = batches_of(np.concatenate((new.ts, old.ts)))
    sides = [Side.of(one.ms, np.searchsorted(edges, one.ts, "right")) for one in (new, old)]
    return Comparison(sides[0], sides[1], quantile)


def look(new: Sample, old: Sample, rule: StopRule, at_planned: bool = False) -> Look:
    effect = math.log1p(rule.regression)
    comparison = compare(new, old, rule.quantile)
    t = (sequential.planned_se(rule.alpha, rule.power, effect) / comparison.standard_error) ** 2
    z = sequential.boundary(rule.alpha, min(t, 1.0) if at_planned else t)
    change = comparison.log_ratio(z)
    return Look(t, z, change, change.low > 0, change.high < effect)


def planned_look(new: Sample, old: Sample, rule: StopRule, now: Look) -> Optional[Look]:
    """The same question to the first calls, as many as were planned; None before that."""
    if now.information <= 1:
        return None
    last = min(math.ceil(len(new.ts) / now.information), len(new.ts)) - 1
    cut = int(np.partition(new.ts, last)[last])
    return look(new.until(cut), old.until(cut), rule, at_planned=True)
