"""Haystack's components: the daemon's own answers, or the old component's own documents."""

from __future__ import annotations

import asyncio
import copy

import pytest

pytest.importorskip("haystack", reason="no haystack-ai: make extras")

from haystack import Document, Pipeline, component
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.rankers import MetaFieldRanker
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore
from samples import CANDIDATES, QUERY, TEXTS, end_shadow, on_a_loop

import hotpathd
from hotpathd.adapters.haystack import HotpathdDocumentSplitter, HotpathdRanker

SIZES = {"max": 64, "overlap": 8}


def old():
    return DocumentSplitter(split_by="word", split_length=30, split_overlap=4)


@pytest.mark.parametrize("name", TEXTS)
def test_documents_are_the_daemons_chunks(daemon, sidecar, ask, name):
    text = TEXTS[name]
    answer = ask("chunk", text=text, format="markdown", chunk=SIZES)
    options = {**SIZES, "format": "markdown"}
    splitter = HotpathdDocumentSplitter(old(), client=sidecar, options=options)
    document = Document(content=text, meta={"source": name, "tags": ["a"]})
    documents = splitter.run([document])["documents"]
    assert sidecar.last.path == "sidecar"
    assert [d.content for d in documents] == [answer["text"][c["start"] : c["end"]] for c in answer["chunks"]]
    assert [d.meta for d in documents] == [
        {
            "source": name, "tags": ["a"], "source_id": document.id, "split_id": number,
            "split_idx_start": c["source"][0], "page_number": 1 + text.count("\f", 0, c["source"][0]),
            "tokens": c["tokens"], "chunk_id": c["id"], "boundary": c["boundary"],
            **({"headings": " > ".join(c["headings"])} if c.get("headings") else {}),
        }
        for number, c in enumerate(answer["chunks"])
    ]  # fmt: skip
    assert len({d.id for d in documents}) == len(documents)
    documents[0].meta["tags"].append("b")
    assert document.meta["tags"] == ["a"]
    documents[0].meta["tags"].pop()
    for asynchronous in (False, True):
        aside = on_a_loop(
            daemon.unix,
            lambda c: HotpathdDocumentSplitter(
                old(), client=sidecar, async_client=c if asynchronous else None, options=options
            ).run_async([document]),
        )
        assert aside["documents"] == documents


@pytest.mark.parametrize("options", [{}, {"max": 0}])
def test_without_the_sidecar_documents_are_the_old_splitters(sidecar, nobody, options):
    client = sidecar if options else nobody
    documents = [Document(content=TEXTS["README"], meta={"s": 1}), Document(content="b"), Document(content="")]
    splitter = HotpathdDocumentSplitter(old(), client=client, options=options)
    expected = old().run(documents)
    assert splitter.run(documents) == expected
    assert client.last.outcome == "fallback"
    assert asyncio.run(splitter.run_async(documents)) == expected
    aside = on_a_loop(
        "unix:/none",
        lambda c: HotpathdDocumentSplitter(old(), client=nobody, async_client=c).run_async(documents),
    )
    assert aside == expected
    with pytest.raises(ValueError, match="content for document ID"):
        splitter.run([Document(content=None)])


def test_a_pipeline_runs_it_and_saves_it_without_its_client(daemon, sidecar):
    def build(splitter):
        store = InMemoryDocumentStore()
        pipeline = Pipeline()
        pipeline.add_component("split", splitter)
        pipeline.add_component("write", DocumentWriter(store))
        pipeline.connect("split.documents", "write.documents")
        return pipeline, store

    documents = [Document(content=TEXTS["sample"])]
    splitter = HotpathdDocumentSplitter(old(), client=sidecar, options={"max": 32})
    pipeline, store = build(splitter)
    pipeline.run({"split": {"documents": documents}})
    written = store.filter_documents()
    assert sorted(d.id for d in written) == sorted(d.id for d in splitter.run(documents)["documents"])

    saved = pipeline.dumps()
    loaded = Pipeline.loads(saved, allowed_modules=["hotpathd.adapters.haystack"])
    assert loaded.dumps() == saved
    again = loaded.get_component("split")
    assert again.options == {"max": 32} and again.fallback.split_length == 30
    assert again.run(documents) == old().run(documents)

    pipeline, store = build(HotpathdDocumentSplitter(old(), client=sidecar, options={"max": 32}))
    asyncio.run(pipeline.run_async({"split": {"documents": documents}}))
    assert sorted(d.id for d in store.filter_documents()) == sorted(d.id for d in written)


