"""The conductor: baseline, the steps, the report, faults, and a slow build that is rolled back.

    demo.py [short]           leaves everything in build/demo; exit code 0 where every promise was kept, else 1
"""
import concurrent.futures
import contextlib
import datetime
import importlib.util
import json
import math
import os
import re
import shutil
import signal
import sys
import time

import documents
import evidence
import faults
import report
import rollout
from machine import Machine, cpu_s, ours_s
from parts import ROOT, TIMEOUT_S, Missing, Stack, postgres, wait_for
from quantiles import quantile
from rollout import stamp
from show import Show

WARM_UP = 100  # uploads, and searches, before anything is measured: they tell what the old path costs
SHARE = 0.6  # of the cores that nobody else uses
LEAST, MOST = 5.0, 50.0  # uploads a second, and searches
# Seconds of each part: whole, short.
LENGTHS = {"baseline": (5, 4), "on": (3, 3)}
SHORT_STEPS = ("shadow=3s", "100=0s")
CLIMB_S = 300
PATIENCE_S = 40, 10  # beyond a step's hold time, where so many calls come meanwhile as a GO wants, and where not; then somebody takes the step by hand
SHARE_OF_KEYS, CALLS = 0.5, 180  # rollout.yaml's
USED_BY = {"upload": "chunk", "search": "score"}
ROLLBACK_S = 10
BACK_S = 45  # the longest pause of a breaker, and a probe
LOOKED_AT = 140  # calls that the guard looks at: the report says nothing of latencies below a hundred
RECENT_S = (3, 12)  # and at least and at most so many seconds
TOO_LONG_S = 5  # of them, for a rollback within ten
LATE_MS = 10  # a timer may be late, and so may who waits for it
QUIET = 0.1  # of the cores: more of other work, and times are not judged
LIBRARIES = ("psycopg", "ftfy", "tiktoken", "langchain_text_splitters", "numpy", "scipy", "orjson", "yaml")
# A build that is slower than the old code, and one that both timeouts cut off; and what the report says of it.
SLOW_BUILDS = (("slow build", 25, "slower for sure"), ("late build", 120, "fell back"))


