"""The report as one JSON object. Terminal, Markdown and page are made from it alone, and say the same."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import scipy

from . import sizes, verdict, worth
from .breakeven import BreakEven
from .fields import moment
from .intervals import Interval
from .integrity import Books, Integrity
from .mismatches import Cluster
from .problems import Problems
from .route import Fallback, Route, Row
from .rules import Rules
from .scrapes import Daemon, Log
from .sequential import Look
from .sides import Window
from .together import Together
from .verdict import Finding

VERSION = 1
MOST_NAMED = 10
Json = Dict[str, Any]


class Judged(NamedTuple):
    route: Route
    questions: List[worth.Question]
    finding: Finding


def report(
    kind: str, judged: Sequence[Judged], window: Window, rules: Rules, integrity: Integrity,
    daemon: Optional[Daemon], log: Optional[Log], files: Sequence[str],
) -> Json:  # fmt: skip
    return {
        "v": VERSION,
        "kind": kind,
        "verdict": verdict.worst([one.finding.verdict for one in judged]),
        "rule_hash": rules.hash,
        "rule": asdict(rules.stop),
        "rules": rules.file,
        "routes": {one.route.name: _route(one) for one in sorted(judged, key=_gravity)},
        "integrity": _integrity(integrity),
        "problems": problems(window.table.problems),
        "evidence": _evidence(window, rules, daemon, log, files),
    }


def _gravity(one: Judged) -> Tuple[int, str]:
    """The gravest first."""
    return -verdict.CODES[one.finding.verdict], one.route.name


def problems(found: Problems) -> List[Json]:
    return [{"what": what, "count": count, "places": [str(place) for place in places]} for what, count, places in found]


def _route(judged: Judged) -> Json:
    route, finding = judged.route, judged.finding
    test = finding.test
    return {
        "verdict": finding.verdict,
        "reasons": [reason.text for reason in finding.reasons],
        "speaks_for": [reason.verdict for reason in finding.reasons],
        "comparison": route.kind,
        "at_the_same_time": route.together and _together(route.together),
        "counts": vars(route.counts),
        "table": [_row(row) for row in route.rows],
        "worth": [question._asdict() for question in judged.questions],
        "test": {
            "metric": test.metric, "limit": test.limit, "calls": len(route.new.took), "planned": test.planned, "looks": test.looks, **_look(test.look),
        },
        "mismatches": {
            "compared": route.compared, "differing": route.differing, "rate": _interval(test.mismatch), "clean_needed": test.clean_needed,
            "noise": {"compared": route.noise, "differing": route.noise_differing},
            "clusters": [_cluster(one) for one in route.clusters],
        },
        "fallbacks": [_fallback(one) for one in route.ledger],
        "break_even": route.break_even and _break_even(route.break_even),
    }  # fmt: skip


def _together(found: Together) -> Json:
    return {
        "old": {"share": _finite(found.old), "from": moment(found.old_span[0]), "to": moment(found.old_span[1])},
        "new": {"share": _finite(found.new), "from": moment(found.new_span[0]), "to": moment(found.new_span[1])},
    }  # fmt: skip


def _look(look: Optional[Look]) -> Json:
    if look is None:
        return {"ratio": None}
    return {
        "ratio": _interval(look.interval), "outcome": look.outcome.value, "confidence": look.confidence,
        "boundary": _finite(look.boundary), "statistic": _finite(look.statistic), "fraction": _finite(look.fraction),
    }  # fmt: skip


def _row(row: Row) -> Json:
    return {"key": row.key, "name": row.name, "unit": row.unit, "old": _interval(row.old), "new": _interval(row.new), "difference": _interval(row.difference)}


def _interval(one: Optional[Interval]) -> Optional[Json]:
    return None if one is None else {"value": _finite(one.value), "low": _finite(one.low), "high": _finite(one.high)}


def _finite(value: float) -> Optional[float]:
    return float(f"{value:.6g}") if np.isfinite(value) else None


def _cluster(one: Cluster) -> Json:
    examples = [{"ts": e.ts, "request_id": e.request_id, "trace_id": e.trace_id} for e in one.examples]
    return {"pointer": one.pointer, "count": one.count, "share": _finite(one.share), "examples": examples}


def _fallback(one: Fallback) -> Json:
    return {
        "reason": one.reason, "count": one.count, "share": _finite(one.share),
        "added_ms": {"p50": one.added_p50, "p95": one.added_p95}, "added_total_s": _finite(one.added_total_s),
    }  # fmt: skip


def _break_even(found: BreakEven) -> Json:
    buckets = [
        {"bytes": one.size, "calls": one.calls, "old": _interval(one.old), "new": _interval(one.new), "saved": _interval(one.saved)} for one in found.buckets
    ]
    return {"above_bytes": found.above, "at_bytes": found.size and _interval(found.size), "says": sizes.says(found), "buckets": buckets}


def _integrity(found: Integrity) -> Json:
    return {
        "events": found.events,
        "dropped": found.dropped,
        "unread": found.unread,
        "files_cut": found.cut,
        "lost_share": _finite(found.lost_share),
        "daemon_restarted": found.restarted,
        "books": [_books(one) for one in found.books],
        "log": None if found.logged is None else {
            "requests": found.logged,
            "in_no_event": {"count": found.unmatched_count, "first": found.unmatched, "lost": found.missing, "of": found.due},
            "refused_but_not_logged": {"count": found.unlogged_count, "first": found.unlogged},
        },
    }  # fmt: skip


def _books(one: Books) -> Json:
    return {
        "route": one.route, "asked": one.asked, "certainly_received": one.certain, "received": one.received, "refused": one.refused,
        "never_sent": one.never_sent, "agree": one.agree, "codes": one.codes,
    }  # fmt: skip


def _evidence(window: Window, rules: Rules, daemon: Optional[Daemon], log: Optional[Log], files: Sequence[str]) -> Json:
    after = daemon.after if daemon else None
    return {
        "files": [{"path": path, "bytes": os.path.getsize(path)} for path in files],
        "lines": window.table.lines,
        "events": window.events,
        "outside_of_the_window": len(window.cell) - window.events,
        "first": moment(window.first) if window.events else None,
        "last": moment(window.last) if window.events else None,
        "daemon": after and {
            **{name: after.text("hotpathd_build_info", name) for name in ("version", "commit", "microhttpd", "jansson", "libyaml")},
            "config_hash": after.text("hotpathd_config_info", "hash"), "resident_bytes": daemon.memory if daemon else None,
        },
        "callers": _few(sorted({caller for caller, _ in window.table.senders if caller})),
        "hosts": _few(sorted({host for _, host in window.table.senders})),
        "routes": _switches(daemon),
        "config_hashes": sorted(log.hashes) if log else [],
        "rules_steps": list(rules.steps),
        "made_on": platform.node(),
        "made_with": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__, "kernel": platform.release()},
    }  # fmt: skip


def _few(words: List[str]) -> List[str]:
    return words if len(words) <= MOST_NAMED else [*words[:MOST_NAMED], f"and {len(words) - MOST_NAMED} more"]


def _switches(daemon: Optional[Daemon]) -> Json:
    """How much of the traffic each route had, at the last scrape."""
    if daemon is None:
        return {}
    percent = {labels["route"]: value for labels, value in daemon.after.each("hotpathd_route_percent") if "route" in labels}
    modes = {labels.get("route", ""): labels.get("mode", "") for labels, value in daemon.after.each("hotpathd_route_mode") if value}
    return {route: {"mode": mode, "percent": percent.get(route)} for route, mode in sorted(modes.items())}
