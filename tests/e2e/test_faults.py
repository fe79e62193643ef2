"""Faults around a request: no memory, no descriptors, a full disk. After each the next good request is answered."""
import contextlib
import errno
import http.client
import itertools
import json
import mmap
import os
import pathlib
import re
import resource
import select
import shutil
import socket
import subprocess
import time

import pytest

from daemon import SANITIZED, Daemon, connection, preloaded, read_all, request, run, wait_for

BODY = json.dumps({"text": "One paragraph."}).encode()
LARGE = json.dumps({"text": "A paragraph, and another word. " * 3000}).encode()


def raw(body):
    return (b"POST /v1/chunk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"X-Request-Id: a\r\nContent-Length: %d\r\n\r\n" % len(body)) + body


CHUNKED = (b"POST /v1/chunk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
           b"Transfer-Encoding: chunked\r\n\r\n")
SIZE = b"%x" % len(BODY)
HELD = raw(LARGE).replace(b"X-Request-Id: a", b"X-Request-Timeout-Ms: 100")


def tcp(daemon):
    host, _, port = daemon.tcp[len("http://"):].rpartition(":")
    return socket.create_connection((host, int(port)), timeout=60)


@contextlib.contextmanager
def controlled(folder, monkeypatch, library, count, *flags):
    """A daemon with tests/e2e/LIBRARY.c preloaded, and the `count` numbers that this goes by."""
    control = folder / "control"
    control.write_bytes(bytes(4 * count))
    monkeypatch.setenv(library.upper(), str(control))
    (folder / "d").mkdir()
    monkeypatch.setenv("LD_PRELOAD", preloaded(folder, library))
    with Daemon(folder / "d", *flags) as daemon, open(control, "r+b") as file:
        monkeypatch.delenv("LD_PRELOAD")
        yield daemon, memoryview(mmap.mmap(file.fileno(), 4 * count)).cast("i")


@pytest.fixture
def failing_malloc(tmp_path, monkeypatch):
    """A daemon, and what tries a request with the first, the second ... allocation failing, until it needs fewer."""
    if SANITIZED or not shutil.which("cc"):
        pytest.skip("a sanitizer has its own malloc" if SANITIZED else "no cc")
    with controlled(tmp_path, monkeypatch, "failing_malloc", 2) as (daemon, numbers):
        assert daemon.raw(raw(LARGE)).startswith(b"HTTP/1.1 200")  # its workers have started

        def replies(data):
            for nth in range(1, 400):
                numbers[1], numbers[0] = 0, nth
                reply = daemon.raw(data)
                failed, numbers[0] = numbers[1], 0
                yield reply
                assert daemon.raw(raw(BODY)).startswith(b"HTTP/1.1 200"), nth
                if not failed:
                    break
            assert nth > 5 and not failed
            wait_for(lambda: daemon.metric("hotpathd_connections") == 0, "the connections to go")
            assert daemon.metric("hotpathd_in_flight") == 0 and daemon.get("/-/status").json["memory_bytes"] == 0

        yield daemon, replies


@pytest.mark.parametrize("body", [BODY, LARGE], ids=["in place", "by a worker"])
def test_with_the_nth_allocation_failing_a_request_is_right_or_refused(failing_malloc, body):
    daemon, replies = failing_malloc
    right = json.loads(daemon.raw(raw(body)).partition(b"\r\n\r\n")[2])
    seen = set()
    for reply in replies(raw(body)):
        status = int(reply.split(b" ", 2)[1]) if reply else None
        seen.add(status)
        if status == 200:
            assert json.loads(reply.partition(b"\r\n\r\n")[2]) == right
        assert status in (200, 413, 429, 500, 503, None), reply
    assert 429 in seen


def test_with_the_nth_allocation_failing_nothing_behind_a_chunked_body_is_run(failing_malloc):
    daemon, replies = failing_malloc
    for reply in replies(CHUNKED + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n" + raw(BODY)):
        assert reply.count(b"HTTP/1.1 ") <= 1, reply


def test_with_the_nth_allocation_failing_what_the_library_refuses_is_a_problem(failing_malloc):
    daemon, replies = failing_malloc
    for reply in replies(raw(BODY).replace(b"Content-Length: ", b"Content-Length: x")):
        assert not reply or json.loads(reply.partition(b"\r\n\r\n")[2])["code"] == "bad_framing", reply


def test_running_out_of_descriptors_pauses_accepting_and_recovers(start):
    daemon = start()
    pid, (soft, hard) = daemon.process.pid, resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
    kept = connection(daemon.tcp)
    assert request(kept, "POST", "/v1/chunk", BODY, {"Content-Type": "application/json"}).status == 200
    highest = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 2, hard))
    waiting = [tcp(daemon) for _ in range(10)]
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


