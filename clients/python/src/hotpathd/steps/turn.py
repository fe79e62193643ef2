"""One turn: settle what a run before left, ask the report, move each route by at most one step.

The report is made without the lock, as it may take long and `off` must not wait for it. With the lock, file and ledger
are read again; a route that was moved meanwhile waits for the next turn.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from . import decide, kill_switch, ledger, report, target
from .book import Book
from .change import Hands, bring_into_force, make
from .decide import Move, Standing
from .plan import Plan
from .problem import Unusable
from .report import Finding, Report
from .switch import OFF, Switch

LOCK_S = 30.0
REPORT_S = 600.0

DONE, STAYED, WENT_DOWN, WENT_OFF, REFUSED = 0, 10, 20, 30, 2
_CODES = {"": STAYED, ledger.DOWN: WENT_DOWN, ledger.ROLLBACK: WENT_OFF}

Evidence = Optional[Tuple[Finding, Report]]


class Means(NamedTuple):
    """What a turn works with."""

    events: Tuple[str, ...]
    report: Tuple[str, ...]
    hands: Hands
    force: bool
    clock: Callable[[], float]
    recent_s: float = math.inf  # what is older is no evidence
    looks: int = 0  # of a day, where that is so: each is a test of its own, and alpha is for all of them


class Turn:
    def __init__(self, plan: Plan, means: Means) -> None:
        self._plan = plan
        self._means = means
        self._say = means.hands.say
        self._book = Book(plan.path, self._say)
        self._moved: Dict[str, Switch] = {}

    def step(self) -> int:
        """The exit code: the gravest of what the routes did."""
        entries = self._settled()
        stood = {route: decide.standing(self._plan, entries, route) for route in self._plan.routes}
        found, codes = self._evidence(stood)
        codes += [self._route(route, stood[route], found.get(route)) for route in self._plan.routes]
        codes += self._in_force()
        return max(codes, key=(DONE, STAYED, WENT_DOWN, REFUSED, WENT_OFF).index)

    def resume(self, route: str) -> None:
        """The route goes on from where the file has it, and may go up again."""
        plan = self._plan
        self._must_know(route)
        with self._alone():
            aim = self._aim()
            self._book.settle(aim.read)
            found = aim.read(route)
            at = decide.step_at(plan, found)
            self._book.end(ledger.Entry(self._means.clock(), route, ledger.RESUME, found, found, why=("by hand",), rule=plan.rule))
        above = f"the next step is {plan.steps[at + 1].switch}" if at + 1 < len(plan.steps) else "the last step"
        self._say(f"{route}: {found}; {above}")

    def up(self, route: str, why: str) -> None:
        """One step, on somebody's word: what there are too few calls to prove. The ledger has the word."""
        plan = self._plan
        self._must_know(route)
        with self._alone():
            aim = self._aim()
            stands, found = decide.standing(plan, self._book.settle(aim.read), route), aim.read(route)
            if stands.parked or (stands.changes and found != stands.switch):
                raise Unusable(f"{route}: {stands.parked or f'the file says {found}, the ledger {stands.switch}'}: `resume {route}` goes on from there")
            if stands.step + 1 == len(plan.steps):
                raise Unusable(f"{route}: {found} is the last step")
            to = plan.steps[stands.step + 1].switch
            make(aim, ledger.Entry(self._means.clock(), route, ledger.UP, found, to, why=("by hand", why), rule=plan.rule), self._book, self._means.hands)
        self._say(f"{route}: {found} -> {to}; by hand: {why}")
        bring_into_force({route: to}, self._book, self._means.hands)

    def _settled(self) -> List[ledger.Entry]:
        with self._alone():
            return self._book.settle(lambda route: self._aim().read(route))

    def _evidence(self, stood: Dict[str, Standing]) -> Tuple[Dict[str, Tuple[Finding, Report]], List[int]]:
        """Each route by the events since its step began; routes that began together share a report."""
        recent = self._means.clock() - self._means.recent_s
        since: Dict[float, List[str]] = {}
        for route, place in stood.items():
            if place.begun:
                since.setdefault(max(place.since, recent), []).append(route)
        found: Dict[str, Tuple[Finding, Report]] = {}
        codes: List[int] = []
        for at, routes in since.items() if self._has_events() else ():
            try:
                made = self._report(at)
                found.update({route: (made.routes[route], made) for route in routes if route in made.routes})
            except Unusable as problem:
                codes.append(self._fails(f"refused: {problem}", False))
        return found, codes

    def _has_events(self) -> bool:
        """A client makes its file with its first call: before that there is nothing to refuse. A report of the team's own knows best."""
        return bool(self._means.report) or any(map(os.path.exists, self._means.events))

    def _report(self, since: float) -> Report:
        made = report.run(self._means.report, self._means.events, self._plan.rules, since, REPORT_S, self._means.looks)
        if made.rule != self._plan.rule:
            raise Unusable(f"the report goes by another stop rule ({made.rule}) than the plan ({self._plan.rule})")
        return made

    def _route(self, route: str, stood: Standing, evidence: Evidence) -> int:
        try:
            with self._alone():
                return self._act(route, stood, evidence)
        except Unusable as problem:
            rolls_back = evidence is not None and evidence[0].verdict == decide.ROLL_BACK
            return self._fails(f"{route}: refused: {problem}", rolls_back)

    def _in_force(self) -> List[int]:
        if not self._moved and not self._book.owes():
            return []
        try:
            bring_into_force(self._moved, self._book, self._means.hands)
        except Unusable as problem:
            return [self._fails(str(problem), OFF in self._moved.values())]
        return []

    def _fails(self, problem: str, must_be_off: bool) -> int:
        self._say(problem)
        plan, url = self._plan, self._means.hands.url
        return WENT_OFF if must_be_off and kill_switch.pull(problem, plan.kill_switch, str(plan.file), url, plan.routes, self._say) else REFUSED

    def _act(self, route: str, stood: Standing, evidence: Evidence) -> int:
        aim = self._aim()
        stands = decide.standing(self._plan, self._book.settle(aim.read), route)
        found = aim.read(route)
        if stands.changes != stood.changes:
            return self._stays(route, found, "moved meanwhile")
        now = self._means.clock()
        move = self._move(stands, evidence, now)
        if stands.changes and found != stands.switch:
            move = self._over_foreign(route, stands, move, found)
        finding = evidence[0] if evidence else Finding("", ())
        why = (move.why, *finding.reasons)
        if not move.what:
            return self._stays(route, found, "; ".join(why))
        digest, text = (evidence[1].digest, evidence[1].text) if evidence else ("", b"")
        entry = ledger.Entry(now, route, move.what, found, move.to, finding.verdict, why, digest, self._plan.rule)
        make(aim, entry, self._book, self._means.hands, text)
        self._moved[route] = move.to
        self._say(f"{route}: {found} -> {move.to}; {'; '.join(why)}")
        return _CODES.get(move.what, DONE)

    def _move(self, stands: Standing, evidence: Evidence, now: float) -> Move:
        if evidence:
            return decide.decide(self._plan, stands, evidence[0].verdict, now)
        if stands.begun:
            return decide.stay(stands, self._nothing())
        if stands.parked:
            return decide.stay(stands, f"{stands.parked}: `resume` lets it begin again")
        return decide.begin(self._plan)

    def _nothing(self) -> str:
        if self._has_events():
            return "HOLD: no event of it since the step began, or no report of them"
        return f"HOLD: no events yet, {', '.join(self._means.events)} is not there"

    def _over_foreign(self, route: str, stands: Standing, move: Move, found: Switch) -> Move:
        """Somebody else set the switch. Only a rollback, which can harm nobody, goes over that."""
        if move.what == ledger.ROLLBACK:
            return move
        if not self._means.force:
            raise Unusable(
                f"the file says {found}, the ledger {stands.switch}: somebody else set it. `step --force` puts the ledger's back, "
                f"`resume {route}` goes on from the file's"
            )
        return Move(ledger.RESTORE, stands.switch, f"by force over {found}, which somebody else had set")

    def _stays(self, route: str, found: Switch, why: str) -> int:
        self._say(f"{route}: {found}; {why}")
        return STAYED

    def _aim(self) -> target.Target:
        return target.load(str(self._plan.file), self._plan.entry)

    def _must_know(self, route: str) -> None:
        if route not in self._plan.routes:
            raise Unusable(f"the plan has no route {route}: {', '.join(self._plan.routes)}")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with target.locked(self._plan.file, LOCK_S) as alone:
            if not alone:
                raise Unusable(f"{self._plan.file}: another run holds the lock of its folder")
            yield


def watch(turn: Callable[[], int], every_s: float, stopped: Callable[[float], bool]) -> int:
    """Turn after turn, each `every_s` after the one before began; the last one's code."""
    while True:
        began = time.monotonic()
        code = turn()
        if stopped(max(0.0, every_s - (time.monotonic() - began))):
            return code
