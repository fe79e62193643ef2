"""GO, HOLD, NO-GO or ROLLBACK, each with its reasons. The rule was written before the test; nothing is judged by eye.

    ROLLBACK  harm to callers is shown: later by the stop rule's regression, or too many fallbacks
    NO-GO     not to be widened: results differ, or it does not pay
    HOLD      not known yet, or the evidence is not whole
    GO        harm of the size that matters is ruled out, and everything else is in order
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

from . import figures, worth
from .figures import Interval
from .integrity import Integrity
from .route import QUANTILES, Route
from .rules import Rules

GO, HOLD, NO_GO, ROLLBACK = "GO", "HOLD", "NO-GO", "ROLLBACK"
CODES = {GO: 0, HOLD: 10, NO_GO: 20, ROLLBACK: 30}
UNUSABLE = 2
_ORDER = (GO, HOLD, NO_GO, ROLLBACK)


class Reason(NamedTuple):
    verdict: str  # what it speaks for
    text: str


class Test(NamedTuple):
    """The stop rule's primary comparison: new / old of the metric."""

    metric: str
    ratio: Optional[Interval]  # at the confidence of one look
    confidence: float
    limit: float
    needed: Optional[int]  # calls of the new side
    clean_needed: int  # comparisons without a difference
    mismatch: Optional[Interval]


class Finding(NamedTuple):
    verdict: str
    reasons: Tuple[Reason, ...]
    test: Test


def worst(verdicts: Sequence[str]) -> str:
    return max(verdicts, key=_ORDER.index, default=HOLD)


def judge(route: Route, rules: Rules, integrity: Integrity, forbidden: Sequence[str]) -> Finding:
    """`forbidden`: why there can be no GO, whatever the numbers say."""
    test = _test(route, rules)
    reasons = [*_latency(route, rules, test), *_fallbacks(route, rules), *_mismatches(route, rules, test), *_money(route, rules), *_books(route, integrity)]
    reasons += [Reason(HOLD, text) for text in forbidden]
    ordered = sorted(reasons, key=lambda reason: -_ORDER.index(reason.verdict))
    return Finding(worst([reason.verdict for reason in ordered]), tuple(ordered), test)


def _test(route: Route, rules: Rules) -> Test:
    stop = rules.stop
    confidence = figures.confidence_at_a_look(stop.alpha, stop.looks)
    ratio = figures.ratio_of_quantiles(route.new.ordered, route.old.ordered, QUANTILES[stop.metric], confidence)
    mismatch = figures.rate(route.differing, route.compared)
    return Test(
        stop.metric, ratio, confidence, 1 + stop.regression, figures.calls_needed(ratio, len(route.new.took), stop.regression, stop.power, confidence),
        figures.clean_calls_needed(stop.mismatches), mismatch,
    )  # fmt: skip


def _latency(route: Route, rules: Rules, test: Test) -> List[Reason]:
    stop, n = rules.stop, len(route.new.took)
    if not n:
        return [Reason(HOLD, "no call of the new path yet")]
    if n < stop.minimum:
        return [Reason(HOLD, f"{n:,} calls of the new path; the rule wants at least {stop.minimum:,}")]
    if test.ratio is None:
        return [Reason(HOLD, f"no call of the old path to compare {stop.metric} with")]
    change = f"{stop.metric} {_change(test.ratio.value)} (from {_change(test.ratio.low)} to {_change(test.ratio.high)})"
    beside = {"on": ", beside the old path of before", "shadow": ", on the same calls"}.get(route.kind, "")
    if test.ratio.low > 1 and test.ratio.value >= 1 + stop.regression / 2:
        harm = NO_GO if route.kind == "shadow" else ROLLBACK
        return [Reason(harm, f"later for sure: {change}{beside}")]
    if test.ratio.high < test.limit:
        return [Reason(GO, f"{change}{beside}: {stop.regression:.0%} more is ruled out")]
    more = f"; about {test.needed:,} calls of the new path decide" if test.needed and test.needed > n else ""
    return [Reason(HOLD, f"{change}{beside}: {stop.regression:.0%} more is neither shown nor ruled out{more}")]


