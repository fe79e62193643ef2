"""GO, HOLD, NO-GO or ROLLBACK, each with its reasons. The rule was written before the test; nothing is judged by eye.

    ROLLBACK  harm to callers is shown: later by the stop rule's regression, or too many fallbacks
    NO-GO     not to be widened: results differ, or it does not pay
    HOLD      not known yet, or the evidence is not whole
    GO        harm of the size that matters is ruled out, and everything else is in order
"""

from __future__ import annotations

import math
from typing import List, NamedTuple, Optional, Sequence, Tuple

from . import intervals, power, sequential, worth
from .fields import moment
from .integrity import Integrity
from .intervals import Interval
from .route import LEAST, QUANTILES, Route, known
from .rules import Rules
from .sequential import Look, Outcome
from .together import ENOUGH

GO, HOLD, NO_GO, ROLLBACK = "GO", "HOLD", "NO-GO", "ROLLBACK"
CODES = {GO: 0, HOLD: 10, NO_GO: 20, ROLLBACK: 30}
UNUSABLE = 2
_ORDER = (GO, HOLD, NO_GO, ROLLBACK)


class Reason(NamedTuple):
    verdict: str  # what it speaks for
    text: str


class Test(NamedTuple):
    """The stop rule's comparison, new / old of the metric, and what it takes to end it."""

    metric: str
    looks: int  # of a guard
    look: Optional[Look]
    limit: float
    planned: Optional[int]  # calls of the new side
    clean_needed: int  # comparisons without a difference
    mismatch: Optional[Interval]


class Finding(NamedTuple):
    verdict: str
    reasons: Tuple[Reason, ...]
    test: Test


def worst(verdicts: Sequence[str]) -> str:
    return max(verdicts, key=_ORDER.index, default=HOLD)


def judge(route: Route, rules: Rules, integrity: Integrity, forbidden: Sequence[str], looks: int = 0) -> Finding:
    """`forbidden`: why there can be no GO, whatever the numbers say. `looks`: sequential.boundary."""
    test = _test(route, rules, looks)
    reasons = [*_latency(route, rules, test), *_fallbacks(route, rules, test), *_mismatches(route, rules, test), *_money(route, rules), *_apart(route), *_books(route, integrity)]
    reasons += [Reason(HOLD, text) for text in forbidden]
    ordered = sorted(reasons, key=lambda reason: -_ORDER.index(reason.verdict))
    return Finding(worst([reason.verdict for reason in ordered]), tuple(ordered), test)


def _test(route: Route, rules: Rules, looks: int) -> Test:
    stop, q = rules.stop, QUANTILES[rules.stop.metric]
    old, new = route.old.took, route.new.took
    earlier = route.old.earlier, route.new.earlier
    planned = stop.calls or _planned(route, rules)
    look = None
    if min(len(old), len(new)) >= LEAST and planned:
        look = sequential.look(
            lambda level: intervals.quantile_ratio(*old, *new, q, level, *earlier), 1.0, 1 + stop.regression, len(new) / planned, stop.alpha, looks
        )
    mismatch = known(intervals.rate(route.differing, route.compared))
    return Test(stop.metric, looks, look, 1 + stop.regression, planned, intervals.clean_needed(stop.mismatches), mismatch)


def _planned(route: Route, rules: Rules) -> Optional[int]:
    stop, old, new = rules.stop, route.old.took, route.new.took
    if not len(old) or not len(new):
        return None
    share = min(len(new) / (len(new) + len(old)), 0.99)
    needed = power.calls_needed(*old, QUANTILES[stop.metric], stop.regression, stop.alpha, stop.power, share)
    return max(int(needed), 1) if math.isfinite(needed) else None


