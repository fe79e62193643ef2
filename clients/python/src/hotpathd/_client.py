"""The client: one call is the sidecar within a budget, or the old code.

The promise, in one sentence: a call returns what `reply` or `fallback` returns, raises only what
`fallback` raises or what a signal handler threw in, and the sidecar delays it by at most its
budget.
"""

from __future__ import annotations

import functools
import inspect
import json
import logging
import os
import re
import threading
import time
from types import TracebackType
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Type, TypeVar, Union

from . import _address, _rollout
from ._budget import Budget
from ._failure import Failure, of_callback, of_status
from ._poller import Poller
from ._rollout import Key, Modes, Route
from ._transport import Request, Transport

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])

_CALLER = re.compile(r"[ -~]{1,64}")
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{1,200})?")
_log = logging.getLogger("hotpathd")


class Last(NamedTuple):
    """What became of a thread's latest call; all empty before the first one."""

    outcome: str = ""  # ok | fallback (asked, in vain) | legacy (not asked)
    reason: str = ""  # why not ok: a word of the table in the README
    path: str = ""  # whose result was returned: sidecar | legacy
    sidecar_ms: Optional[float] = None  # None: not asked
    legacy_ms: Optional[float] = None  # None: not run
    total_ms: float = 0.0
    request_id: str = ""  # the one in the daemon's log
    detail: str = ""  # for people: status and code, or type and place of an exception


_NO_CALL = Last()


class _Ask(NamedTuple):
    """One call as its caller wants it. `body` and `key` are made only where they are needed."""

    route: str
    body: Callable[[], Any]
    reply: Optional[Callable[[Any], Any]]
    key: Callable[[], Key]
    timeout: Optional[float]
    request_id: str
    traceparent: Optional[str] = None


