"""What happens around a call: forks, ends of the interpreter, signals, names, and what 2,000 calls leave."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from faults import echo, problem, reply, within
from test_promise import CLIENTS, MODES, OLD, TIMEOUT_S, kept

import hotpathd

SOURCE = str(pathlib.Path(__file__).parents[1] / "src")


# Forks


class Blocking:
    """A client as the parent has used it, and what a worker does with it."""

    def __init__(self, url):
        self.sidecar = hotpathd.Client(url, modes=MODES, breaker=None)

    def call(self, number):
        return self.sidecar.call("chunk", [number], fallback=lambda: OLD, timeout=20)


class OnALoop:
    """The same by asyncio: a loop for each call, as task queues do it."""

    def __init__(self, url):
        self.sidecar = hotpathd.AsyncClient(url, modes=MODES, breaker=None)

    def call(self, number):
        return asyncio.run(self.sidecar.call("chunk", [number], fallback=lambda: OLD, timeout=20))


BOTH = pytest.mark.parametrize("kind", [Blocking, OnALoop], ids=["threads", "asyncio"])
LEFT_OPEN = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@BOTH
@LEFT_OPEN  # what a loop leaves behind at its end
def test_workers_of_multiprocessing_use_the_parents_client(serve, kind):
    used = kind(serve(echo).url)
    assert used.call(0) == [0]
    _inherited["used"] = used
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert pool.map(_work, range(60)) == [[number] for number in range(60)]
    assert used.call(1) == [1]
    _inherited.clear()
    used.sidecar.close()
    del used
    gc.collect()


_inherited = {}


def _work(number):
    return _inherited["used"].call(number)


@BOTH
@LEFT_OPEN
def test_a_fork_while_other_threads_are_in_calls(serve, kind):
    """As gunicorn --preload, which may fork again at any time; the children end by signal."""
    server = serve(echo)
    used = kind(server.url)
    stop = threading.Event()
    wrong = []

    def busy():
        own = used if kind is Blocking else kind(server.url)
        while not stop.is_set():
            if own.call(7) != [7]:
                wrong.append(own.sidecar.last)
        if own is not used:
            own.sidecar.close()

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert _child_serves_and_is_stopped(used)
            assert used.call(8) == [8]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    used.sidecar.close()
    del used
    gc.collect()


def _child_serves_and_is_stopped(used):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            good = all(used.call(number) == [number] for number in range(5))
            os.write(write, b"y" if good else b"n")
            signal.pause()
        finally:
            os._exit(1)
    os.close(write)
    said = os.read(read, 1)
    os.close(read)
    os.kill(pid, signal.SIGTERM)
    _, status = os.waitpid(pid, 0)
    return said == b"y" and os.WIFSIGNALED(status)


def test_a_fork_that_python_does_not_hear_of(serve, client):
    """Servers in C fork without Python's hooks: the process id tells."""
    server = serve(echo)
    sidecar = client(server.url)
    assert sidecar.call("chunk", [1], fallback=lambda: OLD, timeout=5) == [1]
    sidecar._transport._pid = -1
    assert sidecar.call("chunk", [2], fallback=lambda: OLD, timeout=5) == [2]
    assert server.connections == 2

# Forks in the midst of things


def forked(work):
    """`work` in a child; whether it returned True there. A child that stays is ended."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if work() is True else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("where", ["request", "reply", "fallback"])
def test_a_fork_within_a_call(serve, client, where):
    """The caller's own functions may fork: the call goes on in both, each on connections of its own."""
    server = serve(echo)
    sidecar = client(server.url, modes={"chunk": "on", "score": "off"})
    seen = []

    def fork(result):
        seen.append(os.fork())
        return result

    route = "score" if where == "fallback" else "chunk"
    call = sidecar.path(
        route, timeout=20,
        request=lambda n: fork([n]) if where == "request" else [n],
        reply=lambda body, n: fork(body) if where == "reply" else body,
    )(lambda n: fork([n]) if where == "fallback" else OLD)  # fmt: skip
    parent = os.getpid()
    good = False
    try:
        good = call(1) == [1] and sidecar.call("chunk", [2], fallback=lambda: OLD, timeout=20) == [2]
    finally:
        if os.getpid() != parent:
            os._exit(0 if good else 1)
    assert good
    assert os.waitstatus_to_exitcode(os.waitpid(seen[0], 0)[1]) == 0
    assert server.connections == 2


