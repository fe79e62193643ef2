"""From where a route stands and what the report says to where it goes. Nothing here reads or writes.

    ROLLBACK  off, at once
    NO-GO     one step down, and no step up from there until somebody says `resume`; in shadow it stays
    HOLD      it stays
    GO        one step up, once the hold time is over
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from . import ledger
from .plan import Plan, share
from .switch import OFF, Switch
from .times import short, words

GO, HOLD, NO_GO, ROLL_BACK = "GO", "HOLD", "NO-GO", "ROLLBACK"
_PARKED = {ledger.DOWN: "it went down", ledger.ROLLBACK: "it was rolled back", ledger.OFF: "it was switched off"}


class Standing(NamedTuple):
    """By plan and ledger. `step` is -1 below the first."""

    switch: Switch
    step: int
    since: float  # what came before says nothing of this step, nor does what came before the plan
    parked: str
    changes: int  # how many there were: tells whether one came meanwhile

    @property
    def begun(self) -> bool:
        return self.step >= 0


class Move(NamedTuple):
    """`what` is a ledger's kind; "" is none: the route stays."""

    what: str
    to: Switch
    why: str


def standing(plan: Plan, entries: Sequence[ledger.Entry], route: str) -> Standing:
    own = [entry for entry in entries if entry.route == route]
    if not own:
        return Standing(OFF, -1, plan.made, "", 0)
    last = own[-1]
    parked = f"{_PARKED[last.what]} at {short(last.at)}" if last.what in _PARKED else ""
    return Standing(last.after, step_at(plan, last.after), max(last.at, plan.made), parked, len(own))


def step_at(plan: Plan, found: Switch) -> int:
    """The highest step that a switch is not below; -1: below the first."""
    return max((at for at, step in enumerate(plan.steps) if share(step.switch) <= share(found)), default=-1)


def ready_at(plan: Plan, stands: Standing) -> float:
    """When the hold time is over."""
    return stands.since + plan.steps[stands.step].hold_s


def begin(plan: Plan) -> Move:
    return Move(ledger.BEGIN, plan.steps[0].switch, "the plan begins")


def stay(stands: Standing, why: str) -> Move:
    return Move("", stands.switch, why)


def decide(plan: Plan, stands: Standing, verdict: str, now: float) -> Move:
    if verdict == ROLL_BACK:
        return Move(ledger.ROLLBACK, OFF, "ROLLBACK")
    if verdict == NO_GO:
        return _down(plan, stands)
    if verdict == GO:
        return _up(plan, stands, now)
    return stay(stands, "HOLD")


def _down(plan: Plan, stands: Standing) -> Move:
    if stands.switch.mode == "shadow":
        return stay(stands, "NO-GO; in shadow no caller depends on it")
    if stands.step == 0:
        return Move(ledger.DOWN, OFF, "NO-GO")
    return Move(ledger.DOWN, plan.steps[stands.step - 1].switch, "NO-GO")


def _up(plan: Plan, stands: Standing, now: float) -> Move:
    if stands.parked:
        return stay(stands, f"GO, but {stands.parked}: `resume` lets it go up again")
    if stands.step + 1 == len(plan.steps):
        return stay(stands, "GO; this is the last step")
    left = ready_at(plan, stands) - now
    if left > 0:
        return stay(stands, f"GO; the hold time ends at {short(now + left)}, in {words(round(left) or 1)}")
    return Move(ledger.UP, plan.steps[stands.step + 1].switch, "GO")
