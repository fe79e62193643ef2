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
