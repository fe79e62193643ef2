"""The breaker: when it opens, what it costs while open, and how it closes again."""

from __future__ import annotations

import threading
import time

import pytest
from faults import answer_to, problem, reply
from test_faults import in_child

import hotpathd
from hotpathd import _breaker
from hotpathd._breaker import Breaker, RouteBreaker

OLD = object()


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock, monkeypatch):
    monkeypatch.setattr(_breaker._dice, "uniform", lambda low, high: 1.0)
    return RouteBreaker("chunk", Breaker(), clock)


def hear(breaker, reasons):
    for reason in reasons:
        ticket = breaker.admit()
        assert ticket is not None
        breaker.heard(ticket, reason)


@pytest.mark.parametrize("reason", sorted(_breaker.FAILURES))
def test_opens_at_its_ratio_and_not_before(breaker, reason):
    hear(breaker, ["", reason] * 9 + [""])
    assert breaker.admit() is not None
    hear(breaker, [reason])
    assert breaker.admit() is None


def test_a_small_sample_never_opens_it(breaker):
    hear(breaker, ["overloaded"] * 19)
    assert breaker.admit() is not None


def test_a_caller_too_slow_for_the_window_stops_asking_a_daemon_that_does_not_answer(breaker, clock):
    for reason in ("timeout", "connect", "timeout", "timeout"):
        hear(breaker, [reason])
        clock.now += 60.0
    assert breaker.admit() is not None
    hear(breaker, ["connect"])
    assert breaker.admit() is None


@pytest.mark.parametrize("answer", ["", "overloaded", "http_5xx", "bad_reply"])
def test_any_answer_ends_the_row(breaker, clock, answer):
    for _ in range(10):
        hear(breaker, ["timeout"] * 4 + [answer])
        clock.now += 10.0
    assert breaker.admit() is not None


@pytest.mark.parametrize("reason", ["cancelled", "contract", "route_off"])
def test_what_says_nothing_of_health_does_not_end_the_row(breaker, reason):
    hear(breaker, ["timeout", reason] * 4)
    assert breaker.admit() is not None
    hear(breaker, ["timeout"])
    assert breaker.admit() is None


@pytest.mark.parametrize("reason", ["route_off", "draining", "contract", "http_4xx", "cancelled"])
def test_what_says_nothing_of_health_does_not_count(breaker, reason):
    hear(breaker, [reason] * 100 + ["overloaded"] * 19)
    assert breaker.admit() is not None


def test_old_failures_leave_the_window(breaker, clock):
    hear(breaker, ["overloaded"] * 19)
    clock.now += 10.0
    hear(breaker, ["overloaded"] * 19)
    clock.now += 500.0
    hear(breaker, ["overloaded"] * 19)
    assert breaker.admit() is not None
    hear(breaker, ["overloaded"])
    assert breaker.admit() is None


def open_up(breaker):
    hear(breaker, ["overloaded"] * 20)
    assert breaker.admit() is None


def test_one_probe_closes_it(breaker, clock):
    open_up(breaker)
    clock.now += 1.99
    assert breaker.admit() is None
    clock.now += 0.02
    probe = breaker.admit()
    assert probe is not None
    assert [breaker.admit() for _ in range(100)] == [None] * 100
    breaker.heard(probe, "")
    hear(breaker, ["overloaded"] * 19)
    assert breaker.admit() is not None  # what failed before is forgotten


def test_a_probe_that_fails_doubles_the_pause_up_to_a_limit(breaker, clock):
    open_up(breaker)
    for pause in (2, 4, 8, 16, 30, 30):
        clock.now += pause - 0.01
        assert breaker.admit() is None
        clock.now += 0.02
        breaker.heard(breaker.admit(), "timeout")
    clock.now += 31
    breaker.heard(breaker.admit(), "")
    open_up(breaker)
    clock.now += 2.01
    assert breaker.admit() is not None


def test_a_probe_that_says_nothing_hands_on_to_the_next_call(breaker, clock):
    open_up(breaker)
    clock.now += 2.01
    breaker.heard(breaker.admit(), "draining")
    assert breaker.admit() is not None
    assert breaker.admit() is None


def test_a_probe_that_never_comes_back_is_replaced(breaker, clock):
    open_up(breaker)
    clock.now += 2.01
    lost = breaker.admit()
    clock.now += 61
    probe = breaker.admit()
    assert probe is not None
    breaker.heard(lost, "timeout")
    breaker.heard(probe, "")
    assert breaker.admit() is not None