class Demo:
    def __init__(self, stack, show, short):
        self.stack, self.show, self.short = stack, show, short
        self.events = evidence.Tail(stack.logs / "events", "*.jsonl")
        self.users = evidence.Tail(stack.logs, "load.jsonl")
        self.phases = []  # (name, {route: (from, to)})
        self.rollout = rollout.Rollout(stack)
        self.rows = []  # (phase, route, what evidence.row says)
        self.ready = []  # (phase, how long documents waited for their chunks)
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
                self.show.change("rollout", line)
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
        """One line for each route of a phase."""
        for route in evidence.ROUTES:
            row = evidence.row(self.calls(name, route))
            self.rows.append((name, route, row))
            self.show.line(f"{name:13} {route}: " + "; ".join(f"{what} {value}" for what, value in row.items() if value))

    def written(self):
        """Events are written within half a second."""
        time.sleep(0.6)

    def in_force(self, mode):
        routes = self.stack.rollout()["routes"]
        return all(routes[route]["mode"] == mode for route in evidence.ROUTES)

    # The parts

    def warm_up(self):
        """What the old path costs, by having it do some work; then the load, at a rate that it can bear."""
        from load import UnixConnection, search, upload
        draw = documents.Draw(seed=1)
        connection = UnixConnection(str(self.stack.api_socket))
        begun = ours_s()
        self.machine.others()
        for run, draw_one in ((upload, draw.document), (search, draw.query)):
            for _ in range(WARM_UP):
                status, _ = run(connection, draw_one())
                assert status in (200, 201), status
            wait_for(lambda: self.stack.queued() == 0, "the old path", 60)
        connection.close()
        cost_s = (ours_s() - begun) / WARM_UP
        free = os.cpu_count() * (1 - self.machine.others())
        rate = max(LEAST, min(SHARE * free / cost_s, MOST))
        self.rates = rate, rate
        self.recent_s = math.ceil(min(max(LOOKED_AT / rate, RECENT_S[0]), RECENT_S[1]))
        self.show.line(f"an upload and a search take {cost_s * 1e3:.0f} ms of CPU, all in all, and {free:.1f} cores are free; the load: {rate:.0f} of each a second")
        self.load = self.stack.script("load", self.stack.api_socket, *self.rates, self.stack.load_file)

    def baseline(self):
        """No daemon is there yet: the clients record what the old code takes, and hotpathd-baseline says whether a trial is worth it."""
        services = {"chunk": self.stack.workers, "score": [self.stack.api]}
        with self.phase("baseline"):
            scrapes = {route: [self.scrape(route, "before", of)] for route, of in services.items()}
            self.wait(self.length("baseline"), "baseline")
            for route, of in services.items():
                scrapes[route].append(self.scrape(route, "after", of))
        self.written()
        self.tell("baseline")
        for route in services:
            self.old[route] = [event["legacy_ms"] for event in self.calls("baseline", route)]
        begun, ended = self.span("baseline")["chunk"]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            told = pool.map(lambda route: rollout.baseline(
                self.stack, route, "--since", moment(begun), "--until", moment(ended), "--service", *scrapes[route]), services)
        for route, (code, text, _) in zip(services, told):
            self.show.line(f"hotpathd-baseline --route {route}, exit code {code}\n{text}")
            self.judge(code == 0, "baseline", f"hotpathd-baseline says of {route}: {rollout.VERDICTS.get(code, 'unusable input')}")

    def scrape(self, route, when, processes):
        """What /metrics of a service says of its CPU time; ours have none."""
        path = self.stack.logs / f"service-{route}-{when}.prom"
        path.write_text(f"process_cpu_seconds_total {sum(cpu_s(process.pid) for process in processes)}\n")
        return str(path)

    def install(self):
        """The daemon comes, all routes off. The clients find it by themselves."""
        self.stack.serve(self.stack.start_daemon().listen)
        self.before = self.stack.logs / "before.prom"
        self.before.write_text(self.stack.metrics())

    def climb(self):
        """From shadow to all keys, each step by a verdict of the report."""
        self.show.line(self.rollout.plan(*(SHORT_STEPS if self.short else ())).strip())
        guard = self.rollout.guard("--watch", "1")
        patience_s = PATIENCE_S[CALLS / (SHARE_OF_KEYS * self.rates[0]) > PATIENCE_S[0] / 1.2]
        begun, until = time.time(), time.monotonic() + CLIMB_S
        self.machine.others()
        while not self.in_force("on") and not self.rolled_back(begun) and time.monotonic() < until:
            self.wait(0.5, "hotpathd-rollout takes the steps")
            for route in self.rollout.held_up(patience_s):
                self.show.line(self.rollout.up(route, "too few calls a second for a verdict within a demo").strip())
        self.wait(max(self.length("on"), min(1.5 * CALLS / self.rates[0], PATIENCE_S[1])), "all keys, for as long as the report's verdict wants")
        up, end = self.in_force("on"), time.time()
        self.stack.end(guard)
        self.others["climb"] = self.machine.others()
        for route in evidence.ROUTES:
            for step, *window in rollout.windows(self.rollout.ledger(), route, end):
                self.span(step)[route] = tuple(window)
        self.written()
        for step in [step for step, _ in self.phases if step != "baseline"]:
            self.tell(step)
        steps = [entry for entry in self.rollout.ledger() if entry["what"] == "up"]
        by_go = sum(entry["verdict"] == "GO" for entry in steps)
        self.judge(up and by_go > 0, "climb", f"hotpathd-rollout took both routes up to all keys: {by_go} of {len(steps)} steps by GO of hotpathd-report"
                   + ("" if by_go == len(steps) else ", the others by hand, for want of calls"))
        back = self.rolled_back(begun)
        for route, entry in back.items():
            self.judge(False, "climb", f"{route} was rolled back on its way: {'; '.join(entry['why'])}")
        if back:  # the rest wants all keys
            self.back(re.sub(r"(?m)^    mode: \w+", "    mode: on", self.stack.config.read_text()))
        elif not up:
            raise RuntimeError(f"not at all keys within {CLIMB_S} s: see {self.stack.logs}/rollout.log")

    def span(self, name):
        """{route: (from, to)} of a phase, which is made where there is none."""
        for known, spans in self.phases:
            if known == name:
                return spans
        self.phases.append((name, {}))
        return self.phases[-1][1]

    def length(self, name):
        return LENGTHS[name][self.short]

    def counted(self, daemon, under_load):
        """A daemon's last word, before it ends."""
        name, metrics = f"hotpathd-{daemon.life}", self.stack.metrics(daemon)
        (self.stack.logs / f"{name}.metrics").write_text(metrics)
        self.lives.append((self.stack.logs / f"{name}.log", metrics))
        if under_load:
            self.cut_short.add(daemon.life)

    def retire(self, daemon):
        self.counted(daemon, under_load=True)
        self.stack.end(daemon)

    def recovered(self):
        """Every caller uses the sidecar again: breakers close by themselves."""
        begun = time.time()

        def fresh():
            self.events.more()
            ok = {(event["pid"], event["route"]) for event in self.events.lines[-400:] if event["outcome"] == "ok" and event["path"] == "sidecar" and stamp(event) > begun}
            return len(ok) >= 1 + len(self.stack.workers)

        while not fresh() and time.time() - begun < BACK_S:
            time.sleep(0.02)
        return time.time() - begun

    def fault(self, name, act):
        with self.phase(name):
            act(self)
        self.written()
        self.tell(name)
        self.judge_delay(name)
        took_s = self.recovered()
        self.judge(took_s < BACK_S, name, f"every caller is back at the sidecar {took_s:.1f} s later (at most {BACK_S} s)")

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

    def judge(self, held, name, text, unless=""):
        """A promise about times. Where others had much of the cores, or for the reason given, it is kept or not judged."""
        others = max(self.others["baseline"], self.others[name])
        doubt = unless or (f"{others:.0%} of the cores had other work" if others >= QUIET else "")
        if held or not doubt:
            self.promise(held, f"{name}: {text}")
        else:
            self.unsure.append(f"{name}: {text}; {doubt}")
            self.show.line("unsure  " + self.unsure[-1])

    def slow_build(self, name, delay_ms, verdict):
        """The guard must see a slow build in its report, and switch off, with nobody looking."""
        guard = self.rollout.guard("--watch", "1", "--recent", f"{self.recent_s}s", "--alpha-over", f"{3 * ROLLBACK_S}s")
        begun = time.time()  # its coming is part of it
        with self.phase(name), faults.slow_build(self, delay_ms):
            while len(self.rolled_back(begun)) < len(evidence.ROUTES) and time.time() - begun < 3 * ROLLBACK_S:
                self.wait(0.25, f"a build that takes {delay_ms} ms more")
            caught = self.rolled_back(begun)
            self.stack.end(guard)
            if len(caught) < len(evidence.ROUTES):
                self.show.line(self.rollout.off("the build goes back").strip())
            self.promise(self.in_force("off"), f"{name}: off is in force")
            self.wait(1.5, "after the rollback")
        self.written()
        self.tell(name)
        for route in evidence.ROUTES:
            self.judge_rollback(name, route, caught.get(route), begun, verdict)
        self.judge_delay(name)

    def judge_rollback(self, name, route, entry, begun, verdict):
        self.judge(entry is not None, name, f"{route} was rolled back by hotpathd-rollout, within {3 * ROLLBACK_S} s")
        if entry is None:
            return
        seen = next((why for why in entry["why"] if verdict in why), None)
        self.judge(seen is not None, name, f"{route}: {seen}" if seen else f"{route}: '{verdict}' was due, not {entry['why']}")
        asked = max((stamp(event) for event in self.calls(name, route) if event["sidecar_ms"] is not None), default=begun)
        off_s, last_s = stamp(entry) - begun, asked - begun
        self.judge(max(off_s, last_s) <= ROLLBACK_S, name,
                   f"{route}: off {off_s:.1f} s after the build came, the last call to ask it came back after {last_s:.1f} s (at most {ROLLBACK_S} s)",
                   f"a latency takes {LOOKED_AT} calls, and this machine bears {self.rates[0]:.0f} a second" if self.recent_s > TOO_LONG_S else "")

    def back(self, text):
        """The good build is there again; the file goes back to what it was, and the routes may move again."""
        self.stack.config.write_text(text)
        for route in evidence.ROUTES:
            self.show.line(self.rollout.resume(route).strip())
        wait_for(lambda: self.in_force("on"), "all keys again")
        self.recovered()

    def slow_builds(self):
        self.wait(self.recent_s, "what was before leaves what the guard looks at")
        at_all_keys = self.stack.config.read_text()
        for number, build in enumerate(SLOW_BUILDS[: 1 if self.short else None]):
            if number:
                self.back(at_all_keys)  # and what was before it is no evidence any more
            self.slow_build(*build)

    def rolled_back(self, since):
        return {entry["route"]: entry for entry in self.rollout.ledger() if entry["what"] == "rollback" and stamp(entry) >= since}

    def report(self):
        """hotpathd-report on all that was so far, with the daemon's counters and log; the load rests meanwhile, so that nothing is on its way."""
        self.rest()
        after = self.stack.logs / "after.prom"
        after.write_text(self.stack.metrics())
        code, text, made = rollout.report(self.stack, "--metrics", str(self.before), str(after), "--log", str(self.stack.logs / "hotpathd-1.log"))
        self.show.line(f"hotpathd-report, exit code {code}\n{text}")
        self.judge(code == 0, "climb", f"hotpathd-report: {rollout.VERDICTS.get(code, 'unusable input')}")
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
        self.rest()
        for process in (*self.stack.workers, self.stack.api):
            self.stack.end(process)
        self.counted(self.stack.daemon, under_load=False)
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
            begun, ended = spans.get("chunk", (0, 0))
            took = [ms for created, ms in rows if begun <= created <= ended]
            if took:
                self.ready.append((name, f"{quantile(took, 0.5):.0f} / {quantile(took, 0.95):.0f}"))
        self.show.line("from upload to chunks, p50 / p95 ms: " + "; ".join(f"{name} {took}" for name, took in self.ready))

    def totals(self):
        self.counts, wrong = evidence.reconcile(self.events.lines, self.lives, self.cut_short)
        for route, count in self.counts.items():
            self.show.line(f"{route}: {count['asked']} calls asked = {count['received']} received + {count['refused']} refused + {count['never_sent']} never sent")
        self.promise(not wrong, "totals reconcile, request by request" + "".join(f"; {line}" for line in wrong))

    def start(self):
        self.stack.start_database()
        self.stack.start_services()

    def faults(self):
        for name, act in faults.ALL[: 1 if self.short else None]:
            self.fault(name, act)

    def run(self):
        parts = (("PostgreSQL, the API and two workers start", self.start), ("the old path alone", self.warm_up), ("baseline", self.baseline),
                 ("the daemon comes", self.install), ("shadow, half, all keys", self.climb), ("the report", self.report), ("faults", self.faults),
                 ("slow builds", self.slow_builds), ("the load ends, the queue runs empty", self.drain),
                 ("what users saw", self.nothing_lost), ("how long documents waited", self.waits), ("the books", self.totals))
        for number, (name, part) in enumerate(parts, 1):
            self.show.part(f"{number}/{len(parts)} {name}")
            part()


