"""Is the path worth a sidecar at all? Five questions, answered from data where data can, asked where it cannot."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

import numpy as np

from .route import Route
from .rules import Rules

CPU_BOUND = 0.7  # of the step's time; below it the step waits for something that a sidecar will not hurry
WORTH_OF_CPU = 0.10  # of the process
LEAST_MS = 0.3  # a hop over localhost takes 0.05 to 0.1 ms (docs/when-not-to.md)
SHORT_WORDS = {True: "yes", False: "no", None: "open"}


class Question(NamedTuple):
    key: str
    text: str
    answer: Optional[bool]
    source: str  # data | rollout.yaml | nobody yet
    why: str


def questions(route: Route, rules: Rules) -> List[Question]:
    return [_cpu_bound(route, rules), _share(route, rules), _contract(route, rules), _pays(route, rules), _owner(rules)]


def _cpu_bound(route: Route, rules: Rules) -> Question:
    text = "Is the step bound by CPU?"
    share = route.cpu_bound
    if share is not None:
        return Question("cpu_bound", text, share >= CPU_BOUND, "data", f"CPU is {min(share, 1):.0%} of the middle call's time; from {CPU_BOUND:.0%} on it is")
    return _asked("cpu_bound", text, rules.answers.cpu_bound, "no event has the old code's CPU time")


def _share(route: Route, rules: Rules) -> Question:
    text = "Is it a large part of the process's CPU?"
    share, source = rules.share_of_cpu(route.name), "rollout.yaml"
    if route.cpu_of_process is not None:
        share, source = route.cpu_of_process, "data"
    if share is None:
        return Question("share", text, None, "nobody yet", "two scrapes of the service tell (--service), or a profile: cpu_share in rollout.yaml")
    return Question("share", text, share >= WORTH_OF_CPU, source, f"{share:.0%} of the process; from {WORTH_OF_CPU:.0%} on it is")


def _contract(route: Route, rules: Rules) -> Question:
    text = "Does the same input give the same output?"
    if route.noise:
        share = route.noise_differing / route.noise
        return Question("contract", text, route.noise_differing == 0, "data", f"the old code differed from itself in {route.noise_differing:,} of {route.noise:,} repetitions ({share:.2%})")
    return _asked("stable_contract", text, rules.answers.stable_contract, "no call was made twice (the client's noise option)")


def _pays(route: Route, rules: Rules) -> Question:
    text = "Does the traffic pay for it?"
    cost, cpu = route.row("cost"), route.row("cpu")
    if cost and cost.difference:
        less = -cost.difference.value
        return Question("pays", text, cost.difference.high < 0, "data", f"{_money(less)} {cost.unit} a month {'less' if less >= 0 else 'more'}, from {_money(-cost.difference.high)} to {_money(-cost.difference.low)}")
    if cost and cost.old:
        return Question("pays", text, None, "data", f"all that the old code costs is {_money(cost.old.value)} {cost.unit} a month; how much of that a sidecar saves, a trial tells")
    if cpu and cpu.difference:
        return Question("pays", text, None, "data", f"{abs(cpu.difference.value):.3g} s of CPU {'less' if cpu.difference.value <= 0 else 'more'} for 1,000 calls; prices and requests_per_month in rollout.yaml tell what that is")
    took = float(np.median(route.old.took.values)) if len(route.old.took) else 0.0
    if took and took < LEAST_MS:
        return Question("pays", text, False, "data", f"the old code takes {took:.2f} ms in the middle: the hop alone costs a good part of that")
    return Question("pays", text, None, "nobody yet", "prices and requests_per_month in rollout.yaml tell")


def _owner(rules: Rules) -> Question:
    return _asked("owner", "Will somebody run and update one more process?", rules.answers.owner, "no event can tell that")


def _asked(key: str, text: str, answer: Optional[bool], why: str) -> Question:
    if answer is None:
        return Question(key, text, None, "nobody yet", f"{why}: answers.{key} in rollout.yaml")
    return Question(key, text, answer, "rollout.yaml", f"answers.{key} in rollout.yaml")


def _money(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
