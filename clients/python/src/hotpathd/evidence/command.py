"""hotpathd-report: events and rollout.yaml in; a verdict out, as text, JSON and exit code.

0 GO, 10 HOLD, 20 NO-GO, 30 ROLLBACK, 2 unusable input.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from . import judge, reading, rule, spool
from .table import Table

UNUSABLE = 2
_MOST_DROPPED = 0.01


def main(arguments: Optional[List[str]] = None) -> int:
    options = _options(arguments)
    try:
        rollout = rule.read(options.rollout) if options.rollout else rule.Rollout()
        report = _report(options, rollout)
        if options.json:
            _write(options.json, json.dumps(report, indent=2, allow_nan=False) + "\n")
    except (reading.Unreadable, rule.BadRule, _Unusable) as error:
        print(f"hotpathd-report: {error}", file=sys.stderr)
        return UNUSABLE
    _say(report)
    return int(report["exit_code"])


class _Unusable(Exception):
    pass


def _options(arguments: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hotpathd-report", description=__doc__)
    parser.add_argument("events", nargs="+", help="event files; .gz and .zst too")
    parser.add_argument("--rollout", metavar="FILE", help="rollout.yaml")
    parser.add_argument("--since", type=_time, metavar="TIME", help="only events from then on (2026-01-02T03:04:05Z): the step's start")
    parser.add_argument("--previous", metavar="FILE", help="an earlier report's JSON: was the stop rule the same?")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser.parse_args(arguments)


def _time(text: str) -> int:
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int((at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp() * 1_000_000)


def _report(options: argparse.Namespace, rollout: rule.Rollout) -> Dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hotpathd-report.") as folder:
        table = Table(_read(options.events, folder, options.jobs))
        if not len(table):
            raise _Unusable(f"no event in {', '.join(options.events)}" + "".join(_problem_lines(table)))
        routes = judge.routes_of(table, rollout, options.since)
        if not routes:
            raise _Unusable("no event since the given time")
        return _whole(table, routes, rollout, _earlier_hash(options.previous))


def _read(paths: List[str], folder: str, jobs: int) -> List[spool.Shard]:
    total = sum(os.stat(path).st_size for path in paths if os.path.exists(path))
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("events", total=total)
        return spool.fill(paths, folder, jobs, lambda done: bar.advance(task, done))


def _whole(table: Table, routes: Dict[str, Any], rollout: rule.Rollout, earlier: Optional[str]) -> Dict[str, Any]:
    forbids = []
    share = table.dropped / (table.dropped + len(table))
    if share > _MOST_DROPPED:
        forbids.append(f"{share:.1%} of the events were dropped: more than 1 % forbids GO")
    sha256 = rollout.stop_rule.sha256
    if earlier is not None and earlier != sha256:
        forbids.append(f"the stop rule was changed half-way: it was {earlier[:12]}, it is {sha256[:12]}")
    verdict = max((route["verdict"] for route in routes.values()), key=judge.CODES.__getitem__)
    if forbids and verdict == "GO":
        verdict = "HOLD"
    return {
        "version": 1, "verdict": verdict, "exit_code": judge.CODES[verdict], "forbids_go": forbids,
        "stop_rule_sha256": sha256, "routes": routes,
        "evidence": {
            "events": len(table), "lines": table.lines, "dropped": table.dropped, "repeated_ids": table.repeated,
            "problems": [
                {"what": what, "count": count, "places": [str(place) for place in places]}
                for what, count, places in table.problems
            ],
        },
        "examples": [one._asdict() for one in table.examples[:100]],
    }  # fmt: skip


def _earlier_hash(path: Optional[str]) -> Optional[str]:
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return str(json.load(file)["stop_rule_sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _Unusable(f"{path}: not an earlier report: {type(error).__name__}") from None


def _problem_lines(table: Table) -> List[str]:
    return [f"\n  {count} x {what}: {', '.join(map(str, places))}" for what, count, places in table.problems]


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _Unusable(f"{path}: {error.strerror}") from None


def _say(report: Dict[str, Any]) -> None:
    print(f"{report['verdict']}  (stop rule {report['stop_rule_sha256'][:12]})")
    for text in report["forbids_go"]:
        print(f"  {text}")
    for name, route in report["routes"].items():
        print(f"{name}: {route['verdict']} ({route['compared']})")
        for reason in route["reasons"]:
            print(f"  {reason['verdict']:8} {reason['text']}")
    for problem in report["evidence"]["problems"]:
        print(f"  {problem['count']} x {problem['what']}: {', '.join(problem['places'])}")


if __name__ == "__main__":
    sys.exit(main())
