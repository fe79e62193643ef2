"""Events of the shape that both clients write, read a block at a time: no object is made for a line.

Commas cut a line into its members; each is then looked at in all lines at once, eight bytes at a time (a word: the bytes from
some place on, the first one lowest). What is not exactly as expected, to the byte, is left to the plain reader (spool.py), which
says what it is: an escape, a mismatch, a refusal, a member more. So both read the same, and a test compares them.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, List, NamedTuple, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from . import ids
from .fields import FIELDS, MOST_DAYS, STAGES

Array = NDArray[Any]
WORD = 8
_MASKS = np.array([(1 << 8 * n) - 1 for n in range(WORD)] + [2**64 - 1], np.uint64)  # the first n bytes
_ONES, _HIGHS, _ZEROS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080), np.uint64(0x3030303030303030)
_NULL = np.uint64(2**64 - 1)
_NULL_TEXT = np.uint64(int.from_bytes(b"null", "little"))
_VALUES = {field.name: field.values for field in FIELDS}

_HEAD = ("v", "ts", "route", "mode", "key_hash", "bucket", "path", "outcome", "reason", "sidecar_ms", "legacy_ms", "total_ms", "cpu_legacy", "client")
_TAIL = ("match", "diff", "bytes_in", "request_id", "trace_id", "caller", "pid", "host")
_WRITTEN = {"v": '{"v":', "cpu_legacy": '"cpu_ms":{"legacy":', "queue": '"server":{"queue":'}
_NUMBERS = frozenset({"bucket", "sidecar_ms", "legacy_ms", "total_ms", "cpu_legacy", "client", *STAGES, "bytes_in", "pid"})
_CLOSED = frozenset({"client", "write", "host"})  # a brace follows
_CELL = ("route", "mode", "path", "outcome", "reason")
_TEXTS = ("route", "mode", "key_hash", "path", "outcome", "reason", "request_id", "trace_id", "caller", "host")
_NULLABLE = frozenset({"key_hash", "trace_id", "caller"})
_LONGEST = {"route": ids.LONGEST_ROUTE, "mode": 8, "key_hash": 16, "path": 8, "outcome": 8, "reason": 16, "request_id": ids.LONGEST, "trace_id": 32, "caller": 32, "host": 32}


class Shape:
    """The members of a line, and as columns what is looked for in all of them at once: words of keys, words of texts."""

    def __init__(self, members: Sequence[str]) -> None:
        self.members = tuple(members)
        keys = [_WRITTEN.get(name, f'"{name}":').encode() for name in members]
        parts = [(at, place, key[place : place + WORD]) for at, key in enumerate(keys) for place in range(0, len(key), WORD)]
        self.key_length = _column([len(key) for key in keys])
        self.key_member = np.array([at for at, _, _ in parts])
        self.key_place = _column([place for _, place, _ in parts])
        self.key_mask = _MASKS[[len(part) for _, _, part in parts]][:, None]
        self.key_word = _column([int.from_bytes(part, "little") for _, _, part in parts], np.uint64)
        self.closed = np.array([at for at, name in enumerate(members) if name in _CLOSED])
        self.numbers = np.array([at for at, name in enumerate(members) if name in _NUMBERS])
        self.texts = np.array([self.members.index(name) for name in _TEXTS])
        self.nullable = _column([name in _NULLABLE for name in _TEXTS], np.bool_)
        self.longest = _column([_LONGEST[name] for name in _TEXTS])
        words = [(at, name, place) for at, name in enumerate(_TEXTS) for place in range(0, _LONGEST[name], WORD)]
        self.word_text = np.array([at for at, _, _ in words])
        self.first_word = np.array([row for row, (_, _, place) in enumerate(words) if not place])
        self.word_place = _column([place for _, _, place in words])
        self.words_of = {wanted: np.array([row for row, (_, name, _) in enumerate(words) if name == wanted]) for wanted in _TEXTS}


def _column(values: Sequence[int], dtype: Any = np.int64) -> Array:
    return np.array(values, dtype)[:, None]


SHAPES = tuple(Shape((*_HEAD, *middle, *_TAIL)) for middle in (("server",), STAGES))


@dataclass
class Scanned:
    """Of some lines of a block; `words` are different ones, `codes` tell which of them a line has."""

    lines: Array
    stamps: Array
    ids: Array
    match: Array
    numbers: Dict[str, Array]
    cells: List[Tuple[str, ...]]
    cell_codes: Array
    senders: List[Tuple[Any, str]]


class Span(NamedTuple):
    """A member's value in each line: where it begins and ends."""

    begin: Array
    end: Array


