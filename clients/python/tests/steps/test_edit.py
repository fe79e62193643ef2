"""Edits by spans: what is meant changes, every other byte stays; with libyaml and with PyYAML's own parser."""

from __future__ import annotations

import random

import pytest
import yaml
from layouts import random_configuration

from hotpathd.steps import edit, tree
from hotpathd.steps.problem import Unusable
from hotpathd.steps.switch import OFF, ON, SHADOW, Switch, switch_of

SEEDS = 100  # random configurations


@pytest.fixture(autouse=True, params=["libyaml", "pure"])
def parser(request, monkeypatch):
    if request.param == "pure":
        monkeypatch.setattr(tree, "_C_LOADER", None)
        monkeypatch.setattr(tree, "READS_TABS", False)
    elif not tree.READS_TABS:
        pytest.skip("PyYAML was built without libyaml")


def edited(text, to, route="chunk"):
    switch = switch_of(to)
    after = edit.apply(text, edit.spans_for(text, route, switch, "f"))
    edit.check(text, after, route, switch, "f")
    return after


CASES = [
    # before, to, after
    ("routes:\n  chunk:\n    mode: on  # why\n", "off", "routes:\n  chunk:\n    mode: off  # why\n"),
    ("routes:\n  chunk:\n    mode: 'on'\n", "off", "routes:\n  chunk:\n    mode: 'off'\n"),
    ("routes: { chunk: { mode: canary, percent: 5.25 } }\n", "12.5", "routes: { chunk: { mode: canary, percent: 12.5 } }\n"),
    ('{"routes":{"chunk":{"mode":"canary","percent":5}}}', "25", '{"routes":{"chunk":{"mode":"canary","percent":25}}}'),
    ('{"routes":{"chunk":{"percent":5}}}', "off", '{"routes":{"chunk":{"mode": "off", "percent":5}}}'),
    ('{"routes":{}}', "off", '{"routes":{ chunk: { mode: off } }}'),
    # words that mean the same are left alone
    ("routes: { chunk: { mode: false } }\n", "off", "routes: { chunk: { mode: false } }\n"),
    ("routes: { chunk: { mode: true } }\n", "off", "routes: { chunk: { mode: off } }\n"),
    ("routes: { chunk: { mode: canary, percent: 5.0 } }\n", "5", "routes: { chunk: { mode: canary, percent: 5.0 } }\n"),
    # keys that are not there
    ("", "off", "routes: { chunk: { mode: off } }\n"),
    ("", "on", ""),  # the daemon's own value
    ("# nothing yet\n", "off", "# nothing yet\nroutes: { chunk: { mode: off } }\n"),
    ("---\n", "off", "---\nroutes: { chunk: { mode: off } }\n"),
    ("{}\n", "off", "{ routes: { chunk: { mode: off } } }\n"),
    ("~\n", "off", "{ routes: { chunk: { mode: off } } }\n"),
    ("workers: 2", "off", "workers: 2\nroutes: { chunk: { mode: off } }"),
    ("workers: 2\n# end\n", "off", "workers: 2\n# end\nroutes: { chunk: { mode: off } }\n"),
    ("workers: 2\n...\n", "off", "workers: 2\nroutes: { chunk: { mode: off } }\n...\n"),
    ("routes:\nworkers: 2\n", "off", "routes: { chunk: { mode: off } }\nworkers: 2\n"),
    ("routes: ~ # none\n", "off", "routes: { chunk: { mode: off } } # none\n"),
    ("routes:\n  score: {}\n", "5", "routes:\n  chunk: { mode: canary, percent: 5 }\n  score: {}\n"),
    ("routes:\n  chunk:\n  score: {}\n", "5", "routes:\n  chunk: { mode: canary, percent: 5 }\n  score: {}\n"),
    ("routes:\n  chunk: {}\n", "5", "routes:\n  chunk: { mode: canary, percent: 5 }\n"),
    ("routes:\n  chunk: # why\n    # what clients give\n    deadline_ms: 9\n", "5",
     "routes:\n  chunk: # why\n    mode: canary\n    percent: 5\n    # what clients give\n    deadline_ms: 9\n"),
    ("routes:\n  chunk:\n    mode:\n    percent: 3\n", "off", "routes:\n  chunk:\n    mode: off\n    percent: 3\n"),
    # line ends, blanks, letters
    ("routes:\r\n  chunk:\r\n    percent: 1\r\n", "off", "routes:\r\n  chunk:\r\n    mode: off\r\n    percent: 1\r\n"),
    ("routes:\n  chunk:\n    mode: on\t# tab\n", "off", "routes:\n  chunk:\n    mode: off\t# tab\n"),
    ("# é😀\nvocabulary: \"é😀\\u00e9\"\nroutes: { chunk: { mode: on } } # é😀\n", "off",
     "# é😀\nvocabulary: \"é😀\\u00e9\"\nroutes: { chunk: { mode: off } } # é😀\n"),
    ("routes:\n  chunk:\n    mode: >-\n      on\n  # c\n  score: {}\n", "off", "routes:\n  chunk:\n    mode: off\n  # c\n  score: {}\n"),
    # at `on` the percentage says what is in force
    ("routes: { chunk: { mode: canary, percent: 50 } }\n", "on", "routes: { chunk: { mode: on, percent: 100 } }\n"),
    # off and shadow leave it
    ("routes: { chunk: { mode: canary, percent: 50 } }\n", "shadow", "routes: { chunk: { mode: shadow, percent: 50 } }\n"),
    # anchors: kept where only the one value depends on it
    ("routes:\n  chunk: &c\n    mode: on\n  score: {}\n", "off", "routes:\n  chunk: &c\n    mode: off\n  score: {}\n"),
    ("routes: { chunk: { mode: &m on } }\n", "off", "routes: { chunk: { mode: &m off } }\n"),
]  # fmt: skip


