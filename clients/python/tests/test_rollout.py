"""Which calls go to the sidecar: kill switch, modes, canary, and where they are learnt from."""

from __future__ import annotations

import gc
import json
import pathlib
import subprocess
import sys
import threading
import time

import pytest
from faults import problem, reply, rollout
from test_faults import in_child

import hotpathd
from hotpathd import _rollout

OLD = object()
VECTORS = pathlib.Path(__file__).parents[3] / "docs" / "canary-vectors.json"


class Daemon:
    """A script with a rollout that tests can change; other requests get their body back.

    `asked` counts looks at the rollout. The client asks from one thread, so when look n + 1
    arrives, the answer to look n is in force.
    """

    def __init__(self, answer=b""):
        self.answer = answer
        self.asked = 0
        self.tags = []
        self.calls = 0
        self._changed = threading.Condition()

    def __call__(self, peer):
        while (request := peer.request()) is not None:
            if request.target != "/v1/rollout":
                self.calls += 1
                peer.send(reply(request.body))
                continue
            with self._changed:
                self.asked += 1
                self.tags.append(request.headers.get("if-none-match"))
                self._changed.notify_all()
            peer.send(self.answer)

    def wait(self, looks=2):
        """Until `looks` more looks have come."""
        with self._changed:
            goal = self.asked + looks
            assert self._changed.wait_for(lambda: self.asked >= goal, 20)


def reason(sidecar, **options):
    sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5, **options)
    return sidecar.last.reason


def until(condition):
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("never came true")


def by_hand(client, url):
    """A client whose thread has ended after its first look: polls come from the test alone."""
    sidecar = client(url, modes=None, poll_s=60)
    sidecar._poller.close()
    return sidecar


# The canary


def vectors():
    return json.loads(VECTORS.read_text(encoding="ascii"))


def test_the_canary_gives_the_published_buckets():
    rows = vectors()
    assert len(rows) >= 40
    for row in rows:
        got = _rollout.bucket(row["route"], row["salt"], row["key"])
        assert got == row["bucket"], (row["route"], row["salt"], row["key"][:40])
        assert got == _rollout.bucket(row["route"], row["salt"], row["key"].encode("utf-8"))


def test_raising_the_percentage_only_adds_and_two_decimals_count():
    for number in range(0, 10000, 7):
        shares = [percent / 100 for percent in range(0, 10001, 9)] + [100]
        inside = [_rollout.is_in(number, percent) for percent in shares]
        assert inside == sorted(inside)
    for hundredths in range(10001):
        size = hundredths
        percent = hundredths / 100
        assert not _rollout.is_in(size, percent)
        assert size == 0 or _rollout.is_in(size - 1, percent)


def test_the_canary_goes_by_the_key(serve, client):
    rows = [row for row in vectors() if (row["route"], row["salt"]) == ("chunk", "chunk")]
    sidecar = client(serve(Daemon()).url, modes={"chunk": {"mode": "canary", "percent": 33.33}})
    seen = set()
    for row in rows:
        expected = "" if row["bucket"] < 3333 else "canary"
        assert reason(sidecar, key=row["key"]) == expected
        seen.add(expected)
    assert seen == {"", "canary"}
    assert sidecar.last.outcome in ("ok", "legacy")


def test_a_missing_key_is_drawn(serve, client):
    sidecar = client(serve(Daemon()).url, modes={"chunk": {"mode": "canary", "percent": 50}})
    assert {reason(sidecar) for _ in range(200)} == {"", "canary"}


def test_the_decorators_key_is_the_same_key(serve, client):
    sidecar = client(serve(Daemon()).url, modes={"chunk": {"mode": "canary", "percent": 50}})
    split = sidecar.path("chunk", request=lambda key: [key], key=lambda key: key, timeout=5)(
        lambda key: OLD
    )
    for row in vectors()[:30]:
        split(row["key"])
        assert (sidecar.last.outcome == "ok") == (row["bucket"] < 5000) or row["salt"] != "chunk"


def test_any_key_gets_an_answer(client):
    sidecar = client("unix:/none", modes={"chunk": {"mode": "canary", "percent": 0}})
    for key in ("\ud800", b"\xff", ""):
        assert reason(sidecar, key=key) == "canary"
    assert reason(sidecar, key=17) == "canary"
    assert reason(sidecar, key=[17]) == "contract"


