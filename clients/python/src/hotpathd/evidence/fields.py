"""What an event must be, as a table; and why one is none.

A batch of events is checked column by column, at the speed of C. Only where a column is not right are
its events looked at one by one (`problem_of`), so that the bad one is named and the others count.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

VERSION = 1
Event = Dict[str, Any]

_NONE: Any = type(None)
_NUMBER: FrozenSet[Any] = frozenset({int, float})
_NUMBER_OR_NULL: FrozenSet[Any] = frozenset({int, float, _NONE})
_TEXT: FrozenSet[Any] = frozenset({str})
_TEXT_OR_NULL: FrozenSet[Any] = frozenset({str, _NONE})


class Field(NamedTuple):
    name: str
    types: FrozenSet[Any]
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
    Field("server", frozenset({dict, _NONE})),
    Field("match", frozenset({bool, _NONE})),
    Field("diff", _TEXT_OR_NULL),
    Field("bytes_in", _NUMBER_OR_NULL),
    Field("request_id", _TEXT),
    Field("trace_id", _TEXT_OR_NULL),
)
LONGEST_MS = 1e9  # eleven days: a longer call is a broken clock
LONGEST_TEXT = 256
MOST_BYTES = 1e15


def columns_of(events: Sequence[Event]) -> Optional[Dict[str, List[Any]]]:
    """The fields of all events, or None where one of them is not right."""
    try:
        columns = {field.name: [event[field.name] for event in events] for field in FIELDS}
    except (KeyError, TypeError, IndexError):
        return None
    for field in FIELDS:
        column = columns[field.name]
        if not field.types.issuperset(map(type, column)):
            return None
        if field.values and not field.values.issuperset(column):
            return None
    return columns if all(map(_is_version, events)) and all(map(_is_sane, events)) else None


def problem_of(event: Any) -> str:
    """Why it is no event of this version, or ""."""
    if not isinstance(event, dict) or "v" not in event or "ts" not in event:
        return "not an event"
    if not _is_version(event):
        return "another version"
    for field in FIELDS:
        if field.name not in event:
            return f"without {field.name}"
        value = event[field.name]
        if type(value) not in field.types or (field.values and value not in field.values):
            return f"a bad {field.name}"
    return "" if _is_sane(event) else "a value out of range"


def _is_version(event: Event) -> bool:
    return event.get("v") == VERSION and type(event["v"]) is int


def _is_sane(event: Event) -> bool:
    """Ranges, and what is inside of the two objects."""
    total, new, old, size = event["total_ms"], event["sidecar_ms"], event["legacy_ms"], event["bytes_in"]
    if not (
        0 <= total <= LONGEST_MS
        and (new is None or 0 <= new <= LONGEST_MS)
        and (old is None or 0 <= old <= LONGEST_MS)
        and (size is None or 0 <= size <= MOST_BYTES)
    ):
        return False
    if len(event["route"]) > LONGEST_TEXT or len(event["reason"]) > LONGEST_TEXT:
        return False
    for value in event["cpu_ms"].values():
        if value is not None and not (type(value) in _NUMBER and 0 <= value <= LONGEST_MS):
            return False
    if event["server"] is not None:
        for value in event["server"].values():
            if not (type(value) in _NUMBER and 0 <= value <= LONGEST_MS):
                return False
    dropped = event.get("dropped")
    return dropped is None or (type(dropped) is int and 0 <= dropped < 2**40)
