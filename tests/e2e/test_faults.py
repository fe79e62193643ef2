"""Faults around a request: no memory, no descriptors, a full disk. After each the next good request is answered."""
import json
import mmap
import os
import pathlib
import resource
import shutil
import socket
import struct
import subprocess

import pytest

from daemon import BINARY, Daemon, connection, read_all, request, wait_for

BODY = json.dumps({"text": "One paragraph."}).encode()
LARGE = json.dumps({"text": "A paragraph, and another word. " * 3000}).encode()
SANITIZED = b"__asan_init" in pathlib.Path(BINARY).read_bytes() or b"__tsan_init" in pathlib.Path(BINARY).read_bytes()


def raw(body):
    return (b"POST /v1/chunk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"X-Request-Id: a\r\nContent-Length: %d\r\n\r\n" % len(body)) + body


@pytest.mark.skipif(SANITIZED or not shutil.which("cc"), reason="a sanitizer has its own malloc")
@pytest.mark.parametrize("body", [BODY, LARGE], ids=["in place", "by a worker"])
def test_with_the_nth_allocation_failing_a_request_is_right_or_refused(tmp_path, monkeypatch, body):
    library, control = tmp_path / "failing.so", tmp_path / "control"
    source = pathlib.Path(__file__).with_name("failing_malloc.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    control.write_bytes(bytes(8))
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("FAILING_MALLOC", str(control))
    (tmp_path / "d").mkdir()
    with Daemon(tmp_path / "d") as daemon, open(control, "r+b") as file:
        monkeypatch.delenv("LD_PRELOAD")
        shared = mmap.mmap(file.fileno(), 8)
        right = json.loads(daemon.raw(raw(body)).partition(b"\r\n\r\n")[2])
        seen = set()
        for nth in range(1, 400):
            shared[0:8] = struct.pack("ii", nth, 0)
            reply = daemon.raw(raw(body))
            left, failed = struct.unpack("ii", shared[0:8])
            shared[0:4] = bytes(4)
            status = int(reply.split(b" ", 2)[1]) if reply else None
            seen.add(status)
            if status == 200:
                assert json.loads(reply.partition(b"\r\n\r\n")[2]) == right
            assert status in (200, 413, 429, 500, 503, None), (nth, reply)
            assert daemon.raw(raw(BODY)).startswith(b"HTTP/1.1 200"), nth
            if not failed:
                break  # the request needed fewer
        assert nth > 5 and not failed and 429 in seen
        wait_for(lambda: daemon.metric("hotpathd_connections") == 0, "the connections to go")
        assert daemon.metric("hotpathd_in_flight") == 0 and daemon.get("/-/status").json["memory_bytes"] == 0


def test_running_out_of_descriptors_pauses_accepting_and_recovers(start):
    daemon = start()
    pid, (soft, hard) = daemon.process.pid, resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
    host, _, port = daemon.tcp[len("http://"):].rpartition(":")
    kept = connection(daemon.tcp)
    assert request(kept, "POST", "/v1/chunk", BODY, {"Content-Type": "application/json"}).status == 200
    highest = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 2, hard))
    waiting = [socket.create_connection((host, int(port))) for _ in range(10)]
    for sock in waiting:
        sock.sendall(raw(BODY))
    wait_for(lambda: any("out of descriptors" in line["msg"] for line in daemon.log()), "the pause")
    ticks = lambda: sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    before, lines = ticks(), len(daemon.log())
    wait_for(lambda: len(daemon.log()) >= lines + 3, "three more pauses")  # a tenth of a second each
    assert ticks() - before < 15  # of about 30: it does not spin
    assert request(kept, "POST", "/v1/chunk", BODY, {"Content-Type": "application/json"}).status == 200
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    for sock in waiting:
        assert read_all(sock).startswith(b"HTTP/1.1 200")
        sock.close()
    kept.close()


