"""The report's numbers as people read them: one place for all outputs."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

Json = Dict[str, Any]

KINDS = {
    "canary": "both sides at the same time, by key (canary)",
    "on": "the sidecar now, the old path before: traffic may have changed",
    "shadow": "both on the same calls (shadow); callers waited for the old path alone",
    "old": "nothing; the old path alone",
}
MEANING = {
    "GO": "Go one step further.",
    "HOLD": "Stay as it is: not enough is known yet.",
    "NO-GO": "Do not widen it.",
    "ROLLBACK": "Switch it off: callers are harmed.",
}
MEANING_OF_A_BASELINE = {
    "GO": "A trial is worth it.",
    "HOLD": "Questions are open: answer them first.",
    "NO-GO": "A sidecar is the wrong tool here.",
    "ROLLBACK": "",
}


def meaning(report: Json) -> str:
    return (MEANING_OF_A_BASELINE if report["kind"] == "baseline" else MEANING)[report["verdict"]]


def summary(report: Json) -> str:
    return f"{meaning(report)} {facts(report)}"


def facts(report: Json) -> str:
    evidence = report["evidence"]
    return f"{evidence['events']:,} calls from {evidence['first'] or 'never'} to {evidence['last'] or 'never'}; stop rule {report['rule_hash'][:12]}."


def number(value: Optional[float], unit: str) -> str:
    if value is None:
        return "?"
    return _number(value, unit).replace("-", "\N{MINUS SIGN}")


def _number(value: float, unit: str) -> str:
    if unit == "":
        return f"{value:,.0f}"
    if unit == "%":
        return f"{value:.3g} %" if abs(value) < 10 else f"{value:.1f} %"
    if unit in ("ms", "s", "MiB"):
        return f"{digits(value)} {unit}"
    return f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:,.2f} {unit}"


def digits(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cell(one: Optional[Json], row: Json, signed: bool = False) -> str:
    if one is None:
        return "-"
    unit = row["unit"]
    value = number(one["value"], unit)
    if signed and one["value"] is not None and one["value"] > 0:
        value = "+" + value
    if one["low"] == one["high"]:
        return value
    return f"{value} ({bare(one['low'], unit)} to {bare(one['high'], unit)})"


def bare(value: Optional[float], unit: str) -> str:
    return "?" if value is None else number(value, unit).replace(f" {unit}", "") if unit else number(value, unit)


def table(route: Json) -> Tuple[List[str], List[List[str]]]:
    """Head and rows of the baseline table; a column in which nothing stands is left out."""
    head = ["", "old", "sidecar", "difference (95 %)"]
    rows = [[row["name"], cell(row["old"], row), cell(row["new"], row), cell(row["difference"], row, True)] for row in route["table"]]
    kept = [at for at in range(len(head)) if any(row[at] not in ("-", "0") for row in rows)]
    return [head[at] for at in kept], [[row[at] for at in kept] for row in rows]


def ledger(route: Json) -> List[List[str]]:
    return [
        [one["reason"], f"{one['count']:,}", f"{one['share']:.3%}", *(_known(one["added_ms"][q]) for q in ("p50", "p95")), number(one["added_total_s"], "s")]
        for one in route["fallbacks"]
    ]


def _known(ms: Optional[float]) -> str:
    return "-" if ms is None else number(ms, "ms")


def clusters(route: Json) -> List[List[str]]:
    out = []
    for one in route["mismatches"]["clusters"]:
        first = one["examples"][0] if one["examples"] else {"request_id": "", "trace_id": ""}
        out.append([one["pointer"] or "(the whole)", f"{one['count']:,}", f"{one['share']:.0%}", first["request_id"], first["trace_id"] or "-"])
    return out


def answer(question: Json) -> str:
    return {True: "yes", False: "no", None: "open"}[question["answer"]] + f" ({question['source']})"


def integrity(report: Json) -> List[str]:
    found = report["integrity"]
    unread = f", {found['unread']:,} lines of events that cannot be read" if found["unread"] else ""
    lines = [f"{found['dropped']:,} events lost by the clients{unread} ({found['lost_share']:.2%})"]
    if found["files_cut"]:
        lines.append(f"{found['files_cut']:,} files of which an unknown rest is missing")
    for one in found["books"]:
        if one["received"] is None:
            lines.append(f"{one['route']}: {one['asked']:,} calls asked the sidecar; no scrapes of /metrics to hold them against")
            continue
        agree = "the books agree" if one["agree"] else "THE BOOKS DO NOT AGREE"
        answered = one["received"] - one["refused"]
        lines.append(f"{one['route']}: {one['asked']:,} calls asked = {answered:,} answered + {one['refused']:,} refused + {one['never_sent']:,} never sent: {agree}")
    if found["daemon_restarted"]:
        lines.append("the daemon was started anew between the scrapes: what it had counted before is lost")
    if found["log"]:
        log = found["log"]
        lines.append(f"{log['requests']:,} requests in the daemon's log, {log['in_no_event']['count']:,} of them in no event" + _whose(log["in_no_event"]) + _first(log["in_no_event"]))
        if log["refused_but_not_logged"]["count"]:
            lines.append(f"{log['refused_but_not_logged']['count']:,} refused calls are not in the daemon's log" + _first(log["refused_but_not_logged"]))
    return lines


def _whose(missing: Json) -> str:
    if not missing["count"]:
        return ""
    return f" ({missing['lost']:,} of {missing['of']:,} by callers that write events; the others by callers that write none, or at another time)"


def _first(one: Json) -> str:
    return ": " + ", ".join(one["first"]) if one["first"] else ""


def evidence(report: Json) -> List[Tuple[str, str]]:
    found = report["evidence"]
    out = [
        ("window", f"{found['first']} to {found['last']}"),
        ("files", ", ".join(f"{one['path']} ({one['bytes']:,} bytes)" for one in found["files"])),
        ("events", f"{found['events']:,} of {found['lines']:,} lines; {found['outside_of_the_window']:,} outside of the window"),
        ("stop rule", f"{report['rules'] or 'built in'}, hash {report['rule_hash']}"),
        ("callers", ", ".join(found["callers"]) or "-"),
        ("hosts", ", ".join(found["hosts"]) or "-"),
        ("made on", f"{found['made_on']}, Linux {found['made_with']['kernel']}"),
        ("made with", f"Python {found['made_with']['python']}, numpy {found['made_with']['numpy']}, scipy {found['made_with']['scipy']}"),
    ]
    if found["daemon"]:
        daemon = found["daemon"]
        switches = [f"{route} {one['mode']}" + (f" {one['percent']:g} %" if one["percent"] is not None else "") for route, one in found["routes"].items()]
        out.append(("routes", ", ".join(switches)))
        out.append(("daemon", ", ".join(f"{name} {daemon[name]}" for name in ("version", "commit", "microhttpd", "jansson", "libyaml", "config_hash"))))
    return out
