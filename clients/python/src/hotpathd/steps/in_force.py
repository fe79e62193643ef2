"""Whether a daemon has the new switch: it is asked until it says so."""

from __future__ import annotations

import json
import time
from typing import Any, Dict, Sequence

from .._address import Address, find
from .._budget import Budget
from .._failure import Failure
from .._rollout import read
from .._transport import Request, Transport, head_of
from .problem import Unusable
from .switch import Switch

PATIENCE_S = 5.0
_ASK_S = 1.0
_PAUSE_S = 0.05


class _Refused(Unusable):
    """An answer, and not a 200."""


def wait(url: str, route: str, to: Switch, patience_s: float = PATIENCE_S) -> float:
    """The seconds it took; Unusable where it did not come."""
    _address(url)
    began = time.monotonic()
    while True:
        said = _ask(url, route)
        took = time.monotonic() - began
        if said == str(to):
            return took
        if took >= patience_s:
            raise Unusable(f"{url} does not have it after {took:.1f} s: {route} is {said} there")
        time.sleep(_PAUSE_S)


def routes(url: str) -> Sequence[str]:
    """All that the daemon has."""
    try:
        return sorted(_switches(url))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"{url} names no routes ({type(error).__name__})") from None


def get(url: str, path: str) -> bytes:
    """The body of a 200; else Unusable."""
    address = _address(url)
    transport = Transport(address, time.monotonic)
    try:
        reply = transport.exchange(Request(head_of("GET", path, {"Host": address.host})), Budget(_ASK_S, time.monotonic, time.monotonic()))
    except Failure as failure:
        raise Unusable(f"{failure.reason} {failure.detail}".rstrip()) from None
    finally:
        transport.close()
    if reply.status != 200:
        raise _Refused(f"{path}: status {reply.status}")
    return bytes(reply.body)


def _address(url: str) -> Address:
    try:
        return find(url)
    except ValueError as error:
        raise Unusable(str(error)) from None


def _switches(url: str) -> Dict[str, str]:
    """By route. An admin address has no /v1/rollout; its status knows modes, and no shares."""
    try:
        found = read(get(url, "/v1/rollout")).routes
        return {name: str(Switch(route.mode, route.percent if route.mode == "canary" else None)) for name, route in found.items()}
    except _Refused:
        status: Any = json.loads(get(url, "/-/status"))["routes"]
        return {name: str(route["mode"]) for name, route in status.items()}


def _ask(url: str, route: str) -> str:
    try:
        return _switches(url)[route]
    except Unusable as problem:
        return f"not known ({problem})"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"not known ({type(error).__name__})"
