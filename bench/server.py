"""The server under load, beside a bare libmicrohttpd in the same run (wrk; alternating rounds, medians).

make bench-server, or python3 bench/server.py build/hotpathd build/bench-server/bare
"""
import http.client
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROUNDS, SECONDS = 3, 2
ROOT = pathlib.Path(__file__).resolve().parent.parent
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
%s
local file = io.open("%s"); wrk.body = file:read("*a"); file:close()
local thread
function setup(t) thread = t end
ok = 0
function response(status) if status == 200 then ok = ok + 1 end end
function done(summary, latency) io.write("useful ", thread:get("ok") / summary.duration * 1e6, "\\n") end
"""


def document(size):
    sample = (ROOT / "docs" / "sample.txt").read_bytes()
    return (sample * (size // len(sample) + 1))[:size].decode("utf-8", "ignore")


class Daemon:
    def __init__(self, binary, folder, *more):
        self.ready = pathlib.Path(folder, "ready.json")
        self.ready.unlink(missing_ok=True)
        begun = time.perf_counter()
        self.process = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ready-file",
                                         str(self.ready), *more], stderr=subprocess.DEVNULL, cwd=ROOT)
        while not self.ready.exists():
            time.sleep(0.001)
        told = json.loads(self.ready.read_text())
        self.url, self.admin = told["listen"][0], told["admin"]
        conn = http.client.HTTPConnection(self.url[len("http://"):])
        conn.request("GET", "/v1/rollout")
        conn.getresponse().read()
        self.start_ms = (time.perf_counter() - begun) * 1000

    def resident(self, what="VmRSS"):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(what + r":\s+(\d+)", text).group(1)) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


def milliseconds(text):
    match = re.match(r"([\d.]+)(us|ms|s)", text)
    if not match:
        return float("nan")  # nothing was answered
    number, unit = match.groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def wrk(url, connections, script=None, seconds=SECONDS):
    command = ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s"] + (["-s", str(script)] if script else []) + [url]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    got = {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
           "p50": milliseconds(re.search(r"\n\s+50%\s+(\S+)", out).group(1)), "p99": milliseconds(re.search(r"\n\s+99%\s+(\S+)", out).group(1))}
    useful = re.search(r"useful ([\d.]+)", out)
    got["useful"] = float(useful.group(1)) if useful else got["rate"]
    return got


def medians(results):
    return {key: statistics.median(result[key] for result in results) for key in results[0]}


def show(what, got):
    print(f"{what:<46} {got['rate']:>9.0f}/s  p50 {got['p50']:>8.3f} ms  p99 {got['p99']:>8.3f} ms", flush=True)


def percentile(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))] if values else float("nan")


class Prober(threading.Thread):
    """One request after the other on its own connection; latencies by status."""

    def __init__(self, url, method, path, body=None, headers=None):
        super().__init__()
        self.arguments, self.address = (method, path, body, headers or {}), url[len("http://"):]
        self.ended, self.seen = threading.Event(), {}

    def run(self):
        conn = http.client.HTTPConnection(self.address, timeout=10)
        while not self.ended.is_set():
            begun = time.perf_counter()
            try:
                conn.request(*self.arguments)
                reply = conn.getresponse()
                reply.read()
                self.seen.setdefault(reply.status, []).append((time.perf_counter() - begun) * 1000)
            except OSError:
                conn.close()
            time.sleep(0.002)
        conn.close()


def cpu_s(pid):
    """Of all its threads, from the scheduler's own count."""
    return sum(int(path.read_text().split()[0]) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def floor(daemon, bare, bare_url):
    sides = {"bare libmicrohttpd, 200 bytes": (bare.pid, bare_url), "ours, GET /v1/rollout": (daemon.process.pid, daemon.url + "/v1/rollout")}
    for connections in (1, 8):
        results = {name: [] for name in sides}
        for _ in range(ROUNDS):
            for name, (pid, url) in sides.items():
                before = cpu_s(pid)
                got = wrk(url, connections)
                results[name].append({**got, "cpu_us": (cpu_s(pid) - before) / (got["rate"] * SECONDS) * 1e6})
        middle = {name: medians(got) for name, got in results.items()}
        for name, got in middle.items():
            show(f"{name}, c={connections}", got)
            print(f"{'':<46} {got['cpu_us']:.1f} us of CPU each")
        floor_of, ours = middle.values()
        print(f"{'':<46} rate {ours['rate'] / floor_of['rate']:.2f} of the bare one, CPU {ours['cpu_us'] / floor_of['cpu_us']:.2f} times")


def chunking(daemon, scripts):
    for name, connections in (("2k", 1), ("2k", 8), ("20k", 1), ("100k", 1), ("1m", 1)):
        show(f"chunk {name}, c={connections}", medians([wrk(daemon.url + "/v1/chunk", connections, scripts[name]) for _ in range(ROUNDS)]))


def mixed(daemon, scripts):
    results = []
    for _ in range(ROUNDS):
        large = threading.Thread(target=wrk, args=(daemon.url + "/v1/chunk", 2, scripts["1m"], SECONDS + 2))
        large.start()
        time.sleep(1)
        results.append(wrk(daemon.url + "/v1/chunk", 4, scripts["2k"]))
        large.join()
    show("chunk 2k, c=4, beside 1m, c=2", medians(results))


def overload(daemon, scripts):
    best = max(wrk(daemon.url + "/v1/chunk", connections, scripts["20k 50 ms"])["useful"] for connections in (1, 2, 4))
    probers = [Prober(daemon.url, "POST", "/v1/chunk", json.dumps({"text": document(20_000)}), {"Content-Type": "application/json", "X-Request-Timeout-Ms": "50"}),
               Prober(daemon.admin, "GET", "/livez"), Prober(daemon.admin, "GET", "/metrics")]
    for prober in probers:
        prober.start()
    got = wrk(daemon.url + "/v1/chunk", 64, scripts["20k 50 ms"], 2 * SECONDS)
    for prober in probers:
        prober.ended.set()
        prober.join()
    show("chunk 20k, 50 ms granted, c=64", got)
    print(f"{'':<46} useful {got['useful']:.0f}/s of {best:.0f}/s at the best rate: {got['useful'] / best:.2f}")
    seen = probers[0].seen
    print(f"{'':<46} probes: " + ", ".join(f"{status}: {len(values)}, p99 {percentile(values, .99):.2f} ms" for status, values in sorted(seen.items())))
    print(f"{'':<46} p99 of /livez {percentile(probers[1].seen.get(200), .99):.2f} ms, of /metrics {percentile(probers[2].seen.get(200), .99):.2f} ms")


def main():
    binary, bare = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        scripts = {}
        for name, size, more in (("2k", 2000, ""), ("20k", 20_000, ""), ("100k", 100_000, ""), ("1m", 1_000_000, ""),
                                 ("20k 50 ms", 20_000, 'wrk.headers["X-Request-Timeout-Ms"] = "50"')):
            body, script = pathlib.Path(folder, name + ".json"), pathlib.Path(folder, name + ".lua")
            body.write_text(json.dumps({"text": document(size), "chunk": {"max": 512, "overlap": 64}, "return_text": "if_changed"}))
            script.write_text(LUA % (more, body))
            scripts[name] = script
        floor_process = subprocess.Popen([bare], stdout=subprocess.PIPE, text=True)
        bare_url = "http://127.0.0.1:" + floor_process.stdout.readline().strip() + "/"
        daemon = Daemon(binary, folder)
        try:
            print(f"start to the first reply {daemon.start_ms:.0f} ms; RSS idle {daemon.resident():.0f} MB")
            floor(daemon, floor_process, bare_url)
            chunking(daemon, scripts)
            mixed(daemon, scripts)
            overload(daemon, scripts)
            wrk(daemon.url + "/v1/chunk", 8, scripts["1m"])
            print(f"RSS under 1m, c=8: {daemon.resident():.0f} MB, at most {daemon.resident('VmHWM'):.0f} MB")
        finally:
            daemon.stop()
            floor_process.terminate()
            floor_process.wait()


main()