# --- sockets that take little ------------------------------------------------------------------------

def pipelined(first):
    """Requests of many kinds on one connection, with the statuses that they are due."""
    kinds = [(b"POST /v1/chunk", b"", BODY, 200), (b"GET /v1/rollout", b"", b"", 200), (b"HEAD /v1/chunk", b"", b"", 405), (b"GET /nope", b"", b"", 404),
             (b"POST /v1/chunk", b"", b"{", 400), (b"POST /v1/chunk", b"Expect: 100-continue\r\n", BODY, 200), (b"POST /v1/chunk", b"", LARGE, 200)]
    line = b"%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Request-Id: %d\r\n%sContent-Length: %d\r\n\r\n%s"
    asked = [line % (target, first + i, extra, len(body), body) for i, (target, extra, body, _) in enumerate(kinds)]
    asked.append(b"GET /v1/rollout HTTP/1.1\r\nHost: localhost\r\nX-A\r\n\r\n")  # refused by the library
    return b"".join(asked), [(first + i, kind[0][:4] == b"HEAD", kind[3]) for i, kind in enumerate(kinds)] + [(None, False, 400)]


def check_replies(replies, due):
    """Each is whole, in its turn, and has one of each line."""
    replies = replies.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    for identity, is_head, status in due:
        head, _, replies = replies.partition(b"\r\n\r\n")
        names = [line.partition(b":")[0] for line in head.split(b"\r\n")]
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        assert names[0] == b"HTTP/1.1 %d %s" % (status, http.client.responses[status].encode()), head
        assert len(set(names)) == len(names) and {b"Date", b"Content-Type", b"X-Request-Id", b"Content-Length"} <= set(names), head
        assert identity is None or lines[b"X-Request-Id"] == b"%d" % identity, head
        length = 0 if is_head else int(lines[b"Content-Length"])
        assert is_head or isinstance(json.loads(replies[:length]), dict)
        replies = replies[length:]
    assert replies == b""


@pytest.mark.skipif(SANITIZED or not shutil.which("cc"), reason="a sanitizer wants to be loaded first")
def test_replies_are_whole_however_little_a_socket_takes_at_a_time(tmp_path, monkeypatch):
    with controlled(tmp_path, monkeypatch, "odd_socket", 4) as (daemon, numbers):
        def odd(*values):
            for at, value in enumerate(values):
                numbers[at] = value

        for turn, room in enumerate((20, 60, 150, 300, 2000)):
            for url in (daemon.tcp, daemon.unix):
                odd(room, 0, 0, 0)
                asked, due = pipelined(1000 * (turn + 1))
                check_replies(daemon.raw(asked, url), due)
                assert numbers[3] > len(due)  # sent in pieces
        for nth, error in itertools.product(range(8), (errno.EAGAIN, errno.EINTR, errno.ENOBUFS, errno.EPIPE)):
            odd(0, nth, error, 0)
            asked, due = pipelined(100 * nth)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # what fails for good ends the connection
                replies = daemon.raw(asked)
                if error in (errno.EAGAIN, errno.EINTR):
                    check_replies(replies, due)
            odd(0, 0, 0, 0)
            check_replies(daemon.raw(asked), due)


# --- clocks ------------------------------------------------------------------------------------------

