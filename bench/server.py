"""The server under load, beside a bare libmicrohttpd, and nginx where it is installed, in the same run (wrk; alternating rounds, medians). Overload is an
open loop (bench/server/offer.c).

make bench-server, or python3 bench/server.py build/hotpathd build/bench-server/bare build/bench-server/offer
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROUNDS, SECONDS = 3, 2
STARTS = 20
GRANTED_MS, SHORT_MS = 20, 5
LATE_ID, LATE_PROBERS, LATE_SECONDS = "late", 3, 10
SPARE_MS = 5  # a reply later than that behind its grant is of no use to anybody
CONNECTIONS = 384  # more than are answered or refused at a time
NGINX = """
daemon off; worker_processes 1; pid %(folder)s/nginx.pid; error_log stderr crit;
events { worker_connections 256; }
http {
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path %(folder)s/a; proxy_temp_path %(folder)s/b; fastcgi_temp_path %(folder)s/c; uwsgi_temp_path %(folder)s/d; scgi_temp_path %(folder)s/e;
    server { listen 127.0.0.1:%(port)d; location / { return 200 "%(page)s"; } }
}
"""
ROOT = pathlib.Path(__file__).resolve().parent.parent
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open("%s"); wrk.body = file:read("*a"); file:close()
"""


def document(size):
    sample = (ROOT / "docs" / "sample.txt").read_bytes()
    return (sample * (size // len(sample) + 1))[:size].decode("utf-8", "ignore")


class Daemon:
    def __init__(self, binary, folder, *more, cores=None, log=subprocess.DEVNULL):
        self.ready = pathlib.Path(folder, "ready.json")
        self.ready.unlink(missing_ok=True)
        begun = time.perf_counter()
        self.process = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ready-file",
                                         str(self.ready), *more], stderr=log, cwd=ROOT,
                                        preexec_fn=lambda: os.sched_setaffinity(0, cores) if cores else None)
        while not self.ready.exists():
            time.sleep(0.0002)
        told = json.loads(self.ready.read_text())
        self.url, self.admin = told["listen"][0], told["admin"]
        conn = http.client.HTTPConnection(self.url[len("http://"):])
        conn.request("GET", "/v1/rollout")
        conn.getresponse().read()
        self.start_ms, self.start_cpu_ms = (time.perf_counter() - begun) * 1000, cpu_s(self.process.pid) * 1000

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
    """The rate is of what was not refused; latencies are of all."""
    command = ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s"] + (["-s", str(script)] if script else []) + [url]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    got = {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
           "p50": milliseconds(re.search(r"\n\s+50%\s+(\S+)", out).group(1)), "p99": milliseconds(re.search(r"\n\s+99%\s+(\S+)", out).group(1))}
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if refused:
        got["rate"] *= 1 - int(refused.group(1)) / int(re.search(r"(\d+) requests in", out).group(1))
    return got


def medians(results):
    return {key: statistics.median(result[key] for result in results) for key in results[0]}


def show(what, got):
    cost = f"  {got['cpu_us']:>7.1f} us of CPU each" if "cpu_us" in got else ""
    print(f"{what:<46} {got['rate']:>9.0f}/s  p50 {got['p50']:>8.3f} ms  p99 {got['p99']:>8.3f} ms{cost}", flush=True)


def costed(pid, url, connections, script=None):
    before = cpu_s(pid)
    got = wrk(url, connections, script)
    return {**got, "cpu_us": (cpu_s(pid) - before) / (got["rate"] * SECONDS) * 1e6}


def percentile(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))] if values else float("nan")


class Nginx:
    """One process of it, which answers 200 bytes."""

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = pathlib.Path(folder, "nginx.conf")
        config.write_text(NGINX % {"folder": folder, "port": port, "page": "x" * 200})
        self.url = f"http://127.0.0.1:{port}/"
        self.process = subprocess.Popen([shutil.which("nginx"), "-e", "stderr", "-p", folder, "-c", str(config), "-g", "master_process off;"])
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise
                time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Prober(threading.Thread):
    """One request after the other on its own connection; latencies by status."""

    def __init__(self, url, method, path, body=None, headers=None, pause_s=0.002):
        super().__init__()
        self.pause_s = pause_s
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
            time.sleep(self.pause_s)
        conn.close()