def test_it_is_copied_without_its_client(sidecar):
    again = copy.deepcopy(HotpathdDocumentSplitter(old(), client=sidecar, options={"max": 9}))
    documents = [Document(content=TEXTS["sample"])]
    assert again.run(documents) == old().run(documents) and again.client is not sidecar


DOCUMENTS = [Document(content=text, meta={"n": i}, id=str(i), score=0.1) for i, text in enumerate(CANDIDATES)]


@component
class Backwards:
    @component.output_types(documents=list[Document])
    def run(self, query: str, documents: list[Document], top_k: int = 9):
        assert query
        return {"documents": documents[::-1][:top_k]}


def test_documents_are_ranked_as_the_daemon_does(daemon, sidecar, ask):
    answer = ask("score", query=QUERY, documents=CANDIDATES, top_n=3)
    ranker = HotpathdRanker(Backwards(), client=sidecar, top_k=3)
    twice = [*DOCUMENTS, DOCUMENTS[1], Document(content=None, id="no text")]
    best = ranker.run(query=QUERY, documents=twice)["documents"]
    assert [(int(d.id), d.score, d.meta["n"]) for d in best] == [
        (r["index"], r["relevance_score"], r["index"]) for r in answer["results"]
    ]
    assert len(best) == 3 and DOCUMENTS[1].score == 0.1
    assert ranker.run(query=QUERY, documents=twice, top_k=1)["documents"] == best[:1]
    assert asyncio.run(ranker.run_async(QUERY, twice))["documents"] == best
    aside = on_a_loop(
        daemon.unix,
        lambda c: HotpathdRanker(client=sidecar, async_client=c, top_k=3).run_async(QUERY, twice),
    )
    assert aside["documents"] == best


@pytest.mark.parametrize("query", [QUERY, ""])
def test_without_the_sidecar_ranking_is_the_old_rankers(sidecar, nobody, query):
    client = nobody if query else sidecar
    as_it_was = HotpathdRanker(client=client, top_k=2)
    assert as_it_was.run(query, DOCUMENTS) == {"documents": DOCUMENTS[:2]}
    assert as_it_was.run(query, DOCUMENTS, top_k=1) == {"documents": DOCUMENTS[:1]}
    by_meta = MetaFieldRanker("n", top_k=3)  # takes no query
    assert HotpathdRanker(by_meta, client=client).run(query, DOCUMENTS) == by_meta.run(DOCUMENTS)
    if query:
        backwards = HotpathdRanker(Backwards(), client=client, top_k=2)
        assert backwards.run(query, DOCUMENTS)["documents"] == DOCUMENTS[::-1]
        aside = on_a_loop(
            "unix:/none",
            lambda c: HotpathdRanker(Backwards(), client=nobody, async_client=c).run_async(query, DOCUMENTS, 3),
        )
        assert aside["documents"] == DOCUMENTS[::-1][:3]


def test_a_ranker_is_saved_with_the_old_one():
    pipeline = Pipeline()
    pipeline.add_component("rank", HotpathdRanker(MetaFieldRanker("n"), top_k=4, options={"analyzer": "german"}))
    loaded = Pipeline.loads(pipeline.dumps(), allowed_modules=["hotpathd.adapters.haystack"]).get_component("rank")
    assert (loaded.top_k, loaded.options, loaded.fallback.meta_field) == (4, {"analyzer": "german"}, "n")


def test_shadow_compares_and_returns_the_old_results(daemon):
    events = []
    modes = {"chunk": "shadow", "score": "shadow"}
    client = hotpathd.Client(daemon.unix, modes=modes, timeout=10, on_event=events.append)
    documents = [Document(content="alpha beta"), Document(content="gamma  delta")]
    assert HotpathdDocumentSplitter(old(), client=client).run(documents) == old().run(documents)
    HotpathdRanker(Backwards(), client=client).run(QUERY, DOCUMENTS)
    HotpathdRanker(client=client).run(QUERY, DOCUMENTS[1:3])
    end_shadow(client)
    assert [(e["route"], e["match"]) for e in events] == [
        ("chunk", True), ("chunk", False), ("score", False), ("score", True),
    ]  # fmt: skip
