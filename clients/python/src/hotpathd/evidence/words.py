"""The report's numbers as people read them: one place for all outputs."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

Json = Dict[str, Any]

KINDS = {
    "canary": "calls by the sidecar with calls by the old code over the same time, chosen by their keys (canary)",
    "on": "calls by the sidecar now with calls by the old code before (on); traffic may have changed meanwhile",
    "shadow": "both on the same calls (shadow); callers waited for the old code alone",
    "old": "nothing yet; these are the old code's calls",
}
MEANING = {
    "GO": "Go one step further: the harm that the rule names is ruled out.",
    "HOLD": "Stay at this step: the lines marked HOLD say what is missing.",
    "NO-GO": "Do not widen it: the lines marked NO-GO say why.",
    "ROLLBACK": "Switch it off now: callers are harmed.",
}
MEANING_OF_A_BASELINE = {
    "GO": "A trial is worth it.",
    "HOLD": "Questions are open: answer them first, in rollout.yaml or by data.",
    "NO-GO": "A sidecar is the wrong tool here.",
    "ROLLBACK": "",
}


def meaning(report: Json) -> str:
    return (MEANING_OF_A_BASELINE if report["kind"] == "baseline" else MEANING)[report["verdict"]]


def summary(report: Json) -> str:
    return f"{meaning(report)} {facts(report)}"


def facts(report: Json) -> str:
    evidence = report["evidence"]
    return f"{evidence['events']:,} calls from {evidence['first'] or 'never'} to {evidence['last'] or 'never'}; judged by {report['rules'] or 'the built-in rules'}, stop rule {report['rule_hash'][:12]}."


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


LEGEND = "(a to b): where the true value is, with 95 % confidence; ?: too few calls to set that limit"


def table(route: Json) -> Tuple[List[str], List[List[str]]]:
    """Head and rows of the baseline table; a column in which nothing stands is left out."""
    head = ["", "old", "sidecar", "difference"]
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
        out.append([one["pointer"] or "(the whole result)", f"{one['count']:,}", f"{one['share']:.0%}", first["request_id"], first["trace_id"] or "-"])
    return out


def answer(question: Json) -> str:
    return {True: "yes", False: "no", None: "open"}[question["answer"]] + f" ({question['source']})"


def integrity(report: Json) -> List[str]:
    found = report["integrity"]
    unread = f", {found['unread']:,} lines of events that cannot be read" if found["unread"] else ""
    lines = [f"events: {found['dropped']:,} lost by the clients{unread} ({found['lost_share']:.2%})"]
    if found["files_cut"]:
        lines.append(f"{found['files_cut']:,} files of which an unknown rest is missing")
    for one in found["books"] if report["kind"] != "baseline" else ():
        if one["received"] is None:
            lines.append(f"{one['route']}: {one['asked']:,} calls asked the sidecar; with --metrics BEFORE AFTER they are held against the daemon's own count")
            continue
        agree = "the books agree" if one["agree"] else "THE BOOKS DO NOT AGREE"
        answered = one["received"] - one["refused"]
        lines.append(f"{one['route']}: {one['asked']:,} calls asked the sidecar = {answered:,} answered + {one['refused']:,} refused + {one['never_sent']:,} never sent: {agree}")
    if found["daemon_restarted"]:
        lines.append("the daemon was started anew between the scrapes: what it had counted before is lost")
    if found["log"]:
        log = found["log"]
        lines.append(f"log: {log['requests']:,} requests, {log['in_no_event']['count']:,} of them in no client's event" + _whose(log["in_no_event"]) + _first(log["in_no_event"]))
        if log["refused_but_not_logged"]["count"]:
            lines.append(f"log: {log['refused_but_not_logged']['count']:,} calls that the daemon refused are not in it" + _first(log["refused_but_not_logged"]))
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