def cpu_s(pid):
    """Of all its threads, from the scheduler's own count."""
    return sum(int(path.read_text().split()[0]) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def floor(daemon, bare, bare_url, nginx):
    sides = {"bare libmicrohttpd, 200 bytes": (bare.pid, bare_url), "ours, GET /v1/rollout": (daemon.process.pid, daemon.url + "/v1/rollout")}
    if nginx:
        sides["nginx, 200 bytes"] = (nginx.process.pid, nginx.url)
    for connections in (1, 8):
        results = {name: [] for name in sides}
        for _ in range(ROUNDS):
            for name, (pid, url) in sides.items():
                results[name].append(costed(pid, url, connections))
        middle = {name: medians(got) for name, got in results.items()}
        for name, got in middle.items():
            show(f"{name}, c={connections}", got)
        of_floor, ours, *_ = middle.values()
        print(f"{'':<46} rate {ours['rate'] / of_floor['rate']:.2f} of the bare one, CPU {ours['cpu_us'] / of_floor['cpu_us']:.2f} times")


def chunking(daemon, scripts):
    for name, connections in (("2k", 1), ("2k", 8), ("20k", 1), ("100k", 1), ("1m", 1), ("1m", 8)):
        show(f"chunk {name}, c={connections}", medians([costed(daemon.process.pid, daemon.url + "/v1/chunk", connections, scripts[name]) for _ in range(ROUNDS)]))


# Loops share the cores with the load: alternating, since what one leaves to the other differs by where they run.
def loops(binary, folder, scripts):
    daemons = {}
    for count in (1, 2, 3):
        config = pathlib.Path(folder, f"loops{count}.yaml")
        config.write_text(f"io_threads: {count}\n")
        daemons[count] = Daemon(binary, folder, "--config", str(config))
    sides = {f"chunk 2k, c=8, io_threads {count}": (daemon, "/v1/chunk", scripts["2k"]) for count, daemon in daemons.items()}
    sides |= {f"ours, GET /v1/rollout, c=8, io_threads {count}": (daemon, "/v1/rollout", None) for count, daemon in daemons.items()}
    results = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, (daemon, path, script) in sides.items():
            results[name].append(costed(daemon.process.pid, daemon.url + path, 8, script))
    for name, got in results.items():
        show(name, medians(got))
    for daemon in daemons.values():
        daemon.stop()


def mixed(daemon, scripts):
    results = []
    for _ in range(ROUNDS):
        large = threading.Thread(target=wrk, args=(daemon.url + "/v1/chunk", 2, scripts["1m"], SECONDS + 2))
        large.start()
        time.sleep(1)
        results.append(wrk(daemon.url + "/v1/chunk", 4, scripts["2k"]))
        large.join()
    show("chunk 2k, c=4, beside 1m, c=2", medians(results))


def latencies(what, values):
    print(f"{what:<46} p50 {percentile(values, .5):>8.3f} ms  p99 {percentile(values, .99):>8.3f} ms  of {len(values)}")


def offered(offer, daemon, request, callers, rate, cores):
    """What offer.c saw, and what the daemon's threads took meanwhile: the one that reads, and all."""
    before = io_cpu_s(daemon), cpu_s(daemon.process.pid)
    out = subprocess.run([offer, daemon.url.rpartition(":")[2], request, str(callers), str(rate), str(SECONDS), str(GRANTED_MS + SPARE_MS)],
                         capture_output=True, text=True, check=True, preexec_fn=lambda: os.sched_setaffinity(0, cores)).stdout
    got, nothing = json.loads(out), {"count": 0, "p50": float("nan"), "p99": float("nan")}
    seen = {status: got["statuses"].get(status, nothing) for status in ("200", "429", "504")}
    share = 1 / got["all_seconds"]
    flat = {f"{status} {key}": value for status, one in seen.items() for key, value in one.items()}
    return {**flat, "useful": got["in_time"] / SECONDS, "unsent": got["unsent"] + got["lost"], "offered": got["offered"] / SECONDS,
            "io": (io_cpu_s(daemon) - before[0]) * share, "all": (cpu_s(daemon.process.pid) - before[1]) * share, "load": got["cpu_s"] * share}


def io_cpu_s(daemon):
    return int(pathlib.Path(f"/proc/{daemon.process.pid}/schedstat").read_text().split()[0]) / 1e9


# Kept connections that send as soon as they are answered: the best rate is that of the number that gets most answers.
# Then three times that rate is offered, whether it is answered or not.
def overload_round(offer, daemon, request, cores):
    best = max((offered(offer, daemon, request, callers, 0, cores) for callers in (1, 2, 4, 8, 16)), key=lambda got: got["useful"])
    got = offered(offer, daemon, request, CONNECTIONS, 3 * best["useful"], cores)
    refused = max(1, got["429 count"] / SECONDS)
    return {**got, "best": best["useful"], "share": got["useful"] / best["useful"],
            "refusal_us": (got["io"] - best["io"] / best["useful"] * got["useful"]) / refused * 1e6}


def overload(what, binary, offer, folder, request, cores, load_cores):
    daemon = Daemon(binary, folder, cores=cores)
    probers = {name: Prober(daemon.admin, "GET", "/" + name) for name in ("livez", "metrics")}
    try:
        for prober in probers.values():
            prober.start()
        got = medians([overload_round(offer, daemon, request, load_cores) for _ in range(ROUNDS)])
    finally:
        for prober in probers.values():
            prober.ended.set()
            prober.join()
        daemon.stop()
    print(f"chunk 20k, {GRANTED_MS} ms granted, {what}: best rate {got['best']:.0f}/s, offered {got['offered']:.0f}/s")
    print(f"{'':<46} useful {got['useful']:.0f}/s of {got['best']:.0f}/s at the best rate: {got['share']:.2f}")
    for status in ("200", "429", "504"):
        print(f"{'  time to a ' + status:<46} p50 {got[status + ' p50']:>8.3f} ms  p99 {got[status + ' p99']:>8.3f} ms  of {got[status + ' count']:.0f}")
    print(f"{'  cores':<46} I/O thread {got['io']:.2f}, its workers {got['all'] - got['io']:.2f}, the load {got['load']:.2f}; "
          f"a refusal {got['refusal_us']:.1f} us of the I/O thread's; not sent or lost {got['unsent']:.0f}")
    for name, prober in probers.items():
        latencies(f"  time to /{name}", prober.seen.get(200, []))


# The load takes a processor too: on one of its own the daemon is measured, on those of the daemon both.
def overloads(binary, offer, folder, request):
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        overload("the load on a core of its own", binary, offer, folder, request, set(cores[:-1]), {cores[-1]})
    overload("the load on the same cores", binary, offer, folder, request, set(cores), set(cores))


# Two megabytes take longer than they are granted here, so that each is refused or a 504, of a worker's or, in company, of the
# queue's. A prober has to wait for a processor too: so the daemon's own word, its log, stands beside what the probers saw.
def lateness(binary, folder, scripts):
    body = json.dumps({"text": document(2_000_000)})
    headers = {"Content-Type": "application/json", "X-Request-Timeout-Ms": str(SHORT_MS), "X-Request-Id": LATE_ID}
    config, log = pathlib.Path(folder, "late.yaml"), pathlib.Path(folder, "late.log")
    config.write_text("limits: { log_lines_per_second: 1000000 }")
    for company in (0, 4):
        with log.open("wb") as out:
            daemon = Daemon(binary, folder, "--config", str(config), log=out)
        probers = [Prober(daemon.url, "POST", "/v1/chunk", body, headers) for _ in range(LATE_PROBERS if company else 1)]
        try:
            for prober in probers:
                prober.start()
            if company:
                wrk(daemon.url + "/v1/chunk", company, scripts["100k"], LATE_SECONDS)
            else:
                time.sleep(LATE_SECONDS)
        finally:
            for prober in probers:
                prober.ended.set()
                prober.join()
            daemon.stop()
        what = f"a 504 later than {SHORT_MS} ms granted, beside 100k, c={company}"
        latencies(what, [value - SHORT_MS for prober in probers for value in prober.seen.get(504, [])])
        latencies("  by the daemon's log", [told["total_us"] / 1000 - SHORT_MS for told in late_lines(log)])


def late_lines(log):
    lines = [json.loads(line) for line in log.read_bytes().splitlines() if LATE_ID.encode() in line]
    return [line for line in lines if line["status"] == 504]


def starts(binary, folder):
    clock_ms, cpu_ms = [], []
    for _ in range(STARTS):
        daemon = Daemon(binary, folder)
        clock_ms.append(daemon.start_ms)
        cpu_ms.append(daemon.start_cpu_ms)
        daemon.stop()
    print(f"start to the first reply, {STARTS} times: {statistics.median(clock_ms):.1f} ms (at best {min(clock_ms):.1f}), {statistics.median(cpu_ms):.1f} ms of CPU")


def main():
    binary, bare, offer = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        scripts = {}
        for name, size in (("2k", 2000), ("20k", 20_000), ("100k", 100_000), ("1m", 1_000_000)):
            body, script = pathlib.Path(folder, name + ".json"), pathlib.Path(folder, name + ".lua")
            body.write_text(json.dumps({"text": document(size), "chunk": {"max": 512, "overlap": 64}, "return_text": "if_changed"}))
            script.write_text(LUA % body)
            scripts[name] = script
        body = pathlib.Path(folder, "20k.json").read_bytes()
        request = pathlib.Path(folder, "request")
        request.write_bytes(b"POST /v1/chunk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            b"X-Request-Timeout-Ms: %d\r\nContent-Length: %d\r\n\r\n" % (GRANTED_MS, len(body)) + body)
        floor_process = subprocess.Popen([bare], stdout=subprocess.PIPE, text=True)
        bare_url = "http://127.0.0.1:" + floor_process.stdout.readline().strip() + "/"
        nginx = Nginx(folder) if shutil.which("nginx") else None
        daemon = Daemon(binary, folder)
        try:
            starts(binary, folder)
            print(f"RSS idle {daemon.resident():.0f} MB")
            floor(daemon, floor_process, bare_url, nginx)
            chunking(daemon, scripts)
            loops(binary, folder, scripts)
            mixed(daemon, scripts)
            overloads(binary, offer, folder, request)
            lateness(binary, folder, scripts)
            wrk(daemon.url + "/v1/chunk", 8, scripts["1m"])
            print(f"RSS under 1m, c=8: {daemon.resident():.0f} MB, at most {daemon.resident('VmHWM'):.0f} MB")
        finally:
            daemon.stop()
            if nginx:
                nginx.stop()
            floor_process.terminate()
            floor_process.wait()


main()
