"""A caller's own deadline, and how much of it belongs to the old code.

A service that has to answer by an instant says so once, for all calls of the request. The sidecar's
budget ends before it, by what the old code has taken of late: else a fallback would come too late
to be of use. The rule is the Go client's for a context with a deadline.
"""

from __future__ import annotations

import contextlib
import time
from contextvars import ContextVar
from typing import Dict, Iterator, Optional

from ._budget import LONGEST_S

_end: "ContextVar[Optional[float]]" = ContextVar("hotpathd_deadline", default=None)
of_caller = _end.get  # when it is, on the monotonic clock; None: there is none


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Within the block, calls of this thread or task leave the old code room to end in `seconds`.

    The smaller of this and a call's timeout is the sidecar's budget; of two deadlines the earlier
    one holds. It interrupts nothing, least of all the old code.
    """
    end = time.monotonic() + (min(seconds, LONGEST_S) if seconds > 0 else 0.0)
    outer = of_caller()
    token = _end.set(end if outer is None else min(end, outer))
    try:
        yield
    finally:
        _end.reset(token)


class Reserves:
    """How long the old code of each route takes at most of late: its longest time counts at once,
    and fades by a sixteenth of the difference with each shorter one. Where two threads learn at once
    the later word holds."""

    def __init__(self) -> None:
        self._seconds: Dict[str, float] = {}

    def learn(self, route: str, took_s: float) -> None:
        known = self._seconds.get(route, 0.0)
        self._seconds[route] = took_s if took_s >= known else known - (known - took_s) / 16

    def of(self, route: str) -> float:
        return self._seconds.get(route, 0.0)
