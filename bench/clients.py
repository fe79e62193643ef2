"""clients.py DAEMON -- what a call costs, beside http.client and net/http on the same daemon in the same run.

Rounds alternate, so that a noisy neighbour hits both sides; medians of rounds are shown. "Over the
daemon" takes off what the daemon itself says it took (Server-Timing's total), of requests between
the others'. "bare socket" is the floor: the same bytes sent and received by two system calls, nothing made and nothing read;
"json alone" is what both clients spend on the same two documents with the standard library.
"""
import http.client
import importlib.util
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "clients" / "python" / "src"))
import hotpathd  # noqa: E402

ROUNDS, CALLS = 15, 200
SENTENCE = "A wing turns moving air downward, and is pushed up. "
BODY = {"text": SENTENCE * 38, "encoding": "estimate"}  # 2 KB


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def each(work, calls=CALLS):
    """Microseconds of one call: wall, and CPU of this thread."""
    wall, cpu = time.perf_counter(), time.thread_time()
    for _ in range(calls):
        work()
    return (time.perf_counter() - wall) / calls * 1e6, (time.thread_time() - cpu) / calls * 1e6


def alternate(sides, rounds=ROUNDS, calls=CALLS, settle=lambda: None):
    """{side: (median wall, median CPU)} in microseconds. `settle` runs between rounds."""
    seen = {name: [] for name in sides}
    for work in sides.values():
        each(work, 20)
    for _ in range(rounds):
        for name, work in sides.items():
            settle()
            seen[name].append(each(work, calls))
    return {name: tuple(statistics.median(column) for column in zip(*rows)) for name, rows in seen.items()}


def asked(connection):
    """One request by http.client: the reply's body, and microseconds that the daemon says it took."""
    connection.request("POST", "/v1/chunk", json.dumps(BODY), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    timing = reply.headers["Server-Timing"].rpartition("total;dur=")[2]
    return reply.read(), float(timing) * 1000


def bare(path):
    """One exchange of the bytes that the client's request is made of."""
    body = json.dumps(BODY).encode()
    head = f"""POST /v1/chunk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Hotpath-Mode: live\r\n\
X-Request-Id: {0:032x}\r\nX-Request-Timeout-Ms: 9999\r\nContent-Length: {len(body)}\r\n\r\n"""
    request = head.encode() + body
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)

    def exchange():
        sock.send(request)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200")

    return exchange


def python_calls(path):
    connection = Unix(path)
    daemon = []
    answer = asked(connection)[0]

    def plain():
        connection.request("POST", "/v1/chunk", json.dumps(BODY), {"Content-Type": "application/json"})
        assert json.loads(connection.getresponse().read())["chunks"]

    with hotpathd.Client("unix:" + path, modes={"chunk": "on"}, timeout=10) as client:

        def ours():
            client.call("chunk", BODY, fallback=dict)

        def settle():
            daemon.extend(asked(connection)[1] for _ in range(20))

        def json_alone():
            json.dumps(BODY), json.loads(answer)

        sides = {"ours": ours, "http.client": plain, "bare socket": bare(path), "json alone": json_alone}
        result = alternate(sides, settle=settle)
        assert client.last.outcome == "ok", client.last
    daemon_us = statistics.median(daemon)
    json_us, _ = result.pop("json alone")
    cpu_ratio = result["ours"][1] / result["http.client"][1]
    over = {name: wall - daemon_us for name, (wall, _) in result.items()}
    for name, (wall, cpu) in result.items():
        print(f"  python {name:12} {wall:7.1f} us a call, {over[name]:7.1f} over the daemon, {cpu:7.1f} CPU")
    print(f"  python ratio over the daemon {over['ours'] / over['http.client']:.2f}, in CPU {cpu_ratio:.2f}; the daemon's own {daemon_us:.0f} us, json alone {json_us:.0f} us, "
          f"orjson {'used by ours' if importlib.util.find_spec('orjson') else 'not installed'}")


def python_old_paths(path):
    old = lambda: None  # noqa: E731
    canary = {"chunk": {"mode": "canary", "percent": 0}}
    off = hotpathd.Client("unix:" + path, modes={"chunk": "off"})
    out = hotpathd.Client("unix:" + path, modes=canary)
    broken = hotpathd.Client("unix:/nowhere", modes={"chunk": "on"}, breaker=hotpathd.Breaker(open_s=3600))
    for _ in range(30):
        broken.call("chunk", BODY, fallback=old)
    result = alternate(
        {
            "off": lambda: off.call("chunk", BODY, fallback=old),
            "out of the canary": lambda: out.call("chunk", BODY, fallback=old, key="doc-2"),
            "breaker open": lambda: broken.call("chunk", BODY, fallback=old),
        },
        calls=2000,
    )
    assert broken.last.reason == "breaker_open"
    for name, (wall, cpu) in result.items():
        print(f"  python {name:18} {cpu:6.2f} us CPU")


def python_shadow(path):
    """What the caller's thread pays, in CPU: its own work, not the comparison's on the other thread."""
    pieces = [SENTENCE] * 38
    with tempfile.TemporaryDirectory() as folder:
        events = pathlib.Path(folder) / "events"
        shadow = hotpathd.Client("unix:" + path, modes={"chunk": "shadow"}, events=events)
        off = hotpathd.Client("unix:" + path, modes={"chunk": "off"}, events=events)
        sides = {name: lambda c=c: c.call("chunk", BODY, fallback=lambda: pieces) for name, c in (("shadow", shadow), ("off", off))}

        def settle():
            while shadow._shadow._queue.qsize():
                time.sleep(0.001)

        result = alternate(sides, calls=40, settle=settle)  # fewer than its queue holds
        for client in (shadow, off):
            client.close()
        added = result["shadow"][1] - result["off"][1]
        print(f"  python shadow at 100 % adds {added:.1f} us CPU to the caller ({shadow.shadow_dropped} dropped)")


def go_calls(path):
    for what, times in (("Clients", ["1x", "-count", "1"]), ("WriteScore|OldPath|Shadow", ["300x", "-count", "9"])):
        done = subprocess.run(
            ["go", "test", "-run", "xxx", "-bench", what, "-benchtime", *times, "."],
            cwd=ROOT / "clients" / "go", capture_output=True, text=True, env={**os.environ, "HOTPATHD_URL": "unix:" + path},
        )
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)
        rows = {}
        for line in done.stdout.splitlines():
            if line.startswith("Benchmark"):
                name, _, *rest = line.removeprefix("Benchmark").split()
                for value, unit in zip(rest[::2], rest[1::2]):
                    if unit == "ns/op" and what != "Clients":
                        rows.setdefault(f"{name.rsplit('-', 1)[0]} us", []).append(float(value) / 1000)
                    elif unit.endswith("-us"):
                        rows.setdefault(f"call {unit}", []).append(float(value))
        for name, values in rows.items():
            print(f"  go {name:32} {statistics.median(values):9.2f}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        ready, path = pathlib.Path(folder) / "ready", folder + "/s"
        command = [sys.argv[1], "serve", "--listen", "unix:" + path, "--admin", "127.0.0.1:0", "--ready-file", str(ready)]
        with open(folder + "/log", "w") as log:
            daemon = subprocess.Popen(command, stderr=log, cwd=ROOT)
        try:
            while not ready.exists():
                assert daemon.poll() is None, pathlib.Path(folder, "log").read_text()
                time.sleep(0.01)
            python_calls(path)
            python_old_paths(path)
            python_shadow(path)
            go_calls(path)
        finally:
            daemon.terminate()
            daemon.wait(30)


if __name__ == "__main__":
    main()
