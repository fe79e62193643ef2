"""Presets: sets of options that the configuration names, for requests that start from one."""
import json

import pytest

from daemon import Daemon, run, wait_for

CONFIG = """
presets:
  chunk:
    wiki: { format: markdown, clean: { hyphenation: true, spaces: false }, chunk: { max: 20, overlap: 5, unit: chars }, offsets: utf16 }
    page: { format: html }
    count: { chunk: null, return_text: never, invalid_utf8: replace }
  score:
    titles: { fields: { title: 3, body: 1 }, match: any, must_not: ["sunk\\u00e9n"], bm25: { k1: 0.9 }, stats: { docs: 100, avg_len: { title: 4, body: 9 } } }
    german: { analyzer: german, top_n: 1, explain: true }
"""
WIKI = {"format": "markdown", "clean": {"hyphenation": True, "spaces": False}, "chunk": {"max": 20, "overlap": 5, "unit": "chars"}, "offsets": "utf16"}
TITLES = {"fields": {"title": 3, "body": 1}, "match": "any", "must_not": ["sunk\u00e9n"], "bm25": {"k1": 0.9}, "stats": {"docs": 100, "avg_len": {"title": 4, "body": 9}}}
TEXT = "# Head\n\nA long\u00a0re-\nmark, <b>and</b> 👩 more of it. Another sentence stands here."
ROWS = [{"title": "a wing", "body": "of lift"}, {"title": "sunkén wing", "body": "wing"}, {"title": "a boat", "body": "the lift"}]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets")
    (folder / "c.yaml").write_text(CONFIG)
    with Daemon(folder, "--config", str(folder / "c.yaml"), "--set", "chunk.max_deadline_ms=60000", "--set", "score.max_deadline_ms=60000") as running:
        yield running


def chunk(daemon, options):
    reply = daemon.post("/v1/chunk", {"text": TEXT, **options})
    assert reply.status == 200, reply.body
    return reply.json


def score(daemon, options):
    reply = daemon.post("/v1/score", {"query": "wing lift", "documents": ROWS, **options})
    assert reply.status == 200, reply.body
    return reply.json


def raw(daemon, query, body=TEXT.encode(), kind="text/plain"):
    return daemon.call("POST", "/v1/chunk" + query, body, {"Content-Type": kind})


def merged(base, own):
    """`own` on top of `base`, member by member in the objects that the contract lists."""
    out = dict(base)
    for name, value in own.items():
        inner = name in ("clean", "chunk", "bm25", "stats") and isinstance(value, dict) and isinstance(base.get(name), dict)
        out[name] = {**base[name], **value} if inner else value
    return out


@pytest.mark.parametrize("own", [
    {}, {"format": "plain"}, {"chunk": {"max": 30}}, {"chunk": {}}, {"chunk": None}, {"chunk": {"overlap": 0, "unit": "bytes"}},
    {"clean": {"spaces": True}}, {"clean": {}}, {"clean": "standard"}, {"clean": "none"}, {"offsets": "char", "return_text": "never"},
])
def test_a_request_wins_over_its_preset_member_by_member(daemon, own):
    plain = chunk(daemon, merged(WIKI, own))
    assert chunk(daemon, {"preset": "wiki", **own}) == plain
    first = json.dumps({"preset": "wiki", "text": TEXT, **own})
    last = json.dumps({**own, "text": TEXT, "preset": "wiki"}).replace('"preset"', r'"pres\u0065t"')
    assert daemon.post("/v1/chunk", first).json == daemon.post("/v1/chunk", last).json == plain
    assert own or plain != chunk(daemon, {})


def test_chunks_can_be_asked_for_again(daemon):
    assert daemon.post("/v1/chunk", {"text": TEXT, "preset": "count"}).json["chunks"] == []
    for reply in (chunk(daemon, {"preset": "count", "chunk": {}, "return_text": "always"}), raw(daemon, "?preset=count&chunk.max=512&return_text=always").json):
        assert reply == chunk(daemon, {})


def test_a_query_string_names_one_too(daemon):
    for query, own in (("?preset=wiki", {}), ("?chunk.max=30&clean.spaces=true&preset=wiki", {"chunk": {"max": 30}, "clean": {"spaces": True}}),
                       ("?clean=none&preset=w%69ki&offsets=char", {"clean": "none", "offsets": "char"}), ("?preset=wiki&chunk=none", {"chunk": None})):
        assert raw(daemon, query).json == chunk(daemon, {"preset": "wiki", **own}), query
    assert raw(daemon, "?preset=count", b"a\xff b").json["metadata"]["chars"] == 4
    assert raw(daemon, "?preset=count&invalid_utf8=reject", b"a\xff b").code == "bad_utf8"


@pytest.mark.parametrize("preset,kind,format", [
    ("wiki", "text/plain", "markdown"), ("wiki", "text/html", "html"), ("page", "text/plain", "html"), ("page", "text/markdown", "markdown"),
])
def test_a_media_type_that_says_a_format_wins(daemon, preset, kind, format):
    assert raw(daemon, f"?preset={preset}", kind=kind).json == chunk(daemon, {"preset": preset, "format": format})
    assert raw(daemon, f"?preset={preset}&format=plain", kind=kind).json == chunk(daemon, {"preset": preset, "format": "plain"})


def test_clean_may_be_that_of_a_preset_alone(daemon):
    assert chunk(daemon, {"clean": "wiki"}) == chunk(daemon, {"clean": WIKI["clean"]}) != chunk(daemon, {})
    assert raw(daemon, "?clean=wiki").json == chunk(daemon, {"clean": "wiki"})
    assert chunk(daemon, {"preset": "wiki", "clean": "page"}) == chunk(daemon, merged(WIKI, {"clean": "standard"}))
    assert chunk(daemon, {"format": "html", "clean": "wiki"}) == chunk(daemon, {"format": "html", "clean": WIKI["clean"]})


