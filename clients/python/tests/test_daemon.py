"""The real daemon, from $HOTPATHD_BIN: real calls, modes from its rollout, and its death."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Iterator

import pytest

import hotpathd

BINARY = os.environ.get("HOTPATHD_BIN", "")
START_S = 20.0
EXAMPLES = sorted((pathlib.Path(__file__).parents[1] / "examples").glob("*.py"))
TEXT = "One paragraph.\n\nAnother, na\u00efve one. \U0001f600"

pytestmark = pytest.mark.skipif(
    not os.access(BINARY, os.X_OK),
    reason="HOTPATHD_BIN names no program: set it to build/hotpathd",
)


class Daemon:
    """A daemon of this test, on ports and in a folder of its own."""

    def __init__(self, folder: pathlib.Path, *settings: str) -> None:
        ready_file = folder / "ready.json"
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--listen", f"unix:{folder}/s"]
        command += ["--admin", "127.0.0.1:0", "--ready-file", str(ready_file)]
        for setting in settings:
            command += ["--set", setting]
        self.log = folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, cwd=folder)
        try:
            listen = self._await(ready_file)["listen"]
            self.tcp = next(url for url in listen if url.startswith("http:"))
            self.unix = next(url for url in listen if url.startswith("unix:"))
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def stop(self, number: int) -> int:
        """Signals this daemon, by its pid, and waits for its end."""
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        return self.process.wait(30)

    def _await(self, ready_file: pathlib.Path) -> dict:
        """The ready file appears in one piece: its being there is the event."""
        end = time.monotonic() + START_S
        while not ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the daemon did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)
        ready = json.loads(ready_file.read_text())
        assert ready["pid"] == self.process.pid
        return ready


@pytest.fixture
def start(tmp_path) -> Iterator:
    daemons = []

    def starter(*settings: str) -> Daemon:
        folder = tmp_path / str(len(daemons))
        folder.mkdir()
        daemons.append(Daemon(folder, *settings))
        return daemons[-1]

    yield starter
    for daemon in daemons:
        daemon.stop(signal.SIGKILL)


def pieces(body):
    return [body["text"][c["start"] : c["end"]] for c in body["chunks"]]


def split(sidecar, timeout=5.0):
    body = {"text": TEXT, "chunk": {"max": 5}}
    return sidecar.call("chunk", body, fallback=lambda: ["old"], reply=pieces, timeout=timeout)


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_real_calls(start, client, kind):
    sidecar = client(getattr(start(), kind), caller="test/1")
    for _ in range(20):
        chunks = split(sidecar)
        assert sidecar.last.outcome == "ok", sidecar.last
        assert len(chunks) > 1
        assert "".join("".join(chunks).split()) == "".join(TEXT.split())
    assert sidecar._transport.idle() == 1


def test_a_large_document(start, client):
    sidecar = client(start().unix)
    text = "A sentence of some words, and a number. " * 25_000
    body = {"text": text, "encoding": "estimate", "return_text": "never"}
    got = sidecar.call("chunk", body, fallback=lambda: None, timeout=10)
    assert sidecar.last.outcome == "ok", sidecar.last
    assert got["chunks"][-1]["end"] == len(text.rstrip())


def test_the_daemons_refusals_have_their_reasons(start, client):
    sidecar = client(start().tcp, modes={"chunk": "on", "nothing": "on"})
    for route, body, reason, detail in [
        ("chunk", {"text": "a", "colour": 1}, "contract", "400 unknown_field"),
        ("chunk", b'{"text": ', "contract", "400 bad_json"),
        ("chunk", {"text": "\ud800"}, "contract", "400 bad_utf8"),
        ("chunk", {"text": "a", "chunk": {"max": 0}}, "contract", "422 out_of_range"),
        ("nothing", {}, "http_4xx", "404 not_found"),
    ]:
        assert sidecar.call(route, body, fallback=lambda: "old", timeout=5) == "old"
        assert (sidecar.last.reason, sidecar.last.detail) == (reason, detail)


def test_a_budget_too_small_for_the_document_is_a_timeout(start, client):
    sidecar = client(start().tcp)
    body = json.dumps({"text": "word " * 4_000_000}).encode()
    assert sidecar.call("chunk", body, fallback=lambda: "old", timeout=0.005) == "old"
    assert sidecar.last.reason == "timeout", sidecar.last
    assert split(sidecar) != ["old"]


@pytest.mark.parametrize(
    "settings, reason",
    [
        ([], ""),
        (["chunk.mode=off"], "off"),
        (["chunk.mode=shadow"], "shadow"),
        (["chunk.mode=canary", "chunk.percent=0"], "canary"),
        (["chunk.mode=canary", "chunk.percent=100"], ""),
    ],
)
def test_modes_come_from_the_rollout(start, client, settings, reason):
    sidecar = client(start(*settings).tcp, modes=None)
    until(lambda: split(sidecar) and sidecar.last.reason != "no_rollout")
    split(sidecar)
    assert sidecar.last.reason == reason
    assert sidecar.last.path == ("legacy" if reason else "sidecar")
    sidecar._poller.poll()  # and once more, which the daemon answers with 304
    assert sidecar._poller._trouble == ""


def test_the_daemon_refuses_a_route_that_is_off(start, client):
    sidecar = client(start("chunk.mode=off").tcp)
    assert split(sidecar) == ["old"]
    assert sidecar.last.reason == "route_off"


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_kill_means_the_fallback(start, client, kind):
    daemon = start()
    sidecar = client(getattr(daemon, kind))
    assert split(sidecar) != ["old"]
    daemon.stop(signal.SIGKILL)
    for _ in range(3):
        assert split(sidecar) == ["old"]
        assert (sidecar.last.outcome, sidecar.last.reason) == ("fallback", "connect")


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_polite_stop_means_the_fallback(start, client, kind):
    """Calls go on throughout: each is answered by one side or the other, and the exit is clean."""
    daemon = start()
    sidecar = client(getattr(daemon, kind))
    assert split(sidecar) != ["old"]
    os.kill(daemon.process.pid, signal.SIGTERM)
    seen = set()

    def old_path():
        result = split(sidecar)
        seen.add(sidecar.last.reason)
        return result == ["old"]

    until(old_path)
    assert daemon.process.wait(30) == 0
    assert old_path()
    assert seen <= {"", "draining", "connect"}


def test_a_daemon_that_comes_back_is_used_again(start, client):
    """On the same Unix socket, without anything done to the client."""
    daemon = start()
    sidecar = client(daemon.unix, modes=None, poll_s=0.1)
    until(lambda: split(sidecar) != ["old"])
    daemon.stop(signal.SIGTERM)
    assert split(sidecar) == ["old"]
    again = start()
    path = daemon.unix[len("unix:") :]
    if os.path.exists(path):
        os.unlink(path)
    os.symlink(again.unix[len("unix:") :], path)
    until(lambda: split(sidecar) != ["old"])


def test_shadow_and_events_with_the_real_daemon(start, client, tmp_path):
    """The modes come from it; its own answer, taken before, is the old result."""
    daemon = start("chunk.mode=shadow")
    old = client(daemon.tcp).chunk(TEXT, fallback=lambda: [], max=5, timeout=5)
    assert len(old) > 1 and old[0].tokens
    path = tmp_path / "events"
    with client(daemon.unix, modes=None, poll_s=0.1, events=path, caller="test/1") as sidecar:
        until(lambda: sidecar.chunk(TEXT, fallback=lambda: old, max=5) and sidecar.last.reason == "shadow")
        sidecar.chunk(TEXT, fallback=lambda: [c.text.upper() for c in old], max=5)
        until(lambda: sidecar._shadow._bytes == 0)
    found = [json.loads(line) for line in path.read_text().splitlines()]
    right, wrong = found[-2:]
    assert (right["path"], right["match"], right["diff"]) == ("both", True, None)
    assert (wrong["match"], wrong["diff"]) == (False, "/0/text")
    assert right["server"]["compute"] >= 0


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_the_examples_run(start, kind, example):
    daemon = start()
    environment = {**os.environ, "HOTPATHD_URL": getattr(daemon, kind)}
    environment["PYTHONPATH"] = str(example.parents[1] / "src")
    done = subprocess.run(
        [sys.executable, str(example)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "outcome='ok'" in done.stdout, done.stdout
