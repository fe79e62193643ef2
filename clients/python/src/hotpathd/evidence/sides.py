"""Whose call it was: each event belongs to the old side, to the new one, to both (shadow), or to noise.

A comparison is of one of three kinds, the best that the events allow:
    canary   both sides in mode canary, over the same time, by the key's hash: a randomised test
    on       the new side alone; the old one is what came before, and traffic may have changed since
    shadow   the same calls on both sides; callers waited for the old one only
A call that would have been the sidecar's and was not, because the breaker was open or it failed, is the new
side's all the same, with all that its caller waited. Not so where the daemon said that the route is off: a client
that has not heard yet of a switch tells nothing of either side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from .spool import Cell
from .table import Table

Array = NDArray[Any]
LIVE = ("canary", "on")
_PIECE = 1 << 20
# the daemon had the request for sure; of other reasons the client cannot know
RECEIVED = frozenset({"", "overloaded", "route_off", "draining", "http_4xx", "http_5xx", "bad_compare"})


def asked(cell: Cell) -> bool:
    return cell.path == "both" or (cell.mode in LIVE and cell.outcome in ("ok", "fallback"))


def is_new(cell: Cell) -> bool:
    return cell.mode in LIVE and (cell.outcome in ("ok", "fallback") or cell.reason == "breaker_open") and cell.reason != "route_off"


def is_old(cell: Cell) -> bool:
    """The old code alone decided what the caller waited."""
    return (cell.outcome == "legacy" and cell.reason != "breaker_open") or cell.path == "both" or cell.mode in ("off", "shadow")


def is_fallback(cell: Cell) -> bool:
    return cell.mode in LIVE and (cell.outcome == "fallback" or cell.reason == "breaker_open") and cell.reason != "cancelled"


def is_noise(cell: Cell) -> bool:
    return cell.reason == "noise"


@dataclass
class Counts:
    """Of one route, within the window."""

    calls: int = 0
    old: int = 0
    new: int = 0
    asked: int = 0
    shadow: int = 0
    fallbacks: int = 0
    timeouts: int = 0
    errors: int = 0
    shadow_failures: int = 0
    cancelled: int = 0


ERRORS = frozenset({"http_4xx", "http_5xx", "bad_reply", "contract", "connect"})


class Window:
    """The events since a moment; those before it are an old side for a route that is on."""

    def __init__(self, table: Table, since: Optional[int], until: Optional[int]) -> None:
        self.table = table
        self.cells = table.cells
        self.cell = table.column("cell")
        stamps = table.column("ts")
        self.inside: Optional[Array] = table.kept
        begin, end = since or 0, np.iinfo(np.int64).max if until is None else until
        self.dropped, self.unread = table.dropped.within(begin, end), table.unread.within(begin, end)
        if since is not None or until is not None:
            cut = (stamps >= begin) & (stamps < end)
            self.inside = cut if table.kept is None else cut & table.kept
        self._earlier: Array = stamps < begin if table.kept is None else (stamps < begin) & table.kept
        here = stamps if self.inside is None else stamps[self.inside]
        self.first, self.last = (int(here.min()), int(here.max())) if len(here) else (0, 0)
        cells = self.cell if self.inside is None else self.cell[self.inside]
        self.counts: Array = np.bincount(cells, minlength=len(self.cells))
        self.events = len(cells)

    @property
    def routes(self) -> List[str]:
        return sorted({cell.route for cell, count in zip(self.cells, self.counts) if count})

    def count(self, route: str, wanted: Callable[[Cell], bool]) -> int:
        return int(sum(n for cell, n in zip(self.cells, self.counts) if cell.route == route and wanted(cell)))

    def where(self, route: str, wanted: Callable[[Cell], bool], before: bool = False) -> Array:
        """Indexes of the events; with `before`, those before the window, too."""
        return self._where(route, wanted, self.table.kept if before else self.inside)

    def earlier(self, route: str, wanted: Callable[[Cell], bool]) -> Array:
        """Those before the window alone."""
        return self._where(route, wanted, self._earlier)

    def _where(self, route: str, wanted: Callable[[Cell], bool], within: Optional[Array]) -> Array:
        chosen = np.array([cell.route == route and wanted(cell) for cell in self.cells] or [False])
        mask = chosen[self.cell] if len(self.cell) else np.zeros(0, bool)
        if within is not None:
            mask &= within
        out = np.zeros(np.count_nonzero(mask), np.uint32)
        full = 0
        for start in range(0, len(mask), _PIECE):  # indexes have eight bytes at first
            here = np.flatnonzero(mask[start : start + _PIECE])
            out[full : full + len(here)] = here + start
            full += len(here)
        return out

    def counted(self, route: str) -> Counts:
        def of(wanted: Callable[[Cell], bool]) -> int:
            return self.count(route, wanted)

        return Counts(
            calls=of(lambda cell: True),
            old=of(is_old),
            new=of(is_new),
            asked=of(asked),
            shadow=of(lambda cell: cell.path == "both"),
            fallbacks=of(lambda cell: is_new(cell) and is_fallback(cell)),
            timeouts=of(lambda cell: is_new(cell) and cell.reason == "timeout"),
            errors=of(lambda cell: is_new(cell) and cell.reason in ERRORS),
            shadow_failures=of(lambda cell: cell.path == "both" and cell.outcome == "fallback" and cell.reason != "route_off"),
            cancelled=of(lambda cell: cell.reason == "cancelled"),
        )


Pair = Tuple[str, Array, Array]


def compared(window: Window, route: str, least: int) -> Pair:
    """The kind of comparison, and the indexes of the old and the new side's events."""
    new_canary = window.where(route, lambda cell: _has_waited(cell) and cell.mode == "canary")
    old_canary = window.where(route, _is_control)
    new_on = window.where(route, lambda cell: _has_waited(cell) and cell.mode == "on")
    if len(new_canary) and len(old_canary) and (min(len(new_canary), len(old_canary)) >= least or not len(new_on)):
        return "canary", old_canary, new_canary
    if len(new_on) or len(new_canary):
        return "on", window.where(route, is_old, before=True), np.sort(np.concatenate((new_on, new_canary)))
    both = window.where(route, lambda cell: cell.path == "both")
    if len(both):
        return "shadow", both, both
    return "old", window.where(route, is_old), both


def earlier(window: Window, route: str, kind: str) -> Tuple[Array, Array]:
    """Of the same two sides, before the window: how far such calls spread by themselves. Nothing of them is compared."""
    nothing = np.zeros(0, np.uint32)
    if kind not in LIVE:
        return nothing, nothing
    return window.earlier(route, _is_control) if kind == "canary" else nothing, window.earlier(route, _has_waited)


def _has_waited(cell: Cell) -> bool:
    return is_new(cell) and cell.reason != "cancelled"


def _is_control(cell: Cell) -> bool:
    return is_old(cell) and cell.mode == "canary"
