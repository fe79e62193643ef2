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
from typing import Deque, Optional, Tuple

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
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

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
        self._incoming = incoming = Incoming()
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
            self._waiter = None
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


class AsyncTransport:
    """Exchanges with one daemon, on whatever loop is running: each has a pool of its own, and a
    pool of a loop that is gone, or of the parent of a fork, is let go."""

    def __init__(self, address: Address, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._owner: Tuple[Optional[Loop], int] = (None, 0)
        self._idle: Deque[_Connection] = deque()
        self._waiting: "Deque[asyncio.Future[None]]" = deque()
        self._open = 0
        self._closed = False

    async def exchange(self, request: Request, budget: Budget) -> Reply:
        """The reply, whatever its status. Raises Failure only, but for a cancellation."""
        loop = asyncio.get_running_loop()
        owner = (loop, os.getpid())
        if self._owner != owner:
            self._begin(owner)
        await self._enter(loop, budget)
        try:
            return await self._exchange(loop, request, budget)
        except OSError as error:
            failure = budget.failure(error)
        finally:
            if self._owner == owner:
                self._leave()
        raise failure

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().drop()

    def _begin(self, owner: Tuple[Loop, int]) -> None:
        self._owner = owner
        self._idle, self._waiting, self._open = deque(), deque(), 0

    async def _enter(self, loop: Loop, budget: Budget) -> None:
        budget.left()
        if self._open < MAX_OPEN:
            self._open += 1
            return
        waiter: "asyncio.Future[None]" = loop.create_future()
        self._waiting.append(waiter)
        timer = loop.call_later(budget.left(), _refuse, waiter)
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

    async def _exchange(self, loop: Loop, request: Request, budget: Budget) -> Reply:
        kept = self._take()
        if kept is not None:
            try:
                return await self._attempt(kept, request, budget, True)
            except Unanswered:
                pass  # once more, on a connection that is new
        return await self._attempt(await self._connect(loop, budget), request, budget, False)

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

    async def _connect(self, loop: Loop, budget: Budget) -> _Connection:
        """Connecting is a task, so that it can be left behind when time is up."""
        task = loop.create_task(self._dial(loop))
        try:
            await asyncio.wait({task}, timeout=budget.left())
        finally:
            if not task.done():
                task.cancel()
                task.add_done_callback(_let_go)
        if not task.done() or task.cancelled():
            raise Failure("timeout")
        return task.result()

    async def _dial(self, loop: Loop) -> _Connection:
        address = self._address
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


def _refuse(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_exception(Failure("timeout", f"{MAX_OPEN} calls at once"))


def _let_go(task: "asyncio.Task[_Connection]") -> None:
    """A connection that came too late."""
    if not task.cancelled() and task.exception() is None:
        task.result().drop()
