"""The asyncio client on uvloop: the promise, by the faults of tests/test_promise.py."""

from __future__ import annotations

import asyncio

import pytest
from faults import FaultServer, echo, reply
from test_promise import FAULTS, MODES, TIMEOUT_S

import hotpathd

uvloop = pytest.importorskip("uvloop", reason="no uvloop: make extras")


def on_uvloop(use):
    """What `use` returns, on a loop of uvloop's."""
    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(use())
    finally:
        loop.close()


@pytest.mark.parametrize("script, reason", FAULTS.values(), ids=FAULTS.keys())
def test_kept(script, reason):
    server = FaultServer(script)

    async def use():
        async with hotpathd.AsyncClient(server.url, modes=MODES, breaker=None) as sidecar:
            timeout = TIMEOUT_S if reason == "timeout" else 5
            got = await sidecar.call("chunk", {}, fallback=lambda: "old", timeout=timeout, request_id="r-1")
            assert (got, sidecar.last.reason) == ("old", reason)

    try:
        on_uvloop(use)
    finally:
        server.close()


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_calls_share_connections_and_are_cancelled(tmp_path, unix):
    server = FaultServer(echo, str(tmp_path / "s") if unix else None)
    silent = FaultServer(lambda peer: peer.hold())
    ran = []

    async def use():
        async with hotpathd.AsyncClient(server.url, modes=MODES) as sidecar:
            large = {"text": "x" * 1_000_000}
            for body in ([1], large, [2]):
                assert await sidecar.call("chunk", body, fallback=lambda: None, timeout=20) == body
        async with hotpathd.AsyncClient(silent.url, modes=MODES) as sidecar:
            call = sidecar.call("chunk", [], fallback=lambda: ran.append(1), timeout=20)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(call, 0.05)
            assert sidecar._aio._pool()._open == 0

    try:
        on_uvloop(use)
    finally:
        server.close()
        silent.close()
    assert ran == [] and server.connections == 1


def test_a_stale_connection_is_tried_once_more():
    def one_each(peer):
        if (request := peer.request()) is not None:
            peer.send(reply(request.body))
            peer.request()

    server = FaultServer(one_each)

    async def use():
        async with hotpathd.AsyncClient(server.url, modes=MODES) as sidecar:
            for number in range(5):
                assert await sidecar.call("chunk", [number], fallback=lambda: None, timeout=20) == [number]

    try:
        on_uvloop(use)
    finally:
        server.close()
    assert server.connections == 5
