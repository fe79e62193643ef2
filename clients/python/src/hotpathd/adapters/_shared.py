"""What the framework adapters share: a call whose result is the framework's own objects.

They are made of the answer within the call: one that they cannot be made of is a bad reply like any
other, and the old code runs. In mode shadow the caller has the old objects, and may change them,
before the comparison: so that a result is a pair of the objects and of what is compared of them.
"""

from __future__ import annotations

import asyncio
import functools
from typing import (
    Any,
    Awaitable,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from .. import AsyncClient, Chunk, Client, Ranked, _helpers

T = TypeVar("T")
Options = Mapping[str, Any]
Result = Tuple[List[Any], List[Any]]


@functools.lru_cache(maxsize=None)
def default_client() -> Client:
    """The client of an adapter that was given none, or that another process has unpickled."""
    return Client()


def without_clients(attributes: Mapping[str, Any]) -> Dict[str, Any]:
    """What is pickled or copied of an adapter: clients hold locks and sockets."""
    return {n: value for n, value in attributes.items() if n not in ("client", "async_client")}


def with_own_clients(attributes: Mapping[str, Any]) -> Dict[str, Any]:
    return {**attributes, "client": default_client(), "async_client": None}


class Portable:
    """An adapter that is a plain object."""

    client: Client
    async_client: Optional[AsyncClient]

    def __getstate__(self) -> Dict[str, Any]:
        return without_clients(self.__dict__)

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(with_own_clients(state))


def facts(chunk: Chunk) -> Dict[str, Any]:
    """What metadata say of a chunk; flat, as most vector stores want them."""
    known: Dict[str, Any] = {
        "tokens": chunk.tokens,
        "chunk_id": chunk.id,
        "boundary": chunk.boundary,
    }
    if chunk.headings:
        known["headings"] = " > ".join(chunk.headings)
    return known


def _of_body(options: Options) -> Dict[str, Any]:
    return {name: value for name, value in options.items() if name != "timeout"}


class _Asking:
    """One call's arguments, for either client."""

    def __init__(
        self,
        route: str,
        body: Dict[str, Any],
        key: Optional[str],
        options: Options,
        compare: Callable[[List[Any], List[Any]], Union[bool, str]],
    ) -> None:
        self._asked: Dict[str, Any] = {
            "route": route, "body": body, "reply": self._new, "key": key,
            "timeout": options.get("timeout"), "compare": lambda old, new: compare(old[1], new[1]),
        }  # fmt: skip

    def run(self, client: Client, old: Callable[[], Iterable[T]]) -> List[T]:
        result: Result = client.call(fallback=lambda: self._old(old()), **self._asked)
        return result[0]

    async def arun(self, client: AsyncClient, old: Callable[[], Awaitable[Iterable[T]]]) -> List[T]:
        async def fallback() -> Result:
            return self._old(await old())

        result: Result = await client.call(fallback=fallback, **self._asked)
        return result[0]

    def _old(self, items: Iterable[Any]) -> Result:
        """The old code's objects."""
        raise NotImplementedError

    def _new(self, answer: Any) -> Result:
        """Those that are made of the sidecar's answer."""
        raise NotImplementedError


class Splitting(_Asking):
    """A document's way: `text_of` reads the framework's pieces, `make` makes them of chunks."""

    def __init__(
        self,
        text: str,
        key: Optional[str],
        options: Options,
        text_of: Callable[[Any], str],
        make: Callable[[List[Chunk]], Iterable[Any]],
    ) -> None:
        body = _helpers.chunk_request(text, _of_body(options))
        super().__init__("chunk", body, key, options, _helpers.compare_chunks)
        self._text = text
        self._text_of = text_of
        self._make = make

    def _old(self, items: Iterable[Any]) -> Result:
        pieces = list(items)
        return pieces, [Chunk(self._text_of(piece)) for piece in pieces]

    def _new(self, answer: Any) -> Result:
        return self._old(self._make(_helpers.read_chunks(answer, self._text)))


class Ranking(_Asking):
    """A query's way: `name` tells candidates apart, by which the old code's answer is known again."""

    def __init__(
        self,
        query: str,
        candidates: Sequence[Any],
        top_n: Optional[int],
        options: Options,
        text_of: Callable[[Any], Any],
        name: Callable[[Any], str],
        make: Callable[[Any, Optional[float]], Any],
    ) -> None:
        body = {"query": query, "documents": [text_of(c) for c in candidates], **_of_body(options)}
        if top_n is not None:
            body["top_n"] = top_n
        super().__init__("score", body, None, options, _helpers.compare_ranks)
        self._candidates = candidates
        self._name = name
        self._make = make

    def _old(self, items: Iterable[Any]) -> Result:
        places: Dict[str, List[int]] = {}
        for index in range(len(self._candidates) - 1, -1, -1):
            places.setdefault(self._name(self._candidates[index]), []).append(index)
        best = list(items)
        found = [places.get(self._name(item)) for item in best]
        return best, [Ranked(indexes.pop() if indexes else -1) for indexes in found]

    def _new(self, answer: Any) -> Result:
        ranks = _helpers.read_ranks(answer, self._candidates)
        return [self._make(self._candidates[r.index], r.score) for r in ranks], ranks


def in_thread(old: Callable[[], T]) -> Callable[[], Awaitable[T]]:
    """Old code that blocks, for a loop that must not."""
    return lambda: asyncio.to_thread(old)
