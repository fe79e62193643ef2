"""Events as the clients write them."""

import json
from datetime import datetime, timedelta, timezone

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def event(number, **changes):
    at = START + timedelta(milliseconds=100 * number)
    return {
        "v": 1, "ts": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "route": "chunk", "mode": "canary", "key_hash": None,
        "bucket": 1, "path": "legacy", "outcome": "legacy", "reason": "canary", "sidecar_ms": None,
        "legacy_ms": 10.0, "total_ms": 10.0, "cpu_ms": {"legacy": 9.0, "client": 0.1}, "server": None,
        "match": None, "diff": None, "bytes_in": None, "request_id": f"{number:032x}", "trace_id": None,
        "caller": "worker/1", "pid": 1, "host": "h", **changes,
    }  # fmt: skip


def lines(events):
    return "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in events).encode()
