"""What is wrong with the input: counted, and the first few of each kind named by file and line."""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Tuple

MOST_PLACES = 5


class Place(NamedTuple):
    """`line` counts from 0 within a part, from the file's first after `moved`."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line + 1}"


class Problems:
    def __init__(self) -> None:
        self._counts: Dict[str, int] = {}
        self._places: Dict[str, List[Place]] = {}

    def add(self, what: str, place: Place, count: int = 1) -> None:
        self._counts[what] = self._counts.get(what, 0) + count
        places = self._places.setdefault(what, [])
        if len(places) < MOST_PLACES:
            places.append(place)

    def take(self, other: "Problems", lines_before: int) -> None:
        """Those of a part that begins `lines_before` lines into its file."""
        for what, count in other._counts.items():
            self._counts[what] = self._counts.get(what, 0) + count
            places = self._places.setdefault(what, [])
            moved = [Place(p.path, p.line + lines_before) for p in other._places[what]]
            places.extend(moved[: MOST_PLACES - len(places)])

    def count(self, *whats: str) -> int:
        return sum(self._counts.get(what, 0) for what in whats)

    def __iter__(self) -> Iterator[Tuple[str, int, List[Place]]]:
        for what in sorted(self._counts, key=lambda what: -self._counts[what]):
            yield what, self._counts[what], self._places[what]

    def __bool__(self) -> bool:
        return bool(self._counts)
