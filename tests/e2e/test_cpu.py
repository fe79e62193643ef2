"""Every version of a function gives the same bytes: the plain ones, those for AVX2 and the best of this machine."""
import random

import pytest

from documents import OPTIONS, SAMPLES, bare_text, guide

REQUESTS = [{"text": text, "chunk": options, "format": form, "clean": clean, "encoding": encoding}
            for text in SAMPLES.values()
            for options, form, clean, encoding in [
                (OPTIONS[0], "plain", "standard", "o200k_base"), (OPTIONS[1], "markdown", "standard", "cl100k_base"),
                (OPTIONS[5], "html", {"hyphenation": True, "join_lines": True, "ligatures": True}, "estimate"),
                (OPTIONS[6], "plain", {"normalization": "nfkc", "repeated_lines": True}, "o200k_base")]]


def pages():
    return [{"text": page if form == "html" else bare_text(page), "format": form, "chunk": {"max": 200, "overlap": 50}}
            for language in ("en", "zh_CN", "ru", "ko", "el") for page in guide(language)[:2] for form in ("plain", "html")]


@pytest.mark.parametrize("level", ["baseline", "avx2"])
def test_all_levels_of_the_processor_answer_alike(daemon, start, monkeypatch, level):
    monkeypatch.setenv("HOTPATHD_CPU", level)
    other = start()
    for body in REQUESTS + pages():
        assert daemon.post("/v1/chunk", body).body == other.post("/v1/chunk", body).body
    rng = random.Random(level)
    words = ["wing", "lift", "Flügel", "翼", "крыло", "don't", "running", "the", "—", "\u00a0"]
    for _ in range(50):
        query = {"query": " ".join(rng.choices(words, k=3)),
                 "documents": [" ".join(rng.choices(words, k=rng.randrange(40))) for _ in range(30)]}
        assert daemon.post("/v1/score", query).body == other.post("/v1/score", query).body
