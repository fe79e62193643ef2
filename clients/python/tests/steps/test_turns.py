"""The command, step by step, with a report that says what it is told to."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time

import pytest
from conftest import CONFIGURATION, RULE

from hotpathd.steps import command, turn


def test_goes_up_step_by_step_and_logs_each(bench):
    bench.plan()
    bench.says("GO")
    went = []
    for _ in range(4):
        bench.step(expect=0)
        went.append(bench.switch())
    assert went == ["shadow", "1 %", "5 %", "on"]
    assert [entry["what"] for entry in bench.ledger()] == ["begin", "up", "up", "up"]
    assert "the last step" in bench.step(expect=10)
    last = bench.ledger()[-1]
    assert last["from"] == {"mode": "canary", "percent": 5.0} and last["to"] == {"mode": "on"}
    assert last["verdict"] == "GO" and last["rule"] == RULE and "so says the stub of chunk" in last["why"]
    kept = bench.folder / "rollout.reports" / f"{last['report']}.json"
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == last["report"]


def test_every_other_byte_stays(bench):
    bench.plan()
    bench.says("GO")
    for _ in range(3):
        bench.step(expect=0)
    assert bench.file.read_text() == CONFIGURATION.replace("mode: off ", "mode: canary ").replace("percent: 100", "percent: 5")


def test_the_report_is_asked_for_what_came_since_the_step_began(bench):
    bench.begins()
    assert bench.asked() == []  # nothing to judge yet
    began = bench.ledger()[-1]["ts"]
    bench.step(expect=0)
    asked = bench.asked()[-1]
    assert asked[0] == "events.jsonl" and asked[asked.index("--since") + 1] == began
    assert asked[asked.index("--config") + 1].endswith("rollout.yaml")


def test_a_go_waits_for_the_hold_time(bench):
    bench.begins(steps="shadow=1h 5=0s")
    assert "hold time" in bench.step(expect=10)
    assert bench.switch() == "shadow"


@pytest.mark.parametrize("verdict", ["HOLD"])
def test_hold_stays(bench, verdict):
    bench.begins()
    bench.says(verdict)
    before = bench.file.read_bytes()
    bench.step(expect=10)
    assert bench.file.read_bytes() == before and len(bench.ledger()) == 1


def test_no_go_goes_one_step_down_and_stays_there_until_resumed(bench):
    bench.plan()
    bench.says("GO")
    for _ in range(3):
        bench.step(expect=0)
    bench.says("NO-GO")
    bench.step(expect=20)
    assert bench.switch() == "1 %"
    bench.says("GO")
    assert "resume" in bench.step(expect=10)
    bench.run("resume", "chunk", expect=0)
    bench.step(expect=0)
    assert bench.switch() == "5 %"


def test_no_go_in_shadow_stays_in_shadow(bench):
    bench.begins()
    bench.says("NO-GO")
    bench.step(expect=10)
    assert bench.switch() == "shadow"


def test_no_go_below_the_first_step_is_off(bench):
    bench.begins(steps="5=0s 100=0s")
    bench.says("NO-GO")
    bench.step(expect=20)
    assert bench.switch() == "off"


def test_up_by_hand_is_one_step_and_logged_with_its_reason(bench):
    bench.plan(steps="shadow=0s 1=1h 5=0s")
    for expected in ("shadow", "1 %", "5 %"):
        bench.run("up", "chunk", "--why", "forty calls a day", expect=0)
        assert bench.switch() == expected and bench.ledger()[-1]["why"] == ["by hand", "forty calls a day"]
    assert "the last step" in bench.run("up", "chunk", "--why", "more", expect=2).stderr
    bench.says("ROLLBACK")
    bench.step(expect=30)
    assert "`resume chunk`" in bench.run("up", "chunk", "--why", "more", expect=2).stderr
    assert bench.switch() == "off"


def test_what_is_older_than_recent_is_not_asked_for(bench):
    bench.plan()
    bench.says("HOLD")
    bench.step("--recent", "1h")
    bench.step("--recent", "1h", expect=10)
    bench.step("--recent", "1ms", expect=2)
    bench.step("--recent", "0.001s", expect=10)
    begun = bench.ledger()[-1]["ts"]
    asked = [arguments[arguments.index("--since") + 1] for arguments in bench.asked()]
    assert asked[0] == begun and asked[1] > begun


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_rollback_is_off_at_once_and_stays_off_until_resumed(bench, steps):
    bench.plan(steps="shadow=0s 1=0s 5=0s 100=1h")
    bench.says("GO")
    for _ in range(steps):
        bench.step(expect=0)
    bench.says("ROLLBACK")
    bench.step(expect=30)
    assert bench.switch() == "off"
    bench.says("GO")
    assert "resume" in bench.step(expect=10)
    assert bench.switch() == "off"
    bench.run("resume", "chunk", expect=0)
    bench.step(expect=0)
    assert bench.switch() == "shadow"


def test_routes_go_each_their_way(bench):
    bench.plan("--route", "score")
    bench.says("GO", score="GO")
    bench.step(expect=0)
    bench.says("GO", score="GO")
    bench.step(expect=0)
    bench.says("ROLLBACK", chunk="HOLD", score="ROLLBACK")
    bench.step(expect=30)
    assert (bench.switch("chunk"), bench.switch("score")) == ("1 %", "off")


def test_another_stop_rule_is_refused(bench):
    bench.begins()
    bench.says("GO", rule="another")
    assert "another stop rule" in bench.step(expect=2)
    assert bench.switch() == "shadow" and len(bench.ledger()) == 1


@pytest.mark.parametrize(
    "report",
    [
        [],
        {},
        {"verdict": "HOLD", "rule_hash": RULE, "routes": {}},
        {"verdict": "GO", "rule_hash": None, "routes": {}},
        {"verdict": "GO", "rule_hash": RULE, "routes": {"chunk": {"verdict": "MAYBE", "reasons": []}}},
        {"verdict": "GO", "rule_hash": RULE, "routes": {"chunk": 1}},
    ],
)
def test_a_report_that_is_none_moves_nothing(bench, report):
    bench.begins()
    bench.say({"code": 0, "report": report})
    assert "no report" in bench.step(expect=2)
    assert bench.switch() == "shadow"


def test_a_report_that_fails_moves_nothing(bench):
    bench.begins()
    bench.fails("the events are unusable")
    assert "the events are unusable" in bench.step(expect=2)
    assert bench.switch() == "shadow"


def test_a_foreign_edit_is_said_and_not_overwritten(bench):
    bench.begins()
    bench.file.write_text(bench.file.read_text().replace("shadow", "on"))
    said = bench.step(expect=2)
    assert "somebody else set it" in said and "on" in said and "shadow" in said
    assert bench.switch() == "on"
    assert "somebody else" in bench.run("status", expect=0).stdout
    bench.step("--force", expect=0)
    assert bench.switch() == "shadow" and bench.ledger()[-1]["what"] == "restore"


def test_resume_goes_on_from_a_foreign_edit(bench):
    bench.begins()
    bench.file.write_text(bench.file.read_text().replace("mode: shadow", "mode: canary").replace("percent: 100", "percent: 3.5"))
    bench.run("resume", "chunk", expect=0)
    bench.step(expect=0)
    assert bench.switch() == "5 %"


def test_a_rollback_goes_over_a_foreign_edit(bench):
    bench.begins()
    bench.file.write_text(bench.file.read_text().replace("shadow", "on"))
    bench.says("ROLLBACK")
    bench.step(expect=30)
    assert bench.switch() == "off" and bench.ledger()[-1]["from"] == {"mode": "on"}


def test_status_says_where_and_when(bench):
    bench.plan(steps="shadow=1h 5=0s")
    assert "begins with shadow" in bench.run("status", expect=0).stdout
    bench.says("GO")
    bench.step()
    assert "step 1 of 2" in bench.run("status", expect=0).stdout
    (row,) = json.loads(bench.run("status", "--json", expect=0).stdout)
    assert row["mode"] == "shadow" and row["next"] == {"mode": "canary", "percent": 5.0} and not row["foreign"]
    assert row["ready"] > row["since"]


def test_a_plan_is_not_overwritten(bench):
    bench.plan()
    again = bench.run("plan", "--file", "conf/hotpathd.yaml", expect=2)
    assert "there already" in again.stderr


def test_a_new_plan_asks_for_evidence_of_its_own(bench):
    """What came before it was written says nothing: its stop rule was not there yet."""
    bench.begins()
    bench.plan("--force", "--route", "chunk", steps="shadow=0s 3=0s 100=0s")
    made = json.loads(bench.plan_path.read_text())["made"]
    bench.step(expect=0)
    assert bench.asked()[-1][bench.asked()[-1].index("--since") + 1] == made > bench.ledger()[0]["ts"]
    assert bench.switch() == "3 %"


def test_event_files_are_looked_up_by_pattern(bench):
    bench.begins()
    for name in ("b.jsonl", "a.jsonl"):
        (bench.folder / name).touch()
    bench.run("step", "[ab].jsonl", "--report", f"{sys.executable} report.py")
    assert bench.asked()[-1][:2] == ["a.jsonl", "b.jsonl"]


@pytest.mark.parametrize("step", ["5", "5=x", "101=1h", "off=1h", "=1h", "5.123=1h"])
def test_a_bad_step_is_refused(bench, step):
    assert bench.run("plan", "--file", "conf/hotpathd.yaml", "--step", step, expect=2).stderr.startswith("hotpathd-rollout: ")


def test_the_plans_command_runs_after_each_edit(bench):
    bench.begins("--then", "cp conf/hotpathd.yaml applied.yaml")
    assert (bench.folder / "applied.yaml").read_bytes() == bench.file.read_bytes()


def test_a_command_that_failed_is_run_again_by_the_next_step(bench):
    bench.plan("--then", "cp conf/hotpathd.yaml later/applied.yaml")
    bench.says("GO")
    assert "not applied" in bench.step(expect=2)
    assert bench.switch() == "shadow" and len(bench.ledger()) == 1
    bench.says("HOLD")
    assert "not applied" in bench.step(expect=2)
    (bench.folder / "later").mkdir()
    bench.step(expect=10)
    assert (bench.folder / "later" / "applied.yaml").read_bytes() == bench.file.read_bytes()


def test_watch_rolls_back_within_ten_seconds_of_the_evidence(bench):
    bench.plan(steps="shadow=0s 100=1h")
    bench.says("GO")
    command = bench.command("step", "events.jsonl", "--report", f"{sys.executable} report.py", "--watch", "0.2")
    with subprocess.Popen(command, cwd=bench.folder, env=bench.environment(), stdout=subprocess.PIPE, text=True) as watch:
        try:
            end = time.monotonic() + 30
            while bench.switch() != "on":
                assert time.monotonic() < end and watch.poll() is None
                time.sleep(0.05)
            bench.says("ROLLBACK")
            said = time.monotonic()
            while bench.switch() != "off":
                assert time.monotonic() < said + 10
                time.sleep(0.05)
        finally:
            watch.send_signal(signal.SIGTERM)
            printed = watch.communicate(timeout=30)[0]
    assert watch.returncode in (10, 30)
    assert "ROLLBACK" in printed
    assert printed.count("chunk: on; GO") <= 1  # what does not change is said once


def test_a_step_without_events_yet_holds_and_says_so(bench):
    """The clients' file comes with their first call."""
    bench.plan()
    bench.run("step", "events/*.jsonl", expect=0)
    said = bench.run("step", "events/*.jsonl", expect=10).stdout
    assert said == "chunk: shadow; HOLD: no events yet, events/*.jsonl is not there\n"


@pytest.mark.parametrize(
    "options, looks",
    [(["--recent", "4s"], 1440), (["--recent", "4s", "--alpha-over", "1h"], 60), ([], 0)],
)  # fmt: skip
def test_a_guards_looks_share_alpha_over_a_day_or_what_is_said(bench, monkeypatch, options, looks):
    seen = []

    class Turn:
        def __init__(self, plan, means):
            seen.append(means.looks)

        def step(self):
            return 0

    bench.plan()
    monkeypatch.chdir(bench.folder)
    monkeypatch.setattr(turn, "Turn", Turn)
    assert command.main(["step", "events.jsonl", *options]) == 0
    assert seen == [looks]