# The kill switch


@pytest.mark.parametrize(
    "value, off",
    [("1", True), ("true", True), ("ON", True), ("all", True), ("chunk", True), ("score, chunk", True),
     ("", False), ("0", False), ("score", False), ("chunks", False), ("false", False)],
)  # fmt: skip
def test_the_kill_switch_wins(serve, client, monkeypatch, value, off):
    monkeypatch.setenv("HOTPATHD_OFF", value)
    daemon = Daemon()
    assert reason(client(serve(daemon).url)) == ("off" if off else "")
    assert daemon.calls == (0 if off else 1)


# Pinned modes


@pytest.mark.parametrize(
    "modes, expected",
    [
        ({"chunk": "on"}, ""),
        ({"chunk": "off"}, "off"),
        ({"score": "on"}, "off"),
        ({}, "off"),
        ({"chunk": {"mode": "canary", "percent": 100}}, ""),
        ({"chunk": {"mode": "canary", "percent": 0}}, "canary"),
    ],
)
def test_pinned_modes_are_in_force_at_once_and_nothing_is_polled(serve, client, modes, expected):
    daemon = Daemon()
    sidecar = client(serve(daemon).url, modes=modes)
    assert reason(sidecar) == expected
    assert sidecar.last.outcome == ("legacy" if expected else "ok")
    assert daemon.asked == 0 and daemon.calls == (0 if expected else 1)


@pytest.mark.parametrize(
    "modes",
    [{"chunk": "ON"}, {"chunk": "canary"}, {"a b": "on"}, {"chunk": True}, {"chunk": {}},
     {"chunk": {"mode": "canary", "percent": 101}}, {"chunk": {"mode": "on", "deadline_ms": 0}},
     {"chunk": {"mode": "canary", "percent": float("nan")}}],
)  # fmt: skip
def test_refuses_modes(modes):
    with pytest.raises(ValueError):
        hotpathd.Client("unix:/none", modes=modes)


# The rollout


def test_until_the_first_answer_calls_take_the_old_path(serve, client):
    release = threading.Event()

    def script(peer):
        while peer.request() is not None:
            release.wait(0.9)
            peer.send(rollout(chunk="on"))

    sidecar = client(serve(script).url, modes=None)
    assert reason(sidecar) == "no_rollout"
    assert sidecar.last.outcome == "legacy"
    release.set()


def test_no_daemon_at_all_is_the_old_path(client, caplog):
    sidecar = by_hand(client, "unix:/none")
    sidecar._poller.poll()
    sidecar._poller.poll()
    assert reason(sidecar) == "no_rollout"
    assert len([r for r in caplog.records if "rollout not read (connect" in r.message]) == 1


def test_a_change_of_mode_is_followed(serve, client):
    daemon = Daemon(rollout("1", chunk="on"))
    sidecar = client(serve(daemon).url, modes=None, poll_s=0.05)
    for version, mode, expected in [
        ("1", "on", ""),
        ("2", "off", "off"),
        ("3", "shadow", "shadow"),
        ("4", "on", ""),
    ]:
        daemon.answer = rollout(version, chunk=mode)
        daemon.wait()
        assert reason(sidecar) == expected


def test_the_routes_deadline_is_the_default(serve, client):
    seen = []

    def script(peer):
        while (request := peer.request()) is not None:
            seen.append(request)
            peer.send(rollout(chunk="on"))

    sidecar = by_hand(client, serve(script).url)
    sidecar._poller.poll()
    sidecar.call("chunk", [], fallback=lambda: OLD)
    call = next(request for request in seen if request.method == "POST")
    assert 1000 < int(call.headers["x-request-timeout-ms"]) <= 2000


def test_an_unchanged_rollout_is_not_sent_again(serve, client):
    daemon = Daemon(rollout("7", chunk="on"))
    sidecar = by_hand(client, serve(daemon).url)
    sidecar._poller.poll()
    daemon.answer = b"HTTP/1.1 304 Not Modified\r\nETag: \"7\"\r\n\r\n"
    sidecar._poller.poll()
    assert daemon.tags[-1] == '"7"'
    assert reason(sidecar) == ""