@pytest.fixture
def odd_library(tmp_path, monkeypatch):
    """Starts a daemon; its second result sets how far its time of day is off, and whether its workers (1) or its second loop (2) are stuck."""
    if not shutil.which("cc"):
        pytest.skip("no cc")
    config = tmp_path / "clock.yaml"
    config.write_text("workers: 1\nio_threads: 2\nisolation: { seccomp: false }\nlimits: { idle_s: 5 }\n")

    @contextlib.contextmanager
    def begin():
        with controlled(tmp_path, monkeypatch, "odd_clock", 2, "--config", str(config)) as (daemon, numbers):
            def odd(off_s=0, stuck=0):
                numbers[0], numbers[1] = off_s, stuck

            try:
                yield daemon, odd
            finally:
                odd()

    return begin


@pytest.fixture
def odd_clock(odd_library):
    with odd_library() as begun:
        yield begun


def test_a_time_of_day_that_jumps_ends_nothing(odd_clock):
    daemon, odd = odd_clock
    kept = connection(daemon.tcp)
    headers = {"Content-Type": "application/json", "X-Request-Timeout-Ms": "5000"}
    for off_s in (86400, -86400, 10 * 365 * 86400, -1, 0):
        with tcp(daemon) as begun:
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
    odd(stuck=1)
    with tcp(daemon) as caller:
        caller.sendall(HELD)
        wait_for(lambda: daemon.get("/-/status").json["workers"]["stuck"] == 1, "the worker to be called stuck")
        assert daemon.post("/v1/chunk", BODY).status == 200 and daemon.get("/livez").status == 200
        odd()
        wait_for(lambda: daemon.get("/-/status").json["workers"]["stuck"] == 0, "it to go on")
    assert daemon.get("/readyz").status == 200
    assert daemon.post("/v1/chunk", LARGE).status == 200


def test_a_loop_that_is_stuck_is_told_of_and_the_other_goes_on(odd_clock):
    daemon, odd = odd_clock
    first, second = connection(daemon.tcp), connection(daemon.tcp)
    headers = {"Content-Type": "application/json"}
    assert request(first, "POST", "/v1/chunk", BODY, headers).status == 200
    assert request(second, "GET", "/v1/rollout").status == 200
    odd(stuck=2)
    second.request("POST", "/v1/chunk", BODY, headers)
    wait_for(lambda: daemon.get("/-/status").json["loops"]["stuck"] == 1, "the loop to be called stuck")
    assert daemon.get("/readyz").status == 503
    assert request(first, "POST", "/v1/chunk", BODY, headers).status == 200
    odd()
    reply = second.getresponse()
    assert reply.status == 200 and reply.read()
    wait_for(lambda: daemon.get("/readyz").status == 200, "it to go on")
    first.close(), second.close()


@contextlib.contextmanager
def held(daemon, odd):
    """A caller whose request a worker has and is stuck with."""
    odd(stuck=1)
    with tcp(daemon) as caller:
        caller.sendall(HELD)
        wait_for(lambda: daemon.get("/-/status").json["workers"]["busy"] == 1, "the worker to have it")
        yield caller


def let_go(daemon, odd):
    odd()
    wait_for(lambda: daemon.get("/-/status").json["memory_bytes"] == 0, "the worker to let go of its memory")


def test_a_504_comes_in_time_from_a_worker_that_is_stuck(odd_clock):
    daemon, odd = odd_clock
    odd(stuck=1)
    with tcp(daemon) as caller:
        caller.sendall(raw(LARGE).replace(b"X-Request-Id: a", b"X-Request-Id: b\r\nX-Request-Timeout-Ms: 100"))
        reply = read_all(caller)  # which the worker has no part in
    assert reply.startswith(b"HTTP/1.1 504") and b"X-Request-Id: b\r\n" in reply and b'"stage":"compute"' in reply
    status = daemon.get("/-/status").json
    assert status["workers"]["busy"] == 1 and status["memory_bytes"] > len(LARGE)
    assert daemon.metric("hotpathd_in_flight") == 0 and daemon.metric("hotpathd_requests_total", code="deadline") == 1
    let_go(daemon, odd)
    assert daemon.metric("hotpathd_requests_total") == 1
    assert daemon.post("/v1/chunk", LARGE).status == 200


