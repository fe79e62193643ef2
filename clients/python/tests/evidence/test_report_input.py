"""Bad input is counted and named by file and line; nothing is a traceback."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import made
import pytest

pytest.importorskip("numpy", reason="the extra 'report' is not installed: tests/venv report needs a registry")

from hotpathd.evidence import fields, reading, spool, store, table  # noqa: E402

GOOD = [made.event() for _ in range(50)]


def found(report: Any, what: str) -> Any:
    return next((one for one in report["problems"] if one["what"] == what), {"count": 0, "places": []})


SOURCES = str(Path(__file__).parents[2] / "src")
MUST = [field.name for field in fields.FIELDS]


def without(name: str) -> bytes:
    return made.text([{key: value for key, value in made.event().items() if key != name}]).encode()


def broken(**given: Any) -> bytes:
    return made.text([{**made.event(), **given}]).encode()


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("not JSON", b"Traceback (most recent call last):\n"),
        ("not JSON", b"\xff\xfe\x00\n"),
        ("not JSON", b"[" * 5000 + b"\n"),
        ("not an event", b"[]\n"),
        ("not an event", b'{"level":"info","msg":"request"}\n'),
        ("an empty or overlong line", b"\n"),
        ("an empty or overlong line", b'"' + b"x" * (2 << 20) + b'"\n'),
        ("another version", broken(v=2)),
        ("another version", broken(v="1")),
        ("another version", broken(v=True)),
        ("a bad ts", broken(ts="yesterday")),
        ("a bad ts", broken(ts="2026-13-01T00:00:00.000000Z")),
        ("a bad ts", broken(ts="2026-03-01T00:00:00Z")),
        ("a bad ts", broken(ts="0000-03-01T00:00:00.000000Z")),
        ("a bad ts", broken(ts="1969-12-31T23:59:59.999999Z")),
        ("a bad ts", broken(ts="9999-12-31T23:59:59.999999Z")),
        ("a damaged line", broken()[:-80] + b"\n"),
        ("a bad mode", broken(mode="sometimes")),
        ("a bad total_ms", broken(total_ms="fast")),
        ("a bad total_ms", broken(total_ms=None)),
        ("a bad cpu_ms", broken(cpu_ms=[1])),
        ("a bad match", broken(match=1)),
        ("a bad bytes_in", broken(bytes_in=True)),
        ("a value out of range", broken(total_ms=-1)),
        ("a value out of range", broken(total_ms=1e300)),
        ("a value out of range", broken(cpu_ms={"legacy": "x"})),
        ("a value out of range", broken(server={"queue": "1"})),
        ("a value out of range", broken(route="r" * 5000)),
        ("a value out of range", broken(dropped=-5)),
        *((("not an event" if name in ("v", "ts") else f"without {name}"), without(name)) for name in MUST),
    ],
)
def test_a_bad_line_is_named_and_the_others_count(bench: Any, what: str, line: bytes) -> None:
    good = made.text(GOOD).encode().splitlines(keepends=True)
    report = bench.file("a.jsonl", b"".join([*good[:7], line, *good[7:]])).run()
    assert report["evidence"]["events"] == len(GOOD)
    assert found(report, what) == {"what": what, "count": 1, "places": [f"{bench.files[0]}:8"]}


def test_a_torn_last_line_is_told_from_a_foreign_one(bench: Any) -> None:
    text = made.text(GOOD).encode()
    report = bench.file("a.jsonl", text + made.text([made.event()]).encode()[:-80]).run()
    assert found(report, "a torn last line")["places"] == [f"{bench.files[0]}:51"]
    assert report["evidence"]["events"] == 50


def test_a_whole_last_line_needs_no_end(bench: Any) -> None:
    report = bench.file("a.jsonl", made.text(GOOD).encode()[:-1]).run()
    assert report["evidence"]["events"] == 50
    assert report["problems"] == []


def test_an_event_that_is_given_twice_counts_once(bench: Any) -> None:
    report = bench.events(GOOD, "a.jsonl").events(GOOD[:20], "b.jsonl").run()
    assert report["evidence"]["events"] == 50
    twice = found(report, "an event that is there twice")
    assert twice["count"] == 20
    assert twice["places"][0] == f"{bench.files[1]}:1"


def test_an_id_that_is_used_again_is_two_calls(bench: Any) -> None:
    again = [made.event(request_id="same"), made.event(request_id="same")]
    report = bench.events([*GOOD, *again]).run()
    assert report["evidence"]["events"] == 52
    assert found(report, "a request id that was used before") == {"what": "a request id that was used before", "count": 1, "places": [f"{bench.files[0]}:52"]}


def test_a_clock_that_goes_back_is_named(bench: Any) -> None:
    events = [made.event(ts=made.stamp(at)) for at in (0, 1e6, 2e6, 3e5, 4e5)]
    report = bench.events(events).run()
    assert found(report, "a clock that goes back")["places"] == [f"{bench.files[0]}:4"]
    assert report["evidence"]["events"] == 5


def test_an_empty_file_beside_others_is_named(bench: Any) -> None:
    report = bench.file("empty.jsonl", b"").events(GOOD).run()
    assert found(report, "an empty file") == {"what": "an empty file", "count": 1, "places": [f"{bench.files[0]}:1"]}


@pytest.mark.parametrize("data", [b"", b"\n", b"nothing\n", b"\x00" * 100, b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfd\x00\x00garbage"])
def test_no_event_at_all_is_unusable(bench: Any, data: bytes) -> None:
    assert bench.file("a.jsonl", data).run(expect=2) is None
    assert bench.err.startswith("hotpathd-report: ") and bench.err.count("\n") == 1


def test_files_that_are_not_there(bench: Any) -> None:
    bench.files = [str(bench.folder / "none.jsonl")]
    bench.run(expect=2)
    assert bench.err == f"hotpathd-report: {bench.files[0]}: No such file or directory\n"
    bench.files = [str(bench.folder)]
    bench.run(expect=2)
    assert "Is a directory" in bench.err


def packed(kind: str, data: bytes) -> bytes:
    if kind == "gz":
        return gzip.compress(data)
    zstandard = pytest.importorskip("zstandard")
    return bytes(zstandard.ZstdCompressor().compress(data))


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_archives_are_read_by_their_content(bench: Any, kind: str) -> None:
    text = made.text(GOOD).encode()
    report = bench.file("whatever", packed(kind, text[:5000]) + packed(kind, text[5000:])).run()
    assert report["evidence"]["events"] == 50
    assert report["problems"] == []


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_an_archive_that_ends_early_gives_what_it_has(bench: Any, kind: str) -> None:
    events = [made.event(request_id=random.Random(n).randbytes(16).hex()) for n in range(20_000)]
    data = packed(kind, made.text(events).encode())
    report = bench.file("a", data[: len(data) // 2]).run()
    assert 1000 < report["evidence"]["events"] < 20_000
    assert found(report, "an archive that is damaged from here on")["count"] == 1


@pytest.mark.parametrize("kind", ["plain", "gz", "zst"])
def test_all_that_can_be_wrong_at_once_is_counted_and_placed(bench: Any, kind: str) -> None:
    """As a process: what it says goes to its standard error, and there is no traceback in it."""
    good = made.text(GOOD).encode().splitlines(keepends=True)
    late = made.text([made.event(ts=made.stamp(1e6)), made.event(ts=made.stamp(1))]).encode()
    text = b"".join([*good[:20], b"panic: no event\n", broken(v=3), *good[20:], good[4], without("host"), late, b"\n", good[0][:-30]])
    bench.file("empty", b"").file("events", text if kind == "plain" else packed(kind, text))
    made_here = bench.folder / "r.json"
    command = [sys.executable, "-m", "hotpathd.evidence", *bench.files, "--json", str(made_here), "--jobs", "2"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": SOURCES}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 10 and "Traceback" not in done.stdout + done.stderr
    report = json.loads(made_here.read_text())
    empty, events = bench.files
    assert {one["what"]: (one["count"], one["places"]) for one in report["problems"]} == {
        "an empty file": (1, [f"{empty}:1"]),
        "not JSON": (1, [f"{events}:21"]),
        "another version": (1, [f"{events}:22"]),
        "an event that is there twice": (1, [f"{events}:53"]),
        "without host": (1, [f"{events}:54"]),
        "a clock that goes back": (1, [f"{events}:56"]),
        "an empty or overlong line": (1, [f"{events}:57"]),
        "a torn last line": (1, [f"{events}:58"]),
    }
    assert (report["evidence"]["lines"], report["evidence"]["events"]) == (58, 52)
    for place in (f"{events}:21", f"{events}:58"):
        assert place in "".join(done.stdout.split())


def test_no_bytes_make_a_traceback(bench: Any) -> None:
    """Random bytes, and events with random damage; what is left of them counts, and adds up."""
    chance = random.Random(8)
    text = bytearray(made.text(made.canary(100, 100)).encode())
    for round_ in range(30):
        data = bytearray(chance.randbytes(chance.randrange(3000)) if round_ % 3 == 0 else text)
        for _ in range(chance.choice((0, 1, 20, 2000))):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        bench.files = []
        report = bench.file("a.jsonl", bytes(data)).run()
        assert bench.code in (0, 2, 10, 20, 30)
        assert (report is None) == (bench.code == 2)
        if report is not None:
            skipped = ("a clock that goes back", "a request id that was used before")
            lost = sum(one["count"] for one in report["problems"] if one["what"] not in skipped)
            assert report["evidence"]["events"] + lost == report["evidence"]["lines"]


def test_ranges_of_a_file_count_each_line_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = made.text(made.event() for _ in range(300)).encode().splitlines(keepends=True)
    lines[100] = b"foreign\n"
    lines[200] = b'{"x":"' + b"y" * 9000 + b'"}\n'
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(lines))

    def read(size: int) -> Any:
        monkeypatch.setattr(reading, "RANGE", size)
        with store.opened(str(tmp_path)) as columns:
            found = table.Table([spool.parse((part, columns)) for part in reading.parts_of([str(path)])])
            ids = found.column("id").tolist()
        return found.lines, [(what, count, [str(place) for place in places]) for what, count, places in found.problems], ids

    whole = read(1 << 20)
    assert whole[:2] == (300, [("not JSON", 1, [f"{path}:101"]), ("not an event", 1, [f"{path}:201"])]) and len(whole[2]) == 298
    for size in (len(lines[0]), 499, 500, 501, 4096, 1 << 16):
        assert read(size) == whole


def test_processes_read_what_one_reads(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.events(made.canary(400, 400))
    alone = bench.run()
    monkeypatch.setattr(reading, "RANGE", 10_000)
    assert bench.run("--jobs", "3") == alone


def test_nothing_stays_of_a_run_that_is_killed_nor_of_its_readers(bench: Any) -> None:
    """By a signal that no handler sees, as soon as there are columns."""
    code = """
