"""Durations and moments, as people and files write them."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from .problem import Unusable

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) *(s|m|h|d)")


def seconds_of(text: object) -> float:
    """`90s`, `30m`, `24h`, `7d`; a bare number is seconds."""
    if isinstance(text, (int, float)) and not isinstance(text, bool) and 0 <= text < 1e9:
        return float(text)
    found = _DURATION.fullmatch(str(text).strip())
    if not found:
        raise Unusable(f"{text!r} is no duration: a number and s, m, h or d")
    return float(found[1]) * _UNITS[found[2]]


def words(seconds: float) -> str:
    for unit in ("d", "h", "m"):
        if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:g}{unit}"
    return f"{seconds:g}s"


def moment(at: float) -> str:
    """As in events: UTC, microseconds, so that the two can be compared."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_moment(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise Unusable(f"{text!r} is no moment") from None


def short(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
