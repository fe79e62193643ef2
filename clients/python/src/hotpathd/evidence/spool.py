"""Events as columns on disk: what ten million of them need is a few columns at a time.

Processes parse parts of the files (`reading.Part`); each writes its columns, one after the other, into a
file of a temporary folder. Words (route, reason, a pointer, ...) become numbers of a dictionary. The
tables read back the columns that they need, as float32 and small integers.
"""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import os
import signal
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Callable, DefaultDict, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import numpy as np
import orjson
from numpy.typing import NDArray

from . import fields, reading
from .mismatches import cluster_of
from .problems import Place, Problems

Array = NDArray[Any]

NUMBERS = (
    "sidecar_ms", "legacy_ms", "total_ms", "cpu_legacy", "cpu_client", "server_ms", "bytes_in",
)  # fmt: skip
WORDS = ("cell", "diff")


class Cell(NamedTuple):
    """What became of a call; ten million of them have some dozens of these."""

    route: str
    mode: str
    path: str
    outcome: str
    reason: str


DTYPES: Dict[str, Any] = {
    "ts": np.int64, "id": np.int64, "line": np.uint32, "match": np.int8,
    **{name: np.float32 for name in NUMBERS},
    **{name: np.uint16 for name in WORDS},
}  # fmt: skip
_MATCH = {None: -1, False: 0, True: 1}
TORN = "a torn last line"
MOST_WORDS = 60_000
BACKWARDS_US = 60 * 1_000_000  # events of one file are written within a second of each other
MOST_EXAMPLES = 5
MOST_SENDERS = 1000
_REFUSED = frozenset({"overloaded", "route_off", "draining", "http_5xx", "contract"})  # the daemon says so


class Example(NamedTuple):
    """A call to look up: no word of its document."""

    route: str
    pointer: str
    ts: str
    request_id: str
    trace_id: Optional[str]


@dataclass
class Shard:
    """What one process learnt of one part."""

    part: reading.Part
    file: str = ""
    offset: int = 0
    events: int = 0
    lines: int = 0
    dropped: int = 0
    problems: Problems = field(default_factory=Problems)
    words: Dict[str, List[Any]] = field(default_factory=dict)
    examples: List[Example] = field(default_factory=list)
    senders: Set[Tuple[Optional[str], str]] = field(default_factory=set)  # caller and host
    refused: List[str] = field(default_factory=list)


class _Codes:
    """Words to numbers, in the order of their first sight."""

    def __init__(self) -> None:
        self._codes: DefaultDict[Any, int] = defaultdict(itertools.count().__next__)

    def of(self, column: List[Any]) -> Array:
        codes = list(map(self._codes.__getitem__, column))
        if len(self._codes) > MOST_WORDS:
            raise TooMany()
        return np.array(codes, np.uint16)

    def words(self) -> List[Any]:
        return list(self._codes)


class TooMany(Exception):
    """More different words in a column than any honest file has."""


