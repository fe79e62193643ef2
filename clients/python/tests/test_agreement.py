"""The clients agree: agreement.json is read by the tests of each.

A text in it is bytes, one for each character; a reply is to request r-1 of route chunk.
"""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

import hotpathd
from hotpathd import _address, _events, _http, _poller, _rollout
from hotpathd._call import Call
from hotpathd._failure import Failure

AGREED = json.loads(Path(__file__).parents[2].joinpath("agreement.json").read_text())


@pytest.mark.parametrize("url, expected", AGREED["addresses"].items())
def test_reads_addresses_as_every_client_does(url, expected):
    if expected is None:
        with pytest.raises(ValueError):
            _address.parse(url)
        return
    address = _address.parse(url)
    target = address.target
    if address.family != socket.AF_UNIX:
        host, port = target
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    assert [target, address.host] == expected


def agrees(body, expected):
    if expected is None:
        with pytest.raises(ValueError):
            _rollout.read(body)
        return
    route = _rollout.read(body).routes.get("chunk")
    assert (route.mode if route else "off") == expected


@pytest.mark.parametrize("answer, expected", AGREED["rollouts"])
def test_reads_rollouts_as_every_client_does(answer, expected):
    agrees(json.dumps(answer).encode(), expected)


@pytest.mark.parametrize("text, expected", AGREED["rollout_texts"])
def test_reads_texts_of_rollouts_as_every_client_does(text, expected):
    agrees(text.encode("latin-1"), expected)


class Says:
    """A transport that brings one answer."""

    def __init__(self, answer):
        self._answer = json.dumps(answer).encode()

    def exchange(self, request, budget):
        return _http.Reply(200, self._answer, True)


@pytest.mark.parametrize("hint, seconds", AGREED["polls"])
def test_polls_as_often_as_every_client_does(hint, seconds):
    """Where its own settings leave it to the daemon."""
    answer = {"routes": {}, **({} if hint is None else {"poll_s": hint})}
    left_to_it, set_here = (_poller.Poller(Says(answer), time.monotonic, own, {}) for own in (None, 3.0))
    left_to_it.poll(), set_here.poll()
    assert (left_to_it._delay_s, set_here._delay_s) == (seconds, 3.0)


@pytest.mark.parametrize("given, salt", AGREED["salts"].items(), ids=ascii)
def test_reads_salts_as_every_client_does(given, salt):
    body = f'{{"routes": {{"chunk": {{"mode": "on", "percent": 1, "deadline_ms": 1, "salt": "{given}"}}}}}}'
    assert _rollout.read(body.encode()).routes["chunk"].salt == salt


@pytest.mark.parametrize("given, sent", AGREED["etags"].items())
def test_sends_back_the_etags_that_every_client_does(given, sent):
    assert (given if _poller._ETAG.fullmatch(given) else "") == sent


@pytest.mark.parametrize("given, stages", AGREED["server_timings"].items())
def test_reads_server_timings_as_every_client_does(given, stages):
    assert _events._server(given) == stages


@pytest.mark.parametrize("lines, body, reason", AGREED["replies"])
def test_reads_replies_as_every_client_does(lines, body, reason):
    data = "\r\n".join([*lines, "", body]).encode("latin-1")
    with hotpathd.Client("unix:/none", modes={}, breaker=None) as sidecar:
        call = Call(sidecar, "chunk", {}, None, request_id="r-1")
        call.request()
        try:
            call.result(_http.Incoming().feed(data))
        except Failure as failure:
            assert failure.reason == reason
        else:
            assert reason == ""
