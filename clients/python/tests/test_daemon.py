"""The real daemon, from $HOTPATHD_BIN: real calls, modes from its rollout, and its death."""

from __future__ import annotations

import asyncio
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
from hotpathd import _http

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

    def __init__(self, folder: pathlib.Path, *settings: str, config: str = "") -> None:
        ready_file = folder / "ready.json"
        (folder / "conf").mkdir()
        (folder / "conf" / "hotpathd.yaml").write_text(config)
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

    def starter(*settings: str, config: str = "") -> Daemon:
        folder = tmp_path / str(len(daemons))
        folder.mkdir()
        daemons.append(Daemon(folder, *settings, config=config))
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


def test_its_replies_are_read_by_the_quick_reader(start, client, monkeypatch):
    """Which knows them by the order of their headers."""
    quick, read = _http.read_own, []
    monkeypatch.setattr(_http, "read_own", lambda data: read.append(quick(data)) or read[-1])
    sidecar = client(start().unix, modes={"chunk": "on", "score": "on"}, timeout=5)
    sidecar.call("chunk", {"text": TEXT}, fallback=dict)
    sidecar.call("score", {"query": "a", "documents": ["a"]}, fallback=dict)
    assert [reply and reply.contract for reply in read] == ["chunk/1", "score/1"]


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


# The request in the daemon's log, in the event and in the caller's own trace

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def logged(daemon: Daemon, request_id: str) -> dict:
    """The daemon's line about a request, once it is there."""
    found: list = []

    def is_there() -> bool:
        lines = daemon.log.read_text().splitlines(keepends=True)
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        found[:] = [line for line in whole if line.get("request_id") == request_id]
        return bool(found)

    until(is_there)
    return found[0]


@pytest.mark.parametrize("body, code", [({"text": TEXT}, "ok"), ({"colour": 1}, "unknown_field")])
def test_a_request_is_found_in_the_daemons_log_and_in_the_event(start, body, code):
    daemon, events = start(), []
    options = {"modes": {"chunk": "on"}, "on_event": events.append, "caller": "worker/1.4"}
    with hotpathd.Client(daemon.unix, **options) as sidecar:
        sidecar.call("chunk", body, fallback=lambda: None, timeout=5, traceparent=TRACE)
        last = sidecar.last
    line = logged(daemon, last.request_id)
    (event,) = events
    assert event["request_id"] == last.request_id
    assert event["trace_id"] == line["trace_id"] == TRACE[3:35]
    assert (line["code"], line["caller"], line["mode"]) == (code, "worker/1.4", "live")
    assert line["bytes_in"] == event["bytes_in"]


