"""A folder, and the two commands run in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterable, List, Optional, Sequence

import made
import pytest


class Bench:
    """Writes events, runs a command over them, keeps what it said."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.files: List[str] = []
        self.out = self.err = ""

    def events(self, events: Iterable[made.Event], name: str = "events.jsonl") -> "Bench":
        return self.file(name, made.text(events).encode())

    def file(self, name: str, data: bytes) -> "Bench":
        (self.folder / name).write_bytes(data)
        self.files.append(str(self.folder / name))
        return self

    def rules(self, text: str) -> List[str]:
        (self.folder / "rollout.yaml").write_text(text)
        return ["--config", str(self.folder / "rollout.yaml")]

    def run(self, *options: str, command: str = "main", expect: Optional[int] = None) -> Any:
        """The JSON; None where there is none."""
        from hotpathd.evidence import command as commands

        made_here = self.folder / "report.json"
        made_here.unlink(missing_ok=True)
        arguments: Sequence[str] = [*self.files, "--json", str(made_here), "--jobs", "1", *options]
        code = getattr(commands, command)(arguments)
        self.out, self.err = self._capsys.readouterr()
        if expect is not None:
            assert code == expect, f"{code}: {self.out}{self.err}"
        self.code = code
        return json.loads(made_here.read_text()) if made_here.exists() else None


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    pytest.importorskip("numpy", reason="the extra 'report' is not installed: tests/venv report needs a registry")
    return Bench(tmp_path, capsys)
