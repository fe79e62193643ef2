"""The promise, for every fault, on threads and on asyncio: the old result, in time, and no trace.

Each fault is a server's doing; each is tried by both clients on the same server.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import signal
import socket
import tempfile
import threading
import time

import pytest
from faults import Peer, echo, problem, reply, rollout, within
from test_faults import GARBAGE, GOOD, ROWS, in_child, saying, saying_and_holding

import hotpathd

OLD = object()
TIMEOUT_S = 0.15
MODES = {"chunk": "on"}


OF_CLIENT = {"breaker", "on_event", "poll_s"}


def told_apart(options):
    """The client's options, and those of each call."""
    of_client = {"breaker": None, **{n: v for n, v in options.items() if n in OF_CLIENT}}
    return of_client, {n: v for n, v in options.items() if n not in OF_CLIENT}


def times(count, until):
    """`count` turns, or turns as long as `until` says no."""
    while not until() if until else count > 0:
        count -= 1
        yield


def sync_call(url, count=1, timeout=TIMEOUT_S, modes=MODES, threads=1, until=None, **options):
    """[(result, last, seconds)] of calls one after the other, or of several threads."""
    of_client, options = told_apart(options)
    with hotpathd.Client(url, modes=modes, **of_client) as sidecar:
        done = []

        def work():
            for _ in times(count, until):
                started = time.monotonic()
                options_now = {"fallback": lambda: OLD, "request_id": "r-1", **options}
                result = sidecar.call("chunk", {"text": "a"}, timeout=timeout, **options_now)
                done.append((result, sidecar.last, time.monotonic() - started))

        if threads == 1:
            work()
        else:
            workers = [threading.Thread(target=work) for _ in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        return done


def async_call(url, count=1, timeout=TIMEOUT_S, modes=MODES, threads=1, until=None, **options):
    """The same by tasks of one loop."""
    of_client, options = told_apart(options)

    async def main():
        done = []
        async with hotpathd.AsyncClient(url, modes=modes, **of_client) as sidecar:

            async def old():
                return OLD

            async def work():
                for _ in times(count, until):
                    await asyncio.sleep(0)
                    started = time.monotonic()
                    options_now = {"fallback": old, "request_id": "r-1", **options}
                    result = await sidecar.call("chunk", {"text": "a"}, timeout=timeout, **options_now)
                    done.append((result, sidecar.last, time.monotonic() - started))

            await asyncio.gather(*[work() for _ in range(threads)])
        return done

    return asyncio.run(main())


CLIENTS = pytest.mark.parametrize("run", [sync_call, async_call], ids=["threads", "asyncio"])


def kept(run, url, reason, timeout=TIMEOUT_S, **options):
    def call():
        ((result, last, took),) = run(url, timeout=timeout, **options)
        assert result is OLD
        assert (last.outcome, last.reason, last.path) == ("fallback", reason, "legacy"), last
        return took

    within(timeout, call)


def head_then_drip(peer):
    head, _, body = GOOD.partition(b"\r\n\r\n")
    peer.request()
    peer.send(head + b"\r\n\r\n")
    peer.drip(body)


FAULTS = {
    "never answers": (lambda peer: peer.hold(), "timeout"),
    "never reads": (lambda peer: peer.stop.wait(10), "timeout"),
    "drips the head": (lambda peer: (peer.request(), peer.drip(GOOD)), "timeout"),
    "drips the body": (head_then_drip, "timeout"),
    "a length that is too long": (saying_and_holding(GOOD.replace(b"h: 21", b"h: 22")), "timeout"),
    "closes at once": (lambda peer: None, "connect"),
    "closes after the request": (saying(b""), "connect"),
    "closes within the head": (saying(GOOD[:30]), "connect"),
    "closes within the body": (saying(GOOD[:-1]), "connect"),
    "interim replies without end": (
        lambda peer: (peer.request(), peer.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 99, 0.001)),
        "timeout",
    ),
    "a redirect": (saying_and_holding(reply(b"", 302, Location="/v1/chunk")), "bad_reply"),
}
FAULTS.update({f"garbage: {name}": (saying_and_holding(data), "bad_reply") for name, data in GARBAGE.items()})
FAULTS.update(
    {f"{status} {code}": (saying_and_holding(problem(status, code)), reason)
     for status, codes, reason in ROWS for code in codes.split()}
)  # fmt: skip


