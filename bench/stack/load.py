"""Uploads and searches at a fixed rate, whatever becomes of them (an open loop). A call's latency counts from when it was due, so that a
service that stalls cannot hide the calls that it held up. One line of JSON a call.

    load.py SOCKET UPLOADS_PER_S SEARCHES_PER_S FILE      until SIGTERM
"""
import http.client
import json
import queue
import signal
import socket
import sys
import threading
import time
import urllib.parse

import documents

CALLERS = 24  # at once; more wait, and their latency says so
TIMEOUT_S = 30


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=TIMEOUT_S):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def upload(connection, text):
    connection.request("POST", "/documents", text.encode(), {"Content-Type": "text/plain"})
    reply = connection.getresponse()
    body = json.loads(reply.read())
    return reply.status, body.get("id")


def search(connection, query):
    connection.request("GET", "/search?q=" + urllib.parse.quote(query))
    reply = connection.getresponse()
    reply.read()
    return reply.status, None


class Load:
    def __init__(self, path, file):
        self._path, self._file = path, file
        self._due = queue.SimpleQueue()
        self._writing = threading.Lock()
        self._threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def put(self, at, run, argument):
        self._due.put((at, run, argument))

    def close(self):
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join()

    def _call(self):
        connection = UnixConnection(self._path)
        while (due := self._due.get()) is not None:
            at, run, argument = due
            status = document = error = None
            try:
                status, document = run(connection, argument)
            except Exception as what:  # whatever it is, a user has seen it: the conductor fails on it
                error = f"{type(what).__name__}: {what}"
                connection.close()
            self._tell({"at": at, "kind": run.__name__, "ms": round((time.time() - at) * 1e3, 3),
                        "status": status, "id": document, "error": error})
        connection.close()

    def _tell(self, line):
        with self._writing:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()


def main():
    path, uploads, searches, file = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    draw = documents.Draw(seed=2)
    with open(file, "a") as lines:
        load = Load(path, lines)
        print("ready", flush=True)
        begun = time.time()
        counts = {upload: 0, search: 0}
        rates = {upload: uploads, search: searches}
        while True:
            run = min(rates, key=lambda kind: (counts[kind] + 1) / rates[kind])
            counts[run] += 1
            at = begun + counts[run] / rates[run]
            argument = draw.document() if run is upload else draw.query()
            if stopped.wait(max(0, at - time.time())):
                break
            load.put(at, run, argument)
        load.close()


if __name__ == "__main__":
    main()
