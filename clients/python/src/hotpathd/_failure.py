"""Why a call did not get its result from the sidecar: a closed set of words.

One table serves the code, the README and whoever counts: a new reason is a row.
"""

from __future__ import annotations

import os
import re
from typing import Dict, Tuple, Union

from . import _json

# reason: (outcome, when)
REASONS: Dict[str, Tuple[str, str]] = {
    "off": ("legacy", "the kill switch, mode off, a route the rollout does not name, a closed client"),
    "bad_config": ("legacy", "Go: settings that make no sense (Python raises when the client is made)"),
    "no_rollout": ("legacy", "no answer of /v1/rollout yet"),
    "canary": ("legacy", "mode canary, and this key is not in the share"),
    "breaker_open": ("legacy", "the sidecar failed too often of late; it is tried again in a moment"),
    "shadow": ("legacy", "mode shadow: the old result, and no comparison for this call"),
    "shadow_dropped": ("legacy", "mode shadow, and the queue of comparisons was full, or the client closed meanwhile"),
    "noise": ("legacy", "mode shadow: the old code was compared with itself"),
    "timeout": ("fallback", "the budget passed, here or in the daemon (504, or it hung up by then)"),
    "connect": ("fallback", "no connection, or it was lost before the reply was whole"),
    "overloaded": ("fallback", "429: the daemon has too much to do"),
    "route_off": ("fallback", "503: the daemon's route is off"),
    "draining": ("fallback", "503: the daemon is stopping"),
    "contract": ("fallback", "400, 413, 415, 422, or the request could not be made"),
    "http_4xx": ("fallback", "any other 4xx: most often a wrong address"),
    "http_5xx": ("fallback", "any other 5xx"),
    "bad_reply": ("fallback", "a redirect, broken HTTP or JSON, or `reply` raised"),
    "cancelled": ("fallback", "the caller gave up: the old code was not run"),
    "bad_compare": ("ok", "mode shadow: both results are there, and comparing them failed"),
}

_BY_STATUS = {
    400: "contract",
    413: "contract",
    415: "contract",
    422: "contract",
    429: "overloaded",
    504: "timeout",
}
_BY_CODE_OF_503 = {"route_off": "route_off", "draining": "draining"}
_BY_CLASS = {4: "http_4xx", 5: "http_5xx"}
_MAX_PROBLEM_BYTES = 64 * 1024  # ours are below one; reading is not within anybody's budget
_CODE = re.compile(r"[a-z0-9_]{1,64}")


class Failure(Exception):
    """The sidecar gave no result. `detail` never holds a byte of a document."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    @property
    def outcome(self) -> str:
        return REASONS[self.reason][0]


def of_status(status: int, body: Union[bytes, bytearray]) -> Failure:
    """The failure that a reply other than 200 stands for."""
    code = _problem_code(body)
    detail = f"{status} {code}".rstrip()
    if status == 503:
        return Failure(_BY_CODE_OF_503.get(code, "http_5xx"), detail)
    reason = _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, "bad_reply")
    return Failure(reason, detail)


def of_callback(reason: str, error: Exception) -> Failure:
    """What the caller's own function raised, told by type and place: its words may quote a document."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return Failure(reason, type(error).__name__)
    file = os.path.basename(trace.tb_frame.f_code.co_filename)
    return Failure(reason, f"{type(error).__name__} at {file}:{trace.tb_lineno}")


def _problem_code(body: Union[bytes, bytearray]) -> str:
    if len(body) > _MAX_PROBLEM_BYTES:
        return ""
    try:
        problem = _json.strict_loads(body)
    except (ValueError, RecursionError):
        return ""
    code = problem.get("code") if isinstance(problem, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
