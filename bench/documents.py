"""Time in proportion to size: one document of 100 KB, 1 MB and 10 MB through the daemon, medians of alternating runs.

python3 bench/documents.py build/hotpathd
"""
import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 9
SIZES = {"100 KB": 100_000, "1 MB": 1_000_000, "10 MB": 10_000_000}


def document(size):
    sample = (pathlib.Path(__file__).resolve().parent.parent / "docs" / "sample.txt").read_bytes()
    whole = sample * (size // len(sample) + 1)
    return whole[:size].decode("utf-8", "ignore").encode()


def main():
    with tempfile.TemporaryDirectory() as folder:
        ready = pathlib.Path(folder, "ready.json")
        daemon = subprocess.Popen([sys.argv[1], "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                                   "--ready-file", str(ready)], stderr=subprocess.DEVNULL)
        try:
            while not ready.exists():
                if daemon.poll() is not None:
                    sys.exit("the daemon did not start")
                time.sleep(0.01)
            connection = http.client.HTTPConnection(json.loads(ready.read_text())["listen"][0][len("http://"):], timeout=60)
            report(connection)
        finally:
            daemon.terminate()
            daemon.wait()


def report(connection):
    documents = {name: document(size) for name, size in SIZES.items()}
    times = {name: [] for name in SIZES}
    compute = {name: [] for name in SIZES}
    for _ in range(ROUNDS):
        for name, body in documents.items():
            begun = time.perf_counter()
            connection.request("POST", "/v1/chunk?chunk.overlap=64", body, {"Content-Type": "text/plain"})
            reply = connection.getresponse()
            reply.read()
            times[name].append((time.perf_counter() - begun) * 1000)
            if reply.status != 200:
                sys.exit(f"the daemon said {reply.status}")
            parts = dict(part.strip().split(";dur=") for part in reply.headers["Server-Timing"].split(","))
            compute[name].append(float(parts["compute"]))
    print(f"{'document':>8}  {'there and back':>14}  {'compute':>10}  {'compute, ms a MB':>16}")
    for name in SIZES:
        middle = statistics.median(compute[name])
        print(f"{name:>8}  {statistics.median(times[name]):>11.2f} ms  {middle:>7.2f} ms  {middle / SIZES[name] * 1e6:>16.1f}")


if __name__ == "__main__":
    main()
