"""A daemon for all tests of the adapters, and its own answers to hold theirs against."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from typing import Any, Callable, Iterator

import pytest
from samples import MODES, ROOT
from test_daemon import BINARY, Daemon

import hotpathd
from hotpathd.adapters._shared import default_client

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # tests talk to nobody


@pytest.fixture(scope="session")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    if not os.access(BINARY, os.X_OK):
        pytest.skip("HOTPATHD_BIN names no program: set it to build/hotpathd")
    folder = tmp_path_factory.mktemp("daemon")
    (folder / "build").mkdir()
    (folder / "build/vocab").symlink_to(ROOT / "build/vocab")  # exact counts, where it is there
    started = Daemon(folder, "chunk.deadline_ms=10000", "score.deadline_ms=10000")
    yield started
    started.stop(signal.SIGKILL)


@pytest.fixture(autouse=True)
def nobodys_environment(clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A client that is made from the environment finds nobody, and ends with its test."""
    monkeypatch.setenv("HOTPATHD_URL", "unix:/none")
    default_client.cache_clear()
    yield
    if default_client.cache_info().currsize:
        default_client().close()


@pytest.fixture
def sidecar(daemon: Daemon) -> Iterator[hotpathd.Client]:
    with hotpathd.Client(daemon.unix, modes=MODES, timeout=10) as client:
        yield client


@pytest.fixture
def nobody() -> Iterator[hotpathd.Client]:
    """A client whose daemon is not there: each call is the old code's."""
    with hotpathd.Client("unix:/none", modes=MODES, breaker=None) as client:
        yield client


@pytest.fixture
def ask(daemon: Daemon) -> Callable[..., Any]:
    """The daemon's own answer, without the client."""

    def post(route: str, **body: Any) -> Any:
        connection = http.client.HTTPConnection(daemon.tcp[len("http://") :], timeout=10)
        connection.request("POST", f"/v1/{route}", json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        answer = json.loads(reply.read())
        connection.close()
        assert reply.status == 200, answer
        return answer

    return post


@pytest.fixture
def run() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts `python -m ...`, with the client importable; ended, by its pid, with the test."""
    started = []

    def start(*arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
        path = os.pathsep.join([str(ROOT / "clients/python/src"), *filter(None, [os.environ.get("PYTHONPATH")])])
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env={**os.environ, "PYTHONPATH": path, **environment},
                stdin=subprocess.DEVNULL,
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)
