"""Events as columns on disk: what ten million of them need is a few columns at a time.

Processes parse parts of the files (`reading.Part`); each writes its columns, one after the other, into the
store. Words (route, reason, a pointer, ...) become numbers of a dictionary. The
tables read back the columns that they need, as float32 and small integers.
"""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import signal
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Callable, DefaultDict, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np
import orjson
from numpy.typing import NDArray

from . import fields, ids, reading, scan
from .mismatches import cluster_of
from .problems import Place, Problems
from .store import Store

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
DAMAGED, CROWDED = "an archive that is damaged from here on", "too many different words; the rest of the part is left out"
CUT = (DAMAGED, CROWDED)
# no evidence is lost by these lines; every other problem is one that was to be an event and tells nothing
HARMLESS = frozenset({"not JSON", "not an event", "an empty or overlong line", TORN, "a clock that goes back"})
MOST_WORDS = {"cell": 1000, "diff": 60_000}
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
    store: Store = Store(-1)
    offset: int = 0
    events: int = 0
    lines: int = 0
    dropped: List[Tuple[int, int]] = field(default_factory=list)  # line, and events that it says the client lost before it
    unread: "array[int]" = field(default_factory=lambda: array("Q"))  # lines that were to be events
    problems: Problems = field(default_factory=Problems)
    words: Dict[str, List[Any]] = field(default_factory=dict)
    examples: List[Example] = field(default_factory=list)
    senders: Set[Tuple[Optional[str], str]] = field(default_factory=set)  # caller and host
    refused: List[str] = field(default_factory=list)