def _latency(route: Route, rules: Rules, test: Test) -> List[Reason]:
    stop, n = rules.stop, len(route.new.took)
    if not n:
        return [Reason(HOLD, "no call went to the sidecar yet: wait, or see whether the route has a share of the calls")]
    few = Reason(HOLD, f"{n:,} calls by the sidecar so far; the rule wants at least {stop.minimum:,}: wait")
    if test.look is None:
        return [few if n < stop.minimum else Reason(HOLD, _too_short(route, stop.metric))]
    found = test.look.interval
    beside = {"on": " against the old code before", "shadow": " against the old code on the same calls"}.get(route.kind, " against the old code")
    change = f"{stop.metric} latency {change_word(found.value)} (surely from {change_word(found.low)} to {change_word(found.high)}){beside}"
    harmful = f"+{stop.regression:.0%}, which the rule forbids,"
    if test.look.outcome is Outcome.REGRESSION:
        harm = NO_GO if route.kind == "shadow" else ROLLBACK
        return [Reason(harm, f"slower for sure: {change}")]
    if n < stop.minimum:
        return [few]
    if test.look.outcome is Outcome.GO:
        return [Reason(GO, f"{change}: {harmful} is ruled out")]
    more = f", of which {test.planned:,} are planned and {n:,} are there" if test.planned and test.planned > n else ""
    return [Reason(HOLD, f"{change}: {harmful} is neither shown nor ruled out: wait for more calls by the sidecar{more}")]


def _too_short(route: Route, metric: str) -> str:
    """Why there is no look, whatever the rule's minimum."""
    old, new = len(route.old.took), len(route.new.took)
    if old >= LEAST and new >= LEAST:
        return f"the {old:,} calls by the old code are too few, or too equal, to say how many {metric} takes: `calls` of the stop rule plans them"
    side, count = ("old code", old) if old <= new else ("sidecar", new)
    return f"too few calls by the {side} to compare {metric}: {count:,} of at least {LEAST}: wait"


def _fallbacks(route: Route, rules: Rules, test: Test) -> List[Reason]:
    """Against what the rule allows. A run of them is harm and counts in full; it takes more calls to say there is none."""
    shadow, counts, stop = route.kind == "shadow", route.counts, rules.stop
    count, n = (counts.shadow_failures, counts.shadow) if shadow else (counts.fallbacks, counts.new - counts.cancelled)
    if not n or route.kind == "old":
        return []
    found = intervals.rate(count, n, effect=route.fallback_effect)
    what = "shadow calls failed" if shadow else "calls by the sidecar fell back to the old code"
    text = f"{count:,} of {n:,} {what}: {found.value:.2%} (95 %: {max(found.low, 0):.2%} to {min(found.high, 1):.2%}); the rule allows {percent(stop.fallbacks)}"
    sure = _at_a_look(count, n, n / (test.planned or max(stop.minimum, n)), stop.alpha, test.looks)
    if sure.low > stop.fallbacks:
        return [Reason(NO_GO if shadow else ROLLBACK, text)]
    return [Reason(GO, text) if found.high <= stop.fallbacks else Reason(HOLD, f"{text}: wait for more calls")]


def _at_a_look(count: int, n: int, fraction: float, alpha: float, looks: int) -> Interval:
    return intervals.rate(count, n, min(sequential.confidence(fraction, alpha, looks), sequential.SUREST), method="exact")


def _mismatches(route: Route, rules: Rules, test: Test) -> List[Reason]:
    if test.mismatch is None:
        if route.kind == "shadow":
            return [Reason(HOLD, "no result was compared yet: wait, or see whether the clients compare")]
        return []  # seen in shadow, before
    limit, n = rules.stop.mismatches, route.compared
    found = f"{route.differing:,} of {n:,} compared results differ: {test.mismatch.value:.3%} (95 %: at most {test.mismatch.high:.3%}); the rule allows {percent(limit)}"
    if route.noise_differing:
        noise = intervals.rate(route.noise_differing, route.noise)
        found += f"; the old code differs from itself in {noise.value:.3%}"
        limit += noise.high
    sure = _at_a_look(route.differing, n, n / test.clean_needed, rules.stop.alpha, test.looks)
    if sure.low > limit:
        return [Reason(NO_GO, found)]
    if test.mismatch.high <= limit:
        return [Reason(GO, found)]
    if route.kind != "shadow":
        return []  # the last ones of shadow, as a step begins: too few to hold it up
    more = f": wait; {max(test.clean_needed - n, 1):,} more without a difference would show it" if not route.differing else ": wait for more comparisons"
    return [Reason(HOLD, found + more)]


