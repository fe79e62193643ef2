"""The last resort where the configuration cannot be edited: the file that switches every route off by being there.

Its name is the one that is given, in the command or the plan; else what a daemon says of the configuration in force
(--url, where that is its admin address); else what the broken file still says. It is never guessed: the default's file
may be another daemon's.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Callable, Iterator, Sequence, Tuple

from . import in_force
from .problem import Unusable
from .switch import OFF

DEFAULT = "/run/hotpathd/off"
_LINE = re.compile(rb"^[ \t]*kill_switch:[ \t]*(\"[^\"\n]+\"|'[^'\n]+'|[^\s#\"'][^\s#]*)", re.MULTILINE)
_WAIT_S = 3.0  # the daemon looks each second


def pull(problem: str, named: str, file: str, url: str, routes: Sequence[str], say: Callable[[str], None]) -> bool:
    """Whether every route is off, as far as can be told."""
    say(f"off failed: {problem}")
    if any(_made(path, source, say) and _is_off(url, routes, say) for path, source in _names(named, file, url)):
        return True
    say(
        "not off yet. The file that kill_switch of the configuration names switches every route off without an edit: "
        f"hotpathd-rollout off --kill-switch {DEFAULT} (or touch {DEFAULT}; that is the default)"
    )
    return False


def _names(named: str, file: str, url: str) -> Iterator[Tuple[str, str]]:
    if named:
        yield named, "as it was named"
        return
    if found := _of_daemon(url):
        yield found, f"as {url} says"
    if found := _of_file(file):
        yield found, f"as {file} says"


def _made(path: str, source: str, say: Callable[[str], None]) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o644))
    except OSError as error:
        say(f"the kill switch {path} ({source}): {error.strerror}; as its owner: touch {path}")
        return False
    say(f"every route is off by the kill switch, until {path} ({source}) is removed")
    return True


def _of_file(file: str) -> str:
    try:
        return _said(Path(file).read_bytes())
    except OSError:
        return ""  # that it cannot be read is the problem that was said


def _of_daemon(url: str) -> str:
    try:
        return _said(in_force.get(url, "/-/config")) if url else ""
    except Unusable:
        return ""  # its data address has no such page


def _said(text: bytes) -> str:
    found = _LINE.search(text)
    return os.fsdecode(found[1].strip(b"\"'")) if found else ""


def _is_off(url: str, routes: Sequence[str], say: Callable[[str], None]) -> bool:
    """Of a daemon at `url`; without one that has to be believed."""
    if not url:
        return True
    began = time.monotonic()
    try:
        for route in routes or in_force.routes(url):
            in_force.wait(url, route, OFF, _WAIT_S)
    except Unusable as problem:
        say(f"{problem}; its kill_switch may be another file")
        return False
    say(f"in force after {time.monotonic() - began:.2f} s")
    return True
