"""The report, over the events since a moment, its JSON read: hotpathd's own, or a program.

    COMMAND EVENTS... --config RULES --since MOMENT --json FILE

ends with 0 GO, 10 HOLD, 20 NO-GO or 30 ROLLBACK. A team's own program can take its place: what is read is
{"verdict": "GO", "rule_hash": "...", "routes": {"chunk": {"verdict": "GO", "reasons": ["..."]}}}.

Our own runs in a child of this process, which has loaded its libraries: they take longer than a look at a day's events.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .. import _extras
from .problem import Unusable
from .times import moment

CODES = {0: "GO", 10: "HOLD", 20: "NO-GO", 30: "ROLLBACK"}
_MOST_WORDS = 500
_PREFIX = "hotpathd-rollout."
_STALE = 6  # times what a report may take


class Finding(NamedTuple):
    verdict: str
    reasons: Tuple[str, ...]


class Report(NamedTuple):
    text: bytes
    digest: str
    rule: str
    routes: Dict[str, Finding]


def run(command: Sequence[str], events: Sequence[str], rules: Path, since: float, timeout_s: float, looks: int = 0) -> Report:
    """`looks`: a guard's, which share alpha; of our own report."""
    arguments = [*events, "--config", str(rules), "--since", moment(since), "--json"]
    if command:
        code, words, made = _program([*command, *arguments], timeout_s)
    else:
        code, words, made = _child(["--quiet", *(["--looks", str(looks)] if looks else []), *arguments, "-"], timeout_s)
    name = command[0] if command else "hotpathd-report"
    if code not in CODES:
        raise Unusable(f"no report: {name} ended with {code}: {words.strip()[-_MOST_WORDS:]}")
    if made is None:
        raise Unusable(f"no report: {name} wrote none")
    return parsed(made, CODES[code])


Said = Tuple[int, str, Optional[bytes]]  # the exit code, what it complained of, its JSON


def _program(command: Sequence[str], timeout_s: float) -> Said:
    """Its JSON needs a file's name. What was left by runs that were killed goes with the next one."""
    _clean(timeout_s)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        made = Path(folder) / "report.json"
        try:
            said = subprocess.run([*command, str(made)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=timeout_s)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unusable(f"no report: {error}") from None
        return said.returncode, said.stderr.decode("utf-8", "replace"), made.read_bytes() if made.is_file() else None


def _clean(timeout_s: float) -> None:
    """Our own folders that are older than any report takes."""
    for left in Path(tempfile.gettempdir()).glob(_PREFIX + "*"):
        with contextlib.suppress(OSError):
            about = left.lstat()
            if about.st_uid == os.getuid() and time.time() - about.st_mtime > _STALE * timeout_s:
                shutil.rmtree(left, ignore_errors=True)


def _child(arguments: Sequence[str], timeout_s: float) -> Said:
    """Into files without a name: nothing stays of a run that is killed."""
    try:
        from ..evidence import command
    except ImportError as missing:
        raise Unusable(f"no report: {missing}; {_extras.install('report')}") from None
    with tempfile.TemporaryFile() as made, tempfile.TemporaryFile() as words:
        child = multiprocessing.get_context("fork").Process(target=_run, args=(command.main, arguments, made.fileno(), words.fileno()))
        child.start()
        child.join(timeout_s)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise Unusable(f"no report: none after {timeout_s:g} s")
        made.seek(0)
        words.seek(0)
        return child.exitcode or 0, words.read().decode("utf-8", "replace"), made.read()


def _run(main: Callable[[Sequence[str]], int], arguments: Sequence[str], made: int, words: int) -> None:
    sys.stdout = open(made, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(words, "w", encoding="utf-8", buffering=1, closefd=False)  # to the end of the process: an exception is told there, too
    sys.exit(main(arguments))


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
