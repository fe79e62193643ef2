"""Off needs the file alone."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys

import pytest
from conftest import CONFIGURATION


def test_off_switches_all_routes_off_and_logs_it(bench):
    bench.begins()
    bench.run("off", "--why", "a bad morning", expect=0)
    assert (bench.switch("chunk"), bench.switch("score")) == ("off", "off")
    assert [(entry["route"], entry["what"], entry["why"]) for entry in bench.ledger()[1:]] == [
        ("chunk", "off", ["a bad morning"]),
        ("score", "off", ["a bad morning"]),
    ]
    assert "resume" in bench.step(expect=10)


def test_off_of_one_route_leaves_the_others(bench):
    bench.run("off", "--file", "conf/hotpathd.yaml", "score", expect=0)
    assert bench.file.read_text() == CONFIGURATION.replace("mode: on", "mode: off")
    assert not bench.ledger_path.exists()  # no plan, no ledger


def test_off_of_a_route_that_the_file_does_not_name(bench):
    bench.run("off", "--file", "conf/hotpathd.yaml", "own", expect=0)
    assert bench.switch("own") == "off"


@pytest.mark.parametrize("plan", ["", "{", "[]", '{"v": 1}', "\xff"])
def test_off_with_a_broken_plan(bench, plan):
    bench.plan_path.write_bytes(plan.encode("latin-1"))
    assert "--file" in bench.run("off", expect=2).stderr
    bench.run("off", "--file", "conf/hotpathd.yaml", expect=0)
    assert bench.switch("score") == "off"
    assert [entry["route"] for entry in bench.ledger()] == ["chunk", "score"]


def test_off_with_a_broken_ledger(bench):
    bench.plan()
    bench.ledger_path.write_text("not a line of it\n")
    assert "ledger" in bench.run("off", expect=0).stdout
    assert bench.switch("score") == "off"
    assert bench.ledger_path.read_text().startswith("not a line of it\n")


def test_off_where_the_ledger_cannot_be_written(bench):
    bench.plan()
    bench.ledger_path.mkdir()
    assert "ledger" in bench.run("off", expect=0).stdout
    assert bench.switch("score") == "off"


def test_off_while_somebody_holds_the_lock(bench):
    bench.plan()
    fd = os.open(bench.file.parent, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        said = bench.run("off", "score", expect=0).stdout
    finally:
        os.close(fd)
    assert "lock" in said and bench.switch("score") == "off"


def test_off_where_the_file_is_broken_makes_the_kill_switch(bench):
    switch = bench.folder / "off"
    bench.plan("--kill-switch", str(switch))
    bench.file.write_text("routes: {")
    assert "kill switch" in bench.run("off", expect=0).stdout
    assert switch.exists()


@pytest.mark.parametrize("line", ["kill_switch: {}", "  kill_switch: '{}' # there", 'kill_switch: "{}"'])
def test_off_where_the_file_is_broken_finds_the_kill_switch_in_what_is_left_of_it(bench, line):
    switch = bench.folder / "the switch" if line.count("'") or line.count('"') else bench.folder / "off"
    bench.file.write_text("routes: {\n# kill_switch: /nowhere/at/all\n" + line.format(switch) + "\n")
    said = bench.run("off", "--file", "conf/hotpathd.yaml", expect=0).stdout
    assert switch.exists() and f"until {switch} (as conf/hotpathd.yaml says) is removed" in said


@pytest.mark.parametrize("text", ["routes: {", "routes: {\nkill_switch: /nowhere/at/all\n", "routes: {\nkill_switch: \n"])
def test_off_where_the_file_is_broken_says_how_without_it(bench, text):
    bench.file.write_text(text)
    said = bench.run("off", "--file", "conf/hotpathd.yaml", expect=2).stdout
    assert "hotpathd-rollout off --kill-switch /run/hotpathd/off" in said and "conf/hotpathd.yaml:" in said and "not YAML" in said
    assert ("touch /nowhere/at/all" in said) == ("/nowhere" in text)


def test_a_rollback_where_the_file_is_broken_makes_the_kill_switch(bench):
    switch = bench.folder / "off"
    bench.begins("--kill-switch", str(switch))
    bench.file.write_text("routes: {")
    bench.says("ROLLBACK")
    bench.step()
    assert switch.exists()


def test_off_imports_nothing_heavy(bench):
    """Only PyYAML beside the standard library."""
    watch = "import sys; from hotpathd.steps.command import main; main(sys.argv[1:]); print({m.split('.')[0] for m in sys.modules} & {'numpy', 'scipy', 'rich', 'jinja2'})"
    command = [sys.executable, "-c", watch, "off", "--file", "conf/hotpathd.yaml"]
    said = subprocess.run(command, cwd=bench.folder, env=bench.environment(), capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.splitlines()[-1] == "set()" and bench.switch("score") == "off"


def test_without_pyyaml_off_says_how(bench):
    hide = "import sys; sys.modules['yaml'] = None; from hotpathd.steps.command import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", hide, "off", "--file", "conf/hotpathd.yaml"]
    said = subprocess.run(command, cwd=bench.folder, env=bench.environment(), capture_output=True, text=True, timeout=60)
    assert said.returncode == 2 and "./clients/python[rollout]" in said.stderr and "touch /run/hotpathd/off" in said.stderr
