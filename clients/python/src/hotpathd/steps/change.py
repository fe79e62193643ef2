"""Changes: each checked, put down as pending, edited and logged; then all brought into force.

A change to off is urgent: what else fails is said and does not stop it.
"""

from __future__ import annotations

import subprocess
from typing import Callable, Mapping, NamedTuple, Optional, Sequence

from . import in_force, ledger, target
from .book import Book, bookkeeping
from .problem import Unusable
from .switch import OFF, Switch

THEN_S = 60.0
_MOST_WORDS = 500


class Hands(NamedTuple):
    """What an edit is made with."""

    binary: Optional[str]  # the daemon's program, which checks
    then: Sequence[str]  # a command after each edit, as `kubectl apply -f FILE`
    url: str  # of a daemon that is asked whether it has the edit
    kill_switch: str  # made where a route must be off and the file cannot be edited
    say: Callable[[str], None]


def make(aim: target.Target, entry: ledger.Entry, book: Optional[Book], hands: Hands, report: bytes = b"") -> None:
    urgent = entry.after == OFF
    after = target.edited(aim, entry.route, entry.after)
    if not urgent:
        _check(aim, after or aim.before, hands)
    if book:
        bookkeeping(urgent, hands.say, lambda: book.begin(entry, report, bool(hands.then)))
    if after is not None:
        note = target.put(aim, after, by_force=urgent)
        if note:
            hands.say(note)
    if book:
        bookkeeping(urgent, hands.say, lambda: book.end(entry))
    if urgent:
        _check(aim, after or aim.before, hands)


def bring_into_force(changes: Mapping[str, Switch], book: Optional[Book], hands: Hands) -> None:
    """The plan's command, and the daemon's word for it. A command that fails is owed: the next run runs it."""
    if hands.then:
        _run(hands.then)
    if book:
        book.applied()
    for route, to in changes.items() if hands.url else ():
        took = in_force.wait(hands.url, route, to)
        hands.say(f"{route}: in force after {took:.2f} s")


def _check(aim: target.Target, after: bytes, hands: Hands) -> None:
    if hands.binary:
        target.check(aim, after, hands.binary)


def _run(command: Sequence[str]) -> None:
    try:
        said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=THEN_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(f"the file is edited, but not applied: {error}") from None
    if said.returncode != 0:
        words = said.stderr.decode("utf-8", "replace").strip()[-_MOST_WORDS:]
        raise Unusable(f"the file is edited, but not applied: {command[0]} ended with {said.returncode}: {words}")
