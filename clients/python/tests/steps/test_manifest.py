"""A configuration inside of a ConfigMap's manifest."""

from __future__ import annotations

import json
import random
import textwrap

import pytest
import yaml
from conftest import REPOSITORY
from layouts import random_configuration
from test_edit import parser  # noqa: F401

from hotpathd.steps import edit, target
from hotpathd.steps.problem import Unusable
from hotpathd.steps.switch import switch_of

HEAD = "# é😀\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: hotpathd } # ours\ndata:\n"
TAIL = "---\nkind: Deployment\nspec: { replicas: 2 } # mode: on\n"


def edited(tmp_path, text, to, entry="", route="chunk"):
    path = tmp_path / "manifest.yaml"
    path.write_bytes(text.encode())
    aim = target.load(str(path), entry)
    after = target.edited(aim, route, switch_of(to))
    return (after or aim.before).decode()


def test_the_manifest_of_deploy_is_edited(tmp_path):
    text = (REPOSITORY / "deploy" / "kubernetes" / "sidecar.yaml").read_text()
    assert edited(tmp_path, text, "25") == text.replace("percent: 5 }", "percent: 25 }")
    assert edited(tmp_path, text, "off") == text.replace("mode: canary", "mode: off")


def in_block(inner, indent, header):
    return HEAD + f"  hotpathd.yaml: {header} # behind\n" + textwrap.indent(inner, " " * indent, lambda line: line != "\n") + TAIL


def in_double(inner, indent, header):
    return HEAD + f"  hotpathd.yaml: {json.dumps(inner, ensure_ascii=False)} # behind\n" + TAIL


def in_single(inner, indent, header):
    return HEAD + "  hotpathd.yaml: '{}' # behind\n".format(inner.replace("'", "''")) + TAIL


def in_json(inner, indent, header):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [{"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"hotpathd.yaml": inner}}, {"kind": "Service"}]}, indent=indent, ensure_ascii=False)


@pytest.mark.parametrize("layout", [in_block, in_double, in_single, in_json])
@pytest.mark.parametrize("seed", range(60))
def test_random_configurations_change_as_they_would_alone(tmp_path, layout, seed):
    dice = random.Random(seed)
    inner = random_configuration(dice)[0].replace("\r\n", "\n")
    if not inner.endswith("\n"):
        inner += "\n"
    header = dice.choice(["|", "|+"])
    if header == "|":
        inner = inner.rstrip("\n") + "\n"
    if inner.strip() == "" or inner.startswith((" ", "\n")):
        header = header + "4"
    if layout is in_single:
        inner = "routes: { chunk: { mode: 'on', percent: 3 } }"  # lines would be folded
    text = layout(inner, 6 if "4" in header else 4, header)
    to = dice.choice(["off", "shadow", "5", "100"])
    alone = edit.apply(inner, edit.spans_for(inner, "chunk", switch_of(to), "f"))
    after = edited(tmp_path, text, to)
    old, new = list(yaml.safe_load_all(text)), list(yaml.safe_load_all(after))
    place = old[0]["items"][0]["data"] if "items" in old[0] else old[0]["data"]
    assert place["hotpathd.yaml"] == inner
    place["hotpathd.yaml"] = alone
    assert old == new
    if layout is not in_json:
        assert after.startswith(HEAD) and after.endswith(TAIL)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_missing_key_gets_a_line_with_the_blocks_indent(tmp_path, newline):
    text = in_block("routes:\n  chunk:\n    percent: 5\n", 4, "|").replace("\n", newline)
    line = f"        mode: off{newline}"
    assert edited(tmp_path, text, "off") == text.replace("        percent", line + "        percent")


def test_a_byte_order_mark_stays(tmp_path):
    for text in ("\ufeff" + in_block("routes: { chunk: { mode: on } }\n", 4, "|"), "\ufeffroutes: { chunk: { mode: on } }\n"):
        assert edited(tmp_path, text, "off") == text.replace("{ mode: on }", "{ mode: off }")


MANY = HEAD + "  a.yaml: |\n    routes: { chunk: { mode: on } }\n  b.yaml: |\n    routes: { chunk: { mode: on } }\n"


def test_an_entry_is_named_where_there_are_several(tmp_path):
    for entry in ("b.yaml", "hotpathd/b.yaml"):
        head, _, tail = MANY.rpartition("mode: on")
        assert edited(tmp_path, MANY, "off", entry) == head + "mode: off" + tail
    with pytest.raises(Unusable, match="hotpathd/a.yaml, hotpathd/b.yaml"):
        edited(tmp_path, MANY, "off")


@pytest.mark.parametrize("text", [
    HEAD + "  hotpathd.yaml: >\n    routes: { chunk:\n    { mode: on } }\n",
    HEAD + "  hotpathd.yaml: routes\n",
    HEAD + "  hotpathd.yaml: 'routes: { chunk:\n     { mode: on } }'\n",
    HEAD + "  hotpathd.yaml: [routes]\n",
    HEAD + '  hotpathd.yaml: "routes: { chunk: { mode: on } } # \\ud83d\\ude00"\n',
    HEAD.replace("data:", "immutable: true\ndata:") + "  hotpathd.yaml: |\n    routes: {}\n",
    "kind: ConfigMap\ndata: { hotpathd.yaml: {{ .Values.config }} }\n",
    HEAD + "  hotpathd.yaml: &c |\n    routes: { chunk: { mode: on } }\n  b: *c\n",
])  # fmt: skip
def test_refuses_what_cannot_be_edited_in_place(tmp_path, text):
    with pytest.raises(Unusable):
        edited(tmp_path, text, "off")
