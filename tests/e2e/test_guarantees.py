"""The seven guarantees (docs/text.md) on a real book in many languages and on random Unicode, in every format."""
import html
import random
import re
import unicodedata

import pytest

from documents import BLANK, LANGUAGES, bare_text, guide, slicer, tiktoken_counter

CUTS = [{"max": 512, "overlap": 64}, {"max": 128}, {"max": 40, "overlap": 39}, {"max": 300, "overlap": 50, "unit": "chars"}]
FORMATS = ["plain", "markdown", "html"]


def check(daemon, raw, count, **options):
    """Guarantees 1 to 4 and 6 of one reply; the reply."""
    body = {"text": raw, **options}
    first = daemon.post("/v1/chunk", body)
    assert first.status == 200, first.body
    assert daemon.post("/v1/chunk", body).body == first.body, "same input, other bytes"
    reply, unit, offsets = first.json, options["chunk"].get("unit", "tokens"), options["offsets"]
    cut, source = slicer(reply["text"], offsets), slicer(raw, offsets)
    assert reply["tokens"] == count(reply["text"])
    covered, source_before = 0, 0
    for chunk in reply["chunks"]:
        piece = cut(chunk["start"], chunk["end"])
        assert chunk["tokens"] == count(piece)
        size = {"tokens": chunk["tokens"], "chars": len(piece)}[unit]
        assert size <= options["chunk"]["max"] or chunk.get("oversize")
        assert piece[0] not in BLANK and piece[-1] not in BLANK
        assert all(c in BLANK for c in cut(covered, max(covered, chunk["start"])))
        assert chunk["end"] > covered
        covered = chunk["end"]
        start, end = chunk["source"]
        assert source_before <= start < end
        check_source(source(start, end), piece, options.get("format", "plain"))
        source_before = start
    assert all(c in BLANK for c in cut(covered, len(reply["text"]) * 4))
    assert reply["text"].count("\ufffd") <= raw.count("\ufffd") + raw.count("&#") + raw.count("\0")
    return reply


def letters(text):
    return [c for c in unicodedata.normalize("NFKC", text) if c.isalnum()]


def check_source(span, piece, form):
    """The letters of the chunk stand in its source span in this order."""
    rest = iter(letters(html.unescape(span) if form == "html" else span))
    if "\u00c3" not in span and "\u00e2" not in span:  # mojibake is repaired to other letters
        missing = [c for c in letters(piece) if c.isalpha() and c not in rest]
        assert not missing, (missing[:5], span[:80], piece[:80])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_real_book_keeps_every_promise(daemon, language):
    count = tiktoken_counter("o200k_base")
    for page in guide(language):
        for form in FORMATS:
            raw = page if form == "html" else bare_text(page)
            for i, cut in enumerate(CUTS):
                reply = check(daemon, raw, count, format=form, chunk=cut, offsets=["char", "byte", "utf16", "char"][i])
            once, again = twice(daemon, reply["text"], form)
            assert once == again, "cleaning is not idempotent"


@pytest.mark.parametrize("language", LANGUAGES)
def test_cleaning_leaves_the_letters_of_right_text_alone(daemon, language):
    for page in guide(language):
        text = unicodedata.normalize("NFC", bare_text(page))
        assert letters(daemon.chunk(text, chunk=None)["text"]) == letters(text)


def twice(daemon, text, form):
    """A text cleaned again. What was HTML is plain text by then, in which indentation shrinks: blanks do not count there."""
    again = daemon.chunk(text, chunk=None, format="plain" if form == "html" else form)["text"]
    return [re.sub(" +", " ", each) if form == "html" else each for each in (text, again)]


def random_character(rng):
    dice = rng.random()
    if dice < 0.35:
        return chr(rng.randrange(32, 127))
    if dice < 0.5:
        return rng.choice(" \n\n\t\r\f\u00a0\u200b\u00ad\u2028\ufeff\u200d\u0301\u0327#*-<>&;`|_=~[]")
    if dice < 0.7:
        return chr(rng.randrange(0xa0, 0x800))
    while True:
        c = chr(rng.randrange(0x800, 0x30000) if dice < 0.95 else rng.randrange(0x110000))
        if not 0xd800 <= ord(c) < 0xe000:
            return c


@pytest.mark.parametrize("form", FORMATS)
def test_random_unicode_keeps_every_promise(daemon, form):
    count = tiktoken_counter("cl100k_base")
    rng = random.Random(form)
    for _ in range(60):
        raw = "".join(random_character(rng) for _ in range(rng.randrange(1, 400)))
        cut = {"max": rng.randrange(2, 60)}
        cut["overlap"] = rng.randrange(cut["max"])
        reply = daemon.chunk(raw, format=form, chunk=cut, encoding="cl100k_base")
        text, covered = reply["text"], 0
        assert reply["tokens"] == count(text)
        for chunk in reply["chunks"]:
            assert chunk["tokens"] == count(text[chunk["start"]:chunk["end"]])
            assert chunk["tokens"] <= cut["max"] or chunk.get("oversize")
            assert chunk["end"] > covered and 0 <= chunk["source"][0] < chunk["source"][1] <= len(raw)
            covered = chunk["end"]
        once, again = twice(daemon, text, form)
        assert once == again, (raw, once, again)
