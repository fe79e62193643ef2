"""LangChain's splitter and compressor: the daemon's own answers, or the old code's own documents."""

from __future__ import annotations

import asyncio
import pickle

import pytest

pytest.importorskip("langchain_text_splitters", reason="no langchain-text-splitters: make extras")

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_text_splitters import RecursiveCharacterTextSplitter
from samples import CANDIDATES as CANDIDATE_TEXTS, QUERY, TEXTS, end_shadow, on_a_loop

import hotpathd
from hotpathd.adapters.langchain import HotpathdCompressor, HotpathdTextSplitter

OLD = RecursiveCharacterTextSplitter(chunk_size=200, chunk_overlap=20, add_start_index=True)
SIZES = {"max": 64, "overlap": 8}


@pytest.mark.parametrize("name", TEXTS)
def test_documents_are_the_daemons_chunks(daemon, sidecar, ask, name):
    text = TEXTS[name]
    answer = ask("chunk", text=text, format="markdown", chunk=SIZES)
    splitter = HotpathdTextSplitter(sidecar, fallback=OLD, options={**SIZES, "format": "markdown"})
    document = Document(text, metadata={"source": name, "tags": ["a"]}, id="7")
    documents = splitter.split_documents([document])
    assert sidecar.last.path == "sidecar"
    assert [d.page_content for d in documents] == [answer["text"][c["start"] : c["end"]] for c in answer["chunks"]]
    assert [d.metadata for d in documents] == [
        {
            "source": name, "tags": ["a"], "start_index": c["source"][0], "end_index": c["source"][1],
            "tokens": c["tokens"], "chunk_id": c["id"], "boundary": c["boundary"],
            **({"headings": " > ".join(c["headings"])} if c.get("headings") else {}),
        }
        for c in answer["chunks"]
    ]  # fmt: skip
    if answer["unchanged"]:
        for d in documents:
            assert text[d.metadata["start_index"] : d.metadata["end_index"]] == d.page_content
    documents[0].metadata["tags"].append("b")
    assert document.metadata["tags"] == ["a"]
    assert splitter.split_text(text) == [d.page_content for d in documents]
    aside = on_a_loop(
        daemon.unix,
        lambda client: HotpathdTextSplitter(
            sidecar, fallback=OLD, options={**SIZES, "format": "markdown"}, async_client=client
        ).atransform_documents([document, document]),
    )
    assert aside == splitter.transform_documents([document, document])


def test_where_a_chunk_was_cleaned_start_index_is_of_the_raw_text(sidecar):
    text = TEXTS["dirty"]
    splitter = HotpathdTextSplitter(sidecar, fallback=OLD, options={"max": 4})
    documents = splitter.create_documents([text])
    sources = [text[d.metadata["start_index"] : d.metadata["end_index"]] for d in documents]
    assert [splitter.split_text(source) for source in sources] == [[d.page_content] for d in documents]
    assert sources != [d.page_content for d in documents]


@pytest.mark.parametrize("options", [{}, {"max": 0}, {"no_such_option": 1}])
def test_without_the_sidecar_documents_are_the_old_splitters(sidecar, nobody, options):
    client = sidecar if options else nobody
    splitter = HotpathdTextSplitter(client, fallback=OLD, options=options)
    documents = [Document(TEXTS["README"], metadata={"source": "a"}), Document("b", metadata={"source": "c"})]
    assert splitter.split_documents(documents) == OLD.split_documents(documents)
    assert splitter.split_text(TEXTS["README"]) == OLD.split_text(TEXTS["README"])
    texts, metadatas = ["one", "two"], [{"n": 1}, {"n": 2}]
    assert splitter.create_documents(texts, metadatas) == OLD.create_documents(texts, metadatas)
    assert client.last.outcome == "fallback"
    for async_url in (None, "unix:/none"):
        aside = on_a_loop(
            async_url or "unix:/none",
            lambda c: HotpathdTextSplitter(
                nobody, fallback=OLD, async_client=c if async_url else None
            ).atransform_documents(documents),
        )
        assert aside == OLD.split_documents(documents)


def test_they_are_pickled_without_their_clients(sidecar):
    """As old splitters are that go to other processes; there a client is made from the environment."""
    splitter = pickle.loads(pickle.dumps(HotpathdTextSplitter(sidecar, fallback=OLD, options={"max": 9})))
    assert splitter.create_documents([TEXTS["sample"]]) == OLD.create_documents([TEXTS["sample"]])
    compressor = pickle.loads(pickle.dumps(HotpathdCompressor(client=sidecar, fallback=Backwards(), top_n=3)))
    assert compressor.top_n == 3 and compressor.compress_documents(CANDIDATES, QUERY) == CANDIDATES[::-1]
    assert splitter.client is compressor.client is not sidecar


