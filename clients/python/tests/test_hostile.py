"""Servers, settings and surroundings that mean harm; each test was a breach of the promise once."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import os
import signal
import socket
import struct
import sys
import threading
import time
import tracemalloc

import pytest
from faults import Peer, echo, reply, within
from test_faults import GOOD, saying, saying_and_holding
from test_promise import CLIENTS, MODES, OLD, TIMEOUT_S, kept

import hotpathd
from hotpathd import _breaker
from hotpathd._aio_transport import _Connection
from hotpathd._budget import Budget
from hotpathd._http import Incoming
from hotpathd._poller import Poller
from hotpathd._transport import Request

CHUNKED = b"HTTP/1.1 200 OK\r\nX-Hotpath-Contract: chunk/1\r\nTransfer-Encoding: chunked\r\n\r\n"
DEEP_LISTS = b"[" + b"[1]," * 4_000_000 + b"1]"


@CLIENTS
def test_chunks_of_a_byte_cost_the_budget(serve, run):
    server = serve(saying(CHUNKED + b"1\r\n[\r\n" * 1_000_000))
    kept(run, server.url, "timeout", timeout=0.15)


@CLIENTS
def test_trailers_have_a_ceiling(serve, run):
    server = serve(saying(CHUNKED + b"0\r\n" + b"a:\r\n" * 2_000_000))
    kept(run, server.url, "bad_reply", timeout=10)


@CLIENTS
@pytest.mark.parametrize("name", ["X-Request-Id", "X-Hotpath-Contract", "Server-Timing", "Content-Length"])
def test_a_header_that_comes_thousands_of_times_is_the_sidecars_fault(serve, run, name):
    server = serve(saying(b"HTTP/1.1 200 OK\r\n" + f"{name}: 1\r\n".encode() * 3000 + b"\r\n"))
    kept(run, server.url, "bad_reply", timeout=10)


@CLIENTS
def test_a_problem_that_takes_long_to_read_is_not_read(serve, run):
    """Its code would be told if it were."""
    server = serve(saying(reply(b'{"code":"internal","a":' + DEEP_LISTS + b"}", 500)))
    ((result, last, _),) = run(server.url, timeout=30)
    assert result is OLD and (last.reason, last.detail) == ("http_5xx", "500")


@CLIENTS
def test_long_strings_that_take_long_to_read_are_not_read(serve, run):
    server = serve(saying(reply(b'"' + b"\\u00e9" * 2_000_000 + b'"')))
    kept(run, server.url, "timeout", timeout=0.05)


@CLIENTS
@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nA: " + b"a" * 10_000_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
        reply(b"\x1f\x8b\x08\x00gzip", Content_Encoding="gzip"),
        reply(b"[" * 100_000 + b"]" * 100_000),
        reply(b"9" * 1_000_000),
    ],
    ids=["2^63", "negative", "twice", "head", "interim", "gzip", "deep", "digits"],
)
def test_refuses(serve, run, data):
    server = serve(saying(data))
    kept(run, server.url, "bad_reply", timeout=10)


def reset(data):
    """Says it, and ends the connection by RST."""

    def script(peer):
        peer.request()
        peer.send(data)
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return script


def answering(data):
    """The first request with it, and goes on well."""

    def script(peer):
        peer.request()
        peer.send(data)
        echo(peer)

    return script


def dripped(data):
    return lambda peer: (peer.request(), peer.drip(data, 0.01))


HEAD = GOOD.partition(b"{")[0]
ONCE = {
    "nothing": (lambda peer: peer.hold(), "timeout"),
    "a byte each 10 ms": (dripped(GOOD), "timeout"),
    "a reset": (reset(b""), "connect"),
    "a reset after the head": (reset(HEAD), "connect"),
    "a reset within the body": (reset(GOOD[:-3]), "connect"),
    "the end after the head": (saying(HEAD), "connect"),
    "a length that is too long": (saying_and_holding(GOOD.replace(b"h: 21", b"h: 22")), "timeout"),
    "a length that is too short": (saying_and_holding(GOOD.replace(b"h: 21", b"h: 20")), "bad_reply"),
    "a head of 1 MiB": (saying(GOOD.replace(b"\r\n\r\n", b"\r\nA: " + b"a" * 2**20 + b"\r\n\r\n")), "bad_reply"),
    "junk for a chunk": (saying_and_holding(CHUNKED + b"2\r\n[]\r\njunk\r\n"), "bad_reply"),
    "gzip": (answering(reply(gzip.compress(b"[]"), Content_Encoding="gzip")), "bad_reply"),
    "NaN": (answering(reply(b"[NaN]")), "bad_reply"),
    "Infinity": (answering(reply(b"[-Infinity]")), "bad_reply"),
    "no UTF-8": (answering(reply(b'["\xc3\x28"]')), "bad_reply"),
}


@CLIENTS
@pytest.mark.parametrize("script, reason", ONCE.values(), ids=ONCE)
def test_a_good_connection_after_a_hostile_one_is_as_good_as_ever(serve, run, script, reason):
    def first_of_all(peer):
        (echo if peer.number else script)(peer)

    timeout = TIMEOUT_S if reason == "timeout" else 5

    def calls():
        (result, last, took), *later = run(serve(first_of_all).url, count=4, timeout=timeout)
        assert result is OLD and (last.outcome, last.reason) == ("fallback", reason), last
        assert {"text": "a"} in [result for result, _, _ in later]
        return took

    within(timeout, calls)


@CLIENTS
def test_a_body_without_end_has_a_ceiling(serve, run, monkeypatch):
    monkeypatch.setattr(hotpathd._http, "MAX_BODY_BYTES", 2**20)
    piece = b"10000\r\n" + b"x" * 2**16 + b"\r\n"
    sent = itertools.count()

    def script(peer):
        peer.request()
        peer.sock.sendall(CHUNKED)
        with contextlib.suppress(OSError):  # the client has had enough
            while next(sent) < 10_000:
                peer.sock.sendall(piece)

    tracemalloc.start()
    try:
        kept(run, serve(script).url, "bad_reply", timeout=20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20 and next(sent) < 5_000


ODD = {
    "two replies in one write": reply([1]) + reply([2]),
    "100 Continue before it": b"HTTP/1.1 100 Continue\r\n\r\n" + reply([1]),
    "no reason": reply([1]).replace(b"200 Word", b"200"),
    "an empty reason": reply([1]).replace(b"200 Word", b"200 "),
}


@CLIENTS
@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_an_odd_reply_is_one_and_the_next_call_has_its_own(serve, run, data):
    results = [result for result, _, _ in run(serve(answering(data)).url, count=2, timeout=5)]
    assert results[0] == [1] and results[1] in ([1], {"text": "a"})  # of a new connection, or of this one


def test_the_clock_is_looked_at_between_the_lines_of_one_read():
    budget = Budget(1, iter([0.0] + [9.0] * 9).__next__, 0.0)
    budget.left()
    with pytest.raises(hotpathd._failure.Failure, match="timeout"):
        Incoming(budget).feed(CHUNKED + b"1\r\n[\r\n" * 5000)


@CLIENTS
@pytest.mark.parametrize("timeout", ["soon", [], object()])
def test_a_timeout_that_is_no_number_means_the_fallback(serve, run, timeout):
    ((result, last, _),) = run(serve(echo).url, timeout=timeout)
    assert result is OLD and last.reason == "contract"


@CLIENTS
def test_a_request_id_of_another_type_is_replaced(serve, run):
    ((result, last, _),) = run(serve(echo).url, request_id=5, timeout=5)
    assert result == {"text": "a"} and len(last.request_id) == 32


@pytest.mark.parametrize("field", hotpathd.Breaker._fields)
@pytest.mark.parametrize("value", [-1, float("nan")])
def test_settings_that_make_no_sense_are_refused_at_once(field, value):
    with pytest.raises(ValueError, match=field):
        hotpathd.Client("unix:/none", modes={}, breaker=hotpathd.Breaker(**{field: value}))


def test_a_window_of_nothing_is_refused():
    with pytest.raises(ValueError, match="window_s"):
        hotpathd.Client("unix:/none", modes={}, breaker=hotpathd.Breaker(window_s=0))


def test_a_timeout_of_the_client_is_a_number():
    with pytest.raises(ValueError, match="soon"):
        hotpathd.Client("unix:/none", modes={}, timeout="soon")


@pytest.mark.parametrize("poll_s", [float("nan"), float("inf"), -1, 0])
def test_any_number_is_a_pause_between_polls(poll_s):
    assert 0 < Poller(None, time.monotonic, poll_s, {})._poll_s < threading.TIMEOUT_MAX


def test_a_number_is_a_key_by_its_digits(serve, client):
    sidecar = client(serve(echo).url, modes={"chunk": {"mode": "canary", "percent": 50}})
    for key in range(50):
        of_number = sidecar.call("chunk", [], fallback=lambda: OLD, key=key, timeout=5)
        assert of_number == sidecar.call("chunk", [], fallback=lambda: OLD, key=str(key), timeout=5)


CHUNK = {"start": 0, "end": 1, "tokens": 1, "source": [0, 1], "id": "", "boundary": ""}
WRONG_FIELDS = [
    *({"start": start, "end": end} for start, end in [(-1, 1), (1, 0), (0, 3), (1, 1), (0.0, 1), ("0", 1)]),
    *({"tokens": value} for value in (None, "1", 1.0, True)),
    *({"source": value} for value in (None, 5, [0], [0, 1, 2], ["0", "1"], "ab")),
    *({"headings": value} for value in (None, "H", [1], {"H": 1})),
    {"id": 7},
    {"boundary": None},
]


@pytest.mark.parametrize("fields", WRONG_FIELDS, ids=str)
def test_a_chunk_of_another_shape_means_the_fallback(serve, client, fields):
    chunk = {**CHUNK, **fields}
    sidecar = client(serve(saying(reply({"text": "ab", "chunks": [chunk]}))).url)
    pieces = sidecar.chunk("ab", fallback=lambda: ["old"], timeout=5)
    assert [piece.text for piece in pieces] == ["old"] and sidecar.last.reason == "bad_reply"


@pytest.mark.parametrize(
    "index, score",
    [*((index, "1.0") for index in ("-1", "2", "1.0", "true", '"1"', "null")),
     *(("1", score) for score in ("null", "true", '"1"', "1e999", "NaN", "[]"))],
)  # fmt: skip
def test_a_rank_of_another_shape_means_the_fallback(serve, client, index, score):
    answer = b'{"results":[{"index":%s,"relevance_score":%s}]}' % (index.encode(), score.encode())
    data = reply(answer, X_Hotpath_Contract="score/1")
    sidecar = client(serve(saying(data)).url, modes={"score": "on"})
    (best,) = sidecar.score("q", ["a", "b"], fallback=lambda: [1], timeout=5)
    assert best.index == 1 and best.score is None and sidecar.last.reason == "bad_reply"


def test_sizes_beside_an_option_of_another_type_are_the_daemons_to_refuse(client):
    assert client("unix:/none").chunk("a", chunk=5, max=3, fallback=lambda: ["old"])[0].text == "old"


def test_a_rollout_that_is_too_large_is_not_read(serve, client, caplog):
    def large(peer: Peer) -> None:
        while peer.request() is not None:
            peer.send(reply(b'{"routes":{}}' + b" " * 2_000_000))

    sidecar = client(serve(large).url, modes=None)
    sidecar._poller.poll()
    sidecar.call("chunk", [], fallback=lambda: OLD)
    assert sidecar.last.reason == "no_rollout" and "too large" in caplog.text


def test_a_result_that_another_thread_changes_is_the_callers_all_the_same(client, monkeypatch):
    def changed(value):
        raise RuntimeError("dictionary changed size during iteration")

    with client("unix:/none", modes={"chunk": "shadow"}, on_event=lambda event: None) as sidecar:
        monkeypatch.setattr(hotpathd._compare, "weight", changed)
        assert sidecar.call("chunk", [], fallback=lambda: OLD) is OLD
        assert sidecar.last.reason == "shadow"


def test_loops_in_several_threads_have_connections_of_their_own(serve):
    server = serve(echo)
    sidecar = hotpathd.AsyncClient(server.url, modes=MODES)
    outcomes = []

    async def work():
        for _ in range(30):
            await sidecar.call("chunk", {"text": "a"}, fallback=lambda: OLD, timeout=5)
            outcomes.append(sidecar.last.reason)

    async def main():
        await asyncio.gather(work(), work())
        for connection in sidecar._aio._pool()._idle:
            connection.drop()  # a loop that ends leaves its connections to the collector, which warns
        await asyncio.sleep(0)

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [""] * 240
    assert server.connections <= 8
    sidecar.close()


def test_closing_from_another_thread_is_done_on_the_loop(serve):
    async def main():
        sidecar = hotpathd.AsyncClient(serve(echo).url, modes=MODES)
        await sidecar.call("chunk", {"text": "a"}, fallback=lambda: OLD, timeout=5)
        (pool,) = sidecar._aio._pools.values()
        (connection,) = pool._idle
        await asyncio.get_running_loop().run_in_executor(None, sidecar.close)
        while connection.is_open:
            await asyncio.sleep(0.001)

    asyncio.run(main())


def test_a_transport_need_not_be_of_asyncios_class():
    """uvloop's is not."""

    class Foreign:
        def write(self, data):
            connection.data_received(reply([1]))

        def abort(self):
            pass

    async def main():
        nonlocal connection
        connection = _Connection(asyncio.get_running_loop())
        connection.connection_made(Foreign())
        budget = Budget(5, time.monotonic, time.monotonic())
        return await connection.exchange(Request("GET / HTTP/1.1\r\n"), budget, False)

    connection = None
    assert asyncio.run(main()).body == b"[1]"


