"""One route: its figures old / sidecar / difference, and the verdict by the stop rule.

By intention: a call belongs to the side that its key sent it to, whatever became of it; so a fallback counts as
the sidecar's. A canary's sides ran at the same time and are compared first. Without one, the pairs of mode
shadow are.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from . import rates, stop
from .quantiles import Interval
from .rule import Rollout, StopRule
from .stop import Sample
from .table import Table

Array = NDArray[Any]
CODES = {"GO": 0, "HOLD": 10, "NO-GO": 20, "ROLLBACK": 30}
QUANTILES = (0.5, 0.95, 0.99)
_Z95 = 1.959963984540054
_GIVE_UP = 4.0  # times the planned information, undecided: NO-GO
_LEAST_COMPARED = 200


def routes_of(table: Table, rollout: Rollout, since_us: Optional[int]) -> Dict[str, Dict[str, Any]]:
    columns = {name: table.column(name) for name in ("route", "ts")}
    keep = np.ones(len(table), bool) if since_us is None else columns["ts"] >= since_us
    return {
        name: route_of(table, np.flatnonzero((columns["route"] == code) & keep), columns["ts"], rollout)
        for code, name in enumerate(table.words("route"))
        if ((columns["route"] == code) & keep).any()
    }


def route_of(table: Table, rows: Array, stamps: Array, rollout: Rollout) -> Dict[str, Any]:
    rule = rollout.stop_rule
    arms = _Arms(table, rows)
    live = arms.new_live.any()
    new_ms, old_ms, kind = _sides(table, rows, arms)
    figures: Dict[str, Any] = {"n": {"sidecar": len(new_ms[0]), "old": len(old_ms[0])}, "compared": kind}
    reasons: List[Tuple[str, str]] = []
    if min(len(new_ms[0]), len(old_ms[0])) >= _LEAST_COMPARED:
        new, old = (Sample(values, stamps[rows][where]) for values, where in (new_ms, old_ms))
        figures["latency_ms"] = {f"p{q * 100:g}": _quantile(new, old, q) for q in QUANTILES}
        reasons.append(_latency(new, old, rule, figures, bool(live)))
    else:
        reasons.append(("HOLD", f"latency: {len(new_ms[0])} calls of the sidecar and {len(old_ms[0])} of the old path to compare"))
    reasons.append(_fallbacks(table, rows, arms, rule, figures, bool(live)))
    reasons.append(_mismatches(table, rows, arms, rule, figures, bool(live)))
    figures["cpu_s_per_1000"] = _cpu(table, rows, arms)
    verdict = max((word for word, _ in reasons), key=CODES.__getitem__)
    return {"verdict": verdict, "reasons": [{"verdict": word, "text": text} for word, text in reasons], **figures}


class _Arms:
    def __init__(self, table: Table, rows: Array) -> None:
        mode, path, outcome, reason = (table.column(name)[rows] for name in ("mode", "path", "outcome", "reason"))
        asked = (outcome != table.code("outcome", "legacy")) | (reason == table.code("reason", "breaker_open"))
        shadow = mode == table.code("mode", "shadow")
        self.new_live = asked & ~shadow
        self.fallback = self.new_live & (outcome != table.code("outcome", "ok"))
        self.timeout = self.new_live & (reason == table.code("reason", "timeout"))
        self.canary_old = (mode == table.code("mode", "canary")) & (reason == table.code("reason", "canary"))
        self.old = ~self.new_live
        self.noise = reason == table.code("reason", "noise")
        self.pairs = shadow & (path == table.code("path", "both"))
        self.shadow_failed = shadow & (outcome == table.code("outcome", "fallback"))
        self.in_canary = self.new_live & (mode == table.code("mode", "canary"))


def _sides(table: Table, rows: Array, arms: _Arms) -> Tuple[Tuple[Array, Array], Tuple[Array, Array], str]:
    total = table.column("total_ms")[rows]
    if arms.in_canary.any() and arms.canary_old.any():
        return (total[arms.in_canary], arms.in_canary), (total[arms.canary_old], arms.canary_old), "canary, at the same time"
    if arms.new_live.any():
        return (total[arms.new_live], arms.new_live), (total[arms.old], arms.old), "not at the same time"
    new, old = table.column("sidecar_ms")[rows], table.column("legacy_ms")[rows]
    both = arms.pairs & np.isfinite(new) & np.isfinite(old)
    return (new[both], both), (old[both], both), "shadow, the same calls"


def _quantile(new: Sample, old: Sample, quantile: float) -> Dict[str, Any]:
    comparison = stop.compare(new, old, quantile)
    each, ratio = comparison.each(_Z95), comparison.log_ratio(_Z95)
    change = Interval(*(math.exp(x) - 1 for x in ratio))
    return {"sidecar": each[0]._asdict(), "old": each[1]._asdict(), "change": change._asdict(), "batches": comparison.batches}


def _latency(new: Sample, old: Sample, rule: StopRule, figures: Dict[str, Any], live: bool) -> Tuple[str, str]:
    now = stop.look(new, old, rule)
    planned = stop.planned_look(new, old, rule, now)
    n, t = len(new.ms), now.information
    wanted = max(math.ceil(n / t), rule.minimum_sample)
    figures["sequential"] = {
        "information": t, "sample_asked_for": wanted, "boundary_z": now.z,
        "change": Interval(*(math.exp(min(x, 50.0)) - 1 for x in now.change))._asdict(),
    }  # fmt: skip
    looks = [one for one in (now, planned) if one is not None]
    name = f"p{rule.quantile * 100:g} {math.exp(now.change.estimate) - 1:+.1%}"
    if n < rule.minimum_sample:
        return "HOLD", f"{name}: {n} calls, {rule.minimum_sample} are the least"
    if any(one.is_regression for one in looks):
        return ("ROLLBACK" if live else "NO-GO"), f"{name}: slower, and a regression of {rule.regression:.0%} is not excluded"
    if any(one.excluded for one in looks):
        return "GO", f"{name}: a regression of {rule.regression:.0%} is excluded"
    if t > _GIVE_UP:
        return "NO-GO", f"{name}: undecided after {t:.1f} times the planned sample"
    return "HOLD", f"{name}: undecided at {n} of {wanted} calls"


def _fallbacks(
    table: Table, rows: Array, arms: _Arms, rule: StopRule, figures: Dict[str, Any], live: bool
) -> Tuple[str, str]:
    failed, asked = (arms.fallback, arms.new_live) if live else (arms.shadow_failed, arms.pairs)
    count, n = int(failed.sum()), int(asked.sum())
    rate = rates.wilson(count, n)
    figures["fallbacks"] = {
        "count": count, "n": n, "rate": rate and rate._asdict(), "timeouts": int(arms.timeout.sum()),
        "reasons": _ledger(table, rows, failed),
    }  # fmt: skip
    return _limit("fallbacks", count, n, rule.max_fallback_rate, rule.alpha, live)


def _ledger(table: Table, rows: Array, failed: Array) -> Dict[str, Any]:
    """Reason, count, and what the caller lost: the time with the sidecar before the old code began."""
    reason, lost = table.column("reason")[rows][failed], table.column("sidecar_ms")[rows][failed]
    words = table.words("reason")
    return {
        words[code]: {"count": int((reason == code).sum()), "lost_ms": float(np.nansum(lost[reason == code]))}
        for code in np.unique(reason)
    }


def _mismatches(
    table: Table, rows: Array, arms: _Arms, rule: StopRule, figures: Dict[str, Any], live: bool
) -> Tuple[str, str]:
    match = table.column("match")[rows]
    compared, noise = (match >= 0) & ~arms.noise, (match >= 0) & arms.noise
    count, n = int((match[compared] == 0).sum()), int(compared.sum())
    rate = rates.wilson(count, n)
    diff, words = table.column("diff")[rows], table.words("diff")
    differing = diff[compared & (match == 0)]
    clusters = {words[code] or "/": int((differing == code).sum()) for code in np.unique(differing)}
    figures["mismatches"] = {
        "count": count, "n": n, "rate": rate and rate._asdict(), "upper_bound": rates.upper_bound(count, n, 0.05),
        "needed": rates.needed(rule.max_mismatch_rate, 0.05, count), "clusters": clusters,
        "noise": {"count": int((match[noise] == 0).sum()), "n": int(noise.sum())},
    }  # fmt: skip
    return _limit("mismatches", count, n, rule.max_mismatch_rate, rule.alpha, live)


def _limit(name: str, count: int, n: int, limit: float, alpha: float, live: bool) -> Tuple[str, str]:
    told = f"{name}: {count} of {n}"
    # Rates are looked at often, too: a tenth of alpha for the alarm, which no difference at all never rings.
    if n and rates.lower_bound(count, n, alpha / 10) > limit:
        return ("ROLLBACK" if live else "NO-GO"), f"{told}, more than {limit:.2%}"
    if n and rates.upper_bound(count, n, 0.05) <= limit:
        return "GO", f"{told}, at most {rates.upper_bound(count, n, 0.05):.3%}"
    more = max(rates.needed(limit, 0.05, count) - n, 1)
    return "HOLD", f"{told}: {more} more calls like these would show less than {limit:.2%}"


def _cpu(table: Table, rows: Array, arms: _Arms) -> Dict[str, Any]:
    """Seconds for 1,000 calls; a fallback's old code is the sidecar's cost."""
    legacy, client, server = (table.column(name)[rows] for name in ("cpu_legacy", "cpu_client", "server_ms"))
    old = legacy[arms.old & np.isfinite(legacy)]
    new = np.nan_to_num(client) + np.nan_to_num(server) + np.nan_to_num(legacy)
    return {
        "old": float(old.mean(dtype=np.float64)) if len(old) else None,
        "sidecar": float(new[arms.new_live].mean(dtype=np.float64)) if arms.new_live.any() else None,
        "unmeasured": int((~np.isfinite(client))[arms.new_live].sum()),
    }