def test_the_span_of_opentelemetry_reaches_the_daemons_log(start):
    """The real library: the span that is current in the caller, without a word of the caller's."""
    trace = pytest.importorskip("opentelemetry.sdk.trace")
    daemon = start()
    tracer = trace.TracerProvider().get_tracer("test")
    with hotpathd.Client(daemon.unix, modes={"chunk": "on"}) as sidecar:
        with tracer.start_as_current_span("split") as span:
            split(sidecar)
            inside = sidecar.last.request_id
        split(sidecar)
        outside = sidecar.last.request_id
    assert logged(daemon, inside)["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert logged(daemon, outside)["trace_id"] == ""


# The helpers, in front of what a team may have had


def old_split(text: str, size: int = 60) -> list:
    """Paragraphs, cut at `size` characters."""
    parts = [part.strip() for part in text.split("\n\n") if part.strip()]
    return [part[at : at + size] for part in parts for at in range(0, len(part), size)]


def old_rank(query: str, documents: list) -> list:
    """By how many of the query's words a document has."""
    wanted = set(query.lower().split())
    scored = [(index, float(len(wanted & set(text.lower().split())))) for index, text in enumerate(documents)]
    return sorted((pair for pair in scored if pair[1]), key=lambda pair: (-pair[1], pair[0]))


def blocking(url, ask):
    with hotpathd.Client(url, modes={"chunk": "on", "score": "on"}, breaker=None) as sidecar:
        return ask(sidecar), sidecar.last


def on_a_loop(url, ask):
    async def main():
        async with hotpathd.AsyncClient(url, modes={"chunk": "on", "score": "on"}, breaker=None) as sidecar:
            return await ask(sidecar), sidecar.last

    return asyncio.run(main())


BOTH = pytest.mark.parametrize("run", [blocking, on_a_loop], ids=["threads", "asyncio"])
DOCUMENT = "# Wings\n\nA wing turns  moving air downward.\n\n## Drag\n\n" + "Drag is the price of lift. " * 20
RANKED = ["a boat on a lake", "the lift of a wing", "wing after wing, and lift", "a price"]


@BOTH
def test_chunk_by_the_daemon_and_by_the_old_code(start, run):
    daemon = start()

    def ask(sidecar):
        return sidecar.chunk(
            DOCUMENT, format="markdown", max=20, overlap=4, timeout=5, fallback=lambda: old_split(DOCUMENT)
        )

    chunks, last = run(daemon.unix, ask)
    assert last.outcome == "ok", last
    assert len(chunks) > 4
    for chunk in chunks:
        assert isinstance(chunk.text, str) and 0 < chunk.tokens <= 20
        raw = DOCUMENT[slice(*chunk.source)]
        assert "".join(raw.split()) == "".join(chunk.text.split())
        assert chunk.end - chunk.start == len(chunk.text) and len(chunk.id) == 32
    assert chunks[-1].headings == ("Wings", "Drag") and chunks[-1].boundary == "document"
    daemon.stop(signal.SIGKILL)
    chunks, last = run(daemon.unix, ask)
    assert last.reason == "connect"
    assert chunks == [hotpathd.Chunk(text) for text in old_split(DOCUMENT)]


@BOTH
def test_score_by_the_daemon_and_by_the_old_code(start, run):
    daemon = start()

    def ask(sidecar):
        return sidecar.score(
            "wing lift", RANKED, top_n=2, timeout=5, fallback=lambda: old_rank("wing lift", RANKED)[:2]
        )

    ranked, last = run(daemon.unix, ask)
    assert last.outcome == "ok", last
    assert sorted(r.index for r in ranked) == [1, 2]
    assert ranked[0].score >= ranked[1].score > 0
    daemon.stop(signal.SIGKILL)
    ranked, last = run(daemon.unix, ask)
    assert last.reason == "connect"
    assert ranked == [hotpathd.Ranked(1, 2.0), hotpathd.Ranked(2, 2.0)]


UNCHANGED = ["", "a", "A wing.\n\nAnother, na\u00efve one. \U0001f600", "\ud83d\ude00 and a wing." * 9, "word " * 2000 + "end"]
CHANGED = ["a  b", " a", "\ufeffa", "a\r\nb", "na\u00c3\u00afve \ud83d\ude00", "\u0000", "e\u0301"]


@BOTH
@pytest.mark.parametrize("clean", ["standard", "none"])
def test_chunks_are_those_of_a_text_that_travels_back(start, run, clean):
    """Whether the text that they are cut of has travelled or not."""
    daemon = start()
    for text in UNCHANGED + CHANGED:
        body = {"text": text, "clean": clean, "chunk": {"max": 4, "overlap": 1}}
        whole, last = run(daemon.unix, lambda sidecar: sidecar.call("chunk", body, timeout=5, fallback=dict))
        assert last.outcome == "ok" and whole["unchanged"] is (clean == "none" or text in UNCHANGED), text
        pieces, last = run(
            daemon.unix,
            lambda sidecar: sidecar.chunk(text, clean=clean, max=4, overlap=1, timeout=5, fallback=lambda: ["old"]),
        )
        assert last.outcome == "ok", last
        assert pieces == hotpathd._helpers.read_chunks(whole, "not looked at")


PRESETS = """
presets:
  chunk: { small: { chunk: { max: 20, unit: chars }, offsets: utf16, return_text: never } }
  score: { last: { must_not: [lift], top_n: 1 } }
"""


@BOTH
def test_a_preset_is_an_option(start, run):
    daemon = start(config=PRESETS)

    def ask(sidecar, **options):
        return sidecar.chunk(TEXT * 5, timeout=5, fallback=lambda: [], **options)

    named, last = run(daemon.unix, lambda sidecar: ask(sidecar, preset="small"))
    assert last.outcome == "ok", last
    written, _ = run(daemon.unix, lambda sidecar: ask(sidecar, chunk={"max": 20, "unit": "chars"}))
    assert named == written and len(named) > 5
    larger, _ = run(daemon.unix, lambda sidecar: ask(sidecar, preset="small", max=40))
    assert larger == run(daemon.unix, lambda sidecar: ask(sidecar, max=40, unit="chars"))[0] != named
    _, last = run(daemon.unix, lambda sidecar: ask(sidecar, preset="tiny"))
    assert last.reason == "contract"
    ranked, last = run(
        daemon.unix,
        lambda sidecar: sidecar.score(
            "wing lift", RANKED, preset="last", timeout=5, fallback=lambda: old_rank("wing lift", RANKED)
        ),
    )
    assert last.outcome == "ok" and len(ranked) == 1 and "lift" not in RANKED[ranked[0].index]
