"""Whatever the sidecar does, the caller gets the old code's result, and in time."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest
from faults import echo, problem, reply, within

TIMEOUT_S = 0.2
OLD = object()
GOOD = reply({"chunks": [1, 2, 3]}, X_Request_Id="r-1", Content_Type="application/json")


def falls_back(client, reason, timeout=TIMEOUT_S, body=None):
    """One call, which gets the old result within the budget for the reason given."""

    def call():
        started = time.monotonic()
        result = client.call(
            "chunk", body or {"text": "a"}, fallback=lambda: OLD, timeout=timeout, request_id="r-1"
        )
        took = time.monotonic() - started
        assert result is OLD
        last = client.last
        assert (last.outcome, last.reason, last.path) == ("fallback", reason, "legacy"), last
        assert last.sidecar_ms is not None and last.legacy_ms is not None
        return took

    within(timeout, call)
    return client.last


def saying(data):
    """Reads a request, writes `data`, closes."""

    def script(peer):
        peer.request()
        peer.send(data)

    return script


def saying_and_holding(data):
    def script(peer):
        peer.request()
        peer.send(data)
        peer.hold()

    return script


# Time


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_server_that_never_answers_costs_the_budget(serve, client, tmp_path, kind):
    path = str(tmp_path / "s") if kind == "unix" else None
    server = serve(lambda peer: peer.hold(), path)
    last = falls_back(client(server.url), "timeout")
    assert last.total_ms >= TIMEOUT_S * 1000 * 0.95


def test_a_server_that_never_reads_a_large_body_costs_the_budget(serve, client):
    def script(peer):
        peer.stop.wait(10)

    falls_back(client(serve(script).url), "timeout", body=b'"%s"' % (b"x" * 32_000_000))


def test_a_full_accept_queue_costs_the_budget(client):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        falls_back(client(f"http://127.0.0.1:{listener.getsockname()[1]}"), "timeout")
        for sock in waiting:
            sock.close()


def test_a_head_that_drips_costs_the_budget(serve, client):
    falls_back(client(serve(lambda peer: (peer.request(), peer.drip(GOOD))[0]).url), "timeout")


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_drips_costs_the_budget(serve, client, framing):
    head, _, body = GOOD.partition(b"\r\n\r\n")
    if framing == "chunked":
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
        body = b"1\r\na\r\n" * 50

    def script(peer):
        peer.request()
        peer.send(head + b"\r\n\r\n")
        peer.drip(body)

    falls_back(client(serve(script).url), "timeout")


def test_interim_replies_without_end_cost_the_budget(serve, client):
    def script(peer):
        peer.request()
        peer.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, gap_s=0.001)

    falls_back(client(serve(script).url), "timeout")


def test_a_length_longer_than_the_body_costs_the_budget(serve, client):
    data = GOOD.replace(b"Content-Length: 21", b"Content-Length: 22")
    assert data != GOOD
    falls_back(client(serve(saying_and_holding(data)).url), "timeout")


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_budget_of_nothing_is_spent_at_once(serve, client, timeout):
    server = serve(echo)
    sidecar = client(server.url)
    for _ in range(20):
        assert sidecar.call("chunk", {}, fallback=lambda: OLD, timeout=timeout) is OLD
        assert sidecar.last.reason == "timeout"
    assert server.connections == 0


# Connections


def test_nothing_listens(client, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    falls_back(client(url), "connect")
    falls_back(client(f"unix:{tmp_path}/none"), "connect")
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(f"{tmp_path}/left")
    falls_back(client(f"unix:{tmp_path}/left"), "connect")
    falls_back(client("unix:" + "x" * 4096), "connect")


def test_a_close_at_every_byte_of_a_chunked_reply(serve, client):
    data = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Hotpath-Contract: chunk/1\r\nTransfer-Encoding: chunked\r\n\r\n"
    data += b"3\r\n[1,\r\n2;x=y\r\n2]\r\n0\r\nT: x\r\n\r\n"
    cut = 0

    def script(peer):
        peer.request()
        peer.send(data[:cut])

    sidecar = client(serve(script).url)
    for cut in range(len(data)):
        falls_back(sidecar, "connect", timeout=5)
    cut = len(data)
    assert sidecar.call("chunk", {}, fallback=lambda: OLD, timeout=5) == [1, 2]


def test_a_kept_connection_that_the_server_closed_is_no_failure(serve, client):
    """The close is seen before the next request, or by it: either way the call succeeds."""

    def one_reply(peer):
        request = peer.request()
        if request is not None:
            peer.send(reply(request.body))

    server = serve(one_reply)
    sidecar = client(server.url)
    for number in range(50):
        assert sidecar.call("chunk", [number], fallback=lambda: OLD, timeout=5) == [number]
    assert server.connections == 50


def test_a_kept_connection_that_dies_unanswered_is_tried_once_more(serve, client):
    def script(peer):
        request = peer.request()
        peer.send(reply(request.body))
        peer.request()  # and closes with the second request read

    server = serve(script)
    sidecar = client(server.url)
    for number in range(3):
        assert sidecar.call("chunk", [number], fallback=lambda: OLD, timeout=5) == [number]
    assert server.connections == 3


def test_a_second_death_is_a_failure(serve, client):
    def script(peer):
        request = peer.request()
        if peer.number == 0:
            peer.send(reply(request.body))
            peer.request()

    server = serve(script)
    sidecar = client(server.url)
    sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5)
    falls_back(sidecar, "connect", timeout=5)
    assert server.connections == 2


def test_a_new_connection_is_never_tried_again(serve, client):
    server = serve(lambda peer: peer.request() and None)
    falls_back(client(server.url), "connect", timeout=5)
    assert server.connections == 1


def test_a_kept_connection_that_dies_within_the_reply_is_not_tried_again(serve, client):
    def script(peer):
        request = peer.request()
        peer.send(reply(request.body))
        peer.request()
        peer.send(b"H")

    server = serve(script)
    sidecar = client(server.url)
    sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5)
    falls_back(sidecar, "connect", timeout=5)
    assert server.connections == 1


def test_bytes_that_nobody_asked_for_are_never_taken_for_a_reply(serve, client):
    """With the reply, or after it while the connection is idle."""
    spoken = threading.Event()

    def script(peer):
        request = peer.request()
        if peer.number == 0:
            peer.send(reply(request.body) + reply(b'"wrong"'))
        elif peer.number == 1:
            peer.send(reply(request.body))
            returned.wait(10)
            peer.send(reply(b'"wrong"'))
            spoken.set()
        else:
            peer.send(reply(request.body))
        peer.hold()

    returned = threading.Event()
    server = serve(script)
    sidecar = client(server.url)
    assert sidecar.call("chunk", [0], fallback=lambda: OLD, timeout=5) == [0]
    assert sidecar.call("chunk", [1], fallback=lambda: OLD, timeout=5) == [1]
    returned.set()
    assert spoken.wait(10)
    assert sidecar.call("chunk", [2], fallback=lambda: OLD, timeout=5) == [2]
    assert server.connections == 3


def test_a_forked_child_opens_its_own_connection(serve, client):
    server = serve(echo)
    sidecar = client(server.url)
    assert sidecar.call("chunk", ["parent"], fallback=lambda: OLD, timeout=5) == ["parent"]
    assert server.connections == 1
    assert in_child(lambda: sidecar.call("chunk", ["child"], fallback=lambda: OLD, timeout=5))
    assert server.connections == 2
    assert sidecar.call("chunk", ["parent"], fallback=lambda: OLD, timeout=5) == ["parent"]
    assert server.connections == 2


def in_child(work):
    """Runs `work` in a fork; true when it returned ["child"]."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if work() == ["child"] else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_threads_share_a_client_and_never_each_others_replies(serve, client):
    server = serve(echo)
    sidecar = client(server.url)
    wrong = []

    def work(name):
        for number in range(100):
            body = {"name": name, "number": number}
            got = sidecar.call("chunk", body, fallback=lambda: OLD, timeout=10)
            if got != body or sidecar.last.outcome != "ok":
                wrong.append((name, number, got, sidecar.last))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert server.connections <= 8


