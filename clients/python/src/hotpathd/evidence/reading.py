"""Files as blocks of whole lines: plain ones by byte ranges, so that processes share a file; gz and zst as streams.

A range owns the lines that begin in it. Lines are numbered within their range; the first number of a
range is known when those before it have been read.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from typing import Any, BinaryIO, Iterator, List, NamedTuple

import zstandard

RANGE = 32 << 20
_BLOCK = 1 << 20
_PACKED = 1 << 14  # of it at a time: zst may make a thousandfold of it
LONGEST_LINE = 1 << 20  # an event has some 500 bytes
TOO_LONG = b""  # stands for a line over the limit


class Unreadable(Exception):
    """A file that cannot be opened or unpacked, told in one line."""


class Damaged(Exception):
    """An archive that ends early, or is broken, after the lines that came out of it."""


class Part(NamedTuple):
    """A range of a plain file, or the whole of a packed one (end -1)."""

    path: str
    start: int
    end: int
    bytes: int  # of the file, that it stands for: progress


def parts_of(paths: List[str]) -> List[Part]:
    return [part for path in paths for part in _parts(path)]


def _parts(path: str) -> Iterator[Part]:
    try:
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
            raise Unreadable(f"{path}: not a file; what comes from a pipe goes into one first")
        size = about.st_size
        with open(path, "rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
    if magic[:2] == b"\x1f\x8b" or magic == b"\x28\xb5\x2f\xfd":
        yield Part(path, 0, -1, size)
        return
    for start in range(0, max(size, 1), RANGE):
        end = min(start + RANGE, size)
        yield Part(path, start, end, end - start)


def blocks(part: Part) -> Iterator[bytes]:
    """Lines with their ends; only the last of a file may lack one."""
    if part.end < 0:
        yield from _lines(_unpacked(part.path), -1)
        return
    with open(part.path, "rb") as file:
        start = part.start
        if start:
            file.seek(start - 1)
            start += _skip_line(file) - 1
        yield from _lines(file, max(part.end - start, 0))


def _skip_line(file: BinaryIO) -> int:
    skipped = 0
    while True:
        piece = file.readline(_BLOCK)
        skipped += len(piece)
        if not piece or piece.endswith(b"\n"):
            return skipped


def _lines(file: BinaryIO, wanted: int) -> Iterator[bytes]:
    """The lines that begin in the next `wanted` bytes (-1: all)."""
    rest, overlong = b"", False
    while wanted:
        block = _read(file, _BLOCK if wanted < 0 else min(_BLOCK, wanted))
        if not block:
            break
        wanted -= len(block) if wanted > 0 else 0
        end = block.rfind(b"\n") + 1
        whole, rest = (rest + block[:end], block[end:]) if end else (b"", rest + block)
        if overlong and whole:
            whole, overlong = TOO_LONG + whole[whole.index(b"\n") :], False
        if len(rest) > LONGEST_LINE:
            rest, overlong = b"", True
        if whole:
            yield whole
    if rest or overlong:
        yield _last_line(file, rest, overlong)


def _last_line(file: BinaryIO, rest: bytes, overlong: bool) -> bytes:
    """The line that begins before the end of a range and may end behind it."""
    rest += file.readline(LONGEST_LINE)
    if overlong or len(rest) > LONGEST_LINE:
        _skip_line(file)
        return TOO_LONG + b"\n"
    return rest


def _read(file: BinaryIO, size: int) -> bytes:
    try:
        return file.read(size)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):
        raise Damaged() from None


def _unpacked(path: str) -> BinaryIO:
    with open(path, "rb") as file:
        magic = file.read(2)
    if magic == b"\x1f\x8b":
        return io.BufferedReader(gzip.open(path, "rb"))
    return io.BufferedReader(_Zst(path), _BLOCK)


class _Zst(io.RawIOBase):
    """The frames of a file, one after the other. The library's own reader takes a torn one for the end."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._rest, self._ready, self._begun = b"", b"", False

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._ready:
            packed = self._rest or self._file.read(_PACKED)
            self._rest = b""
            if not packed:
                if self._begun:
                    raise EOFError
                return 0
            self._ready = self._unpack(packed)
        size = min(len(target), len(self._ready))
        target[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _unpack(self, packed: bytes) -> bytes:
        out = self._frame.decompress(packed)
        self._begun = not self._frame.eof
        if self._frame.eof:
            self._rest = self._frame.unused_data
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        return out

    def close(self) -> None:
        self._file.close()
        super().close()
