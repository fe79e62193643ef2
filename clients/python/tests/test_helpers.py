"""chunk() and score(), and the trace of the caller."""

from __future__ import annotations

import asyncio
import sys
import types

import pytest
from faults import answer_to, reply
from test_faults import saying

import hotpathd
from hotpathd import Chunk, Ranked

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ANSWERS = {
    "/v1/chunk": {
        "text": "naïve text", "unchanged": False, "encoding": "estimate", "exact": False, "tokens": 3,
        "chunks": [
            {"id": "a", "start": 0, "end": 5, "tokens": 2, "source": [0, 6], "boundary": "word"},
            {"id": "b", "start": 6, "end": 10, "tokens": 1, "source": [7, 11], "boundary": "document",
             "headings": ["H"]},
        ],
        "metadata": {},
    },
    "/v1/score": {
        "results": [{"index": 1, "relevance_score": 0.5}, {"index": 0, "relevance_score": 0.25}],
        "meta": {},
    },
}  # fmt: skip


class Daemon:
    def __init__(self):
        self.requests = []

    def __call__(self, peer):
        while (request := peer.request()) is not None:
            self.requests.append(request)
            peer.send(answer_to(request, ANSWERS[request.target]))


@pytest.fixture
def daemon():
    return Daemon()


MODES = {"chunk": "on", "score": "on"}


def blocking(url, method, *args, **options):
    with hotpathd.Client(url, modes=MODES) as sidecar:
        return getattr(sidecar, method)(*args, timeout=5, **options)


def on_a_loop(url, method, *args, **options):
    async def main():
        async with hotpathd.AsyncClient(url, modes=MODES) as sidecar:
            return await getattr(sidecar, method)(*args, timeout=5, **options)

    return asyncio.run(main())


BOTH = pytest.mark.parametrize("run", [blocking, on_a_loop])


@BOTH
def test_chunks_carry_their_text(serve, daemon, run):
    got = run(serve(daemon).url, "chunk", "naïve  text", fallback=lambda: [], max=2, overlap=1, format="plain")
    assert got == [
        Chunk("naïve", 2, (0, 6), 0, 5, "a", "word"),
        Chunk("text", 1, (7, 11), 6, 10, "b", "document", ("H",)),
    ]
    assert daemon.requests[0].json() == {
        "text": "naïve  text", "return_text": "if_changed", "format": "plain",
        "chunk": {"max": 2, "overlap": 1},
    }  # fmt: skip


@BOTH
@pytest.mark.parametrize("sent", ["naïve text", "\ud83d\ude00ve text"], ids=["characters", "surrogates"])
def test_a_text_that_was_left_alone_is_the_callers_own(serve, run, sent):
    answer = {**ANSWERS["/v1/chunk"], "unchanged": True, "metadata": {"chars": 10}}
    del answer["text"]
    if sent[0] == "\ud83d":  # one character of JSON
        answer = {**answer, "chunks": [{**answer["chunks"][1], "start": 4, "end": 8}], "metadata": {"chars": 8}}
    got = run(serve(saying(reply(answer))).url, "chunk", sent, fallback=lambda: [])
    assert got[-1].text == "text" and len(got) == len(answer["chunks"])


@BOTH
@pytest.mark.parametrize("answer", [{"unchanged": False}, {"unchanged": 1}, {}, {"unchanged": True}], ids=str)
def test_an_answer_without_a_text_that_may_have_changed_is_none(serve, run, answer):
    answer = {**answer, "chunks": []}
    assert run(serve(saying(reply(answer))).url, "chunk", "a", fallback=lambda: ["old"]) == [Chunk("old")]


@BOTH
def test_ranks_carry_index_and_score(serve, daemon, run):
    got = run(serve(daemon).url, "score", "q", ["a", "b"], fallback=lambda: [], top_n=2)
    assert got == [Ranked(1, 0.5), Ranked(0, 0.25)]
    assert daemon.requests[0].json() == {"query": "q", "documents": ["a", "b"], "top_n": 2}


@BOTH
def test_the_old_code_may_give_plain_values(run):
    assert run("unix:/none", "chunk", "a b", fallback=lambda: ["a", Chunk("b", 1)]) == [Chunk("a"), Chunk("b", 1)]
    got = run("unix:/none", "score", "q", [], fallback=lambda: [2, (0, 1.5), Ranked(1, 1.0)])
    assert got == [Ranked(2), Ranked(0, 1.5), Ranked(1, 1.0)]


def test_shadow_compares_texts_and_order(serve, daemon):
    events = []
    modes = {"chunk": "shadow", "score": "shadow"}
    with hotpathd.Client(serve(daemon).url, modes=modes, on_event=events.append) as sidecar:
        sidecar.chunk("x", fallback=lambda: ["naïve", "text"], timeout=5)
        sidecar.chunk("x", fallback=lambda: ["naïve", "Text"], timeout=5)
        sidecar.chunk("x", fallback=lambda: ["naïve"], timeout=5)
        sidecar.score("q", ["a", "b"], fallback=lambda: [1, 0], timeout=5)
        sidecar.score("q", ["a", "b"], fallback=lambda: [0, 1], timeout=5)
        while len(daemon.requests) < 5 or sidecar._shadow._queue.qsize():
            pass
    assert [(e["match"], e["diff"]) for e in events] == [
        (True, None), (False, "/1/text"), (False, "/1"), (True, None), (False, "/0/index"),
    ]  # fmt: skip


@pytest.mark.parametrize("answer", [None, "garbage", TRACE.upper(), 17])
def test_a_trace_hook_may_give_nothing_or_nonsense(serve, daemon, answer):
    with hotpathd.Client(serve(daemon).url, modes=MODES, traceparent=lambda: answer) as sidecar:
        assert len(sidecar.chunk("x", fallback=lambda: [], timeout=5)) == 2
    assert "traceparent" not in daemon.requests[0].headers


def test_a_trace_hook_may_raise(serve, daemon):
    with hotpathd.Client(serve(daemon).url, modes=MODES, traceparent=lambda: 1 / 0) as sidecar:
        assert len(sidecar.chunk("x", fallback=lambda: [], timeout=5)) == 2


def test_the_span_of_opentelemetry_is_forwarded_where_the_service_uses_it(serve, daemon, monkeypatch):
    """A stand-in with the three attributes that are read: the library is no dependency of the tests."""
    context = types.SimpleNamespace(
        is_valid=True, trace_id=int(TRACE[3:35], 16), span_id=int(TRACE[36:52], 16), trace_flags=1
    )
    span = types.SimpleNamespace(get_span_context=lambda: context)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", types.SimpleNamespace(get_current_span=lambda: span))
    with hotpathd.Client(serve(daemon).url, modes=MODES) as sidecar:
        sidecar.chunk("x", fallback=lambda: [], timeout=5)
        context.is_valid = False
        sidecar.chunk("x", fallback=lambda: [], timeout=5)
    assert [r.headers.get("traceparent") for r in daemon.requests] == [TRACE, None]
