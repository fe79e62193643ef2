"""The commands, as far as they go without their libraries. `python -m hotpathd.evidence` is hotpathd-report."""

from __future__ import annotations

import sys

from .. import _extras

UNUSABLE = 2


def report() -> int:
    return _run("report")


def baseline() -> int:
    return _run("baseline")


def _run(name: str) -> int:
    try:
        from . import command
    except ImportError as missing:
        print(f"hotpathd-{name}: {missing}; {_extras.install('report')}", file=sys.stderr)
        return UNUSABLE
    return command.main() if name == "report" else command.baseline()


if __name__ == "__main__":
    sys.exit(report())
