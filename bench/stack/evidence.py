"""What happened, from three sides: the callers' events, the daemon's log and counters, and what users saw. And whether they agree."""
import collections
import json
import re

from quantiles import quantile

ROUTES = ("chunk", "score")


class Tail:
    """The lines of JSON files that match a pattern, as they grow. A last line without its end waits for the rest."""

    def __init__(self, folder, pattern):
        self._folder, self._pattern, self._read = folder, pattern, {}
        self.lines = []

    def more(self):
        """The lines that have come since the last look."""
        new = []
        for path in sorted(self._folder.glob(self._pattern)):
            with open(path, "rb") as file:
                file.seek(self._read.get(path, 0))
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(whole)
            new += [json.loads(line) for line in whole.splitlines()]
        self.lines += new
        return new


def _new_cpu_ms(event):
    """The client's thread, and the daemon's stages but for waiting."""
    if event["cpu_ms"]["client"] is None or not event["server"]:
        return None
    return event["cpu_ms"]["client"] + sum(ms for stage, ms in event["server"].items() if stage != "queue")


def row(calls):
    """What a phase's calls of one route come to, in words; what is not there is empty."""
    asked = [event for event in calls if event["sidecar_ms"] is not None]
    fell = collections.Counter(event["reason"] for event in calls if event["outcome"] == "fallback")
    matched = [event["match"] for event in calls if event["match"] is not None]

    def middle(values):
        return f"{quantile(values, 0.5):.1f} / {quantile(values, 0.95):.1f}" if values else ""

    def mean(values):
        values = [value for value in values if value is not None]
        return f"{sum(values) / len(values):.2f}" if values else ""

    return {
        "calls": str(len(calls)), "asked": str(len(asked)),
        "fell back": ", ".join(f"{count} {reason}" for reason, count in sorted(fell.items())),
        "old p50 / p95 ms": middle([event["legacy_ms"] for event in calls if event["legacy_ms"] is not None]),
        "sidecar p50 / p95 ms": middle([event["sidecar_ms"] for event in asked if event["outcome"] == "ok"]),
        "CPU ms a call, old": mean([event["cpu_ms"]["legacy"] for event in calls]),
        "CPU ms a call, new": mean([_new_cpu_ms(event) for event in asked if event["path"] == "sidecar"]),
        "as good": f"{sum(matched)} of {len(matched)}" if matched else "",
    }


def received(text):
    """{route: requests that have ended} of a scrape of /metrics."""
    counts = collections.Counter()
    for route, value in re.findall(r'(?m)^hotpathd_requests_total\{[^}]*route="(\w+)"[^}]*\} (\d+)', text):
        counts[route] += int(value)
    return counts


def of_log(path, lifetime):
    """The requests of one life of the daemon: {request id: (route, code, caller, lifetime)}; and how many lines were theirs."""
    seen, lines = {}, collections.Counter()
    with open(path, "rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                continue  # torn by kill -9
            entry = json.loads(line)
            if entry.get("route") in ROUTES and "request_id" in entry:
                seen[entry["request_id"]] = (entry["route"], entry["code"], entry.get("caller"), lifetime)
                lines[entry["route"]] += 1
    return seen, lines


# What the daemon said where it answered. A call that ended by one of the other reasons may have reached it or not.
ANSWERED = {"", "overloaded", "route_off", "draining", "contract", "http_4xx", "http_5xx", "bad_compare"}


def reconcile(events, lives, cut_short):
    """Callers' calls = daemon's received + refused + never sent, request by request.

    `lives`: [(log, metrics at the end or None)]; `cut_short`: the numbers of those that ended while they were scraped for
    the last time, by kill -9 or replaced under load: their counters are a lower bound. Returns ({route: counts}, [what does not add up]).
    """
    counts = {route: collections.Counter() for route in ROUTES}
    wrong, log = [], {}
    for number, (path, metrics) in enumerate(lives, 1):
        seen, lines = of_log(path, number)
        log.update(seen)
        for route in ROUTES:
            if number in cut_short:
                if metrics and lines[route] < received(metrics)[route]:
                    wrong.append(f"daemon {number}, {route}: counted {received(metrics)[route]} before it ended, logged {lines[route]}")
            elif received(metrics)[route] != lines[route]:
                wrong.append(f"daemon {number}, {route}: counted {received(metrics)[route]} requests, logged {lines[route]}")
    known = set()
    for event in events:
        if event["sidecar_ms"] is None or event["reason"] == "cancelled" and event["request_id"] not in log:
            continue
        count = counts[event["route"]]
        count["asked"] += 1
        known.add(event["request_id"])
        entry = log.get(event["request_id"])
        if entry:
            count["received" if entry[1] == "ok" else "refused"] += 1
            if event["outcome"] == "ok" and entry[1] != "ok":
                wrong.append(f"{event['request_id']}: ok for its caller, {entry[1]} in the daemon's log")
        elif event["reason"] in ANSWERED:
            count["unknown"] += 1
        else:
            count["never_sent"] += 1
        count["fell_back"] += event["outcome"] == "fallback"
    strangers = [identity for identity, entry in log.items() if identity not in known and not (entry[2] or "").startswith("batch")]
    for route, count in counts.items():
        if count["unknown"]:
            wrong.append(f"{route}: {count['unknown']} calls were answered, and the daemon's log does not know them")
        if count["asked"] != count["received"] + count["refused"] + count["never_sent"] + count["unknown"]:
            wrong.append(f"{route}: {dict(count)} does not add up")
    if strangers:
        wrong.append(f"{len(strangers)} requests in the daemon's log that no caller tells of, as {strangers[:3]}")
    lost = sum(event.get("dropped", 0) for event in events)
    if lost:
        wrong.append(f"{lost} events were dropped")
    return counts, wrong
