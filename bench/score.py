#!/usr/bin/env python3
"""Ranking candidates for one query: /v1/score over its Unix socket beside what services do in process, in one run.

    bench/score.py DAEMON [GO_PROGRAM]     GO_PROGRAM: cd bench/go-score && go build -o ../../build/go-score .

In process a rival builds what it needs and answers one query, since the candidates live for one request. `find` is the
hardest Python to beat: str.find sweeps for the heads of the query's stems, PyStemmer, stems cached (pip install PyStemmer).
Rounds alternate; CPU time, median and 95th percentile, and the best wall clock, in ms: on a shared machine the clock tells
of the neighbours; back to back is ours on the clock, 200 requests in a row. Ours is one request over a bare socket, the
client's CPU and the daemon's together: the body is JSON already; client json, client orjson: Client.score of the Python client
with either (pip install orjson); go net/http: with Go's json.Marshal and json.Unmarshal; go helper: the Go client's
ScoreCall with strings; go rows: with rows that are JSON already.
"""
import json
import math
import pathlib
import random
import re
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients" / "python" / "src"))
import hotpathd  # noqa: E402
from hotpathd import _json  # noqa: E402

try:
    import Stemmer
except ImportError:
    Stemmer = None
try:
    import orjson
except ImportError:
    orjson = None

K1, B, TOP = 1.2, 0.75, 20
ROUNDS_MAX = 60
SIZES = [(100, 300), (1000, 300), (1000, 1100), (5000, 300), (10000, 1000)]
LENGTH = re.compile(rb"(?i)content-length: (\d+)")
STOPS = "the of and to in a is that for it with as was on be by".split()
SYLLABLES = "ta ri on be st al ing er mo ne pra lu ti ve co es ed is po ha wi sy de un".split()