def test_the_old_splitters_errors_are_its_own(nobody):
    class Broken(RecursiveCharacterTextSplitter):
        def split_text(self, text):
            raise LookupError(text)

    with pytest.raises(LookupError, match="one"):
        HotpathdTextSplitter(nobody, fallback=Broken()).create_documents(["one"])


def test_shadow_compares_each_document_and_returns_the_old_ones(daemon):
    """Twice: with the sidecar, and (noise) with the old code run again, later and elsewhere."""
    for noise in (0, 100):
        events = []
        modes = {"chunk": "shadow"}
        client = hotpathd.Client(daemon.unix, modes=modes, timeout=10, on_event=events.append, noise=noise)
        splitter = HotpathdTextSplitter(client, fallback=OLD, options={"max": 200, "unit": "chars"})
        documents = [Document("alpha beta", id="1"), Document("gamma", id="2"), Document("x  y", id="3")]
        assert splitter.split_documents(documents) == OLD.split_documents(documents)
        end_shadow(client)
        matches = [True, True, True] if noise else [True, True, False]  # the daemon cleans "x  y"
        assert [e["match"] for e in events] == matches
        assert len({e["key_hash"] for e in events}) == 3


CANDIDATES = [Document(text, metadata={"n": i}, id=str(i)) for i, text in enumerate(CANDIDATE_TEXTS)]


class Backwards(BaseDocumentCompressor):
    def compress_documents(self, documents, query, callbacks=None):
        return list(reversed(documents))


def test_compressed_documents_are_the_daemons_ranking(daemon, sidecar, ask):
    answer = ask("score", query=QUERY, documents=[d.page_content for d in CANDIDATES], top_n=3)
    compressor = HotpathdCompressor(client=sidecar, fallback=Backwards(), top_n=3)
    best = compressor.compress_documents(CANDIDATES, QUERY)
    assert [(d.metadata["n"], d.metadata["relevance_score"], d.id) for d in best] == [
        (r["index"], r["relevance_score"], str(r["index"])) for r in answer["results"]
    ]
    assert best[0].metadata["n"] == 1 and len(best) == 3
    assert all("relevance_score" not in d.metadata for d in CANDIDATES)
    assert asyncio.run(compressor.acompress_documents(CANDIDATES, QUERY)) == best
    assert best == on_a_loop(
        daemon.unix,
        lambda c: HotpathdCompressor(client=sidecar, async_client=c, top_n=3).acompress_documents(CANDIDATES, QUERY),
    )


@pytest.mark.parametrize("query", [QUERY, "", "q" * 5000])
def test_without_the_sidecar_ranking_is_the_old_compressors(sidecar, nobody, query):
    client = nobody if query == QUERY else sidecar
    backwards = HotpathdCompressor(client=client, fallback=Backwards(), top_n=2)
    assert backwards.compress_documents(CANDIDATES, query) == CANDIDATES[::-1]
    as_it_was = HotpathdCompressor(client=client, top_n=2)
    assert as_it_was.compress_documents(CANDIDATES, query) == CANDIDATES[:2]
    for compressor, expected in ((Backwards(), CANDIDATES[::-1]), (None, CANDIDATES[:2])):
        assert expected == on_a_loop(
            "unix:/none",
            lambda c: HotpathdCompressor(
                client=client, async_client=c, fallback=compressor, top_n=2
            ).acompress_documents(CANDIDATES, query),
        )


def test_shadow_knows_the_old_ranking_again(daemon):
    class Best(BaseDocumentCompressor):
        order: list

        def compress_documents(self, documents, query, callbacks=None):
            return [Document(documents[i].page_content) for i in self.order]  # new ones, as many libraries do

    events = []
    client = hotpathd.Client(daemon.unix, modes={"score": "shadow"}, timeout=10, on_event=events.append)
    for order in ([1, 2, 0, 3], [1, 2, 3, 0], [2, 1, 0, 3]):
        HotpathdCompressor(client=client, fallback=Best(order=order)).compress_documents(CANDIDATES, QUERY)
    end_shadow(client)
    # two candidates have one text: which of them is meant cannot be told, and does not matter
    assert [(e["match"], e["diff"]) for e in events] == [(True, None), (True, None), (False, "/0/index")]
