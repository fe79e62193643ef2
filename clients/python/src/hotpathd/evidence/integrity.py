"""Do the caller's books and the daemon's agree?

    calls that asked = received by the daemon (answered or refused) + never sent

The clients cannot know of every request whether it arrived: after a timeout or a lost connection it may have.
So the daemon's count must lie between what it certainly had and what it may have had.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

import numpy as np

from . import ids, sides, spool
from .scrapes import Daemon, Log
from .sides import Window

MOST_NAMED = 20


@dataclass
class Books:
    route: str
    asked: int
    certain: int
    received: Optional[int] = None  # None: no scrapes
    refused: Optional[int] = None
    codes: Dict[str, int] = field(default_factory=dict)

    @property
    def never_sent(self) -> Optional[int]:
        return None if self.received is None else self.asked - self.received

    @property
    def agree(self) -> Optional[bool]:
        return None if self.received is None else self.certain <= self.received <= self.asked


@dataclass
class Integrity:
    events: int
    dropped: int  # by the clients, as they say themselves
    books: List[Books]
    unread: int = 0  # lines of other versions, damaged ones, those with a bad field
    cut: int = 0  # files of which an unknown rest is missing
    restarted: bool = False
    unmatched: List[str] = field(default_factory=list)  # in the daemon's log, in no event
    unmatched_count: int = 0
    due: int = 0  # requests in the log, of the events' callers and of their time
    missing: int = 0  # of them, in no event
    unlogged: List[str] = field(default_factory=list)  # refused by the daemon, as an event says, and not in its log
    unlogged_count: int = 0
    logged: Optional[int] = None

    @property
    def lost(self) -> int:
        return self.dropped + self.unread

    @property
    def lost_share(self) -> float:
        return self.lost / max(self.events + self.lost, 1)


def reconcile(window: Window, daemon: Optional[Daemon], log: Optional[Log]) -> Integrity:
    books = [_books(window, route, daemon) for route in window.routes]
    cut = window.table.problems.count(*spool.CUT)
    found = Integrity(window.events, window.dropped, books, unread=window.unread, cut=cut, restarted=bool(daemon and daemon.restarted))
    if log is not None:
        _match(window, log, found)
    return found


def _books(window: Window, route: str, daemon: Optional[Daemon]) -> Books:
    asked = window.count(route, sides.asked)
    certain = window.count(route, lambda cell: sides.asked(cell) and cell.reason in sides.RECEIVED)
    if daemon is None:
        return Books(route, asked, certain)
    modes = ("live", "shadow")
    received = sum(daemon.grown("hotpathd_requests_total", route=route, mode=mode) for mode in modes)
    codes: Dict[str, int] = {}
    for mode in modes:
        for code, count in daemon.by("hotpathd_requests_total", "code", route=route, mode=mode).items():
            codes[code] = codes.get(code, 0) + int(count)
    return Books(route, asked, certain, int(received), int(received) - codes.get("ok", 0), codes)


def _match(window: Window, log: Log, found: Integrity) -> None:
    """By request id, as hashes: those of the log are looked up among those of the events. What a caller whose other calls are
    events asked meanwhile, and no event tells of, was lost; another caller's may be a person with curl."""
    routes, callers = set(window.routes), {caller for caller, _ in window.table.senders}
    own = [one for one in log.requests if one.route in routes]
    found.logged = len(own)
    wanted = ids.of([one.id for one in own], [one.route for one in own])
    missing = ~np.isin(wanted, _among(window.table.column("id"), wanted))
    due = np.array([one.caller in callers and window.first <= one.at <= window.last for one in own], bool)
    found.due, found.missing = int(due.sum()), int((due & missing).sum())
    found.unmatched_count = int(missing.sum())
    found.unmatched = [f"{own[at].id} ({own[at].route}, {own[at].status} {own[at].code})" for at in np.flatnonzero(missing)[:MOST_NAMED].tolist()]
    known = {one.id for one in own}
    gone = [id for id in window.table.refused if id not in known]
    found.unlogged_count, found.unlogged = len(gone), gone[:MOST_NAMED]


def _among(known: Any, wanted: Any) -> Any:
    """Those of `wanted` that are in `known`, a piece of them at a time."""
    pieces = [np.intersect1d(known[at : at + 1_000_000], wanted) for at in range(0, len(known), 1_000_000)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int64)
