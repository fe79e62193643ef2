"""Mode shadow: the caller gets the old result at once, and the comparison comes after it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
from faults import echo, problem, reply
from test_events import check
from test_faults import in_child

import hotpathd
from hotpathd import _json, _shadow

SHADOW = {"chunk": "shadow"}


class Seen:
    """A hook that waits for events."""

    def __init__(self):
        self.events = []
        self._came = threading.Condition()

    def __call__(self, event):
        check(event)
        with self._came:
            self.events.append(event)
            self._came.notify_all()

    def wait(self, count=1):
        with self._came:
            assert self._came.wait_for(lambda: len(self.events) >= count, 20)
        return self.events


@pytest.fixture
def seen():
    return Seen()


def test_the_old_result_comes_at_once_and_the_comparison_after_it(serve, client, seen):
    asked = []
    release = threading.Event()

    def script(peer):
        while (request := peer.request()) is not None:
            asked.append(request)
            release.wait(20)
            peer.send(reply({"chunks": ["a", "B"]}, Server_Timing="compute;dur=1.5"))

    sidecar = client(serve(script).url, modes=SHADOW, on_event=seen)
    got = sidecar.call(
        "chunk", {"text": "ab"}, fallback=lambda: ["a", "b"], reply=lambda body: body["chunks"],
        timeout=20, key="k", request_id="r-9",
    )  # fmt: skip
    assert got == ["a", "b"]
    last = sidecar.last
    assert (last.outcome, last.reason, last.path, last.sidecar_ms) == ("legacy", "shadow", "legacy", None)
    release.set()
    (event,) = seen.wait()
    assert asked[0].headers["x-hotpath-mode"] == "shadow"
    assert asked[0].headers["x-request-id"] == event["request_id"] == "r-9"
    assert (event["mode"], event["path"], event["outcome"], event["reason"]) == ("shadow", "both", "ok", "")
    assert (event["match"], event["diff"]) == (False, "/1")
    assert event["server"] == {"compute": 1.5}
    assert event["sidecar_ms"] > 0 and event["legacy_ms"] <= event["total_ms"]
    assert event["bucket"] is not None and event["bytes_in"] == len(_json.dumps({"text": "ab"}))


def test_results_that_match(serve, client, seen):
    sidecar = client(serve(echo).url, modes=SHADOW, on_event=seen)
    sidecar.call("chunk", {"a": [1, 2.0]}, fallback=lambda: {"a": (1.0, 2)}, timeout=5)
    (event,) = seen.wait()
    assert (event["match"], event["diff"]) == (True, None)


def test_compare_is_the_callers(serve, client, seen):
    sidecar = client(serve(echo).url, modes=SHADOW, on_event=seen)
    old = {"a": 1.0, "id": 7}
    for number, compare in enumerate([
        None, hotpathd.Compare(ignore=["/id"], tolerance=0.1), lambda one, other: True,
        lambda one, other: "/mine", lambda one, other: 1 / 0, lambda one, other: None,
    ]):  # fmt: skip
        sidecar.call("chunk", {"a": 1.01, "id": 8}, fallback=lambda: old, timeout=5, compare=compare)
        seen.wait(number + 1)
    assert [(e["match"], e["diff"], e["reason"]) for e in seen.events] == [
        (False, "/a", ""), (True, None, ""), (True, None, ""), (False, "/mine", ""),
        (None, None, "bad_compare"), (None, None, "bad_compare"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data, reason",
    [
        (problem(429, "overloaded"), "overloaded"),
        (b"garbage\r\n\r\n", "bad_reply"),
        (reply(b"[" * 100_000), "bad_reply"),
        (b"", "connect"),
    ],
)
def test_a_sidecar_that_fails_is_not_a_mismatch(serve, client, seen, data, reason):
    server = serve(lambda peer: peer.request() and peer.send(data))
    sidecar = client(server.url, modes=SHADOW, on_event=seen)
    assert sidecar.call("chunk", {}, fallback=lambda: "old", timeout=5) == "old"
    (event,) = seen.wait()
    assert (event["path"], event["outcome"], event["reason"]) == ("both", "fallback", reason)
    assert event["match"] is None


def test_what_the_caller_and_the_old_code_change_later_is_not_compared(serve, client, seen):
    release = threading.Event()
    bodies = []

    def script(peer):
        while (request := peer.request()) is not None:
            bodies.append(request.json())
            release.wait(20)
            peer.send(reply({"parts": ["a"]}))

    sidecar = client(serve(script).url, modes=SHADOW, on_event=seen)
    document = {"parts": ["a"]}

    @sidecar.path("chunk", request=lambda document: document, timeout=20)
    def old(document):
        result = {"parts": list(document["parts"])}
        document["parts"].clear()  # in place, as old code does
        return result

    result = old(document)
    result["parts"].append("later")
    release.set()
    (event,) = seen.wait()
    assert bodies == [{"parts": ["a"]}]
    assert event["match"] is True


def test_a_full_queue_drops_and_counts_and_never_delays(serve, client, seen):
    server = serve(lambda peer: peer.hold())
    sidecar = client(server.url, modes=SHADOW, on_event=seen, timeout=60)
    for _ in range(_shadow.QUEUE_LIMIT + 30):
        sidecar.call("chunk", {}, fallback=lambda: "old")
        assert sidecar.last.total_ms < 5000
    # one may be under way
    assert sidecar.shadow_dropped in (29, 30)
    dropped = seen.wait(sidecar.shadow_dropped)
    assert {(e["reason"], e["path"], e["match"]) for e in dropped} == {("shadow_dropped", "legacy", None)}
    server.close()


def test_what_waits_when_the_client_is_closed_is_told(serve, client, seen):
    server = serve(lambda peer: peer.hold())
    sidecar = client(server.url, modes=SHADOW, on_event=seen, timeout=60)
    for _ in range(20):
        sidecar.call("chunk", {}, fallback=lambda: "old")
    sidecar.close()
    server.close()
    reasons = sorted(event["reason"] for event in seen.wait(19))
    assert reasons[-19:] == ["shadow_dropped"] * 19  # one may be under way


def test_what_waits_when_the_process_ends_is_told(tmp_path):
    script = """
