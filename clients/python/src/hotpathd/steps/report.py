"""The report, as a program: run over the events since a moment, its JSON read.

    COMMAND EVENTS... --config RULES --since MOMENT --json FILE

ends with 0 GO, 10 HOLD, 20 NO-GO or 30 ROLLBACK. A team's own program can take its place: what is read is
{"verdict": "GO", "rule_hash": "...", "routes": {"chunk": {"verdict": "GO", "reasons": ["..."]}}}.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from .problem import Unusable
from .times import moment

CODES = {0: "GO", 10: "HOLD", 20: "NO-GO", 30: "ROLLBACK"}
_MOST_WORDS = 500


class Finding(NamedTuple):
    verdict: str
    reasons: Tuple[str, ...]


class Report(NamedTuple):
    text: bytes
    digest: str
    rule: str
    routes: Dict[str, Finding]


def run(command: Sequence[str], events: Sequence[str], rules: Path, since: float, timeout_s: float) -> Report:
    with tempfile.TemporaryDirectory(prefix="hotpathd-rollout.") as folder:
        made = Path(folder) / "report.json"
        arguments = [*command, *events, "--config", str(rules), "--since", moment(since), "--json", str(made)]
        try:
            said = subprocess.run(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=timeout_s
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unusable(f"no report: {error}") from None
        if said.returncode not in CODES:
            words = said.stderr.decode("utf-8", "replace").strip()[-_MOST_WORDS:]
            raise Unusable(f"no report: {command[0]} ended with {said.returncode}: {words}")
        try:
            return parsed(made.read_bytes(), CODES[said.returncode])
        except OSError as error:
            raise Unusable(f"no report: {command[0]} wrote none: {error.strerror}") from None


def parsed(text: bytes, verdict: str) -> Report:
    try:
        fields = json.loads(text)
        found = Report(text, hashlib.sha256(text).hexdigest(), fields["rule_hash"], _findings(fields["routes"]))
        if fields["verdict"] != verdict:
            raise ValueError(f"its verdict is {fields['verdict']!r}, its exit code says {verdict}")
        if not isinstance(found.rule, str) or not found.rule:
            raise ValueError("it does not name its stop rule")
        return found
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"no report: {type(error).__name__}: {error}") from None


def _findings(routes: Dict[str, Any]) -> Dict[str, Finding]:
    found = {}
    for route, fields in routes.items():
        reasons: List[str] = list(map(str, fields["reasons"]))
        if fields["verdict"] not in CODES.values():
            raise ValueError(f"{route}: a verdict of {fields['verdict']!r}")
        found[route] = Finding(fields["verdict"], tuple(reasons))
    return found
