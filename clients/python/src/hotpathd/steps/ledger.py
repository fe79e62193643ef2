"""Every change, one JSON object a line, in a file beside the plan; and the change that is under way.

Before the file is edited the entry is put down as pending, after it the entry goes into the ledger. Whoever finds a
pending one knows that a run was cut short between the two.
"""

from __future__ import annotations

import errno
import getpass
import json
import os
import socket
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import plan as plans
from .problem import Unusable
from .switch import Switch, from_fields
from .times import from_moment, moment

LEDGER, PENDING, OWED, REPORTS = ".ledger.jsonl", ".pending.json", ".unapplied", ".reports"
BEGIN, UP, DOWN, ROLLBACK, OFF, RESTORE, RESUME = "begin", "up", "down", "rollback", "off", "restore", "resume"
KINDS = (BEGIN, UP, DOWN, ROLLBACK, OFF, RESTORE, RESUME)


class Entry(NamedTuple):
    at: float
    route: str
    what: str
    before: Switch
    after: Switch
    verdict: str = ""
    why: Tuple[str, ...] = ()
    report: str = ""  # sha256 of the report that justified it
    rule: str = ""  # hash of its stop rule
    notes: Tuple[str, ...] = ()

    def line(self) -> str:
        return json.dumps(
            {
                "v": plans.VERSION,
                "ts": moment(self.at),
                "route": self.route,
                "what": self.what,
                "from": self.before.fields(),
                "to": self.after.fields(),
                "verdict": self.verdict or None,
                "why": self.why,
                "report": self.report or None,
                "rule": self.rule or None,
                "notes": self.notes,
                "by": _by(),
            },
            ensure_ascii=False,
        )


def read(path: Path) -> List[Entry]:
    """All whole lines. A last one without its end was never whole: it does not count."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    lines = data.split(b"\n")[:-1]
    return [_entry(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def append(path: Path, entry: Entry) -> None:
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        if torn:
            os.ftruncate(fd, _whole(fd, size))
        line = (entry.line() + "\n").encode(errors="backslashreplace")
        if os.write(fd, line) < len(line):  # a full disk takes what it can
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(fd)
    finally:
        os.close(fd)


def set_pending(path: Path, entry: Entry) -> None:
    plans.replace(path, entry.line() + "\n")


def pending(path: Path) -> Optional[Entry]:
    try:
        return _entry(path.read_bytes(), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None


def keep_report(folder: Path, digest: str, text: bytes) -> None:
    """The report behind a hash of the ledger."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{digest}.json"
    if not path.exists():
        plans.replace(path, text.decode("utf-8", "replace"))


def _whole(fd: int, size: int) -> int:
    return os.pread(fd, size, 0).rfind(b"\n") + 1


def _entry(line: bytes, place: str) -> Entry:
    try:
        fields: Dict[str, Any] = json.loads(line)
        what = fields["what"]
        if what not in KINDS or fields["v"] != plans.VERSION:
            raise ValueError(f"{what!r} is not known here")
        return Entry(
            at=from_moment(fields["ts"]),
            route=str(fields["route"]),
            what=what,
            before=from_fields(fields["from"]),
            after=from_fields(fields["to"]),
            verdict=fields["verdict"] or "",
            why=tuple(fields["why"]),
            report=fields["report"] or "",
            rule=fields["rule"] or "",
            notes=tuple(fields["notes"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError, Unusable) as error:
        raise Unusable(f"{place}: no entry of a ledger: {error}") from None


def _by() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
