"""Requests out, replies in, over connections that are kept for the next call.

The pool is a deque of places, one for each connection that may be open: its appends and pops are
atomic, so the usual call takes no lock, and there is none that a fork could leave held. A child of
a fork begins with places of its own, as two processes on one connection would read each other's
replies.

Sockets never block. A wait is a poll of what is left of the budget: it goes on after a signal with
what is left then, and no operation needs its own timeout set.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
from collections import deque
from typing import Deque, Dict, Optional, Tuple

from ._address import Address
from ._budget import Budget, Clock
from ._failure import Failure
from ._http import Incoming, Reply

MAX_OPEN = 64  # at once; a call that finds none free waits, within its budget
MAX_IDLE_S = 15.0  # below any server's own limit (ours: 120 s)
JOIN_BYTES = 64 * 1024  # below this a copy is cheaper than a second send
_RECV_BYTES = 64 * 1024  # a larger buffer would be mapped and unmapped at each recv


class Request:
    """`head` is made by `head_of`; the body's length and the time left are added on the way out."""

    __slots__ = ("head", "body")

    def __init__(self, head: str, body: Optional[bytes] = None) -> None:
        self.head = head
        self.body = body

    def start(self, budget: Budget) -> bytes:
        """The header block, written as late as can be: it tells the daemon what is left."""
        length = "" if self.body is None else f"Content-Length: {len(self.body)}\r\n"
        return f"{self.head}X-Request-Timeout-Ms: {budget.grant_ms()}\r\n{length}\r\n".encode("ascii")


def head_of(method: str, target: str, headers: Dict[str, str]) -> str:
    """A request's line and its headers, of checked values only."""
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return f"{method} {target} HTTP/1.1\r\n{''.join(lines)}"


class Unanswered(Exception):
    """A kept connection died before any byte of the reply: the server had closed it."""


class _Connection:
    """An open socket, one exchange at a time."""

    __slots__ = ("_sock", "_poller", "_pid", "idle_since")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._poller = select.poll()
        self._poller.register(sock, select.POLLIN)
        self._pid = os.getpid()
        self.idle_since = 0.0

    def close(self) -> None:
        self._sock.close()

    def is_silent(self) -> bool:
        """Neither closed by the peer nor spoken to: what came unasked would be taken for a reply."""
        return not self._poller.poll(0)

    def exchange(self, request: Request, budget: Budget, kept: bool) -> Tuple[Reply, bool]:
        """The reply, and whether the connection may be kept; it is closed if not."""
        incoming = Incoming(budget)
        try:
            sent = self._send(request, budget)
            reply = self.receive(incoming, budget)
        except ConnectionError:
            self._sock.close()
            if kept and not incoming.started:
                raise Unanswered from None
            raise
        except BaseException:
            self._sock.close()
            raise
        if sent and reply.keep_alive:
            return reply, True
        self._sock.close()
        return reply, False

    def receive(self, incoming: Incoming, budget: Budget) -> Reply:
        while True:
            self._wait(self._poller, budget)
            data = self._sock.recv(_RECV_BYTES)
            if not data:
                raise ConnectionAbortedError("closed by the peer")
            reply = incoming.feed(data)
            if reply is not None:
                return reply

    def connected(self, budget: Budget) -> int:
        """The error of a connect that was under way, once it is over; 0 is none."""
        self._wait(_poller(self._sock, select.POLLOUT), budget)
        return self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def _send(self, request: Request, budget: Budget) -> bool:
        """Whether all of the request is out: an answer before that ends it, and reading tells."""
        start, body = request.start(budget), request.body or b""
        try:
            if len(body) > JOIN_BYTES:
                return self._send_all(start, budget) and self._send_all(body, budget)
            return self._send_all(start + body, budget)
        except (BrokenPipeError, ConnectionResetError):
            return False

    def _send_all(self, data: bytes, budget: Budget) -> bool:
        sent = self._sock.send(data)  # of an empty buffer: some of it always goes
        if sent == len(data):
            return True
        left = memoryview(data)[sent:]
        both = _poller(self._sock, select.POLLIN | select.POLLOUT)
        while left:
            if self._wait(both, budget) & select.POLLIN:
                return False
            left = left[self._sock.send(left) :]
        return True

    def _wait(self, poller: "select.poll", budget: Budget) -> int:
        """The poll's events, once there are any."""
        ready = poller.poll(budget.left() * 1e3)
        if self._pid != os.getpid():  # a signal handler has forked: the reply is the parent's
            raise Failure("connect", "forked meanwhile")
        if not ready:
            raise Failure("timeout")
        return ready[0][1]


