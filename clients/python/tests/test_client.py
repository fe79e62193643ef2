"""What a caller sees of calls that go well, and of its own mistakes."""

from __future__ import annotations

import json
import signal
import threading
import time

import pytest
from faults import Peer, echo, problem, reply

import hotpathd
from hotpathd import _address

OLD = object()


class Recorder:
    """A script that keeps each request and answers with its body."""

    def __init__(self):
        self.requests = []

    def __call__(self, peer: Peer) -> None:
        while (request := peer.request()) is not None:
            self.requests.append(request)
            peer.send(reply(request.body))


@pytest.fixture
def recorder():
    return Recorder()


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_call_says_what_the_contract_asks_for(serve, client, recorder, tmp_path, kind):
    path = str(tmp_path / "s") if kind == "unix" else None
    server = serve(recorder, path)
    sidecar = client(server.url, caller="worker/1.4")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    body = {"text": "naïve \U0001f600 \x00"}
    got = sidecar.call(
        "chunk", body, fallback=lambda: OLD, timeout=5, request_id="abc", traceparent=trace
    )
    assert got == body
    (request,) = recorder.requests
    assert (request.method, request.target) == ("POST", "/v1/chunk")
    host = "localhost" if kind == "unix" else server.url[len("http://") :]
    timeout_ms = request.headers.pop("x-request-timeout-ms")
    assert 0 < int(timeout_ms) <= 5000
    assert request.headers == {
        "host": host,
        "content-type": "application/json",
        "content-length": str(len(request.body)),
        "x-request-id": "abc",
        "x-hotpath-mode": "live",
        "x-hotpath-caller": "worker/1.4",
        "traceparent": trace,
    }


def test_last_tells_of_a_call_that_went_well(serve, client):
    sidecar = client(serve(echo).url)
    assert sidecar.last == hotpathd.Last()
    sidecar.call("chunk", [1], fallback=lambda: OLD, timeout=5)
    last = sidecar.last
    assert (last.outcome, last.reason, last.path, last.detail) == ("ok", "", "sidecar", "")
    assert last.legacy_ms is None
    assert 0 < last.sidecar_ms <= last.total_ms < 5000
    assert len(last.request_id) == 32


def test_last_is_of_this_thread(serve, client):
    sidecar = client(serve(echo).url)
    sidecar.call("chunk", [1], fallback=lambda: OLD, timeout=5, request_id="mine")
    seen = []

    def work():
        seen.append(sidecar.last)
        sidecar.call("chunk", [1], fallback=lambda: OLD, timeout=5, request_id="theirs")
        seen.append(sidecar.last.request_id)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [hotpathd.Last(), "theirs"]
    assert sidecar.last.request_id == "mine"


@pytest.mark.parametrize("bad", ["", "a b", "a\r\nX: y", "é", "x" * 129])
def test_a_malformed_request_id_is_replaced(serve, client, recorder, bad):
    sidecar = client(serve(recorder).url)
    sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5, request_id=bad)
    assert recorder.requests[0].headers["x-request-id"] == sidecar.last.request_id != bad


@pytest.mark.parametrize("bad", ["", "00-xyz", "00-" + "0" * 32 + "-" + "0" * 16 + "-01\r\nX: y"])
def test_a_malformed_traceparent_is_not_sent(serve, client, recorder, bad):
    sidecar = client(serve(recorder).url)
    sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5, traceparent=bad)
    assert "traceparent" not in recorder.requests[0].headers


def test_a_body_of_bytes_is_sent_as_it_is(serve, client, recorder):
    sidecar = client(serve(recorder).url)
    assert sidecar.call("chunk", b'{"a" : 1}', fallback=lambda: OLD, timeout=5) == {"a": 1}
    assert recorder.requests[0].body == b'{"a" : 1}'


def test_an_empty_body_has_a_length(serve, client, recorder):
    sidecar = client(serve(recorder).url)
    assert sidecar.call("chunk", b"", fallback=lambda: OLD, timeout=5) is OLD
    assert recorder.requests[0].headers["content-length"] == "0"


def test_a_large_body_and_reply_arrive_whole(serve, client):
    text = "0123456789abcdef" * 500_000
    sidecar = client(serve(echo).url)
    assert sidecar.call("chunk", {"text": text}, fallback=lambda: OLD, timeout=30) == {"text": text}


def test_connections_are_kept(serve, client):
    server = serve(echo)
    sidecar = client(server.url)
    for number in range(200):
        assert sidecar.call("chunk", [number], fallback=lambda: OLD, timeout=5) == [number]
    assert server.connections == 1


