"""The blocks of docs/adapters.md, as they stand: with a daemon, and where nobody answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from samples import ROOT

SECTIONS = re.split(r"^## ", (ROOT / "docs/adapters.md").read_text(encoding="utf-8"), flags=re.M)
LIBRARIES = {
    "LangChain": "langchain_text_splitters", "LlamaIndex": "llama_index.core", "Haystack": "haystack",
    "Prometheus": "prometheus_client", "OpenTelemetry": "opentelemetry", "statsd": "socket",
}  # fmt: skip
# what each block leaves behind: whether a metadatum and a score tell of the sidecar; or a trace of the event
LEFT = {
    "LangChain": '"tokens" in documents[0].metadata, "relevance_score" in best[0].metadata',
    "LlamaIndex": '"tokens" in nodes[0].metadata, best[0].score is not None',
    "Haystack": '"tokens" in best[0].meta, best[0].score is not None and again.dumps() == pipeline.dumps()',
    "Prometheus": "'hotpathd_client_calls_total{mode=' in text",
    "OpenTelemetry": 'measured.last.path != ""',
    "statsd": 'sent.last.path != ""',
}
BEFORE = """
import time
end = time.monotonic() + 20
while {there} and sidecar.score("a", ["a"], fallback=lambda: [0]) and sidecar.last.path != "sidecar":
    assert time.monotonic() < end, sidecar.last
"""


def block(section):
    """The code of a section: its lines that are indented by four."""
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ") or not line]
    return "\n".join(lines)


def test_each_adapter_has_a_section():
    names = [section.splitlines()[0] for section in SECTIONS[1:]]
    assert names == [*LIBRARIES, "Services"]
    files = {path.stem for path in (ROOT / "clients/python/src/hotpathd/adapters").glob("[a-z]*.py")}
    assert files == {name.lower() for name in LIBRARIES}


@pytest.mark.parametrize("there", [True, False], ids=["with a daemon", "without"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_its_block_runs(daemon, name, there):
    """In a process of its own: some libraries keep one registry for each."""
    pytest.importorskip(LIBRARIES[name], reason=f"no {LIBRARIES[name]}: make extras")
    section = next(s for s in SECTIONS if s.startswith(name))
    code = "\n".join([block(SECTIONS[0]), BEFORE.format(there=there), block(section), f"print({LEFT[name]})"])
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT / "clients/python/src"), "HOTPATHD_URL": daemon.unix if there else "unix:/none",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    expected = f"{there} {there}\n" if "," in LEFT[name] else "True\n"
    assert done.returncode == 0 and done.stdout == expected, done.stdout + done.stderr
