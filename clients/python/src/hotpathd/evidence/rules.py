"""rollout.yaml: prices, traffic, and what is decided before the test.

Every key is a row of `_KEYS`; another key, or a value of another kind, is refused by file and line. The rule's
hash is of what the stop rule says, defaults and all: a comment, the order of keys or 5% for 0.05 does not change it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import yaml


class Unusable(Exception):
    """Input with which no report can be made, told in one line."""


@dataclass(frozen=True)
class Prices:
    """Inputs, never guessed: without them nothing is said of money."""

    currency: str = "USD"
    vcpu_hour: Optional[float] = None
    gib_month: Optional[float] = None


@dataclass(frozen=True)
class Stop:
    """When the test ends, and how. Rates are shares, 0.01 is 1 %."""

    metric: str = "p95"  # of what callers waited
    regression: float = 0.10  # that much more of it is harm
    alpha: float = 0.05  # of false alarms, over all looks
    power: float = 0.90  # to see that regression
    minimum: int = 1000  # calls of the new path before any GO
    calls: Optional[int] = None  # of the new path, planned; None: as many as the old path's latencies ask for
    fallbacks: float = 0.01  # of calls that asked the sidecar
    mismatches: float = 0.001  # of comparisons
    dropped: float = 0.01  # of events


@dataclass(frozen=True)
class Answers:
    """What no event can tell; None: not answered yet."""

    stable_contract: Optional[bool] = None
    owner: Optional[bool] = None
    cpu_bound: Optional[bool] = None


@dataclass(frozen=True)
class Rules:
    prices: Prices = Prices()
    stop: Stop = Stop()
    answers: Answers = Answers()
    requests_per_month: Dict[str, float] = field(default_factory=dict)  # by route; "" stands for all
    replicas: int = 1
    cpu_share: Dict[str, float] = field(default_factory=dict)  # of the process, by a profiler
    steps: Tuple[str, ...] = ()
    file: str = ""

    @property
    def hash(self) -> str:
        """SHA-256 of the stop rule as canonical JSON: all members, by name, no blanks."""
        return hashlib.sha256(json.dumps(asdict(self.stop), sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def requests(self, route: str) -> Optional[float]:
        return self.requests_per_month.get(route, self.requests_per_month.get(""))

    def share_of_cpu(self, route: str) -> Optional[float]:
        return self.cpu_share.get(route, self.cpu_share.get(""))


def load(path: str) -> Rules:
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    return parse(text, path)


def parse(text: bytes, path: str) -> Rules:
    try:
        root = yaml.compose(text.decode("utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise Unusable(f"{path}: not UTF-8 at byte {error.start}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise Unusable(f"{path}{line}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    except RecursionError:
        raise Unusable(f"{path}: nested too deeply") from None
    top = dict(_members(root, path, "", _KEYS)) if root is not None else {}
    return Rules(
        prices=Prices(**top.get("prices", {})),
        stop=Stop(**top.get("stop", {})),
        answers=Answers(**top.get("answers", {})),
        requests_per_month=top.get("requests_per_month", {}),
        replicas=top.get("replicas", 1),
        cpu_share=top.get("cpu_share", {}),
        steps=top.get("steps", ()),
        file=path,
    )


Reader = Callable[[Any, str, str], Any]
_RATE = re.compile(r"([0-9.]+) *(%?)")
_STEP = re.compile(r"(shadow|on|[0-9]{1,3}(\.[0-9]{1,2})?) *= *[0-9]+(\.[0-9]+)? *[smhd]?")


def _refuse(node: Any, path: str, words: str) -> Unusable:
    return Unusable(f"{path}:{node.start_mark.line + 1}: {words}")


def _scalar(node: Any, path: str, name: str, kind: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _refuse(node, path, f"{name}: {kind} is due")
    return str(node.value)


def _number(lowest: float, highest: float) -> Reader:
    def read(node: Any, path: str, name: str) -> float:
        text = _scalar(node, path, name, "a number").replace("_", "")
        try:
            value = float(text)
        except ValueError:
            raise _refuse(node, path, f"{name}: a number is due, not {text!r}") from None
        if not lowest <= value <= highest:
            raise _refuse(node, path, f"{name}: from {lowest:g} to {highest:g}, not {text}")
        return value

    return read


def _count(lowest: int, highest: int) -> Reader:
    def read(node: Any, path: str, name: str) -> int:
        value: float = _number(lowest, highest)(node, path, name)
        if value != int(value):
            raise _refuse(node, path, f"{name}: a whole number is due, not {node.value}")
        return int(value)

    return read


def _rate(highest: float = 1.0) -> Reader:
    def read(node: Any, path: str, name: str) -> float:
        text = _scalar(node, path, name, "a share").strip()
        found = _RATE.fullmatch(text)
        try:
            value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
        except ValueError:
            value = -1.0
        if not 0 < value <= highest:
            raise _refuse(node, path, f"{name}: a share as 5% or 0.05, above 0 and up to {highest:g}, not {text!r}")
        return value

    return read


def _word(*words: str) -> Reader:
    def read(node: Any, path: str, name: str) -> str:
        text = _scalar(node, path, name, "a word")
        if words and text not in words:
            raise _refuse(node, path, f"{name}: one of {', '.join(words)}, not {text!r}")
        return text[:16]

    return read


def _yes(node: Any, path: str, name: str) -> Optional[bool]:
    text = _scalar(node, path, name, "yes or no").lower()
    if text not in ("yes", "no", "true", "false", "", "null", "~"):
        raise _refuse(node, path, f"{name}: yes, no or nothing, not {text!r}")
    return {"yes": True, "true": True, "no": False, "false": False}.get(text)


def _by_route(read_one: Reader) -> Reader:
    """One value for all routes, or one for each."""

    def read(node: Any, path: str, name: str) -> Dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            return {"": read_one(node, path, name)}
        return {str(key.value): read_one(value, path, f"{name}.{key.value}") for key, value in node.value}

    return read


def _steps(node: Any, path: str, name: str) -> Tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise _refuse(node, path, f"{name}: a list is due, as in [shadow=24h, 1=1h]")
    for one in node.value:
        if not isinstance(one, yaml.ScalarNode) or not _STEP.fullmatch(one.value.strip()):
            raise _refuse(one, path, f"{name}: SHARE=HOLD is due, as in 5=6h or shadow=1d")
    return tuple(one.value.strip() for one in node.value)


def _section(keys: Dict[str, Reader]) -> Reader:
    def read(node: Any, path: str, name: str) -> Dict[str, Any]:
        return dict(_members(node, path, name, keys))

    return read


def _members(node: Any, path: str, name: str, keys: Dict[str, Reader]) -> Iterator[Tuple[str, Any]]:
    if not isinstance(node, yaml.MappingNode):
        raise _refuse(node, path, f"{name or 'the file'}: a mapping is due")
    seen: List[str] = []
    for key, value in node.value:
        word = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        full = f"{name}.{word}" if name else word
        if word not in keys:
            raise _refuse(key, path, f"no key named {full}; there are {', '.join(keys)}")
        if word in seen:
            raise _refuse(key, path, f"{full} is there twice")
        seen.append(word)
        yield word, keys[word](value, path, full)


_KEYS: Dict[str, Reader] = {
    "prices": _section({"currency": _word(), "vcpu_hour": _number(0, 1e6), "gib_month": _number(0, 1e6)}),
    "requests_per_month": _by_route(_number(0, 1e15)),
    "replicas": _count(1, 1_000_000),
    "cpu_share": _by_route(_rate()),
    "stop": _section({
        "metric": _word("p50", "p95", "p99"), "regression": _rate(10.0), "alpha": _rate(0.5), "power": _rate(0.9999),
        "minimum": _count(1, 10**12), "calls": _count(1, 10**12), "fallbacks": _rate(), "mismatches": _rate(), "dropped": _rate(0.01),
    }),
    "answers": _section({"stable_contract": _yes, "owner": _yes, "cpu_bound": _yes}),
    "steps": _steps,
}  # fmt: skip
