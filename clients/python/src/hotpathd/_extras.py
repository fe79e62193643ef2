"""Libraries that only a part of the package needs, and how they come: it is installed from a clone, as no index has it."""

from __future__ import annotations


def install(extra: str) -> str:
    return f"in a clone of hotpathd: pip install './clients/python[{extra}]'"
