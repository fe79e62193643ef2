"""HTTP/1.1 replies, read within a budget and under ceilings.

http.client reads lines through a buffered file, where only silence counts as late; this reader
owns its recv loop, so that a reply is whole within the budget or is not one.
"""

from __future__ import annotations

import re
import socket
from typing import Dict, NamedTuple, Tuple, Union

from ._budget import Budget
from ._failure import Failure

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 256 * 1024 * 1024
_RECV_BYTES = 64 * 1024  # a larger buffer would be mapped and unmapped at each recv
_MAX_LINE_BYTES = 4096

_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: .*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?", re.DOTALL)


class Reply(NamedTuple):
    """A whole reply; header names in lower case."""

    status: int
    headers: Dict[str, str]
    body: Union[bytes, bytearray]
    keep_alive: bool


class Reader:
    """Bytes of one reply as they come. EOF is ConnectionAbortedError, an OSError like the rest."""

    def __init__(self, sock: socket.socket, budget: Budget) -> None:
        self._sock = sock
        self._budget = budget
        self._buffer = bytearray()
        self.started = False  # a byte has come

    def left_over(self) -> bool:
        """Bytes came that no reply of ours has asked for."""
        return bool(self._buffer)

    def take_until(self, mark: bytes, max_bytes: int) -> bytes:
        """The bytes before `mark`, which is passed over."""
        start = 0
        while True:
            at = self._buffer.find(mark, start)
            if at > max_bytes or (at < 0 and len(self._buffer) > max_bytes):
                raise Failure("bad_reply", "head too large")
            if at >= 0:
                break
            start = max(0, len(self._buffer) - len(mark) + 1)
            self._fill()
        taken = bytes(self._buffer[:at])
        del self._buffer[: at + len(mark)]
        return taken

    def take(self, count: int) -> bytearray:
        """Exactly `count` bytes."""
        while len(self._buffer) < count:
            self._fill()
        taken = self._buffer[:count]
        del self._buffer[:count]
        return taken

    def _fill(self) -> None:
        self._budget.arm(self._sock)
        data = self._sock.recv(_RECV_BYTES)
        if not data:
            raise ConnectionAbortedError("closed by the peer")
        self.started = True
        self._buffer += data


def read_reply(reader: Reader) -> Reply:
    """The next final reply; interim ones (1xx) are passed over."""
    left = MAX_HEAD_BYTES
    while True:
        head = reader.take_until(b"\r\n\r\n", left)
        left -= len(head)
        version, status, headers = _parse_head(head)
        if status >= 200:
            break
        if status == 101:
            raise Failure("bad_reply", "101")
    body = b"" if status in (204, 304) else _read_body(reader, headers)
    asked_to_close = "close" in headers.get("connection", "").lower()
    keep_alive = version == 1 and not asked_to_close and not reader.left_over()
    return Reply(status, headers, body, keep_alive)


def _parse_head(head: bytes) -> Tuple[int, int, Dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    status_line = _STATUS_LINE.fullmatch(first)
    if status_line is None:
        raise Failure("bad_reply", "status line")
    headers: Dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise Failure("bad_reply", "header line")
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(status_line[1]), int(status_line[2]), headers


def _read_body(reader: Reader, headers: Dict[str, str]) -> Union[bytes, bytearray]:
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is not None:
        if coding.lower() != "chunked" or length is not None:
            raise Failure("bad_reply", "transfer-encoding")
        return _read_chunked(reader)
    # Read until close is not taken: a reply cut short would look whole.
    if length is None or not _LENGTH.fullmatch(length):
        raise Failure("bad_reply", "content-length")
    if int(length) > MAX_BODY_BYTES:
        raise Failure("bad_reply", "body too large")
    return reader.take(int(length))


def _read_chunked(reader: Reader) -> bytearray:
    body = bytearray()
    while True:
        line = _CHUNK_SIZE.fullmatch(reader.take_until(b"\r\n", _MAX_LINE_BYTES))
        if line is None:
            raise Failure("bad_reply", "chunk size")
        size = int(line[1], 16)
        if size == 0:
            break
        if len(body) + size > MAX_BODY_BYTES:
            raise Failure("bad_reply", "body too large")
        body += reader.take(size)
        if reader.take(2) != b"\r\n":
            raise Failure("bad_reply", "chunk end")
    while reader.take_until(b"\r\n", _MAX_LINE_BYTES):
        pass  # trailers say nothing that we need
    return body