# Replies


GARBAGE = {
    "no HTTP": b"\x16\x03\x01\x02\r\n\r\n",
    "binary": bytes(range(256)) + b"\r\n\r\n",
    "another version": GOOD.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "no status": GOOD.replace(b" 200 ", b" 2x0 "),
    "a status below": GOOD.replace(b" 200 ", b" 099 "),
    "a switch of protocol": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "a header without colon": GOOD.replace(b"Content-Type:", b"Content-Type"),
    "a folded header": GOOD.replace(b"Content-Type:", b" Content-Type:"),
    "an empty header name": GOOD.replace(b"Content-Type:", b":"),
    "no length": GOOD.replace(b"Content-Length:", b"Content-Breadth:"),
    "a negative length": GOOD.replace(b"Content-Length: ", b"Content-Length: -"),
    "a signed length": GOOD.replace(b"Content-Length: ", b"Content-Length: +"),
    "a length that is no number": GOOD.replace(b"Content-Length: 21", b"Content-Length: 0x15"),
    "a length in other digits": GOOD.replace(b"Content-Length: 21", b"Content-Length: \xb2\xb9"),
    "two lengths": GOOD.replace(b"Content-Type:", b"Content-Length: 3\r\nX:"),
    "a length beyond the ceiling": GOOD.replace(b"Length: 21", b"Length: 268435457"),
    "a length beyond everything": GOOD.replace(b"Length: 21", b"Length: " + b"9" * 400),
    "a length shorter than the body": GOOD.replace(b"Length: 21", b"Length: 20"),
    "length and chunked": GOOD.replace(b"Content-Type:", b"Transfer-Encoding: chunked\r\nX:"),
    "an unknown coding": GOOD.replace(b"Content-Length: 21", b"Transfer-Encoding: gzip"),
    "a head too large": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    "a head without end": b"x" * 200_000,
    "an empty body": reply(b""),
    "broken JSON": reply(b'{"chunks": [1, 2'),
    "JSON that is not UTF-8": reply(b'"\xff"'),
    "JSON that is very deep": reply(b"[" * 200_000),
    "another request's reply": reply({"chunks": []}, X_Request_Id="r-2"),
    "another contract": reply({"chunks": []}, X_Hotpath_Contract="chunk/2"),
    "no contract": reply({"chunks": []}, X_Hotpath_Contract=""),
}
CHUNKED = b"HTTP/1.1 200 OK\r\nX-Hotpath-Contract: chunk/1\r\nTransfer-Encoding: chunked\r\n\r\n"
GARBAGE.update(
    {
        "a chunk size that is no number": CHUNKED + b"zz\r\n",
        "no chunk size": CHUNKED + b"\r\n",
        "a signed chunk size": CHUNKED + b"+2\r\n[]\r\n0\r\n\r\n",
        "a chunk size beyond the ceiling": CHUNKED + b"ffffffff\r\n",
        "a chunk longer than its size": CHUNKED + b"1\r\n[]\r\n0\r\n\r\n",
        "a chunk size line too long": CHUNKED + b"1;" + b"x" * 70_000 + b"\r\n",
    }
)