import sys, hotpathd
client = hotpathd.Client("unix:/nowhere", modes={"chunk": "shadow"}, events=sys.argv[1])
for n in range(20):
    client.call("chunk", {}, fallback=lambda: "old")
"""
    path = tmp_path / "events.jsonl"
    environment = {**os.environ, "PYTHONPATH": "src"}
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60, env=environment)
    assert len(path.read_text().splitlines()) == 20


def test_an_error_of_the_old_code_is_the_callers_and_nothing_is_compared(serve, client, seen):
    server = serve(echo)
    sidecar = client(server.url, modes=SHADOW, on_event=seen)
    with pytest.raises(ZeroDivisionError):
        sidecar.call("chunk", {}, fallback=lambda: 1 / 0, timeout=5)
    (event,) = seen.wait()
    assert (event["path"], event["reason"]) == ("legacy", "shadow")
    assert server.connections == 0


def test_a_request_that_raises_leaves_the_old_result(client, seen):
    sidecar = client("unix:/none", modes=SHADOW, on_event=seen)
    assert sidecar.path("chunk", request=lambda x: 1 / 0)(lambda x: "old")(1) == "old"
    (event,) = seen.wait()
    assert (event["path"], event["reason"]) == ("legacy", "shadow")


@pytest.mark.parametrize("percent, share", [(0, 0), (100, 100), (50, None)])
def test_shadow_percent_is_the_share_that_is_compared(serve, client, seen, percent, share):
    modes = {"chunk": {"mode": "shadow", "shadow_percent": percent}}
    sidecar = client(serve(echo).url, modes=modes, on_event=seen)
    for number in range(100):
        sidecar.call("chunk", [], fallback=lambda: [], timeout=5, key=str(number))
        if number % 50 == 49:  # the queue is no longer than that
            seen.wait(number + 1)
    both = [event for event in seen.events if event["path"] == "both"]
    assert len(both) == (sum(e["bucket"] < 5000 for e in seen.events) if share is None else share)
    assert all(event["match"] for event in both)


def test_what_is_too_large_to_wait_is_dropped(serve, client, seen, monkeypatch):
    monkeypatch.setattr(_shadow, "MAX_BYTES", 1000)
    sidecar = client(serve(echo).url, modes=SHADOW, on_event=seen)
    for size in (10, 2000):
        sidecar.call("chunk", {"text": ["x" * size]}, fallback=lambda: "old", timeout=5)
    assert sorted(event["reason"] for event in seen.wait(2)) == ["", "shadow_dropped"]
    assert sidecar._shadow._bytes == 0


def test_a_result_that_holds_itself_is_the_callers_all_the_same(serve, client, seen):
    sidecar = client(serve(echo).url, modes=SHADOW, on_event=seen)
    endless = []
    endless.append(endless)
    assert sidecar.call("chunk", {}, fallback=lambda: endless, timeout=5) is endless
    assert sidecar.call("chunk", endless, fallback=lambda: "old", timeout=5) == "old"
    assert [(e["path"], e["reason"]) for e in seen.wait(2)] == [("legacy", "shadow")] * 2


def test_nothing_is_compared_where_nobody_hears_of_it(serve, client):
    server = serve(echo)
    sidecar = client(server.url, modes=SHADOW)
    assert sidecar.call("chunk", {}, fallback=lambda: "old") == "old"
    assert sidecar._shadow._thread is None and server.connections == 0


def test_noise_compares_the_old_code_with_itself(serve, client, seen):
    server = serve(echo)
    sidecar = client(server.url, modes=SHADOW, on_event=seen, noise=100)
    threads = []

    def old():
        threads.append(threading.current_thread())
        return {"n": len(threads)}

    assert sidecar.call("chunk", {}, fallback=old, timeout=5) == {"n": 1}
    (event,) = seen.wait()
    assert (event["path"], event["outcome"], event["reason"]) == ("legacy", "legacy", "noise")
    assert (event["match"], event["diff"], event["sidecar_ms"]) == (False, "/n", None)
    assert threads[0] is threading.current_thread() is not threads[1]
    assert server.connections == 0


def test_a_forked_child_compares_on_its_own(serve, client, seen):
    sidecar = client(serve(echo).url, modes=SHADOW, on_event=seen)
    sidecar.call("chunk", [], fallback=lambda: [], timeout=5)
    seen.wait(1)
    sidecar._shadow._lock.acquire()

    def work():
        seen._came = threading.Condition()
        sidecar.call("chunk", [], fallback=lambda: [], timeout=5)
        return ["child"] if seen.wait(2)[-1]["match"] else None

    try:
        assert in_child(work)
    finally:
        sidecar._shadow._lock.release()


def test_an_open_breaker_holds_for_comparisons_too(serve, client, seen):
    server = serve(lambda peer: peer.request() and None)
    sidecar = client(
        server.url, modes=SHADOW, on_event=seen, breaker=hotpathd.Breaker(min_calls=3, open_s=60)
    )
    for number in range(5):
        sidecar.call("chunk", {}, fallback=lambda: "old", timeout=5)
        seen.wait(number + 1)
    assert [(e["reason"], e["path"]) for e in seen.events] == [("connect", "both")] * 3 + [
        ("breaker_open", "legacy")
    ] * 2
    assert server.connections == 3


def test_close_ends_the_thread_and_drops_what_waits(serve, client):
    sidecar = client(serve(echo).url, modes=SHADOW, on_event=print)
    sidecar.call("chunk", [], fallback=lambda: [], timeout=5)
    thread = sidecar._shadow._thread
    sidecar.close()
    assert not thread.is_alive()
    sidecar.call("chunk", [], fallback=lambda: [], timeout=5)


def test_a_forgotten_client_ends_its_thread(serve):
    sidecar = hotpathd.Client(serve(echo).url, modes=SHADOW, on_event=lambda event: None)
    sidecar.call("chunk", [], fallback=lambda: [], timeout=5)
    thread = sidecar._shadow._thread
    sidecar._transport.close()
    end = time.monotonic() + 20
    del sidecar
    while thread.is_alive():
        assert time.monotonic() < end
        time.sleep(0.01)
