"""hotpathd-rollout and hotpathd-report, run as a team runs them; what they leave is in build/demo."""
import json
import os
import subprocess
import time

from parts import HERE, ROOT

RULES = HERE / "rollout.yaml"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "clients" / "python" / "src")}
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
        """Routes between the first step, which every call makes evidence for, and the last one, for so long beyond their hold time."""
        rows = json.loads(self._run("status", "--json"))
        return [row["route"] for row in rows if row["ready"] and row["step"] > 1 and time.time() > stamp({"ts": row["ready"]}) + patience_s]

    def up(self, route, why):
        return self._run("up", route, "--why", why, "--url", f"unix:{self._stack.socket}")

    def off(self, why):
        return self._run("off", "--why", why, "--url", f"unix:{self._stack.socket}")

    def guard(self, *options):
        """`step --watch`: looks at the report again and again, and moves the routes. A process that goes on until it is ended."""
        return self._stack.start("rollout", [*self._command("step"), *options, "--binary", str(ROOT / "build" / "hotpathd"),
                                             "--url", f"unix:{self._stack.socket}", str(self._stack.logs / "events" / "*.jsonl")])

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
        done = subprocess.run(self._command(*arguments), env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE_S)
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


def report(python, logs, *options):
    """hotpathd-report over all events that are written; (exit code, what it said on the terminal, its JSON)."""
    command = [python, "-m", "hotpathd.evidence", *map(str, sorted((logs / "events").glob("*.jsonl"))), "--config", str(RULES), "--jobs", "2", *options]
    for kind, ending in (("html", "html"), ("markdown", "md"), ("json", "json")):
        command += [f"--{kind}", str(logs / f"report.{ending}")]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE_S)
    (logs / "report.txt").write_text(done.stdout + done.stderr)
    return done.returncode, done.stdout + done.stderr, json.loads((logs / "report.json").read_text()) if done.returncode in VERDICTS else None


VERDICTS = {0: "GO", 10: "HOLD", 20: "NO-GO", 30: "ROLLBACK"}


def stamp(line):
    """Of an event or of an entry of the ledger."""
    return time.mktime(time.strptime(line["ts"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0." + line["ts"][20:-1])
