"""A caller's own deadline: the smaller budget wins, and the old code's time is kept back."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from faults import echo, reply
from test_promise import MODES, OLD

import hotpathd
from hotpathd._deadline import Reserves


class Granted:
    """A server that notes the milliseconds it was given, and answers nothing."""

    def __init__(self, answers=True):
        self.ms = []
        self.answers = answers

    def __call__(self, peer):
        while (request := peer.request()) is not None:
            self.ms.append(int(request.headers["x-request-timeout-ms"]))
            if self.answers:
                peer.send(reply(request.body))


def by_thread(url, seconds, timeout, took_s=0.0):
    """One call under a deadline, of a client whose old code took so long of late; and its `last`."""
    with hotpathd.Client(url, modes=MODES) as sidecar:
        sidecar._reserves.learn("chunk", took_s)
        with hotpathd.deadline(seconds):
            result = sidecar.call("chunk", [], fallback=lambda: OLD, timeout=timeout)
        return result, sidecar.last, sidecar


def by_task(url, seconds, timeout, took_s=0.0):
    async def main():
        async with hotpathd.AsyncClient(url, modes=MODES) as sidecar:
            sidecar._reserves.learn("chunk", took_s)
            with hotpathd.deadline(seconds):
                result = await sidecar.call("chunk", [], fallback=lambda: OLD, timeout=timeout)
            return result, sidecar.last, sidecar

    return asyncio.run(main())


CLIENTS = pytest.mark.parametrize("run", [by_thread, by_task], ids=["threads", "asyncio"])


@CLIENTS
@pytest.mark.parametrize(
    "seconds, timeout, took_s, least, most",
    [
        (60, 10, 0, 5_000, 10_000),  # the timeout is the smaller
        (10, 60, 0, 5_000, 10_000),  # the deadline is
        (60, 600, 40, 10_000, 20_000),  # what the old code takes is kept back
        (600, 60, 40, 50_000, 60_000),  # and is beyond the timeout anyway
    ],
)
def test_the_smaller_wins_and_the_old_code_keeps_its_time(serve, run, seconds, timeout, took_s, least, most):
    granted = Granted()
    result, last, _ = run(serve(granted).url, seconds, timeout, took_s)
    assert last.outcome == "ok"
    (ms,) = granted.ms
    assert least < ms <= most


@CLIENTS
def test_there_is_room_for_the_old_code_before_the_deadline(serve, run):
    """As in Go: a sidecar that hangs is given what is over, and no more."""
    granted = Granted(answers=False)
    started = time.monotonic()
    result, last, _ = run(serve(granted).url, 1.0, 60, took_s=0.9)
    assert result is OLD and last.reason == "timeout"
    assert time.monotonic() - started < 1.0
    assert last.sidecar_ms < 500
    assert 1 <= granted.ms[0] <= 100


@CLIENTS
@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 0.05])
def test_where_the_old_code_needs_all_of_it_the_sidecar_is_not_asked(serve, run, seconds):
    server = serve(echo)
    result, last, sidecar = run(server.url, seconds, 60, took_s=1.0)
    assert result is OLD and last.reason == "timeout"
    assert server.connections == 0


@CLIENTS
def test_a_caller_in_haste_does_not_open_the_breaker_for_others(serve, run):
    server = serve(echo)
    with hotpathd.Client(server.url, modes=MODES) as sidecar:
        for _ in range(30):
            with hotpathd.deadline(0):
                sidecar.call("chunk", [], fallback=lambda: OLD)
            assert sidecar.last.reason == "timeout"
        assert sidecar.call("chunk", [1], fallback=lambda: OLD, timeout=20) == [1]


def test_the_old_codes_time_is_learned_however_it_ends():
    def old():
        time.sleep(0.02)
        raise KeyError

    for mode in ("off", "shadow", "on"):
        with hotpathd.Client("unix:/none", modes={"chunk": mode}, on_event=lambda event: None) as sidecar:
            with pytest.raises(KeyError):
                sidecar.call("chunk", [], fallback=old)
            assert 0.02 <= sidecar._reserves.of("chunk") < 10
            assert sidecar._reserves.of("score") == 0.0


def test_the_reserve_fades_and_rises_at_once():
    reserves = Reserves()
    reserves.learn("chunk", 0.1)
    for _ in range(16):
        before = reserves.of("chunk")
        reserves.learn("chunk", 0.001)
        assert 0.001 < reserves.of("chunk") < before
    assert reserves.of("chunk") < 0.05
    reserves.learn("chunk", 1.0)
    assert reserves.of("chunk") == 1.0


def test_of_two_deadlines_the_earlier_holds_and_each_ends_with_its_block(serve):
    granted = Granted()
    with hotpathd.Client(serve(granted).url, modes=MODES) as sidecar:

        def call():
            sidecar.call("chunk", [], fallback=lambda: OLD, timeout=1000)
            assert sidecar.last.outcome == "ok"
            return granted.ms[-1]

        with hotpathd.deadline(100):
            with hotpathd.deadline(10):
                assert 1_000 < call() <= 10_000
                with hotpathd.deadline(500):
                    assert 1_000 < call() <= 10_000
            assert 50_000 < call() <= 100_000
        assert call() > 500_000
        with pytest.raises(KeyError), hotpathd.deadline(10):
            raise KeyError
        assert call() > 500_000


def test_a_deadline_is_of_its_thread_and_of_its_task(serve):
    granted = Granted()
    url = serve(granted).url
    with hotpathd.Client(url, modes=MODES) as sidecar, hotpathd.deadline(10):
        other = threading.Thread(
            target=lambda: sidecar.call("chunk", [], fallback=lambda: OLD, timeout=1000)
        )
        other.start()
        other.join()
    assert granted.ms[-1] > 500_000

    async def main():
        async with hotpathd.AsyncClient(url, modes=MODES) as sidecar:

            async def one(seconds):
                with hotpathd.deadline(seconds):
                    await asyncio.sleep(0)
                    await sidecar.call("chunk", [], fallback=lambda: OLD, timeout=1000)

            await asyncio.gather(*map(one, (10, 100, 900)))

    asyncio.run(main())
    small, middle, large = sorted(granted.ms[-3:])
    assert small <= 10_000 < middle <= 100_000 < large


def test_a_comparison_is_not_under_the_callers_deadline(serve):
    granted, told = Granted(), threading.Event()
    with hotpathd.Client(
        serve(granted).url, modes={"chunk": "shadow"}, timeout=60, on_event=lambda event: told.set()
    ) as sidecar:
        with hotpathd.deadline(0):
            assert sidecar.call("chunk", [], fallback=lambda: []) == []
        assert told.wait(20)
    assert granted.ms[0] > 30_000
