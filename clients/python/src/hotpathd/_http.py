"""HTTP/1.1 replies, under ceilings, from bytes as they come.

http.client reads lines through a buffered file, where only silence counts as late. Here whoever
has the bytes feeds them: a socket's recv loop or asyncio, each with its own hold on the clock. The
grammar is a generator that yields wherever it needs more.
"""

from __future__ import annotations

import re
from typing import Generator, NamedTuple, Optional, Tuple, TypeVar, Union

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
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?", re.DOTALL)


def field(name: str) -> bytes:
    """A name as `Headers.get` looks for it."""
    return b"\r\n" + name.lower().encode("ascii") + b":"


_CODING = field("Transfer-Encoding")
_LENGTH_OF = field("Content-Length")
_CONNECTION = field("Connection")


class Headers:
    """Header lines, looked up where they lie: of the dozen that come, a call reads two or three."""

    __slots__ = ("_lines", "_lower")

    def __init__(self, lines: bytes) -> None:
        """Each line begins with its CRLF, and the last one ends with one, too."""
        self._lines = lines
        self._lower = lines.lower()

    def get(self, name: bytes, default: str = "") -> str:
        """The trimmed value, those of several lines joined; `name` is made by `field`."""
        at = self._lower.find(name)
        if at < 0:
            return default
        start = at + len(name)
        end = self._lower.find(b"\r\n", start)
        value = self._lines[start:end].strip(b" \t").decode("latin-1")
        if self._lower.find(name, end) < 0:
            return value
        return f"{value}, {Headers(self._lines[end:]).get(name)}"

    def say_only(self, name: bytes, value: bytes) -> bool:
        """Whether there is one such line, written as we would write it."""
        return name + b" " + value + b"\r\n" in self._lower and self._lower.count(name) == 1

    def __contains__(self, name: bytes) -> bool:
        return name in self._lower

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._lines == other._lines


class Reply(NamedTuple):
    """A whole reply."""

    status: int
    headers: Headers
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
    head = _HEAD.match(data)
    if head is None or head.end() > MAX_HEAD_BYTES:
        return None
    start = head.end() + 4
    version, status, headers = _parts(head)
    if status < 200 or status in (204, 304) or data[start - 4 : start] != b"\r\n\r\n":
        return None
    if not headers.say_only(_LENGTH_OF, b"%d" % (len(data) - start)) or _CODING in headers:
        return None
    return Reply(status, headers, data[start:], version == 1 and not _asks_to_close(headers))


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
    keep_alive = version == 1 and not _asks_to_close(headers) and not incoming.left_over()
    return Reply(status, headers, body, keep_alive)


def _parts(head: "re.Match[bytes]") -> Tuple[int, int, Headers]:
    version, status, lines = head.groups()
    return int(version), int(status), Headers(lines + b"\r\n")


def _asks_to_close(headers: Headers) -> bool:
    return _CONNECTION in headers and "close" in headers.get(_CONNECTION).lower()


def _read_body(incoming: Incoming, headers: Headers) -> Steps[bytearray]:
    length = headers.get(_LENGTH_OF)
    if _CODING in headers:
        if headers.get(_CODING).lower() != "chunked" or _LENGTH_OF in headers:
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
    while (yield from incoming.take_until(b"\r\n", _MAX_LINE_BYTES)):
        pass  # trailers say nothing that we need
    return body
