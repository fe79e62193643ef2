"""All events as one table of columns, read from the store as they are asked for."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from .problems import MOST_PLACES, Place, Problems
from .rules import Unusable
from .spool import DTYPES, MOST_WORDS, WORDS, Cell, Example, Shard

Array = NDArray[Any]
_MEMBERS = {"cell": "route, mode, path, outcome and reason", "diff": "diff"}


class Table:
    def __init__(self, shards: List[Shard]) -> None:
        self._shards = [shard for shard in shards if shard.events]
        self.problems = Problems()
        self._first_lines: List[int] = []
        self._number(shards)
        self.lines = sum(shard.lines for shard in shards)
        self.senders = sorted({(caller or "", host) for shard in shards for caller, host in shard.senders})
        self.refused = [id for shard in shards for id in shard.refused]
        self.examples: List[Example] = [one for shard in shards for one in shard.examples]
        self._words: Dict[str, List[Any]] = {}
        self._maps: Dict[str, List[Array]] = {}
        for name in WORDS:
            self._unify(name)
        self._ends = np.cumsum([0, *(shard.events for shard in self._shards)])
        self.kept: Optional[Array] = None
        self._drop_doubles()
        self.dropped = Lost.together([self._lost(at, *_columns(shard.dropped), told=True) for at, shard in enumerate(self._shards)])
        undated = [_undated(shard.unread) for shard in shards if not shard.events]
        self.unread = Lost.together([*(self._lost(at, *_ones(shard.unread)) for at, shard in enumerate(self._shards)), *undated])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def column(self, name: str) -> Array:
        """Of all events, those that are there twice among them: `kept` tells."""
        out = np.zeros(len(self), DTYPES[name])
        for at, end in enumerate(self._ends[1:].tolist()):
            out[self._ends[at] : end] = self._piece(name, at)
        return out

    def at(self, name: str, index: Array) -> Array:
        """Of some events; `index` is in order."""
        out = np.zeros(len(index), DTYPES[name])
        cuts = np.searchsorted(index, self._ends)
        for at, (low, high) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist())):
            if high > low:
                out[low:high] = self._piece(name, at)[index[low:high] - self._ends[at]]
        return out

    def words(self, name: str) -> List[Any]:
        """What the numbers of a column of words stand for."""
        return self._words[name]

    @property
    def cells(self) -> List[Cell]:
        return [Cell(*word) for word in self._words["cell"]]

    def _piece(self, name: str, at: int) -> Array:
        shard = self._shards[at]
        offset = shard.offset
        for other, dtype in DTYPES.items():
            if other == name:
                break
            offset += np.dtype(dtype).itemsize * shard.events
        piece: Array = shard.store.read(DTYPES[name], shard.events, offset)
        return self._maps[name][at][piece] if name in self._maps else piece

    def _number(self, shards: List[Shard]) -> None:
        """Lines are counted from the beginning of their file."""
        path, before = "", 0
        for shard in shards:
            if shard.part.path != path:
                path, before = shard.part.path, 0
                if not shard.lines and not shard.part.bytes:
                    self.problems.add("an empty file", Place(path, 0))
            self.problems.take(shard.problems, before)
            if shard.events:
                self._first_lines.append(before)
            before += shard.lines

    def _unify(self, name: str) -> None:
        """One dictionary of all shards."""
        codes: Dict[Any, int] = {}
        self._maps[name] = [
            np.array([codes.setdefault(word, len(codes)) for word in shard.words[name]], np.uint32)
            for shard in self._shards
        ]
        self._words[name] = list(codes)
        if len(codes) > MOST_WORDS[name]:
            raise Unusable(f"{len(codes):,} different values of {_MEMBERS[name]}: no events of a service")

    def _drop_doubles(self) -> None:
        """An event that is given twice counts once; an id that is used twice is only noted."""
        ids = self.column("id")
        suspects = _repeated(ids)
        if not len(suspects):
            return
        stamps = self.at("ts", suspects)
        _, first, inverse = np.unique(np.stack((ids[suspects], stamps)), axis=1, return_index=True, return_inverse=True)
        doubles = np.setdiff1d(suspects, suspects[first])
        singles = np.sort(suspects[first])
        again = np.setdiff1d(singles, singles[np.unique(ids[singles], return_index=True)[1]])
        self._note("an event that is there twice", doubles)
        self._note("a request id that was used before", again)
        if len(doubles):
            self.kept = np.ones(len(ids), bool)
            self.kept[doubles] = False

    def _lost(self, at: int, lines: Array, counts: Array, told: bool = False) -> "Lost":
        """Each between the events before and behind it in its file. `told`: by events, which count once."""
        if not len(lines):
            return Lost(lines, lines, counts)
        stamps, next_one = self._piece("ts", at), np.searchsorted(self._piece("line", at), lines)
        behind = np.minimum(next_one, len(stamps) - 1)
        if told and self.kept is not None:
            counts = counts * self.kept[self._ends[at] + behind]
        return Lost(stamps[np.maximum(next_one - 1, 0)], stamps[behind], counts)

    def _note(self, what: str, found: Array) -> None:
        for at in found[:MOST_PLACES].tolist():
            self.problems.add(what, self.place(at))
        if len(found) > MOST_PLACES:
            self.problems.add(what, self.place(int(found[MOST_PLACES])), len(found) - MOST_PLACES)

    def place(self, at: int) -> Place:
        for shard, first in zip(self._shards, self._first_lines):
            if at < shard.events:
                index = self._shards.index(shard)
                return Place(shard.part.path, first + int(self._piece("line", index)[at]))
            at -= shard.events
        raise IndexError(at)


class Lost(NamedTuple):
    """Evidence that is not there: how much, between which moments."""

    begins: Array
    ends: Array
    counts: Array

    @staticmethod
    def together(some: List["Lost"]) -> "Lost":
        return Lost(*(np.concatenate([np.zeros(0, np.int64), *column]) for column in zip(*some))) if some else Lost(*[np.zeros(0, np.int64)] * 3)

    def within(self, since: int, until: int) -> int:
        """What may have been lost in that time."""
        return sum(self.counts[(self.ends >= since) & (self.begins < until)].tolist())


def _ones(lines: Sequence[int]) -> Tuple[Array, Array]:
    return np.array(lines, np.int64), np.ones(len(lines), np.int64)


def _undated(lines: Sequence[int]) -> Lost:
    """Nothing in their part says when."""
    _, counts = _ones(lines)
    return Lost(np.zeros_like(counts), np.full_like(counts, np.iinfo(np.int64).max), counts)


def _columns(pairs: List[Tuple[int, int]]) -> Tuple[Array, Array]:
    both = np.array(pairs, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _repeated(ids: Array) -> Array:
    """Indexes of ids that occur more than once, in order; a sixteenth of the memory of sorting all."""
    found = []
    for bucket in range(16):
        here = np.flatnonzero((ids & 15) == bucket)
        values = ids[here]
        order = np.argsort(values, kind="stable")
        equal = np.flatnonzero(np.diff(values[order]) == 0)
        found.append(here[order[np.union1d(equal, equal + 1)]])
    out: Array = np.sort(np.concatenate(found)) if found else np.zeros(0, np.int64)
    return out
