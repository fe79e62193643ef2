"""What is decided before the test: the file, the routes, the steps with their hold times, the stop rule's hash.

JSON, written once by `plan`. Paths in it are taken from its own folder.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from .edit import ROUTE_NAME
from .problem import Unusable
from .switch import OFF, Switch, from_fields, switch_of
from .times import from_moment, moment, seconds_of

VERSION = 1
# shadow until a day has been seen, then doubled and redoubled
LADDER = ("shadow=24h", "1=1h", "5=6h", "25=24h", "50=24h", "100=0s")


class Step(NamedTuple):
    switch: Switch
    hold_s: float


class Plan(NamedTuple):
    path: Path
    made: float
    file: Path
    entry: str
    rules: Path
    rule: str  # the hash of the stop rule
    routes: Tuple[str, ...]
    steps: Tuple[Step, ...]
    then: Tuple[str, ...]  # a command after each edit, as `kubectl apply -f FILE`
    kill_switch: str  # the last resort, where the file cannot be edited

    def beside(self, ending: str) -> Path:
        return beside(self.path, ending)


def beside(plan: Path, ending: str) -> Path:
    """rollout.json has rollout.ledger.jsonl, and so on: known even where the plan is broken."""
    return plan.with_name(plan.name[: -len(plan.suffix) or None] + ending)


def step_of(text: str) -> Step:
    """`5=6h`"""
    share, equals, hold = text.partition("=")
    if not equals:
        raise Unusable(f"{text!r} is no step: SHARE=HOLD, as in 5=6h or shadow=1d")
    return Step(switch_of(share), seconds_of(hold))


def check_steps(steps: Sequence[Step]) -> None:
    shares = [share(step.switch) for step in steps]
    if not steps or shares != sorted(set(shares)) or any(step.switch == OFF for step in steps):
        raise Unusable("the steps go up, from shadow to on: " + ", ".join(str(step.switch) for step in steps))


def share(switch: Switch) -> float:
    """How far a switch goes, in percent; shadow is a little, off is less."""
    return {"off": -2.0, "shadow": -1.0, "on": 100.0}.get(switch.mode, switch.percent or 0.0)


def write(plan: Plan) -> None:
    home = plan.path.parent
    fields = {
        "v": VERSION,
        "made": moment(plan.made),
        "file": os.path.relpath(plan.file, home),
        "entry": plan.entry,
        "rules": os.path.relpath(plan.rules, home),
        "rule": plan.rule,
        "routes": plan.routes,
        "steps": [{**step.switch.fields(), "hold_s": step.hold_s} for step in plan.steps],
        "then": plan.then,
        "kill_switch": plan.kill_switch,
    }
    replace(plan.path, json.dumps(fields, indent=2, ensure_ascii=False) + "\n")


def replace(path: Path, text: str) -> None:
    """A small file of ours, in one rename."""
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(fd, "w", encoding="utf-8", errors="backslashreplace") as file:  # bytes of a command line
            file.write(text)
            file.flush()
            os.fchmod(fd, 0o644)
            os.fsync(fd)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def load(path: Path) -> Plan:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}; `hotpathd-rollout plan` writes one") from None
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{path}: no plan: {error}") from None
    try:
        return _plan(path, fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"{path}: no plan: {type(error).__name__} {error}") from None


def _plan(path: Path, fields: Dict[str, Any]) -> Plan:
    if fields["v"] != VERSION:
        raise Unusable(f"{path}: version {fields['v']!r} of plans is not known here")
    steps = tuple(Step(_switch(step), seconds_of(step["hold_s"])) for step in fields["steps"])
    check_steps(steps)
    routes = tuple(fields["routes"])
    if not routes or len(set(routes)) < len(routes) or not all(ROUTE_NAME.fullmatch(route) for route in routes):
        raise Unusable(f"{path}: routes: {fields['routes']!r}")
    home = path.parent
    texts: List[str] = [fields[name] for name in ("file", "entry", "rules", "rule", "kill_switch")]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a string is due")
    file, entry, rules, rule, kill_switch = texts
    return Plan(path, from_moment(fields["made"]), home / file, entry, home / rules, rule, routes, steps, tuple(map(str, fields["then"])), kill_switch)


def _switch(step: Dict[str, Any]) -> Switch:
    return from_fields({name: step[name] for name in ("mode", "percent") if name in step})