def test_a_connection_goes_on_behind_a_504_of_a_stuck_worker(odd_clock):
    daemon, odd = odd_clock
    odd(stuck=1)
    kept = (HELD + raw(BODY)).replace(b"Connection: close\r\n", b"")
    with tcp(daemon) as caller:
        caller.sendall(kept + raw(BODY))
        replies = read_all(caller).split(b"HTTP/1.1 ")[1:]
    assert [reply[:3] for reply in replies] == [b"504", b"200", b"200"]
    let_go(daemon, odd)
    assert daemon.metric("hotpathd_requests_total") == 3


def test_a_caller_of_a_stuck_worker_hangs_up_and_is_counted_once(odd_clock):
    daemon, odd = odd_clock
    with held(daemon, odd):
        pass
    wait_for(lambda: daemon.metric("hotpathd_in_flight") == 0, "the caller to be gone")
    let_go(daemon, odd)
    assert daemon.metric("hotpathd_requests_total") == 1


def test_a_drain_answers_for_a_stuck_worker_and_waits_for_it(odd_clock):
    daemon, odd = odd_clock
    with held(daemon, odd) as caller:
        daemon.process.terminate()
        assert read_all(caller).startswith(b"HTTP/1.1 504")
    assert daemon.process.poll() is None
    odd()
    assert daemon.process.wait(60) == 0


def test_a_drain_gives_a_worker_up_that_never_comes_back(odd_clock):
    daemon, odd = odd_clock
    odd(stuck=1)
    with tcp(daemon) as caller:
        caller.sendall(HELD.replace(b"Connection: close", b"X-Request-Id: lost\r\nConnection: close"))
        assert read_all(caller).startswith(b"HTTP/1.1 504")
    assert daemon.call("POST", "/-/drain", url=daemon.admin).status == 202
    assert daemon.process.wait(60) == 70
    told, = (line for line in daemon.log() if "does not come back" in line["msg"])
    assert (told["route"], told["request_id"]) == ("chunk", "lost") and not daemon.socket.exists()


# --- what the manager hears --------------------------------------------------------------------------

@pytest.mark.parametrize("stuck, body", [(1, HELD), (2, raw(BODY))], ids=["a worker", "a loop"])
def test_the_manager_hears_nothing_while_something_is_stuck(tmp_path, monkeypatch, odd_library, stuck, body):
    path = tmp_path / "notify"
    hears = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    hears.bind(str(path))
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    with odd_library() as (daemon, odd):
        beats = lambda: sum(message == b"WATCHDOG=1" for message in heard(hears))
        wait_for(lambda: beats(), "a sign of life")
        odd(stuck=stuck)
        with tcp(daemon), tcp(daemon) as caller:  # the second one is the second loop's
            caller.sendall(body)
            wait_for(lambda: any("is stuck" in line["msg"] for line in daemon.log()), "it to be called stuck")
            beats()
            lines = len(daemon.log())
            wait_for(lambda: len(daemon.log()) >= lines + 5, "five signs of life that are not given")
            assert beats() == 0 and daemon.get("/livez").status == 200
            odd()
            wait_for(lambda: beats(), "a sign of life again")
    hears.close()


def heard(hears):
    while select.select([hears], [], [], 0)[0]:
        yield hears.recv(1000)


# --- the ends of bodies and connections --------------------------------------------------------------


@pytest.mark.parametrize("body", [
    SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n", SIZE + b"\n" + BODY + b"\r\n0\r\n\r\n", SIZE + b"\r\n" + BODY + b"\n0\r\n\r\n",
    SIZE + b"\r\n" + BODY + b"\r\n0\n\r\n", SIZE + b"\r\n" + BODY + b"\r\n0\r\n\n", SIZE + b";a\rb\r\n" + BODY + b"\r\n0\r\n\r\n",
    SIZE + b";" + b"a" * 9000 + b"\r\n" + BODY + b"\r\n0\r\n\r\n", b"0" * 30 + SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n",
    SIZE + b"\r\n" + BODY + b"\r\n0\r\nContent-Length: 9\r\n\r\n", SIZE + b"\r\n" + BODY + b"\r\n0\r\nA: b\r\n c: d\n\r\n",
], ids=["well framed", "LF behind a size", "LF behind a chunk", "LF behind the last size", "LF at the end", "CR in an extension",
        "a long extension", "zeros before a size", "a length as trailer", "a folded trailer"])
