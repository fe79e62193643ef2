"""make demo: its judges, and its short version where PostgreSQL, the environment and the API are there (`make demo` makes them)."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

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


CONDUCTOR = """
import pathlib, signal, sys, time
from parts import Stack
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell ignores in the background
with Stack(sys.executable, pathlib.Path(sys.argv[1])) as stack:
    child = stack.start("child", ["sleep", "600"])
    print(child.pid, stack.folder, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_conductor_that_is_killed_leaves_no_process_and_no_folder(tmp_path, number):
    conductor = subprocess.Popen([sys.executable, "-c", CONDUCTOR, str(tmp_path)], stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(STACK)})
    child, folder = conductor.stdout.readline().split()
    assert pathlib.Path(f"/proc/{child}").exists() and pathlib.Path(folder).exists()
    conductor.send_signal(number)
    conductor.wait(timeout=30)
    until = time.monotonic() + 30
    while pathlib.Path(f"/proc/{child}").exists() or pathlib.Path(folder).exists():
        assert time.monotonic() < until, "30 s later"
        time.sleep(0.02)


@pytest.mark.parametrize("at, told", [("postgres", "apt-get install postgresql"), ("library", "demo-venv.log")])
def test_what_the_machine_does_not_have_is_told_in_a_line(at, told):
    """The system's python has none of the demo's libraries; a folder without PostgreSQL is made up."""
    code = "import sys, pathlib, parts, demo\n"
    if at == "postgres":
        code += "parts.POSTGRES = pathlib.Path('/nonexistent')\n"
    else:
        code += "demo.postgres = lambda: None\ndemo.LIBRARIES = ('no_such_library',)\n"
    run = subprocess.run([sys.executable, "-c", code + "sys.exit(demo.main())"], capture_output=True, text=True, timeout=60,
                         env={**os.environ, "PYTHONPATH": str(STACK)})
    assert run.returncode == 2 and run.stderr.startswith("make demo: ") and run.stderr.count("\n") == 1 and told in run.stderr
