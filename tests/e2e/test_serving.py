"""What the process does around requests: starting, stopping, framing, deadlines, reloading, its commands."""
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from daemon import BINARY, ROOT, Daemon, connection, read_all, request, run, wait_for

BODY = json.dumps({"text": "One paragraph."}).encode()
HEAD = b"POST /v1/chunk HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
CLOSE = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


def status_of(reply):
    return int(reply.split(b" ", 2)[1])


def tcp(daemon):
    host, _, port = daemon.tcp[len("http://"):].rpartition(":")
    return socket.create_connection((host, int(port)), timeout=60)


# --- framing -----------------------------------------------------------------------------------------

FRAMING = {
    "no host": b"POST /v1/chunk HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 26\r\nContent-Length: 26\r\n\r\n" + BODY,
    "length beside chunked": HEAD + b"Content-Length: 26\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two hosts": b"POST /v1/chunk HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
    "a carriage return in a value": HEAD + b"X-A: b\rContent-Length: 26\r\n\r\n" + BODY,
    "space before the colon": HEAD + b"Content-Length : 26\r\n\r\n" + BODY,
    "a folded length": HEAD + b"Content-Length:\r\n 26\r\n\r\n" + BODY,
    "a folded coding": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a folded line of no weight": HEAD + b"X-A: b\r\n\tc\r\nContent-Length: 26\r\n\r\n" + BODY,
    "a folded last line": HEAD + b"Content-Length: 26\r\nX-A: b\r\n c\r\n\r\n" + BODY,
    "a NUL in a length": HEAD + b"Content-Length: 0\x0026\r\n\r\n" + BODY,
    "a NUL in a value": HEAD + b"Content-Length: 26\r\nX-A: b\x00c\r\n\r\n" + BODY,
    "a NUL in a name": HEAD + b"Content-Length: 26\r\nX\x00-A: b\r\n\r\n" + BODY,
    "a line that begins with a NUL": HEAD + b"X-A: b\r\n\x00Content-Length: 26\r\n\r\n" + BODY,
    "no name": HEAD + b": x\r\nContent-Length: 26\r\n\r\n" + BODY,
    "no colon": HEAD + b"Content-Length: 26\r\nX-A\r\n\r\n" + BODY,
}


def refused_with(daemon, data, url=None):
    """The code of the one reply to these bytes, behind which the connection is closed."""
    reply = daemon.raw(data, url)
    head, _, body = reply.partition(b"\r\n\r\n")
    assert reply.count(b"HTTP/1.1 4") == 1 and b"connection: close" in head.lower(), reply
    assert b"content-type: application/problem+json" in head.lower(), reply
    problem = json.loads(body)
    assert problem["status"] == status_of(reply)
    return problem["code"]


@pytest.mark.parametrize("name", FRAMING)
def test_ambiguous_framing_is_refused_and_closed(daemon, name):
    assert refused_with(daemon, FRAMING[name]) == "bad_framing"


@pytest.mark.parametrize("size", [b"zz", b"0x1a", b"+1a", b" 1a", b"-1", b"1a 1a", b"", b";x"])
def test_a_chunk_size_that_is_none_is_refused_and_closed(daemon, size):
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n" + BODY + b"\r\n0\r\n\r\n"
    assert refused_with(daemon, chunked + WHOLE) == "bad_framing"


