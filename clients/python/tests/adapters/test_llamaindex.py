"""LlamaIndex's node parser and postprocessor: the daemon's own answers, or the old code's own nodes."""

from __future__ import annotations

import asyncio
import pickle

import pytest

pytest.importorskip("llama_index.core", reason="no llama-index-core: make extras")

from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.ingestion.pipeline import get_transformation_hash
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import Document, MetadataMode, NodeRelationship, NodeWithScore, QueryBundle, TextNode
from samples import CANDIDATES, QUERY, TEXTS, end_shadow, on_a_loop

import hotpathd
from hotpathd.adapters.llamaindex import HotpathdNodeParser, HotpathdRerank

OLD = SentenceSplitter(chunk_size=64, chunk_overlap=8, id_func=lambda i, doc: f"{doc.node_id}-{i}")
SIZES = {"max": 64, "overlap": 8}


def told(nodes):
    """What a node is, but for its random id and those of its neighbours."""
    return [
        (
            n.text,
            n.metadata,
            n.start_char_idx,
            n.end_char_idx,
            n.ref_doc_id,
            sorted(n.relationships),
            n.metadata_template,
        )
        for n in nodes
    ]


@pytest.mark.parametrize("name", TEXTS)
def test_nodes_are_the_daemons_chunks(daemon, sidecar, ask, name):
    text = TEXTS[name]
    answer = ask("chunk", text=text, format="markdown", chunk=SIZES)
    parser = HotpathdNodeParser(client=sidecar, fallback=OLD, options={**SIZES, "format": "markdown"})
    document = Document(text=text, metadata={"source": name}, id_="7", excluded_embed_metadata_keys=["source"])
    nodes = parser.get_nodes_from_documents([document])
    assert sidecar.last.path == "sidecar"
    chunks = answer["chunks"]
    assert [n.text for n in nodes] == [answer["text"][c["start"] : c["end"]] for c in chunks]
    assert [[n.start_char_idx, n.end_char_idx] for n in nodes] == [c["source"] for c in chunks]
    for node, chunk in zip(nodes, chunks):
        assert node.metadata == {
            "source": name, "tokens": chunk["tokens"], "chunk_id": chunk["id"], "boundary": chunk["boundary"],
            **({"headings": " > ".join(chunk["headings"])} if chunk.get("headings") else {}),
        }  # fmt: skip
        for mode in (MetadataMode.EMBED, MetadataMode.LLM):
            assert chunk["id"] not in node.get_content(mode) and "tokens:" not in node.get_content(mode)
        assert "source:" not in node.get_content(MetadataMode.EMBED)
        assert node.ref_doc_id == "7"
    assert [n.next_node.node_id for n in nodes[:-1]] == [n.node_id for n in nodes[1:]]
    assert NodeRelationship.PREVIOUS not in nodes[0].relationships
    for client in (None, "async"):
        aside = on_a_loop(
            daemon.unix,
            lambda c: HotpathdNodeParser(
                client=sidecar, fallback=OLD, options=parser.options, async_client=c if client else None
            ).acall([document]),
        )
        assert told(aside) == told(nodes)


def test_repeated_text_has_places_of_its_own(sidecar):
    """The base class would look for the text, and find the first of its kind."""
    text = "  x\n\nx\n\nx y\n\nx"
    parser = HotpathdNodeParser(client=sidecar, fallback=OLD, options={"max": 3, "unit": "chars", "clean": "none"})
    nodes = parser.get_nodes_from_documents([Document(text=text)])
    assert [(n.text, n.start_char_idx) for n in nodes] == [("x", 2), ("x", 5), ("x y", 8), ("x", 13)]


@pytest.mark.parametrize("options", [{}, {"max": 0}])
def test_without_the_sidecar_nodes_are_the_old_parsers(sidecar, nobody, options):
    client = sidecar if options else nobody
    documents = [Document(text=TEXTS["README"], metadata={"s": 1}, id_="a"), Document(text="b", id_="b")]
    parser = HotpathdNodeParser(client=client, fallback=OLD, options=options)
    expected = told(OLD.get_nodes_from_documents(documents))
    nodes = parser.get_nodes_from_documents(documents)
    assert told(nodes) == expected
    assert [n.node_id for n in nodes][:2] == ["a-0", "a-1"]
    assert client.last.outcome == "fallback"
    assert told(asyncio.run(parser.acall(documents))) == expected
    aside = on_a_loop("unix:/none", lambda c: HotpathdNodeParser(fallback=OLD, async_client=c).acall(documents))
    assert told(aside) == expected


