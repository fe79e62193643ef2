"""What the daemon gave up: seen in /proc, in /-/status, and by what it can no longer do."""
import json
import os
import pathlib
import resource
import shutil
import subprocess

import pytest

from daemon import BINARY, Daemon, preloaded, wait_for

BODY = json.dumps({"text": "One paragraph."})
SANITIZED = b"sanitizer's build" in pathlib.Path(BINARY).read_bytes()
OFF = "isolation: { landlock: false, seccomp: false, core_dumps: true }\n"


def begin(start, tmp_path, text):
    config = tmp_path / "isolation.yaml"
    config.write_text(text)
    return start("--config", str(config)), config


def kernel(daemon):
    """Of every thread: whether a filter holds, and whether a program could gain rights."""
    status = [task.joinpath("status").read_text() for task in pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir()]
    return {(line.split()[1], other.split()[1]) for text in status
            for line in text.splitlines() if line.startswith("Seccomp:")
            for other in text.splitlines() if other.startswith("NoNewPrivs:")}


def test_all_of_it_is_told_and_can_be_switched_off(start, tmp_path):
    daemon, _ = begin(start, tmp_path, OFF)
    told = daemon.get("/-/status").json["isolation"]
    assert told["landlock"].startswith("off") and told["seccomp"].startswith("off") and told["core_dumps"].startswith("on")
    assert kernel(daemon) == {("0", "1" if not SANITIZED else "0")}
    assert daemon.post("/v1/chunk", BODY).status == 200


def test_threads_have_names_under_all_of_it(start, tmp_path):
    daemon, _ = begin(start, tmp_path, "workers: 1\ntraces: http://127.0.0.1:9/\n")
    wait_for(lambda: {"hotpathd-w0", "hotpathd-w1", "hotpathd-spans"} <= {
        task.joinpath("comm").read_text().strip() for task in pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir()}, "their names")


def test_core_dumps_hold_no_documents(start, tmp_path):
    daemon, _ = begin(start, tmp_path, "")
    assert daemon.get("/-/status").json["isolation"]["core_dumps"] == "off"
    proc = pathlib.Path(f"/proc/{daemon.process.pid}")
    assert int((proc / "coredump_filter").read_text(), 16) == 0
    assert next(line.split()[4] for line in (proc / "limits").read_text().splitlines() if line.startswith("Max core")) == "0"


def test_it_opens_no_more_than_its_connections_take_and_lets_no_more_in_than_it_may_open(start, tmp_path):
    daemon, _ = begin(start, tmp_path, "limits: { connections: 100 }\n")
    assert resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE) == (180, 180)
    assert daemon.metric("hotpathd_connections_limit") == 100
    (tmp_path / "poor").mkdir()
    poor = Daemon(tmp_path / "poor")
    poor.command = ["sh", "-c", 'ulimit -n 120 && exec "$@"', "sh", *poor.command]
    with poor:
        assert resource.prlimit(poor.process.pid, resource.RLIMIT_NOFILE) == (120, 120)
        assert poor.metric("hotpathd_connections_limit") == 40 and any("lowered" in line["msg"] for line in poor.log())


@pytest.mark.skipif(SANITIZED, reason="a sanitizer needs calls and files of its own")
def test_every_thread_is_under_the_filter(start, tmp_path):
    daemon, _ = begin(start, tmp_path, "workers: 2\n")
    told = daemon.get("/-/status").json["isolation"]["seccomp"]
    assert told.startswith("on") or any(line.get("what") == "seccomp" for line in daemon.log())
    if told.startswith("on"):
        assert kernel(daemon) == {("2", "1")}


def test_workers_have_names_and_are_nicer_than_the_rest(start, tmp_path):
    """Both are set when the filters are in force already."""
    daemon, _ = begin(start, tmp_path, "workers: 2\n")
    usual, workers = os.getpriority(os.PRIO_PROCESS, daemon.process.pid), {"hotpathd-w0", "hotpathd-w1", "hotpathd-w2"}

    def as_nice():
        tasks = pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir()
        return {task.joinpath("comm").read_text().strip() for task in tasks if os.getpriority(os.PRIO_PROCESS, int(task.name)) == min(usual + 10, 19)}

    # where the suite itself is as nice as can be, so are the others
    wait_for(lambda: as_nice() == workers or usual == 19 and as_nice() > workers, "three nicer threads with their names")


@pytest.mark.skipif(SANITIZED, reason="a sanitizer needs calls and files of its own")
def test_files_outside_its_folders_cannot_be_read(start, tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir(), outside.mkdir()
    for folder in (inside, outside):
        (folder / "token").write_text("a-secret-of-some-length")

    def moves_token(text):
        daemon, config = begin(start, inside, text)
        config.write_text(text + f"token_file: {inside}/token\n")
        assert daemon.call("POST", "/-/reload", url=daemon.admin).status == 200
        config.write_text(text + f"token_file: {outside}/token\n")
        return daemon, daemon.call("POST", "/-/reload", url=daemon.admin).status

    assert moves_token(OFF)[1] == 200
    daemon, status = moves_token("")
    if daemon.get("/-/status").json["isolation"]["landlock"].startswith("on"):
        assert status == 422
    else:
        assert any(line.get("what") == "landlock" for line in daemon.log())
    assert daemon.get("/metrics").body.count(b"\nprocess_open_fds ") == 1  # /proc is still there


@pytest.mark.skipif(SANITIZED or not shutil.which("cc"), reason="a sanitizer wants to be loaded first, and isolates nothing")
def test_a_kernel_that_has_none_of_it_is_told_of_and_served_on(start, tmp_path, monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", preloaded(tmp_path, "poor_kernel"))
    daemon, _ = begin(start, tmp_path, "")
    monkeypatch.delenv("LD_PRELOAD")
    told = daemon.get("/-/status").json["isolation"]
    assert set(told) == {"landlock", "seccomp", "core_dumps"}
    assert all(state.startswith("not to be had: ") for state in told.values()), told
    lines = [line["what"] for line in daemon.log() if line["msg"].startswith("isolation: ")]
    assert sorted(lines) == ["core dumps without memory", "landlock", "seccomp"]
    assert daemon.post("/v1/chunk", BODY).status == 200


@pytest.mark.skipif(SANITIZED or not shutil.which("strace"), reason="strace sees what is refused, in a plain build")
def test_no_call_that_serving_makes_is_refused(start, tmp_path):
    """A refused call would be EPERM: none is seen while everything is exercised."""
    config = tmp_path / "isolation.yaml"
    config.write_text("workers: 2\n")
    trace = tmp_path / "trace"
    daemon = start("--config", str(config))
    tracer = subprocess.Popen(["strace", "-f", "-o", str(trace), "-p", str(daemon.process.pid)], stderr=subprocess.PIPE)
    try:
        assert b"attached" in tracer.stderr.readline()
        for url in (daemon.tcp, daemon.unix):
            assert daemon.post("/v1/chunk", json.dumps({"text": "word " * 100_000}), url).status == 200
        for path in ("/", "/metrics", "/-/status", "/-/config", "/openapi.json", "/readyz"):
            assert daemon.get(path).status == 200
        assert daemon.call("POST", "/-/reload", url=daemon.admin).status == 200
        daemon.process.terminate()
        assert daemon.process.wait(10) == 0
    finally:
        tracer.terminate()
        tracer.wait()
    calls = trace.read_text()
    assert "exit_group(0)" in calls and "EPERM" not in calls
