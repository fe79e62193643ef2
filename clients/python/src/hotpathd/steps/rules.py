"""What a plan takes from rollout.yaml, the report's configuration: the stop rule's hash, and the steps."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .problem import Unusable


def rule_hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
