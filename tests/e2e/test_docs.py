"""What the documents show is what the daemon does."""
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from daemon import ROOT, wait_for

ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| `(\".*?\")` \| `(\".*?\")` \|$", re.M)
TEXT = (ROOT / "docs" / "text.md").read_text()
EXAMPLES = ROW.findall(TEXT)
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


def rows(heading):
    """The cells of the first table below a heading."""
    table = TEXT.split(f"\n{heading}\n")[1].split("\n| --- | --- |\n")[1].split("\n\n")[0]
    return [re.split(r"(?<!\\) \| ", row.strip("| ")) for row in table.split("\n")]


@pytest.mark.parametrize("before, after", rows("### Mojibake"))
def test_the_examples_of_mojibake_are_repaired(daemon, before, after):
    assert daemon.chunk(before.strip("`"), clean=NOTHING | {"mojibake": True}, chunk=None)["text"] == after.strip("`")


@pytest.mark.parametrize("page, lines", rows("## HTML"))
def test_the_examples_of_html_read_as_shown(daemon, page, lines):
    """`a`, blank line, `b` are three lines."""
    shown = ["" if line == "blank line" else line.strip("`").replace("\\|", "|") for line in lines.split(", ")]
    for clean in ("none", "standard"):
        assert daemon.chunk(page.strip("`"), format="html", clean=clean, chunk=None)["text"] == "\n".join(shown)


OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def named(heading):
    """What the first column of a table of operations.md names, in its order."""
    table = OPERATIONS.split(f"\n## {heading}\n")[1].split("\n| --- | --- |")[1].split("\n\n")[0]
    return [name for row in table.split("\n| ")[1:] for name in re.findall(r"`(\w+)[`{]", row.split(" | ")[0])]


def test_the_fields_of_the_request_log_are_listed_in_their_order(start):
    daemon = start()
    assert daemon.post("/v1/chunk", b"{").status == 400
    wait_for(lambda: any(line["msg"] == "request" for line in daemon.log()), "its line")
    line, = (line for line in daemon.log() if line["msg"] == "request")
    assert list(line) == named("The request log")


def test_every_alert_says_what_to_do():
    alerts = re.findall(r"- alert: (\w+)", (ROOT / "deploy/prometheus/rules.yml").read_text())
    assert len(alerts) > 5 and named("Alerts, and what to do at each") == alerts


def test_every_metric_says_what_to_do(daemon):
    there = re.findall(r"^# TYPE (hotpathd_\w+)", daemon.get("/metrics").body.decode(), re.M)
    listed = named("Metrics, and what to do when they move")
    assert len(there) > 20 and [name for name in there if not any(name == one or name.endswith(one) for one in listed)] == []


SCORING = (ROOT / "docs" / "scoring.md").read_text()
REQUESTS = re.findall(r"^\| [^|]+ \| `(\{.*\})` \| `(\[.*\])` \|$", SCORING, re.M)


@pytest.mark.parametrize("body, shown", REQUESTS)
def test_the_requests_of_scoring_are_answered_as_shown(daemon, body, shown):
    reply = daemon.post("/v1/score", body.encode())
    assert reply.status == 200, reply.body
    assert [[r["index"], round(r["relevance_score"], 4)] for r in reply.json["results"]] == json.loads(shown)


def test_the_requests_of_scoring_show_every_option():
    used = {name for body, _ in REQUESTS for name in json.loads(body)}
    options = options_of_the_wire() - {"explain", "return_documents", "model", "preset"}
    assert used == options


def options_of_the_wire():
    """What a request may say, by the wire's description."""
    return set(re.findall(r"^        (\w+):", (ROOT / "docs" / "openapi.yaml").read_text().split("    ScoreRequest:\n")[1].split("    ScoreReply:")[0], re.M))


def test_the_explained_result_is_the_one_shown(daemon):
    body, shown = re.search(r"a result of `(\{.*\})` is\n\n    (\{.*\})\n", SCORING).groups()
    assert f'"results":[{shown}]' in daemon.post("/v1/score", body.encode()).body.decode()


# --- the clients' blocks of docs/scoring.md ---------------------------------------------------------

ROWS = ["a boat", "the lift of a wing", "a runway and a wing"]
BEST = ["the lift of a wing", "a runway and a wing", "a boat"]
AROUND = """package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
)

type Row struct{ Body string }

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func candidates(context.Context, string) (rows []Row, texts []string, err error) {
	texts = []string{ROWS}
	for _, text := range texts {
		rows = append(rows, Row{text})
	}
	return rows, texts, nil
}

BLOCK

func main() {
	config := hotpathd.Config{Modes: map[string]hotpathd.Mode{"score": hotpathd.ModeOn}}
	config.OnEvent = func(e hotpathd.Event) { fmt.Fprintln(os.Stderr, e.Outcome) }
	sidecar := hotpathd.New(config)
	best, err := search(context.Background(), sidecar, "wing lift", "user-1")
	sidecar.Close()
	if err != nil {
		panic(err)
	}
	for _, row := range best {
		fmt.Println(row.Body)
	}
}
"""


def block(behind):
    """The indented lines behind that line."""
    return textwrap.dedent(re.search(rf"{behind}:\n\n((?:    .*\n|\n)+)", SCORING)[1])


@pytest.fixture(params=["fallback", "ok"])
def outcome_at(request, daemon, tmp_path):
    """An address, and what becomes of a call there."""
    return request.param, daemon.unix if request.param == "ok" else f"unix:{tmp_path}/none"


def test_the_python_of_scoring_runs(outcome_at, monkeypatch):
    outcome, address = outcome_at
    monkeypatch.setenv("HOTPATHD_URL", address)
    monkeypatch.setattr(sys, "path", [str(ROOT / "clients" / "python" / "src"), *sys.path])
    names = {"candidates": lambda query: [{"body": text} for text in ROWS]}
    exec(block("`candidates` asks the database").replace("Client(", 'Client(modes={"score": "on"}, '), names)
    with names["sidecar"] as sidecar:
        assert [row["body"] for row in names["search"]("wing lift", "user-1")] == BEST
        assert sidecar.last.outcome == outcome


@pytest.mark.skipif(not shutil.which("go"), reason="no go here")
def test_the_go_of_scoring_runs(outcome_at, tmp_path):
    outcome, address = outcome_at
    rows = ", ".join(json.dumps(row) for row in ROWS)
    (tmp_path / "main.go").write_text(AROUND.replace("ROWS", rows).replace("BLOCK", block("Go")))
    (tmp_path / "go.mod").write_text(
        "module example\n\ngo 1.19\n\nrequire github.com/hotpathd/hotpathd/clients/go v0.0.0\n\n"
        f"replace github.com/hotpathd/hotpathd/clients/go => {ROOT}/clients/go\n")
    done = subprocess.run(["go", "run", "."], cwd=tmp_path, env={**os.environ, "HOTPATHD_URL": address, "GOPROXY": "off"},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == BEST
    assert outcome in done.stderr.split(), done.stderr
