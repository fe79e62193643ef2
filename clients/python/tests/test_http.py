"""The reader against http.client, in pieces of every size, and against bytes gone wrong."""

from __future__ import annotations

import http.client
import random
import socket
import threading
import time

import pytest
from faults import own_reply, reply

from hotpathd._budget import Budget
from hotpathd._failure import Failure
from hotpathd._http import Incoming, read_own
from hotpathd._transport import _Connection

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
REPLIES = [
    reply(b""),
    reply(b"x" * 200_000),
    reply({"a": [1, 2]}, 404, X_One="  spaced \t", x_one="again", Empty=""),
    b"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\na",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 100 Continue\r\n\r\n" + reply(b"after"),
    CHUNKED + b"0\r\n\r\n",
    CHUNKED + b"5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: x\r\n\r\n",
    CHUNKED + b"1A\r\n" + b"a" * 26 + b"\r\n00\r\n\r\n",
    own_reply(b""),
    own_reply(b"x" * 200_000),
    own_reply({"text": "a\n"}),
]


SMALL = [data for data in REPLIES if len(data) < 1000]


def changed(dice, data):
    """`data` with one to three bytes replaced, taken out or put in."""
    data = bytearray(data)
    for _ in range(dice.randrange(1, 4)):
        at = dice.randrange(len(data))
        change = dice.randrange(3)
        if change == 0:
            data[at] = dice.randrange(256)
        elif change == 1:
            del data[at : at + dice.randrange(1, 4)]
            data = data or bytearray(b"\r")
        else:
            data[at:at] = dice.choice([b"\r\n", b":", b" ", b"\0", b"9", b"\r\n\r\n"])
    return bytes(data)


def read(data, pieces=None):
    """What the reader makes of `data`, sent in pieces that end where `pieces` says."""
    here, there = socket.socketpair()

    def send():
        edges = [0, *(pieces or []), len(data)]
        try:
            for start, end in zip(edges, edges[1:]):
                there.sendall(data[start:end])
            there.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the reader has refused and gone

    sender = threading.Thread(target=send)
    sender.start()
    try:
        return _Connection(here).receive(Incoming(), Budget(10, time.monotonic, time.monotonic()))
    finally:
        here.close()
        sender.join()
        there.close()


def read_by_the_standard_library(data):
    here, there = socket.socketpair()
    sender = threading.Thread(target=there.sendall, args=(data,))
    sender.start()
    with here, there:
        response = http.client.HTTPResponse(here, method="POST")
        response.begin()
        body = response.read()
        response.close()
        sender.join()
    return response.status, body


@pytest.mark.parametrize("data", REPLIES, ids=range(len(REPLIES)))
def test_reads_what_the_standard_library_reads(data):
    got = read(data)
    assert (got.status, got.body) == read_by_the_standard_library(data)


@pytest.mark.parametrize("data", REPLIES, ids=range(len(REPLIES)))
def test_pieces_make_no_difference(data):
    dice = random.Random(1)
    whole = read(data)
    for _ in range(20):
        edges = sorted(dice.randrange(len(data)) for _ in range(dice.randrange(1, 12)))
        assert read(data, edges) == whole
    if len(data) < 1000:
        assert read(data, list(range(1, len(data)))) == whole


def read_by_steps(data):
    incoming = Incoming()
    incoming.started = True  # which leaves the quick reader out
    return incoming.feed(data)


@pytest.mark.parametrize("seed", range(4))
def test_the_quick_reader_reads_what_the_steps_read(seed):
    """On replies that are changed at random; where it gives up, the steps decide."""
    dice = random.Random(seed)
    taken = 0
    for _ in range(4000):
        data = dice.choice([own_reply([1]), own_reply(b""), dice.choice(SMALL)])
        data = changed(dice, data) if dice.randrange(5) else data
        got = read_own(data)
        if got is not None:
            taken += 1
            assert got == read_by_steps(data)
    assert taken > 100


def test_the_quick_reader_reads_the_daemons_replies():
    for body in (b"", b"x" * 200_000, {"a": "\n"}):
        assert read_own(own_reply(body)) == read_by_steps(own_reply(body)) is not None


def test_values_are_trimmed_and_those_of_several_lines_joined():
    data = reply(b"", X_Request_Id="  spaced \t", x_request_id="again", ETag="")
    assert (read(data).request_id, read(data).etag) == ("spaced, again", "")


def test_a_reply_of_http_1_0_is_not_kept_alive():
    assert read(REPLIES[0]).keep_alive
    assert not read(REPLIES[6]).keep_alive


def test_changed_bytes_give_a_reply_or_a_failure_and_never_a_third_thing():
    dice = random.Random(2)
    outcomes = {"reply": 0, "failure": 0, "closed": 0}
    for _ in range(3000):
        try:
            got = Incoming().feed(changed(dice, dice.choice(SMALL)))
            outcomes["closed" if got is None else "reply"] += 1
        except Failure as failure:
            assert failure.reason == "bad_reply"
            outcomes["failure"] += 1
    assert min(outcomes.values()) > 100, outcomes


def test_a_head_of_blanks_is_read_in_linear_time():
    """Ten times as many take ten times as long at most, not a hundred times."""

    def seconds(reads, blanks):
        data = own_reply(b"").replace(b"queue", b"x" + b" " * blanks + b"x")
        took = []
        for _ in range(5):
            started = time.perf_counter()
            assert reads(data).status == 200
            took.append(time.perf_counter() - started)
        return min(took)

    for reads in (read_own, read_by_steps):
        assert seconds(reads, 60_000) < 30 * seconds(reads, 6_000)