def corpus(count, size):
    """Documents of random words after Zipf, two stop words in five, and a query of three rather common words."""
    rng = random.Random(count * size)
    words = ["".join(rng.choices(SYLLABLES, k=rng.randrange(1, 5))) for _ in range(8000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    documents = []
    for _ in range(count):
        drawn = rng.choices(words, weights, k=size // 4)
        text, at = "", 0
        while len(text) < size:
            text += (rng.choice(STOPS) if rng.random() < 0.4 else drawn[at]) + rng.choices([" ", ", ", ". "], [12, 1, 1])[0]
            at += 1
        documents.append(text[:size])
    return " ".join(word for word in words[20:200] if len(word) > 4)[:400].split()[:3], documents


def best(scores):
    return sorted(range(len(scores)), key=lambda i: -scores[i])[:TOP]


def idf(n, df):
    return math.log(1 + (n - df + 0.5) / (df + 0.5))


def python_typical(query, documents):
    counts = [Counter(re.findall(r"\w+", text.lower())) for text in documents]
    lengths = [sum(count.values()) for count in counts]
    average = sum(lengths) / len(lengths)
    scores = [0.0] * len(documents)
    for word in query:
        weight = idf(len(documents), sum(word in count for count in counts))
        for i, count in enumerate(counts):
            f = count[word]
            scores[i] += weight * f / (f + K1 * (1 - B + B * lengths[i] / average))
    return best(scores)


def fts5_tuned(query, documents):
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute("pragma journal_mode=off")
    database.execute("create virtual table t using fts5(x, content='', tokenize='porter ascii')")
    database.execute("begin")
    database.executemany("insert into t(rowid, x) values (?, ?)", enumerate(documents))
    database.execute("commit")
    return [row[0] for row in database.execute("select rowid from t where t match ? order by bm25(t) limit ?",
                                               (" OR ".join(query), TOP))]


def python_find(query, documents, stems={}):
    stemmer, word_at = Stemmer.Stemmer("english"), re.compile(r"\w+").match
    terms = [stemmer.stemWord(word) for word in query]
    rows, df, total = [], [0] * len(terms), 0
    for text in documents:
        low = text.lower()
        found = [0] * len(terms)
        for t, term in enumerate(terms):
            head = term[:-1] if term[-1] == "i" else term
            at = low.find(head)
            while at >= 0:
                if at == 0 or not low[at - 1].isalnum():
                    word = word_at(low, at)[0]
                    if word not in stems:
                        stems[word] = stemmer.stemWord(word)
                    found[t] += stems[word] == term
                at = low.find(head, at + 1)
            df[t] += found[t] > 0
        length = low.count(" ") + 1
        total += length
        rows.append((found, length))
    average = total / len(rows)
    weights = [idf(len(rows), n) for n in df]
    return best([sum(w * f / (f + K1 * (1 - B + B * length / average)) for w, f in zip(weights, found) if f)
                 for found, length in rows])


class Ours:
    def __init__(self, binary):
        self.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.folder.name)
        self.process = subprocess.Popen([binary, "serve", "--listen", f"unix:{path}/data", "--admin", f"unix:{path}/admin",
                                         "--ready-file", f"{path}/ready"], stderr=subprocess.DEVNULL)
        while not (path / "ready").exists():
            assert self.process.poll() is None, "the daemon did not start"
            time.sleep(0.01)
        self.path = f"{path}/data"

    def connect(self):
        """The daemon hangs up on who is silent for a second: making a corpus takes longer."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(self.path)

    def post(self, body):
        head = f"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        reply = self.socket.recv(65536)
        while b"\r\n\r\n" not in reply:
            reply += self.socket.recv(65536)
        head, _, answer = reply.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), reply
        left = int(LENGTH.search(head)[1]) - len(answer)
        while left > 0:
            more = self.socket.recv(left)
            answer, left = answer + more, left - len(more)
        return answer

    def cpu_s(self):
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def no_answer():
    raise AssertionError("the daemon did not answer")


def by_client(client, writer, reader, query, documents):
    _json.dumps, _json.loads = writer, reader
    return client.score(" ".join(query), documents, top_n=TOP, timeout=10, fallback=no_answer)


def row(name, times):
    cpu, wall = zip(*times)
    late = statistics.quantiles(cpu, n=20, method="inclusive")[-1]
    return f"  {name:14} {statistics.median(cpu):9.2f} {late:9.2f} {min(wall):9.2f}"


def back_to_back(ours, body):
    """Of one request after the other, and nothing between them."""
    walls = []
    for _ in range(200):
        start = time.perf_counter()
        ours.post(body)
        walls.append((time.perf_counter() - start) * 1e3)
    return statistics.median(walls), statistics.quantiles(walls, n=20, method="inclusive")[-1]


def main():
    ours = Ours(sys.argv[1])
    client = hotpathd.Client("unix:" + ours.path, modes={"score": "on"})
    fast_dumps, fast_loads = (_json.dumps_by(orjson), _json.loads_by(orjson)) if orjson else (None, None)
    go = sys.argv[2] if len(sys.argv) > 2 else None
    for count, size in SIZES:
        query, documents = corpus(count, size)
        request = {"query": " ".join(query), "documents": documents, "top_n": TOP}
        body = json.dumps(request).encode()
        contestants = {
            "ours": lambda: ours.post(body),
            "client json": lambda: by_client(client, _json.plain_dumps, _json.plain_loads, query, documents),
            **({"client orjson": lambda: by_client(client, fast_dumps, fast_loads, query, documents)} if orjson else {}),
            "fts5": lambda: fts5_tuned(query, documents),
            **({"find": lambda: python_find(query, documents)} if Stemmer else {}),
            "python": lambda: python_typical(query, documents),
        }
        times = {name: [] for name in contestants}
        ours.connect()
        rounds = max(7, min(ROUNDS_MAX, 40_000_000 // (count * size) // 2))
        for _ in range(rounds):
            for name, run in contestants.items():
                wall, cpu = time.perf_counter(), time.process_time() + ours.cpu_s()
                run()
                spent = time.perf_counter() - wall
                times[name].append(((time.process_time() + ours.cpu_s() - cpu) * 1e3, spent * 1e3))
        if go:
            reply = subprocess.run([go], input=json.dumps({**request, "rounds": rounds, "socket": ours.path, "pid": ours.process.pid}).encode(), capture_output=True, check=True)
            for name, values in json.loads(reply.stdout).items():
                times["go " + name] = values
        print(f"{count} x {size} B, {len(body)} bytes, {rounds} rounds\n  {'':14} {'cpu':>9} {'cpu p95':>9} {'best':>9}")
        print("\n".join(row(*item) for item in times.items()))
        print(f"  back to back, wall: median {{:.3f}}, 95th percentile {{:.3f}}".format(*back_to_back(ours, body)), flush=True)
    client.close()
    ours.close()


if __name__ == "__main__":
    main()
