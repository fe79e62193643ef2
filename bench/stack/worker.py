"""Takes documents from the queue, splits them, stores the chunks.

The old code is split.py. The decorator puts the sidecar in front of it; what it needs to know stands here and nowhere else.
Settings: DATABASE (a PostgreSQL connection string), and those of the hotpathd client.
"""
import os
import re
import signal
import time
import unicodedata

import hotpathd
import psycopg

import split as old


def chunks_of(body, _document, _text):
    text = body["text"]
    return [(text[c["start"]:c["end"]], c["tokens"]) for c in body["chunks"]]


def letters(chunks):
    """What both must have kept, wherever they cut and however they clean."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", "".join(text for text, _ in chunks)))


def as_good(before, after):
    """Two splitters cut at different places. As good is one that keeps every letter and every limit."""
    if any(tokens > old.MAX_TOKENS for _, tokens in after):
        return "/tokens"
    return True if letters(before) == letters(after) else "/text"


sidecar = hotpathd.Client(caller="worker/1.0", poll_s=1.0)


@sidecar.path(
    "chunk",
    key=lambda document, _text: str(document),
    request=lambda _document, text: {"text": text, "chunk": {"max": old.MAX_TOKENS}},
    reply=chunks_of,
    compare=as_good,
)
def split(document, text):
    return old.split(text)


TAKE = """
    SELECT documents.id, documents.body FROM jobs JOIN documents ON documents.id = jobs.document
    ORDER BY jobs.document LIMIT 1 FOR UPDATE OF jobs SKIP LOCKED"""


def work(database):
    """One document, in one transaction: a worker that dies leaves the job to another. False where the queue is empty."""
    with database.transaction(), database.cursor() as cursor:
        taken = cursor.execute(TAKE).fetchone()
        if taken is None:
            return False
        document, text = taken
        rows = [(document, number, chunk, tokens) for number, (chunk, tokens) in enumerate(split(document, text))]
        cursor.executemany("INSERT INTO chunks VALUES (%s, %s, %s, %s)", rows)
        cursor.execute("UPDATE documents SET status = 'done', done = clock_timestamp() WHERE id = %s", (document,))
        cursor.execute("DELETE FROM jobs WHERE document = %s", (document,))
        return True


def main():
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    old.split("The first call loads what it needs.")
    with sidecar, psycopg.connect(os.environ["DATABASE"], autocommit=True) as database:
        print("ready", flush=True)
        while not stopped:
            if not work(database):
                time.sleep(0.02)


if __name__ == "__main__":
    main()