@pytest.mark.parametrize("status", [201, 202, 204, 206, 301, 302, 303, 304, 307, 308])
def test_nothing_but_200_is_a_result(serve, client, status):
    server = serve(saying_and_holding(reply(b"", status, Location="/v1/chunk")))
    falls_back(client(server.url), "bad_reply", timeout=5)
    assert server.connections == 1


# status, codes, reason: every row of the contract, and what a proxy might say
ROWS = [
    (
        400,
        "bad_json bad_utf8 duplicate_key missing_field bad_type unknown_field bad_framing"
        " bad_deadline bad_query",
        "contract",
    ),
    (403, "forbidden_origin", "http_4xx"),
    (404, "not_found", "http_4xx"),
    (405, "method", "http_4xx"),
    (411, "length_required", "http_4xx"),
    (413, "too_large", "contract"),
    (415, "media_type", "contract"),
    (421, "wrong_host", "http_4xx"),
    (
        422,
        "out_of_range too_many_documents document_too_large too_many_terms length_mismatch"
        " mixed_documents encoding_unavailable unknown_preset unknown_analyzer",
        "contract",
    ),
    (429, "overloaded", "overloaded"),
    (431, "header_too_large", "http_4xx"),
    (500, "internal", "http_5xx"),
    (502, "bad_gateway", "http_5xx"),
    (503, "route_off", "route_off"),
    (503, "draining", "draining"),
    (503, "something_new", "http_5xx"),
    (504, "deadline", "timeout"),
]


@pytest.mark.parametrize(
    "status, code, reason",
    [(status, code, reason) for status, codes, reason in ROWS for code in codes.split()],
)
def test_problem(serve, client, status, code, reason):
    server = serve(saying_and_holding(problem(status, code)))
    assert falls_back(client(server.url), reason, timeout=5).detail == f"{status} {code}"


@pytest.mark.parametrize("body", [b"", b"Service Unavailable", b"[]", b'{"code": 7}', b'{"code": "x\\n"}'])
def test_an_error_without_a_problem_goes_by_its_status(serve, client, body):
    server = serve(saying_and_holding(reply(body, 503)))
    assert falls_back(client(server.url), "http_5xx", timeout=5).detail == "503"


def test_a_connection_serves_on_after_an_error(serve, client):
    def script(peer):
        while peer.request() is not None:
            peer.send(problem(422, "out_of_range"))

    server = serve(script)
    sidecar = client(server.url)
    for _ in range(5):
        falls_back(sidecar, "contract", timeout=5)
    assert server.connections == 1


@pytest.mark.parametrize("ending", [{"Connection": "close"}, {"Connection": "Close"}])
def test_a_connection_that_is_to_be_closed_is_not_kept(serve, client, ending):
    def script(peer):
        while (request := peer.request()) is not None:
            peer.send(reply(request.body, **ending))

    server = serve(script)
    sidecar = client(server.url)
    for number in range(3):
        assert sidecar.call("chunk", [number], fallback=lambda: OLD, timeout=5) == [number]
    assert server.connections == 3


def test_a_refusal_before_the_body_was_read_is_heard(serve, client):
    def script(peer):
        peer.sock.recv(1000)
        peer.send(problem(413, "too_large"))
        peer.sock.shutdown(socket.SHUT_WR)
        peer.hold()

    body = b'"%s"' % (b"x" * 8_000_000)
    falls_back(client(serve(script).url), "contract", timeout=5, body=body)


def test_interim_replies_are_passed_over(serve, client):
    server = serve(saying_and_holding(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nA: b\r\n\r\n" + GOOD))
    got = client(server.url).call(
        "chunk", {}, fallback=lambda: OLD, timeout=5, request_id="r-1"
    )
    assert got == {"chunks": [1, 2, 3]}
