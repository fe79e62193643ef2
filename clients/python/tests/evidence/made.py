"""Events that a test makes up, as the clients write them."""

from __future__ import annotations

import itertools
import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional

Event = Dict[str, Any]
BEGIN = datetime(2026, 3, 1, tzinfo=timezone.utc)
_numbers = itertools.count()


def event(**given: Any) -> Event:
    """A call of the old path, but for what is given."""
    number = next(_numbers)
    fields: Event = {
        "v": 1, "ts": stamp(number), "route": "chunk", "mode": "off", "key_hash": None, "bucket": None, "path": "legacy", "outcome": "legacy",
        "reason": "off", "sidecar_ms": None, "legacy_ms": 10.0, "total_ms": 10.0, "cpu_ms": {"legacy": 9.5, "client": 0.01}, "server": None,
        "match": None, "diff": None, "bytes_in": None, "request_id": f"{number:032x}", "trace_id": None, "caller": "test/1", "pid": 1, "host": "h",
    }  # fmt: skip
    return {**fields, **given}


def stamp(number: float) -> str:
    return (BEGIN + timedelta(milliseconds=number)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def asked(ms: float = 2.0, **given: Any) -> Event:
    """The sidecar's result, in a canary."""
    fields: Event = {
        "mode": "canary", "path": "sidecar", "outcome": "ok", "reason": "", "sidecar_ms": ms, "legacy_ms": None, "total_ms": ms,
        "cpu_ms": {"legacy": None, "client": 0.2}, "server": {"queue": 0.1, "parse": 0.1, "compute": 1.0, "write": 0.1}, "bytes_in": 2048,
    }  # fmt: skip
    return event(**{**fields, **given})


def kept(ms: float = 10.0, **given: Any) -> Event:
    """The old path's side of a canary."""
    return event(**{"mode": "canary", "reason": "canary", "legacy_ms": ms, "total_ms": ms, **given})


def failed(reason: str, wasted: float = 250.0, old: float = 10.0, **given: Any) -> Event:
    return asked(**{"path": "legacy", "outcome": "fallback", "reason": reason, "sidecar_ms": wasted, "legacy_ms": old, "total_ms": wasted + old, "server": None,
                    "cpu_ms": {"legacy": old, "client": 0.2}, **given})  # fmt: skip


def shadowed(old: float = 10.0, new: float = 2.0, match: Optional[bool] = True, **given: Any) -> Event:
    fields: Event = {
        "mode": "shadow", "path": "both", "sidecar_ms": new, "legacy_ms": old, "total_ms": old, "match": match,
        "diff": None if match is not False else "/chunks/0/end", "cpu_ms": {"legacy": old * 0.95, "client": 0.1},
    }  # fmt: skip
    return asked(**{**fields, **given})


def heavy(seed: int, middle: float) -> Iterator[float]:
    """Latencies with a heavy tail, in milliseconds."""
    chance = random.Random(seed)
    while True:
        yield round(middle * chance.lognormvariate(0, 0.5), 3)


def canary(old: int, new: int, slower: float = 0.2, seed: int = 1) -> List[Event]:
    """`slower`: the new side's latency beside the old one's."""
    left, right = heavy(seed, 10.0), heavy(seed + 1, 10.0 * slower)
    events = [kept(next(left)) for _ in range(old)] + [asked(next(right)) for _ in range(new)]
    random.Random(seed).shuffle(events)
    for number, one in enumerate(events):
        one["ts"] = stamp(number * 10)
    return events


def text(events: Iterable[Event]) -> str:
    return "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in events)


def write(path: Path, events: Iterable[Event]) -> Path:
    path.write_text(text(events))
    return path
