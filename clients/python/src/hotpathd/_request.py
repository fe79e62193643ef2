"""What goes out with a call: its head, its id, its trace.

All but the id, the trace and the time left is the same from call to call, and written once.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
import sys
from typing import Any, Callable, Dict, Optional, Tuple

from . import _fork, _json
from ._failure import of_callback
from ._transport import Request, head_of

_CALLER = re.compile(r"[ -~]{1,64}")
_ID = re.compile(r"[!-~]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{1,200})?")
_log = logging.getLogger("hotpathd")


class _Ids:
    """A random half for each process, and a number."""

    def __init__(self) -> None:
        self.after_fork()
        _fork.register(self)

    def after_fork(self) -> None:
        self._prefix = os.urandom(8).hex()
        self._numbers = itertools.count(1)

    def make(self) -> str:
        return f"{self._prefix}{next(self._numbers):016x}"


_ids = _Ids()


def id_of(given: Optional[str]) -> str:
    """The caller's own, where it is one, else a new one."""
    if given is None or not isinstance(given, str) or not _ID.fullmatch(given):
        return _ids.make()
    return given


class Writer:
    """Requests of one client."""

    def __init__(
        self, host: str, caller: Optional[str], trace: Optional[Callable[[], Optional[str]]]
    ) -> None:
        self.headers = {"Host": host, **_caller_header(caller)}
        self._trace = trace or _opentelemetry
        self._heads: Dict[Tuple[str, str], str] = {}  # of a route in a mode, as far as they go

    def traceparent(self, given: Optional[str]) -> Optional[str]:
        if given is None:
            try:
                given = self._trace()
            except Exception as error:  # the user's hook, or a library's: a call goes on without
                _log.debug("no traceparent: %s", type(error).__name__)
        if given is None:
            return None
        return given if isinstance(given, str) and _TRACEPARENT.fullmatch(given) else None

    def request(
        self, route: str, mode: str, request_id: str, traceparent: Optional[str], body: bytes
    ) -> Request:
        head = self._heads.get((route, mode)) or self._head(route, mode)
        trace = f"traceparent: {traceparent}\r\n" if traceparent else ""
        return Request(f"{head}X-Request-Id: {request_id}\r\n{trace}", body)

    def _head(self, route: str, mode: str) -> str:
        headers = {**self.headers, "Content-Type": "application/json", "X-Hotpath-Mode": mode}
        head = self._heads[route, mode] = head_of("POST", f"/v1/{route}", headers)
        return head


def encode(body: Any) -> bytes:
    """Failure("contract") where JSON cannot hold it."""
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    try:
        return _json.dumps(body)
    except Exception as error:
        raise of_callback("contract", error) from None


def _caller_header(caller: Optional[str]) -> Dict[str, str]:
    if caller is None:
        return {}
    if not _CALLER.fullmatch(caller):
        raise ValueError("caller: 1 to 64 printable ASCII characters")
    return {"X-Hotpath-Caller": caller}


def _opentelemetry() -> Optional[str]:
    """The current span, where the service uses OpenTelemetry: importing it is left to the service."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
