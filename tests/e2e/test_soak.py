"""Everything at once for a while: SOAK_SECONDS (`make soak`: ten minutes). Nothing may grow, and the counters must add up."""
import concurrent.futures
import json
import os
import pathlib
import random
import socket
import threading
import time

from daemon import SANITIZED, connection, request, wait_for

SECONDS = float(os.environ.get("SOAK_SECONDS", "6"))
JSON = {"Content-Type": "application/json"}
WORDS = "a word, and another one. Ein Wort mit Umlauten: äöü. ".split(" ")
CALLERS = 6
SIZES = (20, 2_000, 20_000, 200_000, 1_000_000)


def text(rng, size):
    return " ".join(rng.choice(WORDS) for _ in range(size // 6))


def body(rng, sizes=SIZES, weights=(40, 40, 10, 8, 2)):
    """A route and a request to it."""
    size, = rng.choices(sizes, weights)
    if rng.random() < 0.5:
        return "chunk", json.dumps({"text": text(rng, size), "chunk": {"max": rng.choice((16, 128, 512))}}).encode()
    return "score", json.dumps({"query": text(rng, 20), "documents": [text(rng, 500) for _ in range(size // 500 + 1)]}).encode()


class Caller(threading.Thread):
    """Sends over kept connections; hangs up now and then; counts what it sent and what came back."""

    def __init__(self, daemon, seed, until):
        super().__init__()
        self.daemon_under_test, self.rng, self.until = daemon, random.Random(seed), until
        self.sent, self.seen, self.error = 0, {}, None

    def note(self, status):
        self.seen[status] = self.seen.get(status, 0) + 1

    def hang_up(self):
        host, _, port = self.daemon_under_test.tcp[len("http://"):].rpartition(":")
        route, data = body(self.rng)
        with socket.create_connection((host, int(port)), timeout=60) as sock:
            sock.sendall(b"POST /v1/%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                         % (route.encode(), len(data)))
            self.sent += 1
            sock.sendall(data[:self.rng.randrange(len(data) + 1)])
        self.note("hung up")

    def call(self, conn):
        fields = dict(JSON)
        if self.rng.random() < 0.3:
            fields["X-Request-Timeout-Ms"] = str(self.rng.choice((1, 10, 1000)))
        if self.rng.random() < 0.1:
            fields["X-Hotpath-Mode"] = "shadow"
        route, data = body(self.rng)
        data = b"{" if self.rng.random() < 0.05 else data
        self.sent += 1
        self.note(request(conn, "POST", "/v1/" + route, data, fields).status)

    def run(self):
        conn = None
        try:
            while time.monotonic() < self.until:
                conn = conn or connection(self.rng.choice((self.daemon_under_test.tcp, self.daemon_under_test.unix)), 60)
                try:
                    if self.rng.random() < 0.1:
                        self.hang_up()
                    else:
                        self.call(conn)
                except OSError as error:  # a deadline that passed while the body was on its way closes the connection
                    self.note("closed")
                    conn.close()
                    conn = None
        except Exception as error:
            self.error = error
        finally:
            if conn:
                conn.close()


def resident(daemon):
    line = next(line for line in pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def stretch(daemon):
    """The largest requests at once, from all callers: what memory the daemon keeps is taken here. Returns how many."""
    rng, fields = random.Random(0), {**JSON, "X-Request-Timeout-Ms": "10000"}
    bodies = [body(rng, SIZES[-1:], (1,)) for _ in range(4 * CALLERS)]
    post = lambda route, data: daemon.call("POST", "/v1/" + route, data, fields).status
    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        assert set(pool.map(post, *zip(*bodies))) <= {200, 429, 504}
    return len(bodies)


def test_nothing_grows_and_the_counters_add_up(start, tmp_path):
    config = tmp_path / "soak.yaml"
    switches = "limits: { queue_requests: 8, header_ms: 5000, log_lines_per_second: 50 }\nroutes: { chunk: { deadline_ms: %d } }\n"
    config.write_text(switches % 100)
    daemon = start("--config", str(config))
    assert daemon.get("/livez").status == 200  # from here on all that stays open is open
    before, rss = stretch(daemon), resident(daemon)
    until, fds = time.monotonic() + SECONDS, descriptors(daemon)
    callers = [Caller(daemon, seed, until) for seed in range(CALLERS)]
    for caller in callers:
        caller.start()
    reloads = 0
    while time.monotonic() < until:
        reloads += 1
        config.write_text("nonsense: 1\n" if reloads % 5 == 0 else switches % (100 + reloads % 50))
        assert daemon.get("/livez").status == daemon.get("/metrics").status == 200
        time.sleep(0.2)
    for caller in callers:
        caller.join()
        assert caller.error is None, repr(caller.error)
    sent = sum(caller.sent for caller in callers)
    # the last ones may still be in the backlog, where nothing shows them
    wait_for(lambda: daemon.metric("hotpathd_requests_total") >= before + sent, "all to be counted")
    wait_for(lambda: daemon.metric("hotpathd_in_flight") == 0 and daemon.metric("hotpathd_connections") == 0, "all to end")
    assert daemon.metric("hotpathd_requests_total") == before + sent
    assert daemon.metric("hotpathd_request_duration_seconds_count") == before + sent
    seen = {}
    for caller in callers:
        for status, count in caller.seen.items():
            seen[status] = seen.get(status, 0) + count
    assert sum(seen.values()) == sent and set(seen) <= {200, 400, 429, 504, "closed", "hung up"}, seen
    assert daemon.metric("hotpathd_requests_total", code="ok") >= seen[200]
    assert all(daemon.metric("hotpathd_requests_total", code="ok", route=route) > 0 for route in ("chunk", "score"))
    assert daemon.metric("hotpathd_requests_total", code="internal") == 0
    assert daemon.get("/-/status").json["memory_bytes"] == 0
    wait_for(lambda: descriptors(daemon) <= fds, "the descriptors to be closed")
    if not SANITIZED:  # a sanitizer keeps what was freed
        assert resident(daemon) < 1.3 * rss, (rss, resident(daemon))
    print(json.dumps({"sent": sent, "seen": {str(k): v for k, v in seen.items()}, "rss_kib": [rss, resident(daemon)]}))
