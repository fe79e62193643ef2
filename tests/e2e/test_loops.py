"""Several I/O loops: who gets which connection, and what holds over all of them."""
import json
import pathlib
import signal
import socket
import threading

import pytest

from daemon import connection, read_all, request, wait_for

BODY = json.dumps({"text": "One paragraph."}).encode()
JSON = {"Content-Type": "application/json"}
HEAD = b"POST /v1/chunk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def with_loops(start, tmp_path):
    def begin(count, more="", *arguments):
        config = tmp_path / "loops.yaml"
        config.write_text(f"io_threads: {count}\n{more}\n")
        return start("--config", str(config), *arguments)

    return begin


def loops(daemon):
    return daemon.get("/-/status").json["loops"]["connections"]


def ask(conn, body=BODY):
    reply = request(conn, "POST", "/v1/chunk", body, JSON)
    assert reply.status == 200, reply.body
    return reply.json


def begin(daemon, count):
    """Connections that each have sent half of a request."""
    host, _, port = daemon.tcp[len("http://"):].rpartition(":")
    begun = [socket.create_connection((host, int(port)), timeout=60) for _ in range(count)]
    for sock in begun:
        sock.sendall(HEAD % len(BODY) + BODY[:5])
    wait_for(lambda: daemon.metric("hotpathd_in_flight") == count, "all requests to be seen")
    return begun


def threads(daemon):
    return {pathlib.Path(task, "comm").read_text().strip() for task in pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir()}


@pytest.mark.parametrize("count", [1, 3])
def test_each_loop_gets_as_many_connections_as_the_others(with_loops, count):
    daemon = with_loops(count)
    held = [connection(url) for url in (daemon.tcp, daemon.unix) * 3]
    for conn in held:
        ask(conn)
    assert loops(daemon) == [6 // count] * count
    assert {f"hotpathd-io{n}" for n in range(1, count)} == {name for name in threads(daemon) if name.startswith("hotpathd-io")}
    for conn in held[:3]:
        conn.close()
    wait_for(lambda: sum(loops(daemon)) == 3, "three to go")
    held = held[3:] + [connection(daemon.tcp) for _ in range(3)]
    for conn in held:
        ask(conn)
    assert loops(daemon) == [6 // count] * count
    for conn in held:
        conn.close()
    wait_for(lambda: loops(daemon) == [0] * count and daemon.metric("hotpathd_connections") == 0, "all to go")


def test_limits_hold_over_all_loops(with_loops):
    daemon = with_loops(3, "limits: { connections: 5, connections_per_peer: 4 }")
    held = [connection(daemon.tcp) for _ in range(4)]
    for conn in held:
        ask(conn)
    with pytest.raises(OSError):
        ask(connection(daemon.tcp))
    assert daemon.metric("hotpathd_peers_refused_total") == 1
    held.append(connection(daemon.unix))
    ask(held[-1])
    assert sum(loops(daemon)) == 5
    for n in range(5):  # whichever loop has it: who waits comes in as soon as one has gone
        waits = connection(daemon.unix if n == 4 else daemon.tcp)
        waits.request("POST", "/v1/chunk", BODY, JSON)
        held.pop(0).close()
        assert waits.getresponse().read()
        held.append(waits)
    assert sum(loops(daemon)) == 5
    for conn in held:
        conn.close()


def test_a_drain_finishes_what_each_loop_has_and_closes_what_is_idle(with_loops):
    daemon = with_loops(3)
    begun = begin(daemon, 3)
    idle = [connection(daemon.tcp) for _ in range(3)]
    for conn in idle:
        ask(conn)
    assert loops(daemon) == [2, 2, 2]
    daemon.process.send_signal(signal.SIGTERM)
    for conn in idle:
        assert read_all(conn.sock) == b""
    for sock in begun:
        assert daemon.process.poll() is None
        sock.sendall(BODY[5:])
        reply = read_all(sock)
        assert reply.startswith(b"HTTP/1.1 200") and b"Connection: close" in reply
    assert daemon.process.wait(60) == 0


def test_a_second_signal_ends_what_the_loops_hold(with_loops):
    daemon = with_loops(3)
    begun = begin(daemon, 3)
    daemon.process.send_signal(signal.SIGTERM)
    wait_for(lambda: any(line["msg"] == "draining" for line in daemon.log()), "the drain to begin")
    wait_for(lambda: int(next(line.split()[1] for line in pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines()
                                           if line.startswith("SigCgt")), 16) >> (signal.SIGTERM - 1) & 1, "the handler")
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(60) == 128 + signal.SIGTERM
    for sock in begun:
        sock.close()


@pytest.mark.parametrize("count", [2, 3])
def test_what_workers_and_loops_compute_reaches_its_caller_and_is_counted(with_loops, count):
    daemon = with_loops(count, "workers: 2", "--set", "chunk.max_deadline_ms=60000")
    callers, rounds = 6, 12

    def body(caller, turn):  # every second one is for a worker
        return json.dumps({"text": f"Caller {caller} in turn {turn}. " * (3000 if turn % 2 else 1), "return_text": "always"}).encode()

    expected = {(caller, turn): daemon.post("/v1/chunk", body(caller, turn)).json["text"] for caller in range(callers) for turn in range(2)}
    wrong = []

    def call(caller):
        conn = connection(daemon.tcp)
        for turn in range(rounds):
            reply = request(conn, "POST", "/v1/chunk", body(caller, turn % 2), {**JSON, "X-Request-Timeout-Ms": "60000"})
            if reply.status != 200 or reply.json["text"] != expected[caller, turn % 2]:
                wrong.append((caller, turn, reply.status))
        conn.close()

    running = [threading.Thread(target=call, args=(caller,)) for caller in range(callers)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert not wrong
    wait_for(lambda: daemon.metric("hotpathd_connections") == 0 and daemon.metric("hotpathd_in_flight") == 0, "all to end")
    total = callers * (rounds + 2)
    assert daemon.metric("hotpathd_requests_total", code="ok") == daemon.metric("hotpathd_requests_total") == total
    for family in ("request_duration_seconds", "request_body_bytes", "reply_body_bytes"):
        assert daemon.metric(f"hotpathd_{family}_count") == total, family
    status = daemon.get("/-/status").json
    assert status["memory_bytes"] == 0 and status["loops"] == {"connections": [0] * count, "stuck": 0}


def test_who_hangs_up_on_any_loop_is_not_worked_for(with_loops):
    daemon = with_loops(3, "workers: 1", "--set", "chunk.max_deadline_ms=60000")
    large = json.dumps({"text": "A paragraph, and another word. " * 20_000}).encode()
    gone = []
    for _ in range(6):
        conn = connection(daemon.tcp)
        conn.request("POST", "/v1/chunk", large, {**JSON, "X-Request-Timeout-Ms": "60000"})
        gone.append(conn)
    wait_for(lambda: daemon.metric("hotpathd_in_flight") > 0 or daemon.metric("hotpathd_requests_total") > 0, "one to be seen")
    for conn in gone:
        conn.close()
    wait_for(lambda: daemon.metric("hotpathd_requests_total") == 6 and daemon.metric("hotpathd_connections") == 0, "all to end")
    assert daemon.metric("hotpathd_in_flight") == daemon.metric("hotpathd_queue_depth") == 0
    assert daemon.get("/-/status").json["memory_bytes"] == 0
