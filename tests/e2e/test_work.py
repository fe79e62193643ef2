"""Workers and the queue before them: who goes first, who is refused, who is cancelled, and that all are counted."""
import contextlib
import json
import random
import re
import signal
import socket
import threading

import pytest

from daemon import connection, request, wait_for

# A document that takes long for its size: each character is a chunk of its own.
SLOW_UNIT = "a é\u0301x. "
SMALL = json.dumps({"text": "One paragraph."}).encode()


def slow(units):
    return json.dumps({"text": SLOW_UNIT * units, "chunk": {"max": 1}, "return_text": "never"}, ensure_ascii=False).encode()


def head(length, **fields):
    lines = b"".join(b"%s: %s\r\n" % (name.replace("_", "-").encode(), str(value).encode()) for name, value in fields.items())
    return (b"POST /v1/chunk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n" % length + lines + b"\r\n")


class Caller:
    """One connection that sends one request and may then wait, or hang up."""

    def __init__(self, daemon, body, **fields):
        host, _, port = daemon.tcp[len("http://"):].rpartition(":")
        self.sock = socket.create_connection((host, int(port)), timeout=60)
        self.sock.sendall(head(len(body), **fields) + body)

    def reply(self):
        """Status, header block and body; the connection is closed after it."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.sock.recv(1 << 16)
            if not piece:
                return None, data, b""
            data += piece
        block, _, body = data.partition(b"\r\n\r\n")
        length = int(next(line for line in block.split(b"\r\n") if line.lower().startswith(b"content-length")).split(b":")[1])
        rest = bytearray(body)
        while len(rest) < length:
            rest += self.sock.recv(1 << 20)
        return int(block.split(b" ")[1]), block, bytes(rest)

    def hang_up(self):
        self.sock.close()


def one_worker(start, tmp_path, **limits):
    config = tmp_path / "one.yaml"
    # so long that no build is too slow for what waits to be let in
    config.write_text("workers: 1\nroutes: { chunk: { max_deadline_ms: 600000 } }\n"
                      "limits: { %s }\n" % ", ".join(f"{key}: {value}" for key, value in {"header_ms": 1000, **limits}.items()))
    return start("--config", str(config))


def busy_with(daemon, units=500_000):
    """A caller whose request the worker has begun with: seconds of work, until it hangs up."""
    caller = Caller(daemon, slow(units))
    wait_for(lambda: daemon.get("/-/status").json["workers"]["busy"] == 1, "the worker to begin")
    return caller


def queued(daemon):
    return daemon.get("/-/status").json["workers"]["queued"]


def full(daemon):
    """Two callers, of a request that the worker has begun with and of one that takes the only place in the queue."""
    running, waiting = busy_with(daemon), Caller(daemon, slow(30_000))
    wait_for(lambda: queued(daemon) == 1, "the second to wait")
    return running, waiting


def test_a_small_request_is_answered_while_a_long_one_is_worked_on(start, tmp_path):
    daemon = one_worker(start, tmp_path)
    long = busy_with(daemon)
    for _ in range(20):
        assert daemon.post("/v1/chunk", SMALL).status == 200
    assert daemon.get("/-/status").json["workers"]["busy"] == 1
    long.hang_up()


def test_requests_that_come_at_once_are_not_all_computed_by_the_thread_that_reads(start, tmp_path):
    daemon = one_worker(start, tmp_path)
    body = json.dumps({"text": "Words and more words. " * 550}).encode()  # in one piece
    for _ in range(8):  # then it is known that this is short
        assert daemon.post("/v1/chunk", body).status == 200
    daemon.process.send_signal(signal.SIGSTOP)
    callers = [Caller(daemon, body) for _ in range(32)]
    daemon.process.send_signal(signal.SIGCONT)
    replies = [caller.reply() for caller in callers]
    assert {status for status, _, _ in replies} == {200}
    assert any(b"queue;dur=0.000" not in block for _, block, _ in replies)  # a worker had it


def test_a_full_queue_refuses_at_once_and_keeps_the_connection(start, tmp_path):
    daemon = one_worker(start, tmp_path, queue_requests=1)
    running, waiting = full(daemon)
    conn = connection(daemon.tcp)
    refused = request(conn, "POST", "/v1/chunk", slow(30_000), {"Content-Type": "application/json"})
    assert (refused.status, refused.code) == (429, "overloaded")
    assert int(refused.headers["Retry-After"]) >= 1 and "Connection" not in refused.headers
    assert request(conn, "POST", "/v1/chunk", SMALL, {"Content-Type": "application/json"}).status == 200
    conn.close()
    assert daemon.metric("hotpathd_queue_depth") == 1 and daemon.metric("hotpathd_queue_bytes") > 30_000
    assert daemon.metric("hotpathd_workers") == 2
    running.hang_up()
    assert waiting.reply()[0] == 200


def test_a_full_queue_refuses_before_the_body_is_there(start, tmp_path):
    daemon = one_worker(start, tmp_path, queue_requests=1)
    body = slow(5_000)
    assert daemon.post("/v1/chunk", body).status == 200  # then it is known what such bodies take
    running, waiting = full(daemon)
    host, _, port = daemon.tcp[len("http://"):].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as asks:
        asks.sendall(head(len(body), Expect="100-continue"))
        assert asks.recv(1 << 16).startswith(b"HTTP/1.1 429")  # else: 100, go on
    running.hang_up()
    assert waiting.reply()[0] == 200


def test_a_body_over_its_limit_is_told_so_by_a_full_queue_too(start, tmp_path):
    daemon = one_worker(start, tmp_path, queue_requests=1)
    body = slow(5_000)
    assert daemon.post("/v1/chunk", body).status == 200  # then it is known what such bodies take
    running, waiting = full(daemon)
    assert daemon.post("/v1/chunk", body).status == 429
    config = tmp_path / "one.yaml"
    config.write_text(config.read_text().replace("chunk: {", "chunk: { max_body: 4KiB,"))
    assert daemon.call("POST", "/-/reload", url=daemon.admin).status == 200
    refused = daemon.post("/v1/chunk", body)
    assert (refused.status, refused.code) == (413, "too_large")
    running.hang_up()
    assert waiting.reply()[0] == 200


def test_each_of_many_refusals_is_told_and_counted(start, tmp_path):
    daemon = one_worker(start, tmp_path, queue_requests=1)
    running, waiting = full(daemon)
    body, gone = slow(30_000), 0
    conn = connection(daemon.tcp)
    for n in range(250):
        refused = request(conn, "POST", "/v1/chunk", body, {"Content-Type": "application/json"})
        assert (refused.status, refused.code) == (429, "overloaded") and "Connection" not in refused.headers
        if n % 20 == 0:  # some do not wait for it
            Caller(daemon, body).hang_up()
            gone += 1
    conn.close()
    running.hang_up()
    assert waiting.reply()[0] == 200
    waiting.hang_up()
    wait_for(lambda: daemon.metric("hotpathd_in_flight") == 0, "all to end")
    assert daemon.metric("hotpathd_requests_total") == 250 + gone + 2


# Nobody looks at such a body; what follows it is looked at, wherever the pieces end.
@pytest.mark.parametrize("url", ["tcp", "unix"])
def test_what_follows_a_refused_body_is_answered(start, tmp_path, url):
    config = tmp_path / "off.yaml"
    config.write_text("routes: { chunk: { mode: off } }")
    daemon = start("--config", str(config))
    rest = 60_000
    refused = head(rest) + b"x" * rest
    asked = b"GET /v1/rollout HTTP/1.1\r\nHost: localhost\r\n\r\n"
    sent = (refused + asked) * 3
    for piece in (len(sent), len(refused), len(refused) + 7, 20_011):
        with contextlib.closing(connection(getattr(daemon, url))) as conn:
            conn.connect()
            for at in range(0, len(sent), piece):
                conn.sock.sendall(sent[at:at + piece])
            got = b""
            while got.count(b"HTTP/1.1 ") < 6:
                came = conn.sock.recv(1 << 16)
                assert came, got
                got += came
        assert re.findall(rb"HTTP/1.1 (\d+)", got) == [b"503", b"200"] * 3


def test_bytes_that_may_wait_are_bounded(start, tmp_path):
    daemon = one_worker(start, tmp_path, queue_bytes="400KiB")
    running = busy_with(daemon)
    refused = daemon.post("/v1/chunk", slow(60_000))
    assert (refused.status, refused.code) == (429, "overloaded")
    waiting = Caller(daemon, slow(30_000))
    wait_for(lambda: queued(daemon) == 1, "the third to wait")
    running.hang_up()
    assert waiting.reply()[0] == 200


def test_shadow_calls_get_half_of_the_queue(start, tmp_path):
    daemon = one_worker(start, tmp_path, queue_requests=4)
    running = busy_with(daemon)
    waiting = [Caller(daemon, slow(30_000), X_Hotpath_Mode="shadow") for _ in range(2)]
    wait_for(lambda: queued(daemon) == 2, "two to wait")
    assert Caller(daemon, slow(30_000), X_Hotpath_Mode="shadow").reply()[0] == 429
    waiting.append(Caller(daemon, slow(30_000)))
    wait_for(lambda: queued(daemon) == 3, "the live one to wait")
    running.hang_up()
    assert [caller.reply()[0] for caller in waiting] == [200] * 3


def test_a_deadline_that_passes_in_the_queue_is_answered_there(start, tmp_path):
    daemon = one_worker(start, tmp_path)
    running = busy_with(daemon)
    status, block, body = Caller(daemon, slow(30_000), X_Request_Timeout_Ms=400).reply()
    problem = json.loads(body)
    if status == 504:  # else it was known before that its turn would come too late
        assert (problem["code"], problem["stage"], problem["granted_ms"]) == ("deadline", "queue", 400)
        wait_for(lambda: daemon.metric("hotpathd_deadline_exceeded_total", stage="queue") == 1, "the 504 to be counted")
        assert daemon.get("/-/status").json["workers"]["busy"] == 1  # it did not wait for the one before it
        assert b"queue;dur=" in block
    assert status in (504, 429)
    running.hang_up()


def test_a_request_whose_turn_would_come_too_late_is_refused_at_once(start, tmp_path):
    daemon = one_worker(start, tmp_path)
    for _ in range(3):  # then it is known what such bodies take
        assert daemon.post("/v1/chunk", slow(40_000)).status == 200
    running = busy_with(daemon)
    status, _, body = Caller(daemon, slow(40_000), X_Request_Timeout_Ms=100).reply()
    assert (status, json.loads(body)["code"]) == (429, "overloaded")
    running.hang_up()


def test_who_hangs_up_is_not_worked_for(start, tmp_path):
    daemon = one_worker(start, tmp_path)
    running, waiting = busy_with(daemon), Caller(daemon, slow(50_000))
    wait_for(lambda: queued(daemon) == 1, "the second to wait")
    waiting.hang_up()
    wait_for(lambda: queued(daemon) == 0, "it to leave the queue")
    assert daemon.get("/-/status").json["workers"]["busy"] == 1
    running.hang_up()
    wait_for(lambda: daemon.metric("hotpathd_in_flight") == 0, "the work to end")
    assert daemon.metric("hotpathd_client_disconnects_total") == 2
    assert daemon.metric("hotpathd_requests_total", code="disconnected") == 2
    assert daemon.metric("hotpathd_request_cpu_seconds_total", outcome="wasted") > 0
    assert daemon.metric("hotpathd_request_cpu_seconds_total", outcome="useful") == 0
    assert [line["outcome"] for line in daemon.log() if line["msg"] == "request"] == ["disconnected"] * 2
    assert daemon.post("/v1/chunk", SMALL).status == 200


def test_a_drain_finishes_what_runs_and_what_waits(start, tmp_path):
    daemon = one_worker(start, tmp_path)
    running, waiting = busy_with(daemon, 100_000), Caller(daemon, slow(30_000))
    wait_for(lambda: queued(daemon) == 1, "the second to wait")
    daemon.process.send_signal(signal.SIGTERM)
    for caller in (running, waiting):
        status, block, _ = caller.reply()
        assert status == 200 and b"Connection: close" in block
    assert daemon.process.wait(60) == 0


def test_what_has_begun_ends_under_the_configuration_that_it_began_with(start, tmp_path):
    daemon = one_worker(start, tmp_path)
    config = tmp_path / "one.yaml"
    running, waiting = full(daemon)
    config.write_text(config.read_text().replace("max_deadline_ms: 600000", "mode: off, deadline_ms: 1, max_deadline_ms: 1, max_body: 1KiB"))
    wait_for(lambda: daemon.metric("hotpathd_route_mode", route="chunk", mode="off") == 1, "the file to be seen")
    assert daemon.post("/v1/chunk", SMALL).code == "route_off"
    running.hang_up()
    assert waiting.reply()[0] == 200
    wait_for(lambda: daemon.metric("hotpathd_requests_total", code="ok") == 1, "it to be counted")
    hashes = {line["code"]: line["config_hash"] for line in daemon.log() if line["msg"] == "request"}
    assert hashes["ok"] == hashes["disconnected"] != hashes["route_off"]


def test_an_admin_socket_answers_while_all_workers_are_busy_and_the_queue_is_full(start, tmp_path):
    daemon = one_worker(start, tmp_path, queue_requests=1)
    running, waiting = full(daemon)
    assert daemon.get("/livez").status == daemon.get("/metrics").status == daemon.get("/readyz").status == 200
    assert daemon.call("GET", "/v1/rollout").status == 200
    running.hang_up()
    assert waiting.reply()[0] == 200


def test_counters_add_up_under_overload_and_hang_ups(start, tmp_path):
    """Every request that was sent is in one counter, whatever became of it."""
    daemon = one_worker(start, tmp_path, queue_requests=4)
    each, threads = 60, 8
    statuses = [[] for _ in range(threads)]

    def fire(n):
        rng = random.Random(n)
        for _ in range(each):
            units = rng.choice([1, 50, 2000, 20_000])
            fields = {"X_Request_Timeout_Ms": rng.choice([5, 50, 5000])}
            if rng.random() < 0.2:
                fields["X_Hotpath_Mode"] = "shadow"
            stays = rng.random() > 0.3
            try:
                caller = Caller(daemon, slow(units), **fields)
                status = caller.reply()[0] if stays else "gone"
                caller.hang_up()
            except OSError:
                status = None  # closed while the body was on its way: its deadline was over
            statuses[n].append(status)

    running = [threading.Thread(target=fire, args=(n,)) for n in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    wait_for(lambda: daemon.metric("hotpathd_in_flight") == 0 and daemon.metric("hotpathd_connections") == 0, "all to end")
    assert daemon.metric("hotpathd_requests_total") == each * threads
    assert daemon.metric("hotpathd_request_duration_seconds_count") == each * threads
    seen = [status for of in statuses for status in of]
    assert len(seen) == each * threads and set(seen) <= {200, 429, 504, None, "gone"}
    for status, code in ((429, "overloaded"), (200, "ok")):
        told = daemon.metric("hotpathd_requests_total", code=code)
        assert seen.count(status) <= told, (code, told)
    assert daemon.metric("hotpathd_queue_depth") == 0 and daemon.metric("hotpathd_queue_bytes") == 0
    assert daemon.get("/-/status").json["memory_bytes"] == 0


# --- memory ------------------------------------------------------------------------------------------

def with_little_memory(start, tmp_path):
    config = tmp_path / "small.yaml"
    config.write_text("limits: { memory: 4MiB }\n")
    return start("--config", str(config))


def test_memory_is_reserved_before_a_body_is_read(start, tmp_path):
    daemon = with_little_memory(start, tmp_path)
    host, _, port = daemon.tcp[len("http://"):].rpartition(":")
    with socket.create_connection((host, int(port))) as holds:
        holds.sendall(head(3 << 20) + b"{")
        wait_for(lambda: daemon.metric("hotpathd_in_flight") == 1, "the request to be seen")
        assert daemon.get("/-/status").json["memory_bytes"] >= 3 << 20
        with socket.create_connection((host, int(port))) as refused:  # before a byte of it was sent
            refused.sendall(head(2 << 20))
            reply = refused.recv(1 << 16)
            assert reply.startswith(b"HTTP/1.1 429") and b"Retry-After: 1" in reply and b'"code":"overloaded"' in reply
        assert daemon.post("/v1/chunk", SMALL).status == 200
    wait_for(lambda: daemon.get("/-/status").json["memory_bytes"] == 0, "the memory to come back")
    conn = connection(daemon.tcp)
    assert request(conn, "POST", "/v1/chunk", slow(1000), {"Content-Type": "application/json"}).status == 200
    conn.close()


def test_a_chunked_body_that_finds_no_memory_is_told_so_at_its_end(start, tmp_path):
    daemon = with_little_memory(start, tmp_path)
    host, _, port = daemon.tcp[len("http://"):].rpartition(":")
    with socket.create_connection((host, int(port))) as holds:
        holds.sendall(head(3 << 20) + b"{")
        wait_for(lambda: daemon.metric("hotpathd_in_flight") == 1, "the request to be seen")
        conn = connection(daemon.tcp)
        pieces = (b"x" * 65536 for _ in range(40))
        conn.request("POST", "/v1/chunk", pieces, {"Content-Type": "application/json"}, encode_chunked=True)
        reply = conn.getresponse()
        assert reply.status == 429 and json.loads(reply.read())["code"] == "overloaded"
        assert request(conn, "POST", "/v1/chunk", SMALL, {"Content-Type": "application/json"}).status == 200
        conn.close()
