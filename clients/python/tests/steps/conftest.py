"""A folder with a configuration, a plan and a report that says what a test wants."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

try:
    import yaml  # noqa: F401
except ImportError:  # of another environment than tests/venv's `report`
    collect_ignore_glob = ["test_*"]

SOURCES = Path(__file__).parents[2] / "src"
REPOSITORY = Path(__file__).parents[4]
RULE = "0123456789abcdef"
STEPS = "shadow=0s 1=0s 5=0s 100=0s"
CONFIGURATION = "# ours\nroutes:\n  chunk:\n    mode: off       # the switch\n    percent: 100\n  score: { mode: on }   # as it was\n"

# Writes what stands in say.json; notes the arguments it was given.
STUB = """
import json, sys, time
from pathlib import Path
here = Path(__file__).parent
with open(here / "asked.jsonl", "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
say = json.loads((here / "say.json").read_text())
(here / "running").touch()
while (here / "wait").exists():
    time.sleep(0.01)
if say.get("complaint"):
    sys.exit(say["complaint"])
Path(sys.argv[sys.argv.index("--json") + 1]).write_text(json.dumps(say["report"]))
sys.exit(say["code"])
"""


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "conf" / "hotpathd.yaml"
        self.file.parent.mkdir()
        self.file.write_text(CONFIGURATION)
        self.plan_path = folder / "rollout.json"
        self.ledger_path = folder / "rollout.ledger.jsonl"
        (folder / "rollout.yaml").write_text("stop: {}\n")
        (folder / "report.py").write_text(STUB)

    def run(self, *arguments: str, expect: Optional[int] = None, **more: Any) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(self.command(*arguments), cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=60, **more)
        if expect is not None:
            assert done.returncode == expect, f"{done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def command(self, *arguments: str) -> List[str]:
        return [sys.executable, "-m", "hotpathd.steps.command", *arguments]

    def environment(self) -> Dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(SOURCES)}

    def plan(self, *more: str, steps: str = STEPS) -> None:
        given = [part for step in steps.split() for part in ("--step", step)]
        self.run("plan", "--file", "conf/hotpathd.yaml", "--route", "chunk", "--rule-hash", RULE, *given, *more, expect=0)

    def step(self, *more: str, expect: Optional[int] = None) -> str:
        done = self.run("step", "events.jsonl", "--report", f"{sys.executable} report.py", *more, expect=expect)
        return done.stdout

    def begins(self, *more: str, steps: str = STEPS) -> None:
        """Planned, and on the first of the steps."""
        self.plan(*more, steps=steps)
        self.says("GO")
        self.step(expect=0)

    def says(self, verdict: str, rule: str = RULE, **routes: str) -> None:
        """What the report will say; of other routes than chunk by name."""
        codes = {"GO": 0, "HOLD": 10, "NO-GO": 20, "ROLLBACK": 30}
        found = {name: {"verdict": word, "reasons": [f"so says the stub of {name}"]} for name, word in {"chunk": verdict, **routes}.items()}
        self.say({"code": codes[verdict], "report": {"verdict": verdict, "rule_hash": rule, "routes": found}})

    def fails(self, words: str) -> None:
        self.say({"complaint": words})

    def say(self, fields: Dict[str, Any]) -> None:
        temporary = self.folder / "say.new"
        temporary.write_text(json.dumps(fields))
        os.replace(temporary, self.folder / "say.json")

    def ledger(self) -> List[Dict[str, Any]]:
        return [json.loads(line) for line in self.ledger_path.read_text().splitlines()]

    def asked(self) -> List[List[str]]:
        path = self.folder / "asked.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def switch(self, route: str = "chunk") -> str:
        from hotpathd.steps import target

        return str(target.load(str(self.file)).read(route))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
