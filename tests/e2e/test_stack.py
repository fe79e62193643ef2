"""make demo: its judges, and its short version where PostgreSQL, the environment and the API are there (`make demo` makes them)."""
import json
import pathlib
import subprocess
import sys

import pytest

from daemon import BINARY, ROOT

STACK = ROOT / "bench" / "stack"
sys.path.insert(0, str(STACK))

import evidence  # noqa: E402

METRICS = 'hotpathd_requests_total{route="chunk",code="ok",mode="live"} %d\n'


def event(identity, outcome="ok", reason="", sidecar_ms=1.0, **more):
    return {"request_id": identity, "route": "chunk", "outcome": outcome, "reason": reason, "sidecar_ms": sidecar_ms, **more}


def logged(tmp_path, *requests, torn=b""):
    path = tmp_path / "log"
    lines = (json.dumps({"request_id": identity, "route": "chunk", "code": code, "caller": caller}) for identity, code, caller in requests)
    path.write_bytes("".join(line + "\n" for line in lines).encode() + torn)
    return path


def reconcile(tmp_path, events, *requests, metrics=None, cut_short=(), torn=b""):
    path = logged(tmp_path, *requests, torn=torn)
    return evidence.reconcile(events, [(path, METRICS % (len(requests) if metrics is None else metrics))], cut_short)


def test_calls_are_received_refused_or_never_sent(tmp_path):
    events = [event("a"), event("b", "fallback", "overloaded"), event("c", "fallback", "connect"), event("d", "legacy", "canary", None)]
    counts, wrong = reconcile(tmp_path, events, ("a", "ok", "worker/1"), ("b", "overloaded", "worker/1"))
    assert not wrong
    assert (counts["chunk"]["asked"], counts["chunk"]["received"], counts["chunk"]["refused"], counts["chunk"]["never_sent"]) == (3, 1, 1, 1)


@pytest.mark.parametrize("events, requests, options, told", [
    ([event("a"), event("b")], [("a", "ok", "worker/1")], {}, "the daemon's log does not know them"),
    ([event("a")], [("a", "ok", "worker/1"), ("z", "ok", "worker/1")], {}, "no caller tells of"),
    ([event("a")], [("a", "deadline", "worker/1")], {}, "ok for its caller"),
    ([event("a")], [("a", "ok", "worker/1")], {"metrics": 2}, "counted 2 requests, logged 1"),
    ([event("a", dropped=3)], [("a", "ok", "worker/1")], {}, "3 events were dropped"),
])
def test_what_does_not_add_up_is_told(tmp_path, events, requests, options, told):
    assert any(told in line for line in reconcile(tmp_path, events, *requests, **options)[1])


def test_a_life_that_was_cut_short_has_counted_at_most_what_it_logged(tmp_path):
    requests = [("a", "ok", "worker/1"), ("b", "ok", "batch/1")]
    torn = b'{"request_id":"x","route":"chu'
    assert not reconcile(tmp_path, [event("a")], *requests, metrics=1, cut_short={1}, torn=torn)[1]
    assert reconcile(tmp_path, [event("a")], *requests, metrics=3, cut_short={1}, torn=torn)[1]


def test_the_short_demo_keeps_its_promises():
    python, api = ROOT / "build" / "demo-venv" / "bin" / "python", ROOT / "build" / "stack-api"
    there = (python.parent.parent / "made").exists() and api.exists() and any(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not there or pathlib.Path(BINARY) != ROOT / "build" / "hotpathd":
        pytest.skip("`make demo` makes what it needs; it runs the plain build")
    run = subprocess.run([python, STACK / "demo.py", "short"], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 broken" in run.stdout
