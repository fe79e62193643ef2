"""What the numbers make of a route, with the truth known."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, List, Tuple

import made
import pytest

pytest.importorskip("numpy", reason="the extra 'report' is not installed: tests/venv report needs a registry")

import numpy as np  # noqa: E402

from hotpathd.evidence import together  # noqa: E402

SOURCES = Path(__file__).parents[2] / "src"
RULES = "stop: { minimum: 200, mismatches: 1%, fallbacks: 1%, regression: 10% }\n"
PRICED = RULES + "prices: { vcpu_hour: 0.04, gib_month: 3 }\nrequests_per_month: 1e9\n"


def route(report: Any) -> Any:
    return report["routes"]["chunk"]


def row(report: Any, key: str) -> Any:
    return next(one for one in route(report)["table"] if one["key"] == key)


def said(report: Any) -> str:
    return "\n".join(f"{verdict} {text}" for verdict, text in zip(route(report)["speaks_for"], route(report)["reasons"]))


def test_a_faster_sidecar_is_go(bench: Any) -> None:
    report = bench.events(made.canary(3000, 1000)).run(*bench.rules(RULES), expect=0)
    assert route(report)["comparison"] == "canary"
    assert (row(report, "n")["old"]["value"], row(report, "n")["new"]["value"]) == (3000, 1000)
    assert route(report)["test"]["ratio"]["high"] < 0.5


def test_a_slower_sidecar_is_rolled_back(bench: Any) -> None:
    report = bench.events(made.canary(3000, 1000, slower=1.6)).run(*bench.rules(RULES), expect=30)
    assert "ROLLBACK slower for sure: p95 latency +" in said(report)


def test_too_few_calls_hold(bench: Any) -> None:
    report = bench.events(made.canary(3000, 150, slower=0.2)).run(*bench.rules(RULES), expect=10)
    assert "HOLD 150 calls by the sidecar so far; the rule wants at least 200: wait" in said(report)


@pytest.mark.parametrize(("old", "new", "short"), [(500, 50, "sidecar"), (50, 500, "old code"), (0, 500, "old code")])
def test_the_side_that_is_too_short_is_named(bench: Any, old: int, new: int, short: str) -> None:
    report = bench.events(made.canary(old, new)).run(*bench.rules("stop: { minimum: 20 }"), expect=10)
    assert f"HOLD too few calls by the {short} to compare p95: {min(old, new)} of at least 100: wait" in said(report)


def test_grave_harm_need_not_wait_for_the_minimum(bench: Any) -> None:
    bench.events(made.canary(3000, 150, slower=8.0)).run(*bench.rules(RULES), expect=30)
    bench.files = []
    bench.events(made.canary(3000, 60) + [made.failed("timeout") for _ in range(60)]).run(*bench.rules(RULES), expect=30)


def test_no_difference_that_is_not_known_exactly_holds_and_says_how_many_more(bench: Any) -> None:
    report = bench.events(made.canary(600, 300, slower=1.0)).run(*bench.rules(RULES), expect=10)
    assert "neither shown nor ruled out: wait for more calls by the sidecar, of which " in said(report)
    assert route(report)["test"]["planned"] > 300


def test_a_guards_look_wants_surer_harm_than_a_single_one(bench: Any) -> None:
    rules = bench.rules("stop: { calls: 2000 }")
    bench.events(made.canary(2000, 2000, slower=1.13))
    assert bench.run(*rules, expect=30)["routes"]["chunk"]["test"]["looks"] == 0
    report = bench.run(*rules, "--looks", "86400", expect=10)
    assert report["routes"]["chunk"]["test"]["boundary"] == pytest.approx(4.86, abs=0.01)
    bench.files = []
    bench.events(made.canary(2000, 2000, slower=1.6), "b.jsonl").run(*rules, "--looks", "86400", expect=30)


def moved(events: List[made.Event], days: float) -> List[made.Event]:
    """The same calls, so much later; each keeps its place among them."""
    return [{**one, "ts": made.stamp(days * 86_400_000 + number * 10)} for number, one in enumerate(events)]


def only(path: str, events: List[made.Event]) -> List[made.Event]:
    return [one for one in events if one["path"] == path]


def test_last_weeks_control_is_none_for_todays_treatment(bench: Any) -> None:
    events = made.canary(3000, 1000)
    report = bench.events(only("legacy", events) + moved(only("sidecar", events), 7)).run(*bench.rules(RULES), expect=10)
    assert "HOLD the two sides were never called at the same time: the old code from 2026-03-01T00:00:00Z" in said(report)
    assert route(report)["at_the_same_time"]["old"]["share"] == 0
    bench.files = []
    slow = made.canary(3000, 1000, slower=1.6)  # harm is harm
    bench.events(only("legacy", slow) + moved(only("sidecar", slow), 7), "b.jsonl").run(*bench.rules(RULES), expect=30)


@pytest.mark.parametrize("stale", ["legacy", "sidecar"])
def test_a_side_that_was_alone_for_a_part_of_the_time_holds_and_says_when_both_were_there(bench: Any, stale: str) -> None:
    """As a canary of 0 % that has run for long, or one of 100 % at the end."""
    before, now = made.canary(3000, 1000), made.canary(3000, 1000, seed=5)
    report = bench.events(only(stale, before) + moved(now, 1)).run(*bench.rules(RULES), expect=10)
    assert "HOLD the two sides were not called at the same time: " in said(report)
    since = said(report).partition("--since ")[2].split()[0]
    bench.run(*bench.rules(RULES), "--since", since, expect=0)


@pytest.mark.parametrize("beside", [(10, 90), (300, 9000), (1000, 3000)])
def test_a_canary_with_quiet_nights_and_changing_shares_ran_at_the_same_time(beside: Tuple[int, int]) -> None:
    """A share that trebles, traffic that nearly sleeps by night, two days without either."""
    rng = np.random.default_rng(7)
    new, old = beside
    for _ in range(50):
        days = np.sort(rng.uniform(0, 4, 40 * old))
        awake = np.sin(days * 2 * np.pi) * 0.49 + 0.51
        kept = rng.choice(days, old, replace=False, p=awake / awake.sum())
        share = awake * np.where(days > 2, 1.0, 1 / 3)
        asked = rng.choice(days, new, replace=False, p=share / share.sum())
        times = [((side + (side > 3) * 2) * 86_400e6).astype(np.int64) for side in (kept, asked)]
        assert together.together(*times).enough


def test_a_guard_knows_from_before_how_far_such_calls_spread(bench: Any) -> None:
    """800 calls by themselves are 13 blocks, which is too few for a look of 86,400."""
    before, now = made.canary(6000, 10_000, slower=1.0), made.canary(0, 800, slower=1.4, seed=7)
    for number, one in enumerate(now):
        one.update(mode="on", ts=made.stamp(200_000 + number * 10))
    rules = bench.rules("stop: { calls: 2000 }")
    look = ["--since", made.stamp(200_000), "--looks", "86400"]
    bench.events(before + now).run(*rules, *look, expect=30)
    bench.files = []
    bench.events([one for one in before if one["path"] == "legacy"] + now, "b.jsonl").run(*rules, *look, expect=10)


def test_many_fallbacks_are_rolled_back(bench: Any) -> None:
    events = made.canary(2000, 900) + [made.failed("overloaded", 1.0) for _ in range(100)]
    report = bench.events(events).run(*bench.rules(RULES), expect=30)
    assert "ROLLBACK 100 of 1,000 calls by the sidecar fell back to the old code: 10.00% (95 %: " in said(report)


def test_the_ledger_adds_up(bench: Any) -> None:
    events = made.canary(2000, 1000) + [made.failed("timeout", 250.0) for _ in range(3)] + [made.failed("connect", 0.5)]
    report = bench.events(events).run(*bench.rules(RULES))
    first, second = route(report)["fallbacks"]
    assert (first["reason"], first["count"], first["added_ms"]["p50"], first["added_total_s"]) == ("timeout", 3, 250.0, 0.75)
    assert (second["reason"], second["count"]) == ("connect", 1)
    assert row(report, "timeouts")["new"]["value"] == pytest.approx(300 / 1004, rel=1e-4)


def test_what_the_breaker_kept_away_is_the_new_side_s(bench: Any) -> None:
    kept_away = [made.kept(reason="breaker_open") for _ in range(30)]
    report = bench.events(made.canary(2000, 970) + kept_away).run(*bench.rules(RULES), expect=30)
    assert row(report, "n")["new"]["value"] == 1000
    assert row(report, "fallbacks")["new"]["value"] == pytest.approx(3.0)


def test_who_gave_up_has_no_latency_and_is_no_fallback(bench: Any) -> None:
    gone = [made.failed("cancelled", 5.0, legacy_ms=None) for _ in range(100)]
    report = bench.events(made.canary(2000, 1000) + gone).run(*bench.rules(RULES), expect=0)
    assert route(report)["counts"]["cancelled"] == 100
    assert row(report, "n")["new"]["value"] == 1000


def shadow(matching: int, differing: int) -> List[made.Event]:
    left = made.heavy(1, 10.0)
    events = [made.shadowed(next(left)) for _ in range(matching)]
    return events + [made.shadowed(next(left), match=False, diff=f"/chunks/{n}/end") for n in range(differing)]


def test_a_clean_shadow_is_go_and_pairs_the_calls(bench: Any) -> None:
    report = bench.events(shadow(1000, 0)).run(*bench.rules(RULES), expect=0)
    assert route(report)["comparison"] == "shadow"
    assert row(report, "n")["old"]["value"] == row(report, "n")["new"]["value"] == 1000


def test_too_few_clean_comparisons_say_how_many_more(bench: Any) -> None:
    report = bench.events(shadow(250, 0)).run(*bench.rules(RULES), expect=10)
    assert f"HOLD 0 of 250 compared results differ: 0.000% (95 %: at most {route(report)['mismatches']['rate']['high']:.3%})" in said(report)
    assert f"{route(report)['mismatches']['clean_needed'] - 250:,} more without a difference" in said(report)


def test_mismatches_are_no_go_and_in_clusters(bench: Any) -> None:
    report = bench.events(shadow(900, 100)).run(*bench.rules(RULES), expect=20)
    (cluster,) = route(report)["mismatches"]["clusters"]
    assert (cluster["pointer"], cluster["count"]) == ("/chunks/*/end", 100)
    assert len(cluster["examples"][0]["request_id"]) == 32


def test_a_rule_that_allows_every_mismatch_allows_them(bench: Any) -> None:
    report = bench.events(shadow(300, 700)).run(*bench.rules("stop: { minimum: 200, mismatches: 100% }"), expect=0)
    assert "NO-GO" not in said(report) and "GO 700 of 1,000 compared results differ" in said(report)


def test_the_old_code_s_own_noise_is_allowed_for(bench: Any) -> None:
    noise = [made.event(mode="shadow", reason="noise", match=n % 10 > 0, diff=None if n % 10 else "/x") for n in range(1000)]
    report = bench.events(shadow(1900, 100) + noise).run(*bench.rules(RULES), expect=0)
    assert row(report, "noise")["old"]["value"] == 10.0
    assert "the old code differs from itself in 10.000%" in said(report)


def test_on_is_held_against_the_old_path_of_before(bench: Any) -> None:
    before = [one for one in made.canary(1000, 0)]
    after = [{**one, "mode": "on"} for one in made.canary(0, 1000, slower=2.0)]
    for number, one in enumerate(after):
        one["ts"] = made.stamp(1e6 + number)
    bench.events(before + after)
    for options in ([], ["--since", made.stamp(1e6)]):
        report = bench.run(*bench.rules(RULES), *options, expect=30)
        assert route(report)["comparison"] == "on"
        assert "against the old code before" in said(report)


def test_since_and_until_cut_the_window(bench: Any) -> None:
    events = [made.event(ts=made.stamp(n)) for n in range(100)]
    report = bench.events(events).run("--since", made.stamp(10), "--until", made.stamp(30))
    assert (report["evidence"]["events"], report["evidence"]["outside_of_the_window"]) == (20, 80)


def test_a_window_in_which_nothing_was_called_yet_holds(bench: Any) -> None:
    bench.events([made.event(ts=made.stamp(n)) for n in range(100)])
    report = bench.run("--since", made.stamp(1000), "--html", str(bench.folder / "r.html"), expect=10)
    assert report["routes"] == {}
    bench.files = []
    bench.file("empty.jsonl", b"").run("--since", made.stamp(1000), expect=10)


def test_a_file_whose_first_line_is_being_written_holds_too(bench: Any) -> None:
    bench.file("a.jsonl", made.text([made.event()])[:-80].encode())
    report = bench.run("--since", "2026-01-01T00:00:00Z", expect=10)
    assert report["problems"][0]["what"] == "a torn last line"
    bench.run(expect=2)


@pytest.mark.parametrize(("lost", "code"), [(25, 0), (40, 10)])
def test_lost_events_above_a_percent_forbid_go(bench: Any, lost: int, code: int) -> None:
    events = made.canary(2000, 1000)
    events[500]["dropped"] = lost
    report = bench.events(events).run(*bench.rules(RULES), expect=code)
    assert report["integrity"]["dropped"] == lost


def test_the_cost_is_what_can_be_worked_out_by_hand(bench: Any) -> None:
    report = bench.events(made.canary(1000, 1000)).run(*bench.rules(PRICED), expect=0)
    cost = row(report, "cost")
    assert cost["old"]["value"] == pytest.approx(9.5e-3 * 1e9 / 3600 * 0.04, rel=1e-4)
    assert cost["new"]["value"] == pytest.approx((0.2 + 1.2) * 1e-3 * 1e9 / 3600 * 0.04, rel=1e-4)
    assert cost["difference"]["value"] == pytest.approx(cost["new"]["value"] - cost["old"]["value"], rel=1e-4)


def test_what_is_dearer_and_no_faster_is_no_go(bench: Any) -> None:
    events = made.canary(1000, 1000, slower=1.0)
    for one in events:
        one["cpu_ms"] = {"legacy": 0.1, "client": 0.01} if one["path"] == "legacy" else {"legacy": None, "client": 3.0}
    report = bench.events(events).run(*bench.rules(PRICED), expect=20)
    assert "it does not pay" in said(report)


def test_break_even_is_where_the_truth_has_it(bench: Any) -> None:
    events = []
    for number in range(1200):
        size = 1 << (8 + number % 8)
        events.append(made.shadowed(old=size / 3000 + (number % 7 - 3) / 1000, new=1.0, bytes_in=size + 1))
    found = route(bench.events(events).run())["break_even"]
    assert found["above_bytes"] == pytest.approx(3000, rel=0.01)
    assert found["says"].startswith("switch on above ")


def test_break_even_is_where_the_truth_has_it_from_a_canary_alone(bench: Any) -> None:
    """Of the old side some calls tell their size."""
    chance, events = random.Random(5), []
    for number in range(12_000):
        size = 1 << (9 + number % 5)
        if number % 4:
            events.append(made.kept(size / 3000 * chance.uniform(0.95, 1.05), bytes_in=size + 1 if chance.random() < 0.1 else None))
        else:
            events.append(made.asked(1.0 * chance.uniform(0.95, 1.05), bytes_in=size + 1))
    found = route(bench.events(events).run())["break_even"]
    assert found["at_bytes"]["low"] <= 3000 <= found["at_bytes"]["high"] == pytest.approx(3000, rel=0.1)
    assert found["above_bytes"] == pytest.approx(found["at_bytes"]["high"], rel=1e-5) and len(found["buckets"]) == 5


def test_the_worst_route_decides(bench: Any) -> None:
    slow = made.canary(3000, 1000, slower=1.6, seed=3)
    for one in slow:
        one["route"] = "score"
    report = bench.events(made.canary(3000, 1000) + slow).run(*bench.rules(RULES), expect=30)
    assert {name: one["verdict"] for name, one in report["routes"].items()} == {"chunk": "GO", "score": "ROLLBACK"}
    bench.run(*bench.rules(RULES), "--route", "chunk", expect=0)


# The baseline

ANSWERED = PRICED + "answers: { stable_contract: yes, owner: yes }\ncpu_share: 40%\n"


@pytest.mark.parametrize(
    ("cpu", "rules", "code"),
    [(9.5, ANSWERED, 0), (9.5, "", 10), (1.0, ANSWERED, 20), (9.5, ANSWERED.replace("owner: yes", "owner: no"), 20), (9.5, ANSWERED.replace("40%", "2%"), 20)],
)
def test_a_baseline_says_whether_a_trial_is_worth_it(bench: Any, cpu: float, rules: str, code: int) -> None:
    events = [made.event(cpu_ms={"legacy": cpu, "client": 0.01}) for _ in range(500)]
    report = bench.events(events).run(*bench.rules(rules), command="baseline", expect=code)
    assert [one["key"] for one in route(report)["worth"]] == ["cpu_bound", "share", *[one["key"] for one in route(report)["worth"][2:]]]
    assert report["kind"] == "baseline"


@pytest.mark.parametrize(("ms", "code"), [(0.2, 20), (0.5, 10)])
def test_a_step_that_takes_little_more_than_the_hop_is_not_worth_it(bench: Any, ms: float, code: int) -> None:
    report = bench.events([made.kept(ms) for _ in range(200)]).run(command="baseline", expect=code)
    assert ("the hop alone" in said(report)) == (code == 20)


# What is written

VOID = {"meta", "br"}


class Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: List[str] = []
        self.links: List[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href") and not str(value).startswith("#")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


HOSTILE = '<script>alert(1)</script>|`x`"\''


def test_the_page_is_whole_stands_alone_and_quotes_what_it_is_given(bench: Any) -> None:
    events = shadow(300, 0) + [made.shadowed(match=False, diff="/" + HOSTILE) for _ in range(30)] + [made.failed("timeout", route=HOSTILE)]
    page, text = bench.folder / "r.html", bench.folder / "r.md"
    bench.events(events).run(*bench.rules(PRICED), "--html", str(page), "--markdown", str(text))
    html = page.read_text()
    parser = Balanced()
    parser.feed(html)
    assert parser.open == [] and parser.links == []
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "http://" not in html.replace("http://www.w3.org/", "") and "https://" not in html
    assert "<script" not in text.read_text()
    assert html.count("<svg") >= 4


def test_all_outputs_say_the_same_verdict(bench: Any) -> None:
    page, text = bench.folder / "r.html", bench.folder / "r.md"
    report = bench.events(made.canary(3000, 1000)).run(*bench.rules(RULES), "--html", str(page), "--markdown", str(text))
    assert report["verdict"] == "GO"
    assert text.read_text().startswith("# GO: ") and "<title>GO: " in page.read_text() and bench.out.startswith(" GO ")


def test_the_json_can_be_standard_output(bench: Any) -> None:
    bench.events(made.canary(300, 300)).run("--json", "-")
    assert json.loads(bench.out)["v"] == 1


def test_an_output_that_cannot_be_written_is_told_in_a_line(bench: Any) -> None:
    bench.events(made.canary(300, 300)).run("--html", "/none/r.html", expect=2)
    assert bench.err.startswith("hotpathd-report: /none/r.html") and bench.err.count("\n") == 1


@pytest.mark.parametrize("days", [1e-6, 0.04, 4, 40, 4000])
def test_a_window_of_any_length_can_be_drawn(bench: Any, days: float) -> None:
    events = made.canary(300, 300)
    for number, one in enumerate(events):
        one["ts"] = made.stamp(number * days * 144_000)
    page = bench.folder / "r.html"
    bench.events(events).run("--html", str(page))
    assert page.read_text().count("<svg") >= 2


@pytest.mark.parametrize(("output", "code"), [("", 0), ("| true", 2), (">&-", 0), (">/dev/full", 2)])
def test_the_terminals_own_troubles_are_no_traceback(bench: Any, output: str, code: int) -> None:
    """A character set without our signs, too."""
    bench.events(made.canary(3000, 1000))
    rules = bench.rules(RULES)
    shell = f"set -o pipefail; '{sys.executable}' -m hotpathd.evidence {' '.join([*bench.files, *rules])} {output}"
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(["bash", "-c", shell], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr


def test_a_pipe_is_no_file_of_events(bench: Any) -> None:
    os.mkfifo(bench.folder / "pipe")
    bench.files = [str(bench.folder / "pipe")]
    bench.run(expect=2)
    assert "not a file" in bench.err