def test_nothing_behind_a_chunked_body_is_run_as_a_request(daemon, body):
    """Where such a body ends is read differently by different programs: it is the last of its connection."""
    for url in (daemon.tcp, daemon.unix):
        reply = daemon.raw(CHUNKED + body + raw(BODY), url)
        assert reply.count(b"HTTP/1.1 ") == 1 and b"connection: close" in reply.lower(), reply


@pytest.mark.parametrize("trailers", [lambda n: b"A: " + b"a" * n + b"\r\n", lambda n: b"A:" + b" " * n + b"a\r\n", lambda n: b"A: a\r\n" * (n // 6)],
                         ids=["a long one", "one of blanks", "many"])
@pytest.mark.parametrize("head", [0, 6000])
def test_trailers_of_any_size_are_followed_by_a_reply(daemon, trailers, head):
    """They lie in the memory in which the library writes the reply's head: 16 KiB are allowed, and 21 KiB there are."""
    begun = CHUNKED[:-2] + b"B: " + b"b" * head + b"\r\n\r\n" + SIZE + b"\r\n" + BODY + b"\r\n0\r\n"
    sizes = [1, 300, 380, *range(2200, 2500, 6), *range(16400 - head - 400, 16400 - head, 16), *range(21100 - head - 300, 21100 - head + 100, 8), 40000]
    seen = [daemon.raw(begun + trailers(n) + b"\r\n")[:12] for n in sizes]
    assert {*seen} == {b"HTTP/1.1 200", b"HTTP/1.1 431"}, dict(zip(sizes, seen))


def test_a_folded_trailer_is_told_as_a_folded_header_is(daemon):
    """0.9.75 moves the name of such a line: its length is not to be told from its places. Later libraries unfold it."""
    reply = daemon.raw(CHUNKED + SIZE + b"\r\n" + BODY + b"\r\n0\r\nA: b\r\n c\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 200") or b'"code":"bad_framing"' in reply, reply


@pytest.mark.parametrize("stays", [True, False])
def test_a_trailer_that_ends_where_the_librarys_memory_does_is_refused_at_once(start, stays):
    """0.9.75 has no room to read what follows, does not say so, and does not see that its client has left."""
    daemon = start("--set", "chunk.max_deadline_ms=3600000")
    begun = CHUNKED[:-2] + b"B: " + b"b" * 12000 + b"\r\n\r\n" + SIZE + b"\r\n" + BODY + b"\r\n0\r\nA: "
    for n in range(8950, 9150):
        with daemon.open() as sock:
            sock.sendall(begun + b"a" * n + b"\r\n\r\n")
            assert not stays or read_all(sock)[:12] in (b"HTTP/1.1 431", b"")
    wait_for(lambda: daemon.metric("hotpathd_connections") == 0, "the connections to go")
    assert daemon.metric("hotpathd_in_flight") == 0


@pytest.mark.parametrize("path", [b"/v1/chunk", b"/v1/nothing"], ids=["taken", "refused"])
def test_descriptors_that_a_peer_sends_along_with_a_body_are_not_taken(daemon, tmp_path, path):
    body = json.dumps({"text": "a" * 50000}).encode()
    head = raw(body).replace(b"/v1/chunk", path).replace(b"Connection: close\r\n", b"")[:-len(body)]
    with daemon.open(daemon.unix) as sock, open(str(tmp_path / "mine"), "w") as mine:
        sock.sendall(head + body[:-100])
        socket.send_fds(sock, [body[-100:]], [mine.fileno()])  # the last piece: a read ends with what has descriptors
        assert sock.recv(1 << 16)[9:12] == (b"200" if path == b"/v1/chunk" else b"404")
        assert mine.name not in [os.readlink(fd) for fd in pathlib.Path(f"/proc/{daemon.process.pid}/fd").iterdir()]


@pytest.mark.parametrize("request_bytes", [raw(BODY).replace(b"Connection: close\r\n", b""), b"GET /v1/rollout HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_an_answered_connection_that_its_client_has_ended_is_closed(start, request_bytes):
    """The request and the end in one segment: one event, of which the library sees the first half."""
    daemon = start()
    with tcp(daemon) as ended, tcp(daemon) as kept:
        kept.sendall(request_bytes)
        assert kept.recv(1 << 16).startswith(b"HTTP/1.1 200")
        ended.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        ended.sendall(request_bytes)
        ended.shutdown(socket.SHUT_WR)
        assert read_all(ended).startswith(b"HTTP/1.1 200")
        wait_for(lambda: daemon.metric("hotpathd_connections") == 1, "it to be closed")
        kept.sendall(request_bytes)  # one that is only idle is kept
        assert kept.recv(1 << 16).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("head", [b"Content-Length: x\r\n", b"X-A\r\n"])
def test_a_head_request_that_cannot_be_read_gets_one_head_and_no_body(daemon, head):
    for url in (daemon.tcp, daemon.unix, daemon.admin):
        reply = daemon.raw(b"HEAD /v1/chunk HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n", url)
        assert reply.startswith(b"HTTP/1.1 400") and reply.count(b"HTTP/1.1") == 1 and reply.endswith(b"\r\n\r\n")
        assert b"\r\nContent-Type: application/problem+json\r\n" in reply


def test_a_refusal_that_is_the_librarys_has_an_id(daemon):
    seen = set()
    for _ in range(2):
        head, _, body = daemon.raw(raw(BODY).replace(b"Content-Length: ", b"Content-Length: x")).partition(b"\r\n\r\n")
        identity, = re.findall(rb"\r\nX-Request-Id: ([0-9a-f]{32})", head)
        assert json.loads(body)["request_id"] == identity.decode()
        seen.add(identity)
    assert len(seen) == 2


# --- the admin side ----------------------------------------------------------------------------------

def test_who_holds_the_admin_sides_connections_keeps_no_health_check_out(start):
    daemon = start()
    host, _, port = daemon.admin.rpartition("/")[2].rpartition(":")
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection((host, int(port)))) for _ in range(100)]
        for sock in slow:
            sock.sendall(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        for _ in range(5):
            for sock in slow:
                with contextlib.suppress(OSError):  # it had to give way
                    sock.sendall(b"x")
            conn = stack.enter_context(contextlib.closing(connection(daemon.admin, timeout=3)))
            assert request(conn, "GET", "/livez").status == 200
        # what had to give way is ended or reset; what holds on has nothing to read
        assert len(select.select(slow, [], [], 0)[0]) >= len(slow) - 32
    assert daemon.get("/livez").status == 200


# --- the library's version ---------------------------------------------------------------------------

@pytest.mark.skipif(SANITIZED or not shutil.which("cc"), reason="no cc, or what a sanitizer has nothing to see of")
@pytest.mark.parametrize("version, warned", [("0.9.75", True), ("0.9.77", True), ("1.0.4", True), ("1.0.4.1", True), ("1.0.5", False),
                                             ("1.0.10", False), ("1.1.0", False), ("2.0.0", False), ("odd", False), ("", False)])
def test_a_library_with_known_faults_is_warned_of_and_every_version_told(tmp_path, monkeypatch, version, warned):
    if "libmicrohttpd 0." not in run("version")[1] and version[:1] not in ("1", "2"):
        pytest.skip("a parser of 1.0 would be held to the ways of an older one")
    library = tmp_path / "version.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", str(library), "-"], check=True,
                   input=b'const char *MHD_get_version(void) { return "%s"; }' % version.encode())
    (tmp_path / "d").mkdir()
    daemon = Daemon(tmp_path / "d")
    monkeypatch.setenv("LD_PRELOAD", str(library))
    with daemon:
        monkeypatch.delenv("LD_PRELOAD")
        wait_for(lambda: any(line["msg"] == "ready" for line in daemon.log()), "the start to be logged")
        warnings = [line for line in daemon.log() if "older than 1.0.5" in line["msg"]]
        assert [line["microhttpd"] for line in warnings] == ([version] if warned else [])
        assert f'microhttpd="{version}"' in daemon.get("/metrics").body.decode()
