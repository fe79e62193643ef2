"""What an event must be, as a table; and why one is none.

A batch of events is checked column by column, at the speed of C. Only where a column is not right are
its events looked at one by one (`problem_of`), so that the bad one is named and the others count.
"""

from __future__ import annotations

from datetime import datetime, timezone
from operator import itemgetter
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Event = Dict[str, Any]

_NONE: Any = type(None)
_NUMBER: FrozenSet[Any] = frozenset({int, float})
_NUMBER_OR_NULL: FrozenSet[Any] = frozenset({int, float, _NONE})
_TEXT: FrozenSet[Any] = frozenset({str})
_TEXT_OR_NULL: FrozenSet[Any] = frozenset({str, _NONE})


class Columns(NamedTuple):
    lists: Dict[str, List[Any]]
    stamps: Array
    numbers: Dict[str, Array]
    dropped: List[Tuple[int, int]]  # which events tell of how many that were lost before them


class Field(NamedTuple):
    name: str
    types: FrozenSet[Any]
    values: FrozenSet[Any] = frozenset()  # empty: any


VERSION = 1
FIELDS: Tuple[Field, ...] = (
    Field("v", frozenset({int}), frozenset({VERSION})),
    Field("ts", _TEXT),
    Field("route", _TEXT),
    Field("mode", _TEXT, frozenset({"off", "shadow", "canary", "on"})),
    Field("path", _TEXT, frozenset({"sidecar", "legacy", "both"})),
    Field("outcome", _TEXT, frozenset({"ok", "fallback", "legacy"})),
    Field("reason", _TEXT),
    Field("sidecar_ms", _NUMBER_OR_NULL),
    Field("legacy_ms", _NUMBER_OR_NULL),
    Field("total_ms", _NUMBER),
    Field("cpu_ms", frozenset({dict})),
    Field("server", frozenset({dict, _NONE})),
    Field("match", frozenset({bool, _NONE})),
    Field("diff", _TEXT_OR_NULL),
    Field("bytes_in", _NUMBER_OR_NULL),
    Field("request_id", _TEXT),
    Field("trace_id", _TEXT_OR_NULL),
    Field("caller", _TEXT_OR_NULL),
    Field("host", _TEXT),
)
_GET = itemgetter(*(field.name for field in FIELDS))
LONGEST_MS = 1e9  # eleven days: a longer call is a broken clock
LONGEST_TEXT = 256
MOST_BYTES = 1e15
MOST_DAYS = 84006  # since 1970: to the year 2200
STAGES = ("queue", "parse", "compute", "write")
_NO_SERVER: Dict[str, float] = {}
_TIME = "0000-00-00T00:00:00.000000Z"
_LOWEST = np.frombuffer(_TIME.encode(), np.uint8)
_HIGHEST = np.frombuffer(_TIME.replace("0", "9").encode(), np.uint8)


def columns_of(events: Sequence[Event]) -> Optional[Columns]:
    """The fields of all events, times and sizes as arrays, or None where one of them is not right."""
    try:
        rows = list(map(_GET, events))
        lists = {field.name: list(column) for field, column in zip(FIELDS, zip(*rows))} if rows else {field.name: [] for field in FIELDS}
        dropped = [(at, event["dropped"]) for at, event in enumerate(events) if "dropped" in event]
    except (KeyError, TypeError, IndexError):
        return None
    for field in FIELDS:
        column = lists[field.name]
        if not field.types.issuperset(map(type, column)) or (field.values and not field.values.issuperset(column)):
            return None
    if not all(_is_loss(count) for _, count in dropped):
        return None
    if max(map(len, set(lists["route"]) | set(lists["reason"])), default=0) > LONGEST_TEXT:
        return None
    stamps = stamps_of(lists["ts"])
    numbers = _numbers(lists)
    return None if stamps is None or numbers is None else Columns(lists, stamps, numbers, dropped)


def stamps_of(texts: List[str]) -> Optional[Array]:
    """Microseconds since 1970; None where one is no time, or of no clock that is right."""
    if not texts:
        return np.zeros(0, np.int64)
    joined = "".join(texts)
    if not joined.isascii() or set(map(len, texts)) != {len(_TIME)}:
        return None
    grid = np.frombuffer(joined.encode(), np.uint8).reshape(-1, len(_TIME))
    if not (((grid >= _LOWEST) & (grid <= _HIGHEST)).all()):
        return None
    try:
        stamps: Array = np.ascontiguousarray(grid[:, :-1]).view(f"S{len(_TIME) - 1}")[:, 0].astype("datetime64[us]").astype(np.int64)
    except ValueError:  # the 31st of June
        return None
    return stamps if ((stamps >= 0) & (stamps < MOST_DAYS * 86_400_000_000)).all() else None


def moment(micros: int) -> str:
    """Such a stamp, to the second."""
    return datetime.fromtimestamp(micros / 1e6, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def problem_of(event: Any) -> str:
    """Why it is no event of this version, or ""."""
    if not isinstance(event, dict) or "v" not in event or "ts" not in event:
        return "not an event"
    if event["v"] != VERSION or type(event["v"]) is not int:
        return "another version"
    for field in FIELDS:
        if field.name not in event:
            return f"without {field.name}"
        value = event[field.name]
        if type(value) not in field.types or (field.values and value not in field.values):
            return f"a bad {field.name}"
    if stamps_of([event["ts"]]) is None:
        return "a bad ts"
    return "" if _is_sane(event) else "a value out of range"


def _is_sane(event: Event) -> bool:
    """Ranges, and what is inside of the two objects."""
    if len(event["route"]) > LONGEST_TEXT or len(event["reason"]) > LONGEST_TEXT:
        return False
    if "dropped" in event and not _is_loss(event["dropped"]):
        return False
    return _numbers({field.name: [event[field.name]] for field in FIELDS}) is not None


def _is_loss(dropped: Any) -> bool:
    return type(dropped) is int and 0 <= dropped < 2**40


def _numbers(lists: Dict[str, List[Any]]) -> Optional[Dict[str, Array]]:
    """Times in ms and sizes; null is NaN."""
    servers = [server or _NO_SERVER for server in lists["server"]] if any(lists["server"]) else None
    read: Dict[str, Optional[List[Any]]] = {name: lists[name] for name in ("sidecar_ms", "legacy_ms", "total_ms", "bytes_in")}
    for side in ("legacy", "client"):
        read[f"cpu_{side}"] = [cpu.get(side) for cpu in lists["cpu_ms"]]
    for stage in STAGES:
        read[stage] = None if servers is None else [server.get(stage) for server in servers]
    out: Dict[str, Array] = {}
    for name, column in read.items():
        if column is None:
            out[name] = np.full(len(lists["server"]), np.nan, np.float32)
            continue
        if not _NUMBER_OR_NULL.issuperset(map(type, column)):
            return None
        try:
            values = np.array(column, np.float64)
        except OverflowError:  # an integer of a thousand digits
            return None
        highest = MOST_BYTES if name == "bytes_in" else LONGEST_MS
        if not ((values >= 0) & (values <= highest) | np.isnan(values)).all():
            return None
        out[name] = values.astype(np.float32)
    return out
