"""/v1/score: equal to the slow reference on generated requests, to SQLite's FTS5 where the formulas meet, and every refusal."""
import json
import math
import random
import re
import sqlite3
import sys

import pytest

from daemon import ROOT, connection, request as send, wait_for

sys.path.insert(0, str(ROOT / "tests"))
pytest.importorskip("regex")
import score_reference  # noqa: E402

SMALLEST = {"query": "wing lift", "documents": ["lift of a wing", "a boat"]}


def ask(daemon, body, url=None):
    reply = daemon.post("/v1/score", body, url)
    assert reply.status == 200, reply.body
    return reply.json


def order(reply):
    return [result["index"] for result in reply["results"]]


def scores(reply):
    return {result["index"]: result["relevance_score"] for result in reply["results"]}


# --- the reference -----------------------------------------------------------------------------------

ENGLISH = """wing wings winged lift lifting lifted lifts boundary layers layer flow flowing flows die dying dies tie tying lying
ties aed ied skis skies sky idly gently early only news inning generously communism ay aying say says s as is us abed aing
generate generates ponies relational the of and a to it that's it's wing's WING'S wing\u2019s wing\uff07s dog''s o'neill rock'n'roll""".split()
OTHER = """U.S.A example.com 3.14 1,000 1,000.5 a.b a:b a;b 1;2 1:2 foo_bar _ __ _x 9_ x9 straße STRASSE GROSSE große ﬁne ﬁ Å a\u030a é e\u0301 E\u0301
İstanbul ıı ǅ Ω ω Ωmega ß½ ½ ² x² ①㌀ ㍻ тест ТЕСТ тесты ёлка е\u0308лка 東京 京都 東京都 tokyo東京 タワー ﾀﾜｰ ｶﾞｷﾞ ひらがな 서울 서울tower 서울's tower'서 서_x \u1144'Se 한국어 \u1112\u1161\u11ab\u1100\u116e\u11a8
ภาษาไทย กำลัง ก\u0e4d\u0e32ลัง ລາວ ភាសាខ្មែរ မြန်မာ ก ゟ ヿ 々 〇 ー שלום צה"ל ג'ורג' "ab" עב"aא العربية عربي\u0651 हिन्दी क्षि 👩‍👩‍👦 🇩🇪🇫🇷 1\ufe0f\u20e3 a\u200db a\u00adb
東\ufe00京 東\u200b京 a\u200bb \u0301x x\u0301\u0302\u0323 ᾳ ΑΙ Σς σ ﷺ ŉ ǰ ẞ \u2126 \u212b K \u1e9e 𝒜𝓃 ｆｕｌｌ ＷＩＤＴＨ Ⅷ ⅷ ㈱ ﾞ ﾊﾟ ᅡ ㅎㅏㄴ \u3164 x\u3164""".split()
SEPARATORS = [" ", " ", " ", ", ", ". ", "-", "/", "'", "\n", "\t", "\u3000", "", ".", ":", "\u2019", '"', "\x00", "\u200b", "(", ")", "’ ", "\u202f"]
LONG = ["x" * 300, "y" * 255, "lift" * 70 + "ing", "é" * 200]


def text_of(rng, most):
    pieces = []
    for _ in range(rng.randrange(most)):
        pool = rng.choices([ENGLISH, OTHER, LONG], [6, 3, 0.05])[0]
        word = rng.choice(pool)
        pieces.append(rng.choice([word, word, word, word.upper(), word.capitalize()]))
        pieces.append(rng.choice(SEPARATORS))
    return "".join(pieces)