def test_calls_from_before_it_opened_do_not_count_after(breaker, clock):
    early = [breaker.admit() for _ in range(50)]
    open_up(breaker)
    for ticket in early:
        breaker.heard(ticket, "")
    assert breaker.admit() is None
    clock.now += 2.01
    probe = breaker.admit()
    for ticket in early:
        breaker.heard(ticket, "timeout")
    breaker.heard(probe, "")
    assert breaker.admit() is not None


def test_pauses_are_spread(clock):
    pauses = set()
    for _ in range(20):
        breaker = RouteBreaker("chunk", Breaker(), clock)
        open_up(breaker)
        pauses.add(breaker._open_until - clock.now)
    assert len(pauses) > 10 and all(1.6 <= pause <= 2.4 for pause in pauses)


def test_many_threads_send_one_probe(breaker, clock):
    open_up(breaker)
    clock.now += 2.01
    tickets = []
    start = threading.Barrier(8)

    def work():
        start.wait()
        tickets.extend(breaker.admit() for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([ticket for ticket in tickets if ticket is not None]) == 1


def test_a_lock_that_is_held_at_a_fork_holds_up_nobody(breaker):
    with breaker._lock:
        assert in_child(lambda: hear(breaker, ["timeout"]) or ["child"])


# In calls


def answering(data):
    def script(peer):
        while peer.request() is not None:
            peer.send(data)

    return script


def test_an_open_breaker_spares_the_daemon_by_route(serve, client):
    asked = []

    def script(peer):
        while (request := peer.request()) is not None:
            asked.append(request.target)
            full = problem(429, "overloaded")
            peer.send(full if "chunk" in request.target else answer_to(request, []))

    sidecar = client(serve(script).url, modes={"chunk": "on", "score": "on"}, breaker=Breaker(open_s=60))
    for _ in range(50):
        assert sidecar.call("chunk", {}, fallback=lambda: OLD, timeout=5) is OLD
    assert (sidecar.last.outcome, sidecar.last.reason) == ("legacy", "breaker_open")
    assert sidecar.last.sidecar_ms is None
    assert len(asked) == 20
    assert sidecar.call("score", {}, fallback=lambda: OLD, timeout=5) == []


def test_a_daemon_that_drains_or_a_route_that_is_off_does_not_open_it(serve, client):
    for data in (problem(503, "draining"), problem(503, "route_off"), problem(422, "out_of_range")):
        sidecar = client(serve(answering(data)).url, breaker=Breaker())
        for _ in range(50):
            sidecar.call("chunk", {}, fallback=lambda: OLD, timeout=5)
            assert sidecar.last.outcome == "fallback"


def test_a_caller_that_gives_up_hands_the_probe_back(serve, client):
    sidecar = client(serve(answering(reply([]))).url, breaker=Breaker(min_calls=1, open_s=0.0))
    sidecar.call("chunk", {}, fallback=lambda: OLD, reply=lambda body: body["x"], timeout=5)

    def give_up(_body):
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            sidecar.call("chunk", {}, fallback=lambda: OLD, reply=give_up, timeout=5)
    assert sidecar.call("chunk", {}, fallback=lambda: OLD, timeout=5) == []


def test_an_open_breaker_costs_little_beside_a_call_that_is_off(client):
    """In CPU time, and against a call that does nothing: an absolute bound would be the machine's."""
    sidecar = client("unix:/none", modes={"chunk": "on"}, breaker=Breaker(open_s=1000))
    for _ in range(21):
        sidecar.call("chunk", {}, fallback=lambda: OLD)
    assert sidecar.last.reason == "breaker_open"

    def cost(route):
        started = time.thread_time()
        for _ in range(2000):
            sidecar.call(route, {}, fallback=lambda: OLD)
        return time.thread_time() - started

    ratios = sorted(cost("chunk") / cost("other") for _ in range(7))
    assert ratios[3] < 3, ratios


def test_default_is_on(serve):
    with hotpathd.Client(serve(lambda peer: None).url, modes={"chunk": "on"}) as sidecar:
        for _ in range(21):
            sidecar.call("chunk", {}, fallback=lambda: OLD, timeout=5)
        assert sidecar.last.reason == "breaker_open"