class _Parser:
    """Lines in, columns out; one for each part."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._codes = {name: _Codes() for name in WORDS}
        self._columns: Dict[str, List[Array]] = {name: [] for name in DTYPES}
        self._seen: DefaultDict[Tuple[str, str], int] = defaultdict(int)
        self._latest = 0

    def take(self, lines: List[bytes], torn: bool) -> None:
        first = self._shard.lines
        self._shard.lines += len(lines)
        try:
            columns = fields.columns_of(list(map(orjson.loads, lines)))
            numbers = np.arange(first, first + len(lines), dtype=np.uint32)
        except orjson.JSONDecodeError:
            columns = None
        if columns is None:
            events, kept = self._sift(lines, first, torn)
            columns, numbers = fields.columns_of(events), np.array(kept, np.uint32)
            assert columns is not None
        if len(numbers):
            self._add(columns, numbers)

    def _sift(self, lines: List[bytes], first: int, torn: bool) -> Tuple[List[Any], List[int]]:
        """One by one: what is an event, and what is counted as a problem."""
        events, kept = [], []
        for number, line in enumerate(lines, first):
            event, problem = self._judge(line)
            if problem:
                last = torn and number == first + len(lines) - 1
                self._problem(TORN if last else problem, number)
            elif event is not None:
                events.append(event)
                kept.append(number)
        return events, kept

    def _judge(self, line: bytes) -> Tuple[Any, str]:
        if line == reading.TOO_LONG or not line.strip():
            return None, "an empty or overlong line"
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            return None, "not JSON"
        return event, fields.problem_of(event)

    def _problem(self, what: str, number: int) -> None:
        self._shard.problems.add(what, Place(self._shard.part.path, number))

    def _add(self, columns: fields.Columns, lines: Array) -> None:
        shard, lists, numbers = self._shard, columns.lists, columns.numbers
        shard.events += len(lines)
        shard.dropped += columns.dropped
        self._put("ts", columns.stamps)
        self._put("line", lines)
        self._put("id", list(map(hash, zip(lists["request_id"], lists["route"]))))
        self._put("match", list(map(_MATCH.__getitem__, lists["match"])))
        for name in ("sidecar_ms", "legacy_ms", "total_ms", "bytes_in", "cpu_legacy", "cpu_client"):
            self._put(name, numbers[name])
        self._put("server_ms", _work(numbers))
        self._words("cell", list(zip(*map(lists.__getitem__, Cell._fields))))
        self._words("diff", [diff and cluster_of(diff) for diff in lists["diff"]] if any(lists["diff"]) else [None] * len(lines))
        self._jumps(columns.stamps, lines)
        if len(shard.senders) < MOST_SENDERS:
            shard.senders.update(zip(lists["caller"], lists["host"]))
        self._look(lists)

    def _put(self, name: str, values: Any) -> None:
        self._columns[name].append(np.asarray(values, DTYPES[name]))

    def _words(self, name: str, words: List[Any]) -> None:
        self._columns[name].append(self._codes[name].of(words))

    def _jumps(self, stamps: Array, lines: Array) -> None:
        before = np.concatenate(([self._latest or stamps[0]], stamps[:-1]))
        self._latest = int(stamps[-1])
        for at in np.flatnonzero(stamps < before - BACKWARDS_US):
            self._problem("a clock that goes back", int(lines[at]))

    def _look(self, columns: Dict[str, List[Any]]) -> None:
        """Examples of mismatches, and the ids that the daemon's log must have."""
        shard = self._shard
        if False in columns["match"]:
            for at, match in enumerate(columns["match"]):
                if match is False:
                    self._example(columns, at)
        if not _REFUSED.isdisjoint(columns["reason"]):
            for at, reason in enumerate(columns["reason"]):
                if reason in _REFUSED and len(shard.refused) < 1000:
                    shard.refused.append(columns["request_id"][at])

    def _example(self, columns: Dict[str, List[Any]], at: int) -> None:
        route, pointer = columns["route"][at], cluster_of(columns["diff"][at] or "")
        if self._seen[route, pointer] < MOST_EXAMPLES and len(self._seen) < 1000:
            self._seen[route, pointer] += 1
            self._shard.examples.append(
                Example(route, pointer, columns["ts"][at], columns["request_id"][at], columns["trace_id"][at])
            )

    def write(self, file: str) -> None:
        shard = self._shard
        with open(file, "ab") as spool:
            shard.file, shard.offset = file, spool.tell()
            for name, dtype in DTYPES.items():
                pieces = self._columns[name]
                (np.concatenate(pieces) if pieces else np.zeros(0, dtype)).tofile(spool)
        shard.words = {name: codes.words() for name, codes in self._codes.items()}


def _work(numbers: Dict[str, Array]) -> Array:
    """What the daemon worked on it, without the wait in its queue; NaN where it says nothing."""
    stages = [numbers[stage] for stage in fields.STAGES if stage != "queue"]
    work: Array = np.where(np.isnan(stages).all(axis=0), np.nan, np.nansum(stages, axis=0))
    return work


def _parse(job: Tuple[reading.Part, str]) -> Shard:
    part, folder = job
    shard = Shard(part)
    parser = _Parser(shard)
    gc.disable()  # millions of objects come and go, none of them in a circle
    try:
        for lines, torn in reading.batches(part):
            parser.take(lines, torn)
    except reading.Damaged:
        shard.problems.add("an archive that is damaged from here on", Place(part.path, shard.lines))
    except TooMany:
        shard.problems.add("too many different words; the rest of the part is left out", Place(part.path, shard.lines))
    finally:
        gc.enable()
    parser.write(os.path.join(folder, f"{os.getpid()}.columns"))
    return shard


def fill(paths: List[str], folder: str, jobs: int, progress: Callable[[int], None]) -> "List[Shard]":
    """All parts, parsed and written to `folder`. `progress` hears of bytes."""
    parts = reading.parts_of(paths)
    work = [(part, folder) for part in parts]
    if jobs <= 1 or len(parts) == 1:
        return list(_heard(map(_parse, work), progress))
    with _readers(min(jobs, len(parts))) as pool:
        return list(_heard(pool.imap(_parse, work), progress))


def _readers(count: int) -> Any:
    """By fork: hashes of ids are the same in every process. They are born with the default SIGTERM, which ends them: a handler
    of the parent's would only take note of it, and one that is told to end before its first wait would wait for ever."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        return multiprocessing.get_context("fork").Pool(count)
    finally:
        signal.signal(signal.SIGTERM, before)


def _heard(shards: Iterator[Shard], progress: Callable[[int], None]) -> Iterator[Shard]:
    for shard in shards:
        progress(shard.part.bytes)
        yield shard
