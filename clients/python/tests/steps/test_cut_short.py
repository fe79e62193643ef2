"""Two at a time, and one that is killed half-way."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time

import pytest

# Runs the command, and dies like a killed process where it would next call this function.
DIES = """
import os, sys
from hotpathd.steps import {module}
from hotpathd.steps.command import main
{module}.{function} = lambda *given, **named: os._exit(9)
main(sys.argv[1:])
"""


def step_that_dies(bench, module, function):
    command = [sys.executable, "-c", DIES.format(module=module, function=function), "step", "events.jsonl", "--report", f"{sys.executable} report.py"]
    assert subprocess.run(command, cwd=bench.folder, env=bench.environment(), timeout=60).returncode == 9


@pytest.fixture
def in_shadow(bench):
    bench.begins()
    return bench


def test_killed_between_the_edit_and_its_line(in_shadow):
    step_that_dies(in_shadow, "ledger", "append")
    assert in_shadow.switch() == "1 %" and len(in_shadow.ledger()) == 1
    in_shadow.says("HOLD")
    assert "cut short after its edit" in in_shadow.step(expect=10)
    entry = in_shadow.ledger()[1]
    assert entry["to"] == {"mode": "canary", "percent": 1.0} and entry["verdict"] == "GO" and entry["notes"]
    assert (in_shadow.folder / "rollout.reports" / f"{entry['report']}.json").exists()
    assert "cut short" not in in_shadow.step(expect=10) and len(in_shadow.ledger()) == 2


def test_killed_before_the_edit(in_shadow):
    step_that_dies(in_shadow, "target", "put")
    assert in_shadow.switch() == "shadow"
    in_shadow.says("HOLD")
    assert "cut short before its edit" in in_shadow.step(expect=10)
    assert len(in_shadow.ledger()) == 1


def test_killed_behind_its_line(in_shadow):
    step_that_dies(in_shadow, "turn", "bring_into_force")
    (in_shadow.folder / "rollout.pending.json").write_text(in_shadow.ledger_path.read_text().splitlines()[1])
    in_shadow.says("HOLD")
    in_shadow.step(expect=10)
    assert len(in_shadow.ledger()) == 2 and not (in_shadow.folder / "rollout.pending.json").exists()


def test_off_settles_what_was_cut_short(in_shadow):
    step_that_dies(in_shadow, "ledger", "append")
    in_shadow.run("off", "chunk", expect=0)
    assert [entry["what"] for entry in in_shadow.ledger()] == ["begin", "up", "off"]


def test_a_torn_last_line_is_dropped(in_shadow):
    with open(in_shadow.ledger_path, "a") as file:
        file.write('{"v": 1, "ts": "20')
    in_shadow.step(expect=0)
    assert [entry["what"] for entry in in_shadow.ledger()] == ["begin", "up"]


def test_a_broken_line_is_named(in_shadow):
    with open(in_shadow.ledger_path, "a") as file:
        file.write("{}\n")
    assert "rollout.ledger.jsonl:2: no entry" in in_shadow.step(expect=2)


def test_two_steps_at_a_time_go_up_once(in_shadow):
    """Both have their GO before either edits."""
    (in_shadow.folder / "wait").touch()
    command = in_shadow.command("step", "events.jsonl", "--report", f"{sys.executable} report.py")
    runs = [subprocess.Popen(command, cwd=in_shadow.folder, env=in_shadow.environment(), stdout=subprocess.PIPE, text=True) for _ in range(3)]
    end = time.monotonic() + 60
    while len(in_shadow.asked()) < len(runs):
        assert time.monotonic() < end
        time.sleep(0.02)
    (in_shadow.folder / "wait").unlink()
    said = [run.communicate(timeout=60)[0] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 10, 10], said
    assert sum("moved meanwhile" in words for words in said) == 2
    assert in_shadow.switch() == "1 %" and len(in_shadow.ledger()) == 2


def test_off_does_not_wait_for_a_report(in_shadow):
    (in_shadow.folder / "wait").touch()
    command = in_shadow.command("step", "events.jsonl", "--report", f"{sys.executable} report.py")
    with subprocess.Popen(command, cwd=in_shadow.folder, env=in_shadow.environment(), stdout=subprocess.PIPE, text=True) as step:
        try:
            end = time.monotonic() + 60
            while not in_shadow.asked():
                assert time.monotonic() < end
                time.sleep(0.02)
            in_shadow.run("off", "chunk", expect=0)
            assert in_shadow.switch() == "off"
        finally:
            (in_shadow.folder / "wait").unlink()
            said = step.communicate(timeout=60)[0]
    assert "moved meanwhile" in said and in_shadow.switch() == "off"


def test_many_changes_at_a_time_leave_a_whole_file_and_ledger(in_shadow):
    """Steps, offs and resumes by several at once: each reader finds a whole file, and the ledger tells of the last change."""
    dead = time.monotonic() + 6
    loops = []
    for command in ("off chunk", "resume chunk", f"step events.jsonl --report '{sys.executable} report.py'"):
        line = f"while :; do '{sys.executable}' -m hotpathd.steps.command {command}; done"
        loops.append(subprocess.Popen(["sh", "-c", line], cwd=in_shadow.folder, env=in_shadow.environment(), stdout=subprocess.DEVNULL, start_new_session=True))
    try:
        while time.monotonic() < dead:
            assert in_shadow.switch() in ("off", "shadow", "1 %", "5 %", "on")
    finally:
        for loop in loops:
            os.killpg(loop.pid, signal.SIGKILL)
            loop.wait(30)
    in_shadow.says("HOLD")
    in_shadow.step()
    assert in_shadow.ledger()[-1]["to"]["mode"] == {"1 %": "canary", "5 %": "canary"}.get(in_shadow.switch(), in_shadow.switch())


def room_for(size):
    """Of a file: a full disk, as a process meets it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_disk_that_is_full_at_the_ledger_is_told_and_settled(in_shadow):
    for _ in range(2):  # longer than all else that is written
        in_shadow.run("resume", "chunk", expect=0)
    known = in_shadow.ledger()
    size = in_shadow.ledger_path.stat().st_size + 20
    done = in_shadow.run("up", "chunk", "--why", "no room", expect=2, preexec_fn=lambda: room_for(size))
    assert "the ledger cannot be written" in done.stderr
    in_shadow.run("resume", "chunk", expect=0)
    assert [entry["what"] for entry in in_shadow.ledger()[len(known) :]] == ["up", "resume"]