def request_of(rng):
    fields = rng.sample(["title", "body", "tags", "a/b", "überschrift"], rng.randrange(1, 5))
    objects = rng.random() < 0.4
    sent = rng.choice([0, 1, 2, 5, 12, 30])
    pool = [text_of(rng, 12) for _ in range(8)]

    def text():
        return rng.choice(pool) if rng.random() < 0.7 else text_of(rng, 12)

    documents = [{name: text() for name in fields if rng.random() < 0.8} if objects else text() for _ in range(sent)]
    query = " ".join(rng.choice(rng.choice([ENGLISH, OTHER])) for _ in range(rng.randrange(1, 7)))
    body = {"query": query, "documents": documents, "explain": rng.random() < 0.5}
    choices = {
        "analyzer": lambda: rng.choice(["english", "simple", "porter", "german", "french", "russian", "turkish", "finnish"]),
        "top_n": lambda: rng.randrange(1, 20),
        "bm25": lambda: {"k1": rng.choice([0, 0.9, 1.2, 2, 100]), "b": rng.choice([0, 0.4, 0.75, 1])},
        "match": lambda: rng.choice(["none", "any", "all", 1, 2, 3, 99]),
        "must": lambda: [rng.choice(ENGLISH + OTHER[:20]) for _ in range(rng.randrange(3))],
        "must_not": lambda: [rng.choice(ENGLISH + ["wing lift", "東京都"]) for _ in range(rng.randrange(3))],
        "min_score": lambda: rng.choice([-1, 0, 0.1, 0.5, 1, 0.016]),
        "priors": lambda: [rng.choice([0, 1, -2.5, 0.125, 1e-9, 3.14159, 12345678901234567890.5, 1e308]) for _ in documents],
        "prior_weight": lambda: rng.choice([0, 1, -1, 0.5, 10]),
        "fusion": lambda: rng.choice(["sum", "rrf"]),
        "model": lambda: "rerank-v3",
        "stats": lambda: stats_of(rng, query, fields if objects else None, documents),
    }
    for name, make in choices.items():
        if rng.random() < 0.3:
            body[name] = make()
    if objects and sent and rng.random() < 0.4:
        body["fields"] = {name: rng.choice([1, 2, 0.5, 3, 100]) for name in rng.sample(fields, rng.randrange(1, len(fields) + 1))}
        if isinstance(body.get("stats", {}).get("avg_len"), dict):
            body["stats"]["avg_len"] = {name: 7.5 for name in body["fields"]}
    return body


def stats_of(rng, query, fields, documents):
    stats = {}
    if rng.random() < 0.8:
        stats["docs"] = rng.choice([1, 50, 1200000, 1 << 53])
        stats["df"] = {word: rng.choice([0, 1, 7, 4096, 1 << 40]) for word in query.split() + ["other"] if rng.random() < 0.7}
    if rng.random() < 0.5:
        named = sorted({name for doc in documents for name in doc}) if fields else []
        stats["avg_len"] = {name: rng.choice([1, 9.5, 1e-300, 1e300]) for name in named} if fields else rng.choice([0.5, 4, 250])
    return stats


def close(ours, theirs):
    return ours == theirs or math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=0)


