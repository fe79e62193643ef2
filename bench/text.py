"""The text engine beside its rivals in one run: MB/s of UTF-8 text, one thread, medians of alternating processes, and the ratio.

python3 bench/text.py [ROUNDS]. Needs build/bench/text, build/vocab and the rivals (bench/venv makes build/bench-venv); `make bench` sees to all.
Each process reads a folder of build/corpora (see corpora.py), warms up on a fifth of it, and does every other document once.
"""
import json
import statistics
import subprocess
import sys

import corpora
import rival

# task of rival.py, arguments of build/bench/text, corpora
ROWS = [
    ("clean", ["clean"], ["english", "french", "chinese", "messy"]),
    ("tokens-0", ["chunk", "512", "0"], ["english", "markdown", "chinese"]),
    ("tokens-64", ["chunk", "512", "64"], ["english", "markdown", "chinese"]),
    ("chars", ["cut", "2000", "0", "chars"], ["english", "markdown", "chinese"]),
    ("pipeline", ["request", "512", "64"], ["mixed"]),
]


def listing(folder):
    return "\n".join(str(path) for path in sorted(folder.iterdir()))


def ours(arguments, folder):
    done = subprocess.run(["build/bench/text", *arguments], input=listing(folder), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def theirs(task, name, folder):
    done = subprocess.run([sys.executable, "bench/rival.py", task, name, str(folder)], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def speed(results):
    return statistics.median(result["bytes"] / result["cpu_s"] / 1e6 for result in results)


def fill(result):
    return f"{result['tokens'] / result['chunks']:.0f} tokens a chunk" if result["tokens"] and result["chunks"] else ""


def report(task, arguments, corpus, rounds):
    folder = corpora.HERE / corpus
    mine, other = [], {name: [] for name in rival.TASKS[task]}
    for _ in range(rounds):
        mine.append(ours(arguments, folder))
        for name, results in other.items():
            results.append(theirs(task, name, folder))
    print(f"{task:<10} {corpus:<9} {'hotpathd':<26} {speed(mine):8.1f} MB/s          {fill(mine[0])}", flush=True)
    for name, results in other.items():
        if None in results:
            print(f"{'':<20} {name:<26}   not to be had here")
            continue
        print(f"{'':<20} {name:<26} {speed(results):8.1f} MB/s  {speed(mine) / speed(results):6.1f}x  {fill(results[0])}", flush=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    corpora.main()
    for task, arguments, names in ROWS:
        for corpus in names:
            report(task, arguments, corpus, rounds)


if __name__ == "__main__":
    main()
