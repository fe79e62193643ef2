#!/usr/bin/env python3
"""bench/report.py [EVENTS [FOLDER]]: hotpathd-report on EVENTS (10,000,000) made-up events: seconds, CPU, memory.

The events are a canary of 5 % with heavy-tailed, autocorrelated latencies. A block of them is made once and
written again and again, each time on another day and with other request ids.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

BLOCK = 250_000
_LINE = (
    '{"v":1,"ts":"@@@@-@@-@@T%02d:%02d:%02d.%06dZ","route":"chunk","mode":"canary","key_hash":"%016x","bucket":%d,"path":"%s","outcome":"%s","reason":"%s",'
    '"sidecar_ms":%s,"legacy_ms":%s,"total_ms":%.3f,"cpu_ms":{"legacy":%s,"client":%.3f},"server":%s,"match":null,"diff":null,"bytes_in":%s,'
    '"request_id":"################%016x","trace_id":"%032x","caller":"worker/1.4","pid":%d,"host":"worker-7f9c6d-x2x"}\n'
)
_SERVER = '{"queue":%.3f,"parse":%.3f,"compute":%.3f,"write":%.3f}'


def block(count: int, rng: np.random.Generator) -> bytes:
    new = rng.random(count) < 0.05
    load = np.repeat(np.exp(np.cumsum(rng.normal(0, 0.02, count // 250 + 1)) * 0.2), 250)[:count]
    took = load * np.where(new, rng.lognormal(0.6, 0.8, count), rng.lognormal(2.5, 1.0, count))
    size = rng.lognormal(9, 1.2, count).astype(int)
    micros = (np.arange(count) * (86_400_000_000 // count)).tolist()
    keys = rng.integers(0, 2**63, count).tolist()
    return "".join(map(_line, range(count), micros, new.tolist(), took.tolist(), size.tolist(), keys)).encode()


def _line(at: int, micro: int, new: bool, ms: float, size: int, key: int) -> str:
    second, micro = divmod(micro, 1_000_000)
    clock = (second // 3600, second // 60 % 60, second % 60, micro)
    ids = (at, key << 40 | at, 100 + key % 8)
    if new:
        server = _SERVER % (0.05, ms * 0.1, ms * 0.6, ms * 0.05)
        return _LINE % (*clock, key, key % 500, "sidecar", "ok", "", f"{ms:.3f}", "null", ms, "null", 0.15, server, size, *ids)
    return _LINE % (*clock, key, 500 + key % 9500, "legacy", "legacy", "canary", "null", f"{ms:.3f}", ms, f"{ms * 0.95:.3f}", 0.01, "null", "null", *ids)


def write(path: Path, events: int) -> None:
    rng = np.random.default_rng(8)
    text = block(min(BLOCK, events), rng)
    with path.open("wb") as file:
        for number in range(-(-events // BLOCK)):
            day = np.datetime64("2026-01-01") + number
            file.write(text.replace(b"@@@@-@@-@@", str(day).encode()).replace(b"#" * 16, b"%016x" % number))


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "build/bench-report")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{events}.jsonl"
    if not path.exists():
        write(path, events)
    started = time.monotonic()
    command = [sys.executable, "-m", "hotpathd.evidence", str(path), "--json", str(folder / "report.json"), "--html", str(folder / "report.html")]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": "clients/python/src"})
    most = 0
    while process.poll() is None:
        most = max(most, tree_kib(process.pid))
        time.sleep(0.05)
    seconds = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{events:,} events, {path.stat().st_size / 1e9:.2f} GB: {seconds:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of CPU, "
        f"at most {most / 1024:.0f} MB in all processes together (shared pages shared out), exit code {process.returncode}"
    )


def tree_kib(pid: int) -> int:
    """Proportional set size of a process and its children."""
    total = 0
    for one in [pid, *children(pid)]:
        try:
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass  # it has ended meanwhile
    return total


def children(pid: int) -> "list[int]":
    try:
        direct = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return direct + [deeper for child in direct for deeper in children(child)]


if __name__ == "__main__":
    main()
