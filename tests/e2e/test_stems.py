"""libstemmer's own vocabulary lists (voc.txt and output.txt of Snowball's data, a folder a language) through /v1/score.

    HOTPATHD_SNOWBALL=FOLDER python3 -m pytest tests/e2e/test_stems.py

The lists must be as old as the libstemmer that the daemon is linked with: stemmers change."""
import collections
import json
import os
import pathlib
import sys

import pytest

from daemon import ROOT, connection, request as send

sys.path.insert(0, str(ROOT / "tests"))
pytest.importorskip("regex")
import score_reference  # noqa: E402

FOLDER = os.environ.get("HOTPATHD_SNOWBALL")
if not FOLDER:
    pytest.skip("HOTPATHD_SNOWBALL names no folder of Snowball's vocabulary lists", allow_module_level=True)
LANGUAGES = sorted(path.parent.name for path in pathlib.Path(FOLDER).glob("*/voc.txt") if path.stat().st_size)
ENGLISH = ["english", "porter"]
BATCH = 60  # words a request


def is_one_word(word):
    """Neither parted nor folded to something else."""
    return (word.isascii() and word.isalnum() and word.islower()) or score_reference.words(word) == [word]


def pairs(language):
    """(word, stem), without stop words, possessives, and what is not compared as it is written."""
    folder = pathlib.Path(FOLDER) / language
    words, stems = ((folder / name).read_text(encoding="utf-8").splitlines() for name in ("voc.txt", "output.txt"))
    assert len(words) == len(stems)
    english = language in ENGLISH
    found = [(word, stem) for word, stem in zip(words, stems)
             if stem and is_one_word(word) and not (english and (word in score_reference.STOPS or word.endswith("'s")))]
    print(f"{language}: {len(found)} of {len(words)} words")
    return found


def ask(conn, language, query, documents):
    body = {"query": query, "documents": documents, "analyzer": language, "explain": True}
    reply = send(conn, "POST", "/v1/score", json.dumps(body).encode(), {"Content-Type": "application/json"})
    assert reply.status == 200, reply.body
    return [(result["index"], [(row["term"], row["times"]) for row in result["explain"]]) for result in reply.json["results"]]


@pytest.fixture
def conn(daemon):
    opened = connection(daemon.unix)
    yield opened
    opened.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_has_the_stem_of_the_list(conn, language):
    listed, wrong = pairs(language), []
    for at in range(0, len(listed), BATCH):
        words, stems = zip(*listed[at:at + BATCH])
        found = ask(conn, language, " ".join(words), words)
        wrong += [(words[i], stems[i], terms) for i, terms in found if terms != [(stems[i], 1)]]
    assert not wrong, f"{len(wrong)}: {wrong[:5]}"


@pytest.mark.parametrize("language", ENGLISH)
def test_a_word_is_never_turned_away_by_its_head(conn, language):
    """Each stem is asked for alone, so that nothing but its own head lets a word pass."""
    of_stem = collections.defaultdict(list)
    for word, stem in pairs(language):
        of_stem[stem].append(word)
    wrong = [(stem, words) for stem, words in of_stem.items()
             if ask(conn, language, words[0], [" ".join(words)]) != [(0, [(stem, len(words))])]]
    assert not wrong, f"{len(wrong)}: {wrong[:5]}"
