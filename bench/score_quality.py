#!/usr/bin/env python3
"""What /v1/score's order is worth, on a collection with judgements: MAP, nDCG@10 and P@30 through the daemon.

    bench/score_quality.py FOLDER [--daemon build/hotpathd] [--analyzer english] [--k1 0.9] [--b 0.4] [--in-order]

FOLDER holds documents (*.html, *.txt: one a file; *.trec, *.xml, *.all*: <DOC> with <DOCNO>), topics*, query* or *qry*
(<DOC> with <DOCNO>, or <top> with <num>) and *qrel* ("topic 0 document grade" a line; grades below 1 are not relevant).

First the whole collection as candidates. Then re-ranking: of each query the 50 and 200 documents that hold most of its
words, as a database would return them, with the candidates' own statistics, the collection's, and the collection's
document frequencies rounded to powers of two.
"""
import argparse
import html
import http.client
import json
import math
import pathlib
import re
import socket
import subprocess
import tempfile
import time

DEPTH = 1000  # as trec_eval's runs have it


# --- the collection --------------------------------------------------------------------------------------

def text_of(markup):
    return html.unescape(re.sub(r"</?[A-Za-z][A-Za-z0-9]*>", " ", markup))  # "n<m" is no tag


def records(path):
    """(id, text) of every <DOC> or <top>."""
    for block in re.findall(r"<(?:doc|top)>(.*?)</(?:doc|top)>", path.read_text(errors="replace"), re.S | re.I):
        number = re.search(r"<(docno|num)>\s*(?:Number:)?\s*(\S+?)\s*(?=<|\n)", block, re.I)
        if number:
            yield number[2], text_of(block[:number.start()] + " " + re.sub(r"^\s*</\w+>", "", block[number.end():]))


def load(folder, in_order=False):
    documents, topics, judged = {}, {}, {}
    for path in sorted(folder.iterdir()):
        name = path.name.lower()
        if "qrel" in name:
            for line in path.read_text().splitlines():
                topic, _, document, grade = line.split()
                judged.setdefault(topic, {})[document] = int(grade)
        elif name.startswith(("topic", "query")) or "qry" in name:
            found = list(records(path))
            topics.update((str(i + 1), text) for i, (_, text) in enumerate(found)) if in_order else topics.update(found)
        elif name.endswith((".html", ".htm", ".txt")):
            documents[path.stem] = text_of(path.read_text(errors="replace"))
        elif name.endswith((".trec", ".xml")) or ".all" in name:
            documents.update(records(path))
    relevant = {topic: {d: g for d, g in grades.items() if g > 0} for topic, grades in judged.items()}
    topics = {topic: " ".join(text.split()) for topic, text in topics.items() if relevant.get(topic)}
    return documents, topics, relevant


# --- measures --------------------------------------------------------------------------------------------

def average_precision(order, grades):
    hits = total = 0
    for rank, document in enumerate(order[:DEPTH], 1):
        if document in grades:
            hits += 1
            total += hits / rank
    return total / len(grades)


def ndcg(order, grades, depth=10):
    gain = sum(grades.get(document, 0) / math.log2(rank + 1) for rank, document in enumerate(order[:depth], 1))
    best = sorted(grades.values(), reverse=True)[:depth]
    return gain / sum(grade / math.log2(rank + 1) for rank, grade in enumerate(best, 1))


def precision(order, grades, depth=30):
    return sum(document in grades for document in order[:depth]) / depth


# --- the daemon ------------------------------------------------------------------------------------------