BY_THE_LIBRARY = {
    "a length that is no number": (HEAD + b"Content-Length: 1x\r\n\r\n", "bad_framing"),
    "a length beyond 64 bits": (HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n", "too_large"),
    "a chunk size beyond 64 bits": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "too_large"),
    "a chunk that does not end": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", "bad_framing"),
    "a header line over the limit": (HEAD + b"X: " + b"y" * 40000 + b"\r\n\r\n", "header_too_large"),
    "a target over the limit": (b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\n\r\n", "header_too_large"),
    "a version that is none": (b"GET / HTTP/9.9\r\n\r\n", "bad_framing"),
    "no colon": (HEAD + b"X-A\r\n\r\n", "bad_framing"),
}


@pytest.mark.parametrize("name", BY_THE_LIBRARY)
def test_what_the_library_refuses_is_told_as_everything_else_is(start, name):
    daemon = start()
    data, code = BY_THE_LIBRARY[name]
    if name == "a length beyond 64 bits" and b'microhttpd="1.' in daemon.get("/metrics").body:
        code = refused_with(daemon, data)  # 1.0.1 calls it too large, later ones no length
        assert code in ("too_large", "bad_framing")
        daemon = start()
    for url in (daemon.tcp, daemon.unix):
        assert refused_with(daemon, data, url) == code
    assert status_of(daemon.raw(CLOSE)) == 200
    if name not in ("a target over the limit", "a version that is none"):  # those have no request line, so no request
        wait_for(lambda: daemon.metric("hotpathd_requests_total", code=code) == 2, "both to be counted under their code")


def block(shape, size):
    """A request to /v1/rollout whose line and headers, to the empty line, are so many bytes."""
    line, rest = b"GET /v1/rollout%s HTTP/1.1\r\n", b"Host: localhost\r\nConnection: close\r\n"
    left = size - len(line) + 2 - len(rest) - 2
    if shape == "a long target":
        return line % (b"?" + b"a" * (left - 1)) + rest + b"\r\n"
    if shape == "a long path":
        return line % (b"/" + b"a" * (left - 1)) + rest + b"\r\n"
    width = left if shape == "one huge line" else max(17, size // 60)  # some sixty lines
    lines = [width] * (left // width - 1) + [left - width * (left // width - 1)]
    return line % b"" + rest + b"".join(b"X: " + b"y" * (each - 5) + b"\r\n" for each in lines) + b"\r\n"


@pytest.mark.parametrize("limit", [1, 16, 32])
@pytest.mark.parametrize("shape", ["one huge line", "many lines", "a long target", "a long path"])
def test_a_header_block_is_taken_up_to_its_limit_and_refused_beyond(start, tmp_path, shape, limit):
    """Wherever the reader's own memory ends, too: at 16, 21 or 37 KiB."""
    good = 404 if shape == "a long path" else 200
    config = tmp_path / "hotpathd.yaml"
    config.write_text(f"limits: {{header_bytes: {limit}KiB, header_ms: 60000}}\n")
    daemon = start("--config", str(config))
    most = limit << 10
    edges = [edge + step for edge in (16 << 10, 21 << 10, 37 << 10) for step in range(-600, 601, 75)]
    for size in (most - 1, most):
        assert len(block(shape, size)) == size
        assert status_of(daemon.raw(block(shape, size))) == good
    for size in [most + 1, most + 2] + [edge for edge in edges if edge > most]:
        assert refused_with(daemon, block(shape, size), daemon.unix) == "header_too_large", size
    assert status_of(daemon.raw(block(shape, most))) == good
    wait_for(lambda: daemon.metric("hotpathd_requests_total", code="header_too_large") >= 2, "the refused to be counted")


MANY = {
    "header lines": lambda count: b"GET /v1/rollout HTTP/1.0\r\n" + b"X:\r\n" * count + b"\r\n",
    "parameters": lambda count: b"GET /v1/rollout?" + b"&".join([b"a"] * count) + b" HTTP/1.0\r\n\r\n",
    "cookies": lambda count: b"GET /v1/rollout HTTP/1.0\r\nCookie: " + b"; ".join([b"a=b"] * (count - 1)) + b"\r\n\r\n",  # and their line
}


@pytest.mark.parametrize("what", MANY)
def test_header_lines_parameters_and_cookies_are_counted(daemon, what):
    assert status_of(daemon.raw(MANY[what](64))) == 200
    for count in (65, 300, 1000, 4000):
        assert refused_with(daemon, MANY[what](count)) == "header_too_large", count


def test_cookies_count_twice_in_bytes(daemon):
    """The reader keeps a copy. Where that fits its memory of 21 KiB and the reply's head does not, it was no reply at all."""
    head, end = b"GET /v1/rollout HTTP/1.0\r\nCookie: ", b"\r\n\r\n"
    spare = (16 << 10) - len(head + end)
    rest = b"\r\nX: "
    fits = head + b"a" * 8000 + rest + b"y" * (spare - 2 * 8000 - len(rest)) + end
    assert status_of(daemon.raw(fits)) == 200
    for data in [fits.replace(end, b"y" + end)] + [head + b"a" * most + end for most in range(10_400, 10_700, 10)]:
        assert refused_with(daemon, data, daemon.unix) == "header_too_large", len(data)


def test_the_admin_socket_tells_it_too(daemon):
    assert refused_with(daemon, b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A\r\n\r\n", daemon.admin) == "bad_framing"


def test_replies_are_whole_for_a_client_that_reads_late(daemon):
    """Their heads leave in pieces then, wherever the socket's buffer was full."""
    count = 20_000
    asked = b"".join(b"GET /v1/rollout HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: %05d\r\n\r\n" % i for i in range(count)) + CLOSE
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", int(daemon.tcp.rpartition(":")[2])))
        sender = threading.Thread(target=sock.sendall, args=(asked,))
        sender.start()
        time.sleep(0.3)
        sock.settimeout(20)
        pieces, size = [], 1
        while piece := sock.recv(size):
            pieces.append(piece)
            size = size % 40_000 + 997
        sender.join()
    replies = b"".join(pieces)
    one = re.compile(rb"HTTP/1.1 200 OK\r\nContent-Length: (\d+)\r\nDate: [^\r]+ GMT\r\nContent-Type: application/json\r\n"
                     rb"X-Request-Id: (\d{5})\r\nETag: \"\w+\"\r\n\r\n")
    at = 0
    for i in range(count):
        head = one.match(replies, at)
        assert head and int(head[2]) == i, replies[at:at + 400]
        at = head.end() + int(head[1])
    assert status_of(replies[at:]) == 200 and b"\r\nConnection: close\r\n" in replies[at:]


def test_a_bad_chunk_is_refused_wherever_it_is_split(daemon):
    data = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\nzz\r\n"
    for cut in range(1, len(data)):
        with tcp(daemon) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(data[:cut])
            sock.sendall(data[cut:])
            reply = read_all(sock)
        assert status_of(reply) == 400 and reply.count(b"HTTP/1.1 4") == 1 and b'"code":"bad_framing"' in reply, cut


def test_requests_before_a_bad_one_are_answered_first(daemon):
    replies = daemon.raw(WHOLE + WHOLE + HEAD + b"Content-Length: 1x\r\n\r\n")
    assert [part[:3] for part in re.split(rb"HTTP/1.1 (?=\d)", replies)[1:]] == [b"200", b"200", b"400"]


@pytest.mark.parametrize("coding", [b"gzip", b"chunked, gzip", b"xchunked", b"chunked;q=1", b"identity", b"chunked, chunked", b"", b"\x0bchunked"])
def test_a_transfer_coding_that_is_not_chunked_is_refused_and_closed(daemon, coding):
    reply = daemon.raw(HEAD + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n" + WHOLE)
    assert status_of(reply) == 400 and reply.count(b"HTTP/1.1 ") == 1


def test_lines_that_end_in_a_bare_line_feed_are_taken_or_refused(daemon):
    """RFC 9112, section 2.2, lets a server take them; libmicrohttpd's strict parser, from 1.0 on, does not."""
    old = b'microhttpd="0.9.7' in daemon.get("/metrics").body
    assert status_of(daemon.raw(CLOSE.replace(b"\r\n", b"\n"))) == (200 if old else 400)


SMUGGLED = b"GET /v1/rollout HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("hidden", [b"Content-Length:\r\n %d\r\n\r\n" % len(SMUGGLED), b"Transfer-Encoding:\r\n chunked\r\n\r\n",
                                    b"Content-Length: 0\x00%d\r\n\r\n" % len(SMUGGLED), b": x\r\n"])
def test_a_body_whose_length_was_hidden_is_not_run_as_a_request(daemon, hidden):
    assert daemon.raw(HEAD + hidden + SMUGGLED).count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize("garbage", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    b"GET\r\n\r\n", b"\r\n\r\n\r\n", b"\x00" * 1000, b"POST /v1/chunk HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n", HEAD + b"X: " + b"y" * 40000 + b"\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
])
def test_garbage_is_refused_or_closed_and_the_next_request_answered(daemon, garbage):
    with tcp(daemon) as sock:
        sock.sendall(garbage)
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the daemon was faster and has closed already
        reply = read_all(sock)
    assert reply == b"" or status_of(reply) in (*range(400, 500), 505)
    assert status_of(daemon.raw(CLOSE)) == 200


def test_a_request_may_come_in_one_byte_at_a_time(daemon):
    with tcp(daemon) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in CLOSE:
            sock.sendall(bytes([byte]))
        assert status_of(read_all(sock)) == 200


def test_pipelined_requests_are_answered_in_order(daemon):
    with tcp(daemon) as sock:
        sock.sendall(b"".join(WHOLE.replace(b"\r\n\r\n", b"\r\nX-Request-Id: n%d\r\n\r\n" % n, 1) for n in range(20)) + CLOSE)
        replies = read_all(sock)
    ids = [line for line in replies.split(b"\r\n") if line.startswith(b"X-Request-Id: n")]
    assert ids == [b"X-Request-Id: n%d" % n for n in range(20)]
    assert replies.count(b"HTTP/1.1 200") == 21


LARGE = json.dumps({"text": "".join(f"Sentence {n} of this one. " for n in range(12_000))}).encode()


@pytest.mark.parametrize("cuts", [(), (1,), (100, 16 << 10, 40_000), (len(LARGE) - 1,), tuple(range(30_000, len(LARGE), 7_001))])
@pytest.mark.parametrize("unix", [False, True])
def test_a_large_body_may_come_in_pieces_with_a_request_behind_it(daemon, cuts, unix):
    """What lies beyond its first piece does not pass through libmicrohttpd's buffer."""
    whole = daemon.post("/v1/chunk", LARGE).json
    data = HEAD + b"Content-Length: %d\r\n\r\n" % len(LARGE) + LARGE + CLOSE
    with daemon.open(daemon.unix if unix else None) as sock:
        for begin, end in zip((0, *cuts), (*cuts, len(data))):
            sock.sendall(data[begin:end])
            time.sleep(0.001)
        replies = read_all(sock)
    head, _, rest = replies.partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
    assert json.loads(rest[:length])["chunks"] == whole["chunks"]
    assert status_of(rest[length:]) == 200


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_leaves_in_the_middle_of_a_large_body_does_no_harm(daemon, reset):
    for sent in (1 << 14, 1 << 17, len(LARGE) - 1):
        with tcp(daemon) as sock:
            sock.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(LARGE) + LARGE[:sent])
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for(lambda: daemon.metric("hotpathd_connections") == 0, "the connections to go")
    assert daemon.metric("hotpathd_in_flight") == 0
    assert daemon.post("/v1/chunk", LARGE).status == 200


def test_chunked_bodies_and_expect_continue_are_taken(daemon):
    chunked = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    for at in (1, 5, 20):
        chunked += b"%x\r\n" % 1 + BODY[:1] + b"\r\n" if at == 1 else b""
    chunked += b"%x\r\n" % (len(BODY) - 1) + BODY[1:] + b"\r\n0\r\n\r\n"
    assert status_of(daemon.raw(chunked)) == 200
    with tcp(daemon) as sock:
        sock.sendall(HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert sock.recv(100).startswith(b"HTTP/1.1 100")
        sock.sendall(BODY)
        assert status_of(read_all(sock)) == 200


def test_http_1_0_is_served(daemon):
    reply = daemon.raw(CLOSE.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    assert status_of(reply) == 200


def test_a_client_that_half_closes_or_leaves_does_no_harm(start, tmp_path):
    config = tmp_path / "quick.yaml"
    config.write_text("limits: { header_ms: 100 }\nroutes: { chunk: { deadline_ms: 100, max_deadline_ms: 100 } }\n")
    daemon = start("--config", str(config))
    for cut in range(0, len(WHOLE), 7):
        with tcp(daemon) as sock:
            sock.sendall(WHOLE[:cut])
            if cut % 2:
                sock.shutdown(socket.SHUT_WR)
                read_all(sock)
    wait_for(lambda: daemon.metric("hotpathd_connections") == 0, "the connections to go")
    assert daemon.metric("hotpathd_in_flight") == 0
    assert status_of(daemon.raw(CLOSE)) == 200


# --- limits and deadlines ----------------------------------------------------------------------------

def test_a_body_over_its_limit_is_refused(start):
    daemon = start("--set", "chunk.max_body=1KiB")
    reply = daemon.post("/v1/chunk", {"text": "x" * 2000})
    assert (reply.status, reply.code, reply.json["limit"]) == (413, "too_large", 1024)
    announced = daemon.raw(HEAD + b"Content-Length: 99999999999\r\n\r\n")
    assert status_of(announced) == 413 and b"Connection: close" in announced
    chunked = daemon.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n")
    assert chunked == b"" or status_of(chunked) == 413
    wait_for(lambda: daemon.metric("hotpathd_requests_total", code="too_large") == 3, "all three to be counted")


def test_memory_that_all_requests_share_is_bounded(start, tmp_path):
    config = tmp_path / "small.yaml"
    config.write_text("limits: { memory: 4MiB }\n")
    daemon = start("--config", str(config))
    reply = daemon.raw(HEAD + b"Content-Length: 8000000\r\n\r\n")
    assert status_of(reply) == 413 and b'"code":"too_large"' in reply
    assert daemon.post("/v1/chunk", BODY).status == 200


def test_a_deadline_that_passes_in_compute_names_stage_and_grant(daemon):
    """Too short a deadline ends in the body or the queue, a long one in success; between them lies one that ends in compute."""
    body = json.dumps({"text": "word, and " * 300000}).encode()
    granted_ms = 0
    while granted_ms < 2000:
        granted_ms += 1 + granted_ms // 16
        head = HEAD + b"Connection: close\r\nX-Request-Timeout-Ms: %d\r\nContent-Length: %d\r\n\r\n" % (granted_ms, len(body))
        try:
            reply = daemon.raw(head + body)
        except ConnectionError:
            continue  # the deadline passed while the body was on its way
        if reply and b'"stage":"queue"' not in reply and b'"stage":"body"' not in reply:
            break
    problem = json.loads(reply.partition(b"\r\n\r\n")[2])
    assert (status_of(reply), problem["code"], problem["granted_ms"]) == (504, "deadline", granted_ms)
    assert problem["stage"] in ("parse", "compute", "write")


def test_a_deadline_that_passes_while_the_body_comes_in_closes_the_connection(start):
    daemon = start()
    with tcp(daemon) as sock:
        begun = time.monotonic()
        sock.sendall(HEAD + b"X-Request-Timeout-Ms: 100\r\nContent-Length: 1000\r\n\r\n{")
        assert read_all(sock) == b""
        assert time.monotonic() - begun >= 0.09
    wait_for(lambda: daemon.metric("hotpathd_requests_total", code="deadline") == 1, "the 504 to be counted")
    assert daemon.metric("hotpathd_deadline_exceeded_total", stage="body") == 1


@pytest.mark.parametrize("part", [b"Content-Length: 1000000\r\n\r\n" + b"x" * 50000, b"Content-Length: 1000000\r\n\r\n",
                                  b"Transfer-Encoding: chunked\r\n\r\n", b"Accept: a\r\nContent-Encoding: br\r\nContent-Length: 9\r\n\r\n",
                                  b"Content-Encoding: br\r\nContent-Length: 60000\r\n\r\n" + b"x" * 50000],
                         ids=["of a body", "none of a body", "none of a chunked body", "none of a body that is refused", "of a body that is refused"])
def test_part_of_a_body_and_the_end_in_one_segment_is_noticed_at_once(start, part):
    """One event to libmicrohttpd, which reads the bytes and waits for more; the deadline is an hour away."""
    daemon = start("--set", "chunk.max_deadline_ms=3600000")
    with tcp(daemon) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        sock.sendall(HEAD + part)
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock, 30) == b""
    wait_for(lambda: daemon.metric("hotpathd_in_flight") == 0, "the request to end")
    assert daemon.metric("hotpathd_client_disconnects_total") == 1
    line, = (line for line in daemon.log() if line["msg"] == "request")
    assert line["bytes_in"] == len(part.partition(b"\r\n\r\n")[2])


def test_a_whole_request_and_the_end_in_one_segment_is_answered(daemon):
    with tcp(daemon) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        sock.sendall(WHOLE)
        sock.shutdown(socket.SHUT_WR)
        assert status_of(sock.recv(1 << 16)) == 200


def test_a_request_line_that_drips_in_on_a_kept_connection_is_swept(start, tmp_path):
    config = tmp_path / "quick.yaml"
    config.write_text("limits: { idle_s: 1 }\n")
    daemon = start("--config", str(config))
    with tcp(daemon) as sock:
        sock.sendall(WHOLE)
        assert sock.recv(1 << 16).startswith(b"HTTP/1.1 200")
        with pytest.raises(OSError):
            for _ in range(60):  # a byte each tenth of a second is activity to libmicrohttpd
                sock.sendall(b"P")
                ready, _, _ = select.select([sock], [], [], 0.1)
                if ready and not sock.recv(100):
                    raise OSError("closed")


def test_a_header_block_that_never_ends_is_swept(start, tmp_path):
    config = tmp_path / "quick.yaml"
    config.write_text("limits: { header_ms: 300 }\n")
    daemon = start("--config", str(config))
    with tcp(daemon) as silent, tcp(daemon) as drip:
        drip.sendall(HEAD)
        assert read_all(silent) == b"" and read_all(drip) == b""
    assert daemon.raw(b"POST /v1/ch") == b""  # as little a request as silence
    wait_for(lambda: daemon.metric("hotpathd_connections") == 0, "them to be gone")
    assert daemon.metric("hotpathd_connection_timeouts_total") == 2
    assert daemon.metric("hotpathd_deadline_exceeded_total", route="none", stage="arrival") == 1
    line, = (line for line in daemon.log() if line["msg"] == "request")
    assert (line["code"], line["stage"], line["outcome"]) == ("deadline", "arrival", "failed")
    assert status_of(daemon.raw(CLOSE)) == 200
    wait_for(lambda: daemon.metric("hotpathd_requests_total") == 2, "both requests to be counted")
    assert daemon.metric("hotpathd_requests_total", code="ok") == daemon.metric("hotpathd_requests_total", code="deadline") == 1
    assert daemon.metric("hotpathd_client_disconnects_total") == 0


def test_connections_over_the_limit_wait_and_admin_answers(start, tmp_path):
    config = tmp_path / "few.yaml"
    config.write_text("limits: { connections: 4 }\n")
    daemon = start("--config", str(config))
    held = [connection(daemon.tcp) for _ in range(4)]
    for conn in held:
        assert request(conn, "POST", "/v1/chunk", BODY, {"Content-Type": "application/json"}).status == 200
    with tcp(daemon) as waiting:
        waiting.sendall(CLOSE)
        assert daemon.get("/livez").status == 200
        assert daemon.metric("hotpathd_connections") == 4
        held.pop().close()
        assert status_of(read_all(waiting)) == 200
    for conn in held:
        conn.close()


# --- starting and stopping ---------------------------------------------------------------------------

def test_drain_finishes_what_is_under_way(start):
    daemon = start()
    idle = connection(daemon.tcp)
    request(idle, "GET", "/v1/rollout")
    with tcp(daemon) as sock:
        sock.sendall(WHOLE[:-5])
        wait_for(lambda: daemon.metric("hotpathd_in_flight") == 1, "the request to be seen")
        daemon.process.send_signal(signal.SIGTERM)
        wait_for(lambda: daemon.get("/readyz").status == 503, "readyz to say draining")
        with pytest.raises(OSError):
            tcp(daemon).close()
        sock.sendall(WHOLE[-5:])
        reply = read_all(sock)
        assert status_of(reply) == 200 and b"Connection: close" in reply
    assert daemon.process.wait(10) == 0
    assert not daemon.socket.exists()
    idle.close()


def test_drain_does_not_wait_for_ever_for_a_client_that_does_not_read(start, tmp_path):
    config = tmp_path / "quick.yaml"
    config.write_text("limits: { header_ms: 100 }\n")
    daemon = start("--config", str(config))
    body = json.dumps({"text": "word " * 200_000, "chunk": None}).encode()
    with socket.socket(socket.AF_UNIX) as sock:  # which holds a fifth of this; TCP takes megabytes
        sock.settimeout(60)
        sock.connect(daemon.unix[len("unix:"):])
        sock.sendall(HEAD + b"X-Request-Timeout-Ms: 2000\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
        assert daemon.metric("hotpathd_in_flight") == 1  # it is not all on its way
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(60) == 0


def test_what_the_daemon_ends_is_not_counted_as_the_clients_doing(start):
    daemon = start()
    with tcp(daemon) as sock:
        sock.sendall(HEAD + b"X-Request-Timeout-Ms: 50\r\nContent-Length: 1000\r\n\r\n{")
        assert read_all(sock) == b""
    wait_for(lambda: daemon.metric("hotpathd_requests_total", code="deadline") == 1, "the 504 to be counted")
    assert daemon.metric("hotpathd_client_disconnects_total") == 0
    with tcp(daemon) as sock:
        sock.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        wait_for(lambda: daemon.metric("hotpathd_in_flight") == 1, "the request to be seen")
    wait_for(lambda: daemon.metric("hotpathd_client_disconnects_total") == 1, "the hang-up to be counted")


def test_a_reload_names_what_waits_for_the_next_start(start, tmp_path):
    config = tmp_path / "changed.yaml"
    config.write_text("limits: { memory: 1GiB }\n")
    daemon = start("--config", str(config))
    config.write_text("limits: { memory: 2GiB }\n")
    assert daemon.call("POST", "/-/reload", url=daemon.admin).status == 200
    warned = lambda: sum(line.get("option") == "limits.memory" for line in daemon.log())
    assert warned() == 1
    assert daemon.call("POST", "/-/reload", url=daemon.admin).status == 200
    assert warned() == 2  # the start's value is still the one in force
    config.write_text("limits: { memory: 1GiB }\n")
    assert daemon.call("POST", "/-/reload", url=daemon.admin).status == 200
    assert warned() == 2  # and this is it


def test_drain_by_the_admin_socket(start):
    daemon = start()
    assert daemon.call("POST", "/-/drain", url=daemon.admin).status == 202
    assert daemon.process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_at_once(tmp_path, number):
    daemon = Daemon(tmp_path, "--set", "chunk.max_deadline_ms=60000").__enter__()
    with tcp(daemon) as sock:
        sock.sendall(WHOLE[:-5])
        wait_for(lambda: daemon.metric("hotpathd_in_flight") == 1, "the request to be seen")
        daemon.process.send_signal(number)
        wait_for(lambda: daemon.get("/readyz").status == 503, "readyz to say draining")
        daemon.process.send_signal(number)
        assert daemon.process.wait(10) == 128 + number


def test_a_killed_daemon_leaves_a_socket_that_the_next_one_takes_over(tmp_path):
    first = Daemon(tmp_path, "--listen", f"unix:{tmp_path}/k.sock").__enter__()
    first.process.kill()
    first.process.wait()
    assert (tmp_path / "k.sock").exists()
    (tmp_path / "ready.json").unlink()
    with Daemon(tmp_path, "--listen", f"unix:{tmp_path}/k.sock") as second:
        assert second.post("/v1/chunk", BODY, f"unix:{tmp_path}/k.sock").status == 200


def test_reload_by_signal_and_by_post(start, tmp_path):
    config = tmp_path / "watched.yaml"
    config.write_text("routes: { chunk: { deadline_ms: 100 } }\n")
    daemon = start("--config", str(config))
    deadline = lambda: daemon.call("GET", "/v1/rollout").json["routes"]["chunk"]["deadline_ms"]
    config.write_text("routes: { chunk: { deadline_ms: 200 } }\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: deadline() == 200, "the reload")
    config.write_text("routes: { chunk: { deadline_sm: 300 } }\n")
    refused = daemon.call("POST", "/-/reload", url=daemon.admin)
    assert refused.status == 422
    assert f"{config}:1:20" in refused.json["reload"]["problem"] and "deadline_ms" in refused.json["reload"]["problem"]
    assert deadline() == 200
    assert daemon.metric("hotpathd_config_last_reload_success") == 0
    config.write_text("routes: { chunk: { mode: off } }\n")
    assert daemon.call("POST", "/-/reload", url=daemon.admin).status == 200
    assert daemon.post("/v1/chunk", BODY).code == "route_off"
    assert daemon.metric("hotpathd_config_last_reload_success") == 1


def test_a_configuration_that_became_a_pipe_is_refused(start, tmp_path):
    config = tmp_path / "pipe.yaml"
    config.write_text("")
    daemon = start("--config", str(config))
    config.unlink()
    os.mkfifo(config)
    assert daemon.call("POST", "/-/reload", url=daemon.admin).status == 422
    assert daemon.post("/v1/chunk", BODY).status == 200


def test_a_daemon_that_stops_leaves_its_successors_socket_alone(start, tmp_path):
    path = tmp_path / "shared.sock"
    first = start("--listen", f"unix:{path}")
    path.unlink()
    second = start("--listen", f"unix:{path}")
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(10) == 0
    assert second.post("/v1/chunk", BODY, f"unix:{path}").status == 200


def test_a_request_that_came_in_time_is_not_late_because_another_was_long(start, tmp_path):
    config = tmp_path / "quick.yaml"
    config.write_text("limits: { header_ms: 100 }\n")
    daemon = start("--config", str(config))
    long = json.dumps({"text": "a é\u0301x. " * 600_000, "chunk": {"max": 1}}).encode()
    with tcp(daemon) as one:
        one.sendall(HEAD + b"X-Request-Timeout-Ms: 1500\r\nContent-Length: %d\r\n\r\n" % len(long) + long)
        with tcp(daemon) as other:
            other.sendall(CLOSE)
            assert status_of(read_all(other)) == 200


def serve_fails(*arguments):
    done = subprocess.run([BINARY, "serve", *arguments], capture_output=True, timeout=60, cwd=ROOT)
    return done.returncode, done.stderr.decode()


def test_exit_codes_of_a_start_that_fails(daemon, tmp_path):
    taken = daemon.tcp[len("http://"):]
    free = ["--admin", "127.0.0.1:0"]
    assert serve_fails("--nonsense")[0] == 64
    assert serve_fails("--listen")[0] == 64
    code, message = serve_fails("--listen", taken, *free)
    assert code == 71 and taken in message
    assert serve_fails("--listen", "0.0.0.0:1", *free)[0] == 78
    code, message = serve_fails("--set", "chunk.mode=maybe")
    assert code == 78 and "canary" in message
    bad = tmp_path / "bad.yaml"
    bad.write_text("limits:\n  memry: 1GiB\n")
    code, message = serve_fails("--config", str(bad))
    assert code == 78 and f"{bad}:2:3" in message and "memory" in message


# --- commands ----------------------------------------------------------------------------------------

def test_check_config(tmp_path):
    code, out, _ = run("check-config", "conf/hotpathd.yaml")
    assert code == 0 and "ok" in out
    bad = tmp_path / "bad.yaml"
    bad.write_text("routes:\n  chunk: { percent: 101 }\n")
    code, _, message = run("check-config", str(bad))
    assert code == 78 and message.startswith(f"{bad}:2:21: ")
    bad.write_text("listen: ['0.0.0.0:80']\n")
    code, _, message = run("check-config", str(bad))
    assert code == 78 and "0.0.0.0:80" in message and "loopback" in message and message.startswith(f"{bad}:1:9: listen: ")
    bad.write_text(f"workers: 1\ntoken_file: {tmp_path}/nowhere\n")
    code, _, message = run("check-config", str(bad))
    assert code == 78 and message.startswith(f"{bad}:2:13: token_file: ")
    bad.write_text(f"vocabulary: {tmp_path}/nowhere\n")
    code, out, message = run("check-config", str(bad))
    assert code == 0 and "ok" in out and f"{tmp_path}/nowhere cannot be read" in message
    assert run("check-config", str(tmp_path / "missing.yaml"))[0] == 78
    assert run("check-config")[0] == 64


def test_health(daemon):
    admin = daemon.admin[len("http://"):]
    assert run("health", admin)[0] == 0
    assert run("health", "127.0.0.1:1")[0] == 1
    assert run("health", "a", "b")[0] == 64


def test_call(daemon, tmp_path):
    document = tmp_path / "document.txt"
    document.write_text("One paragraph.\n\nAnother.")
    for to in (daemon.tcp[len("http://"):], daemon.unix):
        code, out, _ = run("call", "chunk", str(document), "--to", to)
        assert code == 0 and json.loads(out)["chunks"]
        code, out, _ = run("call", "chunk", "--to", to, stdin=BODY)
        assert code == 0 and json.loads(out)["text"] == "One paragraph."
        code, out, _ = run("call", "rollout", "--to", to)
        assert code == 0 and json.loads(out)["routes"]
    code, out, _ = run("call", "chunk", "--to", daemon.unix, stdin=b"{")
    assert code == 1 and json.loads(out)["code"] == "bad_json"


def test_version_and_help():
    code, out, _ = run("version", "--json")
    version = json.loads(out)
    assert code == 0 and version["version"] and "libmicrohttpd" in json.dumps(version)
    assert run("version")[0] == 0
    code, out, _ = run("help")
    assert code == 0 and all(name in out for name in ("serve", "check-config", "health", "call", "version"))
    assert run("--help")[0] == run("--version")[0] == 0
    assert run("nonsense")[0] == 64


def test_the_default_is_to_serve(tmp_path):
    ready = tmp_path / "ready.json"
    command = [BINARY, "--ready-file", str(ready), "--listen", "127.0.0.1:0", "--admin", f"unix:{tmp_path}/admin.sock"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        wait_for(ready.exists, "the ready file")
        told = json.loads(ready.read_text())
        assert told["pid"] == process.pid and told["admin"] == f"unix:{tmp_path}/admin.sock"
        assert run("health", told["admin"])[0] == 0
        assert os.listdir(tmp_path).count("ready.json") == 1
    finally:
        process.terminate()
    assert process.wait(10) == 0


def test_a_ready_file_that_is_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [BINARY, "--ready-file", str(pipe), "--listen", "127.0.0.1:0", "--admin", f"unix:{tmp_path}/admin.sock"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        assert json.loads(pipe.read_text())["pid"] == process.pid
        assert pipe.is_fifo()
    finally:
        process.terminate()
    assert process.wait(10) == 0
