"""The daemon's side: odd scrapes and logs are told in a line, or counted."""

from __future__ import annotations

import json
import random
from typing import Any, Dict

import made
import pytest

pytest.importorskip("numpy", reason="the extra 'report' is not installed: tests/venv report needs a registry")

from hotpathd.evidence import scrapes  # noqa: E402


def metrics(**given: Any) -> str:
    """What a daemon says that has answered so many requests of the route chunk."""
    fields: Dict[str, Any] = {"start": 1000.0, "ok": 0, "overloaded": 0, "cpu": 0.0, "memory": 8 << 20, **given}
    return (
        "# HELP hotpathd_requests_total Requests.\n# TYPE hotpathd_requests_total counter\n"
        f'hotpathd_requests_total{{route="chunk",code="ok",mode="live"}} {fields["ok"]}\n'
        f'hotpathd_requests_total{{route="chunk",code="ok",mode="probe"}} 77\n'
        f'hotpathd_requests_total{{route="chunk",code="overloaded",mode="live"}} {fields["overloaded"]}\n'
        f'hotpathd_request_cpu_seconds_total{{route="chunk",outcome="useful"}} {fields["cpu"]}\n'
        f"process_start_time_seconds {fields['start']}\nprocess_resident_memory_bytes {fields['memory']}\n"
    )


def pair(bench: Any, before: str, after: str) -> Any:
    names = []
    for name, text in (("before.prom", before), ("after.prom", after)):
        (bench.folder / name).write_text(text)
        names.append(str(bench.folder / name))
    return ["--metrics", *names]


def row(report: Any, key: str) -> Any:
    return next(one for one in report["routes"]["chunk"]["table"] if one["key"] == key)


def test_cpu_and_memory_are_the_daemon_s_own(bench: Any) -> None:
    scraped = pair(bench, metrics(ok=100, cpu=1.0), metrics(ok=1100, cpu=3.0))
    report = bench.events(made.canary(1000, 1000)).run(*scraped)
    assert row(report, "cpu")["new"]["value"] == pytest.approx(2.0 + 0.2)
    assert row(report, "memory")["new"]["value"] == 8
    (books,) = report["integrity"]["books"]
    assert (books["received"], books["refused"], books["never_sent"], books["agree"]) == (1000, 0, 0, True)


def test_what_the_daemon_takes_beside_its_calls_is_in_the_cost(bench: Any) -> None:
    """Ten seconds of CPU in twenty, two of them for requests; 1 GiB; three daemons."""
    rules = bench.rules("prices: { vcpu_hour: 0.04, gib_month: 3 }\nrequests_per_month: 1e6\nreplicas: 3\nstop: { minimum: 100 }\n")
    before, after = metrics(ok=0, cpu=0.0), metrics(ok=1000, cpu=2.0, memory=1 << 30)
    bench.events(made.canary(1001, 1000))
    held = bench.run(*rules, *pair(bench, before + "process_cpu_seconds_total 5\n", after + "process_cpu_seconds_total 15\n"))
    assert row(held, "beside")["new"]["value"] == pytest.approx(100 * 8 / 20, rel=1e-3)
    calls = (2.0 + 0.2) * 1e6 / 1e3 / 3600 * 0.04
    assert row(held, "cost")["new"]["value"] == pytest.approx(calls + 3 * (0.4 * 730 * 0.04 + 3), rel=1e-3)
    assert row(held, "cost")["difference"]["value"] == pytest.approx(row(held, "cost")["new"]["value"] - row(held, "cost")["old"]["value"], rel=1e-3)


def test_the_service_s_memory_stands_on_both_sides(bench: Any) -> None:
    (bench.folder / "s0").write_text(f"process_resident_memory_bytes {100 << 20}\n")
    (bench.folder / "s1").write_text(f"process_resident_memory_bytes {90 << 20}\n")
    found = row(bench.events(made.canary(200, 200)).run("--service", str(bench.folder / "s0"), str(bench.folder / "s1")), "service")
    assert [found[side]["value"] for side in ("old", "new", "difference")] == [100, 90, -10]


def test_a_timeout_may_have_arrived_or_not(bench: Any) -> None:
    bench.events(made.canary(1000, 990) + [made.failed("timeout") for _ in range(10)])
    for received, agree in ((989, False), (990, True), (1000, True), (1001, False)):
        (books,) = bench.run(*pair(bench, metrics(), metrics(ok=received)))["integrity"]["books"]
        assert books["agree"] is agree


def test_books_that_do_not_agree_forbid_go(bench: Any) -> None:
    bench.events(made.canary(3000, 1000)).run(*bench.rules("stop: { minimum: 100 }"), *pair(bench, metrics(), metrics(ok=1000)), expect=0)
    bench.run(*bench.rules("stop: { minimum: 100 }"), *pair(bench, metrics(), metrics(ok=900)), expect=10)


def test_a_daemon_that_was_started_anew_counts_from_zero(bench: Any) -> None:
    report = bench.events(made.canary(100, 300)).run(*pair(bench, metrics(ok=5000), metrics(ok=300, start=2000.0)))
    assert report["integrity"]["daemon_restarted"] is True
    assert report["integrity"]["books"][0]["received"] == 300


@pytest.mark.parametrize("text", ["", "# only words\n", "<html>not found</html>\n", "\x00\x01"])
def test_a_scrape_that_is_none_is_unusable(bench: Any, text: str) -> None:
    bench.events(made.canary(10, 10)).run(*pair(bench, text, metrics()), expect=2)
    assert bench.err == f"hotpathd-report: {bench.folder / 'before.prom'}: no metrics in it\n"


def test_labels_may_hold_what_they_like() -> None:
    scrape = scrapes.Scrape("x")
    line = 'a_total{x="1,2}",y="\\"q\\" \\\\",z=""} 3.5e2 1700000000000 # {trace_id="1"} 1'
    scrapes.take(scrape, line)
    assert list(scrape.each("a_total")) == [({"x": "1,2}", "y": '\\"q\\" \\\\', "z": ""}, 350.0)]


def test_the_service_s_own_scrapes_tell_the_share_of_its_cpu(bench: Any) -> None:
    names = []
    for name, seconds in (("s0", 10.0), ("s1", 60.0)):
        (bench.folder / name).write_text(f"process_cpu_seconds_total {seconds}\n")
        names.append(str(bench.folder / name))
    events = [made.event(cpu_ms={"legacy": 20.0, "client": 0.0}) for _ in range(1000)]
    report = bench.events(events).run("--service", *names, command="baseline")
    share = next(one for one in report["routes"]["chunk"]["worth"] if one["key"] == "share")
    assert (share["answer"], share["source"]) == (True, "data")
    assert share["why"].startswith("40% of the process")


def test_no_log_makes_a_traceback(bench: Any) -> None:
    chance = random.Random(4)
    lines = [json.dumps({"msg": "request", "request_id": f"{n:032x}", "route": "chunk", "status": 200, "code": "ok", "config_hash": "h"}) for n in range(20)]
    odd = ['{"request_id": 3, "status": 1}', '{"request_id": "x"}', "[]", "3", '{"request_id": "x", "status": "1"}', "", "listening on", '{"request_id":"y","status":200,"route":[1]}']
    bench.events(made.canary(50, 50))
    for _ in range(20):
        data = bytearray("\n".join(lines + odd).encode())
        for _ in range(chance.choice((0, 30))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        (bench.folder / "log").write_bytes(bytes(data))
        assert bench.run("--log", str(bench.folder / "log")) is not None
