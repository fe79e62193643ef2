"""What the documents say is what the code does: their tables, and their first uses, which are run."""

from __future__ import annotations

import asyncio
import inspect
import os
import pathlib
import re
import signal
import textwrap

import pytest
from test_daemon import BINARY, Daemon, old_split

import hotpathd
from hotpathd import _core, _failure

README = pathlib.Path(__file__).parents[1] / "README.md"
GUIDE = pathlib.Path(__file__).parents[3] / "docs" / "clients.md"
DOCUMENT = "Lift.\n\nA wing turns moving air downward.\n\nDrag is the price."


def test_the_table_of_reasons_is_the_one_in_the_code():
    row = re.compile(r"\| (ok|legacy|fallback) \| (\w+) \| (.*) \|")
    rows = [row.fullmatch(line) for line in README.read_text(encoding="utf-8").splitlines()]
    table = {match[2]: (match[1], match[3]) for match in rows if match}
    assert table == _failure.REASONS


def blocks(document):
    """The indented blocks that are Python of ours."""
    text = document.read_text(encoding="utf-8")
    found = re.findall(r"(?:^(?:    .*)?\n)+", text, re.MULTILINE)
    return [textwrap.dedent(block) for block in found if "import hotpathd\n" in block]


BLOCKS = [(document, block) for document in (README, GUIDE) for block in blocks(document)]


def test_both_documents_show_a_first_use_for_threads_and_for_asyncio():
    assert {document for document, _ in BLOCKS} == {README, GUIDE}
    assert {"async def" in block for document, block in BLOCKS if document == GUIDE} == {True, False}


IDS = [f"{document.name}-{number}" for number, (document, _) in enumerate(BLOCKS)]
EACH = pytest.mark.parametrize("document, block", BLOCKS, ids=IDS)


def run(block, url, monkeypatch):
    """The block as a user's module, with the names that it takes from the user: split's result, and
    what became of its call."""
    monkeypatch.setenv("HOTPATHD_URL", url)
    names = {
        "doc": DOCUMENT, "doc_id": "d-1", "old_split": old_split, "query": "wing", "texts": ["a wing", "a boat"],
        "old_rank": lambda query, texts: [0], "to_chunks": lambda body: [c["start"] for c in body["chunks"]],
    }  # fmt: skip
    exec(compile(block, "a code block", "exec"), names)
    sidecar, split = names["sidecar"], names["split"]
    arguments = [DOCUMENT, "d-1"][: len(inspect.signature(split).parameters)]

    async def on_a_loop():
        async with sidecar:
            return await split(*arguments), sidecar.last

    if inspect.iscoroutinefunction(split):
        return asyncio.run(on_a_loop())
    with sidecar:
        return split(*arguments), sidecar.last


@EACH
def test_a_first_use_runs_without_a_daemon(document, block, monkeypatch, tmp_path):
    _, last = run(block, f"unix:{tmp_path}/none", monkeypatch)
    assert (last.outcome, last.path) == ("legacy", "legacy")


@pytest.mark.skipif(not os.access(BINARY, os.X_OK), reason="HOTPATHD_BIN names no program")
@EACH
def test_a_first_use_gets_the_daemons_answer(document, block, monkeypatch, tmp_path):
    """Modes are pinned, as the first answer of the rollout would have to be waited for."""
    daemon = Daemon(tmp_path)
    pinned = re.sub(r"Client\(", 'Client(modes={"chunk": "on", "score": "on"}, ', block)
    try:
        result, last = run(pinned, daemon.unix, monkeypatch)
    finally:
        daemon.stop(signal.SIGKILL)
    assert last.outcome == "ok", last
    assert result


def options(function):
    return [name for name in inspect.signature(function).parameters if name not in ("self", "settings")]


def test_every_option_is_documented():
    """Of the client in the guide's table and in its docstring, of a call in its docstring."""
    guide = GUIDE.read_text(encoding="utf-8")
    for name in options(_core.Core.__init__):
        assert re.search(rf"^\| `{name}`", guide, re.MULTILINE), name
        assert re.search(rf"^\s*{name} ", hotpathd.Client.__doc__, re.MULTILINE), name
    for name in set(options(hotpathd.Client.call)) - {"route"}:
        assert re.search(rf"^\s*{name} ", hotpathd.Client.call.__doc__, re.MULTILINE), name


def test_everything_public_has_a_docstring():
    for name in hotpathd.__all__:
        thing = getattr(hotpathd, name)
        if not inspect.isclass(thing):
            continue
        assert thing.__doc__, name
        for method, value in vars(thing).items():
            if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                assert inspect.getdoc(value), f"{name}.{method}"


@pytest.mark.parametrize("name", ["call", "chunk", "score"])
def test_both_clients_take_the_same(name):
    """One list of parameters, in one order, with the same defaults."""
    blocking, asyncio_s = (
        [(p.name, p.kind, p.default) for p in inspect.signature(getattr(of, name)).parameters.values()]
        for of in (hotpathd.Client, hotpathd.AsyncClient)
    )
    assert blocking == asyncio_s