def busy(metrics):
    return any(line.startswith("hotpathd_in_flight{") and not line.endswith(" 0") for line in metrics.splitlines())


def moment(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).isoformat()


def missing():
    """What `make demo` makes or installs, where that was not possible."""
    postgres()
    for name in LIBRARIES:
        if importlib.util.find_spec(name) is None:
            raise Missing(f"{sys.executable} has no {name}: `make demo` makes an environment that has, where pip reaches a package index (build/demo-venv.log)")
    for file, source in (("build/hotpathd", "`make`"), ("build/stack-api", "`make demo`, with Go"), ("build/vocab/o200k_base.tiktoken", "`make vocab`, which downloads it")):
        if not (ROOT / file).exists():
            raise Missing(f"there is no {file}: it comes by {source}")


def main():
    logs = ROOT / "build" / "demo"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        missing()
        shutil.rmtree(logs, ignore_errors=True)
        (logs / "events").mkdir(parents=True)
        with Show() as show, Stack(sys.executable, logs) as stack:
            demo = Demo(stack, show, "short" in sys.argv[1:])
            demo.run()
    except KeyboardInterrupt:
        print("stopped")
        return 130
    except (Missing, RuntimeError, TimeoutError) as problem:
        print(f"make demo: {problem}", file=sys.stderr)
        return 2 if isinstance(problem, Missing) else 1
    (logs / "phases.json").write_text(json.dumps(demo.phases, indent=1))
    report.write(demo, logs / "demo.md")
    print(f"\n{len(demo.kept)} promises kept, {len(demo.broken)} broken, {len(demo.unsure)} not judged; report, logs and events: build/demo")
    return 1 if demo.broken else 0


if __name__ == "__main__":
    sys.exit(main())
