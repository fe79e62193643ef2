"""The two readers beside each other: blocks of lines at once, and line by line."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, Callable, Dict, List

import made
import pytest

np = pytest.importorskip("numpy", reason="the extra 'report' is not installed: tests/venv report needs a registry")

from hotpathd.evidence import ids, reading, scan, spool, store  # noqa: E402
from hotpathd.evidence.table import Table  # noqa: E402

MAKERS: List[Callable[[], made.Event]] = [
    made.event,
    made.asked,
    made.kept,
    made.shadowed,
    lambda: made.shadowed(match=False),
    lambda: made.failed("timeout"),
    lambda: made.failed("overloaded"),
    lambda: made.event(key_hash="00ff00ff00ff00ff", bucket=17, trace_id="ab" * 16, caller=None, pid=12345, route="score"),
]
ODD: List[Any] = [
    None, True, False, 0, -1, 7, 12.5, 0.001, 99999999.999, 123456789, 1e300, 1e-7, 10**400, "", "x", "on", "ul", "null", "a,b", 'a"b', "a\\b", "é", "\n", "\x7f", "y" * 16, "y" * 17,
    "y" * 40, "2026-02-30T00:00:00.000000Z", "2026-02-28T23:59:59.999999Z", "2024-02-29T24:00:00.000000Z", [], {}, {"legacy": 1, "client": 2}, {"legacy": 1.5},
    {"queue": 1, "parse": 2.25, "compute": None, "write": 0}, {"queue": 1},
]  # fmt: skip


def line(chance: random.Random) -> bytes:
    event: Dict[str, Any] = chance.choice(MAKERS)()
    for name in ("sidecar_ms", "legacy_ms", "total_ms"):
        if event[name] is not None:
            event[name] = round(event[name] * chance.lognormvariate(0, 2), chance.choice((0, 1, 2, 3, 3, 3, 4)))
    if chance.random() < 0.3:
        event[chance.choice([*event, "dropped", "more"])] = chance.choice(ODD)
    if chance.random() < 0.05:
        event.pop(chance.choice(list(event)))
    if chance.random() < 0.05:
        event = dict(chance.sample(list(event.items()), len(event)))
    text = json.dumps(event, separators=chance.choice(((",", ":"),) * 9 + ((", ", ": "),)), ensure_ascii=chance.random() < 0.5).encode()
    if chance.random() < 0.1:
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice((b"", b",", b'"', b"0", b"\\", b"}", b" ", b"\0", b"\xff", b"-", b".")) + text[at + chance.randrange(2) :]
    return text + b"\r" * (chance.random() < 0.01)


def read(path: Path, fast: spool.Scan) -> Any:
    with store.opened(None) as kept:
        table = Table([spool.parse((part, kept), fast) for part in reading.parts_of([str(path)])])
        columns = {name: table.column(name) for name in spool.DTYPES}
    words = {name: [table.words(name)[code] for code in columns.pop(name).tolist()] for name in spool.WORDS}
    rest = (list(table.problems), table.examples, table.refused, table.senders, [column.tolist() for column in (*table.dropped, *table.unread)], table.lines)
    return {name: column.tobytes() for name, column in columns.items()}, words, rest


def plain(_block: scan.Block, _refused: Any) -> List[scan.Scanned]:
    return []


@pytest.mark.parametrize("seed", range(4))
def test_both_readers_read_the_same(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "events.jsonl"
    lines = [line(chance) for _ in range(4000)]
    path.write_bytes(b"\n".join(lines) + b"\n" * (seed % 2))
    assert read(path, scan.scan) == read(path, plain)


def test_what_the_clients_write_is_read_fast() -> None:
    """All that is no mismatch, no refusal and tells of no loss; else a line would be slow for nothing."""
    events = [maker() for maker in MAKERS for _ in range(20)]
    unusual = sum(event["match"] is False or event["reason"] in spool._REFUSED for event in events)
    for ordered in (events, events[::-1]):  # an unusual line first does not make its kind unusual
        found = scan.scan(scan.Block(made.text(ordered).encode()), spool._REFUSED)
        assert sum(len(one.lines) for one in found) == len(events) - unusual and unusual == 40


def test_every_byte_of_a_line_counts(tmp_path: Path) -> None:
    """A line with one byte changed is read as the plain reader reads it."""
    chance = random.Random(1)
    path = tmp_path / "events.jsonl"
    lines = []
    for maker in MAKERS:
        text = made.text([maker()]).encode()
        lines += [text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :] for at in range(len(text) - 1)]
    path.write_bytes(b"".join(lines))
    assert read(path, scan.scan) == read(path, plain)


def test_ids_are_told_apart() -> None:
    texts = ["", "a", "a\0", "\0", "a" * 31, "a" * 32, "a" * 33, "a" * 34, "é", "null", *(f"{n:032x}" for n in range(20_000)), *(f"{n << 64:032x}" for n in range(1, 20_000))]
    found = ids.of(texts, ["chunk"] * len(texts))
    assert len(set(found.tolist())) == len(texts)
    assert not set(found.tolist()) & set(ids.of(texts, ["score"] * len(texts)).tolist())
