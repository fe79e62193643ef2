"""A rule that changes half-way is no rule: what earlier reports and the rollout's ledger went by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List, Optional, Sequence

from .rules import Rules, Unusable


def changes(rules: Rules, previous: Sequence[str], ledger: Optional[str]) -> List[str]:
    """Why there can be no GO: other rules, and where they were used."""
    found = []
    for path in previous:
        found += _differs(rules, _read(path), "rule_hash", path)
    if ledger is not None:
        for number, line in enumerate(_text(ledger).splitlines(), 1):
            place = f"{ledger}:{number}"
            found += _differs(rules, _parsed(line, place), "rule", place)
    return found[:3]


def _differs(rules: Rules, fields: Any, name: str, place: str) -> List[str]:
    before = fields.get(name) if isinstance(fields, dict) else None
    if before is None or before == rules.hash:
        return []
    return [f"the stop rule was changed half-way: {place} went by {str(before)[:12]}, this is {rules.hash[:12]}"]


def _read(path: str) -> Any:
    fields = _parsed(_text(path), path)
    if not isinstance(fields, dict) or "rule_hash" not in fields:
        raise Unusable(f"{path}: no report of hotpathd-report")
    return fields


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unusable(f"{path}: not UTF-8") from None


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unusable(f"{place}: not JSON") from None
