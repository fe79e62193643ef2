"""Evidence that is there and cannot be read is lost evidence: it forbids GO like what the clients lost themselves."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any, List

import made
import pytest

pytest.importorskip("numpy", reason="the extra 'report' is not installed: tests/venv report needs a registry")

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


@pytest.mark.parametrize("kind", ["dropped", "a damaged line"])
def test_what_was_lost_outside_of_the_window_is_not_of_it(bench: Any, kind: str) -> None:
    """An incident of last week must not forbid this week's step, nor a good week hide today's."""
    events, late = made.canary(2000, 1000), made.canary(2000, 1000, seed=5)
    for number, one in enumerate(late):
        one["ts"] = made.stamp(7 * 86_400_000 + number * 10)
    if kind == "dropped":
        events[1500]["dropped"] = MANY
    text = made.text(events + late).splitlines(keepends=True)
    if kind != "dropped":
        text[1500:1500] = lines(MANY, kind)
    bench.file("a.jsonl", "".join(text).encode())
    begin = made.stamp(7 * 86_400_000)
    for options, lost, code in (([], MANY, 0), (["--since", begin], 0, 0), (["--until", begin], MANY, 10), (["--until", made.stamp(14_000)], 0, None)):
        found = bench.run(*bench.rules(RULES), *options, expect=code)["integrity"]
        assert found["dropped"] + found["unread"] == lost, options


def test_what_an_event_says_is_lost_counts_once_however_often_it_is_given(bench: Any) -> None:
    events = made.canary(2000, 1000)
    events[1500]["dropped"] = FEW
    for name in "abc":
        bench.events(events, f"{name}.jsonl")
    assert bench.run(*bench.rules(RULES), expect=0)["integrity"]["dropped"] == FEW


def test_lines_of_which_nothing_says_when_they_were_are_of_every_window(bench: Any) -> None:
    bench.events(made.canary(2000, 1000)).file("b.jsonl", "".join(lines(MANY, "a bad ts")).encode())
    assert bench.run(*bench.rules(RULES), "--since", made.stamp(10_000), expect=10)["integrity"]["unread"] == MANY


ANSWERED = "prices: { vcpu_hour: 0.04, gib_month: 3 }\nrequests_per_month: 1e9\nanswers: { stable_contract: yes, owner: yes }\ncpu_share: 40%\n"


@pytest.mark.parametrize("lost", ["dropped", "a damaged line", "an archive"])
def test_a_baseline_of_lost_evidence_holds_too(bench: Any, lost: str) -> None:
    events = [made.event(request_id=random.Random(number).randbytes(16).hex()) for number in range(3000)]
    bench.events(events).run(*bench.rules(ANSWERED), command="baseline", expect=0)
    bench.files = []
    if lost == "dropped":
        events[1500]["dropped"] = MANY
    data = (made.text(events) + "".join(lines(MANY, lost) if lost == "a damaged line" else [])).encode()
    report = bench.file("b.jsonl", gzip.compress(data)[:-2000] if lost == "an archive" else data).run(*bench.rules(ANSWERED), command="baseline", expect=10)
    assert any("lost" in reason or "missing" in reason for reason in report["routes"]["chunk"]["reasons"])


def logged(id: str, caller: str, ts: str) -> str:
    return json.dumps({"ts": ts, "msg": "request", "request_id": id, "route": "chunk", "caller": caller, "status": 200, "code": "ok", "config_hash": "h"}) + "\n"


@pytest.mark.parametrize(
    ("lost", "known", "caller", "at", "code"),
    [(60, 940, "test/1", 5000, 10), (15, 985, "test/1", 5000, 0), (1, 9, "test/1", 5000, 0), (3, 9, "test/1", 5000, 10), (60, 940, "curl", 5000, 0), (60, 940, "test/1", 10**9, 0)],
)
def test_what_the_log_has_of_the_callers_and_no_event_tells_of_is_lost(bench: Any, lost: int, known: int, caller: str, at: int, code: int) -> None:
    """Too few to be sure are let pass, as the log is a sample; who writes no events, or did not at that time, lost none."""
    events = made.canary(2000, 1000)
    asked = [one for one in events if one["path"] == "sidecar"][:known]
    (bench.folder / "log").write_text("".join([*(logged(one["request_id"], "test/1", one["ts"]) for one in asked), *(logged(f"gone{n}", caller, made.stamp(at)) for n in range(lost))]))
    report = bench.events(events).run(*bench.rules(RULES), "--log", str(bench.folder / "log"), expect=code)
    assert report["integrity"]["log"]["in_no_event"]["count"] == lost
    assert any("are in no event: they were lost" in reason for reason in report["routes"]["chunk"]["reasons"]) == (code == 10)


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
