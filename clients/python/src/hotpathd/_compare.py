"""Whether two results are the same, and if not, where they first differ.

Both are looked at as the JSON that they would be: tuples are arrays, dataclasses are objects, 1 and
1.0 are one number, the order of an object's members means nothing. The place is an RFC 6901
pointer; members are visited in the order of their names, so that one cause gives one place.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Callable, Iterable, Optional, Tuple, Union

Verdict = Union[bool, str, None]
Comparing = Callable[[Any, Any], Verdict]


class Compare:
    """A comparison with exceptions, for `compare=`.

    ignore     pointers of what may differ, with all below it; * stands for any member or index
    tolerance  numbers a and b are the same when abs(a - b) <= tolerance * max(1, abs(a), abs(b))
    """

    def __init__(self, *, ignore: Iterable[str] = (), tolerance: float = 0.0) -> None:
        self._ignore = tuple(_tokens(pointer) for pointer in ignore)
        self._tolerance = tolerance

    def __call__(self, old: Any, new: Any) -> Optional[str]:
        """None where they are the same, else the pointer of the first difference."""
        return self._differ(_plain(old), _plain(new), ())

    def _differ(self, old: Any, new: Any, at: Tuple[str, ...]) -> Optional[str]:
        if self._ignore and self._ignored(at):
            return None
        if isinstance(old, dict) and isinstance(new, dict):
            return self._differ_in_members(old, new, at)
        if isinstance(old, list) and isinstance(new, list):
            return self._differ_in_items(old, new, at)
        return None if self._same(old, new) else _pointer(at)

    def _differ_in_members(self, old: Any, new: Any, at: Tuple[str, ...]) -> Optional[str]:
        for name in sorted(old.keys() | new.keys()):
            below = at + (name,)
            if name in old and name in new:
                place = self._differ(_plain(old[name]), _plain(new[name]), below)
            else:
                place = None if self._ignored(below) else _pointer(below)
            if place is not None:
                return place
        return None

    def _differ_in_items(self, old: Any, new: Any, at: Tuple[str, ...]) -> Optional[str]:
        for index, (one, other) in enumerate(zip(old, new)):
            place = self._differ(_plain(one), _plain(other), at + (str(index),))
            if place is not None:
                return place
        for index in range(min(len(old), len(new)), max(len(old), len(new))):
            below = at + (str(index),)
            if not self._ignored(below):
                return _pointer(below)
        return None

    def _same(self, old: Any, new: Any) -> bool:
        if isinstance(old, bool) or isinstance(new, bool) or not _are_numbers(old, new):
            return type(old) is type(new) and bool(old == new)
        if old == new or (math.isnan(old) and math.isnan(new)):
            return True
        return bool(abs(old - new) <= self._tolerance * max(1.0, abs(old), abs(new)))

    def _ignored(self, at: Tuple[str, ...]) -> bool:
        return any(
            len(pattern) <= len(at) and all(p in ("*", a) for p, a in zip(pattern, at))
            for pattern in self._ignore
        )


EXACT = Compare()


def judge(compare: Optional[Comparing], old: Any, new: Any) -> Tuple[bool, Optional[str]]:
    """(match, pointer of the difference). Raises what `compare` raises."""
    if compare is None or isinstance(compare, Compare):
        place = (compare or EXACT)(old, new)
        return place is None, place if isinstance(place, str) else None
    verdict = compare(old, new)
    if isinstance(verdict, str):
        return False, verdict
    if not isinstance(verdict, bool):
        raise TypeError("compare returns whether they match, or the pointer of the difference")
    return verdict, None


def snapshot(value: Any) -> Any:
    """`value` as it is now: what JSON calls arrays and objects is copied, the rest is shared."""
    kind = type(value)
    if kind is str or kind is int or kind is float or value is None or kind is bool:
        return value
    if kind is dict:
        return {name: snapshot(item) for name, item in value.items()}
    if kind is list:
        return [snapshot(item) for item in value]
    if kind is tuple:
        return tuple([snapshot(item) for item in value])
    return bytes(value) if kind is bytearray else value


def weight(value: Any) -> int:
    """About how many bytes a snapshot holds on to."""
    kind = type(value)
    if kind is str or kind is bytes:
        return 64 + len(value)
    if kind is dict:
        return 64 + sum([weight(item) for item in value.values()])
    if kind is list or kind is tuple:
        return 64 + sum([weight(item) for item in value])
    return 64


def _plain(value: Any) -> Any:
    """One level of `value` as JSON has it."""
    kind = type(value)
    if kind is str or kind is dict or kind is list:
        return value
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        return list(value) if fields is None else dict(zip(fields, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return value


def _are_numbers(old: Any, new: Any) -> bool:
    return isinstance(old, (int, float)) and isinstance(new, (int, float))


def _tokens(pointer: str) -> Tuple[str, ...]:
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"{pointer!r}: a JSON pointer begins with /")
    return tuple(t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:])


def _pointer(at: Tuple[str, ...]) -> str:
    return "".join("/" + t.replace("~", "~0").replace("/", "~1") for t in at)
