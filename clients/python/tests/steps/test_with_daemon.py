"""With the real daemon, from $HOTPATHD_BIN: an edit is seen through the watched folder, and /v1/rollout says so."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import REPOSITORY

from hotpathd.steps import target
from hotpathd.steps.problem import Unusable
from hotpathd.steps.switch import switch_of

BINARY = os.environ.get("HOTPATHD_BIN", "")
TRIES = 4  # of a promise in seconds: a busy machine steals from some, a daemon that breaks it from each
pytestmark = pytest.mark.skipif(not os.access(BINARY, os.X_OK), reason="HOTPATHD_BIN names no program: set it to build/hotpathd")


class Daemon:
    def __init__(self, file: Path) -> None:
        ready = file.parent.parent / "ready.json"
        command = [BINARY, "serve", "--config", str(file), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ready-file", str(ready)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=file.parent.parent)
        until(ready.exists)
        fields = json.loads(ready.read_text())
        self.admin = fields["admin"]
        self.url = next(url for url in fields["listen"] if url.startswith("http:"))

    def switch(self, route: str = "chunk") -> str:
        with urllib.request.urlopen(f"{self.url}/v1/rollout", timeout=10) as reply:
            found = json.load(reply)["routes"][route]
        return f"{found['percent']:g} %" if found["mode"] == "canary" else str(found["mode"])

    def stop(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(30)


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.02)


def seconds_until(condition):
    started = time.monotonic()
    until(condition)
    return time.monotonic() - started


def put(bench, route, to):
    """As an editor does: a new file in the old one's place."""
    aim = target.load(str(bench.file))
    after = target.edited(aim, route, switch_of(to))
    if after is not None:
        new = bench.file.with_suffix(".new")
        new.write_bytes(after)
        os.replace(new, bench.file)


@pytest.fixture
def daemon(bench):
    text = (REPOSITORY / "conf" / "hotpathd.yaml").read_text()
    bench.file.write_text(re.sub("(?m)^kill_switch: .*$", f"kill_switch: {bench.folder / 'off'}", text))
    started = Daemon(bench.file)
    yield started
    started.stop()


def test_each_step_is_in_force_and_off_within_two_seconds(bench, daemon):
    bench.plan(steps="shadow=0s 0.5=0s 25=0s 100=0s")
    bench.says("GO")
    for expected in ("shadow", "0.5 %", "25 %", "on"):
        bench.step("--binary", BINARY, expect=0)
        until(lambda: daemon.switch() == expected)
    bench.says("ROLLBACK")
    bench.step("--binary", BINARY, expect=30)
    waited = [seconds_until(lambda: daemon.switch() == "off")]
    while len(waited) < 2 or (min(waited) >= 2 and len(waited) < TRIES):
        put(bench, "score", "on")
        until(lambda: daemon.switch("score") == "on")
        bench.run("off", "score", "--binary", BINARY, expect=0)
        waited.append(seconds_until(lambda: daemon.switch("score") == "off"))
    assert min(waited) < 2, waited


def test_off_tells_when_it_is_in_force(bench, daemon):
    bench.plan()
    said = bench.run("off", "--url", daemon.url, expect=0).stdout
    assert said.count("in force after") == 2 and (daemon.switch("chunk"), daemon.switch("score")) == ("off", "off")


def test_off_tells_where_it_is_not_in_force(bench, daemon):
    """The daemon reads another file than the one that was edited; the kill switch that it looks for helps, another does not."""
    other = bench.folder / "other.yaml"
    other.write_text("routes: { chunk: { mode: on } }\n")
    off = ("off", "--file", str(other), "chunk", "--url", daemon.url)
    said = bench.run(*off, "--kill-switch", str(bench.folder / "another"), expect=2).stdout
    assert "chunk is on there" in said and daemon.switch() == "on"
    said = bench.run(*off, "--kill-switch", str(bench.folder / "off"), expect=0).stdout
    assert "in force after" in said and (daemon.switch("chunk"), daemon.switch("score")) == ("off", "off")


def test_off_where_the_file_is_broken_asks_the_daemon_for_its_kill_switch(bench, daemon):
    bench.file.write_text("routes: {")
    said = bench.run("off", "--file", "conf/hotpathd.yaml", "--url", daemon.admin, expect=0).stdout
    assert f"{bench.folder / 'off'} (as {daemon.admin} says)" in said
    until(lambda: (daemon.switch("chunk"), daemon.switch("score")) == ("off", "off"))


def test_a_file_that_the_daemon_refuses_gets_no_step_up(bench):
    bench.plan(steps="shadow=0s 1=0s")
    bench.says("GO")
    bench.step("--binary", BINARY, expect=0)
    bench.file.write_text(bench.file.read_text() + "wrong: 1\n")
    before = bench.file.read_bytes()
    assert "the daemon would refuse it" in bench.step("--binary", BINARY, expect=2)
    assert bench.file.read_bytes() == before and len(bench.ledger()) == 1


def test_off_in_a_file_that_the_daemon_refuses_says_that_it_is_not_in_force(bench):
    bench.file.write_text(bench.file.read_text() + "wrong: 1\n")
    said = bench.run("off", "--file", "conf/hotpathd.yaml", "--binary", BINARY, expect=2).stdout
    assert "the daemon would refuse it" in said and "--kill-switch /run/hotpathd/off" in said
    assert bench.switch("chunk") == "off"


@pytest.mark.parametrize("text", ["", "# none\n", "routes:\n", "routes: {}\n", "routes:\n  score: { mode: off }\n", "routes:\r\n  chunk:\r\n    salt: \"é\"\r\n", "\ufeffworkers: 1\n", "routes:\n  chunk:\n    mode:\ton\t# tab\n", '{"routes":{"chunk":{"percent":5}}}', "---\n{}\n...\n"])
def test_the_daemon_takes_what_was_edited(tmp_path, text):
    file = tmp_path / "hotpathd.yaml"
    for to in ("off", "12.25", "shadow"):
        file.write_bytes(text.encode())
        aim = target.load(str(file))
        after = target.edited(aim, "chunk", switch_of(to))
        target.check(aim, after, BINARY)
    with pytest.raises(Unusable, match="hotpathd.yaml:1:"):
        file.write_text("wrong: 1\n")
        aim = target.load(str(file))
        target.check(aim, aim.before, BINARY)
