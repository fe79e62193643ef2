"""The report's types, with its libraries' own; and the client does without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = Path(__file__).parents[2]
REPOSITORY = PYTHON.parents[1]


def test_mypy_finds_nothing() -> None:
    pytest.importorskip("mypy", reason="mypy is not installed: tests/venv report needs a registry")
    pytest.importorskip("scipy", reason="the extra 'report' is not installed: tests/venv report needs a registry")
    files = sorted(map(str, PYTHON.glob("src/hotpathd/[es]*/*.py")))  # evidence, steps
    assert len(files) > 40
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--cache-dir", str(REPOSITORY / "build/mypy-evidence"), *files],
        cwd=PYTHON, env={**os.environ, "MYPYPATH": "src"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_client_imports_nothing_of_it() -> None:
    code = "import sys, hotpathd; print([name for name in sys.modules if name.startswith(('hotpathd.evidence', 'numpy', 'scipy', 'yaml', 'matplotlib'))])"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(PYTHON / "src")}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


@pytest.mark.parametrize("name", ["report", "baseline"])
def test_without_its_libraries_a_command_says_how_they_come(name: str) -> None:
    hide = f"import sys; sys.modules['numpy'] = None; from hotpathd.evidence.__main__ import {name}; sys.exit({name}())"
    done = subprocess.run([sys.executable, "-c", hide, "events.jsonl"], env={**os.environ, "PYTHONPATH": str(PYTHON / "src")}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.startswith(f"hotpathd-{name}: ") and done.stderr.endswith("in a clone of hotpathd: pip install './clients/python[report]'\n")
