"""Which calls take the new path: the kill switch, a route's mode, and a key's place in the canary.

The canary's hash is the contract's, the same in every client: a document takes the same path in
each language, and raising the percentage only adds.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from typing import Callable, Dict, FrozenSet, Mapping, NamedTuple, Optional, Union

from . import _json

Key = Union[str, bytes, int, None]  # a number stands for its digits
Modes = Mapping[str, Union[str, Mapping[str, object]]]

MODES = ("off", "shadow", "canary", "on")
BUCKETS = 10000
DEFAULT_DEADLINE_S = 0.25
_MAX_DEADLINE_MS = 86_400_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SURROGATE = re.compile("[\ud800-\udfff]")  # which other languages' strings cannot hold
_ALL = frozenset({"1", "true", "yes", "on", "all"})
_NONE = frozenset({"", "0", "false", "no"})
_dice = random.SystemRandom()  # the caller's seeded generator is not ours to turn


class Route(NamedTuple):
    """One route's switches."""

    mode: str
    percent: float
    deadline_s: float
    salt: str
    shadow_percent: float = 100.0


class KillSwitch:
    """$HOTPATHD_OFF: 1 (or true, yes, on, all) for every route, or names between commas."""

    def __init__(self, text: str) -> None:
        word = text.strip().lower()
        self._all = word in _ALL
        names = () if word in _NONE else (name.strip() for name in word.split(","))
        self._names: FrozenSet[str] = frozenset(names)

    def covers(self, route: str) -> bool:
        return self._all or route in self._names


def refusal(name: str, route: Route, key: Callable[[], Key]) -> str:
    """The reason for which a call keeps to the old path, or ""."""
    mode = route.mode
    if mode == "on":
        return ""
    if mode == "canary" and is_in(bucket(name, route.salt, key()), route.percent):
        return ""
    return mode


def key_hash(salt: str, key: Union[str, bytes]) -> str:
    """How an event names a key without telling it."""
    return hashlib.sha256(_bytes(salt) + b"\0" + _bytes(key)).hexdigest()[:16]


def as_key(given: Key) -> Union[str, bytes, None]:
    return str(given) if isinstance(given, int) else given


def bucket(route: str, salt: str, key: Key) -> int:
    """The contract's: SHA-256(route 0 salt 0 key), first 8 bytes, big endian, modulo 10000.

    A missing key is drawn at random. Vectors: docs/canary-vectors.json.
    """
    key = as_key(key)
    if key is None:
        return _dice.randrange(BUCKETS)
    if isinstance(key, str):
        message = _bytes(f"{route}\0{salt}\0{key}")
    else:
        message = b"\0".join((_bytes(route), _bytes(salt), _bytes(key)))
    return int.from_bytes(hashlib.sha256(message).digest()[:8], "big") % BUCKETS


def is_in(number: int, percent: float) -> bool:
    """Whether a bucket is in the share; two decimals of percent count."""
    return number < math.floor(percent * 100 + 0.5)


class Rollout(NamedTuple):
    """What is to be known of an answer."""

    routes: Dict[str, Route]
    poll_s: float  # what it asks for; 0: nothing


def read(body: Union[bytes, bytearray]) -> Rollout:
    """ValueError (or RecursionError) when it is not the contract's: RFC 8259, numbers of a double's
    range, and everything here of its type and range. Members that are not known are passed over."""
    answer = _json.strict_loads(body)
    routes = answer.get("routes") if isinstance(answer, dict) else None
    if not isinstance(routes, dict):
        raise ValueError("routes: expected an object")
    poll_s = answer.get("poll_s")  # a hint: no reason to refuse the rest
    return Rollout(
        {_name(name): _route(name, fields) for name, fields in routes.items()},
        poll_s if isinstance(poll_s, float) and poll_s > 0 else 0.0,
    )


def pin(modes: Modes) -> Dict[str, Route]:
    """Modes that the caller gives: a word, or a mapping like a route of the rollout answer."""
    routes: Dict[str, Route] = {}
    for name, given in modes.items():
        if given == "canary":
            raise ValueError(f"{name}: a canary needs {{'mode': 'canary', 'percent': N}}")
        fields = {"mode": given} if isinstance(given, str) else given
        if not isinstance(fields, Mapping):
            raise ValueError(f"{name}: expected a mode or a mapping")
        if fields.get("mode") not in MODES:
            raise ValueError(f"{name}: mode is one of {', '.join(MODES)}")
        defaults = {"percent": 100, "deadline_ms": DEFAULT_DEADLINE_S * 1000, "salt": name}
        routes[_name(name)] = _route(name, {**defaults, **fields})
    return routes


def _bytes(text: Union[str, bytes]) -> bytes:
    # A lone surrogate is no UTF-8; it must still land somewhere, as a call never raises.
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _name(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("a route's name is made of a-z, 0-9, _ and -")
    return name


def _route(name: str, fields: object) -> Route:
    if not isinstance(fields, Mapping):
        raise ValueError(f"{name}: expected an object")
    mode, salt = fields.get("mode"), fields.get("salt")
    if not isinstance(mode, str):
        raise ValueError(f"{name}: mode is a string")
    if not isinstance(salt, str):
        raise ValueError(f"{name}: salt is a string")
    percent = _number(name, fields, "percent", 0, 100)
    deadline_ms = _number(name, fields, "deadline_ms", 1, _MAX_DEADLINE_MS)
    shadow_percent = 100.0
    if "shadow_percent" in fields:
        shadow_percent = _number(name, fields, "shadow_percent", 0, 100)
    if mode not in MODES:
        mode = "off"  # one that a later version may know: this route's alone, the rest is followed
    return Route(mode, percent, deadline_ms / 1000, _SURROGATE.sub("\ufffd", salt), shadow_percent)


def _number(
    name: str, fields: Mapping[str, object], field: str, least: float, most: float
) -> float:
    value = fields.get(field)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name}: {field} is a number")
    if not least <= value <= most:
        raise ValueError(f"{name}: {field} is {least} to {most}")
    return float(value)