def _poller(sock: socket.socket, wanted: int) -> "select.poll":
    poller = select.poll()
    poller.register(sock, wanted)
    return poller


class Transport:
    """Exchanges with one daemon; any number of threads may call it."""

    def __init__(self, address: Address, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._closed = False
        self._places: Deque[Optional[_Connection]] = deque()
        self._begin()

    def exchange(self, request: Request, budget: Budget) -> Reply:
        """The reply, whatever its status. Raises Failure only, but for what a signal raises."""
        budget.left()  # nothing is begun on a budget that is spent
        if self._pid != os.getpid():
            self._begin()
        try:
            place = self._places.pop()  # with the connection used last, if it has one
        except IndexError:
            place = self._wait_for_place(budget)
        kept: Optional[_Connection] = None
        try:
            reply, kept = self._exchange(place, request, budget)
            return reply
        except OSError as error:
            raise budget.failure(error) from None
        except MemoryError:
            raise Failure("bad_reply", "MemoryError") from None
        finally:
            self._give_back(kept)

    def idle(self) -> int:
        """How many connections are kept."""
        return sum(place is not None for place in self._places)

    def close(self) -> None:
        """Closes what is idle; what is in use is closed when it comes back."""
        self._closed = True
        self.drop_idle()

    def drop_idle(self) -> None:
        for _ in range(len(self._places)):
            try:
                connection = self._places.pop()
            except IndexError:
                return  # another thread was faster
            if connection is not None:
                connection.close()
            self._places.appendleft(None)

    def _begin(self) -> None:
        parents = self._places
        self._pid = os.getpid()
        self._places = deque([None] * MAX_OPEN)  # on the right what was used last
        self._waiting: Deque[threading.Lock] = deque()
        for connection in parents:
            if connection is not None:
                connection.close()

    def _exchange(
        self, kept: Optional[_Connection], request: Request, budget: Budget
    ) -> Tuple[Reply, Optional[_Connection]]:
        """The reply, and the connection if it may be kept."""
        if kept is not None and self._is_fresh(kept):
            try:
                reply, keep = kept.exchange(request, budget, True)
                return reply, kept if keep else None
            except Unanswered:
                pass  # once more, on a connection that is new
        new = self._connect(budget)
        reply, keep = new.exchange(request, budget, False)
        return reply, new if keep else None

    def _connect(self, budget: Budget) -> _Connection:
        sock = socket.socket(self._address.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            connection = _Connection(sock)
            code = sock.connect_ex(self._address.target)
            if code == errno.EINPROGRESS:
                code = connection.connected(budget)
            if code:
                raise OSError(code, os.strerror(code))
            if self._address.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        except BaseException:
            sock.close()
            raise

    def _is_fresh(self, connection: _Connection) -> bool:
        """It is closed if not."""
        fresh = self._clock() - connection.idle_since <= MAX_IDLE_S and connection.is_silent()
        if not fresh:
            connection.close()
        return fresh

    def _give_back(self, connection: Optional[_Connection]) -> None:
        if connection is None:
            self._places.appendleft(None)
        else:
            connection.idle_since = self._clock()
            self._places.append(connection)
            if self._closed:
                self.drop_idle()
        if self._waiting:
            self._wake_one()

    def _wait_for_place(self, budget: Budget) -> Optional[_Connection]:
        woken = threading.Lock()
        try:
            while True:
                woken.acquire(False)
                self._waiting.append(woken)
                try:
                    return self._places.pop()  # one may have come free in between
                except IndexError:
                    pass
                if not woken.acquire(timeout=budget.left()):
                    raise Failure("timeout", f"{MAX_OPEN} calls at once")
        finally:
            try:
                self._waiting.remove(woken)
            except ValueError:
                self._wake_one()  # the call to wake was ours, and may have come too late for us

    def _wake_one(self) -> None:
        try:
            self._waiting.popleft().release()
        except IndexError:
            pass  # nobody waits any more
