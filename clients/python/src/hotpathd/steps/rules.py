"""What a plan takes from rollout.yaml, by the report's own reader: the stop rule's hash, and the steps."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple

from .problem import Unusable


def load(path: Path) -> Tuple[str, Tuple[str, ...]]:
    from ..evidence import rules

    try:
        law = rules.load(str(path))
    except rules.Unusable as problem:
        raise Unusable(str(problem)) from None
    return law.hash, law.steps
