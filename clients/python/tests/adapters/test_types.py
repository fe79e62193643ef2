"""The client, the adapters and the examples are checked, against the types of the libraries themselves."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from samples import ROOT

PYTHON = ROOT / "clients/python"


def test_mypy_finds_nothing():
    for library in ("mypy", "langchain_text_splitters", "llama_index.core", "haystack", "prometheus_client", "fastapi"):
        pytest.importorskip(library, reason="not all libraries are there: make extras")
    folders = ("src/hotpathd", "src/hotpathd/adapters", "examples", "examples/frameworks")
    files = sorted(file for folder in folders for file in PYTHON.glob(f"{folder}/*.py"))
    assert len(files) > 30
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--cache-dir", ROOT / "build/mypy", *files],
        cwd=PYTHON, env={**os.environ, "MYPYPATH": "src"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
