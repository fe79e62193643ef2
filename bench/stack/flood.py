"""Somebody's batch job on the same daemon: large documents over many connections, more than it can do in time.

    flood.py SOCKET CONNECTIONS       until SIGTERM; then one line of JSON: answers by status
"""
import collections
import http.client
import json
import signal
import sys
import threading

import documents
from load import UnixConnection


def main():
    path, connections = sys.argv[1], int(sys.argv[2])
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    longest = max((text for kind in documents.collect() for text in kind), key=len)
    body = json.dumps({"text": longest * (1 + 2_000_000 // len(longest))}).encode()
    headers = {"Content-Type": "application/json", "X-Hotpath-Caller": "batch/1", "X-Request-Timeout-Ms": "300"}
    seen = collections.Counter()

    def pump():
        connection = UnixConnection(path)
        while not stopped.is_set():
            try:
                connection.request("POST", "/v1/chunk", body, headers)
                reply = connection.getresponse()
                reply.read()
                seen[str(reply.status)] += 1
                if reply.status != 200:
                    stopped.wait(0.01)
            except (OSError, http.client.HTTPException) as error:
                seen[type(error).__name__] += 1
                connection.close()
                stopped.wait(0.01)

    threads = [threading.Thread(target=pump) for _ in range(connections)]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
