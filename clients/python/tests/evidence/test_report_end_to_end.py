"""The real daemon and the Python client write; the report's counts are theirs, to the last call."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Iterator

import pytest

pytest.importorskip("numpy", reason="the extra 'report' is not installed: tests/venv report needs a registry")
sys.path.insert(0, str(Path(__file__).parents[1]))

from test_daemon import BINARY, Daemon, pieces  # noqa: E402

import hotpathd  # noqa: E402

pytestmark = pytest.mark.skipif(not os.access(BINARY, os.X_OK), reason="HOTPATHD_BIN names no program: set it to build/hotpathd")

COUNTER = re.compile(r'^hotpathd_requests_total{route="chunk",.*mode="(?:live|shadow)"} ([0-9]+)$', re.M)
CANARY = {"mode": "canary", "percent": 30, "deadline_ms": 5000, "salt": "s"}


class Site:
    """A daemon and what a team has of it: events, log, scrapes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemon = Daemon(folder)
        self.admin = json.loads((folder / "ready.json").read_text())["admin"]
        self.events = folder / "events.jsonl"

    def scrape(self, name: str, requests: int = 0) -> str:
        """Once so many requests are counted: that is a moment after their replies."""
        path, end = self.folder / name, time.monotonic() + 10
        while True:
            with urllib.request.urlopen(f"{self.admin}/metrics", timeout=10) as reply:
                path.write_bytes(reply.read())
            counted = sum(map(int, COUNTER.findall(path.read_text())))
            if counted >= requests or time.monotonic() > end:
                return str(path)
            time.sleep(0.01)

    def asked(self) -> int:
        return sum(json.loads(line)["sidecar_ms"] is not None for line in self.events.read_text().splitlines())

    def calls(self, mode: Any, count: int, **options: Any) -> None:
        with hotpathd.Client(self.daemon.unix, modes={"chunk": mode}, events=self.events, timeout=5, breaker=None, **options) as client:
            for number in range(count):
                self.call(client, f"Paragraph {number}.\n\nAnother.", str(number))
                while mode == "shadow" and client._shadow._queue.qsize() > 32:
                    time.sleep(0.001)  # the comparisons keep up
            _settle(client)

    def call(self, client: hotpathd.Client, text: str, key: str, **options: Any) -> Any:
        body = {"text": text, "chunk": {"max": 5, **options}}
        return client.call("chunk", body, fallback=lambda: [part for part in text.split("\n\n")], reply=pieces, key=key)


def _settle(client: hotpathd.Client) -> None:
    """Until the last comparison is told: closing would drop what waits."""
    while client._shadow._bytes:
        time.sleep(0.001)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.daemon.stop(signal.SIGKILL)


def test_the_books_agree_to_the_last_call(site: Site, bench: Any) -> None:
    before = site.scrape("before.prom")
    site.calls("off", 50)
    site.calls("shadow", 200)
    site.calls(CANARY, 300)
    with hotpathd.Client(site.daemon.unix, modes={"chunk": "on"}, events=site.events, breaker=None) as client:
        for number in range(7):
            site.call(client, "refused", str(number), nonsense=True)
    with hotpathd.Client("unix:/none", modes={"chunk": "on"}, events=site.events, breaker=None) as client:
        for number in range(5):
            site.call(client, "never sent", str(number))
    after = site.scrape("after.prom", site.asked() - 5)
    site.daemon.stop(signal.SIGTERM)

    bench.files = [str(site.events)]
    report = bench.run("--metrics", before, after, "--log", str(site.daemon.log))
    events = [json.loads(line) for line in site.events.read_text().splitlines()]
    tried = sum(one["sidecar_ms"] is not None for one in events)
    (books,) = report["integrity"]["books"]
    assert report["evidence"]["events"] == len(events) == 562
    assert books["asked"] == tried
    assert (books["received"], books["refused"], books["never_sent"], books["agree"]) == (tried - 5, 7, 5, True)
    assert report["integrity"]["log"]["in_no_event"]["count"] == 0
    assert report["integrity"]["log"]["refused_but_not_logged"]["count"] == 0
    counts = report["routes"]["chunk"]["counts"]
    assert (counts["calls"], counts["shadow"], counts["fallbacks"]) == (562, 200, 12)
    assert report["routes"]["chunk"]["mismatches"]["compared"] == 200
    assert report["problems"] == []


def test_calls_of_somebody_else_are_found(site: Site, bench: Any) -> None:
    before = site.scrape("before.prom")
    site.calls({**CANARY, "percent": 100}, 20)
    with hotpathd.Client(site.daemon.unix, modes={"chunk": "on"}, events=None, breaker=None) as stranger:
        site.call(stranger, "no event of this", "k", nonsense=True)
    after = site.scrape("after.prom", 21)
    site.daemon.stop(signal.SIGTERM)
    bench.files = [str(site.events)]
    report = bench.run("--metrics", before, after, "--log", str(site.daemon.log))
    (books,) = report["integrity"]["books"]
    assert (books["asked"], books["received"], books["agree"]) == (20, 21, False)
    assert report["integrity"]["log"]["in_no_event"]["count"] == 1
    assert "THE BOOKS DO NOT AGREE" in bench.out
    assert report["verdict"] != "GO"