@pytest.mark.parametrize("size", [1, 2_000_000])
def test_a_fork_by_a_signal_handler_while_a_call_waits(serve, client, size):
    """Both come back into the wait: the reply is the parent's, the child has its old code."""
    forked_already = threading.Event()

    def script(peer):
        if peer.number == 0:
            peer.sock.recv(1, socket.MSG_PEEK)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            assert forked_already.wait(20)
        while (request := peer.request()) is not None:
            peer.send(reply({"length": len(request.body)}))

    def fork(_signal, _frame):
        pids.append(os.fork())
        if pids[0]:
            forked_already.set()

    pids = []
    body = b'"%s"' % (b"x" * size)
    before = signal.signal(signal.SIGUSR1, fork)
    try:
        sidecar = client(serve(script).url)
        got = [sidecar.call("chunk", body, fallback=lambda: OLD, timeout=20)]
        reason = sidecar.last.reason
        got.append(sidecar.call("chunk", body, fallback=lambda: OLD, timeout=20))
        answer = {"length": len(body)}
        if pids[0] == 0:
            os._exit(0 if (got, reason) == ([OLD, answer], "connect") else 1)
        assert (got, reason) == ([answer, answer], "")
        assert os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]) == 0
    finally:
        if 0 in pids:
            os._exit(1)
        signal.signal(signal.SIGUSR1, before)


def test_a_fork_while_a_comparison_is_under_way(serve, client):
    """It is the parent's, and told once; the child compares on its own."""
    held, release = threading.Event(), threading.Event()

    def script(peer):
        while (request := peer.request()) is not None:
            if peer.number == 0:
                held.set()
                assert release.wait(20)
            peer.send(reply(request.body))

    events = []
    sidecar = client(serve(script).url, modes={"chunk": "shadow"}, on_event=events.append, timeout=20)

    def compared(number):
        assert sidecar.call("chunk", [number], fallback=lambda: [number]) == [number]

    def wait_for(count):
        end = time.monotonic() + 20
        while len(events) < count and time.monotonic() < end:
            time.sleep(0.001)
        return [event["match"] for event in events] == [True] * count

    def in_the_child():
        compared(2)
        return wait_for(1)

    compared(1)
    assert held.wait(20)
    assert forked(in_the_child)
    assert events == []
    release.set()
    assert wait_for(1)


# The end of the interpreter

PROGRAM = """
import asyncio, sys, threading, hotpathd
url, kind = sys.argv[1:]
modes = {"chunk": "on"}

def blocking():
    sidecar.call("chunk", {}, fallback=lambda: None, timeout=30)

async def on_a_loop():
    async with hotpathd.AsyncClient(url, modes=modes) as sidecar:
        await sidecar.call("chunk", {}, fallback=lambda: None, timeout=30)

if kind == "shadow":
    modes = {"chunk": "shadow"}
sidecar = hotpathd.Client(url, modes=modes, events="/dev/null")
work = (lambda: asyncio.run(on_a_loop())) if kind == "asyncio" else blocking
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
sys.stdin.readline()
print("end")
"""


@pytest.mark.parametrize("kind", ["threads", "asyncio", "shadow"])
def test_an_interpreter_ends_while_calls_are_under_way(serve, kind):
    server = serve(lambda peer: peer.hold())
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, server.url, kind], env={**os.environ, "PYTHONPATH": SOURCE},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while server.connections < (1 if kind == "shadow" else 4):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        out, err = process.communicate("\n", timeout=20)  # of a budget of 30
    assert (process.returncode, out, err) == (0, "end\n", "")


# Signals and names


def test_signals_do_not_lengthen_a_wait(serve, client):
    """As a sampling profiler sends them: each ends the wait, which goes on with what is left."""
    sidecar = client(serve(lambda peer: peer.hold()).url)
    heard = []
    before = signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)

    def call():
        started = time.monotonic()
        assert sidecar.call("chunk", {}, fallback=lambda: OLD, timeout=TIMEOUT_S) is OLD
        assert sidecar.last.reason == "timeout"
        return time.monotonic() - started

    try:
        within(TIMEOUT_S, call)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(heard) > 1  # a loaded machine makes one of several


@CLIENTS
def test_a_slow_resolver_is_never_asked(serve, run, monkeypatch):
    """An address is an IP address or localhost, and neither is looked up."""

    def slow(*_args, **_options):
        time.sleep(5)
        raise AssertionError("looked up")

    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        monkeypatch.setattr(socket, name, slow)
    url = serve(lambda peer: peer.hold()).url
    kept(run, url, "timeout")
    kept(run, url.replace("127.0.0.1", "localhost"), "timeout")
    with pytest.raises(ValueError):
        hotpathd.Client("http://sidecar.internal:8377")


# Replies before the request is out


def test_an_answer_ends_a_body_that_is_still_going_out(serve, client):
    """The rest of the body is not sent, and the connection is not used again."""

    def script(peer):
        peer.sock.recv(1000)
        peer.send(problem(413, "too_large"))
        peer.stop.wait(20)

    server = serve(script)
    sidecar = client(server.url)
    body = b'"%s"' % (b"x" * 8_000_000)
    for count in (1, 2):
        assert sidecar.call("chunk", body, fallback=lambda: OLD, timeout=10) is OLD
        assert sidecar.last.reason == "contract"
        assert server.connections == count
    assert sidecar._transport.idle() == 0