class Client:
    """Calls one daemon. Make one for each process, at import if you like: it survives a fork, and
    any number of threads may share it.

    url          http://HOST:PORT or unix:PATH; default $HOTPATHD_URL, else the daemon's own places
    modes        pins routes, e.g. {"chunk": "on"}, instead of asking GET /v1/rollout
    caller       name/version of the calling service, for the daemon's logs and metrics
    poll_s       seconds between two looks at the rollout
    timeout      seconds a call may take; default: what the rollout says for the route
    """

    def __init__(
        self,
        url: Optional[str] = None,
        *,
        modes: Optional[Modes] = None,
        caller: Optional[str] = None,
        poll_s: float = 5.0,
        timeout: Optional[float] = None,
    ) -> None:
        self._clock = time.monotonic
        self._timeout = timeout
        self._headers = _caller_header(caller)
        self._off = _rollout.KillSwitch(os.environ.get("HOTPATHD_OFF", ""))
        self._local = threading.local()
        self._closed = False
        self._transport = Transport(_address.find(url), self._clock)
        self._pinned = None if modes is None else _rollout.pin(modes)
        self._poller: Optional[Poller] = None
        if modes is None:
            self._poller = Poller(self._transport, self._clock, poll_s, self._headers)
            self._poller.routes()

    def call(
        self,
        route: str,
        body: Any,
        *,
        fallback: Callable[[], T],
        reply: Optional[Callable[[Any], T]] = None,
        key: Key = None,
        timeout: Optional[float] = None,
        request_id: Optional[str] = None,
        traceparent: Optional[str] = None,
    ) -> T:
        """What `reply` makes of the sidecar's answer, or what `fallback` returns.

        body         anything that JSON can hold, or bytes that are JSON already
        reply        takes the parsed answer; left out, the answer is the result
        key          what a canary goes by: the same key takes the same path everywhere
        timeout      seconds for all of it: connect, write, wait and read
        request_id   printable ASCII, at most 128; made up if left out
        traceparent  W3C Trace Context, passed on
        """
        ask = _Ask(
            route=route,
            body=lambda: body,
            reply=reply,
            key=lambda: key,
            timeout=timeout,
            request_id=_request_id(request_id),
            traceparent=traceparent,
        )
        result: T = self._run(ask, fallback)
        return result

    def path(
        self,
        route: str,
        *,
        request: Callable[..., Any],
        reply: Optional[Callable[..., Any]] = None,
        key: Optional[Callable[..., Key]] = None,
        timeout: Optional[float] = None,
    ) -> Callable[[Function], Function]:
        """A decorator: the sidecar's path in front of a function, which becomes the fallback.

        `request` and `key` take the function's arguments; `reply` takes the parsed answer first
        and then the same arguments.
        """

        def decorate(function: Function) -> Function:
            if inspect.iscoroutinefunction(function):
                raise TypeError("Client calls block: a coroutine function cannot be decorated")

            @functools.wraps(function)
            def with_sidecar(*args: Any, **kwargs: Any) -> Any:
                ask = _Ask(
                    route=route,
                    body=lambda: request(*args, **kwargs),
                    reply=reply and (lambda body: reply(body, *args, **kwargs)),
                    key=lambda: key(*args, **kwargs) if key else None,
                    timeout=timeout,
                    request_id=_request_id(None),
                )
                return self._run(ask, lambda: function(*args, **kwargs))

            return with_sidecar  # type: ignore[return-value]

        return decorate

    @property
    def last(self) -> Last:
        """This thread's latest call."""
        last: Last = getattr(self._local, "last", _NO_CALL)
        return last

    def close(self) -> None:
        """Ends polling and closes connections. Calls after it take the old path."""
        self._closed = True
        if self._poller is not None:
            self._poller.close()
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _run(self, ask: _Ask, fallback: Callable[[], Any]) -> Any:
        started = self._clock()
        try:
            route = self._admit(ask)
            result = self._ask_sidecar(ask, route, started)
        except Failure as failure:
            given_up = failure
        else:
            self._local.last = self._told(ask, None, started, self._clock())
            return result
        # Outside of the except block, so that an error of the fallback stands alone.
        legacy_started = self._clock()
        try:
            return fallback()
        finally:
            self._local.last = self._told(ask, given_up, started, legacy_started)

    def _admit(self, ask: _Ask) -> Route:
        """The route's switches, if they let this call through."""
        if self._closed or self._off.covers(ask.route):
            raise Failure("off")
        routes = self._poller.routes() if self._poller is not None else self._pinned
        try:
            reason = _rollout.refusal(routes, ask.route, ask.key)
        except Exception as error:
            raise of_callback("contract", error) from None
        if routes is None or reason:
            raise Failure(reason)
        return routes[ask.route]

    def _ask_sidecar(self, ask: _Ask, route: Route, started: float) -> Any:
        seconds = ask.timeout if ask.timeout is not None else self._timeout
        budget = Budget(route.deadline_s if seconds is None else seconds, self._clock, started)
        reply = self._transport.exchange(self._request(ask), budget)
        if reply.status != 200:
            raise of_status(reply.status, reply.body)
        if reply.headers.get("x-request-id", ask.request_id) != ask.request_id:
            raise Failure("bad_reply", "another request's id")
        try:
            body = json.loads(reply.body.decode("utf-8"))
            return ask.reply(body) if ask.reply else body
        except Exception as error:
            raise of_callback("bad_reply", error) from None

    def _request(self, ask: _Ask) -> Request:
        try:
            body = _encode(ask.body())
        except Exception as error:
            raise of_callback("contract", error) from None
        headers = {
            **self._headers,
            "Content-Type": "application/json",
            "X-Request-Id": ask.request_id,
            "X-Hotpath-Mode": "live",
        }
        if ask.traceparent and _TRACEPARENT.fullmatch(ask.traceparent):
            headers["traceparent"] = ask.traceparent
        return Request("POST", f"/v1/{ask.route}", headers, body)

    def _told(
        self, ask: _Ask, failure: Optional[Failure], started: float, sidecar_ended: float
    ) -> Last:
        now = self._clock()
        total_ms = (now - started) * 1000
        if failure is None:
            return Last("ok", "", "sidecar", total_ms, None, total_ms, ask.request_id)
        if failure.outcome == "fallback":
            sidecar_ms = (sidecar_ended - started) * 1000
            _log.debug("%s %s: %s %s", ask.route, ask.request_id, failure.reason, failure.detail)
        else:
            sidecar_ms = None
        return Last(
            outcome=failure.outcome,
            reason=failure.reason,
            path="legacy",
            sidecar_ms=sidecar_ms,
            legacy_ms=(now - sidecar_ended) * 1000,
            total_ms=total_ms,
            request_id=ask.request_id,
            detail=failure.detail,
        )


def _encode(body: Any) -> bytes:
    # ASCII with escapes is json's fastest form, and needs no encoding of its own.
    return bytes(body) if isinstance(body, (bytes, bytearray)) else json.dumps(body).encode("ascii")


def _request_id(given: Optional[str]) -> str:
    return given if given and _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()


def _caller_header(caller: Optional[str]) -> Dict[str, str]:
    if caller is None:
        return {}
    if not _CALLER.fullmatch(caller):
        raise ValueError("caller: 1 to 64 printable ASCII characters")
    return {"X-Hotpath-Caller": caller}