def _fallbacks(route: Route, rules: Rules) -> List[Reason]:
    shadow = route.kind == "shadow"
    row = route.row("shadow_failures" if shadow else "fallbacks")
    if row is None or row.new is None:
        return []
    limit, name = rules.stop.fallbacks * 100, "failures in shadow" if shadow else "fallbacks"
    found = f"{row.new.value:.2f} % {name} (from {row.new.low:.2f} to {row.new.high:.2f}); the rule allows {limit:g} %"
    if row.new.low > limit:
        return [Reason(NO_GO if shadow else ROLLBACK, found)]
    return [Reason(GO if row.new.high <= limit else HOLD, found)]


def _mismatches(route: Route, rules: Rules, test: Test) -> List[Reason]:
    if test.mismatch is None:
        if route.kind == "shadow":
            return [Reason(HOLD, "no result was compared")]
        return []  # seen in shadow, before
    limit, n = rules.stop.mismatches, route.compared
    found = f"{route.differing:,} of {n:,} results differ, {test.mismatch.value:.3%}; up to {test.mismatch.high:.3%} is possible; the rule allows {limit:g}".replace(f"{limit:g}", f"{limit:.3%}")
    noise = figures.rate(route.noise_differing, route.noise)
    if noise is not None and noise.value > 0:
        found += f"; the old code differs from itself in {noise.value:.3%}"
    floor = noise.high if noise is not None and noise.value > 0 else 0.0
    if test.mismatch.low > limit + floor:
        return [Reason(NO_GO, found)]
    if test.mismatch.high <= limit + floor:
        return [Reason(GO, found)]
    more = f"; {max(test.clean_needed - n, 1):,} more without a difference would show it" if not route.differing else ""
    return [Reason(HOLD, found + more)]


def _money(route: Route, rules: Rules) -> List[Reason]:
    row = route.row("cost")
    if row is None or row.difference is None:
        return []
    found = f"{abs(row.difference.value):,.2f} {row.unit} a month {'less' if row.difference.value < 0 else 'more'}"
    slower = (p := route.row(rules.stop.metric)) is not None and p.difference is not None and p.difference.high > 0
    if row.difference.low > 0 and slower:
        return [Reason(NO_GO, f"it does not pay: {found}, and nobody waits less")]
    return [Reason(GO, found)]


def _books(route: Route, integrity: Integrity) -> List[Reason]:
    for books in integrity.books:
        if books.route == route.name and books.agree is False:
            return [Reason(HOLD, f"the books do not agree: {books.asked:,} calls asked, {books.certain:,} of them certainly received; the daemon counts {books.received:,}")]
    return []


def forbidden(integrity: Integrity, rules: Rules, changed: Sequence[str]) -> List[str]:
    """Why no route can have a GO."""
    out = list(changed)
    if integrity.dropped_share > rules.stop.dropped:
        out.append(f"{integrity.dropped:,} events were lost, {integrity.dropped_share:.1%}; more than {rules.stop.dropped:.0%} is no evidence")
    return out


def baseline(found: Sequence[worth.Question]) -> Finding:
    """Of the old path alone: is a trial worth it?"""
    no = [question for question in found if question.answer is False]
    open_ = [question for question in found if question.answer is None]
    reasons = [Reason(NO_GO, f"{one.text} No: {one.why}") for one in no]
    reasons += [Reason(HOLD, f"{one.text} Not answered: {one.why}") for one in open_ if one.source != "data"]
    reasons += [Reason(GO, f"{one.text} {worth.SHORT_WORDS[one.answer].capitalize()}: {one.why}") for one in found if one.answer or (one.answer is None and one.source == "data")]
    return Finding(worst([reason.verdict for reason in reasons]), tuple(reasons), Test("", None, 0.95, 0, None, 0, None))


def _change(ratio: float) -> str:
    return f"{ratio - 1:+.1%}" if ratio < 10 else f"{ratio:.1f}-fold"
