"""The asyncio client: the blocking client's twin, on the caller's loop.

Polling, events and comparisons are the blocking client's, on threads of their own: what they take
is no loop's time.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from types import TracebackType
from typing import (
    Any,
    Awaitable,
    Callable,
    List,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from . import _helpers
from ._address import Address
from ._aio_transport import AsyncTransport
from ._compare import Comparing
from ._core import NO_CALL, Ask, AskOf, Core, Function, Last, ShadowCall, Ticket, Times
from ._failure import Failure
from ._helpers import Chunk, OldChunks, OldRanks, Ranked
from ._rollout import Key, Route

T = TypeVar("T")
Fallback = Callable[[], Union[Awaitable[T], T]]

_NOISE_S = 60.0  # how long the old code's second run is waited for
_last: "contextvars.ContextVar[Tuple[int, Last]]" = contextvars.ContextVar("hotpathd_last")


class AsyncClient(Core):
    """Client for asyncio: the same settings and the same promise. `fallback` may be a coroutine
    function. A call that is cancelled raises CancelledError at once, and the old code is not run.
    """

    def _opened(self, address: Address) -> None:
        self._aio = AsyncTransport(address, self._clock)

    async def call(
        self,
        route: str,
        body: Any,
        *,
        fallback: Fallback[T],
        reply: Optional[Callable[[Any], T]] = None,
        key: Key = None,
        timeout: Optional[float] = None,
        compare: Optional[Comparing] = None,
        request_id: Optional[str] = None,
        traceparent: Optional[str] = None,
    ) -> T:
        """As Client.call."""
        ask = self._ask(route, body, reply, key, timeout, compare, request_id, traceparent)
        result: T = await self._run(ask, fallback)
        return result

    async def chunk(
        self,
        text: str,
        *,
        fallback: Fallback[OldChunks],
        key: Key = None,
        timeout: Optional[float] = None,
        compare: Optional[Comparing] = None,
        **options: Any,
    ) -> List[Chunk]:
        """As Client.chunk."""

        async def old() -> List[Chunk]:
            return _helpers.chunks_of(await _awaited(fallback()))

        return await self.call(
            "chunk", _helpers.chunk_request(text, options), fallback=old,
            reply=_helpers.read_chunks, key=key, timeout=timeout,
            compare=compare or _helpers.compare_chunks,
        )  # fmt: skip

    async def score(
        self,
        query: str,
        documents: Sequence[Any],
        *,
        fallback: Fallback[OldRanks],
        key: Key = None,
        timeout: Optional[float] = None,
        compare: Optional[Comparing] = None,
        **options: Any,
    ) -> List[Ranked]:
        """As Client.score."""

        async def old() -> List[Ranked]:
            return _helpers.ranks_of(await _awaited(fallback()))

        return await self.call(
            "score", {"query": query, "documents": documents, **options}, fallback=old,
            reply=lambda answer: _helpers.read_ranks(answer, documents), key=key, timeout=timeout,
            compare=compare or _helpers.compare_ranks,
        )  # fmt: skip

    @property
    def last(self) -> Last:
        """The latest call of this task (more exactly: of this context)."""
        owner, last = _last.get((0, NO_CALL))
        return last if owner == id(self) else NO_CALL

    def close(self) -> None:
        """Ends polling and writes the events; waits for that at most a few seconds."""
        self._aio.close()
        self._end()

    async def aclose(self) -> None:
        """close(), with the waiting done elsewhere than on the loop."""
        self._aio.close()
        await asyncio.get_running_loop().run_in_executor(None, self._end)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    def _decorated(self, function: Function, ask_of: AskOf) -> Function:
        if not inspect.iscoroutinefunction(function):
            raise TypeError("AsyncClient decorates coroutine functions")

        @functools.wraps(function)
        async def with_sidecar(*args: Any, **kwargs: Any) -> Any:
            return await self._run(ask_of(args, kwargs), lambda: function(*args, **kwargs))

        return with_sidecar  # type: ignore[return-value]

    async def _run(self, ask: Ask, fallback: Callable[[], Any]) -> Any:
        started = self._clock()
        route, ticket, failure = self._decide(ask)
        if ticket is not None:
            try:
                result = await self._ask_sidecar(ask, route, ticket, started)
            except Failure as given_up:
                failure = given_up
            except BaseException:
                self._gave_up(ask, route, started, 0.0)
                raise
            else:
                self._note(self._told(ask, route, None, Times(started, started)))
                return result
        assert failure is not None
        following = None
        if failure.reason == "shadow":
            following = self._shadowing(ask, route)
        # Other tasks run between: a thread's CPU clock says nothing of this call.
        times = Times(started, self._clock())
        if following is not None:
            return await self._run_shadowed(ask, route, following, fallback, times)
        try:
            return await _awaited(fallback())
        finally:
            self._note(self._told(ask, route, failure, times))

    async def _ask_sidecar(self, ask: Ask, route: Route, ticket: int, started: float) -> Any:
        with Ticket(self, ask, ticket):
            request = self._live_request(ask)
            budget = self._budget(ask, route, started)
            return self._read(ask, await self._aio.exchange(request, budget), budget)

    async def _run_shadowed(
        self,
        ask: Ask,
        route: Route,
        following: ShadowCall,
        fallback: Callable[[], Any],
        times: Times,
    ) -> Any:
        loop = asyncio.get_running_loop()

        def again() -> Any:
            """The old code's second run: asked for by the shadow's thread, done by the loop."""
            run = asyncio.run_coroutine_threadsafe(_awaited_call(fallback), loop)
            return run.result(_NOISE_S)

        reason = "shadow"
        told = False
        try:
            result = await _awaited(fallback())
            reason, told = following.follow(result, times, again)
            return result
        finally:
            self._note(self._told(ask, route, Failure(reason), times, told))

    def _note(self, last: Last) -> None:
        _last.set((id(self), last))


async def _awaited(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def _awaited_call(fallback: Callable[[], Any]) -> Any:
    return await _awaited(fallback())
