"""What an event must be, as a table; and why one is none.

A batch of events is checked column by column, at the speed of C. Only where a column is not right are
its events looked at one by one (`problem_of`), so that the bad one is named and the others count.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

VERSION = 1
Event = Dict[str, Any]

_NONE: type = type(None)
_NUMBER: FrozenSet[type] = frozenset({int, float})
_NUMBER_OR_NULL: FrozenSet[type] = frozenset((int, float, _NONE))
_TEXT: FrozenSet[type] = frozenset({str})
_TEXT_OR_NULL: FrozenSet[type] = frozenset((str, _NONE))


class Field(NamedTuple):
    name: str
    types: FrozenSet[type]
    values: FrozenSet[Any] = frozenset()  # empty: any


FIELDS: Tuple[Field, ...] = (
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
    Field("server", frozenset((dict, _NONE))),
    Field("match", frozenset((bool, _NONE))),
    Field("diff", _TEXT_OR_NULL),
    Field("bytes_in", _NUMBER_OR_NULL),
    Field("request_id", _TEXT),
    Field("trace_id", _TEXT_OR_NULL),
)
LONGEST = 256  # characters of a route or a reason
_MS = 1e9  # eleven days: a longer call is a broken clock
MOST: Dict[str, float] = {
    **dict.fromkeys(("sidecar_ms", "legacy_ms", "total_ms", "cpu_legacy", "cpu_client", "server_ms", "queue_ms"), _MS),
    "bytes_in": 1e15,
}


def columns_of(events: Sequence[Event]) -> Optional[Dict[str, List[Any]]]:
    """The fields of all events, or None where one of them is not right."""
    try:
        columns = {field.name: [event[field.name] for event in events] for field in FIELDS}
        versions = [event["v"] for event in events]
    except (KeyError, TypeError, IndexError):
        return None
    for field in FIELDS:
        column = columns[field.name]
        if not field.types.issuperset(map(type, column)):
            return None
        if field.values and not field.values.issuperset(column):
            return None
    if versions.count(VERSION) != len(versions) or set(map(type, versions)) - {int}:
        return None
    _open(columns)
    if not all(_is_sane(columns[name], most) for name, most in MOST.items()):
        return None
    if max(map(len, columns["route"]), default=0) > LONGEST or max(map(len, columns["reason"]), default=0) > LONGEST:
        return None
    if any("dropped" in event and not _is_count(event["dropped"]) for event in events):
        return None
    return columns


def _open(columns: Dict[str, List[Any]]) -> None:
    """The two objects as columns of their members."""
    columns["cpu_legacy"] = [cpu.get("legacy") for cpu in columns["cpu_ms"]]
    columns["cpu_client"] = [cpu.get("client") for cpu in columns["cpu_ms"]]
    columns["queue_ms"] = [server and server.get("queue") for server in columns["server"]]
    columns["server_ms"] = [server and _work(server) for server in columns["server"]]


def _work(server: Dict[str, Any]) -> Any:
    """What the daemon worked on a call, without the wait in its queue; what is none is refused later."""
    try:
        return server.get("parse", 0) + server.get("compute", 0) + server.get("write", 0)
    except TypeError:
        return "not numbers"


def _is_sane(column: List[Any], most: float) -> bool:
    if not _NUMBER_OR_NULL.issuperset(map(type, column)):
        return False
    numbers = [value for value in column if value is not None]
    return not numbers or (min(numbers) >= 0 and max(numbers) <= most)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**40


def problem_of(event: Any) -> str:
    """Why it is no event of this version, or "". The plain version of `columns_of`."""
    if not isinstance(event, dict) or "v" not in event or "ts" not in event:
        return "not an event"
    if type(event["v"]) is not int or event["v"] != VERSION:
        return "another version"
    for field in FIELDS:
        if field.name not in event:
            return f"without {field.name}"
        value = event[field.name]
        if type(value) not in field.types or (field.values and value not in field.values):
            return f"a bad {field.name}"
    return "" if columns_of([event]) else "a value out of range"
