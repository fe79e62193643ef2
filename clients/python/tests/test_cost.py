"""What a call costs, counted: a count is the same on every machine."""

from __future__ import annotations

import sys

import hotpathd
from faults import own_reply


def own_echo(peer):
    while (request := peer.request()) is not None:
        peer.send(own_reply(request.body, request.headers["x-request-id"]))


def functions_of(work):
    """How many functions `work` calls, Python's and C's."""
    count = 0

    def see(frame, event, arg):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_a_call_over_a_kept_connection_calls_few_functions(serve, client):
    sidecar = client(serve(own_echo).url, breaker=hotpathd.Breaker(), timeout=60)

    def call():
        sidecar.call("chunk", {"text": "a"}, fallback=dict)
        assert sidecar.last.outcome == "ok", sidecar.last

    call()
    assert functions_of(call) <= 110