def same_rows(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert set(a) == set(b)
        for key, value in b.items():
            assert close(a[key], value) if isinstance(value, float) else a[key] == value, (key, a, b)


def check_against_reference(daemon, body, raw):
    reply = send(daemon, "POST", "/v1/score", raw, {"Content-Type": "application/json"})
    assert reply.status == 200, reply.body
    ours, theirs = reply.json, score_reference.score(body)
    assert order(ours) == order(theirs)
    for a, b in zip(ours["results"], theirs["results"]):
        assert close(a["relevance_score"], b["relevance_score"])
        same_rows(a.get("explain", []), b.get("explain", []))
    warnings = ours["meta"].pop("warnings")
    same_rows(ours["meta"].pop("terms"), theirs["meta"].pop("terms"))
    assert ours["meta"] == theirs["meta"]
    assert all(set(warning) <= {"code", "terms"} for warning in warnings)


@pytest.mark.parametrize("seed", range(8))
def test_equals_the_reference_on_generated_requests(daemon, seed):
    rng = random.Random(seed)
    conn = connection(daemon.unix)
    for _ in range(250):
        body = request_of(rng)
        raw = json.dumps(body, ensure_ascii=rng.random() < 0.5)
        try:
            check_against_reference(conn, body, raw.encode())
        except AssertionError:
            print(raw)
            raise
    conn.close()


def test_a_score_is_the_sum_of_its_explanation(daemon):
    rng = random.Random(99)
    for _ in range(100):
        body = {**request_of(rng), "explain": True}
        for result in ask(daemon, body)["results"]:
            total = 0.0
            for row in result["explain"]:
                total += row.get("part", 0)
            assert total == result["relevance_score"] or abs(total) > 1e307


def fts5(documents, tokenize, queries):
    """For each query {row: bm25} of the documents that hold one of its words."""
    database = sqlite3.connect(":memory:")
    database.execute(f"create virtual table t using fts5(x, tokenize='{tokenize}')")
    database.executemany("insert into t(rowid, x) values (?, ?)", enumerate(documents))
    for query in queries:
        yield dict(database.execute("select rowid, bm25(t) from t where t match ?", (" OR ".join(query),)))


def check_against_fts5(daemon, documents, analyzer, tokenize, queries):
    """FTS5's score is ours with its idf, times k1 + 1."""
    for query, rows in zip(queries, fts5(documents, tokenize, queries)):
        reply = ask(daemon, {"query": " ".join(query), "documents": documents, "analyzer": analyzer, "explain": True, "match": "any"})
        idf = {}
        for term in reply["meta"]["terms"]:
            n = term["df"]
            theirs = math.log((len(documents) - n + 0.5) / (n + 0.5))
            idf[term["term"]] = (theirs if theirs > 0 else 1e-6) / term["idf"]
        assert rows and set(rows) == set(order(reply)), query
        for result in reply["results"]:
            ours = sum(row["part"] * idf[row["term"]] for row in result["explain"]) * (1.2 + 1)
            assert math.isclose(ours, -rows[result["index"]], rel_tol=1e-9), query


def test_equals_fts5_where_the_formulas_meet(daemon):
    rng = random.Random(5)
    letters = "abcdefghij"
    for _ in range(20):
        documents = [" ".join(rng.choice(letters) * 2 for _ in range(rng.randrange(1, 40))) for _ in range(200)]
        check_against_fts5(daemon, documents, "simple", "ascii", [[letter * 2 for letter in rng.sample(letters, 3)]])


def english_paragraphs():
    """The documents' own, without stop words, which FTS5 does not know, and without words of two letters, which it does not stem."""
    pages = sorted((ROOT / "docs").glob("*.md"))
    paragraphs = [paragraph for page in pages for paragraph in page.read_text().split("\n\n")]
    words = [[word for word in re.findall(r"\b[A-Za-z]{3,}\b", text) if word.lower() not in score_reference.STOPS] for text in paragraphs]
    return [" ".join(found) for found in words if len(found) > 5]


@pytest.mark.parametrize("tokenize", ["porter ascii", "porter unicode61"])
def test_equals_fts5_with_porter_on_english(daemon, tokenize):
    rng = random.Random(6)
    documents = english_paragraphs()
    stem = score_reference.Analyzer.named("porter").stem
    word_of = {stem(word): word for word in sorted({word.lower() for text in documents for word in text.split()})}
    queries = [rng.sample(sorted(word_of.values()), rng.randrange(1, 5)) for _ in range(300)]
    check_against_fts5(daemon, documents, "porter", tokenize, queries)


# --- properties ---------------------------------------------------------------------------------------

def test_the_same_bytes_in_give_the_same_bytes_out(daemon):
    body = json.dumps(request_of(random.Random(3)))
    first = daemon.post("/v1/score", body).body
    assert all(daemon.post("/v1/score", body, url).body == first for url in (daemon.tcp, daemon.unix))


def test_shuffling_the_documents_changes_nothing_but_ties(daemon):
    rng = random.Random(8)
    for _ in range(50):
        documents = [text_of(rng, 10) for _ in range(40)]
        query = " ".join(rng.choice(ENGLISH) for _ in range(4))
        shuffled = rng.sample(range(40), 40)
        plain = scores(ask(daemon, {"query": query, "documents": documents}))
        moved = ask(daemon, {"query": query, "documents": [documents[i] for i in shuffled]})
        assert {shuffled[i]: score for i, score in scores(moved).items()} == plain
        pairs = [(-result["relevance_score"], result["index"]) for result in moved["results"]]
        assert pairs == sorted(pairs)


def test_every_score_is_finite_and_bm25_never_negative(daemon):
    rng = random.Random(21)
    for _ in range(200):
        reply = ask(daemon, {name: value for name, value in request_of(rng).items() if name not in ("priors", "min_score")})
        assert all(0 <= result["relevance_score"] < math.inf for result in reply["results"])


@pytest.mark.parametrize("body,expected", [
    ({"query": "a", "documents": []}, []),
    ({"query": "wing", "documents": ["", "", ""]}, [0, 1, 2]),
    ({"query": "wing", "documents": [{}, {}]}, [0, 1]),
    ({"query": "wing", "documents": ["wing", "wing", "wing"]}, [0, 1, 2]),
    ({"query": "wing", "documents": ["boat", "boat"]}, [0, 1]),
    ({"query": "wing", "documents": ["boat", "boat"], "match": "any"}, []),
    ({"query": "!!!", "documents": ["boat", "wing"], "match": "any"}, [0, 1]),
    ({"query": "wing", "documents": ["wing", "wing boat"], "must_not": ["boats"]}, [0]),
    ({"query": "wing", "documents": ["wing", "wing boat"], "must": ["boats", "the"]}, [1]),
    ({"query": "wing", "documents": ["wing", "boat"], "min_score": 0}, [0, 1]),
    ({"query": "wing", "documents": ["wing", "boat"], "min_score": 0.001}, [0]),
    ({"query": "wing lift", "documents": ["wing", "lift wing", "lift"], "match": 2}, [1]),
    ({"query": "wing lift", "documents": ["wing", "lift wing", "lift"], "match": 7}, [1]),
    ({"query": "wing", "documents": ["boat", "wing"], "priors": [5, 0]}, [0, 1]),
    ({"query": "wing", "documents": ["boat", "wing"], "priors": [1e308, 1e308], "prior_weight": 1e308}, [0, 1]),
])
def test_defined_answers(daemon, body, expected):
    assert order(ask(daemon, body)) == expected


def test_warnings(daemon):
    def codes(**more):
        return [warning["code"] for warning in ask(daemon, {**SMALLEST, **more})["meta"]["warnings"]]
    assert codes() == []
    assert codes(query="to be or not to be") == ["stop_words_kept"]
    assert codes(query="...") == ["query_empty"]
    assert codes(must=["the"]) == ["filter_stop_words"]
    assert codes(fusion="rrf") == ["priors_missing"]
    assert codes(stats={"docs": 10, "df": {"wings": 2}}) == ["df_missing"]
    assert codes(stats={"docs": 10, "df": {"wings": 2, "lifting": 1}}) == []


def test_documents_come_back_as_they_were_sent(daemon):
    raw = b'{"query":"b","return_documents":true,"documents":[ {"t" : "\\u0061\\n","u":"\xc3\xa9 b"} , {"t":"b"}]}'
    reply = daemon.post("/v1/score", raw)
    assert b'"document":{"t" : "\\u0061\\n","u":"\xc3\xa9 b"}}' in reply.body
    documents = ["Line\nend \"quoted\" \\ b", "b \u00e9\U0001f600", "\x00"]
    reply = ask(daemon, {"query": "b", "documents": documents, "return_documents": True})
    assert {result["index"]: result["document"] for result in reply["results"]} == dict(enumerate(documents))


def test_a_small_collection_in_three_languages_ranks_as_people_would(daemon):
    collection = json.loads((ROOT / "tests" / "data" / "collection.json").read_text())
    for language, part in collection.items():
        for query, best in part["queries"].items():
            reply = ask(daemon, {"query": query, "documents": part["documents"], "analyzer": part["analyzer"], "match": "any"})
            assert order(reply)[:len(best)] == best, (language, query, reply["results"])


OPTIONS = (ROOT / "docs" / "scoring.md").read_text().split("| option | example |")[1].split("\n\n")[0]
EXAMPLES = [(name, json.loads(value)) for name, value in re.findall(r"^\| `(\w+)`(?:, `\w+`)? \| `(.*?)`", OPTIONS, re.M)]


@pytest.mark.parametrize("name,value", EXAMPLES)
def test_the_example_of_every_option_is_taken(daemon, name, value):
    """With two documents, "wing lift" and "runway"; what the option does is tested above."""
    assert ask(daemon, {"query": "wing lift", "documents": ["wing lift", "runway"], name: value})["meta"]["formula"] == "bm25-lucene/1"


def test_the_table_of_options_has_an_example_of_each():
    assert {name for name, _ in EXAMPLES} >= {"top_n", "bm25", "stats", "priors", "fusion", "match", "must", "min_score", "explain", "return_documents", "model"}


def test_rerank_is_the_same_route(daemon):
    before = daemon.metric("hotpathd_requests_total", route="score", code="ok")
    score, rerank = daemon.post("/v1/score", SMALLEST), daemon.post("/v1/rerank", {**SMALLEST, "model": "any"})
    assert (rerank.status, rerank.body) == (200, score.body)
    assert rerank.headers["X-Hotpath-Contract"] == "score/1"
    wait_for(lambda: daemon.metric("hotpathd_requests_total", route="score", code="ok") == before + 2, "both to be counted")


# --- refusals -----------------------------------------------------------------------------------------

MANY = ["x"] * 10001
REFUSED = [
    # body, status, code, pointer, limit
    ({"documents": []}, 400, "missing_field", "/query", None),
    ({"query": "a"}, 400, "missing_field", "/documents", None),
    ({"query": 1, "documents": []}, 400, "bad_type", "/query", None),
    ({"query": "", "documents": []}, 422, "out_of_range", "/query", 1),
    ({"query": "é" * 4097, "documents": []}, 422, "out_of_range", "/query", 4096),
    ({"query": "a", "documents": {}}, 400, "bad_type", "/documents", None),
    ({"query": "a", "documents": "a"}, 400, "bad_type", "/documents", None),
    ({"query": "a", "documents": MANY}, 422, "too_many_documents", "/documents", 10000),
    ({"query": "a", "documents": ["x", "y" * (1024 * 1024 + 1)]}, 422, "document_too_large", "/documents/1", 1024 * 1024),
    ({"query": "a", "documents": [{"a": "x" * 600000, "b": "x" * 600000}]}, 422, "document_too_large", "/documents/0", 1024 * 1024),
    ({"query": "a", "documents": ["x", {"t": "y"}]}, 422, "mixed_documents", "/documents/1", None),
    ({"query": "a", "documents": [{"t": "y"}, "x"]}, 422, "mixed_documents", "/documents/1", None),
    ({"query": "a", "documents": ["x"] * 9999 + [None]}, 400, "bad_type", "/documents/9999", None),
    ({"query": "a", "documents": [{"t": "x"}] * 9998 + [{"t": 5}]}, 400, "bad_type", "/documents/9998/t", None),
    ({"query": "a", "documents": [{"t/u": {}}]}, 400, "bad_type", "/documents/0/t~1u", None),
    ({"query": "a", "documents": [{str(i): "x" for i in range(9)}]}, 422, "out_of_range", "/documents/0/8", 8),
    ({"query": "a", "documents": [["x"]]}, 400, "bad_type", "/documents/0", None),
    ({"query": "a", "documents": [], "top_n": 0}, 422, "out_of_range", "/top_n", 1),
    ({"query": "a", "documents": [], "top_n": 2.0}, 400, "bad_type", "/top_n", None),
    ({"query": "a", "documents": [], "top_n": None}, 400, "bad_type", "/top_n", None),
    ({"query": "a", "documents": [], "fields": {}}, 422, "out_of_range", "/fields", 1),
    ({"query": "a", "documents": [], "fields": {"t": 0}}, 422, "out_of_range", "/fields/t", None),
    ({"query": "a", "documents": [], "fields": {"t": 101}}, 422, "out_of_range", "/fields/t", 100),
    ({"query": "a", "documents": [], "fields": {"t": "1"}}, 400, "bad_type", "/fields/t", None),
    ({"query": "a", "documents": [], "fields": ["t"]}, 400, "bad_type", "/fields", None),
    ({"query": "a", "documents": [], "fields": {str(i): 1 for i in range(9)}}, 422, "out_of_range", "/fields", 8),
    ({"query": "a", "documents": ["x"], "fields": {"t": 1}}, 400, "bad_type", "/fields", None),
    ({"query": "a", "documents": [], "analyzer": "klingon"}, 422, "unknown_analyzer", "/analyzer", None),
    ({"query": "a", "documents": [], "bm25": {"k1": -1}}, 422, "out_of_range", "/bm25/k1", None),
    ({"query": "a", "documents": [], "bm25": {"b": 1.01}}, 422, "out_of_range", "/bm25/b", None),
    ({"query": "a", "documents": [], "bm25": {"k": 1}}, 400, "unknown_field", "/bm25/k", None),
    ({"query": "a", "documents": [], "stats": {"docs": 0}}, 422, "out_of_range", "/stats/docs", 1),
    ({"query": "a", "documents": [], "stats": {"df": {}}}, 400, "missing_field", "/stats/docs", None),
    ({"query": "a", "documents": [], "stats": {"docs": 1, "df": {"a": -1}}}, 422, "out_of_range", "/stats/df/a", 0),
    ({"query": "a", "documents": [], "stats": {"docs": 1, "df": {"a": 1.5}}}, 400, "bad_type", "/stats/df/a", None),
    ({"query": "a", "documents": [], "stats": {"avg_len": 0}}, 422, "out_of_range", "/stats/avg_len", None),
    ({"query": "a", "documents": ["x"], "stats": {"avg_len": {"t": 1}}}, 400, "bad_type", "/stats/avg_len", None),
    ({"query": "a", "documents": [{"t": "", "u": ""}], "stats": {"avg_len": 5}}, 400, "bad_type", "/stats/avg_len", None),
    ({"query": "a", "documents": [{"t": ""}], "fields": {"t": 1}, "stats": {"avg_len": {"u": 5}}}, 400, "unknown_field", "/stats/avg_len/u", None),
    ({"query": "a", "documents": [{"t": ""}], "stats": {"avg_len": {"u": 0}}}, 422, "out_of_range", "/stats/avg_len/u", None),
    ({"query": "a", "documents": ["x"], "priors": []}, 422, "length_mismatch", "/priors", 1),
    ({"query": "a", "documents": ["x"], "priors": [1, 2]}, 422, "length_mismatch", "/priors", 1),
    ({"query": "a", "documents": ["x"], "priors": ["1"]}, 400, "bad_type", "/priors/0", None),
    ({"query": "a", "documents": ["x"], "priors": [None]}, 400, "bad_type", "/priors/0", None),
    ({"query": "a", "documents": ["x"], "priors": 1}, 400, "bad_type", "/priors", None),
    ({"query": "a", "documents": [], "fusion": "max"}, 422, "out_of_range", "/fusion", None),
    ({"query": "a", "documents": [], "match": "some"}, 422, "out_of_range", "/match", None),
    ({"query": "a", "documents": [], "match": 0}, 422, "out_of_range", "/match", 1),
    ({"query": "a", "documents": [], "match": 1.5}, 400, "bad_type", "/match", None),
    ({"query": "a", "documents": [], "match": []}, 400, "bad_type", "/match", None),
    ({"query": "a", "documents": [], "must": "a"}, 400, "bad_type", "/must", None),
    ({"query": "a", "documents": [], "must": ["a", "é" * 4097]}, 422, "out_of_range", "/must/1", 4096),
    ({"query": "a", "documents": [], "must_not": ["the " * 2000]}, 422, "out_of_range", "/must_not/0", 4096),
    ({"query": "a", "documents": [], "must_not": ["a", {}]}, 400, "bad_type", "/must_not/1", None),
    ({"query": "a", "documents": [], "must": ["a", 7]}, 400, "bad_type", "/must/1", None),
    ({"query": " ".join(f"w{i}x" for i in range(65)), "documents": []}, 422, "too_many_terms", "/query", 64),
    ({"query": "a", "documents": [], "must": [f"w{i}x" for i in range(65)]}, 422, "too_many_terms", "/must", 64),
    ({"query": "a", "documents": [], "explain": "yes"}, 400, "bad_type", "/explain", None),
    ({"query": "a", "documents": [], "model": 3}, 400, "bad_type", "/model", None),
    ({"query": "a", "documents": [], "docments": []}, 400, "unknown_field", "/docments", None),
]


@pytest.mark.parametrize("body,status,code,pointer,limit", REFUSED)
def test_refusals_name_the_place_and_the_limit(daemon, body, status, code, pointer, limit):
    reply = daemon.post("/v1/score", body)
    assert (reply.status, reply.code) == (status, code), reply.body
    assert reply.json["pointer"] == pointer, reply.body
    assert limit is None or reply.json["limit"] == limit


@pytest.mark.parametrize("document", [b'"wi\xffng"', b'"\xed\xa0\x80"', b'"a\xe2\x82"', b'{"t":"x","u":"\xc0\x80"}', b'{"\xff":"x"}', b'"\\ud83d\\ud83d"'])
def test_an_unsound_byte_deep_inside_is_named_by_its_offset(daemon, document):
    around = b'{}' if document.startswith(b"{") else b'""'
    before = b'{"query":"a","documents":[' + (around + b",") * 9999
    reply = daemon.post("/v1/score", before + document + b"]}")
    assert (reply.status, reply.code) == (400, "bad_utf8")
    at = next(i for i, byte in enumerate(document) if byte >= 0x80 or byte == ord("\\"))
    assert reply.json["offset"] == len(before) + at


def test_an_average_for_a_field_that_no_document_has_is_passed_over(daemon):
    """Whether a request is right does not depend on the rows that came back."""
    plain = {"query": "wing", "documents": [{"t": "wing"}, {}], "stats": {"avg_len": {"t": 5}}}
    more = {**plain, "stats": {"avg_len": {"t": 5, "body": 200}}}
    assert ask(daemon, more) == ask(daemon, plain)


@pytest.mark.parametrize("body,code", [
    (b'{"query":"a","documents":["x","y"', "bad_json"),
    (b'{"query":"a","documents":["x" "y"]}', "bad_json"),
    (b'{"query":"a","documents":["x",]}', "bad_json"),
    (b'{"query":"a","documents":[NaN]}', "bad_json"),
    (b'{"query":"a","documents":["x"],"priors":[NaN]}', "bad_json"),
    (b'{"query":"a","documents":["x"],"priors":[Infinity]}', "bad_json"),
    (b'{"query":"a","documents":["x"],"priors":[1e999]}', "bad_json"),
    (b'{"query":"a","documents":["x"],"priors":[01]}', "bad_json"),
    (b'{"query":"a","documents":["x"],"priors":[1.]}', "bad_json"),
    (b'{"query":"a","documents":["x"],"priors":[99999999999999999999]}', "bad_json"),
    (b'{"query":"a","documents":["x"],"min_score":-Infinity}', "bad_json"),
    (b'{"query":"a","documents":["\xff"]}', "bad_utf8"),
    (b'{"query":"a","documents":["\\ud800"]}', "bad_utf8"),
    (b'{"query":"a","documents":["\\x"]}', "bad_json"),
    (b'{"query":"a","documents":["a\nb"]}', "bad_json"),
    (b'{"query":"a","documents":[{"t":"x","t":"y"}]}', "duplicate_key"),
    (b'{"query":"a","documents":[{"t":"x","\\u0074":"y"}]}', "duplicate_key"),
    (b'{"query":"a","documents":[],"documents":[]}', "duplicate_key"),
    (b'{"query":"a","documents":[],"fields":{"t":1,"t":2}}', "duplicate_key"),
    (b'{"query":"a","documents":[],"stats":{"docs":1,"df":{"t":1,"t":2}}}', "duplicate_key"),
    (b'{"query":"a","documents":[{"t":"x"]}', "bad_json"),
    (b'{"query":"a","documents":[{"t" "x"}]}', "bad_json"),
    (b'{"query":"a","documents":[[}]}', "bad_json"),
])
def test_malformed_bodies_are_refused(daemon, body, code):
    reply = daemon.post("/v1/score", body)
    assert (reply.status, reply.code) == (400, code), reply.body


def test_limits_are_the_configuration_s(start):
    daemon = start("--set", "score.max_documents=2", "--set", "score.max_document=1KiB", "--set", "score.max_terms=1")
    assert daemon.post("/v1/score", {"query": "a", "documents": ["", "", ""]}).code == "too_many_documents"
    assert daemon.post("/v1/score", {"query": "a", "documents": ["x" * 1025]}).code == "document_too_large"
    assert daemon.post("/v1/score", {"query": "x y", "documents": []}).code == "too_many_terms"
    assert daemon.post("/v1/score", {"query": "x", "documents": ["x" * 1024, ""]}).status == 200


def test_nothing_of_the_request_reaches_the_log(start):
    daemon = start()
    daemon.post("/v1/score", {"query": "swordfish", "documents": ["swordfish", 5]})
    daemon.post("/v1/score", {"query": "swordfish", "documents": ["swordfish"], "must": [f"swordfish{i}" for i in range(99)]})
    assert "swordfish" not in daemon.log_file.read_text()
