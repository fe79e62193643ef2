"""Events: their form, their way to the file, and what happens where there is no way."""

from __future__ import annotations

import json
import logging
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import pytest
from faults import echo, problem, reply
from test_faults import in_child

import hotpathd
from hotpathd import _events, _failure, _json, _rollout

OLD = object()
FIELDS = json.loads((pathlib.Path(__file__).parents[3] / "docs" / "event-fields.json").read_text())
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def events(path):
    """The file's events, each checked against the table that all languages share."""
    found = [json.loads(line) for line in pathlib.Path(path).read_text("ascii").splitlines()]
    for event in found:
        check(event)
    return found


def check(event):
    names = [field["name"] for field in FIELDS if not field.get("optional") or field["name"] in event]
    assert list(event) == names
    assert event["reason"] in {"", *_failure.REASONS}
    for field in FIELDS:
        if field["name"] not in event:
            continue
        value = event[field["name"]]
        if value is None:
            assert field.get("null"), field["name"]
            continue
        assert isinstance(value, TYPES[field["type"]]), field["name"]
        assert not (field["type"] != "boolean" and isinstance(value, bool)), field["name"]
        assert value in field.get("values", [value]), (field["name"], value)
        assert re.search(field.get("pattern", ""), str(value)), (field["name"], value)
        for name, number in value.items() if "members" in field else ():
            assert name in field["members"]
            assert number is None or isinstance(number, float) and number >= 0


def spin(seconds=0.02):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return OLD


def test_an_event_tells_of_a_call_that_went_well(serve, client, tmp_path):
    def script(peer):
        while (request := peer.request()) is not None:
            timing = "queue;dur=0.125, parse;dur=0.2, compute;dur=1.5, write;dur=0.05, total;dur=1.9"
            peer.send(reply(request.body, Server_Timing=timing))

    modes = {"chunk": {"mode": "canary", "percent": 100, "salt": "pepper"}}
    path = tmp_path / "events.jsonl"
    with client(serve(script).url, events=path, caller="worker/1.4", modes=modes) as sidecar:
        sidecar.call(
            "chunk", {"text": "a secret"}, fallback=lambda: OLD, timeout=5, key="doc-1",
            request_id="r-1", traceparent=TRACE,
        )  # fmt: skip
    (event,) = events(path)
    assert "secret" not in path.read_text() and "doc-1" not in path.read_text()
    assert 0 < event["sidecar_ms"] <= event["total_ms"]
    assert 0 <= event["cpu_ms"]["client"] <= event["total_ms"]
    assert event["cpu_ms"]["legacy"] is None
    expected = {
        "route": "chunk", "mode": "canary", "path": "sidecar", "outcome": "ok", "reason": "",
        "key_hash": _rollout.key_hash("pepper", "doc-1"),
        "bucket": _rollout.bucket("chunk", "pepper", "doc-1"),
        "legacy_ms": None, "match": None, "diff": None,
        "bytes_in": len(_json.dumps({"text": "a secret"})),
        "server": {"queue": 0.125, "parse": 0.2, "compute": 1.5, "write": 0.05},
        "request_id": "r-1", "trace_id": TRACE[3:35], "caller": "worker/1.4", "pid": os.getpid(),
    }  # fmt: skip
    assert {name: event[name] for name in expected} == expected


def test_an_event_tells_of_the_old_code_and_its_cpu_time(serve, client, tmp_path):
    path = tmp_path / "events.jsonl"
    with client(serve(lambda p: p.request() and p.send(problem(429, "overloaded"))).url, events=path) as sidecar:
        sidecar.call("chunk", {}, fallback=spin, timeout=5)
        sidecar.call("other", {}, fallback=lambda: time.sleep(0.02), timeout=5)
    asked, not_asked = events(path)
    assert (asked["outcome"], asked["reason"], asked["path"]) == ("fallback", "overloaded", "legacy")
    assert asked["cpu_ms"]["legacy"] >= 19 and asked["legacy_ms"] >= 19
    assert asked["cpu_ms"]["client"] < asked["total_ms"] - 19
    assert (not_asked["outcome"], not_asked["reason"], not_asked["mode"]) == ("legacy", "off", "off")
    assert not_asked["sidecar_ms"] is None and not_asked["bytes_in"] is None
    assert not_asked["cpu_ms"]["legacy"] < not_asked["legacy_ms"]  # it slept


def test_a_caller_that_gave_up_is_told_apart(serve, client, tmp_path):
    path = tmp_path / "events.jsonl"

    def give_up(_body):
        raise KeyboardInterrupt

    with client(serve(echo).url, events=path) as sidecar:
        with pytest.raises(KeyboardInterrupt):
            sidecar.call("chunk", {}, fallback=lambda: OLD, reply=give_up, timeout=5)
    (event,) = events(path)
    assert (event["reason"], event["legacy_ms"]) == ("cancelled", None)


def test_events_are_written_within_a_second_without_close(waiting_events, serve, client, tmp_path):
    path = tmp_path / "events.jsonl"
    sidecar = client(serve(echo).url, events=path)
    for number in range(3):
        sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5)
        end = time.monotonic() + 10
        while not path.exists() or len(events(path)) <= number:
            assert time.monotonic() < end
            time.sleep(0.01)


def test_the_file_may_be_named_by_the_environment(serve, client, tmp_path, monkeypatch):
    monkeypatch.setenv("HOTPATHD_EVENTS", str(tmp_path / "e"))
    with client(serve(echo).url) as sidecar:
        sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5)
    assert len(events(tmp_path / "e")) == 1


