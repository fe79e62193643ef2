"""The conductor: baseline, the steps, the report, faults, and a slow build that is rolled back.

    demo.py [short]           leaves everything in build/demo; exit code 0 where every promise was kept, else 1
"""
import contextlib
import json
import shutil
import signal
import sys
import time

import documents
import evidence
import faults
import report
import rollout
from machine import Machine, cpu_s
from parts import ROOT, TIMEOUT_S, Stack, wait_for
from quantiles import quantile
from rollout import stamp
from show import Show

WARM_UP = 60  # documents, before anything is measured: they are what is searched, and they tell the old path's capacity
SHARE = 0.6  # of what the workers could do if every call waited for its timeout in vain
# Seconds of each part: whole, short.
LENGTHS = {"baseline": (12, 5), "on": (10, 4)}
SHORT_STEPS = ("shadow=4s", "100=0s")
CLIMB_S = 120
PATIENCE_S = 10  # beyond a step's hold time; then somebody takes the step by hand
USED_BY = {"upload": "chunk", "search": "score"}
ROLLBACK_S = 10
RECENT_S = 5  # what the guard looks at
LATE_MS = 10  # a timer may be late, and so may who waits for it
QUIET = 0.1  # of the cores: more of other work, and times are not judged


class Demo:
    def __init__(self, stack, show, short):
        self.stack, self.show, self.short = stack, show, short
        self.events = evidence.Tail(stack.logs / "events", "*.jsonl")
        self.users = evidence.Tail(stack.logs, "load.jsonl")
        self.phases = []  # (name, {route: (from, to)})
        self.rollout = rollout.Rollout(stack)
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
            for line in self.rollout.said():
                self.show.line(f"rollout       {line}")
            time.sleep(min(0.25, left))

    @contextlib.contextmanager
    def phase(self, name):
        begun = time.time()
        self.machine.others()
        yield
        self.span(name).update(dict.fromkeys(evidence.ROUTES, (begun, time.time())))
        self.others[name] = self.machine.others()

    def calls(self, name, route):
        """Events of a route that ended within a phase."""
        begun, ended = self.span(name).get(route, (0, 0))
        self.events.more()
        return [event for event in self.events.lines if event["route"] == route and begun <= stamp(event) <= ended]

    def seen(self, name, kind):
        begun, ended = self.span(name)[USED_BY[kind]]
        self.users.more()
        return [line for line in self.users.lines if line["kind"] == kind and begun <= line["at"] <= ended]

    def tell(self, name):
        """One line for each route of a phase. Events are written within a second: the phase is told of after that."""
        time.sleep(0.6)
        for route in evidence.ROUTES:
            row = evidence.row(self.calls(name, route))
            self.rows.append((name, route, row))
            self.show.line(f"{name:13} {route}: " + "; ".join(f"{what} {value}" for what, value in row.items() if value))

    def in_force(self, mode):
        routes = self.stack.rollout()["routes"]
        return all(routes[route]["mode"] == mode for route in evidence.ROUTES)

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
        self.rates = uploads, 2 * uploads
        self.load = self.stack.script("load", self.stack.api_socket, *self.rates, self.stack.load_file)

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

    def climb(self):
        """From shadow to all keys, each step by a verdict of the report."""
        self.show.line(self.rollout.plan(*(SHORT_STEPS if self.short else ())).strip())
        guard = self.rollout.guard("--watch", "2")
        until = time.monotonic() + CLIMB_S
        while not self.in_force("on") and time.monotonic() < until:
            self.wait(0.5, "hotpathd-rollout takes the steps")
            for route in self.rollout.held_up(PATIENCE_S):
                self.show.line(self.rollout.up(route, "too few calls a second for a verdict within a demo").strip())
        up = self.in_force("on")
        self.wait(self.length("on"), "all keys")
        end = time.time()
        self.stack.end(guard)
        for route in evidence.ROUTES:
            for step, *window in rollout.windows(self.rollout.ledger(), route, end):
                self.span(step)[route] = tuple(window)
        for step in [step for step, _ in self.phases if step != "baseline"]:
            self.tell(step)
        steps = [entry for entry in self.rollout.ledger() if entry["what"] == "up"]
        by_go = sum(entry["verdict"] == "GO" for entry in steps)
        self.promise(up and by_go, f"hotpathd-rollout took both routes up to all keys: {by_go} of {len(steps)} steps by GO of hotpathd-report, the others by hand, for want of calls")
        if not up:  # the rest wants all keys
            raise RuntimeError(f"not at all keys within {CLIMB_S} s: see rollout.log")

    def span(self, name):
        """{route: (from, to)} of a phase, which is made where there is none."""
        for known, spans in self.phases:
            if known == name:
                return spans
        self.phases.append((name, {}))
        return self.phases[-1][1]

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
        """A build that is slow takes the socket over. The guard must see it in its report, and switch off, with nobody looking."""
        self.show.now("a slow build is rolled out")
        self.wait(RECENT_S, "the last fault leaves what the guard looks at")
        guard = self.rollout.guard("--watch", "1", "--recent", f"{RECENT_S}s")
        wait_for(self.rollout.said, "the guard's first look", 30)
        begun = time.time()  # its coming is part of it: the old one drains, the new one starts
        with faults.slow_build(self), self.phase("slow build"):
            while len(self.rolled_back(begun)) < len(evidence.ROUTES) and time.time() - begun < 2 * ROLLBACK_S:
                self.wait(0.25, "a slow build")
            caught = self.rolled_back(begun)
            self.stack.end(guard)
            self.show.line(self.rollout.off("the build goes back").strip())
            self.promise(self.in_force("off"), "hotpathd-rollout off: in force")
            self.wait(3, "after the rollback")
            asked = {route: max((stamp(event) for event in self.events.lines if event["route"] == route and event["sidecar_ms"] is not None), default=begun)
                     for route in evidence.ROUTES}
        for route in evidence.ROUTES:
            entry, last = caught.get(route), asked[route] - begun
            self.promise(entry is not None, f"{route}: the report's verdict on the slow build is ROLLBACK" + (f": {entry['why'][1]}" if entry else ""))
            if entry:
                self.promise(last <= ROLLBACK_S, f"{route}: off {stamp(entry) - begun:.1f} s after the build came, and no call asked it later than {last:.1f} s (at most {ROLLBACK_S} s)")
        self.tell("slow build")

    def rolled_back(self, since):
        return {entry["route"]: entry for entry in self.rollout.ledger() if entry["what"] == "rollback" and stamp(entry) >= since}

    def report(self):
        """hotpathd-report on all that was so far, with the daemon's counters and log; the load rests meanwhile, so that nothing is on its way."""
        self.rest()
        after = self.stack.logs / "after.prom"
        after.write_text(self.stack.metrics())
        code, text, made = rollout.report(self.stack.python, self.stack.logs, "--metrics", str(self.before), str(after), "--log", str(self.stack.logs / "hotpathd-1.log"))
        self.show.line(f"hotpathd-report, exit code {code}\n{text}")
        self.promise(code in (0, 10), f"hotpathd-report: {rollout.VERDICTS.get(code, 'unusable input')}")  # HOLD: so few calls may not carry a GO
        books = made["integrity"]["books"] if made else []
        strangers = made["integrity"]["log"]["in_no_event"]["count"] if made else None
        self.promise(len(books) == 2 and all(one["agree"] for one in books) and strangers == 0 and text.count("the books agree") == 2,
                     "hotpathd-report says that the books agree: " + ", ".join(f"{one['route']} {one['asked']} asked, {one['received']} received" for one in books))
        self.load = self.stack.script("load", self.stack.api_socket, *self.rates, self.stack.load_file)

    def rest(self):
        """The load ends, the queue runs empty, all events are written."""
        self.stack.end(self.load, seconds=40)
        wait_for(lambda: self.stack.queued() == 0, "the queue to run empty", 30)
        wait_for(lambda: "hotpathd_in_flight" in (text := self.stack.metrics()) and not busy(text), "the daemon to be idle")
        time.sleep(1.2)  # events are written within a second

    def drain(self):
        self.show.now("the load ends, the queue runs empty")
        self.rest()
        for process in (*self.stack.workers, self.stack.api):
            self.stack.end(process)
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
        for name, spans in self.phases:
            begun, ended = spans["chunk"]
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
        self.before = stack.logs / "before.prom"
        self.before.write_text(stack.metrics())
        stack.start_services()
        self.warm_up()
        self.baseline()
        self.climb()
        self.report()
        for name, act in faults.ALL[: 1 if self.short else None]:
            self.fault(name, act)
        self.slow_build()
        self.drain()
        self.nothing_lost()
        self.waits()
        self.totals()


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
    report.write(demo, logs / "demo.md")
    print(f"\n{len(demo.kept)} promises kept, {len(demo.broken)} broken, {len(demo.unsure)} not judged; report, logs and events: build/demo")
    return 1 if demo.broken else 0


if __name__ == "__main__":
    sys.exit(main())
