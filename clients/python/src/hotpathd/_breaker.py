"""A breaker for each route: a sidecar that fails again and again is left alone for a while.

It opens on the share of failures in a window, not on a row of them: a busy daemon that sheds
every third call is still worth asking. A row counts only where nobody answered at all: a caller too
slow to fill the window would wait its whole timeout on each call to a hung daemon. While it is open a
call costs one comparison. After the pause one call goes through as a probe; what it brings closes the
breaker, or opens it for longer.
"""

from __future__ import annotations

import logging
import random
import threading
from typing import List, NamedTuple, Optional

from . import _fork
from ._budget import Clock

# What speaks of the sidecar's health. A route that is off, a daemon that drains and a request it
# does not take (route_off, draining, contract, http_4xx, cancelled) say nothing of it.
FAILURES = frozenset({"timeout", "connect", "overloaded", "http_5xx", "bad_reply"})
UNANSWERED = frozenset({"timeout", "connect"})

_BUCKETS = 10
_PROBE_S = 60.0  # a probe that has not come back by then has died with its thread
_log = logging.getLogger("hotpathd")
_dice = random.SystemRandom()


class Breaker(NamedTuple):
    """When a route's breaker opens, and for how long.

    window_s       how far back failures count
    min_calls      fewer calls than this in the window never open it
    failure_ratio  the share of failures that opens it
    in_a_row       so many calls without any answer, one after the other, open it however few they are
    open_s         the first pause; doubled each time a probe fails, give or take a fifth
    max_open_s     the longest pause
    """

    window_s: float = 10.0
    min_calls: int = 20
    failure_ratio: float = 0.5
    in_a_row: int = 5
    open_s: float = 2.0
    max_open_s: float = 30.0

    def checked(self) -> "Breaker":
        """ValueError where a call would meet it later."""
        for name, value in zip(self._fields, self):
            if not value >= 0:
                raise ValueError(f"breaker: {name} is a number, and not below 0")
        if not self.window_s:
            raise ValueError("breaker: window_s is above 0")
        return self


class RouteBreaker:
    """Tickets: None means do not ask; any other goes back to `heard` with the call's reason."""

    def __init__(self, route: str, settings: Breaker, clock: Clock) -> None:
        self._route = route
        self._settings = settings
        self._clock = clock
        self._bucket_s = settings.window_s / _BUCKETS
        self._open_until: Optional[float] = None
        self._pause_s = settings.open_s
        self._now = 0
        self._row = 0  # of calls that nobody answered
        self._era = 0  # what was asked in another state does not count in this one
        self._forget()
        self.after_fork()
        _fork.register(self)

    def after_fork(self) -> None:
        self._lock = threading.RLock()  # a signal handler, or a log's, may call, too

    def admit(self) -> Optional[int]:
        until = self._open_until
        if until is None:
            return self._era
        now = self._clock()
        if now < until:
            return None
        with self._lock:
            if self._open_until is None:
                return self._era
            if now < self._open_until:
                return None
            self._open_until = now + _PROBE_S
            self._era += 1
            return -self._era  # negative: the probe

    def heard(self, ticket: int, reason: str) -> None:
        """What became of a call that was admitted; "" is success."""
        told = ""
        with self._lock:
            if abs(ticket) != self._era:
                return
            if ticket < 0:
                told = self._heard_probe(reason)
            elif self._open_until is None:
                told = self._count(reason)
        if told:  # outside of the lock: a slow log holds up one caller only
            _log.log(logging.INFO if reason == "" else logging.WARNING, "route %s: %s", self._route, told)

    def _heard_probe(self, reason: str) -> str:
        """As `_count`: what is new, "" if nothing is."""
        self._era += 1
        if reason in FAILURES:
            self._pause_s = min(self._pause_s * 2, self._settings.max_open_s)
            self._open_until = self._clock() + self._jittered_s()
        elif reason:
            self._open_until = self._clock()  # neither well nor ill: the next call is the probe
        else:
            self._open_until = None
            self._pause_s = self._settings.open_s
            self._forget()
            return "breaker closed"
        return ""

    def _count(self, reason: str) -> str:
        failed = reason in FAILURES
        if reason and not failed:
            return ""
        now = int(self._clock() / self._bucket_s)
        if now != self._now:
            self._turn(now)
        self._calls[now % _BUCKETS] += 1
        if not failed:
            self._row = 0
            return ""
        self._row = self._row + 1 if reason in UNANSWERED else 0
        self._failed[now % _BUCKETS] += 1
        return self._judge(reason)

    def _judge(self, reason: str) -> str:
        calls, failures = sum(self._calls), sum(self._failed)
        settings = self._settings
        if self._row < settings.in_a_row and (calls < settings.min_calls or failures < calls * settings.failure_ratio):
            return ""
        self._era += 1
        pause_s = self._jittered_s()
        self._open_until = self._clock() + pause_s
        return (
            f"breaker open for {pause_s:.1f} s: {failures} of {calls} calls failed, "
            f"{self._row} in a row unanswered, the last by {reason}"
        )

    def _turn(self, now: int) -> None:
        """Empties the buckets that the window has left behind."""
        for passed in range(self._now + 1, min(now, self._now + _BUCKETS) + 1):
            self._calls[passed % _BUCKETS] = self._failed[passed % _BUCKETS] = 0
        self._now = now

    def _forget(self) -> None:
        self._calls: List[int] = [0] * _BUCKETS
        self._failed: List[int] = [0] * _BUCKETS
        self._row = 0
        self._now = int(self._clock() / self._bucket_s)

    def _jittered_s(self) -> float:
        return self._pause_s * _dice.uniform(0.8, 1.2)