def _money(route: Route, rules: Rules) -> List[Reason]:
    row = route.row("cost")
    if row is None or row.difference is None:
        return []
    found = f"it costs {abs(row.difference.value):,.2f} {row.unit} a month {'less' if row.difference.value < 0 else 'more'}"
    slower = (p := route.row(rules.stop.metric)) is not None and p.difference is not None and p.difference.high > 0
    if row.difference.low > 0 and slower:
        return [Reason(NO_GO, f"it does not pay: {found}, and callers do not surely wait less")]
    return [Reason(GO, found)]


def _apart(route: Route) -> List[Reason]:
    """Harm may be shown by sides of different times, as of a route that is on; what is fair to both is not."""
    found = route.together
    if found is None or found.enough:
        return []
    old, new = (" to ".join(map(moment, span)) for span in (found.old_span, found.new_span))
    if found.shared is None:
        return [Reason(HOLD, f"the two sides were never called at the same time: the old code from {old}, the sidecar from {new}")]
    return [Reason(HOLD, f"the two sides were not called at the same time: {found.old:.0%} of the old code's calls ({old}) have the sidecar's beside them, "
                   f"{found.new:.0%} of the sidecar's ({new}) the old code's; {ENOUGH:.0%} of each are due. Report on the time of both: --since {moment(found.shared[0])} --until {moment(found.shared[1])}")]


def _books(route: Route, integrity: Integrity) -> List[Reason]:
    for books in integrity.books:
        if books.route == route.name and books.agree is False:
            return [Reason(HOLD, f"the books do not agree: {books.asked:,} calls asked the sidecar, {books.certain:,} of them surely arrived, and the daemon counts {books.received:,}: "
                           "were the scrapes made at the window's ends, and is each client's events file here?")]
    return []


def forbidden(integrity: Integrity, rules: Rules, changed: Sequence[str]) -> List[str]:
    """Why no route can have a GO."""
    out = list(changed)
    if integrity.lost_share > rules.stop.dropped:
        unread = f" ({integrity.unread:,} of them lines that cannot be read)" if integrity.unread else ""
        out.append(f"{integrity.lost:,} events were lost{unread}, {integrity.lost_share:.1%}; the rule allows {percent(rules.stop.dropped)}")
    if intervals.rate(integrity.missing, integrity.due, method="exact").low > rules.stop.dropped:
        out.append(f"{integrity.missing:,} of {integrity.due:,} requests in the daemon's log, of callers that write events, are in no event: they were lost, or a file is not given")
    if integrity.cut:
        out.append(f"of {integrity.cut:,} files a rest of unknown length is missing")
    return out


def baseline(found: Sequence[worth.Question], forbidden: Sequence[str] = ()) -> Finding:
    """Of the old path alone: is a trial worth it? A no is one whatever was lost."""
    no = [question for question in found if question.answer is False]
    open_ = [question for question in found if question.answer is None]
    reasons = [Reason(NO_GO, f"{one.text} No: {one.why}") for one in no]
    reasons += [Reason(HOLD, f"{one.text} Not answered: {one.why}") for one in open_ if one.source != "data"]
    reasons += [Reason(HOLD, text) for text in forbidden]
    reasons += [Reason(GO, f"{one.text} {worth.SHORT_WORDS[one.answer].capitalize()}: {one.why}") for one in found if one.answer or (one.answer is None and one.source == "data")]
    return Finding(worst([reason.verdict for reason in reasons]), tuple(reasons), Test("", 0, None, 0, None, 0, None))


def percent(share: float) -> str:
    return f"{100 * share:.4g}%"


def change_word(ratio: float) -> str:
    if not math.isfinite(ratio) or ratio <= 0:
        return "no limit"
    return f"{ratio - 1:+.1%}" if ratio < 10 else f"{ratio:.1f}-fold"
