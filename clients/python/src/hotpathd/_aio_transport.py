"""Exchanges on an asyncio loop: the rules of _transport.py, without its threads.

A connection is a protocol whose reply sets a future. The deadline is a timer that sets the same
future, so that a cancellation is always the caller's own: no task is cancelled to keep time, and
none has to find out afterwards who cancelled it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from typing import Deque, Dict, Optional, cast

from ._address import Address
from ._budget import Budget, Clock
from ._failure import Failure
from ._http import Incoming, Reply
from ._transport import (
    JOIN_BYTES,
    MAX_IDLE_S,
    MAX_OPEN,
    Request,
    Unanswered,
)

Loop = asyncio.AbstractEventLoop


class _Connection(asyncio.Protocol):
    """One exchange at a time."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._transport: Optional[asyncio.Transport] = None
        self._waiter: "Optional[asyncio.Future[Reply]]" = None
        self._incoming = Incoming()
        self.is_open = True
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no such class

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            self.drop()  # what comes unasked would be taken for the next reply
            return
        try:
            reply = self._incoming.feed(data)
        except Failure as failure:
            self._end(failure)
            return
        except MemoryError:
            self._end(Failure("bad_reply", "MemoryError"))
            return
        if reply is not None:
            self._waiter.set_result(reply)

    def connection_lost(self, exc: Optional[Exception]) -> None:
        self.is_open = False
        self._end(exc or ConnectionAbortedError("closed by the peer"))

    def drop(self) -> None:
        self.is_open = False
        if self._transport is not None and not self._loop.is_closed():
            self._transport.abort()  # of a loop that is gone only the collector can let go

    async def exchange(self, request: Request, budget: Budget, kept: bool) -> Reply:
        self._incoming = incoming = Incoming(budget)
        waiter: "Optional[asyncio.Future[Reply]]"
        self._waiter = waiter = self._loop.create_future()
        timer = None
        try:
            if not self.is_open:  # lost while nobody waited for it
                raise ConnectionAbortedError("closed by the peer")
            self._send(request.start(budget), request.body or b"")
            timer = self._loop.call_later(budget.left(), self._expire, waiter)
            reply: Reply = await waiter
        except ConnectionError:
            self.drop()
            if kept and not incoming.started:
                raise Unanswered from None
            raise
        except BaseException:
            self.drop()
            raise
        finally:
            waiter = self._waiter = None  # an error holds this frame, which is not to hold the error
            if timer is not None:
                timer.cancel()
        if not reply.keep_alive:
            self.drop()
        return reply

    def _send(self, head: bytes, body: bytes) -> None:
        assert self._transport is not None
        if len(body) <= JOIN_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    def _expire(self, waiter: "asyncio.Future[Reply]") -> None:
        if not waiter.done():
            waiter.set_exception(Failure("timeout"))

    def _end(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


class _Pool:
    """The connections of one loop."""

    def __init__(self, loop: Loop, address: Address, clock: Clock) -> None:
        self._loop = loop
        self._address = address
        self._clock = clock
        self._idle: Deque[_Connection] = deque()
        self._waiting: "Deque[asyncio.Future[None]]" = deque()
        self._open = 0
        self._closed = False

    async def exchange(self, request: Request, budget: Budget) -> Reply:
        await self._enter(budget)
        try:
            return await self._exchange(request, budget)
        except OSError as error:
            raise budget.failure(error) from None
        finally:
            self._leave()

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().drop()

    async def _enter(self, budget: Budget) -> None:
        budget.left()
        if self._open < MAX_OPEN:
            self._open += 1
            return
        waiter: "asyncio.Future[None]" = self._loop.create_future()
        self._waiting.append(waiter)
        timer = self._loop.call_later(budget.left(), _refuse, waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._leave()  # given a place in the moment of giving up
            raise
        finally:
            timer.cancel()

    def _leave(self) -> None:
        """Hands the place on, or gives it up."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._open -= 1

    async def _exchange(self, request: Request, budget: Budget) -> Reply:
        kept = self._take()
        if kept is not None:
            try:
                return await self._attempt(kept, request, budget, True)
            except Unanswered:
                pass  # once more, on a connection that is new
        return await self._attempt(await self._connect(budget), request, budget, False)

    async def _attempt(
        self, connection: _Connection, request: Request, budget: Budget, kept: bool
    ) -> Reply:
        reply = await connection.exchange(request, budget, kept)
        if connection.is_open and not self._closed:
            connection.idle_since = self._clock()
            self._idle.append(connection)
        else:
            connection.drop()
        return reply

    def _take(self) -> Optional[_Connection]:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and self._clock() - connection.idle_since <= MAX_IDLE_S:
                return connection
            connection.drop()
        return None

    async def _connect(self, budget: Budget) -> _Connection:
        """Connecting is a task, so that it can be left behind when time is up."""
        task = self._loop.create_task(self._dial())
        try:
            await asyncio.wait({task}, timeout=budget.left())
            if not task.done() or task.cancelled():
                raise Failure("timeout")
            return task.result()
        except BaseException:
            task.cancel()
            task.add_done_callback(_let_go)  # done or not: a cancellation may come with the connection
            raise
        finally:
            del task  # an error of it holds this frame

    async def _dial(self) -> _Connection:
        loop, address = self._loop, self._address
        if address.family == socket.AF_UNIX:
            assert isinstance(address.target, str)
            _, made = await loop.create_unix_connection(lambda: _Connection(loop), address.target)
        else:
            assert isinstance(address.target, tuple)
            host, port = address.target
            _, made = await loop.create_connection(
                lambda: _Connection(loop), host, port, family=address.family
            )
        return made


class AsyncTransport:
    """Exchanges with one daemon, on whatever loop is running: each has a pool of its own, and the
    pools of loops that are gone, or of the parent of a fork, are let go."""

    def __init__(self, address: Address, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._pid = os.getpid()
        self._pools: Dict[Loop, _Pool] = {}

    async def exchange(self, request: Request, budget: Budget) -> Reply:
        """The reply, whatever its status. Raises Failure only, but for a cancellation."""
        return await self._pool().exchange(request, budget)

    def close(self) -> None:
        for loop, pool in list(self._pools.items()):
            if loop.is_running() and loop is not _running_loop():
                loop.call_soon_threadsafe(pool.close)
            else:
                pool.close()

    def _pool(self) -> _Pool:
        loop = asyncio.get_running_loop()
        if self._pid != os.getpid():
            self._pid, self._pools = os.getpid(), {}
        pool = self._pools.get(loop)
        if pool is None:
            for other in list(self._pools):
                if other.is_closed():
                    self._pools.pop(other, None)
            pool = self._pools[loop] = _Pool(loop, self._address, self._clock)
        return pool


def _running_loop() -> Optional[Loop]:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _refuse(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_exception(Failure("timeout", f"{MAX_OPEN} calls at once"))


def _let_go(task: "asyncio.Task[_Connection]") -> None:
    """A connection that came too late."""
    if not task.cancelled() and task.exception() is None:
        task.result().drop()