def test_a_disk_that_is_full_at_the_file_leaves_it_whole(in_shadow):
    before = in_shadow.file.read_bytes()
    for size in range(0, len(before) - 16, 32):
        done = in_shadow.run("off", "chunk", expect=2, preexec_fn=lambda: room_for(size))
        assert "not written" in done.stdout + done.stderr and "-> off" not in done.stdout
        assert in_shadow.file.read_bytes() == before


@pytest.mark.parametrize("why", [b"\xff\xfe", "é".encode()])
def test_no_character_keeps_a_route_on(in_shadow, why):
    in_shadow.run("off", "chunk", "--why", os.fsdecode(why), expect=0)
    assert in_shadow.switch() == "off"
    assert in_shadow.ledger()[-1]["what"] == "off"


@pytest.mark.parametrize("name", ["rollout.pending.json", "rollout.json"])
def test_nothing_that_is_nested_keeps_a_route_on(in_shadow, name):
    (in_shadow.folder / name).write_text("[" * 99_999)
    in_shadow.run("off", "--file", "conf/hotpathd.yaml", "chunk", expect=0)
    assert in_shadow.switch() == "off"


def test_what_a_killed_run_left_goes_with_the_next_one_if_it_is_old_and_ours(in_shadow, monkeypatch):
    """A report of a team's own needs a folder for its file."""
    temporary = in_shadow.folder / "tmp"
    names = ["hotpathd-rollout.old", "hotpathd-rollout.young", "another.old"]
    for name in names:
        (temporary / name).mkdir(parents=True)
        (temporary / name / "report.json").touch()
    for name in (names[0], names[2]):
        os.utime(temporary / name, (1, 1))
    (temporary / "hotpathd-rollout.link").symlink_to(temporary / names[2])
    os.utime(temporary / "hotpathd-rollout.link", (1, 1), follow_symlinks=False)
    monkeypatch.setenv("TMPDIR", str(temporary))
    in_shadow.says("HOLD")
    in_shadow.step(expect=10)
    assert sorted(path.name for path in temporary.iterdir()) == sorted([*names[1:], "hotpathd-rollout.link"])
    assert (temporary / names[2] / "report.json").exists()
