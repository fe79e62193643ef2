"""JSON with orjson and without: the same is taken, the same comes out."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys

import pytest

from hotpathd import _json

SOURCE = str(pathlib.Path(__file__).parents[1] / "src")


@dataclasses.dataclass
class Row:
    name: str


class Words(dict):
    pass


TAKEN = [
    {"text": "na\u00efve \U0001f600 \x00"}, [1, 2.5, True, None], "", {}, (1, 2), {"n": 2**63}, {"n": 2**70},
    "\ud800", Words(a=1), {1: "one"}, [1e300, -0.0],
]  # fmt: skip
REFUSED = [object(), {"a": {1, 2}}, {("a",): 1}, Row("a"), [Row("a")]]


@pytest.fixture(params=["standard library", "orjson"])
def both(request):
    if request.param == "orjson":
        orjson = pytest.importorskip("orjson")
        return _json.dumps_by(orjson), _json.loads_by(orjson)
    return _json.plain_dumps, _json.plain_loads


@pytest.mark.parametrize("value", TAKEN, ids=repr)
def test_writes_and_reads_what_the_standard_library_does(both, value):
    dumps, loads = both
    expected = json.loads(json.dumps(value))
    assert json.loads(dumps(value)) == expected
    assert loads(dumps(value)) == loads(bytearray(dumps(value))) == expected


@pytest.mark.parametrize("value", REFUSED, ids=repr)
def test_refuses_to_write(both, value):
    with pytest.raises(TypeError):
        both[0](value)


def test_reads_what_has_blanks_around_it(both):
    assert both[1](b" \r\n[1]\t ") == [1]


@pytest.mark.parametrize("data", [b"", b" ", b"[1, 2", b'"\xff"', b"01", b"{'a': 1}", b"[1],"])
def test_refuses_to_read(both, data):
    with pytest.raises(ValueError):
        both[1](data)


def test_reads_what_only_the_standard_library_reads(both):
    assert both[1](b'"\\ud800"') == "\ud800"
    assert both[1](b"[" * 900 + b"]" * 900)


STAND_IN = """
OPT_PASSTHROUGH_DATACLASS = OPT_PASSTHROUGH_DATETIME = OPT_PASSTHROUGH_SUBCLASS = 0
def dumps(value, default, options): return b"by orjson"
def loads(data): return "by orjson"
"""


@pytest.mark.parametrize(
    "module, expected", [("raise ImportError", b"[1]"), (STAND_IN, b"by orjson")], ids=["absent", "present"]
)
def test_orjson_is_used_where_it_can_be_imported(tmp_path, module, expected):
    (tmp_path / "orjson.py").write_text(module)
    program = "from hotpathd import _json; print(_json.dumps([1]))"
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{SOURCE}"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"{expected!r}\n"