import os, signal, sys
from hotpathd.evidence import command, store
folder = sys.argv[1]
def append(self, columns, before=store.Store.append):
    before(self, columns)
    if os.getpid() != parent:
        os.kill(parent, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
store.Store.append, parent = append, os.getpid()
command.main([*sys.argv[2:], "--quiet", "--spool", folder, "--json", folder + "/r.json"])
"""
    folder = bench.folder / "spool"
    folder.mkdir()
    files = bench.events(GOOD).events(GOOD, "b.jsonl").files
    for jobs in ("1", "2"):
        done = subprocess.run([sys.executable, "-c", code, str(folder), *files, "--jobs", jobs], env={**os.environ, "PYTHONPATH": SOURCES}, timeout=60)
        assert done.returncode == -signal.SIGKILL
        assert list(folder.iterdir()) == []


def test_nor_of_a_rollout_that_is_killed_while_it_waits_for_the_report(bench: Any) -> None:
    code = """
import os, pathlib, signal, sys
from hotpathd.evidence import command
from hotpathd.steps import report
def main(arguments, before=command.main):
    before(arguments)
    os.kill(parent, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
command.main, parent = main, os.getpid()
report.run((), sys.argv[1:], pathlib.Path(sys.argv[1] + ".yaml"), 0.0, 60.0)
"""
    folder = bench.folder / "tmp"
    folder.mkdir()
    bench.file("events.jsonl.yaml", b"")
    files = bench.events(GOOD).files[1:]
    done = subprocess.run([sys.executable, "-c", code, *files], env={**os.environ, "PYTHONPATH": SOURCES, "TMPDIR": str(folder)}, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert list(folder.iterdir()) == []


def test_what_a_killed_run_left_of_an_output_goes_with_the_next_one(bench: Any) -> None:
    names = ["report.json.1.new", "report.json.2.new", "other.json.1.new"]
    old, young, other = (bench.folder / name for name in names)
    for path in (old, young, other):
        path.write_text("{")
    for path in (old, other):
        os.utime(path, (1, 1))
    bench.events(GOOD).run()
    assert [path.exists() for path in (old, young, other)] == [False, True, True]


def test_an_output_that_is_a_pipe_stays_one_and_a_link_stays_a_link(bench: Any) -> None:
    pipe, link, file = (bench.folder / name for name in ("pipe", "link", "file"))
    os.mkfifo(pipe)
    link.symlink_to(file)
    read = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        bench.events(GOOD).run("--markdown", str(pipe), "--html", str(link))
        assert os.read(read, 1000).startswith(b"# ")
    finally:
        os.close(read)
    assert pipe.is_fifo() and link.is_symlink() and file.read_text().lower().startswith("<!doctype html>")


def test_columns_that_find_no_room_are_told_in_a_line(bench: Any) -> None:
    """No file may have more than a thousand bytes."""
    code = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); from hotpathd.evidence import command; sys.exit(command.main(sys.argv[1:]))"
    files = bench.events(GOOD).events(GOOD, "b.jsonl").files
    for jobs in ("1", "2"):
        done = subprocess.run([sys.executable, "-c", code, *files, "--jobs", jobs], env={**os.environ, "PYTHONPATH": SOURCES}, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (2, "hotpathd-report: input or output: File too large\n")


def test_a_batch_is_refused_where_one_of_its_events_is(bench: Any) -> None:
    """The two ways of looking at events, beside each other, on random damage."""
    chance = random.Random(3)
    values = [None, True, -1, 0, 3.5, 1e300, 10**400, "", "x", "on", "2026-02-30T00:00:00.000000Z", "2026-02-28T00:00:00.000000Z", [], {}, {"legacy": "1"}, {"queue": 1}]
    makers = [made.event, made.asked, made.shadowed, lambda: made.failed("timeout")]
    refused = 0
    for _ in range(3000):
        events = [chance.choice(makers)() for _ in range(3)]
        victim = events[chance.randrange(3)]
        name = chance.choice([*victim, "dropped", "more"])
        if chance.random() < 0.1:
            victim.pop(name, None)
        else:
            victim[name] = chance.choice(values)
        problems = [problem for problem in map(fields.problem_of, events) if problem]
        refused += bool(problems)
        assert (fields.columns_of(events) is None) == bool(problems), victim
    assert 1000 < refused < 2500


def test_readers_end_where_they_are_told_to_before_they_have_begun() -> None:
    """Python forgets a signal that comes while a process is being forked; the kernel's own end does not."""
    code = """
import os, signal, sys, time
from hotpathd.evidence import spool
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
os.register_at_fork(after_in_child=lambda: time.sleep(0.5))
with spool._readers(2):
    pass
assert callable(signal.getsignal(signal.SIGTERM))
"""
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": SOURCES}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
