"""Whatever comes back from the other end, a framework gets the old code's objects and no error."""

from __future__ import annotations

import pytest
from faults import answer_to
from samples import CANDIDATES, QUERY, end_shadow

from hotpathd.adapters._shared import Ranking, Splitting

CHUNK = {"id": "a", "start": 0, "end": 3, "tokens": 1, "source": [0, 3], "boundary": "document"}
BAD_CHUNKS = {
    "no object": [],
    "no chunks": {"text": "abc"},
    "no text": {"chunks": [CHUNK]},
    "no source": {"text": "abc", "chunks": [{**CHUNK, "source": []}]},
    "a place that is none": {"text": "abc", "chunks": [{**CHUNK, "start": "0"}]},
    "what cannot be made": {"text": "abc", "chunks": [{**CHUNK, "source": ["x", "y"]}]},
}
BAD_RANKS = {
    "no results": {},
    "an index beyond the last": {"results": [{"index": 4, "relevance_score": 1}]},
    "one below the first": {"results": [{"index": -1, "relevance_score": 1}]},
    "a broken one": {"results": [{"index": 0.5, "relevance_score": 1}]},
    "one twice": {"results": [{"index": 1, "relevance_score": 1}] * 2},
    "a list for an index": {"results": [{"index": [1], "relevance_score": 1}]},
}


def splitting(text="abc"):
    def make(chunks):
        return [(int(c.source[0]), c.text) for c in chunks]

    return Splitting(text, "key", {"max": 3}, lambda piece: piece[1], make)


def ranking():
    return Ranking(QUERY, CANDIDATES, 3, {}, str, str, lambda text, score: (text, score))


@pytest.fixture
def answering(serve, client):
    def with_answer(answer, mode="on", **options):
        def script(peer):
            while (request := peer.request()) is not None:
                peer.send(answer_to(request, answer))

        return client(serve(script).url, modes={"chunk": mode, "score": mode}, timeout=5, **options)

    return with_answer


def test_a_good_answer_is_taken(answering):
    sidecar = answering({"text": "abc", "chunks": [CHUNK]})
    assert splitting().run(sidecar, lambda: [(9, "old")]) == [(0, "abc")]
    sidecar = answering({"results": [{"index": 1, "relevance_score": 0.5}]})
    assert ranking().run(sidecar, lambda: ["old"]) == [(CANDIDATES[1], 0.5)]


@pytest.mark.parametrize("what", BAD_CHUNKS)
def test_bad_chunks_are_a_bad_reply(answering, what):
    sidecar = answering(BAD_CHUNKS[what])
    assert splitting().run(sidecar, lambda: [(9, "old")]) == [(9, "old")]
    assert sidecar.last.reason == "bad_reply"


@pytest.mark.parametrize("what", BAD_RANKS)
def test_bad_ranks_are_a_bad_reply(answering, what):
    sidecar = answering(BAD_RANKS[what])
    old = ["somebody's own", "objects"]
    assert ranking().run(sidecar, lambda: old) == old
    assert sidecar.last.reason == "bad_reply"


def test_old_objects_may_change_before_they_are_compared(answering):
    """Texts and order are taken down at once; the caller goes on with its own objects."""
    events = []
    sidecar = answering({"text": "abc", "chunks": [CHUNK]}, "shadow", on_event=events.append)
    pieces = [[0, "abc"]]
    got = splitting().run(sidecar, lambda: pieces)
    got[0][1] = "changed"
    end_shadow(sidecar)
    assert [e["match"] for e in events] == [True] and got[0] is pieces[0]
