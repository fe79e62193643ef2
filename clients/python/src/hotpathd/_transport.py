"""Requests out, replies in, over connections that are kept for the next call.

The pool is a deque: its appends and pops are atomic, so there is no lock that a fork could leave
held. Each connection knows the process that opened it; after a fork the child closes its copies
and never speaks on them, as two processes on one connection would read each other's replies.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from typing import Deque, Dict, NamedTuple, Optional

from . import _fork
from ._address import Address
from ._budget import Budget, Clock
from ._failure import Failure
from ._http import Incoming, Reply

MAX_IDLE = 64
MAX_OPEN = 64  # at once; a call that finds none free waits, within its budget
MAX_IDLE_S = 15.0  # below any server's own limit (ours: 120 s)
JOIN_BYTES = 64 * 1024  # below this a copy is cheaper than a second send
_RECV_BYTES = 64 * 1024  # a larger buffer would be mapped and unmapped at each recv


class Request(NamedTuple):
    """`headers` hold checked values only; length, host and timeout are added on the way out."""

    method: str
    target: str
    headers: Dict[str, str]
    body: bytes = b""


class _Connection(NamedTuple):
    sock: socket.socket
    pid: int
    idle_since: float


class Unanswered(Exception):
    """A kept connection died before any byte of the reply: the server had closed it."""


class Transport:
    """Exchanges with one daemon; any number of threads may call it."""

    def __init__(self, address: Address, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._idle: Deque[_Connection] = deque()
        self._closed = False
        self.after_fork()
        _fork.register(self)

    def after_fork(self) -> None:
        self._slots = threading.Semaphore(MAX_OPEN)

    def exchange(self, request: Request, budget: Budget) -> Reply:
        """The reply, whatever its status. Raises Failure only, but for what a signal raises."""
        if not self._slots.acquire(timeout=budget.left()):
            raise Failure("timeout", f"{MAX_OPEN} calls at once")
        try:
            return self._exchange(request, budget)
        except OSError as error:
            failure = budget.failure(error)
        except MemoryError:
            failure = Failure("bad_reply", "MemoryError")
        finally:
            self._slots.release()
        raise failure

    def close(self) -> None:
        """Closes what is idle; what is in use is closed when it comes back."""
        self._closed = True
        self._drop_idle(0)

    def _exchange(self, request: Request, budget: Budget) -> Reply:
        sock = self._take()
        if sock is not None:
            try:
                return self._attempt(sock, request, budget, kept=True)
            except Unanswered:
                pass  # once more, on a connection that is new
        return self._attempt(self._connect(budget), request, budget, kept=False)

    def _connect(self, budget: Budget) -> socket.socket:
        sock = socket.socket(self._address.family, socket.SOCK_STREAM)
        try:
            budget.arm(sock)
            sock.connect(self._address.target)
            if self._address.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            sock.close()
            raise
        return sock

    def _attempt(
        self, sock: socket.socket, request: Request, budget: Budget, kept: bool
    ) -> Reply:
        incoming = Incoming()
        try:
            self._send(sock, request, budget)
            reply = _receive(sock, incoming, budget)
        except ConnectionError:
            sock.close()
            if kept and not incoming.started:
                raise Unanswered from None
            raise
        except BaseException:
            sock.close()
            raise
        if reply.keep_alive:
            self._give_back(sock)
        else:
            sock.close()
        return reply

    def _send(self, sock: socket.socket, request: Request, budget: Budget) -> None:
        head = head_of(request, self._address, budget)
        try:
            budget.arm(sock)
            if len(request.body) <= JOIN_BYTES:
                sock.sendall(head + request.body)
                return
            sock.sendall(head)
            budget.arm(sock)
            sock.sendall(request.body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a refusal may have come before the body was out; reading tells

    def _take(self) -> Optional[socket.socket]:
        """The connection used last, if it is ours, fresh and silent."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            fresh = self._clock() - connection.idle_since <= MAX_IDLE_S
            if connection.pid == os.getpid() and fresh and _is_silent(connection.sock):
                return connection.sock
            connection.sock.close()

    def _give_back(self, sock: socket.socket) -> None:
        self._idle.append(_Connection(sock, os.getpid(), self._clock()))
        self._drop_idle(0 if self._closed else MAX_IDLE)

    def _drop_idle(self, keep: int) -> None:
        while len(self._idle) > keep:
            try:
                self._idle.popleft().sock.close()
            except IndexError:
                return  # another thread was faster


def head_of(request: Request, address: Address, budget: Budget) -> bytes:
    """The header block, written as late as can be: it tells the daemon what is left."""
    lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {address.host}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    lines.append(f"X-Request-Timeout-Ms: {budget.grant_ms()}")
    if request.method != "GET":
        lines.append(f"Content-Length: {len(request.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _receive(sock: socket.socket, incoming: Incoming, budget: Budget) -> Reply:
    while True:
        budget.arm(sock)
        data = sock.recv(_RECV_BYTES)
        if not data:
            raise ConnectionAbortedError("closed by the peer")
        reply = incoming.feed(data)
        if reply is not None:
            return reply


def _is_silent(sock: socket.socket) -> bool:
    """Open, and with nothing to read: what comes unasked would be taken for the next reply."""
    sock.settimeout(0)
    try:
        sock.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
