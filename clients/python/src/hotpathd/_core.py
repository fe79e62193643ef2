"""What the blocking and the asyncio client share: who is asked, and what is said of it afterwards.

The promise, in one sentence: a call returns what `reply` or `fallback` returns, raises only what
`fallback` raises or its caller threw in, and the sidecar delays it by at most its budget.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
import sys
import threading
import time
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple, TypeVar, Union

from . import _address, _compare, _fork, _json, _rollout, _size
from ._breaker import Breaker, RouteBreaker
from ._budget import Budget
from ._compare import Comparing
from ._events import Event, Events, Record
from ._failure import REASONS, Failure, of_callback, of_status
from ._http import Reply
from ._poller import Poller
from ._rollout import DEFAULT_DEADLINE_S, Key, Modes, Route
from ._shadow import Shadow
from ._transport import Request, Transport, head_of

_CALLER = re.compile(r"[ -~]{1,64}")
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{1,200})?")
_NOWHERE = Route("off", 0.0, DEFAULT_DEADLINE_S, "")
Function = TypeVar("Function", bound=Callable[..., Any])
_NOT_ASKED = {reason: Failure(reason) for reason, row in REASONS.items() if row[0] == "legacy"}
_log = logging.getLogger("hotpathd")


class Last(NamedTuple):
    """What became of the latest call; all empty before the first one."""

    outcome: str = ""  # ok | fallback (asked, in vain) | legacy (not asked)
    reason: str = ""  # why not ok: a word of the table in the README
    path: str = ""  # whose result was returned: sidecar | legacy
    sidecar_ms: Optional[float] = None  # None: not asked
    legacy_ms: Optional[float] = None  # None: not run
    total_ms: float = 0.0
    request_id: str = ""  # the one in the daemon's log
    detail: str = ""  # for people: status and code, or type and place of an exception


NO_CALL = Last()


class Ask:
    """One call as its caller wants it, and what is learnt of it on the way.

    `make_body`, `make_key` and `take` are the caller's functions over its own arguments: they run
    only where they are needed. `take` takes the parsed answer first.
    """

    __slots__ = (
        "route", "make_body", "take", "make_key", "arguments", "timeout", "request_id",
        "traceparent", "compare", "key", "bytes_in", "server_timing",
    )  # fmt: skip

    def __init__(
        self,
        route: str,
        make_body: Callable[..., Any],
        take: Optional[Callable[..., Any]],
        make_key: Optional[Callable[..., Key]],
        arguments: Tuple[Tuple[Any, ...], Dict[str, Any]],
        timeout: Optional[float],
        request_id: str,
        traceparent: Optional[str],
        compare: Optional[Comparing],
    ) -> None:
        self.route = route
        self.make_body = make_body
        self.take = take
        self.make_key = make_key
        self.arguments = arguments
        self.timeout = timeout
        self.request_id = request_id
        self.traceparent = traceparent
        self.compare = compare
        self.key: Key = None
        self.bytes_in: Optional[int] = None
        self.server_timing = ""

    def body(self) -> Any:
        args, kwargs = self.arguments
        return self.make_body(*args, **kwargs)

    def read_key(self) -> Key:
        if self.make_key is not None:
            args, kwargs = self.arguments
            self.key = _rollout.as_key(self.make_key(*args, **kwargs))
        return self.key

    def result(self, answer: Any) -> Any:
        if self.take is None:
            return answer
        args, kwargs = self.arguments
        return self.take(answer, *args, **kwargs)


AskOf = Callable[[Tuple[Any, ...], Dict[str, Any]], Ask]  # of a decorated function's arguments


class Times(NamedTuple):
    """When a call began, when the old code began, and its thread's CPU clock at both (if read)."""

    started: float
    legacy: float
    cpu_started: float = 0.0
    cpu_legacy: float = 0.0