def test_an_idle_connection_is_dropped_in_time(serve, client):
    server = serve(echo)
    sidecar = client(server.url)
    now = 0.0
    sidecar._transport._clock = lambda: now
    sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5)
    now = 15.0
    sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5)
    assert server.connections == 1
    now = 30.1
    sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5)
    assert server.connections == 2


def test_a_proxy_of_the_environment_is_not_asked(serve, client, monkeypatch):
    proxy = serve(lambda peer: peer.hold())
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    sidecar = client(serve(echo).url)
    assert sidecar.call("chunk", [1], fallback=lambda: OLD, timeout=5) == [1]
    assert proxy.connections == 0


# The caller's own functions


def test_the_decorated_function_is_the_fallback(serve, client):
    good = True

    def script(peer):
        while (request := peer.request()) is not None:
            peer.send(reply(request.body) if good else problem(503, "draining"))

    sidecar = client(serve(script).url)

    class Splitter:
        """Methods can be decorated, too."""

        @sidecar.path(
            "chunk",
            timeout=5,
            request=lambda self, document, sep=" ": {"document": document, "sep": sep},
            reply=lambda body, self, document, sep=" ": ["new", body["document"], body["sep"]],
        )
        def split(self, document, sep=" "):
            """Splits."""
            return ["old", document, sep]

    splitter = Splitter()
    assert splitter.split("a") == ["new", "a", " "]
    assert splitter.split("a", sep="-") == ["new", "a", "-"]
    assert sidecar.last.path == "sidecar"
    good = False
    assert splitter.split("a", sep="-") == ["old", "a", "-"]
    assert (sidecar.last.reason, sidecar.last.path) == ("draining", "legacy")
    assert (Splitter.split.__name__, Splitter.split.__doc__) == ("split", "Splits.")


def test_a_decorator_without_reply_returns_the_answer(serve, client):
    sidecar = client(serve(echo).url)
    assert sidecar.path("chunk", request=lambda x: {"x": x}, timeout=5)(lambda x: OLD)(3) == {"x": 3}


def test_a_coroutine_function_is_not_decorated(client):
    async def split(document):
        return document

    with pytest.raises(TypeError):
        client("unix:/none").path("chunk", request=lambda document: {})(split)


def test_a_reply_that_raises_means_the_fallback(serve, client):
    server = serve(echo)
    sidecar = client(server.url)
    got = sidecar.call(
        "chunk", {"secret": 1}, fallback=lambda: OLD, reply=lambda body: body["chunks"], timeout=5
    )
    assert got is OLD
    last = sidecar.last
    assert (last.outcome, last.reason) == ("fallback", "bad_reply")
    assert last.detail.startswith("KeyError at test_client.py:")
    sidecar.call("chunk", [], fallback=lambda: OLD, timeout=5)
    assert server.connections == 1


@pytest.mark.parametrize("body", [object(), {"a": {1, 2}}, {("a",): 1}])
def test_a_body_that_json_cannot_hold_means_the_fallback(client, body):
    sidecar = client("unix:/none")
    assert sidecar.call("chunk", body, fallback=lambda: OLD) is OLD
    assert sidecar.last.reason == "contract"
    assert sidecar.last.detail.startswith("TypeError at ")


def test_a_request_or_key_that_raises_means_the_fallback(client):
    def broken(*_args):
        raise RuntimeError("a document's own words")

    canary = {"chunk": {"mode": "canary", "percent": 50}}
    sidecar = client("unix:/none", modes=canary)
    assert sidecar.path("chunk", request=broken)(lambda x: OLD)(1) is OLD
    assert sidecar.path("chunk", request=lambda x: x, key=broken)(lambda x: OLD)(1) is OLD
    assert sidecar.last.reason == "contract"
    assert sidecar.last.detail.startswith("RuntimeError at test_client.py:")


def test_the_fallbacks_error_is_the_callers_and_stands_alone(client):
    sidecar = client("unix:/none")
    ours = ValueError("the old code's")

    def fallback():
        raise ours

    with pytest.raises(ValueError) as raised:
        sidecar.call("chunk", {}, fallback=fallback)
    assert raised.value is ours
    assert ours.__context__ is None and ours.__cause__ is None
    assert (sidecar.last.outcome, sidecar.last.reason) == ("fallback", "connect")
    assert sidecar.last.legacy_ms is not None


class GivenUp(Exception):
    """As task queues raise from a signal handler."""


