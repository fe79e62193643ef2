"""JSON out and in: orjson where it is installed, and the standard library, which has the last word.

Whatever orjson refuses (a lone surrogate, an integer beyond 64 bits, an object of a class) is given
to the standard library, so that installing it changes the speed and not what is taken.
"""

from __future__ import annotations

import importlib
import json
import math
from typing import Any, Callable, Iterable, Optional, Union

Bytes = Union[bytes, bytearray]


def _double(digits: str) -> float:
    """Also of NaN and Infinity, which are no JSON."""
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number beyond a double")
    return value


_decode = json.JSONDecoder(parse_constant=_double).raw_decode


def plain_dumps(value: Any) -> bytes:
    # ASCII with escapes is json's fastest form, and needs no encoding of its own.
    return "".join(_parts(value, 0)).encode("ascii")


def _writer() -> Callable[[Any, int], Iterable[str]]:
    """What json.dumps makes anew for each value, and then does not use again: a sixth of a call's JSON.

    It is written in C where it is there; a value that holds itself ends as a RecursionError.
    """
    plain = json.JSONEncoder(check_circular=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return lambda value, _: plain.iterencode(value)
    write: Callable[[Any, int], Iterable[str]] = make(
        None, plain.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True
    )
    return write


_parts = _writer()


def plain_loads(data: Bytes) -> Any:
    text = data.decode("utf-8")
    try:
        value, end = _decode(text)  # json.loads without what it looks for before and behind
    except ValueError:
        return json.loads(text, parse_constant=_double)
    return value if end == len(text) else json.loads(text, parse_constant=_double)


def strict_loads(data: Bytes) -> Any:
    """As Go's client reads: every number is a double, and has its range."""
    return json.loads(data.decode("utf-8"), parse_int=_double, parse_float=_double, parse_constant=_double)


def _fast() -> Optional[Any]:
    try:
        return importlib.import_module("orjson")
    except ImportError:
        return None


def dumps_by(orjson: Any) -> Callable[[Any], bytes]:
    """A writer by orjson."""
    options = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
    options |= orjson.OPT_PASSTHROUGH_SUBCLASS

    def write(value: Any) -> bytes:
        try:
            data: bytes = orjson.dumps(value, None, options)
        except TypeError:
            return plain_dumps(value)
        return data

    return write


def loads_by(orjson: Any) -> Callable[[Bytes], Any]:
    """A reader by orjson."""

    def read(data: Bytes) -> Any:
        try:
            return orjson.loads(data)
        except ValueError:
            return plain_loads(data)

    return read


_orjson = _fast()
dumps = plain_dumps if _orjson is None else dumps_by(_orjson)
loads = plain_loads if _orjson is None else loads_by(_orjson)
