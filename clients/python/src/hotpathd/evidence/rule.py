"""rollout.yaml: prices, traffic, the stop rule and the steps. Unknown keys are refused with file:line.

The stop rule is hashed in its canonical form (JSON, sorted keys, defaults filled in), so that a report shows by
which rule it judged, and a rule that was changed half-way is seen.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Dict, List, Optional, Tuple

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

_HOLD = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class BadRule(Exception):
    """file:line: what is wrong."""


@dataclass
class StopRule:
    metric: str = "total_ms"
    quantile: float = 0.95
    regression: float = 0.10
    alpha: float = 0.05
    power: float = 0.90
    minimum_sample: int = 500
    look_every: float = 3600.0
    max_fallback_rate: float = 0.01
    max_mismatch_rate: float = 0.001

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass
class Prices:
    currency: str = ""
    vcpu_hour: Optional[float] = None
    gib_month: Optional[float] = None


@dataclass
class Traffic:
    requests_per_month: Optional[float] = None


@dataclass
class Step:
    mode: str = "shadow"
    percent: float = 100.0
    hold: float = 0.0


@dataclass
class Rollout:
    replicas: Optional[int] = None
    prices: Prices = field(default_factory=Prices)
    stop_rule: StopRule = field(default_factory=StopRule)
    routes: Dict[str, Traffic] = field(default_factory=dict)
    steps: List[Step] = field(default_factory=list)


def share(value: Any) -> float:
    """0.1 or 10%."""
    if isinstance(value, str) and value.endswith("%"):
        value = float(value[:-1]) / 100
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise ValueError("expected a share between 0 and 1, or like 10%")
    return float(value)


def seconds(value: Any) -> float:
    match = _HOLD.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected a time like 30s, 10m, 1h or 2d")
    return float(match[1]) * _SECONDS[match[2]]


def number(least: float, most: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise ValueError(f"expected a number from {least:g} to {most:g}")
        return float(value)

    return read


def whole(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(value)

    return read


def one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        value = {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
        if value not in words:
            raise ValueError(f"expected one of {', '.join(words)}")
        return str(value)

    return read


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a word")
    return str(value)


Reader = Callable[[Any], Any]
_STOP: Dict[str, Reader] = {
    "metric": one_of("total_ms"),
    "quantile": share,
    "regression": share,
    "alpha": share,
    "power": share,
    "minimum_sample": whole(50, 10**9),
    "look_every": seconds,
    "max_fallback_rate": share,
    "max_mismatch_rate": share,
}
_PRICES: Dict[str, Reader] = {"currency": text, "vcpu_hour": number(0, 1e6), "gib_month": number(0, 1e6)}
_TRAFFIC: Dict[str, Reader] = {"requests_per_month": number(0, 1e15)}
_STEP: Dict[str, Reader] = {"mode": one_of("off", "shadow", "canary", "on"), "percent": number(0, 100), "hold": seconds}
_TOP = ("version", "replicas", "prices", "stop_rule", "routes", "steps")


def read(path: str) -> Rollout:
    try:
        with open(path, encoding="utf-8") as file:
            tree = YAML().load(file)
    except OSError as error:
        raise BadRule(f"{path}: {error.strerror}") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadRule(f"{path}:{line}: {error.problem}") from None
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise BadRule(f"{path}: not YAML: {type(error).__name__}") from None
    return _Reader(path).rollout(tree)


class _Reader:
    def __init__(self, path: str) -> None:
        self._path = path

    def rollout(self, tree: Any) -> Rollout:
        self._keys(tree, _TOP, None)
        self._field(tree, "version", whole(1, 1))
        routes = tree.get("routes") or CommentedMap()
        if not isinstance(routes, CommentedMap):
            self._bad(tree, "routes", "expected a mapping")
        steps = tree.get("steps") or CommentedSeq()
        if not isinstance(steps, CommentedSeq):
            self._bad(tree, "steps", "expected a list")
        return Rollout(
            replicas=self._field(tree, "replicas", whole(1, 10**7)),
            prices=Prices(**self._fields(tree, "prices", _PRICES)),
            stop_rule=StopRule(**self._fields(tree, "stop_rule", _STOP)),
            routes={str(name): Traffic(**self._fields(routes, name, _TRAFFIC)) for name in routes},
            steps=[Step(**self._fields(steps, at, _STEP)) for at in range(len(steps))],
        )

    def _fields(self, parent: Any, name: Any, readers: Dict[str, Reader]) -> Dict[str, Any]:
        if isinstance(parent, CommentedMap) and name not in parent:
            return {}
        node = parent[name]
        self._keys(node, tuple(readers), (parent, name))
        return {key: self._field(node, key, readers[key]) for key in node}

    def _field(self, node: Any, key: str, reader: Reader) -> Any:
        if key not in node:
            return None
        try:
            return reader(node[key])
        except ValueError as error:
            self._bad(node, key, str(error))

    def _keys(self, node: Any, known: Tuple[str, ...], where: Optional[Tuple[Any, Any]]) -> None:
        if not isinstance(node, CommentedMap):
            if where is None:
                raise BadRule(f"{self._path}:1: expected a mapping")
            self._bad(*where, "expected a mapping")
        for key in node:
            if key not in known:
                self._bad(node, key, f"unknown; known are {', '.join(known)}")

    def _bad(self, node: Any, key: Any, what: str) -> Any:
        line = (node.lc.key(key) if isinstance(node, CommentedMap) else node.lc.item(key))[0] + 1
        raise BadRule(f"{self._path}:{line}: {key}: {what}")
