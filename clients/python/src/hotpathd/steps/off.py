"""Off, at once: the file is all it needs. A plan, a ledger, events or a report that are broken do not stop it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence, Tuple

from . import kill_switch, ledger, plan, target
from .book import Book, Say
from .change import Hands, bring_into_force, make
from .problem import Unusable
from .switch import OFF

PATIENCE_S = 5.0


class Order(NamedTuple):
    """`file` and `entry` are the plan's where they are not given; no `routes`: all that file and plan name."""

    file: str
    entry: str
    routes: Sequence[str]
    why: str
    rule: str
    book: Optional[Book]
    hands: Hands


def order(path: Path, file: Optional[str], entry: str, routes: Sequence[str], why: str, hands: Hands) -> Tuple[Order, List[str]]:
    """And the routes of the plan. Where the plan is broken the file must be given."""
    book = Book(path, hands.say) if path.exists() else None
    try:
        known = plan.load(path)
    except Unusable as problem:
        if file is None:
            raise Unusable(f"{problem}. Name the configuration: `off --file FILE`") from None
        return Order(file, entry, routes, why, "", book, hands), []
    hands = hands._replace(then=known.then, kill_switch=hands.kill_switch or known.kill_switch)
    return Order(file or str(known.file), entry or known.entry, routes, why, known.rule, book, hands), list(known.routes)


def off(given: Order, planned: Sequence[str]) -> bool:
    """Route by route: one that fails does not keep the others."""
    try:
        routes = given.routes or sorted({*target.load(given.file, given.entry).routes(), *planned})
    except Unusable as problem:
        return _pull(given, str(problem), planned)
    if not routes:
        raise Unusable(f"{given.file} names no route: say which, as in `off chunk`")
    problems = [problem for problem in (_switch_off(given, route) for route in routes) if problem]
    try:
        bring_into_force(dict.fromkeys(routes, OFF), given.book, given.hands)
    except Unusable as problem:
        problems.append(str(problem))
    return not problems or _pull(given, "; ".join(dict.fromkeys(problems)), routes)


def _pull(given: Order, problem: str, routes: Sequence[str]) -> bool:
    hands = given.hands
    return kill_switch.pull(problem, hands.kill_switch, given.file, hands.url, routes, hands.say)


def _switch_off(given: Order, route: str) -> str:
    try:
        with target.locked(Path(given.file), PATIENCE_S) as alone:
            if not alone:
                given.hands.say(f"{given.file}: somebody holds the lock; going on without it")
            _edit(given, route)
    except Unusable as problem:
        return str(problem)
    return ""


def _edit(given: Order, route: str) -> None:
    aim = target.load(given.file, given.entry)
    before = aim.read(route)
    _settle(given.book, aim, given.hands.say)
    entry = ledger.Entry(time.time(), route, ledger.OFF, before, OFF, why=(given.why,), rule=given.rule)
    try:
        make(aim, entry, given.book, given.hands)
    finally:  # the daemon's check comes last: the file may be edited, and something else wrong
        if target.load(given.file, given.entry).read(route) == OFF:
            given.hands.say(f"{route}: {before} -> off" if before != OFF else f"{route}: off already")


def _settle(book: Optional[Book], aim: target.Target, say: Say) -> None:
    if book is None:
        return
    try:
        book.settle(aim.read)
    except (OSError, Unusable) as problem:
        say(f"the ledger: {problem}")
