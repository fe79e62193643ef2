"""What the framework adapters share: the old code's own objects are carried through a call.

Client.chunk and Client.score take the old code's answer as chunks and ranks. Here these hold on to
the objects of the framework that they were made from, so that the caller gets exactly those back.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from typing import Any, Awaitable, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, TypeVar

from .. import AsyncClient, Chunk, Client, Ranked

T = TypeVar("T")
Options = Mapping[str, Any]


class KeptChunk(Chunk):
    """A chunk of the old code."""

    kept: Any = None


@dataclasses.dataclass(frozen=True)
class KeptRank(Ranked):
    """A rank of the old code."""

    kept: Any = None


@functools.lru_cache(maxsize=None)
def default_client() -> Client:
    """The client of an adapter that was given none, or that another process has unpickled."""
    return Client()


def facts(chunk: Chunk) -> Dict[str, Any]:
    """What metadata say of a chunk; flat, as most vector stores want them."""
    known: Dict[str, Any] = {"tokens": chunk.tokens, "chunk_id": chunk.id, "boundary": chunk.boundary}
    if chunk.headings:
        known["headings"] = " > ".join(chunk.headings)
    return known


class Splitting:
    """One document's way: `old` gives the framework's pieces, `make` makes them of chunks."""

    def __init__(
        self,
        text: str,
        key: Optional[str],
        options: Options,
        text_of: Callable[[Any], str],
        make: Callable[[List[Chunk]], List[Any]],
    ) -> None:
        self._text = text
        self._options = {"key": key, **options}
        self._text_of = text_of
        self._make = make

    def run(self, client: Client, old: Callable[[], Iterable[T]]) -> List[T]:
        chunks = client.chunk(self._text, fallback=lambda: self._keep(old()), **self._options)
        return self._pieces(chunks)

    async def arun(self, client: AsyncClient, old: Callable[[], Awaitable[Iterable[T]]]) -> List[T]:
        async def fallback() -> List[KeptChunk]:
            return self._keep(await old())

        return self._pieces(await client.chunk(self._text, fallback=fallback, **self._options))

    def _keep(self, pieces: Iterable[Any]) -> List[KeptChunk]:
        chunks = []
        for piece in pieces:
            chunks.append(KeptChunk(self._text_of(piece)))
            chunks[-1].kept = piece
        return chunks

    def _pieces(self, chunks: List[Chunk]) -> List[Any]:
        if any(isinstance(chunk, KeptChunk) for chunk in chunks):
            return [getattr(chunk, "kept") for chunk in chunks]
        return self._make(chunks)


class Ranking:
    """One query's way. `name` tells candidates apart: how the old code's answer is known again."""

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
        self._query = query
        self._candidates = candidates
        self._texts = [text_of(candidate) for candidate in candidates]
        self._options = dict(options) if top_n is None else {"top_n": top_n, **options}
        self._name = name
        self._make = make

    def run(self, client: Client, old: Callable[[], Iterable[T]]) -> List[T]:
        ranks = client.score(
            self._query, self._texts, fallback=lambda: self._keep(old()), **self._options
        )
        return self._best(ranks)

    async def arun(self, client: AsyncClient, old: Callable[[], Awaitable[Iterable[T]]]) -> List[T]:
        async def fallback() -> List[KeptRank]:
            return self._keep(await old())

        ranks = await client.score(self._query, self._texts, fallback=fallback, **self._options)
        return self._best(ranks)

    def _keep(self, best: Iterable[Any]) -> List[KeptRank]:
        places: Dict[str, List[int]] = {}
        for index in range(len(self._candidates) - 1, -1, -1):
            places.setdefault(self._name(self._candidates[index]), []).append(index)
        ranks = []
        for item in best:
            found = places.get(self._name(item))
            ranks.append(KeptRank(found.pop() if found else -1, None, item))
        return ranks

    def _best(self, ranks: List[Ranked]) -> List[Any]:
        return [
            r.kept if isinstance(r, KeptRank) else self._make(self._candidates[r.index], r.score)
            for r in ranks
        ]


def in_thread(old: Callable[[], T]) -> Callable[[], Awaitable[T]]:
    """Old code that blocks, for a loop that must not."""
    return lambda: asyncio.to_thread(old)