def test_a_log_that_cannot_be_written_is_counted_and_harms_nobody(tmp_path):
    daemon = Daemon(tmp_path)
    popen = subprocess.Popen
    with open("/dev/full", "w") as full:
        subprocess.Popen = lambda command, stderr, cwd: popen(command, stderr=full, cwd=cwd)
        try:
            daemon.__enter__()
        finally:
            subprocess.Popen = popen
    try:
        for _ in range(3):
            assert daemon.post("/v1/chunk", b"{").status == 400
        assert daemon.post("/v1/chunk", BODY).status == 200
        wait_for(lambda: daemon.metric("hotpathd_log_lines_dropped_total") >= 3, "the lines to be counted")
    finally:
        daemon.__exit__(None, None, None)


# --- clocks ------------------------------------------------------------------------------------------

@pytest.fixture
def odd_clock(tmp_path, monkeypatch):
    """Starts a daemon; its second result sets how far its time of day is off and whether its workers are stuck."""
    if SANITIZED or not shutil.which("cc"):
        pytest.skip("a sanitizer wants to be loaded first" if SANITIZED else "no cc")
    library, control = tmp_path / "odd_clock.so", tmp_path / "control"
    subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O1", "-o", str(library),
                    str(pathlib.Path(__file__).with_name("odd_clock.c"))], check=True)
    control.write_bytes(bytes(8))
    (tmp_path / "d").mkdir()
    config = tmp_path / "d" / "clock.yaml"
    config.write_text("workers: 1\nisolation: { seccomp: false }\nlimits: { idle_s: 5 }\n")
    daemon = Daemon(tmp_path / "d", "--config", str(config))
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("ODD_CLOCK", str(control))
    daemon.__enter__()
    monkeypatch.delenv("LD_PRELOAD")
    with open(control, "r+b") as file:
        shared = mmap.mmap(file.fileno(), 8)

        def odd(off_s=0, stuck=0):
            shared[0:8] = struct.pack("ii", off_s, stuck)

        yield daemon, odd
        odd()
    daemon.__exit__(None, None, None)


def test_a_time_of_day_that_jumps_ends_nothing(odd_clock):
    daemon, odd = odd_clock
    kept = connection(daemon.tcp)
    headers = {"Content-Type": "application/json", "X-Request-Timeout-Ms": "5000"}
    for off_s in (86400, -86400, 10 * 365 * 86400, -1, 0):
        host, _, port = daemon.tcp[len("http://"):].rpartition(":")
        with socket.create_connection((host, int(port))) as begun:
            begun.sendall(raw(BODY)[:-1])
            wait_for(lambda: daemon.metric("hotpathd_in_flight") == 1, "the request to be seen")
            odd(off_s)
            assert request(kept, "POST", "/v1/chunk", BODY, headers).status == 200
            assert request(kept, "POST", "/v1/chunk", LARGE, headers).status == 200
            begun.sendall(raw(BODY)[-1:])
            assert read_all(begun).startswith(b"HTTP/1.1 200")
    odd(86400)
    assert daemon.post("/v1/chunk", b"{").status == 400
    tomorrow = daemon.log()[0]["ts"][:10] + "T99"
    wait_for(lambda: daemon.log()[-1]["ts"] > tomorrow, "a line of another day: the jump is real")
    assert daemon.metric("hotpathd_requests_total", code="deadline") == 0
    kept.close()


def test_workers_that_are_stuck_are_told_of_and_small_requests_go_on(odd_clock):
    daemon, odd = odd_clock
    host, _, port = daemon.tcp[len("http://"):].rpartition(":")
    odd(stuck=1)
    held = raw(LARGE).replace(b"X-Request-Id: a", b"X-Request-Timeout-Ms: 100")
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(held)
        wait_for(lambda: daemon.get("/-/status").json["workers"]["stuck"] == 1, "the worker to be called stuck", 20)
        assert daemon.post("/v1/chunk", BODY).status == 200 and daemon.get("/livez").status == 200
        odd()
        wait_for(lambda: daemon.get("/-/status").json["workers"]["stuck"] == 0, "it to go on")
    assert daemon.get("/readyz").status == 200
    assert daemon.post("/v1/chunk", LARGE).status == 200