class Core:
    """Settings, switches and records of one client. Not to be made by itself."""

    def __init__(
        self,
        url: Optional[str] = None,
        *,
        modes: Optional[Modes] = None,
        events: Union[str, "os.PathLike[str]", None] = None,
        caller: Optional[str] = None,
        poll_s: float = 5.0,
        timeout: Optional[float] = None,
        on_event: Optional[Callable[[Event], None]] = None,
        events_max_bytes: int = 64 * 1024 * 1024,
        breaker: Optional[Breaker] = Breaker(),
        noise: float = 0.0,
        traceparent: Optional[Callable[[], Optional[str]]] = None,
    ) -> None:
        self._clock = time.monotonic
        self._timeout = None if timeout is None else float(timeout)
        self._off = _rollout.KillSwitch(os.environ.get("HOTPATHD_OFF", ""))
        self._breaker = None if breaker is None else breaker.checked()
        self._breakers: Dict[str, RouteBreaker] = {}
        self._noise = noise
        self._trace = traceparent or _opentelemetry
        self._closed = False
        self._local = threading.local()
        address = _address.find(url)
        self._headers = {"Host": address.host, **_caller_header(caller)}
        self._heads: Dict[Tuple[str, str], str] = {}  # of a route in a mode, as far as they go
        self._transport = Transport(address, self._clock)
        self._opened(address)
        self._pinned = None if modes is None else _rollout.pin(modes)
        self._shadow = Shadow()
        path = os.fspath(events) if events else os.environ.get("HOTPATHD_EVENTS") or None
        self._events: Optional[Events] = None
        if path or on_event:
            self._events = Events(path, on_event, caller, events_max_bytes)
        self._poller: Optional[Poller] = None
        if modes is None:
            self._poller = Poller(self._transport, self._clock, poll_s, self._headers)
            self._poller.routes()

    def path(
        self,
        route: str,
        *,
        request: Callable[..., Any],
        reply: Optional[Callable[..., Any]] = None,
        key: Optional[Callable[..., Key]] = None,
        timeout: Optional[float] = None,
        compare: Optional[Comparing] = None,
    ) -> Callable[[Function], Function]:
        """A decorator: the sidecar's path in front of a function, which becomes the fallback.

        `request` and `key` take the function's arguments; `reply` takes the parsed answer first
        and then the same arguments. AsyncClient decorates coroutine functions.
        """

        def ask_of(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Ask:
            return Ask(
                route, request, reply, key, (args, kwargs), timeout, make_id(), None, compare
            )

        return lambda function: self._decorated(function, ask_of)

    def _decorated(self, function: Function, ask_of: "AskOf") -> Function:
        raise NotImplementedError

    def _opened(self, address: _address.Address) -> None:
        """For what a client adds of its own."""

    @property
    def events_dropped(self) -> int:
        """Events that were not written, because their queue or the disk was full."""
        return 0 if self._events is None else self._events.dropped

    @property
    def shadow_dropped(self) -> int:
        """Calls in mode shadow that were not compared, because the queue was full."""
        return self._shadow.dropped

    def _end(self) -> None:
        self._closed = True
        if self._poller is not None:
            self._poller.close()
        self._shadow.close(1.0)
        self._transport.close()
        if self._events is not None:
            self._events.close()

    # Before the call

    def _ask(
        self,
        route: str,
        body: Any,
        reply: Optional[Callable[[Any], Any]],
        key: Key,
        timeout: Optional[float],
        compare: Optional[Comparing],
        request_id: Optional[str],
        traceparent: Optional[str],
    ) -> Ask:
        ask = Ask(
            route, lambda: body, reply, None, _NO_ARGUMENTS, timeout,
            _checked_id(request_id), traceparent, compare,
        )  # fmt: skip
        ask.key = _rollout.as_key(key)
        return ask

    def _decide(self, ask: Ask) -> Tuple[Route, Optional[int], Optional[Failure]]:
        """The route's switches; and the breaker's ticket, or why the sidecar is not asked."""
        if self._closed or self._off.covers(ask.route):
            return _NOWHERE, None, _NOT_ASKED["off"]
        routes = self._poller.routes() if self._poller is not None else self._pinned
        try:
            reason = _rollout.refusal(routes, ask.route, ask.read_key)
        except Exception as error:
            return _NOWHERE, None, of_callback("contract", error)
        route = (routes or {}).get(ask.route, _NOWHERE)
        if reason:
            return route, None, _NOT_ASKED[reason]
        ticket = self._admit(ask.route)
        return route, ticket, None if ticket is not None else _NOT_ASKED["breaker_open"]

    def _admit(self, route: str) -> Optional[int]:
        if self._breaker is None:
            return 0
        breaker = self._breakers.get(route)
        if breaker is None:
            fresh = RouteBreaker(route, self._breaker, self._clock)
            breaker = self._breakers.setdefault(route, fresh)
        return breaker.admit()

    def _heard(self, ask: Ask, ticket: int, reason: str) -> None:
        if self._breaker is not None:
            self._breakers[ask.route].heard(ticket, reason)

    def _budget(self, ask: Ask, route: Route, started: float) -> Budget:
        seconds = ask.timeout if ask.timeout is not None else self._timeout
        try:
            seconds = route.deadline_s if seconds is None else float(seconds)
        except (TypeError, ValueError):
            raise Failure("contract", "timeout is no number") from None
        return Budget(seconds, self._clock, started)

    def _request(self, ask: Ask, mode: str, body: Any) -> Request:
        """`body` as made by the caller; Failure("contract") where JSON cannot hold it."""
        try:
            encoded = _encode(body)
        except Exception as error:
            raise of_callback("contract", error) from None
        ask.bytes_in = len(encoded)
        ask.traceparent = self._traceparent(ask.traceparent)
        trace = f"traceparent: {ask.traceparent}\r\n" if ask.traceparent else ""
        start = self._heads.get((ask.route, mode)) or self._head(ask.route, mode)
        return Request(f"{start}X-Request-Id: {ask.request_id}\r\n{trace}", encoded)

    def _head(self, route: str, mode: str) -> str:
        headers = {**self._headers, "Content-Type": "application/json", "X-Hotpath-Mode": mode}
        head = self._heads[route, mode] = head_of("POST", f"/v1/{route}", headers)
        return head

    def _live_request(self, ask: Ask) -> Request:
        try:
            body = ask.body()
        except Exception as error:
            raise of_callback("contract", error) from None
        return self._request(ask, "live", body)

    def _traceparent(self, given: Optional[str]) -> Optional[str]:
        if given is None:
            try:
                given = self._trace()
            except Exception as error:  # the user's hook, or a library's: a call goes on without
                _log.debug("no traceparent: %s", type(error).__name__)
        return given if isinstance(given, str) and _TRACEPARENT.fullmatch(given) else None

    # After the reply

    def _read(self, ask: Ask, reply: Reply, budget: Budget) -> Any:
        """The caller's result. Raises Failure."""
        ask.server_timing = reply.headers.get("server-timing", "")
        if reply.status != 200:
            raise of_status(reply.status, reply.body)
        if reply.headers.get("x-request-id", ask.request_id) != ask.request_id:
            raise Failure("bad_reply", "another request's id")
        contract = _contract_of(ask.route)
        if reply.headers.get("x-hotpath-contract", contract) != contract:
            raise Failure("bad_reply", "another contract")
        budget.check_reading(reply.body)
        try:
            return ask.result(_json.loads(reply.body))
        except Exception as error:
            raise of_callback("bad_reply", error) from None

    def _told(
        self,
        ask: Ask,
        route: Route,
        failure: Optional[Failure],
        times: Times,
        is_recorded: bool = False,
    ) -> Last:
        """What became of a call that has ended now; its event, too, unless somebody else sees to it."""
        now = self._clock()
        total_s = now - times.started
        if failure is None:
            last = Last("ok", "", "sidecar", total_s * 1e3, None, total_s * 1e3, ask.request_id)
        else:
            outcome = failure.outcome
            sidecar_ms = None
            if outcome == "fallback":
                sidecar_ms = (times.legacy - times.started) * 1e3
                _log.debug(
                    "%s %s: %s %s", ask.route, ask.request_id, failure.reason, failure.detail
                )
            last = Last(
                outcome, failure.reason, "legacy", sidecar_ms, (now - times.legacy) * 1e3,
                total_s * 1e3, ask.request_id, failure.detail,
            )  # fmt: skip
        if self._events is not None and not is_recorded:
            self._record(ask, route, last, times)
        return last

    def _gave_up(self, ask: Ask, route: Route, started: float, cpu_started: float) -> None:
        """The event of a call whose caller would not wait; the old code was not run."""
        took_s = self._clock() - started
        cpu_s = time.thread_time() - cpu_started if cpu_started else None
        outcome = REASONS["cancelled"][0]
        self._emit(
            ask, route, outcome, "cancelled", "legacy", took_s, None, took_s, None, cpu_s
        )

    def _record(self, ask: Ask, route: Route, last: Last, times: Times) -> None:
        legacy_cpu_s = client_cpu_s = None
        if times.cpu_started:
            now = time.thread_time()
            ran = last.legacy_ms is not None
            legacy_cpu_s = now - times.cpu_legacy if ran else None
            client_cpu_s = (times.cpu_legacy if ran else now) - times.cpu_started
        self._emit(
            ask, route, last.outcome, last.reason, last.path, _s(last.sidecar_ms),
            _s(last.legacy_ms), last.total_ms / 1e3, legacy_cpu_s, client_cpu_s,
        )  # fmt: skip

    def _emit(
        self,
        ask: Ask,
        route: Route,
        outcome: str,
        reason: str,
        path: str,
        sidecar_s: Optional[float],
        legacy_s: Optional[float],
        total_s: float,
        legacy_cpu_s: Optional[float] = None,
        client_cpu_s: Optional[float] = None,
        match: Optional[bool] = None,
        diff: Optional[str] = None,
    ) -> None:
        if self._events is None:
            return
        if reason == "canary":
            ask.bytes_in = _size.of_some(ask.body, _encode)
        key = ask.key if isinstance(ask.key, (str, bytes)) else None
        self._events.put(
            Record(
                time.time(), ask.route, route.mode, route.salt, key, path, outcome, reason,
                sidecar_s, legacy_s, total_s, legacy_cpu_s, client_cpu_s, ask.server_timing,
                match, diff, ask.bytes_in, ask.request_id, ask.traceparent,
            )
        )  # fmt: skip

    # Mode shadow

    def _shadowing(self, ask: Ask, route: Route) -> "Optional[ShadowCall]":
        """The comparison that will follow the old code, or None where this call has none."""
        if self._events is None:
            return None  # nobody would hear of it
        try:
            key = ask.read_key()
            if route.shadow_percent < 100 and not _rollout.is_in(
                _rollout.bucket(ask.route, route.salt, key), route.shadow_percent
            ):
                return None
            noise = self._noise > 0 and _rollout.is_in(_rollout.bucket("", "", None), self._noise)
            return ShadowCall(self, ask, route, noise, _compare.snapshot(ask.body()))
        except Exception as error:  # of the caller's own functions; the old code is not their business
            _log.debug("%s: not shadowed: %s", ask.route, type(error).__name__)
            return None


class Ticket:
    """What the breaker let through: it hears how the block inside ended; of `ignored`, nothing."""

    __slots__ = ("_core", "_ask", "_number", "_ignored")

    def __init__(self, core: Core, ask: Ask, number: int, ignored: str = "cancelled") -> None:
        self._core = core
        self._ask = ask
        self._number = number
        self._ignored = ignored

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        reason = "" if error is None else error.reason if isinstance(error, Failure) else "cancelled"
        self._core._heard(
            self._ask, self._number, "cancelled" if reason == self._ignored else reason
        )


class ShadowCall:
    """One comparison: made before the old code runs, as that may change the caller's arguments."""

    def __init__(self, core: Core, ask: Ask, route: Route, noise: bool, body: Any) -> None:
        self._core = core
        self._ask = ask
        self._route = route
        self.noise = noise
        self._body = body
        self._old: Any = None
        self._again: Optional[Callable[[], Any]] = None
        self._known: Tuple[float, float, Optional[float], Optional[float]] = (0.0, 0.0, None, None)

    def follow(self, old: Any, times: Times, again: Callable[[], Any]) -> Tuple[str, bool]:
        """Queues it, now that the old code's result is there. The reason for the caller's call, and
        whether the comparison will tell of it."""
        core = self._core
        try:
            self._old = _compare.snapshot(old)
            size = _compare.weight(self._body) + _compare.weight(self._old)
        except (RuntimeError, MemoryError):
            # RecursionError, of a result that holds itself or is very deep; or another thread has
            # changed it meanwhile. Not ours to refuse.
            return "shadow", False
        self._again = again if self.noise else None
        now = core._clock()
        legacy_cpu_s = client_cpu_s = None
        if times.cpu_started:
            legacy_cpu_s = time.thread_time() - times.cpu_legacy
            client_cpu_s = times.cpu_legacy - times.cpu_started
        self._known = (now - times.legacy, now - times.started, legacy_cpu_s, client_cpu_s)
        if core._shadow.offer(self._run, size):
            return "shadow", True
        return "shadow_dropped", False

    def _run(self) -> None:
        """On the shadow's thread."""
        core = self._core
        started = core._clock()
        reason = detail = ""
        new = None
        try:
            new = self._again() if self._again is not None else self._answer(started)
        except Failure as failure:
            reason, detail = failure.reason, failure.detail
        except Exception as error:  # of the old code's second run
            reason, detail = "bad_compare", type(error).__name__
        took_s = core._clock() - started
        match = diff = None
        if not reason:
            try:
                match, diff = _compare.judge(self._ask.compare, self._old, new)
            except Exception as error:  # of the user's comparison, or too deep a result
                reason, detail = "bad_compare", type(error).__name__
        self._tell(reason, detail, took_s, match, diff)

    def _answer(self, started: float) -> Any:
        core, ask, route = self._core, self._ask, self._route
        ticket = core._admit(ask.route)
        if ticket is None:
            raise Failure("breaker_open")
        # a shadow that is shed says nothing of live calls, which are served before it
        with Ticket(core, ask, ticket, ignored="overloaded"):
            budget = core._budget(ask, route, started)
            request = core._request(ask, "shadow", self._body)
            return core._read(ask, core._transport.exchange(request, budget), budget)

    def _tell(
        self, reason: str, detail: str, took_s: float, match: Optional[bool], diff: Optional[str]
    ) -> None:
        if reason:
            _log.debug("%s %s: %s %s", self._ask.route, self._ask.request_id, reason, detail)
        legacy_s, total_s, legacy_cpu_s, client_cpu_s = self._known
        outcome, path = "ok", "both"
        sidecar_s: Optional[float] = took_s
        if reason:
            outcome = REASONS[reason][0]
        if self.noise:
            outcome, path, sidecar_s = "legacy", "legacy", None
            reason = reason or "noise"
        elif reason == "breaker_open":
            path, sidecar_s = "legacy", None
        self._core._emit(
            self._ask, self._route, outcome, reason, path, sidecar_s, legacy_s, total_s,
            legacy_cpu_s, client_cpu_s, match, diff,
        )  # fmt: skip


_NO_ARGUMENTS: Tuple[Tuple[Any, ...], Dict[str, Any]] = ((), {})


def _s(ms: Optional[float]) -> Optional[float]:
    return None if ms is None else ms / 1e3


def _contract_of(route: str) -> str:
    return ("score" if route == "rerank" else route) + "/1"  # rerank is another name of score


def _encode(body: Any) -> bytes:
    return bytes(body) if isinstance(body, (bytes, bytearray)) else _json.dumps(body)


class _Ids:
    """Request ids: a random half for each process, and a number."""

    def __init__(self) -> None:
        self.after_fork()
        _fork.register(self)

    def after_fork(self) -> None:
        self._prefix = os.urandom(8).hex()
        self._numbers = itertools.count(1)

    def make(self) -> str:
        return f"{self._prefix}{next(self._numbers):016x}"


_ids = _Ids()
make_id = _ids.make


def _checked_id(given: Optional[str]) -> str:
    return given if isinstance(given, str) and _REQUEST_ID.fullmatch(given) else _ids.make()


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