def test_a_pipeline_takes_it_and_its_cache_knows_the_options(daemon, sidecar):
    documents = [Document(text=TEXTS["sample"], id_="a")]
    parsers = [HotpathdNodeParser(client=sidecar, fallback=OLD, options={"max": m}) for m in (32, 32, 64)]
    nodes = IngestionPipeline(transformations=[parsers[0]]).run(documents=documents)
    assert told(nodes) == told(parsers[0](documents))
    one, same, other = (get_transformation_hash(documents, p) for p in parsers)
    assert one == same != other
    overlapping = HotpathdNodeParser(client=sidecar, fallback=SentenceSplitter(chunk_overlap=7), options={"max": 32})
    assert get_transformation_hash(documents, overlapping) != one


def test_another_process_has_a_client_of_its_own(daemon, sidecar):
    """Not the given one, which holds locks; until it knows the daemon's modes it takes the old path."""
    old = SentenceSplitter(chunk_size=64, chunk_overlap=8)
    parser = HotpathdNodeParser(client=sidecar, fallback=old, options={"max": 32})
    copy = pickle.loads(pickle.dumps(parser))
    assert copy.options == {"max": 32} and isinstance(copy.client, hotpathd.Client)
    documents = [Document(text=TEXTS["sample"], id_="a")]
    assert told(copy(documents)) == told(old(documents))


NODES = [NodeWithScore(node=TextNode(text=text, id_=str(i)), score=0.1) for i, text in enumerate(CANDIDATES)]


class Backwards(BaseNodePostprocessor):
    def _postprocess_nodes(self, nodes, query_bundle=None):
        return [NodeWithScore(node=n.node, score=0.5) for n in reversed(nodes)]


def test_nodes_are_ranked_as_the_daemon_does(daemon, sidecar, ask):
    answer = ask("score", query=QUERY, documents=CANDIDATES, top_n=3)
    rerank = HotpathdRerank(client=sidecar, fallback=Backwards(), top_n=3)
    best = rerank.postprocess_nodes(NODES, query_str=QUERY)
    assert [(int(n.node_id), n.score) for n in best] == [(r["index"], r["relevance_score"]) for r in answer["results"]]
    assert len(best) == 3 and best[0].node is NODES[1].node and NODES[1].score == 0.1
    assert asyncio.run(rerank.apostprocess_nodes(NODES, query_str=QUERY)) == best
    assert best == on_a_loop(
        daemon.unix,
        lambda c: HotpathdRerank(client=sidecar, async_client=c, top_n=3).apostprocess_nodes(NODES, query_str=QUERY),
    )


@pytest.mark.parametrize("query", [QUERY, "", None])
def test_without_the_sidecar_ranking_is_the_old_postprocessors(sidecar, nobody, query):
    client = nobody if query else sidecar
    bundle = None if query is None else QueryBundle(query)
    backwards = HotpathdRerank(client=client, fallback=Backwards(), top_n=2)
    assert [n.node_id for n in backwards.postprocess_nodes(NODES, bundle)] == ["3", "2", "1", "0"]
    assert HotpathdRerank(client=client, top_n=2).postprocess_nodes(NODES, bundle) == NODES[:2]
    aside = on_a_loop(
        "unix:/none",
        lambda c: HotpathdRerank(fallback=Backwards(), async_client=c).apostprocess_nodes(NODES, bundle),
    )
    assert [n.node_id for n in aside] == ["3", "2", "1", "0"]


def test_shadow_compares_and_returns_the_old_results(daemon):
    events = []
    modes = {"chunk": "shadow", "score": "shadow"}
    client = hotpathd.Client(daemon.unix, modes=modes, timeout=10, on_event=events.append)
    documents = [Document(text="alpha beta", id_="1"), Document(text="gamma  delta", id_="2")]
    parser = HotpathdNodeParser(client=client, fallback=OLD)
    assert told(parser(documents)) == told(OLD(documents))
    HotpathdRerank(client=client, fallback=Backwards()).postprocess_nodes(NODES, query_str=QUERY)
    HotpathdRerank(client=client).postprocess_nodes(NODES[1:3], query_str=QUERY)
    end_shadow(client)
    assert [(e["route"], e["match"]) for e in events] == [
        ("chunk", True), ("chunk", False), ("score", False), ("score", True),
    ]  # fmt: skip
