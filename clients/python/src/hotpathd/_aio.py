"""The asyncio client: the blocking client's twin, on the caller's loop.

Polling, events and comparisons are the blocking client's, on threads of their own: what they take
is no loop's time.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from contextvars import ContextVar
from types import TracebackType
from typing import (
    Any,
    Awaitable,
    Callable,
    List,
    Optional,
    Sequence,
    Type,
    TypeVar,
    Union,
)

from . import _helpers
from ._address import Address
from ._aio_transport import AsyncTransport
from ._call import NO_CALL, Call, Ended, Last
from ._compare import Comparing
from ._core import CallOf, Core, Function
from ._helpers import Chunk, OldChunks, OldRanks, Ranked
from ._rollout import Key

T = TypeVar("T")
Fallback = Callable[[], Union[Awaitable[T], T]]

_NOISE_S = 60.0  # how long the old code's second run is waited for


class AsyncClient(Core):
    """Client for asyncio: the same settings and the same promise. `fallback` may be a coroutine
    function. A call that is cancelled raises CancelledError at once, and the old code is not run.
    """

    _is_on_loop = True

    def _opened(self, address: Address) -> None:
        self._aio = AsyncTransport(address, self._clock)
        self._ended: "ContextVar[Optional[Ended]]" = ContextVar("hotpathd_ended", default=None)

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
        call = Call(self, route, body, reply, key, timeout, compare, request_id, traceparent)
        result: T = await self._run(call, fallback)
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

        call = self._of_chunk(text, key, timeout, compare, options)
        chunks: List[Chunk] = await self._run(call, old)
        return chunks

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

        call = self._of_score(query, documents, key, timeout, compare, options)
        ranked: List[Ranked] = await self._run(call, old)
        return ranked

    @property
    def last(self) -> Last:
        """The latest call of this task (more exactly: of this context)."""
        ended = self._ended.get()
        return NO_CALL if ended is None else ended.last()

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

    def _decorated(self, function: Function, call_of: CallOf) -> Function:
        if not inspect.iscoroutinefunction(function):
            raise TypeError("AsyncClient decorates coroutine functions")

        @functools.wraps(function)
        async def with_sidecar(*args: Any, **kwargs: Any) -> Any:
            return await self._run(call_of(args, kwargs), lambda: function(*args, **kwargs))

        return with_sidecar  # type: ignore[return-value]

    async def _run(self, call: Call, fallback: Callable[[], Any]) -> Any:
        """The states of _call.py."""
        try:
            if call.begins():
                try:
                    return call.result(await self._aio.exchange(call.request(), call.budget))
                except BaseException as error:
                    if call.is_over(error):
                        raise
            # Outside of the except block, so that an error of the fallback stands alone.
            call.turn()
            result = await _awaited(fallback())
            call.follow(result, _again(fallback))
            return result
        finally:
            self._ended.set(call.end())


async def _awaited(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def _awaited_call(fallback: Callable[[], Any]) -> Any:
    return await _awaited(fallback())


def _again(fallback: Callable[[], Any]) -> Callable[[], Any]:
    """The old code's second run: asked for by the shadow's thread, done by the loop."""
    loop = asyncio.get_running_loop()
    return lambda: asyncio.run_coroutine_threadsafe(_awaited_call(fallback), loop).result(_NOISE_S)
