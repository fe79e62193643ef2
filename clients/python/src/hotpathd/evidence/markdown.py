"""The report as Markdown: verdict, reasons, table, ledger, mismatches, integrity, evidence."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

from . import words

Json = Dict[str, Any]


def render(report: Json) -> str:
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Json) -> Iterator[str]:
    yield f"# {report['verdict']}: hotpathd {report['kind']}"
    yield ""
    yield words.summary(report)
    for name, route in report["routes"].items():
        yield from _route(name, route)
    yield from ["", "## Integrity", ""]
    yield from (f"- {_safe(line)}" for line in words.integrity(report))
    if report["problems"]:
        yield from ["", "## Input", ""]
        yield from _table(["what", "count", "first at"], [[p["what"], f"{p['count']:,}", ", ".join(p["places"])] for p in report["problems"]])
    yield from ["", "## Evidence", ""]
    yield from (f"- {name}: {_safe(value)}" for name, value in words.evidence(report))


def _route(name: str, route: Json) -> Iterator[str]:
    yield from ["", f"## {_safe(name)}: {route['verdict']}", ""]
    yield from (f"- **{verdict}** {_safe(text)}" for verdict, text in zip(route["speaks_for"], route["reasons"]))
    yield from ["", f"Compared: {words.KINDS[route['comparison']]}.", ""]
    yield from _table(*words.table(route))
    yield from ["", f"{words.LEGEND}."]
    if route["fallbacks"]:
        yield from ["", "Fallbacks:", ""]
        yield from _table(["why", "count", "share", "waited for nothing, p50", "p95", "in all"], words.ledger(route))
    if route["mismatches"]["clusters"]:
        yield from ["", "Mismatches, by where results first differ:", ""]
        yield from _table(["pointer", "count", "share", "request id", "trace id"], words.clusters(route))
    if route.get("break_even"):
        yield from ["", f"Break-even: {route['break_even']['says']}"]
    yield from ["", "Is it worth it?", ""]
    yield from _table(["question", "answer", "why"], [[q["text"], words.answer(q), q["why"]] for q in route["worth"]])


def _table(head: List[str], rows: List[List[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(_safe(cell) for cell in row) + " |"


def _safe(text: Optional[str]) -> str:
    """What a file can hold must not end the table, or be markup."""
    clean = "".join(ch if ch.isprintable() else "?" for ch in text or "")
    return clean.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
