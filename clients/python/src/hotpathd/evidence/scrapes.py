"""The daemon's side: its /metrics before and after, and its request log."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Tuple

import orjson

from .fields import stamps_of
from .rules import Unusable

_SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\})? +([^ ]+)(?: +[^ ]+)?(?: # .*)?$')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",? *')
Labels = FrozenSet[Tuple[str, str]]


@dataclass
class Scrape:
    path: str
    samples: Dict[Tuple[str, Labels], float] = field(default_factory=dict)
    foreign: int = 0

    def each(self, name: str) -> Iterator[Tuple[Dict[str, str], float]]:
        for (found, labels), value in self.samples.items():
            if found == name:
                yield dict(labels), value

    def one(self, name: str) -> Optional[float]:
        return self.samples.get((name, frozenset()))

    def text(self, name: str, label: str) -> str:
        return next((labels[label] for labels, _ in self.each(name) if label in labels), "")


def read(path: str) -> Scrape:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    scrape = Scrape(path)
    for line in text.splitlines():
        take(scrape, line)
    if not scrape.samples:
        raise Unusable(f"{path}: no metrics in it")
    return scrape


def take(scrape: Scrape, line: str) -> None:
    if not line or line.startswith("#"):
        return
    found = _SAMPLE.fullmatch(line)
    try:
        if not found:
            raise ValueError
        labels = frozenset((name, value) for name, value in _LABEL.findall(found[2] or ""))
        value = float(found[3])
        if not math.isfinite(value):
            raise ValueError
        scrape.samples[found[1], labels] = value
    except ValueError:
        scrape.foreign += 1


@dataclass
class Daemon:
    """What it counted between two scrapes. `restarted`: a counter went back, so it counted from zero."""

    before: Scrape
    after: Scrape
    restarted: bool = False

    def __post_init__(self) -> None:
        started = self.before.one("process_start_time_seconds"), self.after.one("process_start_time_seconds")
        self.restarted = None not in started and started[0] != started[1]

    def grown(self, name: str, **wanted: str) -> float:
        """The sum over all label sets that have these."""
        total = 0.0
        for (found, labels), value in self.after.samples.items():
            if found == name and all((key, word) in labels for key, word in wanted.items()):
                total += value - (0.0 if self.restarted else self.before.samples.get((found, labels), 0.0))
        return total

    def by(self, name: str, label: str, **wanted: str) -> Dict[str, float]:
        words = {labels[label] for labels, _ in self.after.each(name) if label in labels}
        return {word: grown for word in sorted(words) if (grown := self.grown(name, **{label: word}, **wanted))}

    @property
    def beside(self) -> Optional[float]:
        """CPU seconds that no request's work took: its loop, its admin pages, and being there at all."""
        if self.after.one("process_cpu_seconds_total") is None:
            return None
        return max(self.grown("process_cpu_seconds_total") - self.grown("hotpathd_request_cpu_seconds_total"), 0.0)

    @property
    def residents(self) -> Optional[Tuple[float, float]]:
        """Resident memory before and after."""
        before, after = (scrape.one("process_resident_memory_bytes") for scrape in (self.before, self.after))
        return None if before is None or after is None else (before, after)

    @property
    def memory(self) -> Optional[float]:
        return max(self.residents) if self.residents else self.after.one("process_resident_memory_bytes")


class Request(NamedTuple):
    """A line of the log."""

    id: str
    route: str
    status: int
    code: str
    caller: str
    at: int  # microseconds, as an event's; 0 where it does not say


@dataclass
class Log:
    """Lines of requests: every failure, a sample of the successes."""

    lines: int = 0
    foreign: int = 0
    requests: List[Request] = field(default_factory=list)
    hashes: Dict[str, int] = field(default_factory=dict)


MOST_REQUESTS = 1_000_000


def read_logs(paths: List[str]) -> Log:
    log = Log()
    for path in paths:
        try:
            with open(path, "rb") as file:
                for line in file:
                    _take(log, line)
        except OSError as error:
            raise Unusable(f"{path}: {error.strerror}") from None
    return log


def _take(log: Log, line: bytes) -> None:
    if not line.strip():
        return
    log.lines += 1
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        log.foreign += 1
        return
    digest = fields.get("config_hash")
    if isinstance(digest, str) and len(log.hashes) < 100:
        log.hashes[digest] = log.hashes.get(digest, 0) + 1
    id, status = fields.get("request_id"), fields.get("status")
    if isinstance(id, str) and isinstance(status, int) and len(log.requests) < MOST_REQUESTS:
        route, code, caller = (str(fields.get(name) or "") for name in ("route", "code", "caller"))
        stamps = stamps_of([str(fields.get("ts", ""))])
        log.requests.append(Request(id, route, status, code, caller, 0 if stamps is None else int(stamps[0])))