@CLIENTS
@pytest.mark.parametrize("script, reason", FAULTS.values(), ids=FAULTS.keys())
def test_kept(serve, run, script, reason):
    kept(run, serve(script).url, reason, timeout=TIMEOUT_S if reason == "timeout" else 5)


@CLIENTS
def test_kept_where_a_reply_ends_at_every_byte(serve, run):
    def script(peer):
        peer.request()
        peer.send(GOOD[: peer.number])

    done = run(serve(script).url, count=len(GOOD) + 1, timeout=5)
    assert [last.reason for _, last, _ in done] == ["connect"] * len(GOOD) + [""]


@CLIENTS
def test_kept_where_nothing_can_be_reached(run, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    (tmp_path / "file").touch()
    for url in (kept_url, f"unix:{tmp_path}/none", f"unix:{tmp_path}/file", "unix:" + "x" * 200):
        kept(run, url, "connect", timeout=5)


@CLIENTS
def test_kept_where_the_socket_is_not_permitted(serve, run):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        server = serve(echo, folder + "/s")
        os.chmod(folder + "/s", 0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root may connect to any socket
        try:
            kept(run, server.url, "connect", timeout=5)
        finally:
            os.seteuid(user)
        assert server.connections == 0


WRONG_SHAPES = [None, [], 7, {"chunks": []}, {"text": 1, "chunks": [{"start": 0, "end": 1}]}, {"text": "", "chunks": [{}]}]


@CLIENTS
@pytest.mark.parametrize("answer", WRONG_SHAPES, ids=str)
def test_kept_where_the_answer_has_another_shape(serve, run, answer):
    url = serve(saying_and_holding(reply(answer))).url
    kept(run, url, "bad_reply", timeout=5, reply=lambda body: hotpathd._helpers.read_chunks(body, "a"))


@CLIENTS
@pytest.mark.parametrize("count", [300_000, 4_000_000])
def test_kept_where_the_answer_would_take_longer_to_read_than_there_is_time(serve, run, count):
    answer = reply(b"[" + b"[1]," * count + b"1]")
    kept(run, serve(saying_and_holding(answer)).url, "timeout")


@CLIENTS
def test_a_large_answer_of_long_strings_is_read(serve, run):
    answer = reply(json.dumps(["A sentence of some words, and another. " * 25] * 4000).encode())
    ((result, last, _),) = run(serve(saying_and_holding(answer)).url, timeout=2)
    assert last.outcome == "ok" and len(result) == 4000


@CLIENTS
def test_kept_where_the_accept_queue_is_full(run):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        kept(run, f"http://127.0.0.1:{listener.getsockname()[1]}", "timeout")
        for sock in waiting:
            sock.close()


@CLIENTS
def test_kept_at_once_where_the_queue_of_a_unix_socket_is_full(run, tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as waiting:
        listener.bind(path)
        listener.listen(0)
        waiting.connect(path)
        kept(run, f"unix:{path}", "connect", timeout=5)


@CLIENTS
def test_a_stale_connection_is_tried_once_more_and_no_oftener(serve, run):
    def one_reply_each(peer):
        if (request := peer.request()) is not None:
            peer.send(reply(request.body))
            peer.request()

    server = serve(one_reply_each)
    done = run(server.url, count=5, timeout=5)
    assert [last.outcome for _, last, _ in done] == ["ok"] * 5
    assert server.connections == 5

    def dies(peer):
        request = peer.request()
        if peer.number == 0:
            peer.send(reply(request.body))
            peer.request()

    server = serve(dies)
    done = run(server.url, count=2, timeout=5)
    assert [last.reason for _, last, _ in done] == ["", "connect"]
    assert server.connections == 2


@CLIENTS
def test_connections_are_kept_and_shared_and_bounded(serve, run):
    server = serve(echo)
    done = run(server.url, count=20, threads=100, timeout=20)
    assert {last.outcome for _, last, _ in done} == {"ok"}
    assert server.connections <= hotpathd._transport.MAX_OPEN


@CLIENTS
def test_nobody_waits_for_anothers_connection_beyond_its_budget(serve, run):
    """Twice as many callers as connections, on a server that answers none."""
    done = run(serve(lambda peer: peer.hold()).url, threads=130)
    assert len(done) == 130
    for result, last, took in done:
        assert result is OLD and last.reason == "timeout"
        assert took <= TIMEOUT_S + 0.6  # 130 of them, on one interpreter


CLOCKS = {"back": -1000, "forward": 1000, "to and fro": None}


@CLIENTS
@pytest.mark.parametrize("step", CLOCKS.values(), ids=CLOCKS.keys())
def test_a_wall_clock_that_is_set_changes_nothing(serve, run, monkeypatch, step):
    """Each look at it finds it elsewhere; budgets, the rollout and the breaker go by another."""
    looks = itertools.count(1)

    def wall_clock():
        look = next(looks)
        return 1e9 + (step * look if step is not None else 1e8 * (-1) ** look)

    monkeypatch.setattr(time, "time", wall_clock)
    hung = serve(lambda peer: peer.hold())
    kept(run, hung.url, "timeout")
    done = run(serve(echo).url, count=20, timeout=20, on_event=lambda event: None)
    assert [last.outcome for _, last, _ in done] == ["ok"] * 20
    assert next(looks) > 20  # the events' times are the wall clock's
    settings = hotpathd.Breaker(open_s=0.05)
    done = run(hung.url, count=6, timeout=0.01, breaker=settings)
    assert [last.reason for _, last, _ in done] == ["timeout"] * 5 + ["breaker_open"]


@CLIENTS
def test_a_rollout_that_changes_with_each_look_under_load(serve, run):
    """Each call takes one path or the other, whole; and none is told twice."""
    answers = itertools.cycle(["off", "on", "shadow", "canary"])
    looks = itertools.count(1)
    seen, events = set(), []
    enough = threading.Event()

    def script(peer):
        while (request := peer.request()) is not None:
            if request.target == "/v1/rollout":
                look = next(looks)
                peer.send(rollout(str(look), chunk=next(answers)))
                if look > 6:
                    enough.set()
            else:
                peer.send(reply(request.body, X_Request_Id=request.headers["x-request-id"]))

    url = serve(script).url
    done = run(
        url, modes=None, timeout=20, poll_s=0.01, threads=8, until=enough.is_set, request_id=None,
        on_event=events.append, key="k",
    )  # fmt: skip
    for result, last, _ in done:
        seen.add((last.outcome, last.reason))
        assert (result == {"text": "a"}) if last.outcome == "ok" else result is OLD
    assert {reason for _, reason in seen} <= {"", "off", "shadow", "shadow_dropped", "no_rollout"}
    assert {("ok", ""), ("legacy", "off"), ("legacy", "shadow")} <= seen
    told = [event["request_id"] for event in events]  # some are lost: calls come faster than they are written
    assert len(set(told)) == len(told) > 0
    assert set(told) <= {last.request_id for _, last, _ in done}


@CLIENTS
def test_the_reply_of_another_is_never_taken(serve, run):
    done = run(
        serve(echo).url, count=30, threads=20, timeout=20, request_id=None,
        reply=lambda body: json.dumps(body),
    )  # fmt: skip
    assert {result for result, _, _ in done} == {'{"text": "a"}'}


# The asyncio client's own


def test_the_asyncio_client_polls_shadows_and_records(serve, tmp_path):
    def script(peer: Peer):
        while (request := peer.request()) is not None:
            mode = rollout(chunk="shadow")
            peer.send(mode if request.target == "/v1/rollout" else reply(request.body))

    server = serve(script)
    path = tmp_path / "e"

    async def main():
        async with hotpathd.AsyncClient(server.url, events=path, poll_s=0.05) as sidecar:

            @sidecar.path("chunk", request=lambda n: {"n": n}, key=lambda n: str(n), timeout=5)
            async def old(n):
                await asyncio.sleep(0)
                return {"n": n}

            while sidecar.last.reason != "shadow":
                assert await old(3) == {"n": 3}
                await asyncio.sleep(0.01)
            while sidecar._shadow._queue.qsize():
                await asyncio.sleep(0.01)

    asyncio.run(main())
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert {(e["path"], e["match"]) for e in found if e["mode"] == "shadow"} == {("both", True)}


def test_the_asyncio_client_runs_noise_on_its_loop(serve):
    threads = []
    seen = []

    async def main():
        loop = asyncio.get_running_loop()
        told = asyncio.Event()

        def hook(event):
            seen.append(event)
            loop.call_soon_threadsafe(told.set)

        modes = {"chunk": "shadow"}
        async with hotpathd.AsyncClient("unix:/none", modes=modes, noise=100, on_event=hook) as sidecar:

            async def old():
                threads.append(threading.current_thread())
                return [1]

            assert await sidecar.call("chunk", {}, fallback=old) == [1]
            await asyncio.wait_for(told.wait(), 20)

    asyncio.run(main())
    assert [e["reason"] for e in seen] == ["noise"] and seen[0]["match"] is True
    assert threads == [threading.main_thread()] * 2


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # what a loop leaves behind at its end
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_asyncio_client_serves_one_loop_after_another_and_a_fork(serve):
    server = serve(echo)
    sidecar = hotpathd.AsyncClient(server.url, modes=MODES)

    def call(body):
        return asyncio.run(sidecar.call("chunk", body, fallback=lambda: OLD, timeout=5))

    assert call(["a"]) == ["a"]
    assert call(["b"]) == ["b"]
    assert in_child(lambda: call(["child"]))
    assert call(["c"]) == ["c"]
    sidecar.close()
    del sidecar
    gc.collect()


def test_a_connection_that_is_lost_before_it_is_used_is_no_wait():
    async def main():
        loop = asyncio.get_running_loop()
        connection = hotpathd._aio_transport._Connection(loop)
        connection.connection_lost(None)
        budget = hotpathd._budget.Budget(60, time.monotonic, time.monotonic())
        request = hotpathd._transport.Request("POST /v1/chunk HTTP/1.1\r\n", b"{}")
        with pytest.raises(ConnectionAbortedError):
            await connection.exchange(request, budget, False)
        with pytest.raises(hotpathd._transport.Unanswered):
            await connection.exchange(request, budget, True)

    asyncio.run(main())


def test_last_is_of_the_task(serve):
    async def main():
        async with hotpathd.AsyncClient(serve(echo).url, modes=MODES) as sidecar:

            async def one(name):
                await sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5, request_id=name)
                await asyncio.sleep(0)
                return sidecar.last.request_id

            assert await asyncio.gather(*map(one, "abcdef")) == list("abcdef")
            assert sidecar.last == hotpathd.Last()

    asyncio.run(main())


def test_last_is_of_the_client(serve):
    async def main():
        url = serve(echo).url
        async with hotpathd.AsyncClient(url, modes=MODES) as one, hotpathd.AsyncClient(url, modes=MODES) as other:
            for sidecar, name in ((one, "one"), (other, "other")):
                await sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5, request_id=name)
            assert (one.last.request_id, other.last.request_id) == ("one", "other")

    asyncio.run(main())


def test_the_asyncio_client_decorates_coroutine_functions_only():
    sidecar = hotpathd.AsyncClient("unix:/none", modes={})
    with pytest.raises(TypeError):
        sidecar.path("chunk", request=dict)(lambda x: x)


# The real daemon, stopped and killed

BINARY = os.environ.get("HOTPATHD_BIN", "")


@CLIENTS
@pytest.mark.skipif(not os.access(BINARY, os.X_OK), reason="HOTPATHD_BIN names no program")
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_kept_where_the_daemon_is_stopped(run, tmp_path, kind):
    from test_daemon import Daemon

    daemon = Daemon(tmp_path)
    try:
        assert [last.outcome for _, last, _ in run(getattr(daemon, kind), timeout=5)] == ["ok"]
        os.kill(daemon.process.pid, signal.SIGSTOP)
        kept(run, getattr(daemon, kind), "timeout")
        os.kill(daemon.process.pid, signal.SIGCONT)
        assert [last.outcome for _, last, _ in run(getattr(daemon, kind), timeout=5)] == ["ok"]
    finally:
        daemon.stop(signal.SIGKILL)
    kept(run, getattr(daemon, kind), "connect", timeout=5)


# A server that forks its workers after the first calls, as gunicorn --preload does


def test_a_client_of_before_the_fork_serves_every_worker(serve):
    server = serve(echo)
    with hotpathd.Client(server.url, modes=MODES) as sidecar:
        sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5)

        def work():
            for number in range(20):
                if sidecar.call("chunk", [number], fallback=lambda: OLD, timeout=5) != [number]:
                    return None
            return ["child"]

        children = [threading.Thread(target=lambda: results.append(in_child(work))) for _ in range(4)]
        results = []
        for child in children:
            child.start()
        for child in children:
            child.join()
        assert results == [True] * 4
        assert sidecar.call("chunk", ["p"], fallback=lambda: OLD, timeout=5) == ["p"]