@pytest.mark.parametrize("before, to, after", CASES)
def test_changes_what_is_meant(before, to, after):
    assert edited(before, to) == after


@pytest.mark.parametrize(
    "text",
    [
        "a: &m on\nroutes: { chunk: { mode: *m } }\n",
        "routes:\n  score: &s { mode: on }\n  chunk: *s\n",
        "routes: { chunk: { mode: on, mode: on } }\n",
        "routes: { chunk: { mode: [on] } }\n",
        "routes: [chunk]\n",
        "routes: { chunk: on }\n",
        "routes: { chunk: { mode: on }\n",
        "a: 1\n---\nroutes: {}\n",
        "routes: { chunk }\n",
        "a: &a [*a]\nroutes: {}\n",
        "? [a, b]\n: c\nroutes: {}\n",
        "- routes\n",
        "\x00",
    ],
)
def test_refuses_what_it_cannot_change_alone(text):
    with pytest.raises(Unusable):
        edited(text, "off")


def test_refuses_aliases_without_end():
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    with pytest.raises(Unusable):
        edited("\n".join(lines) + "\nroutes: {}\n", "off")


@pytest.mark.parametrize("text, found", [
    ("", ON), ("routes: { chunk: { mode: off } }", OFF), ("routes: { chunk: { mode: OFF } }", OFF), ("routes: { chunk: { mode: False } }", OFF),
    ("routes: { chunk: { mode: shadow, percent: 3 } }", SHADOW), ("routes: { chunk: { mode: canary } }", Switch("canary", 100)),
    ("routes: { chunk: { mode: canary, percent: 0.05 } }", Switch("canary", 0.05)), ("routes: { chunk: { mode: 'on' } }", ON),
])  # fmt: skip
def test_reads_what_the_daemon_reads(text, found):
    assert edit.read(text, "chunk", "f") == found


@pytest.mark.parametrize("text", ["routes: { chunk: { mode: yes } }", "routes: { chunk: { mode: half } }", "routes: { chunk: { mode: canary, percent: x } }", "routes: { chunk: { mode: canary, percent: 101 } }"])
def test_reads_no_switch_where_there_is_none(text):
    with pytest.raises(Unusable):
        edit.read(text, "chunk", "f")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_configurations_change_in_the_two_values_alone(seed):
    dice = random.Random(seed)
    text, values = random_configuration(dice)
    assert yaml.safe_load(text) == values, text
    route = dice.choice(["chunk", "score"])
    to = dice.choice(["off", "shadow", "on", "5", "0.05", "33.3", "100"])
    after = edited(text, to, route)
    want = values or {}
    got = yaml.safe_load(after) or {}
    assert without(got, route) == without(want, route), after
    assert edit.read(after, route, "f") == switch_of(to)
    assert outside(text, after), (text, after)
    assert edited(after, to, route) == after


@pytest.mark.parametrize("seed", range(SEEDS))
def test_broken_configurations_are_refused_or_edited_right(seed):
    dice = random.Random(seed)
    text = list(random_configuration(dice)[0])
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(text) + 1)
        text[at : at + dice.randint(0, 2)] = dice.choice([*" \t\n\r{}[]:,#&*!|>'\"%@`-?\ufeff\x85\x00é", "&a ", "*a", "!!str ", "|\n"])
    try:
        after = edited("".join(text), dice.choice(["off", "5", "on"]))
    except Unusable:
        return
    assert edit.read(after, "chunk", "f")


def without(values, route):
    """All but the two values, and but for mappings that are empty without them."""
    routes = {name: dict(fields or {}) for name, fields in (values.get("routes") or {}).items()}
    for field in ("mode", "percent"):
        routes.get(route, {}).pop(field, None)
    return {**values, "routes": {name: fields for name, fields in routes.items() if fields}}


def outside(before, after):
    """`after` is `before` but for words of the switch: what is not common is short, and holds no line of `before`."""
    import difflib

    for what, a0, a1, b0, b1 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        gone = before[a0:a1] if what in ("delete", "replace") else ""
        if any(c in gone for c in "#\n:") or len(gone) > 8:
            return False
    return True
