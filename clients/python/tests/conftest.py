"""Servers and clients that end with their test."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Optional

import pytest
from faults import FaultServer, Script

import hotpathd


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOTPATHD_URL", "HOTPATHD_OFF", "HOTPATHD_EVENTS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def prompt_events(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event waits for company only where that is what is tested."""
    if "waiting_events" not in request.fixturenames:
        monkeypatch.setattr(hotpathd._events, "_BATCH_S", 0.001)


@pytest.fixture
def waiting_events() -> None:
    pass


@pytest.fixture
def serve() -> Iterator[Callable[..., FaultServer]]:
    servers = []

    def start(script: Script, path: Optional[str] = None) -> FaultServer:
        servers.append(FaultServer(script, path))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def client() -> Iterator[Callable[..., hotpathd.Client]]:
    clients = []

    def make(url: str, **options: Any) -> hotpathd.Client:
        options.setdefault("modes", {"chunk": "on"})
        options.setdefault("breaker", None)  # a fault is to be seen in each call
        clients.append(hotpathd.Client(url, **options))
        return clients[-1]

    yield make
    for made in clients:
        made.close()
