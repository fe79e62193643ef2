"""An asyncio call cancelled at each of its awaits, one after the other: it ends there, and leaves nothing."""

from __future__ import annotations

import asyncio
import os

import pytest
from faults import echo, reply
from test_promise import MODES

import hotpathd
from hotpathd import _aio_transport

LARGE = b'"%s"' % (b"x" * 2_000_000)


class Until:
    """Awaits `work`, and cancels its own task at the `at`th future that it waits for."""

    def __init__(self, work, at, at_once):
        self.work = work
        self.at = at
        self.at_once = at_once  # or when the loop has gone on
        self.waits = 0

    def __await__(self):
        task = asyncio.current_task()
        steps = self.work.__await__()
        value, error = None, None
        while True:
            try:
                future = steps.send(value) if error is None else steps.throw(error)
            except StopIteration as end:
                return end.value
            error = None
            self.waits += 1
            if self.waits == self.at:
                if self.at_once:
                    task.cancel()
                else:
                    asyncio.get_running_loop().call_soon(task.cancel)
            try:
                value = yield future
            except BaseException as thrown:
                error = thrown


def answering(peer):
    """Its own body, at once or, where that is "slow", by and by and never whole."""
    while (request := peer.request()) is not None:
        answer = reply(request.body, X_Request_Id=request.headers["x-request-id"])
        if request.body == b'"slow"':
            peer.send(answer[:-1])
            peer.hold()
            return
        peer.send(answer)


def one_each(peer):
    """A kept connection that turns out to be closed."""
    if (request := peer.request()) is not None:
        peer.send(reply(request.body))
        peer.request()


# case: (the server, the body, how many connections there are)
CASES = {
    "connecting": (answering, ["a"], 64),
    "on a kept connection": (answering, ["a"], 64),
    "a request that the socket does not take at once": (answering, LARGE, 64),
    "a kept connection that turns out to be closed": (one_each, ["a"], 64),
    "in line for a connection": (answering, ["a"], 1),
}


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "a turn later"])
@pytest.mark.parametrize("case", CASES)
def test_a_call_cancelled_at_any_await(serve, monkeypatch, case, at_once):
    script, body, connections = CASES[case]
    monkeypatch.setattr(_aio_transport, "MAX_OPEN", connections)
    server = serve(script)
    ran, events = [], []

    async def old():
        ran.append(1)
        return "old"

    async def cancelled_at(at):
        """How many times it waited, cancelled at the `at`th."""
        async with hotpathd.AsyncClient(server.url, modes=MODES, on_event=events.append) as sidecar:
            if case != "connecting":
                assert await sidecar.call("chunk", ["b"], fallback=old, timeout=20) == ["b"]
            if connections == 1:
                first = sidecar.call("chunk", "slow", fallback=lambda: "first", timeout=0.05)
                other = asyncio.ensure_future(first)
                await asyncio.sleep(0)
            until = Until(sidecar.call("chunk", body, fallback=old, timeout=20), at, at_once)
            task = asyncio.ensure_future(_awaited(until))
            try:
                assert await task in (["a"], LARGE[1:-1].decode())
            except asyncio.CancelledError:
                assert sidecar._breakers["chunk"]._row <= (connections == 1)  # of the other
            if connections == 1:
                assert await other == "first"
            pool = sidecar._aio._pool()
            assert pool._open == 0 and not pool._waiting
            assert all(c._waiter is None and c.is_open for c in pool._idle)
            # what is kept serves the next call with its own reply
            for number in range(3):
                assert await sidecar.call("chunk", [number], fallback=old, timeout=20) == [number]
        return until.waits, task.cancelled()

    def descriptors():
        server.settle()
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    at, cut_short = 1, 0
    while True:
        waits, was_cancelled = asyncio.run(cancelled_at(at))
        cut_short += was_cancelled
        if waits < at:
            break
        at += 1
        assert at < 100
    assert ran == []
    assert cut_short >= 1
    assert descriptors() == before
    reasons = [event["reason"] for event in events if event["reason"]]
    assert set(reasons) <= {"cancelled", "timeout"}  # of the one that holds the connection
    assert reasons.count("cancelled") == cut_short


async def _awaited(awaitable):
    return await awaitable


def test_a_call_cancelled_with_its_reply_half_read(serve, monkeypatch):
    """The connection goes with it: the rest would be taken for the next reply."""
    server = serve(answering)
    ran = []

    async def main():
        async with hotpathd.AsyncClient(server.url, modes=MODES) as sidecar:
            call = sidecar.call("chunk", "slow", fallback=lambda: ran.append(1), timeout=20)
            task = asyncio.ensure_future(call)
            taken = _aio_transport._Connection.data_received

            def then_cancel(connection, data):
                taken(connection, data)
                task.cancel()

            monkeypatch.setattr(_aio_transport._Connection, "data_received", then_cancel)
            with pytest.raises(asyncio.CancelledError):
                await task
            monkeypatch.undo()
            pool = sidecar._aio._pool()
            assert pool._open == 0 and not pool._idle
            assert await sidecar.call("chunk", [1], fallback=lambda: None, timeout=20) == [1]

    asyncio.run(main())
    assert ran == [] and server.connections == 2
    server.settle()


def test_a_cancellation_within_the_old_code_is_the_old_codes(serve):
    """It is told, and what the old code makes of it is returned."""

    async def old():
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            return "tidied up"

    async def main():
        async with hotpathd.AsyncClient("unix:/none", modes=MODES) as sidecar:
            task = asyncio.ensure_future(sidecar.call("chunk", [], fallback=old))
            await asyncio.sleep(0.01)
            task.cancel()
            return await task

    assert asyncio.run(main()) == "tidied up"


def test_a_callers_timeout_around_a_call_is_a_cancellation(serve):
    ran = []

    async def main():
        async with hotpathd.AsyncClient(serve(lambda peer: peer.hold()).url, modes=MODES) as sidecar:
            call = sidecar.call("chunk", {}, fallback=lambda: ran.append(1), timeout=20)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(call, 0.02)
            with pytest.raises(asyncio.CancelledError):
                task = asyncio.ensure_future(sidecar.call("chunk", {}, fallback=lambda: ran.append(2), timeout=20))
                await asyncio.sleep(0)
                task.cancel()
                await task

    asyncio.run(main())
    assert ran == []


def test_a_loop_that_ends_while_calls_are_under_way_ends(serve):
    """asyncio.run cancels what is left, and nobody's old code begins."""
    server = serve(lambda peer: peer.hold())
    ran, tasks = [], []

    async def main():
        sidecar = hotpathd.AsyncClient(server.url, modes=MODES)
        for _ in range(5):
            call = sidecar.call("chunk", {}, fallback=lambda: ran.append(1), timeout=20)
            tasks.append(asyncio.ensure_future(call))
        while server.connections < 5:
            await asyncio.sleep(0.001)
        return sidecar

    sidecar = asyncio.run(main())
    assert all(task.cancelled() for task in tasks) and ran == []
    server.settle()
    sidecar.close()


def test_echo_is_what_the_cases_answer(serve):
    """A case that never came as far as its reply would show nothing."""

    async def main():
        async with hotpathd.AsyncClient(serve(echo).url, modes=MODES) as sidecar:
            until = Until(sidecar.call("chunk", [1], fallback=lambda: None, timeout=20), 0, True)
            assert await until == [1]
            return until.waits

    assert asyncio.run(main()) >= 2  # connecting, and the reply
