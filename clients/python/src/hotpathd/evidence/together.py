"""Did both sides of a canary run at the same time? A key's hash makes a fair test of two sides that share their minutes;
last week's control beside today's treatment measures the week, too.

The time from the first call to the last is cut into equal slices, so long that the smaller side has some ten calls in each
if it is spread over them: of a side that is really there all the time 1 slice in 20,000 is then empty by chance. Of each side
those calls count that have the other side in their slice.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
OF_A_SLICE = 10
MOST_SLICES = 100
ENOUGH = 0.9  # of each side's calls: a night with hardly a call, or one that lost its daemon, is no reproach
Span = Tuple[int, int]


class Together(NamedTuple):
    """Shares of each side's calls that have the other side beside them; microseconds."""

    old: float
    new: float
    old_span: Span
    new_span: Span
    shared: Optional[Span]  # the time that both sides have, if there is any

    @property
    def enough(self) -> bool:
        return min(self.old, self.new) >= ENOUGH


def together(old: Array, new: Array) -> Together:
    """Of the times of both sides' calls; there is at least one of each."""
    spans = (int(old.min()), int(old.max())), (int(new.min()), int(new.max()))
    begin, end = min(low for low, _ in spans), max(high for _, high in spans)
    count = max(1, min(min(len(old), len(new)) // OF_A_SLICE, MOST_SLICES))
    edges = np.linspace(begin, end, count + 1)[1:-1]
    calls = [np.bincount(np.searchsorted(edges, side, side="right"), minlength=count) for side in (old, new)]
    both = (calls[0] > 0) & (calls[1] > 0)
    low, high = max(low for low, _ in spans), min(high for _, high in spans)
    beside_old, beside_new = (float(of[both].sum() / of.sum()) for of in calls)
    return Together(beside_old, beside_new, *spans, (low, high) if low < high else None)
