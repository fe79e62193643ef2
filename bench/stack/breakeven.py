"""From which payload on the hop pays: old code and sidecar on the same documents, by size. Wall and CPU time of one call, medians.

    make demo first (it makes the environment); then   build/demo-venv/bin/python bench/stack/breakeven.py
"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

from parts import ROOT, accepts, wait_for

sys.path.insert(0, str(ROOT / "clients" / "python" / "src"))
os.environ.setdefault("VOCABULARY", str(ROOT / "build" / "vocab"))

import documents  # noqa: E402
import hotpathd  # noqa: E402
import split as old  # noqa: E402

SIZES = (30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
ROUNDS = 40


def cpu_s(pid):
    """CPU seconds of all threads, to the nanosecond."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").glob("*")) / 1e9


def timed(run, texts, daemon=None):
    """Medians of wall and CPU milliseconds; the daemon's CPU time is counted in, as a mean."""
    walls, cpus = [], []
    before = cpu_s(daemon) if daemon else 0
    for text in texts:
        cpu, wall = time.thread_time(), time.perf_counter()
        run(text)
        walls.append((time.perf_counter() - wall) * 1e3)
        cpus.append((time.thread_time() - cpu) * 1e3)
    theirs = (cpu_s(daemon) - before) * 1e3 / len(texts) if daemon else 0
    return statistics.median(walls), statistics.median(cpus) + theirs


def main():
    pool = [text for kind in documents.collect() for text in kind]
    with tempfile.TemporaryDirectory(prefix="hotpathd-") as folder:
        path = f"{folder}/hotpathd.sock"
        daemon = subprocess.Popen([ROOT / "build" / "hotpathd", "serve", "--listen", f"unix:{path}", "--admin", f"unix:{folder}/admin.sock"],
                                  cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: accepts(path), "hotpathd")
            compare(pool, path, daemon.pid)
        finally:
            daemon.terminate()
            daemon.wait()


def compare(pool, path, pid):
    print("bytes    old code, wall / CPU ms   sidecar, wall / CPU ms   split at blank lines, wall / CPU ms")
    fell_back = []
    with hotpathd.Client(f"unix:{path}", modes={"chunk": "on"}, timeout=5) as sidecar:
        def new(text):
            sidecar.chunk(text, max=old.MAX_TOKENS, fallback=lambda: fell_back.append(text) or [])

        for size in SIZES:
            long_enough = [text for text in pool if len(text) >= size]
            texts = [long_enough[i % len(long_enough)][:size] for i in range(ROUNDS)]
            rows = {}
            for _ in range(2):  # the first is the warm-up
                rows = {"old": timed(old.split, texts), "new": timed(new, texts, pid), "cheap": timed(lambda text: re.split(r"\n\s*\n", text), texts)}
            print(f"{size:>6}   " + "   ".join(f"{wall:9.3f} / {cpu:8.3f}" for wall, cpu in rows.values()))
    memory = next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    print(json.dumps({"daemon": memory.split(":")[1].strip(), "fell_back": len(fell_back)}))


if __name__ == "__main__":
    main()
