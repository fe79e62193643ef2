"""The README's curl example, reply and snippets, run as they stand."""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from daemon import ROOT

README = (ROOT / "README.md").read_text()


def section(title):
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(text):
    """The indented blocks of a section, without their indentation."""
    return ["\n".join(line[4:] for line in block.strip("\n").split("\n"))
            for block in re.findall(r"(?:^(?:    .*)?\n)+", text, re.M) if block.strip()]


def test_the_curl_example_gets_the_reply_that_is_shown(daemon):
    command, reply = blocks(section("One request"))[0].split("\n\n", 1)
    arguments = shlex.split(command.replace("\\\n", " "))
    shown = json.loads(reply)
    body = arguments[arguments.index("-d") + 1]
    answered = daemon.post("/v1/chunk", body).json
    if not answered["exact"]:
        pytest.skip("the vocabularies are not there (make vocab)")
    assert answered == shown


def test_the_query_gets_the_reply_that_is_shown(daemon):
    command, reply = blocks(section("One query"))[0].split("\n\n", 1)
    arguments = shlex.split(command.replace("\\\n", " "))
    assert daemon.post("/v1/score", arguments[arguments.index("-d") + 1]).json == json.loads(reply)


def run_snippet(command, daemon, folder, **environment):
    done = subprocess.run(command, capture_output=True, cwd=folder, timeout=120,
                          env={**os.environ, "HOTPATHD_URL": daemon.tcp, **environment})
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_the_python_snippet_runs(daemon, tmp_path):
    script = tmp_path / "snippet.py"
    script.write_text(blocks(section("From Python"))[0])
    out = run_snippet([sys.executable, str(script)], daemon, tmp_path, PYTHONPATH=str(ROOT / "clients" / "python" / "src"))
    assert "One paragraph.\\n\\nAnother." in out and "path='sidecar'" in out


def test_the_go_snippet_is_the_example_and_runs(daemon):
    if not shutil.which("go"):
        pytest.skip("no go here")
    folder = ROOT / "clients" / "go"
    example = (folder / "examples" / "readme" / "main.go").read_text()
    words = lambda text: text.replace("\t", "    ").split()
    assert words(example.split("\n", 1)[1]) == words(blocks(section("From Go"))[0])
    out = run_snippet(["go", "run", "./examples/readme"], daemon, folder)
    assert '["One paragraph.\\n\\nAnother."] <nil>' in out