def test_a_full_queue_drops_counts_and_says_so(client, tmp_path, monkeypatch):
    monkeypatch.setattr(_events, "QUEUE_LIMIT", 10)
    path = tmp_path / "e"
    sidecar = client("unix:/none", modes={}, events=path)
    monkeypatch.setattr(sidecar._events, "_start", lambda: None)  # nobody takes from the queue
    for _ in range(25):
        sidecar.call("chunk", [], fallback=lambda: OLD)
    assert sidecar.events_dropped == 15
    sidecar._events.write()
    sidecar.call("chunk", [], fallback=lambda: OLD)
    sidecar.close()
    assert [event.get("dropped") for event in events(path)] == [15] + [None] * 10


@pytest.mark.parametrize("path", ["/nowhere/at/all/e", "/"])
def test_a_file_that_cannot_be_written_costs_events_only(client, caplog, path):
    with client("unix:/none", modes={}, events=path) as sidecar:
        for _ in range(3):
            assert sidecar.call("chunk", [], fallback=lambda: OLD) is OLD
            sidecar._events.write()
    assert sidecar.events_dropped == 3
    assert len([r for r in caplog.records if "events not written" in r.message]) == 1


def test_the_file_turns_over_at_its_size_and_nothing_is_lost(client, tmp_path):
    path = tmp_path / "e"
    with client("unix:/none", modes={}, events=path, events_max_bytes=20_000) as sidecar:
        for _ in range(60):
            sidecar.call("chunk", [], fallback=lambda: OLD)
            sidecar._events.write()
    assert path.stat().st_size <= 20_000 and (tmp_path / "e.1").stat().st_size <= 20_000
    assert len(events(path)) + len(events(tmp_path / "e.1")) == 60
    assert sidecar.events_dropped == 0


def test_two_writers_share_a_file_and_its_turning(client, tmp_path):
    """As two processes do: each finds out that the other has renamed the file."""
    path = tmp_path / "e"
    one, other = (client("unix:/none", modes={}, events=path, events_max_bytes=20_000) for _ in "ab")
    for _ in range(30):
        for sidecar in (one, other):
            sidecar.call("chunk", [], fallback=lambda: OLD)
            sidecar._events.write()
    one.close()
    other.close()
    assert len(events(path)) + len(events(tmp_path / "e.1")) == 60


def test_a_hook_gets_each_event_and_may_fail(client, caplog):
    seen = []

    def hook(event):
        check(event)
        seen.append((event["route"], threading.current_thread().name))
        raise RuntimeError("mine")

    sidecar = client("unix:/none", modes={}, on_event=hook)
    for route in "abc":
        sidecar.call(route, [], fallback=lambda: OLD)
    sidecar.close()
    assert [route for route, _ in seen] == ["a", "b", "c"]
    assert len([r for r in caplog.records if "on_event raised" in r.message]) == 1


def test_a_forked_child_writes_its_own_events_and_not_the_parents(client, tmp_path):
    path = tmp_path / "e"
    sidecar = client("unix:/none", modes={}, events=path)
    sidecar.call("parent", [], fallback=lambda: OLD)
    sidecar._events._lock.acquire()  # as another thread might hold it right now

    def work():
        sidecar.call("child", [], fallback=lambda: OLD)
        sidecar.close()
        return ["child"]

    try:
        assert in_child(work)
    finally:
        sidecar._events._lock.release()
    sidecar.close()
    found = events(path)
    assert sorted(event["route"] for event in found) == ["child", "parent"]
    assert len({event["pid"] for event in found}) == 2
    assert len({event["request_id"] for event in found}) == 2


EXITING = """
import sys, threading, hotpathd
sidecar = hotpathd.Client(sys.argv[1], modes={"chunk": "on"}, breaker=None, events=sys.argv[2])
called = threading.Event()
def forever():
    while True:
        sidecar.call("chunk", {}, fallback=lambda: None, timeout=0.02)
        called.set()
for _ in range(4):
    threading.Thread(target=forever, daemon=True).start()
called.wait(10)
"""


def test_an_interpreter_that_exits_while_calls_are_under_way_ends_and_has_written(serve, tmp_path):
    path = tmp_path / "e"
    url = serve(lambda peer: peer.hold()).url
    done = subprocess.run(
        [sys.executable, "-c", EXITING, url, str(path)], env={**os.environ, "PYTHONPATH": "src"},
        cwd=pathlib.Path(__file__).parents[1], capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(events(path)) >= 1


def test_a_change_of_state_is_one_line_and_a_call_is_none(serve, client, caplog):
    caplog.set_level(logging.INFO, "hotpathd")
    answers = [problem(500, "internal")]
    server = serve(lambda p: [p.send(answers[0]) for _ in iter(p.request, None)] and None)
    sidecar = client(server.url, breaker=hotpathd.Breaker(open_s=0.02))
    for _ in range(40):
        sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5)
    answers[0] = reply([])
    end = time.monotonic() + 10
    while sidecar.last.outcome != "ok":
        sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5)
        assert time.monotonic() < end
    lines = [r.message for r in caplog.records]
    assert "breaker open" in lines[0] and "breaker closed" in lines[-1]
    assert len(lines) <= 3


def test_some_calls_that_a_canary_leaves_to_the_old_path_tell_their_size(tmp_path):
    """As many bytes as would have been sent; a body that cannot be made is nobody's error."""
    path = tmp_path / "events.jsonl"
    with hotpathd.Client(modes={"chunk": {"mode": "canary", "percent": 0}}, events=str(path)) as sidecar:
        for _ in range(400):
            assert sidecar.call("chunk", {"text": "words"}, fallback=lambda: OLD) is OLD
            assert sidecar.call("chunk", {"text": object()}, fallback=lambda: OLD) is OLD
    sizes = [event["bytes_in"] for event in events(path)]
    told = [size for size in sizes if size is not None]
    assert set(told) == {len(_json.dumps({"text": "words"}))} and 0 < len(told) < len(sizes) // 4
