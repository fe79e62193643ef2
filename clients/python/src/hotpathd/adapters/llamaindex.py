"""LlamaIndex: a node parser by /v1/chunk and a node postprocessor by /v1/score.

    parser = HotpathdNodeParser(client=sidecar, fallback=SentenceSplitter(), options={"max": 512})
    rerank = HotpathdRerank(client=sidecar, fallback=old_rerank, top_n=5)

`options` are those of Client.chunk and Client.score. With `async_client` the asynchronous methods
stay on the loop, and only the old code takes a thread; without it they take a thread as a whole.
Clients are no part of what is serialized: another process has its own, made from its environment.
"""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Optional, Sequence

from llama_index.core.bridge.pydantic import Field, SerializeAsAny
from llama_index.core.node_parser.interface import NodeParser
from llama_index.core.node_parser.node_utils import build_nodes_from_splits
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import (
    BaseNode,
    Document,
    MetadataMode,
    NodeWithScore,
    QueryBundle,
    TextNode,
)
from llama_index.core.utils import get_tqdm_iterable

from .. import AsyncClient, Chunk, Client
from ._shared import Ranking, Splitting, default_client, facts, in_thread

_FOR_MACHINES = ("tokens", "chunk_id", "boundary")  # an embedding or a prompt is better without


class HotpathdNodeParser(NodeParser):
    """Where the old parser ran, its nodes; else start_char_idx and end_char_idx are of the
    document's own text, also where cleaning changed it, and the metadata have tokens, chunk_id and
    boundary (kept out of embeddings and prompts), and headings where there are any. `max` is of the
    node's text without its metadata. A canary goes by the document's id."""

    client: Client = Field(default_factory=default_client, exclude=True, repr=False)
    async_client: Optional[AsyncClient] = Field(default=None, exclude=True, repr=False)
    fallback: SerializeAsAny[NodeParser]
    options: Dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def class_name(cls) -> str:
        return "HotpathdNodeParser"

    def _parse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> List[BaseNode]:
        parsed: List[BaseNode] = []
        for node in get_tqdm_iterable(nodes, show_progress, "Parsing nodes"):
            parsed += self._parse(node)
        return parsed

    async def _aparse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> List[BaseNode]:
        if self.async_client is None:
            return await asyncio.to_thread(self._parse_nodes, nodes, show_progress, **kwargs)
        parsed: List[BaseNode] = []
        for node in nodes:  # one after the other: a batch must not crowd out other callers
            parsed += await self._aparse(node, self.async_client)
        return parsed

    def _postprocess_parsed_nodes(
        self, nodes: List[BaseNode], parent_doc_map: Dict[str, Document]
    ) -> List[BaseNode]:
        """The base class looks for each node's text in the document; what is known is put back."""
        spans = [
            (n.start_char_idx, n.end_char_idx) if isinstance(n, TextNode) else None for n in nodes
        ]
        nodes = super()._postprocess_parsed_nodes(nodes, parent_doc_map)
        for node, span in zip(nodes, spans):
            if isinstance(node, TextNode) and span is not None and span[0] is not None:
                node.start_char_idx, node.end_char_idx = span
        return nodes

    def _parse(self, node: BaseNode) -> List[BaseNode]:
        return self._splitting(node).run(self.client, lambda: self.fallback([node]))

    async def _aparse(self, node: BaseNode, client: AsyncClient) -> List[BaseNode]:
        return await self._splitting(node).arun(client, in_thread(lambda: self.fallback([node])))

    def _splitting(self, node: BaseNode) -> Splitting:
        def make(chunks: List[Chunk]) -> List[TextNode]:
            made = build_nodes_from_splits([c.text for c in chunks], node, id_func=self.id_func)
            for piece, chunk in zip(made, chunks):
                _tell(piece, chunk)
            return made

        text = node.get_content(metadata_mode=MetadataMode.NONE)
        return Splitting(text, node.node_id, self.options, _plain_text, make)


class HotpathdRerank(BaseNodePostprocessor):
    """Where the old postprocessor ran, its nodes; else the same nodes with the new scores. Without
    an old one, or without a query, the nodes stay in the retriever's order, cut at `top_n`."""

    client: Client = Field(default_factory=default_client, exclude=True, repr=False)
    async_client: Optional[AsyncClient] = Field(default=None, exclude=True, repr=False)
    fallback: Optional[SerializeAsAny[BaseNodePostprocessor]] = None
    top_n: Optional[int] = None
    options: Dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def class_name(cls) -> str:
        return "HotpathdRerank"

    def _postprocess_nodes(
        self, nodes: List[NodeWithScore], query_bundle: Optional[QueryBundle] = None
    ) -> List[NodeWithScore]:
        if query_bundle is None:
            return self._old(nodes, query_bundle)
        ranking = self._ranking(nodes, query_bundle)
        return ranking.run(self.client, lambda: self._old(nodes, query_bundle))

    async def _apostprocess_nodes(
        self, nodes: List[NodeWithScore], query_bundle: Optional[QueryBundle] = None
    ) -> List[NodeWithScore]:
        if self.async_client is None or query_bundle is None:
            return await asyncio.to_thread(self._postprocess_nodes, nodes, query_bundle)
        old = in_thread(lambda: self._old(nodes, query_bundle))
        return await self._ranking(nodes, query_bundle).arun(self.async_client, old)

    def _old(
        self, nodes: List[NodeWithScore], query_bundle: Optional[QueryBundle]
    ) -> List[NodeWithScore]:
        if self.fallback is None:
            return nodes[: self.top_n]
        return self.fallback.postprocess_nodes(nodes, query_bundle)

    def _ranking(self, nodes: List[NodeWithScore], query: QueryBundle) -> Ranking:
        return Ranking(
            query.query_str, nodes, self.top_n, self.options, _embedded_text, _id, _scored
        )


def _tell(piece: TextNode, chunk: Chunk) -> None:
    if chunk.source is not None:
        piece.start_char_idx, piece.end_char_idx = chunk.source
    piece.metadata = facts(chunk)
    piece.excluded_embed_metadata_keys = [*piece.excluded_embed_metadata_keys, *_FOR_MACHINES]
    piece.excluded_llm_metadata_keys = [*piece.excluded_llm_metadata_keys, *_FOR_MACHINES]


def _plain_text(node: BaseNode) -> str:
    return node.get_content(metadata_mode=MetadataMode.NONE)


def _embedded_text(item: NodeWithScore) -> str:
    return item.node.get_content(metadata_mode=MetadataMode.EMBED)


def _id(item: NodeWithScore) -> str:
    return item.node.node_id


def _scored(item: NodeWithScore, score: Optional[float]) -> NodeWithScore:
    return NodeWithScore(node=item.node, score=score)