class Daemon:
    def __init__(self, binary):
        self.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.folder.name)
        self.process = subprocess.Popen([binary, "serve", "--listen", f"unix:{path}/data", "--admin", f"unix:{path}/admin",
                                         "--ready-file", f"{path}/ready", "--set", "score.max_documents=100000",
                                         "--set", "score.max_terms=256", "--set", "score.max_body=256MiB"],
                                        stderr=subprocess.DEVNULL)
        while not (path / "ready").exists():
            assert self.process.poll() is None, "the daemon did not start"
            time.sleep(0.01)
        self.connection = http.client.HTTPConnection("localhost")
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.connect(f"{path}/data")

    def score(self, **body):
        self.connection.request("POST", "/v1/score", json.dumps(body), {"Content-Type": "application/json"})
        reply = self.connection.getresponse()
        answer = json.loads(reply.read())
        assert reply.status == 200, answer
        return answer

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


# --- runs ------------------------------------------------------------------------------------------------

def average_length(daemon, documents, analyzer):
    """A word that every document holds has its length explained."""
    marked = ["zzmarkzz " + text for text in documents]
    reply = daemon.score(query="zzmarkzz", documents=marked, analyzer=analyzer, explain=True)
    return sum(result["explain"][0]["length"] - 1 for result in reply["results"]) / len(documents)


def frequencies(daemon, texts, query, analyzer):
    """{word: documents of the collection that hold it}, and for each document how many of the words."""
    words, held = {}, [0] * len(texts)
    for word in dict.fromkeys(re.findall(r"\w+", query)):
        reply = daemon.score(query=word, documents=texts, analyzer=analyzer, match="any")
        if len(reply["meta"]["terms"]) == 1 and not reply["meta"]["warnings"]:
            words[word] = reply["meta"]["terms"][0]["df"]
            for result in reply["results"]:
                held[result["index"]] += 1
    return words, held


def nearest_power(n):
    return 2 ** round(math.log2(n)) if n else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--daemon", default="build/hotpathd")
    parser.add_argument("--analyzer", default="english")
    parser.add_argument("--k1", type=float, default=0.9)
    parser.add_argument("--b", type=float, default=0.4)
    parser.add_argument("--in-order", action="store_true", help="judgements count the topics, whatever their numbers (Cranfield)")
    options = parser.parse_args()
    documents, topics, relevant = load(options.folder, options.in_order)
    assert documents and topics, "no documents, topics or judgements in " + str(options.folder)
    names, texts = list(documents), list(documents.values())
    print(f"{len(names)} documents, {len(topics)} judged queries; {options.analyzer}, k1 {options.k1}, b {options.b}")
    daemon = Daemon(options.daemon)
    runs = {}

    def run(label, topic, candidates, query, **more):
        reply = daemon.score(query=query, documents=[texts[i] for i in candidates], analyzer=options.analyzer,
                             bm25={"k1": options.k1, "b": options.b}, top_n=DEPTH, match="any", **more)
        order = [names[candidates[result["index"]]] for result in reply["results"]]
        grades = relevant[topic]
        runs.setdefault(label, []).append((average_precision(order, grades), ndcg(order, grades), precision(order, grades)))

    length = average_length(daemon, texts, options.analyzer)
    for topic, query in topics.items():
        run("whole collection", topic, range(len(names)), query)
        df, held = frequencies(daemon, texts, query, options.analyzer)
        order = sorted(range(len(names)), key=lambda i: (-held[i], i))
        for count in (50, 200):
            stats = {"docs": len(names), "avg_len": length, "df": df}
            rounded = {**stats, "df": {word: nearest_power(n) for word, n in df.items()}}
            run(f"{count} candidates, their own statistics", topic, order[:count], query)
            run(f"{count} candidates, the collection's", topic, order[:count], query, stats=stats)
            run(f"{count} candidates, rounded to powers of two", topic, order[:count], query, stats=rounded)
    daemon.close()
    print(f"{'':46} {'MAP':>7} {'nDCG@10':>8} {'P@30':>7}")
    for label, rows in sorted(runs.items(), key=lambda item: (item[0][0] != "w", len(item[0]) and int(re.sub(r"\D", "", item[0]) or 0))):
        print(f"{label:46} " + " {:.4f}  {:.4f}  {:.4f}".format(*(sum(column) / len(rows) for column in zip(*rows))))


if __name__ == "__main__":
    main()
