"""The two routes as functions: chunks with their texts, and ranked indexes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union


class Chunk(NamedTuple):
    """A piece of the cleaned text. Of the old code's strings only `text` is known."""

    text: str
    tokens: Optional[int] = None
    source: Optional[Tuple[int, int]] = None  # the span of the raw text, in characters
    start: Optional[int] = None  # in the cleaned text
    end: Optional[int] = None
    id: str = ""
    boundary: str = ""  # what ends the chunk
    headings: Tuple[str, ...] = ()  # outermost first, of Markdown and HTML


@dataclasses.dataclass(frozen=True)
class Ranked:
    """A document by its index. Of the old code's bare indexes the score is not known."""

    index: int
    score: Optional[float] = None


OldChunks = Sequence[Union[Chunk, str]]
OldRanks = Sequence[Union[Ranked, int, Tuple[int, float]]]

_OF_CHUNK = ("max", "overlap", "min", "unit")
# The pieces are cut here: Python's strings count code points, and the text must be known.
_OURS = frozenset({*_OF_CHUNK, "offsets", "return_text"})


def chunk_request(text: str, options: Dict[str, Any]) -> Dict[str, Any]:
    """A text that cleaning leaves alone does not travel back: `read_chunks` has it."""
    body: Dict[str, Any] = {"text": text, "return_text": "if_changed"}
    if options:
        _add(body, options)
    return body


def _add(body: Dict[str, Any], options: Dict[str, Any]) -> None:
    body.update({name: value for name, value in options.items() if name not in _OURS})
    sizes = {name: options[name] for name in _OF_CHUNK if name in options}
    given = options.get("chunk") or {}
    if sizes and isinstance(given, dict):  # anything else is for the daemon to refuse
        body["chunk"] = {**given, **sizes}
    if "preset" in body:  # it may say something else
        body["offsets"] = "char"


def read_chunks(answer: Any, sent: str) -> List[Chunk]:
    """`sent` is the request's text."""
    text = _text_of(answer, sent)
    size = len(text)
    return [_chunk(text, size, fields) for fields in answer["chunks"]]


def _text_of(answer: Any, sent: str) -> str:
    if "text" in answer:
        text: str = answer["text"]
        return text
    if answer["unchanged"] is not True:
        raise ValueError("no text")
    if len(sent) == answer["metadata"]["chars"]:
        return sent
    return sent.encode("utf-16-le", "surrogatepass").decode("utf-16-le")  # JSON made characters of its surrogates


def _chunk(text: str, size: int, fields: Any) -> Chunk:
    start, end = fields["start"], fields["end"]
    if not 0 <= start < end <= size:
        raise ValueError("a chunk outside of the text, or of nothing")
    first, last = fields["source"]
    tokens, hash_, boundary = fields["tokens"], fields["id"], fields["boundary"]
    headings = _headings(fields["headings"]) if "headings" in fields else ()
    if not (type(tokens) is type(first) is type(last) is int and type(hash_) is type(boundary) is str):
        raise TypeError("a chunk of another shape")
    return Chunk(text[start:end], tokens, (first, last), start, end, hash_, boundary, headings)


def _headings(given: Any) -> Tuple[str, ...]:
    if type(given) is not list or not all(type(heading) is str for heading in given):
        raise TypeError("headings of another shape")
    return tuple(given)


def read_ranks(answer: Any, documents: Sequence[Any]) -> List[Ranked]:
    ranked = [Ranked(r["index"], r["relevance_score"]) for r in answer["results"]]
    indexes = {r.index for r in ranked}
    if not indexes <= set(range(len(documents))) or len(indexes) < len(ranked):
        raise ValueError("an index that was not sent, or one twice")
    if not all(type(r.index) is int and _is_number(r.score) for r in ranked):
        raise TypeError("a result of another shape")
    return ranked


def _is_number(given: Any) -> bool:
    return type(given) in (float, int) and math.isfinite(given)


def chunks_of(old: OldChunks) -> List[Chunk]:
    return [Chunk(text=item) if isinstance(item, str) else item for item in old]


def ranks_of(old: OldRanks) -> List[Ranked]:
    return [_rank(item) for item in old]


def _rank(item: Union[Ranked, int, Tuple[int, float]]) -> Ranked:
    if isinstance(item, Ranked):
        return item
    return Ranked(item) if isinstance(item, int) else Ranked(item[0], item[1])


def compare_chunks(old: List[Chunk], new: List[Chunk]) -> Union[bool, str]:
    """By their texts: ids and spans are the daemon's own."""
    return _first_difference([c.text for c in old], [c.text for c in new], "text")


def compare_ranks(old: List[Ranked], new: List[Ranked]) -> Union[bool, str]:
    """By their order: scores of another formula are other numbers."""
    return _first_difference([r.index for r in old], [r.index for r in new], "index")


def _first_difference(old: List[Any], new: List[Any], name: str) -> Union[bool, str]:
    for at, (one, other) in enumerate(zip(old, new)):
        if one != other:
            return f"/{at}/{name}"
    return True if len(old) == len(new) else f"/{min(len(old), len(new))}"
