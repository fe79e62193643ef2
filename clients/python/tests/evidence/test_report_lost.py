"""Evidence that is there and cannot be read is lost evidence: it forbids GO like what the clients lost themselves."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any, List

import made
import pytest

pytest.importorskip("numpy", reason="hotpathd[report] is not installed: tests/venv report needs a registry")

from hotpathd.evidence import spool  # noqa: E402

RULES = "stop: { minimum: 200, mismatches: 1%, fallbacks: 1%, regression: 10% }\n"
FEW, MANY = 25, 60  # of 3,000


def without(name: str) -> made.Event:
    return {key: value for key, value in made.asked(500.0).items() if key != name}


def lines(count: int, kind: str) -> List[str]:
    one = {
        "another version": made.text([made.asked(500.0, v=2)]),
        "without host": made.text([without("host")]),
        "a bad ts": made.text([made.asked(500.0, ts="now")]),
        "a value out of range": made.text([made.asked(1e300)]),
        "a damaged line": made.text([made.asked(500.0)])[:200] + "\n",
    }[kind]
    return [one] * count


@pytest.mark.parametrize("kind", ["another version", "without host", "a bad ts", "a value out of range", "a damaged line"])
@pytest.mark.parametrize(("count", "code"), [(FEW, 0), (MANY, 10)])
def test_lines_that_cannot_be_read_are_lost(bench: Any, kind: str, count: int, code: int) -> None:
    text = made.text(made.canary(2000, 1000)).splitlines(keepends=True)
    data = "".join([*text[:1500], *lines(count, kind), *text[1500:]]).encode()
    report = bench.file("a.jsonl", data).run(*bench.rules(RULES), expect=code)
    assert report["problems"][0]["what"] == kind
    assert report["integrity"]["unread"] == count


def test_the_rear_half_of_a_torn_line_is_one_too(bench: Any) -> None:
    rear = made.text([made.asked(500.0)])[200:]
    report = bench.file("a.jsonl", (made.text(made.canary(2000, 1000)) + rear * MANY).encode()).run(*bench.rules(RULES), expect=10)
    assert report["integrity"]["unread"] == MANY


def test_foreign_lines_are_no_lost_events(bench: Any) -> None:
    foreign = '{"level":"info"}\nTraceback (most recent call last):\n\n' * MANY
    report = bench.file("a.jsonl", (made.text(made.canary(2000, 1000)) + foreign).encode()).run(*bench.rules(RULES), expect=0)
    assert report["integrity"]["unread"] == 0


def test_an_archive_whose_rest_is_missing_forbids_go(bench: Any) -> None:
    """Nobody knows how much is missing."""
    events = made.canary(9000, 3000)
    for one in events:
        one["request_id"] = random.Random(one["request_id"]).randbytes(16).hex()
    packed = gzip.compress(made.text(events).encode())
    report = bench.file("a.gz", packed[:-2000]).run(*bench.rules(RULES), expect=10)
    assert report["evidence"]["events"] > 10_000
    assert any("unknown length is missing" in reason for reason in report["routes"]["chunk"]["reasons"])


@pytest.mark.parametrize("member", ["route", "reason"])
def test_more_words_than_a_service_has_forbid_go(bench: Any, member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(spool.MOST_WORDS, "cell", 20)
    strange = made.text(made.asked(2.0, **{member: f"r{number}"}) for number in range(100))
    report = bench.file("a.jsonl", (made.text(made.canary(3000, 1000)) + strange).encode()).run(*bench.rules(RULES), expect=10)
    assert report["integrity"]["files_cut"] == 1
    assert len(report["routes"]) <= 20


def test_more_words_of_all_files_together_than_a_service_has_are_unusable(bench: Any) -> None:
    for part in range(3):
        bench.events((made.asked(2.0, route=f"r{part}-{number}") for number in range(400)), f"{part}.jsonl")
    bench.run(expect=2)
    assert "1,200 different values of route" in bench.err


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_a_sample_that_is_no_number_is_none(bench: Any, value: str) -> None:
    (bench.folder / "a.prom").write_text("x 1\n")
    (bench.folder / "b.prom").write_text(f'hotpathd_requests_total{{route="chunk",mode="live",code="ok"}} {value}\nprocess_resident_memory_bytes {value}\ny 1\n')
    report = bench.events(made.canary(2000, 1000)).run(*bench.rules(RULES), "--metrics", str(bench.folder / "a.prom"), str(bench.folder / "b.prom"), expect=10)
    assert json.dumps(report["integrity"]["books"][0]["received"]) == "0"
