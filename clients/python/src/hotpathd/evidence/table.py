"""All events as one table of columns, read from the spool as they are asked for."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import numpy as np
from numpy.typing import NDArray

from .problems import MOST_PLACES, Place, Problems
from .spool import DTYPES, WORDS, Example, Shard

Array = NDArray[Any]
_TWICE = "an event that is there twice"


class Table:
    def __init__(self, shards: List[Shard]) -> None:
        self._shards = [shard for shard in shards if shard.events]
        self.problems = Problems()
        self._first_lines: List[int] = []
        self._number(shards)
        self.lines = sum(shard.lines for shard in shards)
        self.dropped = sum(shard.dropped for shard in shards)
        self.refused = [id for shard in shards for id in shard.refused]
        self.examples: List[Example] = [one for shard in shards for one in shard.examples]
        self._words: Dict[str, List[str]] = {}
        self._maps: Dict[str, List[Array]] = {}
        for name in WORDS:
            self._unify(name)
        self._keep: Optional[Array] = None
        self.repeated = 0
        self._drop_doubles()

    def __len__(self) -> int:
        total = sum(shard.events for shard in self._shards)
        return total if self._keep is None else int(self._keep.sum())

    def column(self, name: str) -> Array:
        whole = np.empty(sum(shard.events for shard in self._shards), DTYPES[name])
        start = 0
        for at, shard in enumerate(self._shards):
            whole[start : start + shard.events] = self._piece(name, at)
            start += shard.events
        return whole if self._keep is None else whole[self._keep]

    def words(self, name: str) -> List[str]:
        return self._words[name]

    def code(self, name: str, word: str) -> int:
        """The number of a word; one that no event has, where none has it."""
        return self._words[name].index(word) if word in self._words[name] else 65535

    def _piece(self, name: str, at: int) -> Array:
        shard = self._shards[at]
        offset = shard.offset
        for other, dtype in DTYPES.items():
            if other == name:
                break
            offset += np.dtype(dtype).itemsize * shard.events
        piece: Array = np.fromfile(shard.file, DTYPES[name], shard.events, offset=offset)
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
        codes: Dict[str, int] = {}
        self._maps[name] = [
            np.array([codes.setdefault(word, len(codes)) for word in shard.words[name]], np.uint16)
            for shard in self._shards
        ]
        self._words[name] = list(codes)

    def _drop_doubles(self) -> None:
        """An event that is given twice counts once; an id that is used twice is only noted."""
        ids = self.column("id")
        suspects = _repeated(ids)
        if not len(suspects):
            return
        stamps = self.column("ts")[suspects]
        _, first, inverse = np.unique(np.stack((ids[suspects], stamps)), axis=1, return_index=True, return_inverse=True)
        doubles = np.setdiff1d(suspects, suspects[first])
        self.repeated = len(suspects) - len(np.unique(ids[suspects])) - len(doubles)
        for at in doubles[:MOST_PLACES]:
            self.problems.add(_TWICE, self.place(int(at)))
        if len(doubles) > MOST_PLACES:
            self.problems.add(_TWICE, self.place(int(doubles[-1])), len(doubles) - MOST_PLACES)
        if len(doubles):
            self._keep = np.ones(len(ids), bool)
            self._keep[doubles] = False

    def place(self, at: int) -> Place:
        """Where the event is, before doubles were left out."""
        for shard, first in zip(self._shards, self._first_lines):
            if at < shard.events:
                index = self._shards.index(shard)
                return Place(shard.part.path, first + int(self._piece("line", index)[at]))
            at -= shard.events
        raise IndexError(at)


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
