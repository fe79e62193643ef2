"""What 2,000 calls of each fault leave behind, by threads and by asyncio: nothing."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import weakref

import pytest
from faults import Canned, problem, reply
from test_faults import GARBAGE, GOOD

import hotpathd

CALLS, WORKERS = 2000, 8
WARM = 200
# Objects of a connection's transport, or of one that failed, that asyncio itself leaves to the collector.
OF_ASYNCIO = 12 if sys.version_info >= (3, 11) else 40
LEAST_S = 0.002  # a timeout, where one is to pass
HEAD, _, BODY = GOOD.partition(b"\r\n\r\n")
# fault: (answer, whether the connection is then closed, the reason that the calls have)
FAULTS = {
    "no answer": (b"", False, "timeout"),
    "half a head": (HEAD[:30], False, "timeout"),
    "half a body": (GOOD[:-3], False, "timeout"),
    "closed": (b"", True, "connect"),
    "closed within the body": (GOOD[:-3], True, "connect"),
    "garbage": (GARBAGE["no HTTP"], False, "bad_reply"),
    "a broken chunk": (GARBAGE["a chunk longer than its size"], False, "bad_reply"),
    "deep JSON": (reply(b"[" * 5000), False, "bad_reply"),
    "a refusal": (problem(422, "out_of_range"), False, "contract"),
    "overload": (problem(429, "overloaded"), True, "overloaded"),
    "a stale connection": (GOOD, True, ""),
    "none": (GOOD, False, ""),
}
NAMES = list(FAULTS)


@pytest.fixture(scope="module")
def canned(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("canned") / "s")
    server = Canned(path, [(answer, closes) for answer, closes, _ in FAULTS.values()])
    yield server
    server.close()


def by_threads(url, count, **options):
    with hotpathd.Client(url, modes={"chunk": "on"}, breaker=None) as sidecar:
        reasons = [set() for _ in range(WORKERS)]

        def work(mine):
            for _ in range(count // WORKERS):
                sidecar.call("chunk", fallback=lambda: None, request_id="r-1", **options)
                mine.add(sidecar.last.reason)

        threads = [threading.Thread(target=work, args=(mine,)) for mine in reasons]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return set.union(*reasons)


def by_tasks(url, count, **options):
    async def main():
        reasons = set()
        async with hotpathd.AsyncClient(url, modes={"chunk": "on"}, breaker=None) as sidecar:

            async def work():
                for _ in range(count // WORKERS):
                    await sidecar.call("chunk", fallback=lambda: None, request_id="r-1", **options)
                    reasons.add(sidecar.last.reason)

            await asyncio.gather(*[work() for _ in range(WORKERS)])
        return reasons

    return asyncio.run(main())


def grown(run):
    """Threads, descriptors and blocks of memory that `run` leaves behind, and what the collector found."""

    def now():
        return threading.active_count(), len(os.listdir("/proc/self/fd")), sys.getallocatedblocks()

    gc.collect()
    before = now()
    gc.disable()
    try:
        run()
    finally:
        gc.enable()
    circles = gc.collect()
    return [*(after - b for after, b in zip(now(), before)), circles]


@pytest.mark.parametrize("run", [by_threads, by_tasks], ids=["threads", "asyncio"])
@pytest.mark.parametrize("fault", [*FAULTS, "nothing listens"])
def test_two_thousand_calls_leave_nothing_behind(canned, run, fault):
    url, number, reason = "unix:/none", 0, "connect"
    if fault in FAULTS:
        url, number, reason = canned.url, NAMES.index(fault), FAULTS[fault][2]
    timeout = LEAST_S if reason == "timeout" else 20

    def calls(count):
        reasons = run(url, count, body=b"%02d" % number, timeout=timeout)
        if reason == "timeout":
            reasons.discard("connect")  # callers that leave so soon may fill the queue of connections
        assert reasons == {reason}
        canned.settle()

    calls(WARM)
    threads, files, blocks, circles = grown(lambda: calls(CALLS))
    assert (threads, files) == (0, 0)
    assert blocks < CALLS / 4  # a leak of one block a call would be all of them
    assert circles < CALLS * (OF_ASYNCIO if run is by_tasks else 0.25)


class Document(dict):
    """A body of which can be seen how long it is there."""


def refused(answer, document):
    raise ValueError


# how a call ends: (the fault, the mode, the timeout, whether JSON holds the body, `reply`)
ENDINGS = {
    "ok": ("none", "on", 20, True, None),
    "off": ("none", "off", 20, True, None),
    "timeout": ("no answer", "on", LEAST_S, True, None),
    "spent": ("none", "on", 0, True, None),
    "connect": ("closed", "on", 20, True, None),
    "bad_reply": ("garbage", "on", 20, True, None),
    "refused": ("none", "on", 20, True, refused),
    "contract": ("none", "on", 20, False, None),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_a_document_goes_with_its_call(canned, how):
    """At once, and not when the collector comes by: in an outage there are many, and each may be large."""
    fault, mode, timeout, fits, reply = ENDINGS[how]
    settings = {"modes": {"chunk": mode}, "breaker": None}
    options = {"request": lambda body: b"%02d" % NAMES.index(fault) if fits else body, "reply": reply, "timeout": timeout}

    def old(document):
        return "old"

    async def old_on_a_loop(document):
        return "old"

    def document():
        made = Document(what=object())
        return made, weakref.ref(made)

    async def on_a_loop():
        async with hotpathd.AsyncClient(canned.url, **settings) as sidecar:
            body, seen = document()
            await sidecar.path("chunk", **options)(old_on_a_loop)(body)
            del body
            await asyncio.sleep(0)  # the loop's own step holds what it has waited for
            return seen() is None

    gc.disable()
    try:
        with hotpathd.Client(canned.url, **settings) as sidecar:
            body, seen = document()
            sidecar.path("chunk", **options)(old)(body)
            del body
            assert seen() is None
        assert asyncio.run(on_a_loop())
    finally:
        gc.enable()
    canned.settle()