@pytest.mark.parametrize("own", [
    {}, {"bm25": {"b": 0.1}}, {"fields": {"body": 2}, "stats": {"avg_len": {"body": 7}}}, {"match": "none", "must_not": []}, {"top_n": 1}, {"stats": {"docs": 1000, "df": {"wing": 9}}},
])
def test_score_has_presets_of_its_own(daemon, own):
    plain = score(daemon, merged(TITLES, own))
    assert score(daemon, {"preset": "titles", **own}) == plain
    assert own or plain != score(daemon, {})
    assert daemon.post("/v1/rerank", {"query": "wing lift", "documents": ROWS, "preset": "titles", **own}).json == plain


def test_other_options_of_score(daemon):
    german = score(daemon, {"preset": "german"})
    assert german == score(daemon, {"analyzer": "german", "top_n": 1, "explain": True}) and "explain" in german["results"][0]
    assert score(daemon, {"preset": "german", "explain": False, "top_n": 3, "analyzer": "english"}) == score(daemon, {"top_n": 3})


@pytest.mark.parametrize("path,body,status,code,pointer", [
    ("/v1/chunk", {"text": "a", "preset": "wikki"}, 422, "unknown_preset", "/preset"),
    ("/v1/chunk", {"text": "a", "preset": "titles"}, 422, "unknown_preset", "/preset"),  # of the other route
    ("/v1/chunk", {"text": "a", "preset": "standard"}, 422, "unknown_preset", "/preset"),  # of clean alone
    ("/v1/chunk", {"text": "a", "preset": "default"}, 422, "unknown_preset", "/preset"),
    ("/v1/chunk", {"text": "a", "preset": ""}, 422, "unknown_preset", "/preset"),
    ("/v1/chunk", {"text": "a", "clean": "wikki"}, 422, "unknown_preset", "/clean"),
    ("/v1/chunk", {"text": "a", "preset": None}, 400, "bad_type", "/preset"),
    ("/v1/chunk", {"text": "a", "preset": {"chunk": {}}}, 400, "bad_type", "/preset"),
    ("/v1/chunk", {"text": "a", "preset": ["wiki"]}, 400, "bad_type", "/preset"),
    ("/v1/chunk", {"text": "a", "preset": "wiki", "chunk": {"max": 5}}, 422, "out_of_range", "/chunk/overlap"),
    ("/v1/chunk", '{"text":"a","preset":"wiki","preset":"page"}', 400, "duplicate_key", "/preset"),
    ("/v1/chunk", {"preset": "wiki"}, 400, "missing_field", "/text"),
    ("/v1/score", {"query": "a", "documents": ["a"], "preset": "wiki"}, 422, "unknown_preset", "/preset"),
    ("/v1/score", {"query": "a", "documents": ["a"], "preset": "titles"}, 400, "bad_type", "/fields"),
])
def test_what_does_not_fit_is_refused(daemon, path, body, status, code, pointer):
    reply = daemon.post(path, body)
    assert (reply.status, reply.code, reply.json.get("pointer")) == (status, code, pointer)
    assert not {"wiki", "page", "count", "titles", "german"} & set(reply.json.get("detail", "").split())  # no list of names


@pytest.mark.parametrize("query,status,code", [
    ("?preset=wikki", 422, "unknown_preset"), ("?preset", 422, "unknown_preset"), ("?preset=wiki&preset=page", 400, "bad_query"), ("?preset.wiki=1", 400, "bad_query"),
])
def test_query_strings_that_do_not_fit_are_refused(daemon, query, status, code):
    reply = raw(daemon, query)
    assert (reply.status, reply.code) == (status, code)


def test_the_configuration_in_force_shows_them(daemon):
    shown = daemon.get("/-/config").body.decode()
    assert '    "page": {"format":"html"}\n' in shown
    (daemon.folder / "shown.yaml").write_text(shown)
    code, out, err = run("check-config", str(daemon.folder / "shown.yaml"))
    assert code == 0 and daemon.get("/-/status").json["config_hash"] in out, err


def test_a_reload_changes_them_and_the_hash(start, tmp_path):
    file = tmp_path / "c.yaml"
    text = lambda most: f"presets: {{ chunk: {{ small: {{ chunk: {{ max: {most}, unit: chars }} }} }} }}\n"  # noqa: E731
    file.write_text(text(10))
    daemon = start("--config", str(file))
    hash_of = lambda: daemon.get("/-/status").json["config_hash"]  # noqa: E731
    before = hash_of()
    assert chunk(daemon, {"preset": "small"}) == chunk(daemon, {"chunk": {"max": 10, "unit": "chars"}})
    file.write_text(text(20))
    wait_for(lambda: hash_of() != before, "the new presets")
    assert chunk(daemon, {"preset": "small"}) == chunk(daemon, {"chunk": {"max": 20, "unit": "chars"}})
    file.write_text(text(0))
    wait_for(lambda: daemon.metric("hotpathd_config_reloads_total", result="failure") == 1, "the bad file to be refused")
    assert chunk(daemon, {"preset": "small"}) == chunk(daemon, {"chunk": {"max": 20, "unit": "chars"}})
    file.write_text("presets: {}\n")
    wait_for(lambda: daemon.post("/v1/chunk", {"text": "a", "preset": "small"}).status == 422, "the presets to be gone")
    wait_for(lambda: daemon.metric("hotpathd_requests_total", route="chunk", code="unknown_preset") >= 1, "the refusal to be counted")
