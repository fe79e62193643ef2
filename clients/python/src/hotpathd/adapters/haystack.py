"""Haystack: a document splitter by /v1/chunk and a ranker by /v1/score, both components.

    splitter = HotpathdDocumentSplitter(fallback=DocumentSplitter(), client=sidecar, options={"max": 512})
    ranker = HotpathdRanker(fallback=old_ranker, client=sidecar, top_k=5)

`options` are those of Client.chunk and Client.score. With `async_client` run_async stays on the
loop, and only the old code takes a thread; without it run_async takes a thread as a whole. A
pipeline is saved without its clients: loaded, it has one that is made from the environment.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import inspect
from typing import Any, Dict, List, Optional

from haystack import Document, component
from haystack.core.serialization import component_to_dict, default_to_dict

from .. import AsyncClient, Chunk, Client
from ._shared import Portable, Ranking, Splitting, default_client, facts, in_thread


@component
class HotpathdDocumentSplitter(Portable):
    """Where the old splitter ran, its documents; else the meta have source_id, split_id,
    split_idx_start (of the document's own content, also where cleaning changed it), page_number,
    tokens, chunk_id, boundary, and headings where there are any. A canary goes by the document's id.
    """

    def __init__(
        self,
        fallback: Any,
        client: Optional[Client] = None,
        async_client: Optional[AsyncClient] = None,
        options: Optional[Dict[str, Any]] = None,
    ) -> None:
        self.fallback = fallback
        self.client = client or default_client()
        self.async_client = async_client
        self.options = options or {}

    def warm_up(self) -> None:
        _warm_up(self.fallback)

    def to_dict(self) -> Dict[str, Any]:
        return default_to_dict(self, fallback=_saved(self.fallback), options=self.options)

    @component.output_types(documents=List[Document])
    def run(self, documents: List[Document]) -> Dict[str, List[Document]]:
        pieces: List[Document] = []
        for document in documents:
            pieces += self._split(document)
        return {"documents": pieces}

    @component.output_types(documents=List[Document])
    async def run_async(self, documents: List[Document]) -> Dict[str, List[Document]]:
        if self.async_client is None:
            return await asyncio.to_thread(self.run, documents)
        pieces: List[Document] = []
        for document in documents:  # one after the other: a batch must not crowd out other callers
            pieces += await self._asplit(document, self.async_client)
        return {"documents": pieces}

    def _split(self, document: Document) -> List[Document]:
        if document.content is None:  # the old splitter has its own way with these
            return self._old(document)
        splitting = self._splitting(document, document.content)
        return splitting.run(self.client, lambda: self._old(document))

    async def _asplit(self, document: Document, client: AsyncClient) -> List[Document]:
        old = in_thread(lambda: self._old(document))
        if document.content is None:
            return await old()
        return await self._splitting(document, document.content).arun(client, old)

    def _old(self, document: Document) -> List[Document]:
        documents: List[Document] = self.fallback.run(documents=[document])["documents"]
        return documents

    def _splitting(self, document: Document, content: str) -> Splitting:
        def make(chunks: List[Chunk]) -> List[Document]:
            return _pieces(document, content, chunks)

        return Splitting(content, document.id, self.options, _text, make)


@component
class HotpathdRanker(Portable):
    """Where the old ranker ran, its documents; else the same documents with the new scores, those
    without a text left out. Without an old ranker they stay in order, cut at `top_k`."""

    def __init__(
        self,
        fallback: Any = None,
        client: Optional[Client] = None,
        async_client: Optional[AsyncClient] = None,
        top_k: Optional[int] = None,
        options: Optional[Dict[str, Any]] = None,
    ) -> None:
        self.fallback = fallback
        self.client = client or default_client()
        self.async_client = async_client
        self.top_k = top_k
        self.options = options or {}

    def warm_up(self) -> None:
        _warm_up(self.fallback)

    def to_dict(self) -> Dict[str, Any]:
        return default_to_dict(
            self, fallback=_saved(self.fallback), top_k=self.top_k, options=self.options
        )

    @component.output_types(documents=List[Document])
    def run(
        self, query: str, documents: List[Document], top_k: Optional[int] = None
    ) -> Dict[str, List[Document]]:
        ranking = self._ranking(query, documents, top_k)
        return {"documents": ranking.run(self.client, lambda: self._old(query, documents, top_k))}

    @component.output_types(documents=List[Document])
    async def run_async(
        self, query: str, documents: List[Document], top_k: Optional[int] = None
    ) -> Dict[str, List[Document]]:
        if self.async_client is None:
            return await asyncio.to_thread(self.run, query, documents, top_k)
        old = in_thread(lambda: self._old(query, documents, top_k))
        ranking = self._ranking(query, documents, top_k)
        return {"documents": await ranking.arun(self.async_client, old)}

    def _old(self, query: str, documents: List[Document], top_k: Optional[int]) -> List[Document]:
        if self.fallback is None:
            return documents[: top_k or self.top_k]
        given: Dict[str, Any] = {"query": query, "documents": documents}
        if top_k is not None:
            given["top_k"] = top_k
        taken = inspect.signature(self.fallback.run).parameters  # not every ranker takes a query
        inputs = {name: value for name, value in given.items() if name in taken}
        best: List[Document] = self.fallback.run(**inputs)["documents"]
        return best

    def _ranking(self, query: str, documents: List[Document], top_k: Optional[int]) -> Ranking:
        # once each, as Haystack's own rankers do: several retrievers may have found the same one
        once = list({d.id: d for d in documents if d.content is not None}.values())
        return Ranking(query, once, top_k or self.top_k, self.options, _text, _id, _scored)


def _saved(fallback: Any) -> Optional[Dict[str, Any]]:
    return None if fallback is None else component_to_dict(fallback, "fallback")


def _warm_up(fallback: Any) -> None:
    if hasattr(fallback, "warm_up"):
        fallback.warm_up()


def _pieces(document: Document, content: str, chunks: List[Chunk]) -> List[Document]:
    pieces = []
    page, counted = 1, 0
    for number, chunk in enumerate(chunks):
        start = chunk.source[0] if chunk.source else 0
        page += content.count("\f", counted, start) if start > counted else 0
        counted = max(counted, start)
        place = {"source_id": document.id, "split_id": number, "split_idx_start": start}
        meta = {**copy.deepcopy(document.meta), **place, "page_number": page, **facts(chunk)}
        pieces.append(Document(content=chunk.text, meta=meta))
    return pieces


def _text(document: Document) -> str:
    return document.content or ""


def _id(document: Document) -> str:
    return document.id


def _scored(document: Document, score: Optional[float]) -> Document:
    return dataclasses.replace(document, score=score)