class Block:
    """Whole lines. `starts` and `ends` of all; words from any place on."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bytes = np.frombuffer(data, np.uint8)
        self.ends = np.flatnonzero(self.bytes == 10)
        if not data.endswith(b"\n"):
            self.ends = np.append(self.ends, len(data))
        self.starts = np.concatenate(([0], self.ends[:-1] + 1))

    def line(self, at: int) -> bytes:
        return self.data[self.starts[at] : self.ends[at]]

    def words(self) -> Array:
        """The word at each byte."""
        padded = np.frombuffer(self.data + bytes(WORD), np.uint8)
        return np.ndarray((len(self.data),), "<u8", buffer=padded.data, strides=(1,)).copy()

    def odd(self) -> Array:
        """Lines with a control character, a backslash, or what is not ASCII."""
        control = self.bytes < 0x20
        if np.count_nonzero(control) == self.data.count(b"\n") and b"\\" not in self.data and self.data.isascii():
            return self.ends[:0]
        places = np.flatnonzero((control & (self.bytes != 10)) | (self.bytes == 92) | (self.bytes >= 0x80))
        return np.unique(np.searchsorted(self.ends, places))


def scan(block: Block, refused: FrozenSet[str]) -> List[Scanned]:
    """By shape. Calls with a reason of `refused` are left to the plain reader, too."""
    commas = np.flatnonzero(block.bytes == 44)
    first = np.searchsorted(commas, block.starts)
    counts = np.diff(first, append=len(commas))
    counts[block.odd()] = 0
    words = block.words()
    found = []
    for shape in SHAPES:
        cut = len(shape.members) - 1
        lines = np.flatnonzero(counts == cut)
        if len(lines):
            cuts = commas[first[lines] + np.arange(cut)[:, None]]
            found.append(_Shape(block, words, shape, lines, cuts).scanned(refused))
    return found


class _Shape:
    """Lines with as many members as a shape has. `good`: those that are found to be of it."""

    def __init__(self, block: Block, words: Array, shape: "Shape", lines: Array, cuts: Array) -> None:
        self._block, self._words, self._shape, self._lines = block, words, shape, lines
        begins = np.concatenate((block.starts[lines][None], cuts + 1))
        ends = np.concatenate((cuts, block.ends[lines][None]))
        keys = self._at(begins[shape.key_member] + shape.key_place) & shape.key_mask
        self.good = (keys == shape.key_word).all(axis=0) & (self._byte(ends[shape.closed] - 1) == ord("}")).all(axis=0)
        ends[shape.closed] -= 1
        self._begins, self._ends = begins + shape.key_length, ends

    def _at(self, places: Array) -> Array:
        return self._words.take(places, mode="clip")

    def _byte(self, places: Array) -> Array:
        return self._block.bytes.take(places, mode="clip")

    def _span(self, name: str) -> Span:
        at = self._shape.members.index(name)
        return Span(self._begins[at], self._ends[at])

    def scanned(self, refused: FrozenSet[str]) -> Scanned:
        self._is("v", b"1")
        self._is("diff", b"null")
        if "server" in self._shape.members:
            self._is("server", b"null")
        stamps, match, numbers = self._stamps(), self._match(), self._numbers()
        self._texts()
        cells, cell_codes = self._different(_CELL, lambda cell: _is_cell(cell, refused))
        senders, _ = self._different(("caller", "host"), lambda _: True)
        named = ids.mixed(*self._text("request_id"), *self._text("route"))
        good = self.good
        return Scanned(
            self._lines[good], stamps[good], named[good], match[good], {name: column[good] for name, column in numbers.items()},
            cells, cell_codes[good], [(caller, str(host)) for caller, host in senders],
        )  # fmt: skip

    def _is(self, name: str, text: bytes) -> None:
        self.good &= self._equals(self._span(name), text)

    def _equals(self, span: Span, text: bytes) -> Array:
        same: Array = (span.end - span.begin == len(text)) & ((self._at(span.begin) & _MASKS[len(text)]) == np.uint64(int.from_bytes(text, "little")))
        return same

    def _texts(self) -> None:
        """All of them as words behind their quotes, zeros behind their ends; those of null are like no text's."""
        shape = self._shape
        begin, end = self._begins[shape.texts], self._ends[shape.texts]
        first, words = self._byte(begin), self._at(begin[shape.word_text] + 1 + shape.word_place)
        null = (end - begin == 4) & (first == ord("n")) & ((words[shape.first_word] & _MASKS[3]) == _NULL_TEXT >> np.uint64(8)) & shape.nullable
        self._lengths = np.where(null, 0, end - begin - 2)
        good = null | ((end - begin >= 2) & (self._lengths <= shape.longest) & (first == 34) & (self._byte(end - 1) == 34))
        words &= _MASKS.take(self._lengths[shape.word_text] - shape.word_place, mode="clip")
        self.good &= good.all(axis=0) & ~_has(words, 34).any(axis=0)
        self._text_words = np.where(null[shape.word_text], _NULL, words)

    def _text(self, name: str) -> Tuple[List[Array], Array]:
        """The words, and the length."""
        return list(self._text_words[self._shape.words_of[name]]), self._lengths[_TEXTS.index(name)]

    def _different(self, names: Sequence[str], wanted: Callable[[Tuple[Any, ...]], bool]) -> Tuple[List[Any], Array]:
        """The different tuples of some texts in good lines, and which of them each has. A line with an unwanted one is not good."""
        here = np.flatnonzero(self.good)
        words = [word[here] for name in names for word in (*self._text(name)[0], self._text(name)[1].astype(np.uint64))]
        _, first, codes = np.unique(ids.hashed(words), return_index=True, return_inverse=True)
        tuples = [tuple(self._read(name, at) for name in names) for at in here[first].tolist()]
        sure = np.array([wanted(one) for one in tuples], bool)[codes]
        for word in words:
            sure &= word == word[first][codes]
        self.good[here] = sure
        used = np.flatnonzero(np.bincount(codes[sure], minlength=len(first)))
        place = np.zeros(len(first), np.int64)
        place[used] = np.arange(len(used))
        out = np.zeros(len(self.good), np.int64)
        out[here] = place[codes]
        return [tuples[code] for code in used.tolist()], out

    def _read(self, name: str, at: int) -> Any:
        begin, end = (int(place[at]) for place in self._span(name))
        text = self._block.data[begin:end]
        return None if text == b"null" else text[1:-1].decode("ascii")

    def _match(self) -> Array:
        null, true = (self._equals(self._span("match"), text) for text in (b"null", b"true"))
        self.good &= null | true
        return np.where(true, 1, -1).astype(np.int8)

    def _numbers(self) -> Dict[str, Array]:
        """As float32; null is NaN. Up to eight digits, and three behind the point."""
        shape = self._shape
        begin, end = self._begins[shape.numbers], self._ends[shape.numbers]
        last = self._at(end - WORD)
        behind = np.zeros(begin.shape, np.int64)
        for digits in (3, 2, 1):
            behind[(last >> np.uint64(8 * (7 - digits))) & np.uint64(0xFF) == ord(".")] = digits
        whole = np.where(behind > 0, end - behind - 1, end)
        length = whole - begin
        high, good = _digits(self._at(whole - WORD), length)
        low, fraction = _digits(last, behind)
        scale = np.array([1.0, 10.0, 100.0, 1000.0])[behind]
        values = (high * scale + low) / scale  # below 2^53, so that the quotient is the nearest to the text
        null = (end - begin == 4) & (last >> np.uint64(32) == _NULL_TEXT)
        leading = (length > 1) & (self._byte(begin) == ord("0"))
        good = (good & (length >= 1) & (length <= WORD) & ~leading & fraction) | null
        values[null] = np.nan
        columns = dict(zip((shape.members[at] for at in shape.numbers), values.astype(np.float32)))
        self.good &= good.all(axis=0) & ~np.isnan(columns["total_ms"])
        columns["cpu_client"] = columns.pop("client")
        for stage in STAGES:
            columns.setdefault(stage, np.full(len(self._lines), np.nan, np.float32))
        return columns

    def _stamps(self) -> Array:
        """Microseconds since 1970 of "2026-01-02T03:04:05.678901Z"."""
        begin, end = self._span("ts")
        self.good &= (end - begin == 29) & (self._byte(begin) == 34) & (self._byte(end - 1) == 34)
        begin = begin + 1
        year_month, good_a = _number(self._at(begin), {4: "-", 7: "-"})
        day_hour, good_b = _number(self._at(begin + 8), {2: "T", 5: ":"})
        seconds, good_c = _number(self._at(begin + 16), {0: ":", 3: "."})
        micros, good_d = _number(self._at(begin + 19), {0: ".", 7: "Z"})
        hour, minute, second = day_hour // 1000 % 1000, day_hour % 1000, seconds // 100_000
        self.good &= good_a & good_b & good_c & good_d & (hour < 24) & (minute < 60) & (second < 60)
        days, codes = np.unique(year_month * 1000 + day_hour // 1_000_000, return_inverse=True)
        since = np.array([_days(day) for day in days.tolist()], np.int64)
        self.good &= since[codes] != _NO_DAY
        stamps: Array = ((since[codes] * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + micros // 10
        return stamps


_NO_DAY = -1
_EPOCH = datetime.date(1970, 1, 1).toordinal()


def _days(text: int) -> int:
    """Of 20260010002: year, 0, month, 0, 0, day, as the separators were read as zeros."""
    year, month, day = text // 10_000_000, text // 10_000 % 1000, text % 1000
    try:
        days = datetime.date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return _NO_DAY
    return days if 0 <= days < MOST_DAYS else _NO_DAY


def _is_cell(cell: Tuple[Any, ...], refused: FrozenSet[str]) -> bool:
    return cell[-1] not in refused and all(not _VALUES[name] or word in _VALUES[name] for name, word in zip(_CELL, cell))


def _has(word: Array, byte: int) -> Array:
    """Whether one of the eight bytes is that one."""
    different = word ^ (np.uint64(byte) * _ONES)
    found: Array = ((different - _ONES) & ~different & _HIGHS) != 0
    return found


def _digits(word: Array, count: Array) -> Tuple[Array, Array]:
    """The number that the last `count` of eight bytes write, and whether all of them are digits."""
    rest = _MASKS.take(WORD - count, mode="clip")
    return _decimal((word & ~rest) | (_ZEROS & rest))


def _number(word: Array, separators: Dict[int, str]) -> Tuple[Array, Array]:
    """Eight bytes as a number, separators being zeros; and whether they are that."""
    places = np.uint64(sum(0xFF << 8 * at for at in separators))
    good = (word & places) == np.uint64(sum(ord(text) << 8 * at for at, text in separators.items()))
    value, digits = _decimal((word & ~places) | (_ZEROS & places))
    return value, good & digits


def _decimal(word: Array) -> Tuple[Array, Array]:
    """Eight digits at once: pairs, then fours, then all (Lemire, "Quickly parsing eight digits", 2022)."""
    values = word ^ _ZEROS
    good = (((values + np.uint64(0x7676767676767676)) | values) & _HIGHS) == 0
    pairs = values * np.uint64(10) + (values >> np.uint64(8))
    some = (pairs & np.uint64(0x000000FF000000FF)) * np.uint64(0x000F424000000064)
    others = ((pairs >> np.uint64(16)) & np.uint64(0x000000FF000000FF)) * np.uint64(0x0000271000000001)
    return ((some + others) >> np.uint64(32)).astype(np.int64), good
