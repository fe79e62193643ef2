"""What the blocking and the asyncio client share: settings, switches and records.

The promise, in one sentence: a call returns what `reply` or `fallback` returns, raises only what
`fallback` raises or its caller threw in, and the sidecar delays it by at most its budget.
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, TypeVar, Union

from . import _address, _helpers, _rollout
from ._breaker import Breaker, RouteBreaker
from ._call import NOT_ASKED, Call
from ._compare import Comparing
from ._deadline import Reserves
from ._events import Event, Events
from ._failure import Failure
from ._poller import Poller
from ._request import Writer
from ._rollout import Key, Modes
from ._shadow import Shadow
from ._transport import Transport

Function = TypeVar("Function", bound=Callable[..., Any])
CallOf = Callable[[Tuple[Any, ...], Dict[str, Any]], Call]  # of a decorated function's arguments


class Core:
    """Settings, switches and records of one client. Not to be made by itself."""

    _is_on_loop = False  # where other tasks run in between, a thread's CPU clock says nothing of a call

    def __init__(
        self,
        url: Optional[str] = None,
        *,
        modes: Optional[Modes] = None,
        events: Union[str, "os.PathLike[str]", None] = None,
        caller: Optional[str] = None,
        poll_s: Optional[float] = None,
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
        self._closed = False
        self._reserves = Reserves()
        address = _address.find(url)
        self._writer = Writer(address.host, caller, traceparent)
        self._transport = Transport(address, self._clock)
        self._opened(address)
        self._pinned = None if modes is None else _rollout.pin(modes)
        self._shadow = Shadow()
        path = os.fspath(events) if events else os.environ.get("HOTPATHD_EVENTS") or None
        self._events: Optional[Events] = None
        if path or on_event:
            self._events = Events(path, on_event, caller, events_max_bytes)
        reads_cpu = self._events is not None and not self._is_on_loop
        self._cpu_clock = time.thread_time if reads_cpu else no_clock
        self._poller: Optional[Poller] = None
        if modes is None:
            self._poller = Poller(self._transport, self._clock, poll_s, self._writer.headers)
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

        def call_of(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Call:
            return Call(
                self, route, None, reply, timeout=timeout, compare=compare,
                arguments=(args, kwargs), make_body=request, make_key=key,
            )  # fmt: skip

        return lambda function: self._decorated(function, call_of)

    def _decorated(self, function: Function, call_of: CallOf) -> Function:
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

    # The calls of the two routes that are functions

    def _of_chunk(
        self,
        text: str,
        key: Key,
        timeout: Optional[float],
        compare: Optional[Comparing],
        options: Dict[str, Any],
    ) -> Call:
        def read(answer: Any) -> List[_helpers.Chunk]:
            return _helpers.read_chunks(answer, text)

        body = _helpers.chunk_request(text, options)
        return Call(self, "chunk", body, read, key, timeout, compare or _helpers.compare_chunks)

    def _of_score(
        self,
        query: str,
        documents: Sequence[Any],
        key: Key,
        timeout: Optional[float],
        compare: Optional[Comparing],
        options: Dict[str, Any],
    ) -> Call:
        def read(answer: Any) -> List[_helpers.Ranked]:
            return _helpers.read_ranks(answer, documents)

        body = {"query": query, "documents": documents, **options}
        return Call(self, "score", body, read, key, timeout, compare or _helpers.compare_ranks)

    # Before a call, and after it

    def _refusal(self, call: Call) -> Optional[Failure]:
        """Why the sidecar is not asked, or None."""
        if self._closed or self._off.covers(call.route):
            return NOT_ASKED["off"]
        rules = self._pinned if self._poller is None else self._poller.routes()
        if rules is None:
            return NOT_ASKED["no_rollout"]
        rule = rules.get(call.route)
        if rule is None:
            return NOT_ASKED["off"]
        call.rule = rule
        reason = _rollout.refusal(call.route, rule, call.read_key)
        if reason:
            return NOT_ASKED[reason]
        return None if self._admits(call) else NOT_ASKED["breaker_open"]

    def _admits(self, call: Call) -> bool:
        """Whether the breaker lets a call through; it is told by `_heard` what became of it."""
        if self._breaker is None:
            return True
        breaker = self._breakers.get(call.route)
        if breaker is None:
            fresh = RouteBreaker(call.route, self._breaker, self._clock)
            breaker = self._breakers.setdefault(call.route, fresh)
        ticket = breaker.admit()
        if ticket is None:
            return False
        call.ticket = ticket
        return True

    def _heard(self, call: Call, reason: str) -> None:
        if self._breaker is None:
            return
        if call.mode == "shadow" and reason == "overloaded":
            reason = "cancelled"  # a shadow that is shed says nothing of live calls, which are served before it
        self._breakers[call.route].heard(call.ticket, reason)


def no_clock() -> float:
    """In place of a CPU clock that nobody reads."""
    return 0.0
