"""hotpathd-baseline, hotpathd-rollout and hotpathd-report, run as a team runs them; what they leave is in build/demo."""
import json
import subprocess
import time

from parts import HERE, ROOT, wait_for

RULES = HERE / "rollout.yaml"
PATIENCE_S = 60


class Rollout:
    def __init__(self, stack):
        self._stack = stack
        self._plan = stack.logs / "rollout.json"
        self._log, self._read = stack.logs / "rollout.log", 0

    def plan(self, *steps):
        """The steps are those of rollout.yaml, where none are given."""
        given = [word for step in steps for word in ("--step", step)]
        return self._run("plan", "--file", str(self._stack.config), "--config", str(RULES), *given)

    def held_up(self, patience_s):
        """Routes that are at a share of the keys for so long beyond their hold time."""
        rows = json.loads(self._run("status", "--json"))
        return [row["route"] for row in rows if row["ready"] and row["step"] > 1 and time.time() > stamp({"ts": row["ready"]}) + patience_s]

    def up(self, route, why):
        return self._run("up", route, "--why", why, "--url", f"unix:{self._stack.socket}")

    def resume(self, route):
        return self._run("resume", route)

    def off(self, why):
        return self._run("off", "--why", why, "--url", f"unix:{self._stack.socket}")

    def guard(self, *options):
        """`step --watch`: looks at the report again and again, and moves the routes, until it is ended. Comes back after its first look."""
        self.said()
        process = self._stack.start("rollout", [*self._command("step"), *options, "--binary", str(ROOT / "build" / "hotpathd"),
                                                "--url", f"unix:{self._stack.socket}", str(self._stack.logs / "events" / "*.jsonl")], orphaned="TERM")
        wait_for(lambda: process.poll() is not None or self.said(), "the guard's first look", 30)
        if process.poll() is not None:
            raise RuntimeError(f"hotpathd-rollout ended with {process.returncode}: see {self._log}")
        return process

    def ledger(self):
        path = self._plan.with_name("rollout.ledger.jsonl")
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def said(self):
        """The guard's lines since the last look."""
        if not self._log.exists():
            return []
        with open(self._log, "rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode().splitlines()

    def _run(self, *arguments):
        done = _run(self._stack, self._command(*arguments))
        if done.returncode:
            raise RuntimeError(f"hotpathd-rollout {arguments[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def _command(self, *arguments):
        return [self._stack.python, "-m", "hotpathd.steps.command", arguments[0], "--plan", str(self._plan), *arguments[1:]]


def name(switch):
    return f"{switch['percent']:g} %" if switch["mode"] == "canary" else switch["mode"]


def windows(entries, route, end):
    """[(step, from, to)] of a route's way up."""
    own = [(name(entry["to"]), stamp(entry)) for entry in entries if entry["route"] == route and entry["what"] in ("begin", "up")]
    return [(step, begun, ended) for (step, begun), (_, ended) in zip(own, [*own[1:], ("", end)])]


def report(stack, *options):
    """hotpathd-report over all events that are written; (exit code, what it said on the terminal, its JSON)."""
    return _told(stack, "report", [stack.python, "-m", "hotpathd.evidence", *_events(stack), *options], ("json", "html"))


def baseline(stack, route, *options):
    """hotpathd-baseline for one route."""
    command = "import sys; from hotpathd.evidence.__main__ import baseline; sys.exit(baseline())"
    return _told(stack, f"baseline-{route}", [stack.python, "-c", command, *_events(stack), "--route", route, *options], ("json",))


def _events(stack):
    return [*map(str, sorted((stack.logs / "events").glob("*.jsonl"))), "--config", str(RULES)]


def _told(stack, name, command, kinds):
    for kind in kinds:
        command += [f"--{kind}", str(stack.logs / f"{name}.{kind}")]
    done = _run(stack, command)
    (stack.logs / f"{name}.txt").write_text(done.stdout + done.stderr)
    made = json.loads((stack.logs / f"{name}.json").read_text()) if done.returncode in VERDICTS else None
    return done.returncode, done.stdout + done.stderr, made


def _run(stack, command):
    return subprocess.run(command, env=stack.environment, capture_output=True, text=True, timeout=PATIENCE_S)


VERDICTS = {0: "GO", 10: "HOLD", 20: "NO-GO", 30: "ROLLBACK"}


def stamp(line):
    """Of an event or of an entry of the ledger."""
    return time.mktime(time.strptime(line["ts"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0." + line["ts"][20:-1])
