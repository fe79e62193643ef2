"""What /v1/chunk promises of any document: counts, offsets, spans, cover, ids, idempotence; and time in proportion."""
import json
import random

import pytest

from daemon import SANITIZED
from documents import BLANK, OPTIONS, SAMPLES, slicer, tiktoken_counter


@pytest.mark.parametrize("offsets", ["char", "byte", "utf16"])
@pytest.mark.parametrize("name", SAMPLES)
def test_chunks_are_what_they_say(daemon, name, offsets):
    raw = SAMPLES[name]
    for options in OPTIONS:
        reply = daemon.chunk(raw, chunk=options, offsets=offsets, encoding="estimate")
        text, chunks = reply["text"], reply["chunks"]
        cut, end_before, covered = slicer(text, offsets), 0, 0
        whole = slicer(text, offsets)(0, len(text) * 4)
        for chunk in chunks:
            piece = cut(chunk["start"], chunk["end"])
            assert piece and piece[0] not in BLANK and piece[-1] not in BLANK
            assert chunk["end"] > end_before
            assert all(c in BLANK for c in cut(covered, chunk["start"])), "something between two chunks was lost"
            size = {"tokens": chunk["tokens"], "chars": len(piece), "bytes": len(piece.encode())}[options.get("unit", "tokens")]
            assert size <= options["max"] or chunk.get("oversize"), (options, piece)
            end_before = covered = chunk["end"]
        assert all(c in BLANK for c in cut(covered, len(text) * 4))
        assert whole == text


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
def test_counts_equal_tiktokens(daemon, name, encoding):
    count = tiktoken_counter(encoding)
    for options in OPTIONS:
        reply = daemon.chunk(SAMPLES[name], chunk=options, encoding=encoding)
        assert reply["exact"] is True
        assert reply["tokens"] == count(reply["text"])
        for chunk in reply["chunks"]:
            assert chunk["tokens"] == count(reply["text"][chunk["start"]:chunk["end"]])


def test_random_texts_have_tiktokens_counts(daemon):
    count = tiktoken_counter("o200k_base")
    rng = random.Random(7)
    alphabet = list("aAbZ'stmrelvd 12 \n\r\t.,!?/_-") + ["é", "ß", "中", "ก", "ा", "\u0301", "\u00a0", "👍🏽", "\u200d", "Ǆ", "ʰ", "Ⅷ", "'S", "'ll"]
    for _ in range(300):
        text = "".join(rng.choices(alphabet, k=rng.randrange(1, 200)))
        reply = daemon.chunk(text, clean="none", chunk={"max": rng.randrange(1, 30), "overlap": 0})
        assert reply["text"] == text and reply["unchanged"] is True
        assert reply["tokens"] == count(text), text
        for chunk in reply["chunks"]:
            assert chunk["tokens"] == count(text[chunk["start"]:chunk["end"]]), text


@pytest.mark.parametrize("name", SAMPLES)
def test_source_spans_clean_to_their_chunks(daemon, name):
    raw = SAMPLES[name]
    reply = daemon.chunk(raw, chunk={"max": 24})
    for chunk in reply["chunks"]:
        start, end = chunk["source"]
        assert 0 <= start < end <= len(raw)
        again = daemon.chunk(raw[start:end], chunk=None)["text"]
        assert again == reply["text"][chunk["start"]:chunk["end"]]


@pytest.mark.parametrize("name", SAMPLES)
def test_cleaning_is_idempotent_and_says_when_it_did_nothing(daemon, name):
    once = daemon.chunk(SAMPLES[name])
    twice = daemon.chunk(once["text"])
    assert twice["text"] == once["text"]
    assert twice["unchanged"] is True and twice["metadata"]["changes"] == {}
    assert once["unchanged"] == (once["text"] == SAMPLES[name])
    assert once["metadata"]["chars"] == len(once["text"])
    assert once["metadata"]["bytes"] == len(SAMPLES[name].encode())


def test_cleaning_does_what_it_says(daemon):
    reply = daemon.chunk("\ufeffcafe\u0301\u00a0bar\r\n\r\n\r\n\r\nA\x07B\x1b[31mred\x1b[0m  so\u00adft\u200b \n")
    assert reply["text"] == "café bar\n\nABred soft"
    assert set(reply["metadata"]["changes"]) == {"normalization", "controls", "spaces", "line_endings", "blank_runs"}
    untouched = "a\u00a0 b\r\n"
    assert daemon.chunk(untouched, clean="none")["text"] == untouched


def test_same_input_same_bytes_and_ids_follow_the_text(daemon):
    text = SAMPLES["english"]
    replies = {daemon.post("/v1/chunk", {"text": text, "chunk": {"max": 30}}).body for _ in range(3)}
    assert len(replies) == 1
    ids = [chunk["id"] for chunk in daemon.chunk(text, chunk={"max": 30})["chunks"]]
    assert [chunk["id"] for chunk in daemon.chunk(text, chunk={"max": 30}, offsets="byte", return_text="never")["chunks"]] == ids
    assert set(ids).isdisjoint(chunk["id"] for chunk in daemon.chunk(text, chunk={"max": 31})["chunks"])


def test_return_text(daemon):
    assert "text" not in daemon.chunk("clean", return_text="if_changed")
    assert daemon.chunk("un  clean", return_text="if_changed")["text"] == "un clean"
    assert "text" not in daemon.chunk("un  clean", return_text="never")


def test_nul_is_taken_and_cleaned_away(daemon):
    assert daemon.chunk("a\x00b")["text"] == "ab"
    assert daemon.chunk("a\x00b", clean="none")["text"] == "a\x00b"


HOSTILE = {
    "letters": "a", "carets": "^", "blanks": " ", "line ends": "\n", "blank lines": "x\n\n\n", "ideographs": "中", "marks": "e\u0301",
    "only marks": "\u0301", "joiners": "\u200d", "flags": "🇩", "no-break spaces": "\u00a0", "returns": "\r", "full stops": ".", "quotes": "\"",
    "escapes": "\x1b[", "prose": "A sentence of some words, and a number: 12. ",
}


def cpu_milliseconds(daemon, text, options):
    """CPU time, not wall time: other processes of a busy machine interrupt long requests more often than short ones."""
    spent = lambda: daemon.metric("hotpathd_request_cpu_seconds_total", route="chunk")
    before = spent()
    body = json.dumps({"text": text, "chunk": options}, ensure_ascii=False).encode()
    reply = daemon.post("/v1/chunk", body, X_Request_Timeout_Ms="60000")
    assert reply.status == 200, reply.body[:300]
    while spent() == before:  # it is counted when its last byte has gone out, which may be after the reply is here
        assert daemon.process.poll() is None
    return (spent() - before) * 1000


@pytest.mark.skipif(SANITIZED, reason="what is measured is measured in the plain build")
@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_in_proportion_to_size(daemon, name):
    """Four times the text in at most six times the time (quadratic would be sixteen). The best of as many rounds as it takes: noise
    only ever adds."""
    unit = HOSTILE[name]
    for options, size in (({"max": 512, "overlap": 64}, 150_000), ({"max": 16, "overlap": 15}, 20_000)):
        text = unit * (size // len(unit.encode()))
        small = large = float("inf")
        for attempt in range(12):
            small = min(small, cpu_milliseconds(daemon, text, options))
            large = min(large, cpu_milliseconds(daemon, text * 4, options))
            if attempt and large <= 6 * max(small, 0.2):
                break
        assert large <= 6 * max(small, 0.2), f"{name} {options}: {small:.2f} ms, four times the text {large:.2f} ms"
