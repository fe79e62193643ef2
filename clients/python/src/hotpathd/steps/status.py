"""Where each route stands, and when the next step may come."""

from __future__ import annotations

from typing import Any, Dict, List

from . import decide, ledger, target
from .book import Book
from .decide import Standing
from .plan import Plan
from .switch import Switch
from .times import moment, short, words


def rows(plan: Plan, now: float) -> List[Dict[str, Any]]:
    entries = ledger.read(plan.beside(ledger.LEDGER))
    aim = target.load(str(plan.file), plan.entry)
    return [_row(plan, route, decide.standing(plan, entries, route), aim.read(route), now) for route in plan.routes]


def lines(plan: Plan, now: float) -> List[str]:
    owed = ["the plan's command is still to be run: the next `step` does"] if Book(plan.path, print).owes() else []
    return [f"{row['route']}: {row['words']}" for row in rows(plan, now)] + owed


def _row(plan: Plan, route: str, stands: Standing, found: Switch, now: float) -> Dict[str, Any]:
    ready = decide.ready_at(plan, stands) if stands.begun else now
    last = stands.step + 1 == len(plan.steps)
    return {
        "route": route,
        **found.fields(),
        "step": stands.step + 1,
        "steps": len(plan.steps),
        "since": moment(stands.since) if stands.changes else None,
        "next": None if last else plan.steps[stands.step + 1].switch.fields(),
        "ready": None if last or stands.parked else moment(ready),
        "parked": stands.parked or None,
        "foreign": stands.changes > 0 and found != stands.switch,
        "words": _words(plan, stands, found, now, ready),
    }


def _words(plan: Plan, stands: Standing, found: Switch, now: float, ready: float) -> str:
    if stands.changes and found != stands.switch:
        return f"{found} in the file, {stands.switch} in the ledger: somebody else set it"
    if stands.parked:
        return f"{found}; {stands.parked}: `resume` lets it go up again"
    if not stands.begun:
        return f"{found}; the next `step` begins with {plan.steps[0].switch}"
    place = f"{found}, step {stands.step + 1} of {len(plan.steps)}, since {short(stands.since)}"
    if stands.step + 1 == len(plan.steps):
        return f"{place}; the last one"
    to = plan.steps[stands.step + 1].switch
    if ready > now:
        return f"{place}; {to} after a GO from {short(ready)}, in {words(round(ready - now) or 1)}"
    return f"{place}; {to} at the next GO"
