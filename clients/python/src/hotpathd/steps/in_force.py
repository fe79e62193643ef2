"""Whether a daemon has the new switch: its /v1/rollout is asked until it says so."""

from __future__ import annotations

import json
import time

from .._address import find
from .._budget import Budget
from .._failure import Failure
from .._rollout import parse_routes
from .._transport import Request, Transport, head_of
from .problem import Unusable
from .switch import Switch

PATIENCE_S = 5.0
_ASK_S = 1.0
_PAUSE_S = 0.05


def wait(url: str, route: str, to: Switch, patience_s: float = PATIENCE_S) -> float:
    """The seconds it took; Unusable where it did not come."""
    try:
        address = find(url)
        transport = Transport(address, time.monotonic)
    except ValueError as error:
        raise Unusable(str(error)) from None
    began = time.monotonic()
    try:
        while True:
            said = _ask(transport, address.host, route)
            took = time.monotonic() - began
            if said == str(to):
                return took
            if took >= patience_s:
                raise Unusable(f"{url} does not have it after {took:.1f} s: {route} is {said} there")
            time.sleep(_PAUSE_S)
    finally:
        transport.close()


def _ask(transport: Transport, host: str, route: str) -> str:
    try:
        reply = transport.exchange(Request(head_of("GET", "/v1/rollout", {"Host": host})), Budget(_ASK_S, time.monotonic, time.monotonic()))
        found = parse_routes(json.loads(bytes(reply.body))["routes"])[route]
    except Failure as failure:
        return f"not known ({failure.reason} {failure.detail})".replace(" )", ")")
    except (ValueError, KeyError, TypeError) as error:
        return f"not known ({type(error).__name__})"
    return str(Switch(found.mode, found.percent if found.mode == "canary" else None))