class _Codes:
    """Words to numbers, in the order of their first sight."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._codes: DefaultDict[Any, int] = defaultdict(itertools.count().__next__)

    def of(self, column: List[Any]) -> Array:
        codes = list(map(self._codes.__getitem__, column))
        if len(self._codes) > self._most:
            raise TooMany()
        return np.array(codes, np.uint16)

    def words(self) -> List[Any]:
        return list(self._codes)[: self._most]


class TooMany(Exception):
    """More different words in a column than any honest file has."""


Scan = Callable[[scan.Block, FrozenSet[str]], List[scan.Scanned]]
Columns = Dict[str, Array]


class _Parser:
    """Blocks in, columns out; one for each part."""

    def __init__(self, shard: Shard, fast: Scan) -> None:
        self._shard = shard
        self._fast = fast
        self._codes = {name: _Codes(MOST_WORDS[name]) for name in WORDS}
        self._columns: Dict[str, List[Array]] = {name: [] for name in DTYPES}
        self._seen: DefaultDict[Tuple[str, str], int] = defaultdict(int)
        self._latest = 0

    def take(self, data: bytes) -> None:
        block = scan.Block(data)
        first = self._shard.lines
        self._shard.lines += len(block.ends)
        found = [self._scanned(one, first) for one in self._fast(block, _REFUSED)]
        left = np.ones(len(block.ends), bool)
        for columns in found:
            left[columns["line"].astype(np.int64) - first] = False
        rest = np.flatnonzero(left)
        if len(rest):
            found.append(self._plain([block.line(at) for at in rest.tolist()], rest + first, torn=not data.endswith(b"\n")))
        self._add(_in_order(found))

    def _scanned(self, found: scan.Scanned, first: int) -> Columns:
        cells = self._codes["cell"].of(found.cells)
        self._send(found.senders)
        return self._packed(found.numbers, {
            "ts": found.stamps, "line": found.lines + first, "id": found.ids, "match": found.match,
            "cell": cells[found.cell_codes] if len(cells) else cells, "diff": np.repeat(self._codes["diff"].of([None]), len(found.lines)),
        })  # fmt: skip

    def _plain(self, lines: List[bytes], numbers: Array, torn: bool) -> Columns:
        """Line by line, each an object: what every event must be, and the reference for what is faster."""
        try:
            columns = fields.columns_of(list(map(orjson.loads, lines)))
        except orjson.JSONDecodeError:
            columns = None
        if columns is None:
            events, numbers = self._sift(lines, numbers, torn)
            columns = fields.columns_of(events)
            assert columns is not None
        lists = columns.lists
        self._shard.dropped += [(int(numbers[at]), count) for at, count in columns.dropped]
        self._send(list(zip(lists["caller"], lists["host"])))
        self._look(lists)
        return self._packed(columns.numbers, {
            "ts": columns.stamps, "line": numbers, "id": ids.of(lists["request_id"], lists["route"]),
            "match": list(map(_MATCH.__getitem__, lists["match"])),
            "cell": self._codes["cell"].of(list(zip(*map(lists.__getitem__, Cell._fields)))),
            "diff": self._codes["diff"].of([diff and cluster_of(diff) for diff in lists["diff"]]),
        })  # fmt: skip

    def _packed(self, numbers: Dict[str, Array], others: Dict[str, Any]) -> Columns:
        columns = {**numbers, **others, "server_ms": _work(numbers)}
        return {name: np.asarray(columns[name], dtype) for name, dtype in DTYPES.items()}

    def _sift(self, lines: List[bytes], numbers: Array, torn: bool) -> Tuple[List[Any], Array]:
        """One by one: what is an event, and what is counted as a problem."""
        events, kept = [], []
        for number, line in zip(numbers.tolist(), lines):
            event, problem = self._judge(line)
            if problem:
                last = torn and number == self._shard.lines - 1
                self._problem(TORN if last else problem, number)
            else:
                events.append(event)
                kept.append(number)
        return events, np.array(kept, np.int64)

    def _judge(self, line: bytes) -> Tuple[Any, str]:
        if line == reading.TOO_LONG or not line.strip():
            return None, "an empty or overlong line"
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            return None, "a damaged line" if line.startswith(b"{") or line.endswith(b"}") else "not JSON"
        return event, fields.problem_of(event)

    def _problem(self, what: str, number: int) -> None:
        self._shard.problems.add(what, Place(self._shard.part.path, number))
        if what not in HARMLESS:
            self._shard.unread.append(number)

    def _add(self, columns: Columns) -> None:
        if not len(columns["line"]):
            return
        self._shard.events += len(columns["line"])
        self._jumps(columns["ts"], columns["line"])
        for name, values in columns.items():
            self._columns[name].append(values)

    def _send(self, senders: Sequence[Tuple[Optional[str], str]]) -> None:
        if len(self._shard.senders) < MOST_SENDERS:
            self._shard.senders.update(senders)

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

    def write(self, store: Store) -> None:
        shard = self._shard
        shard.store = store
        shard.offset = store.append([np.concatenate([np.zeros(0, dtype), *self._columns[name]]) for name, dtype in DTYPES.items()])
        shard.words = {name: codes.words() for name, codes in self._codes.items()}


def _work(numbers: Dict[str, Array]) -> Array:
    """What the daemon worked on it, without the wait in its queue; NaN where it says nothing."""
    stages = [numbers[stage] for stage in fields.STAGES if stage != "queue"]
    work: Array = np.where(np.isnan(stages).all(axis=0), np.nan, np.nansum(stages, axis=0))
    return work


def _in_order(found: List[Columns]) -> Columns:
    """By line."""
    if len(found) == 1:
        return found[0]
    together = {name: np.concatenate([columns[name] for columns in found]) for name in DTYPES} if found else {name: np.zeros(0, dtype) for name, dtype in DTYPES.items()}
    order = np.argsort(together["line"], kind="stable")
    return {name: values[order] for name, values in together.items()}


def parse(job: Tuple[reading.Part, Store], fast: Scan = scan.scan) -> Shard:
    part, store = job
    shard = Shard(part)
    parser = _Parser(shard, fast)
    gc.disable()  # millions of objects come and go, none of them in a circle
    try:
        for block in reading.blocks(part):
            parser.take(block)
    except reading.Damaged:
        shard.problems.add(DAMAGED, Place(part.path, shard.lines))
    except TooMany:
        shard.problems.add(CROWDED, Place(part.path, shard.lines))
    finally:
        gc.enable()
    parser.write(store)
    return shard


def fill(paths: List[str], store: Store, jobs: int, progress: Callable[[int], None]) -> "List[Shard]":
    """All parts, parsed and stored. `progress` hears of bytes."""
    parts = reading.parts_of(paths)
    work = [(part, store) for part in parts]
    if jobs <= 1 or len(parts) == 1:
        return list(_heard(map(parse, work), progress))
    with _readers(min(jobs, len(parts))) as pool:
        return list(_heard(pool.imap(parse, work), progress))


def _readers(count: int) -> Any:
    """By fork: ids are the same numbers in every process, and so is the store's. They are born with the default SIGTERM, which ends them: a handler
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