def test_a_signal_handler_may_call_while_a_lock_is_held():
    breaker = _breaker.RouteBreaker("chunk", hotpathd.Breaker(), time.monotonic)
    signal.signal(signal.SIGUSR1, lambda *_: breaker.heard(0, "timeout"))
    try:
        with breaker._lock:
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    assert sum(breaker._failed) == 1


def test_a_hook_may_close_its_client(client):
    closed = threading.Event()

    def hook(event):
        sidecar.close()
        closed.set()

    sidecar = client("unix:/none", modes={}, on_event=hook)
    sidecar.call("chunk", [], fallback=lambda: OLD)
    assert closed.wait(20)


def test_a_file_that_hangs_does_not_hold_up_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(hotpathd._events, "_CLOSE_S", 0.05)
    path = tmp_path / "fifo"
    os.mkfifo(path)  # opening it waits for a reader
    sidecar = hotpathd.Client("unix:/none", modes={}, events=path)
    sidecar.call("chunk", [], fallback=lambda: OLD)
    time.sleep(0.4)
    closing = threading.Thread(target=sidecar.close, daemon=True)
    closing.start()
    closing.join(10)
    assert not closing.is_alive()
    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))  # lets the thread go


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_costs_events_only(client):
    with client("unix:/none", modes={}, events="/dev/full") as sidecar:
        assert sidecar.call("chunk", [], fallback=lambda: OLD) is OLD
    assert sidecar.events_dropped == 1


def test_a_line_that_a_full_disk_has_cut_is_ended_before_the_next(tmp_path, monkeypatch):
    written = []
    write = os.write

    def half(fd, data):
        if fd != file._fd:  # another thread's
            return write(fd, data)
        if len(written) == 1:
            written.append(b"")
            raise OSError(28, "No space left on device")
        written.append(bytes(data[: len(data) if written else 3]))
        return len(written[-1])

    file = hotpathd._events._File(str(tmp_path / "e"), 1000)
    monkeypatch.setattr(hotpathd._events.os, "write", half)
    with pytest.raises(OSError):
        file.append(b"{one}\n")
    file.append(b"{two}\n")
    file.append(b"{three}\n")
    file.close()
    assert b"".join(written) == b"{on\n{two}\n{three}\n"
