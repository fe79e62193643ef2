"""Comparing: the same JSON, or the pointer of the first difference."""

from __future__ import annotations

import collections
import dataclasses

import pytest

from hotpathd import Compare
from hotpathd._compare import judge, snapshot

Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass
class Box:
    a: object
    b: object


SAME = [
    (None, None), (1, 1.0), ("é", "é"), ([1, (2, 3)], [1, [2, 3]]), ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    (Box(1, [2]), {"a": 1.0, "b": (2,)}), (Pair(1, 2), {"a": 1, "b": 2}), (float("nan"), float("nan")), ([], ()),
]  # fmt: skip
DIFFERENT = [
    (None, False, ""), (1, True, ""), (0, False, ""), ("1", 1, ""), (1, 1.0000001, ""), ("é", "e\u0301", ""),
    ([], {}, ""), ([1, 2], [1, 3], "/1"), ([1], [1, 2], "/1"), ([1, 2], [1], "/1"),
    ({"a": 1}, {}, "/a"), ({}, {"a": None}, "/a"), ({"b": 1, "a": 1}, {"b": 2, "a": 2}, "/a"),
    ({"c": [{"d": 1}]}, {"c": [{"d": 2}]}, "/c/0/d"), ({"a/b~": 1}, {"a/b~": 2}, "/a~1b~0"),
    (Box(1, 2), Box(1, 3), "/b"),
]  # fmt: skip


@pytest.mark.parametrize("old, new", SAME)
def test_same(old, new):
    assert judge(None, old, new) == judge(None, new, old) == (True, None)


@pytest.mark.parametrize("old, new, place", DIFFERENT)
def test_different(old, new, place):
    assert judge(None, old, new) == judge(None, new, old) == (False, place)


@pytest.mark.parametrize(
    "ignore, place",
    [
        ([], "/chunks/0/id"),
        (["/chunks/*/id"], "/meta"),
        (["/chunks/*/id", "/meta"], None),
        (["/chunks", "/meta"], None),
        (["/chunks/0", "/meta"], "/chunks/1/id"),
        (["/chunk", "/met"], "/chunks/0/id"),
        ([""], None),
    ],
)
def test_ignores(ignore, place):
    old = {"chunks": [{"id": 1, "n": 1}, {"id": 2, "n": 2}], "meta": 1}
    new = {"chunks": [{"id": 3, "n": 1}, {"id": 4, "n": 2}]}
    assert Compare(ignore=ignore)(old, new) == place


def test_tolerates_numbers_only():
    compare = Compare(tolerance=1e-3)
    assert compare([1000.0, 0.0], [1000.9, 0.0009]) is None
    assert compare([1000.0], [1001.1]) == "/0"
    assert compare([0.0], [0.0011]) == "/0"
    assert compare([True], [1]) == "/0"


def test_a_function_decides_by_bool_or_pointer():
    assert judge(lambda old, new: old == new, 1, 1) == (True, None)
    assert judge(lambda old, new: False, 1, 1) == (False, None)
    assert judge(lambda old, new: "/x", 1, 1) == (False, "/x")
    with pytest.raises(TypeError):
        judge(lambda old, new: None, 1, 1)


def test_a_pointer_begins_with_a_slash():
    with pytest.raises(ValueError):
        Compare(ignore=["chunks"])


def test_a_snapshot_does_not_change_with_its_original():
    original = {"a": [1, {"b": bytearray(b"c")}], "t": (1, [2])}
    copy = snapshot(original)
    original["a"][1]["b"][0] = 0
    original["a"].append(1)
    original["t"][1].append(3)
    assert copy == {"a": [1, {"b": b"c"}], "t": (1, [2])}
