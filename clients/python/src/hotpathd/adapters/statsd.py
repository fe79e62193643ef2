"""Events to statsd, in datagrams: hotpathd.Client(on_event=StatsdEvents("127.0.0.1", 8125)).

One datagram for each event, sent without waiting: what the socket will not take is dropped and
counted. Plain statsd has no labels, so that they are part of the names:

    hotpathd.chunk.calls.ok.none:1|c         hotpathd.chunk.sidecar:1.9|ms
    hotpathd.chunk.comparisons.match:1|c     hotpathd.events_dropped:3|c

With tags=True they are tags, as DogStatsD, Telegraf and statsd_exporter take them:

    hotpathd.calls:1|c|#route:chunk,mode:on,outcome:ok,reason:none,path:sidecar
"""

from __future__ import annotations

import socket
from typing import Any, Dict, List, Tuple

from . import _readings
from ._readings import Event


class StatsdEvents:
    """`host` is looked up once, here, and not while events come in; or it is the path of a socket."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8125,
        *,
        prefix: str = "hotpathd",
        tags: bool = False,
    ) -> None:
        family, self._address = _find(host, port)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._prefix = prefix
        self._tags = tags
        self.dropped = 0

    def __call__(self, event: Event) -> None:
        try:
            self._socket.sendto(
                "\n".join(self._lines(event)).encode("ascii", "replace"), self._address
            )
        except OSError:  # nobody listens, or the socket is full: metrics are worth no more
            self.dropped += 1

    def close(self) -> None:
        self._socket.close()

    def _lines(self, event: Event) -> List[str]:
        told = _readings.labels(event)
        route = {"route": told["route"]}
        lines = [self._line("calls", told, "1|c", told["outcome"], told["reason"])]
        for side, seconds in _readings.durations(event):
            lines.append(self._line(side, route, f"{seconds * 1e3:.6f}|ms"))
        for side, seconds in _readings.cpu_times(event):
            lines.append(self._line(f"cpu_{side}", route, f"{seconds * 1e3:.6f}|ms"))
        result = _readings.comparison(event)
        if result is not None:
            lines.append(self._line("comparisons", {**route, "result": result}, "1|c", result))
        if _readings.lost(event):
            lines.append(f"{self._prefix}.events_dropped:{_readings.lost(event)}|c")
        return lines

    def _line(self, name: str, told: Dict[str, str], value: str, *parts: str) -> str:
        """`parts` are the labels that the name of a plain metric holds after the route."""
        if self._tags:
            tags = ",".join(f"{label}:{_word(text)}" for label, text in told.items())
            return f"{self._prefix}.{name}:{value}|#{tags}"
        names = [self._prefix, _word(told["route"]), name, *map(_word, parts)]
        return f"{'.'.join(names)}:{value}"


def _find(host: str, port: int) -> Tuple[int, Any]:
    if host.startswith("/"):
        return socket.AF_UNIX, host
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    return family, address


def _word(text: str) -> str:
    """Nothing that ends a name or a line."""
    return "".join(c if c.isalnum() or c in "_-" else "_" for c in text)
