"""The blocking client: one call is the sidecar within a budget, or the old code."""

from __future__ import annotations

import functools
import inspect
import threading
from types import TracebackType
from typing import Any, Callable, List, Optional, Sequence, Type, TypeVar

from . import _helpers
from ._address import Address
from ._call import NO_CALL, Call, Ended, Last
from ._compare import Comparing
from ._core import CallOf, Core, Function
from ._helpers import Chunk, OldChunks, OldRanks, Ranked
from ._rollout import Key

T = TypeVar("T")


class Client(Core):
    """Calls one daemon. Make one for each process, at import if you like: it survives a fork, and
    any number of threads may share it.

    url               http://HOST:PORT or unix:PATH; default $HOTPATHD_URL, else the daemon's own
                      places
    modes             pins routes, e.g. {"chunk": "on"}, instead of asking GET /v1/rollout
    events            a file that gets one JSON object for each call; default $HOTPATHD_EVENTS
    caller            name/version of the calling service, for the daemon's logs and metrics
    poll_s            seconds between two looks at the rollout; default: what the daemon asks for, else 5
    timeout           seconds a call may take; default: what the rollout says for the route
    on_event          is given each event, on a thread of its own: for metrics
    events_max_bytes  at this size the file is renamed to PATH.1
    breaker           when to leave a failing sidecar alone (hotpathd.Breaker), None: never
    noise             percent of the shadow calls that compare the old code with itself instead
    traceparent       a function that gives the current W3C Trace Context; default: OpenTelemetry's
                      span, where the service uses OpenTelemetry
    """

    def _opened(self, address: Address) -> None:
        self._local = threading.local()

    def call(
        self,
        route: str,
        body: Any,
        *,
        fallback: Callable[[], T],
        reply: Optional[Callable[[Any], T]] = None,
        key: Key = None,
        timeout: Optional[float] = None,
        compare: Optional[Comparing] = None,
        request_id: Optional[str] = None,
        traceparent: Optional[str] = None,
    ) -> T:
        """What `reply` makes of the sidecar's answer, or what `fallback` returns.

        route        the last part of the daemon's path: "chunk" asks /v1/chunk
        body         anything that JSON can hold, or bytes that are JSON already
        fallback     the old code: it runs, on this thread, where the sidecar gave no result
        reply        takes the parsed answer; left out, the answer is the result
        key          what a canary goes by: the same key takes the same path everywhere
        timeout      seconds for all of it: connect, write, wait and read. Default: the client's,
                     else the route's deadline in the rollout, else 0.25
        compare      in mode shadow: hotpathd.Compare, or a function of the old and the new result
                     that returns whether they match, or the pointer of the difference
        request_id   printable ASCII, at most 128; made up if left out
        traceparent  W3C Trace Context, passed on
        """
        call = Call(self, route, body, reply, key, timeout, compare, request_id, traceparent)
        result: T = self._run(call, fallback)
        return result

    def chunk(
        self,
        text: str,
        *,
        fallback: Callable[[], OldChunks],
        key: Key = None,
        timeout: Optional[float] = None,
        compare: Optional[Comparing] = None,
        **options: Any,
    ) -> List[Chunk]:
        """The chunks of a document. `fallback` returns chunks or plain strings.

        The options are the contract's (format, clean, chunk, encoding); max, overlap, min and unit
        may be given by themselves. Where the old code gives strings, mode shadow compares texts.
        """
        call = self._of_chunk(text, key, timeout, compare, options)
        chunks: List[Chunk] = self._run(call, lambda: _helpers.chunks_of(fallback()))
        return chunks

    def score(
        self,
        query: str,
        documents: Sequence[Any],
        *,
        fallback: Callable[[], OldRanks],
        key: Key = None,
        timeout: Optional[float] = None,
        compare: Optional[Comparing] = None,
        **options: Any,
    ) -> List[Ranked]:
        """The best of the documents, best first. `fallback` returns ranked indexes, with or without
        scores. The options are the contract's (top_n, fields, analyzer, bm25, match, ...)."""
        call = self._of_score(query, documents, key, timeout, compare, options)
        ranked: List[Ranked] = self._run(call, lambda: _helpers.ranks_of(fallback()))
        return ranked

    @property
    def last(self) -> Last:
        """This thread's latest call."""
        ended: Optional[Ended] = getattr(self._local, "ended", None)
        return NO_CALL if ended is None else ended.last()

    def close(self) -> None:
        """Ends polling, writes the events, closes connections. Calls after it take the old path."""
        self._end()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _decorated(self, function: Function, call_of: CallOf) -> Function:
        if inspect.iscoroutinefunction(function):
            raise TypeError("Client calls block: a coroutine function wants AsyncClient")

        @functools.wraps(function)
        def with_sidecar(*args: Any, **kwargs: Any) -> Any:
            return self._run(call_of(args, kwargs), lambda: function(*args, **kwargs))

        return with_sidecar  # type: ignore[return-value]

    def _run(self, call: Call, fallback: Callable[[], Any]) -> Any:
        """The states of _call.py."""
        try:
            if call.begins():
                try:
                    return call.result(self._transport.exchange(call.request(), call.budget))
                except BaseException as error:
                    if call.is_over(error):
                        raise
            # Outside of the except block, so that an error of the fallback stands alone.
            call.turn()
            result = fallback()
            call.follow(result, fallback)
            return result
        finally:
            self._local.ended = call.end()