@pytest.mark.parametrize("kind", [GivenUp, TimeoutError, KeyboardInterrupt])
def test_a_caller_that_gives_up_is_not_answered_by_the_fallback(serve, client, kind):
    """Its exception goes through, the old code is not run, and the connection is not kept."""

    def script(peer):
        peer.request()
        signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
        peer.hold()

    server = serve(script)
    sidecar = client(server.url)
    ran = []

    def give_up(_signal, _frame):
        raise kind("given up")

    before = signal.signal(signal.SIGALRM, give_up)
    try:
        with pytest.raises(kind, match="given up"):
            sidecar.call("chunk", {}, fallback=lambda: ran.append(1), timeout=10)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert ran == []
    assert sidecar._transport.idle() == 0
    server.settle()


# Settings


def test_the_budget_is_the_calls_else_the_clients_else_the_routes(serve, client):
    modes = {"chunk": {"mode": "on", "deadline_ms": 3000}}

    def granted_ms(budget=None, **settings):
        """The most of a few calls: what a busy machine takes before it sends is not granted."""
        recorder = Recorder()
        sidecar = client(serve(recorder).url, **settings)
        for _ in range(5):
            sidecar.call("chunk", {}, fallback=lambda: OLD, timeout=budget)
        return max(int(of.headers["x-request-timeout-ms"]) for of in recorder.requests)

    assert 1000 < granted_ms(modes=modes) <= 3000
    assert 3000 < granted_ms(modes=modes, timeout=30) <= 30000
    assert 250 < granted_ms(1, modes=modes, timeout=30) <= 1000
    assert 1 < granted_ms() <= 250


def test_the_url_comes_from_the_argument_else_the_environment(monkeypatch, tmp_path):
    assert _address.find(None).url in (_address.TCP_URL, "unix:" + _address.SOCKET_PATH)
    there = tmp_path / "there"
    monkeypatch.setattr(_address, "SOCKET_PATH", str(there))
    assert _address.find(None).url == "http://127.0.0.1:8377"
    there.touch()
    assert _address.find(None).url == f"unix:{there}"
    monkeypatch.setenv("HOTPATHD_URL", "http://127.0.0.1:9")
    assert _address.find(None).target == ("127.0.0.1", 9)
    assert _address.find("unix:/a").target == "/a"


@pytest.mark.parametrize(
    "url, target, host",
    [
        ("http://127.0.0.1:8377", ("127.0.0.1", 8377), "127.0.0.1:8377"),
        ("http://127.0.0.1:8377/", ("127.0.0.1", 8377), "127.0.0.1:8377"),
        ("http://localhost:1", ("127.0.0.1", 1), "127.0.0.1:1"),
        ("http://[::1]:8377", ("::1", 8377), "[::1]:8377"),
        ("http://10.0.0.1", ("10.0.0.1", 80), "10.0.0.1:80"),
        ("unix:/run/x.sock", "/run/x.sock", "localhost"),
        ("unix:///run/x.sock", "/run/x.sock", "localhost"),
    ],
)
def test_reads_url(url, target, host):
    address = _address.parse(url)
    assert (address.target, address.host) == (target, host)


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8377", "https://127.0.0.1:1", "http://name:1", "http://:1", "http://127.0.0.1:x",
     "http://127.0.0.1:70000", "http://127.0.0.1/v1", "http://u@127.0.0.1:1", "http://127.0.0.1:1?a",
     "unix:", "unix://", "unix:/a\0b"],
)  # fmt: skip
def test_refuses_url(url):
    with pytest.raises(ValueError):
        _address.parse(url)


@pytest.mark.parametrize("caller", ["", "a\r\nb", "é", "x" * 65])
def test_refuses_caller(caller):
    with pytest.raises(ValueError):
        hotpathd.Client("unix:/none", modes={}, caller=caller)


def test_a_closed_client_takes_the_old_path(serve, client):
    server = serve(echo)
    with client(server.url) as sidecar:
        assert sidecar.call("chunk", [1], fallback=lambda: OLD, timeout=5) == [1]
    server.settle()
    assert sidecar.call("chunk", [1], fallback=lambda: OLD, timeout=5) is OLD
    assert (sidecar.last.outcome, sidecar.last.reason) == ("legacy", "off")
    assert server.connections == 1


def test_a_call_adds_little_to_the_old_path(client):
    """Not a measurement: a guard against work on a path that asks nothing, such as a body's JSON."""
    body = {"text": ["word"] * 20_000}
    sidecar = client("unix:/none", modes={})
    call, encode = [], []
    for _ in range(50):
        call.append(seconds(lambda: sidecar.call("chunk", body, fallback=lambda: OLD)))
        encode.append(seconds(lambda: json.dumps(body)))
    assert min(call) < min(encode) / 4


def seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