BAD_ROUTE = {"mode": "on", "percent": 100, "deadline_ms": 250, "salt": "chunk"}


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        reply(b"{"),
        reply([]),
        reply({}),
        reply({"routes": []}),
        reply({"routes": {"chunk": "off"}}),
        reply({"routes": {"chunk": {**BAD_ROUTE, "mode": True}}}),
        reply({"routes": {"chunk": {**BAD_ROUTE, "percent": "5"}}}),
        reply({"routes": {"chunk": {**BAD_ROUTE, "percent": True}}}),
        reply({"routes": {"chunk": {**BAD_ROUTE, "percent": 101}}}),
        reply({"routes": {"chunk": {**BAD_ROUTE, "deadline_ms": 0}}}),
        reply({"routes": {"chunk": {**BAD_ROUTE, "deadline_ms": 1e400}}}),
        reply({"routes": {"chunk": {**BAD_ROUTE, "salt": None}}}),
        reply({"routes": {"../x": BAD_ROUTE}}),
        problem(503, "draining"),
        problem(404, "not_found"),
        reply(b"", 302, Location="/"),
    ],
)
def test_the_last_good_answer_stays_in_force(serve, client, answer):
    daemon = Daemon(rollout(chunk="on"))
    sidecar = by_hand(client, serve(daemon).url)
    sidecar._poller.poll()
    daemon.answer = answer
    sidecar._poller.poll()
    assert sidecar._poller._trouble != ""
    assert reason(sidecar) == ""


def test_an_answer_may_hold_more_than_we_know(serve, client):
    route = {**BAD_ROUTE, "shadow_percent": 3, "new": {}}
    answer = reply({"version": "1", "poll_s": 1, "routes": {"chunk": route}, "new": 1})
    sidecar = by_hand(client, serve(Daemon(answer)).url)
    sidecar._poller.poll()
    assert reason(sidecar) == ""


def test_a_304_that_nobody_asked_for_is_no_answer(serve, client):
    answer = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    sidecar = by_hand(client, serve(Daemon(answer)).url)
    sidecar._poller.poll()
    assert reason(sidecar) == "no_rollout"


def test_the_daemon_going_away_changes_nothing_but_the_calls(serve, client):
    server = serve(Daemon(rollout(chunk="on")))
    sidecar = by_hand(client, server.url)
    sidecar._poller.poll()
    assert reason(sidecar) == ""
    server.close()
    sidecar._poller.poll()
    assert reason(sidecar) == "connect"


def test_close_ends_the_thread(serve, client):
    daemon = Daemon(rollout(chunk="on"))
    sidecar = client(serve(daemon).url, modes=None, poll_s=60)
    thread = sidecar._poller._thread
    sidecar.close()
    assert not thread.is_alive()
    assert reason(sidecar) == "off"
    assert sidecar._poller._thread is thread


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_forgotten_client_ends_its_thread(serve):
    daemon = Daemon(rollout(chunk="on"))
    sidecar = hotpathd.Client(serve(daemon).url, poll_s=0.05)
    thread = sidecar._poller._thread
    daemon.wait(1)
    del sidecar
    gc.collect()
    thread.join(20)
    assert not thread.is_alive()


def test_no_thread_to_be_had_is_the_old_path(serve, client, monkeypatch):
    def refuse(_self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        sidecar = hotpathd.Client("unix:/none")
        assert reason(sidecar) == "no_rollout"
    assert sidecar._poller._thread is None
    assert reason(sidecar) == "no_rollout"
    assert sidecar._poller._thread is not None
    sidecar.close()


def test_a_forked_child_polls_on_its_own(serve, client):
    """It starts with what the parent knew and hears of changes by a thread of its own."""
    daemon = Daemon(rollout("1", chunk="off"))
    sidecar = client(serve(daemon).url, modes=None, poll_s=60)
    until(lambda: reason(sidecar) == "off")
    sidecar._poller._lock.acquire()  # as another thread might hold it right now
    daemon.answer = rollout("2", chunk="on")

    def work():
        until(lambda: reason(sidecar) == "")
        return ["child"]

    try:
        assert in_child(work)
    finally:
        sidecar._poller._lock.release()
    assert reason(sidecar) == "off"


def test_the_vectors_are_what_their_script_makes():
    script = VECTORS.with_suffix(".py")
    assert subprocess.run([sys.executable, str(script), "--check"]).returncode == 0
