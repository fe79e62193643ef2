"""LangChain: a text splitter by /v1/chunk and a document compressor by /v1/score.

    splitter = HotpathdTextSplitter(sidecar, fallback=old_splitter, options={"max": 512})
    compressor = HotpathdCompressor(client=sidecar, fallback=old_compressor, top_n=5)

`options` are those of Client.chunk and Client.score. With `async_client` the asynchronous methods
stay on the loop, and only the old code takes a thread; without it they take a thread as a whole.
"""

from __future__ import annotations

import copy
from typing import Any, Dict, Iterable, List, Optional, Sequence

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_text_splitters import TextSplitter
from pydantic import ConfigDict, Field

from .. import AsyncClient, Chunk, Client
from ._shared import (
    Options,
    Portable,
    Ranking,
    Splitting,
    default_client,
    facts,
    with_own_clients,
    without_clients,
)


class HotpathdTextSplitter(Portable, TextSplitter):
    """Where the old splitter ran, its documents; else the metadata have start_index and end_index
    too (of the document's own text, also where cleaning changed it), tokens, chunk_id, boundary,
    and headings where there are any. A canary goes by the document's id."""

    def __init__(
        self,
        client: Client,
        *,
        fallback: TextSplitter,
        options: Options = {},
        async_client: Optional[AsyncClient] = None,
    ) -> None:
        super().__init__()
        self.client = client
        self.async_client = async_client
        self._fallback = fallback
        self._options = options

    def split_text(self, text: str) -> List[str]:
        chunks = self.client.chunk(
            text, fallback=lambda: self._fallback.split_text(text), **self._options
        )
        return [chunk.text for chunk in chunks]

    def create_documents(
        self, texts: List[str], metadatas: Optional[List[Dict[Any, Any]]] = None
    ) -> List[Document]:
        given = metadatas or [{}] * len(texts)
        return self.split_documents(
            Document(text, metadata=given[i]) for i, text in enumerate(texts)
        )

    def split_documents(self, documents: Iterable[Document]) -> List[Document]:
        return [piece for document in documents for piece in self._split(document)]

    async def atransform_documents(
        self, documents: Sequence[Document], **kwargs: Any
    ) -> Sequence[Document]:
        if self.async_client is None:
            return await super().atransform_documents(documents, **kwargs)
        pieces: List[Document] = []
        for document in documents:  # one after the other: a batch must not crowd out other callers
            pieces += await self._asplit(document, self.async_client)
        return pieces

    def _split(self, document: Document) -> List[Document]:
        splitting = _splitting(document, self._options)
        return splitting.run(self.client, lambda: self._fallback.split_documents([document]))

    async def _asplit(self, document: Document, client: AsyncClient) -> List[Document]:
        splitting = _splitting(document, self._options)
        return await splitting.arun(client, lambda: self._fallback.atransform_documents([document]))


class HotpathdCompressor(BaseDocumentCompressor):
    """Where the old compressor ran, its documents; else the metadata have relevance_score too.
    Without an old compressor the documents stay in the retriever's order, cut at `top_n`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    client: Client = Field(default_factory=default_client, exclude=True, repr=False)
    async_client: Optional[AsyncClient] = Field(default=None, exclude=True, repr=False)
    fallback: Optional[BaseDocumentCompressor] = None
    top_n: Optional[int] = None
    options: Dict[str, Any] = {}

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Optional[Callbacks] = None
    ) -> Sequence[Document]:
        def old() -> Sequence[Document]:
            if self.fallback is None:
                return documents[: self.top_n]
            return self.fallback.compress_documents(documents, query, callbacks)

        return self._ranking(documents, query).run(self.client, old)

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Optional[Callbacks] = None
    ) -> Sequence[Document]:
        async def old() -> Sequence[Document]:
            if self.fallback is None:
                return documents[: self.top_n]
            return await self.fallback.acompress_documents(documents, query, callbacks)

        if self.async_client is None:
            return await super().acompress_documents(documents, query, callbacks)
        return await self._ranking(documents, query).arun(self.async_client, old)

    def __getstate__(self) -> Dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__dict__": without_clients(state["__dict__"])}

    def __setstate__(self, state: Dict[Any, Any]) -> None:
        super().__setstate__({**state, "__dict__": with_own_clients(state["__dict__"])})

    def _ranking(self, documents: Sequence[Document], query: str) -> Ranking:
        return Ranking(query, documents, self.top_n, self.options, _text, _text, _scored)


def _splitting(document: Document, options: Options) -> Splitting:
    def make(chunks: List[Chunk]) -> List[Document]:
        return [_piece(document, chunk) for chunk in chunks]

    return Splitting(document.page_content, document.id, options, _text, make)


def _piece(document: Document, chunk: Chunk) -> Document:
    start, end = chunk.source or (None, None)
    found = {"start_index": start, "end_index": end, **facts(chunk)}
    return Document(chunk.text, metadata={**copy.deepcopy(document.metadata), **found})


def _text(document: Document) -> str:
    return document.page_content


def _scored(document: Document, score: Optional[float]) -> Document:
    return document.model_copy(update={"metadata": {**document.metadata, "relevance_score": score}})
