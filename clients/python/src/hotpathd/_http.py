"""HTTP/1.1 replies, under ceilings, from bytes as they come.

http.client reads lines through a buffered file, where only silence counts as late. Here whoever
has the bytes feeds them: a socket's recv loop or asyncio, each with its own hold on the clock. The
grammar is a generator that yields wherever it needs more.
"""

from __future__ import annotations

import re
from typing import Dict, Generator, List, NamedTuple, Optional, Tuple, TypeVar, Union

from ._budget import Budget
from ._failure import Failure

T = TypeVar("T")
Steps = Generator[None, None, T]  # yields for more bytes, returns its result

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 256 * 1024 * 1024
_MAX_LINE_BYTES = 4096
_MARKS_AT_ONCE = 1024  # lines read without a look at the clock: some 3 ms

_HEAD = re.compile(
    rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\r\n]*)?((?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n]*)*)"
)
# As the daemon itself writes the head of a 200. [^\r] is matched three times as fast as [^\r\n].
_OWN_HEAD = re.compile(
    rb"HTTP/1\.1 200 [^\r]*\r\nContent-Length: ([0-9]{1,9})\r\nDate: [^\r]*\r\nContent-Type: application/json\r\n"
    rb"X-Request-Id: ([!-~]+)\r\nX-Hotpath-Contract: ([!-~]+)\r\n"
    rb"Server-Timing: ([!-~][^\r]*[!-~])\r\n\r\n"
)
_OWN_LINES = 8
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?", re.DOTALL)


class Headers:
    """Names in lower case, with the trimmed values of each."""

    def __init__(self, lines: bytes) -> None:
        """Each line begins with its CRLF."""
        self._values: Dict[str, List[str]] = {}
        for line in lines.decode("latin-1").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            self._values.setdefault(name.lower(), []).append(value.strip(" \t"))

    def get(self, name: str) -> str:
        """Those of several lines are joined; "" where there is none."""
        return ", ".join(self._values.get(name, ()))

    def __contains__(self, name: str) -> bool:
        return name in self._values


class Reply(NamedTuple):
    """A whole reply, and what somebody wants to know of its head; "" where it does not say."""

    status: int
    body: Union[bytes, bytearray]
    keep_alive: bool
    request_id: str = ""
    contract: str = ""
    server_timing: str = ""
    content_type: str = ""
    etag: str = ""


class Incoming:
    """One reply, fed in pieces of any size."""

    __slots__ = ("_budget", "_marks", "_buffer", "_steps", "started")

    def __init__(self, budget: Optional[Budget] = None) -> None:
        self._budget = budget
        self._steps: Optional[Steps[Reply]] = None
        self.started = False  # a byte has come

    def feed(self, data: bytes) -> Optional[Reply]:
        """The reply, once it is whole. Failure("bad_reply") where the bytes are none."""
        if not self.started:
            self.started = True
            own = read_own(data)
            if own is not None:
                return own
        if self._steps is None:
            self._marks = 0
            self._buffer = bytearray()
            self._steps = _read(self)
        self._buffer += data
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


def read_own(data: bytes) -> Optional[Reply]:
    """The usual case by itself: one read that holds a reply of the daemon, whole. None means: read it
    by steps."""
    head = _OWN_HEAD.match(data)
    if head is None:
        return None
    start = head.end()
    length, request_id, contract, timing = head.groups()
    if int(length) != len(data) - start or data.count(b"\n", 0, start) != _OWN_LINES or start > MAX_HEAD_BYTES:
        return None
    return Reply(
        200, data[start:], True, request_id.decode("ascii"), contract.decode("ascii"), timing.decode("latin-1"),
        "application/json",
    )  # fmt: skip


def _read(incoming: Incoming) -> Steps[Reply]:
    """The next final reply; interim ones (1xx) are passed over."""
    left = MAX_HEAD_BYTES
    while True:
        raw = yield from incoming.take_until(b"\r\n\r\n", left)
        left -= len(raw)
        head = _HEAD.fullmatch(raw)
        if head is None:
            raise Failure("bad_reply", "head")
        version, status, headers = _parts(head)
        if status >= 200:
            break
        if status == 101:
            raise Failure("bad_reply", "101")
    body: Union[bytes, bytearray] = b""
    if status not in (204, 304):
        body = yield from _read_body(incoming, headers)
    return Reply(
        status,
        body,
        version == 1 and "close" not in headers.get("connection").lower() and not incoming.left_over(),
        headers.get("x-request-id"),
        headers.get("x-hotpath-contract"),
        headers.get("server-timing"),
        headers.get("content-type"),
        headers.get("etag"),
    )


def _parts(head: "re.Match[bytes]") -> Tuple[int, int, Headers]:
    version, status, lines = head.groups()
    return int(version), int(status), Headers(lines)


def _read_body(incoming: Incoming, headers: Headers) -> Steps[bytearray]:
    length = headers.get("content-length")
    if "transfer-encoding" in headers:
        if headers.get("transfer-encoding").lower() != "chunked" or "content-length" in headers:
            raise Failure("bad_reply", "transfer-encoding")
        return (yield from _read_chunked(incoming))
    # Read until close is not taken: a reply cut short would look whole.
    if not _LENGTH.fullmatch(length):
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
    left = MAX_HEAD_BYTES
    while left >= 0:
        trailer = yield from incoming.take_until(b"\r\n", _MAX_LINE_BYTES)
        if not trailer:
            return body
        left -= len(trailer)  # and it says nothing that we need
    raise Failure("bad_reply", "trailers too large")
