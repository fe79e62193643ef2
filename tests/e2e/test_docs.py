"""What the documents show is what the daemon does."""
import json
import re

import pytest

from daemon import ROOT

ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| `(\".*?\")` \| `(\".*?\")` \|$", re.M)
EXAMPLES = ROW.findall((ROOT / "docs" / "text.md").read_text())
SWITCHES = ["mojibake", "line_endings", "controls", "spaces", "ligatures", "normalization", "repeated_lines", "hyphenation",
            "join_lines", "blank_runs"]
NOTHING = {name: False for name in SWITCHES if name != "normalization"} | {"normalization": "none"}


@pytest.mark.parametrize("switch, before, after", EXAMPLES)
def test_the_table_of_switches_tells_the_truth(daemon, switch, before, after):
    clean = NOTHING | {switch: "nfc" if switch == "normalization" else True}
    reply = daemon.chunk(json.loads(before), clean=clean, chunk=None)
    assert reply["text"] == json.loads(after)
    assert set(reply["metadata"]["changes"]) == {switch}


def test_the_table_has_every_switch_in_the_order_of_the_passes():
    shown = list(dict.fromkeys(switch for switch, _, _ in EXAMPLES))
    assert shown == SWITCHES
