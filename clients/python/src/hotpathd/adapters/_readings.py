"""What is counted and timed of an event, for whichever library it goes to."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

Event = Mapping[str, Any]

LABELS = ("route", "mode", "outcome", "reason", "path")  # all of few values
# Seconds: from a call that is not sent at all to one whose old code takes its time.
BUCKETS_S = (
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip


def labels(event: Event) -> Dict[str, str]:
    """An empty reason is "none": some systems drop what is empty."""
    return {name: str(event[name]) or "none" for name in LABELS}


def durations(event: Event) -> Iterator[Tuple[str, float]]:
    """(side, seconds): total is what the caller waited; sidecar and legacy where they ran."""
    for side in ("total", "sidecar", "legacy"):
        ms: Optional[float] = event[f"{side}_ms"]
        if ms is not None:
            yield side, ms / 1e3


def cpu_times(event: Event) -> Iterator[Tuple[str, float]]:
    """(side, seconds) of the calling thread: the old code's, and the client's own."""
    for side, ms in event["cpu_ms"].items():
        if ms is not None:
            yield side, ms / 1e3


def comparison(event: Event) -> Optional[str]:
    """Mode shadow: match or mismatch, where both results were compared."""
    return None if event["match"] is None else "match" if event["match"] else "mismatch"


def lost(event: Event) -> int:
    """How many events before this one were dropped."""
    return int(event.get("dropped", 0))
