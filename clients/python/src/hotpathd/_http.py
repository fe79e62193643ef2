"""HTTP/1.1 replies, under ceilings, from bytes as they come.

http.client reads lines through a buffered file, where only silence counts as late. Here whoever
has the bytes feeds them: a socket's recv loop or asyncio, each with its own hold on the clock. The
grammar is a generator that yields wherever it needs more.
"""

from __future__ import annotations

import re
from typing import Dict, Generator, NamedTuple, Optional, Tuple, TypeVar, Union

from ._budget import Budget
from ._failure import Failure

T = TypeVar("T")
Steps = Generator[None, None, T]  # yields for more bytes, returns its result

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 256 * 1024 * 1024
_MAX_LINE_BYTES = 4096
_MARKS_AT_ONCE = 1024  # lines read without a look at the clock: some 3 ms

_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: .*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PLAIN_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [^\r\n]*)?\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*\r\n)+)\r\n"
)
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?", re.DOTALL)


class Reply(NamedTuple):
    """A whole reply; header names in lower case."""

    status: int
    headers: Dict[str, str]
    body: Union[bytes, bytearray]
    keep_alive: bool


class Incoming:
    """One reply, fed in pieces of any size."""

    def __init__(self, budget: Optional[Budget] = None) -> None:
        self._budget = budget
        self._marks = 0
        self._buffer = bytearray()
        self._steps: Optional[Steps[Reply]] = None
        self.started = False  # a byte has come

    def feed(self, data: bytes) -> Optional[Reply]:
        """The reply, once it is whole. Failure("bad_reply") where the bytes are none."""
        if not self.started:
            self.started = True
            whole = read_whole(data)
            if whole is not None:
                return whole
        self._buffer += data
        if self._steps is None:
            self._steps = _read(self)
        try:
            next(self._steps)
        except StopIteration as end:
            reply: Reply = end.value
            return reply
        return None

    def left_over(self) -> bool:
        """Bytes came that no reply of ours has asked for."""
        return bool(self._buffer)

    def take_until(self, mark: bytes, max_bytes: int) -> Steps[bytes]:
        """The bytes before `mark`, which is passed over."""
        self._marks += 1
        if self._marks % _MARKS_AT_ONCE == 0 and self._budget is not None:
            self._budget.left()  # chunks of one byte: a single read holds ten thousand of them
        start = 0
        while True:
            at = self._buffer.find(mark, start)
            if at > max_bytes or (at < 0 and len(self._buffer) > max_bytes):
                raise Failure("bad_reply", "head too large")
            if at >= 0:
                break
            start = max(0, len(self._buffer) - len(mark) + 1)
            yield
        taken = bytes(self._buffer[:at])
        del self._buffer[: at + len(mark)]
        return taken

    def take(self, count: int) -> Steps[bytearray]:
        """Exactly `count` bytes."""
        while len(self._buffer) < count:
            yield
        if len(self._buffer) == count:
            taken, self._buffer = self._buffer, bytearray()
            return taken
        taken = self._buffer[:count]
        del self._buffer[:count]
        return taken


def read_whole(data: bytes) -> Optional[Reply]:
    """The usual case by itself: one read that holds one plain reply. None means: read it by steps."""
    head = _PLAIN_HEAD.match(data)
    if head is None or head.end() > MAX_HEAD_BYTES:
        return None
    fields = [line.partition(":") for line in head[2].decode("latin-1").split("\r\n")[:-1]]
    headers = {name.lower(): value.strip(" \t") for name, _, value in fields}
    status, length = int(head[1]), headers.get("content-length", "")
    if len(headers) != len(fields) or "transfer-encoding" in headers or status in (204, 304):
        return None
    if not _LENGTH.fullmatch(length) or int(length) != len(data) - head.end():
        return None
    keep_alive = "close" not in headers.get("connection", "").lower()
    return Reply(status, headers, data[head.end() :], keep_alive)


def _read(incoming: Incoming) -> Steps[Reply]:
    """The next final reply; interim ones (1xx) are passed over."""
    left = MAX_HEAD_BYTES
    while True:
        head = yield from incoming.take_until(b"\r\n\r\n", left)
        left -= len(head)
        version, status, headers = _parse_head(head)
        if status >= 200:
            break
        if status == 101:
            raise Failure("bad_reply", "101")
    body: Union[bytes, bytearray] = b""
    if status not in (204, 304):
        body = yield from _read_body(incoming, headers)
    asked_to_close = "close" in headers.get("connection", "").lower()
    keep_alive = version == 1 and not asked_to_close and not incoming.left_over()
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


def _read_body(incoming: Incoming, headers: Dict[str, str]) -> Steps[bytearray]:
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is not None:
        if coding.lower() != "chunked" or length is not None:
            raise Failure("bad_reply", "transfer-encoding")
        return (yield from _read_chunked(incoming))
    # Read until close is not taken: a reply cut short would look whole.
    if length is None or not _LENGTH.fullmatch(length):
        raise Failure("bad_reply", "content-length")
    if int(length) > MAX_BODY_BYTES:
        raise Failure("bad_reply", "body too large")
    return (yield from incoming.take(int(length)))


def _read_chunked(incoming: Incoming) -> Steps[bytearray]:
    body = bytearray()
    while True:
        line = _CHUNK_SIZE.fullmatch((yield from incoming.take_until(b"\r\n", _MAX_LINE_BYTES)))
        if line is None:
            raise Failure("bad_reply", "chunk size")
        size = int(line[1], 16)
        if size == 0:
            break
        if len(body) + size > MAX_BODY_BYTES:
            raise Failure("bad_reply", "body too large")
        body += yield from incoming.take(size)
        if (yield from incoming.take(2)) != b"\r\n":
            raise Failure("bad_reply", "chunk end")
    while (yield from incoming.take_until(b"\r\n", _MAX_LINE_BYTES)):
        pass  # trailers say nothing that we need
    return body
