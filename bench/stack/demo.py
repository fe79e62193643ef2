"""The conductor: baseline, shadow, canary, faults, a slow build that is rolled back, and the verdict.

    demo.py [short]           leaves everything in build/demo; exit code 0 where every promise was kept, else 1
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import documents
import evidence
import faults
import report
import rollout
from machine import Machine, cpu_s
from parts import HERE, ROOT, TIMEOUT_S, Stack, wait_for
from quantiles import quantile
from show import Show

WARM_UP = 60  # documents, before anything is measured: they are what is searched, and they tell the old path's capacity
SHARE = 0.6  # of what the workers could do if every call waited for its timeout in vain
# Seconds of each part: whole, short.
LENGTHS = {"baseline": (16, 5), "shadow": (12, 4), "canary 5 %": (10, 0), "canary 25 %": (8, 0), "canary 100 %": (14, 4)}
ROLLBACK_S = 10
LATE_MS = 10  # a timer may be late, and so may who waits for it
VERDICTS = {0: "GO", 10: "HOLD", 20: "NO-GO", 30: "ROLLBACK"}
QUIET = 0.1  # of the cores: more of other work, and times are not judged


class Demo:
    def __init__(self, stack, show, short):
        self.stack, self.show, self.short = stack, show, short
        self.events = evidence.Tail(stack.logs / "events", "*.jsonl")
        self.users = evidence.Tail(stack.logs, "load.jsonl")
        self.phases = []  # (name, from, to)
        self.rows = []  # (phase, route, what evidence.row says)
        self.ready = []  # (phase, how long documents waited for their chunks)
        self.shares = {}  # route: of its service's CPU time, in the baseline
        self.counts = {}  # of routes, when all is over
        self.kept, self.broken, self.unsure = [], [], []
        self.machine, self.others = Machine(), {}  # others: name of a phase to their share of the cores
        self.old = {}  # route: milliseconds of the old code in the baseline
        self.lives = []  # (log, metrics at its end)
        self.cut_short = set()  # lives whose last counters are lost

    # Small things that the parts below are made of

    def promise(self, held, text):
        (self.kept if held else self.broken).append(text)
        self.show.line(("kept    " if held else "BROKEN  ") + text)

    def wait(self, seconds, what):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.show.now(f"{what}: {left:.0f} s; {len(self.events.lines)} calls")
            self.events.more()
            time.sleep(min(0.25, left))

    @contextlib.contextmanager
    def phase(self, name):
        begun = time.time()
        self.machine.others()
        yield
        self.phases.append((name, begun, time.time()))
        self.others[name] = self.machine.others()

    def calls(self, name, route):
        """Events of a route that ended within a phase."""
        _, begun, ended = next(phase for phase in self.phases if phase[0] == name)
        self.events.more()
        return [event for event in self.events.lines if event["route"] == route and begun <= stamp(event) <= ended]

    def seen(self, name, kind):
        _, begun, ended = next(phase for phase in self.phases if phase[0] == name)
        self.users.more()
        return [line for line in self.users.lines if line["kind"] == kind and begun <= line["at"] <= ended]

    def tell(self, name):
        """One line for each route of a phase. Events are written within a second: the phase is told of after that."""
        time.sleep(0.6)
        for route in evidence.ROUTES:
            row = evidence.row(self.calls(name, route))
            self.rows.append((name, route, row))
            self.show.line(f"{name:13} {route}: " + "; ".join(f"{what} {value}" for what, value in row.items() if value))

    def switch(self, mode, percent=0):
        rollout.write(self.stack.config, mode, percent)
        wait_for(lambda: self.in_force(mode, percent), f"mode {mode} {percent} %")
        time.sleep(1.3)  # the clients' next poll

    def in_force(self, mode, percent):
        routes = self.stack.rollout()["routes"]
        return all(routes[route]["mode"] == mode and (mode != "canary" or routes[route]["percent"] == percent) for route in rollout.ROUTES)

    # The parts

    def warm_up(self):
        """The old path's capacity, by having it do some work; then the load, at a rate that stays below it in every fault."""
        from load import UnixConnection, upload
        draw = documents.Draw(seed=1)
        texts = [draw.document() for _ in range(WARM_UP)]
        connection = UnixConnection(str(self.stack.api_socket))
        begun = time.monotonic()
        for text in texts:
            status, _ = upload(connection, text)
            assert status == 201, status
        connection.close()
        wait_for(lambda: self.stack.queued() == 0, "the old path", 60)
        each_s = len(self.stack.workers) * (time.monotonic() - begun) / WARM_UP  # of one worker's time
        uploads = min(SHARE * len(self.stack.workers) / (each_s + TIMEOUT_S["chunk"]), 12.0)
        self.show.line(f"the old path takes {WARM_UP / (time.monotonic() - begun):.0f} documents/s; the load: {uploads:.1f} uploads/s, {2 * uploads:.1f} searches/s")
        self.load = self.stack.script("load", self.stack.api_socket, uploads, 2 * uploads, self.stack.load_file)

    def baseline(self):
        services = {"chunk": [worker.pid for worker in self.stack.workers], "score": [self.stack.api.pid]}
        before = {route: sum(map(cpu_s, pids)) for route, pids in services.items()}
        with self.phase("baseline"):
            self.wait(self.length("baseline"), "baseline")
        used = {route: sum(map(cpu_s, pids)) - before[route] for route, pids in services.items()}
        self.tell("baseline")
        for route in evidence.ROUTES:
            step_s = sum(event["cpu_ms"]["legacy"] or 0 for event in self.calls("baseline", route)) / 1e3
            self.shares[route] = step_s / max(used[route], 0.01)
            self.show.line(f"{route} is {self.shares[route]:.0%} of the CPU time of the service that calls it")
        for route in evidence.ROUTES:
            self.old[route] = [event["legacy_ms"] for event in self.calls("baseline", route)]

    def step(self, name, mode, percent=0):
        if not self.length(name):
            return
        self.switch(mode, percent)
        with self.phase(name):
            self.wait(self.length(name), name)
        self.tell(name)

    def length(self, name):
        return LENGTHS[name][self.short]

    def daemon_ended(self, metrics):
        name = f"hotpathd-{self.stack.lives}"
        (self.stack.logs / f"{name}.metrics").write_text(metrics)
        self.lives.append((self.stack.logs / f"{name}.log", metrics))

    def recovered(self):
        """Every caller uses the sidecar again: breakers close by themselves."""
        begun = time.time()

        def fresh():
            self.events.more()
            ok = {(event["pid"], event["route"]) for event in self.events.lines[-400:] if event["outcome"] == "ok" and event["path"] == "sidecar" and stamp(event) > begun}
            return len(ok) >= 1 + len(self.stack.workers)

        wait_for(fresh, "the callers' return to the sidecar", 45)
        return time.time() - begun

    def fault(self, name, act):
        with self.phase(name):
            act(self)
        self.tell(name)
        self.judge_delay(name)
        self.show.line(f"{name:13} every caller is back at the sidecar {self.recovered():.1f} s later")

    def judge_delay(self, name):
        """A call is delayed by its timeout at most; and p95, of calls and as users see it, is at most the old path's and the timeout."""
        fell = [event for route in evidence.ROUTES for event in self.calls(name, route) if event["outcome"] == "fallback"]
        over = [event for event in fell if event["sidecar_ms"] > TIMEOUT_S[event["route"]] * 1e3 + LATE_MS]
        self.judge(len(over) <= max(1, 0.05 * len(fell)), name, f"of {len(fell)} calls that fell back, {len(over)} waited for longer than their timeout")
        told, held = [], True
        for route, kind in (("chunk", "upload"), ("score", "search")):
            for what, took, before in ((route, [event["total_ms"] for event in self.calls(name, route)], self.old[route]),
                                       (kind, *([line["ms"] for line in self.seen(phase, kind)] for phase in (name, "baseline")))):
                now, most = quantile(took, 0.95), quantile(before, 0.95) + TIMEOUT_S[route] * 1e3
                held &= now <= most
                told.append(f"{what} {now:.0f} (at most {most:.0f})")
        self.judge(held, name, "p95 in ms, of calls and as users see it: " + ", ".join(told))

    def judge(self, held, name, text):
        """A promise about times. Where others had much of the cores, it is not judged."""
        others = max(self.others["baseline"], self.others[name])
        if held or others < QUIET:
            self.promise(held, f"{name}: {text}")
        else:
            self.unsure.append(f"{name}: {text}; {others:.0%} of the cores had other work")
            self.show.line("unsure  " + self.unsure[-1])

    def slow_build(self):
        """A build that is slow takes the socket over. The rule must see it, and switch off, with nobody looking."""
        self.show.now("a slow build is rolled out")
        with faults.slow_build(self), self.phase("slow build"):
            begun = time.time()
            why = ""
            while not why and time.time() - begun < 2 * ROLLBACK_S:
                time.sleep(0.25)
                self.events.more()
                for route in rollout.ROUTES:
                    calls = [event for event in self.events.lines[-1000:] if event["route"] == route and stamp(event) > begun]
                    broken = rollout.broken(self.old[route], calls)
                    why = why or (broken and f"{route}: {broken}")
            caught = time.time()
            rollout.write(self.stack.config, "off")
            self.wait(4, "after the rollback")
            self.events.more()
            asked = [stamp(event) for event in self.events.lines if event["sidecar_ms"] is not None and stamp(event) > begun]
            last = max(asked, default=begun)
        self.promise(bool(why), "the stop rule caught the slow build" + (f": {why}" if why else ""))
        self.promise(last - begun <= ROLLBACK_S, f"rolled back: seen {caught - begun:.1f} s after the build came, no call asked it later than {last - begun:.1f} s (at most {ROLLBACK_S} s)")
        self.tell("slow build")

    def report(self, name, expected, since=None):
        """hotpathd-report on what is written by now, or since a time; its page goes to build/demo."""
        time.sleep(1.2)  # events are written within a second
        command = [sys.executable, "-m", "hotpathd.evidence", *map(str, sorted((self.stack.logs / "events").glob("*.jsonl")))]
        command += ["--config", str(HERE / "rollout.yaml"), "--json", str(self.stack.logs / f"{name}.json"), "--html", str(self.stack.logs / f"{name}.html")]
        if since:
            command += ["--since", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "clients" / "python" / "src")}
        said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        (self.stack.logs / f"{name}.txt").write_text(said.stdout + said.stderr)
        self.show.line(f"hotpathd-report, {name}: exit code {said.returncode}\n{said.stdout}{said.stderr}")
        self.promise(said.returncode in expected, f"hotpathd-report, {name}: {VERDICTS.get(said.returncode, 'unusable input')}")

    def drain(self):
        self.show.now("the load ends, the queue runs empty")
        self.stack.end(self.load, seconds=40)
        wait_for(lambda: self.stack.queued() == 0, "the queue to run empty", 30)
        for process in (*self.stack.workers, self.stack.api):
            self.stack.end(process)  # which writes its events
        wait_for(lambda: "hotpathd_in_flight" in (text := self.stack.metrics()) and not busy(text), "the daemon to be idle")
        self.daemon_ended(self.stack.metrics())
        self.stack.end(self.stack.daemon)
        self.events.more()
        self.users.more()

    def nothing_lost(self):
        uploads = [line for line in self.users.lines if line["kind"] == "upload"]
        bad = [line for line in self.users.lines if line["error"] or line["status"] not in (200, 201)]
        self.promise(not bad, f"no user-visible error in {len(self.users.lines)} calls" + (f": {bad[:3]}" if bad else ""))
        done = dict(self.stack.db.execute("SELECT documents.id, count(chunks) FROM documents LEFT JOIN chunks ON document = id WHERE status = 'done' GROUP BY 1").fetchall())
        lost = [line["id"] for line in uploads if not done.get(line["id"])]
        self.promise(not lost, f"no upload lost: {len(uploads)} taken, all split and stored" + (f", but {lost[:5]}" if lost else ""))

    def waits(self):
        """How long a document waited for its chunks, the queue included."""
        rows = self.stack.db.execute("SELECT extract(epoch FROM created)::float8, extract(epoch FROM done - created)::float8 * 1e3 FROM documents WHERE status = 'done'").fetchall()
        for name, begun, ended in self.phases:
            took = [ms for created, ms in rows if begun <= created <= ended]
            if took:
                self.ready.append((name, f"{quantile(took, 0.5):.0f} / {quantile(took, 0.95):.0f}"))
        self.show.line("from upload to chunks, p50 / p95 ms: " + "; ".join(f"{name} {took}" for name, took in self.ready))

    def totals(self):
        self.counts, wrong = evidence.reconcile(self.events.lines, self.lives, self.cut_short)
        for route, count in self.counts.items():
            self.show.line(f"{route}: {count['asked']} calls asked = {count['received']} received + {count['refused']} refused + {count['never_sent']} never sent")
        self.promise(not wrong, "totals reconcile, request by request" + "".join(f"; {line}" for line in wrong))

    def run(self):
        stack = self.stack
        self.show.now("PostgreSQL, hotpathd, the API and two workers start")
        stack.start_database()
        stack.start_daemon()
        stack.start_services()
        self.warm_up()
        self.baseline()
        self.step("shadow", "shadow")
        self.step("canary 5 %", "canary", 5)
        self.step("canary 25 %", "canary", 25)
        self.step("canary 100 %", "canary", 100)
        self.report("canary", expected=(0, 10))  # so few calls may not carry a GO
        for name, act in faults.ALL[: 1 if self.short else None]:
            self.fault(name, act)
        self.slow_build()
        self.report("slow-build", (30,), next(begun for name, begun, _ in self.phases if name == "slow build"))
        self.drain()
        self.nothing_lost()
        self.waits()
        self.totals()


def stamp(event):
    return time.mktime(time.strptime(event["ts"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0." + event["ts"][20:-1])


def busy(metrics):
    return any(line.startswith("hotpathd_in_flight{") and not line.endswith(" 0") for line in metrics.splitlines())


def main():
    logs = ROOT / "build" / "demo"
    shutil.rmtree(logs, ignore_errors=True)
    (logs / "events").mkdir(parents=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Show() as show, Stack(sys.executable, logs) as stack:
            demo = Demo(stack, show, "short" in sys.argv[1:])
            demo.run()
    except KeyboardInterrupt:
        print("stopped")
        return 130
    (logs / "phases.json").write_text(json.dumps(demo.phases, indent=1))
    report.write(demo, logs / "report.md")
    print(f"\n{len(demo.kept)} promises kept, {len(demo.broken)} broken, {len(demo.unsure)} not judged; report, logs and events: build/demo")
    return 1 if demo.broken else 0


if __name__ == "__main__":
    sys.exit(main())
