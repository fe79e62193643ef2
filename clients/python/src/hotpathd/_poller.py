"""GET /v1/rollout, every few seconds, off the callers' path.

The last good answer stays in force until a better one comes: a daemon that is down or talks
nonsense changes nothing but what its own calls show. The thread holds its poller weakly, so a
client that is forgotten rather than closed takes its thread along, at its next turn.
"""

from __future__ import annotations

import logging
import random
import re
import threading
import weakref
from typing import Dict, Mapping, Optional

from . import _fork, _rollout
from ._budget import LONGEST_S, Budget, Clock
from ._failure import Failure, of_status
from ._rollout import Route
from ._transport import Request, Transport, head_of

_POLL_BUDGET_S = 1.0
_MAX_BYTES = 1024 * 1024
_FIRST_DELAY_S = 0.1  # doubled until the first answer, up to poll_s
_LEAST_DELAY_S = 0.05
_POLL_S = 5.0
_LEAST_HINT_S, _LONGEST_HINT_S = 0.5, 60.0  # bounds of what the daemon may ask for
_ETAG = re.compile(r'(?:W/)?"[!#-~]{0,256}"')
_log = logging.getLogger("hotpathd")
_dice = random.SystemRandom()


class Poller:
    """The routes as last heard, for any thread."""

    def __init__(
        self, transport: Transport, clock: Clock, poll_s: Optional[float], headers: Dict[str, str]
    ) -> None:
        """`poll_s` of None leaves the pause to the daemon's hint."""
        self._transport = transport
        self._clock = clock
        self._is_pinned = poll_s is not None
        poll_s = _POLL_S if poll_s is None else poll_s
        # In this order, for NaN; no wait takes more than a few centuries.
        self._poll_s = min(poll_s, LONGEST_S) if poll_s > _LEAST_DELAY_S else _LEAST_DELAY_S
        self._delay_s = min(_FIRST_DELAY_S, self._poll_s)
        self._headers = headers
        self._routes: Optional[Mapping[str, Route]] = None
        self._etag = ""
        self._trouble = ""
        self._closed = False
        self.after_fork()
        _fork.register(self)

    def after_fork(self) -> None:
        """In a forked child: the thread is gone, and its locks may have been held."""
        self._thread: Optional[threading.Thread] = None
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def routes(self) -> Optional[Mapping[str, Route]]:
        """None until the first answer. Starts the thread where there is none."""
        if self._thread is None:
            self._start()
        return self._routes

    def poll(self) -> None:
        """Asks once, waits for the answer and takes it over if it is a good one."""
        try:
            self._ask()
            trouble = ""
            self._delay_s = self._poll_s
        except Failure as failure:
            trouble = f"{failure.reason} {failure.detail}".rstrip()
            self._delay_s = min(self._delay_s * 2, self._poll_s)
        if trouble and not self._trouble:
            _log.warning("rollout not read (%s); what was known before holds", trouble)
        self._trouble = trouble

    def close(self) -> None:
        """Ends the thread and waits for it, at most as long as one answer may take."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._stop.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_POLL_BUDGET_S + 1.0)

    def pause_s(self) -> float:
        """Until the next answer, spread so that many workers do not ask at once."""
        return self._delay_s * _dice.uniform(0.8, 1.2)

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._closed:
                return
            thread = threading.Thread(
                target=_run, args=(weakref.ref(self), self._stop), name="hotpathd", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:
                return  # no thread to be had now: a later call tries again
            self._thread = thread

    def _ask(self) -> None:
        headers = {**self._headers, "If-None-Match": self._etag} if self._etag else self._headers
        request = Request(head_of("GET", "/v1/rollout", headers))
        budget = Budget(_POLL_BUDGET_S, self._clock, self._clock())
        reply = self._transport.exchange(request, budget)
        if reply.status == 304 and self._routes is not None:
            return
        if reply.status != 200:
            raise of_status(reply.status, reply.body)
        if len(reply.body) > _MAX_BYTES:
            raise Failure("bad_reply", "too large")  # reading it would hold up every thread
        try:
            routes, hint_s = _rollout.read(reply.body)
        except (ValueError, RecursionError) as error:
            raise Failure("bad_reply", type(error).__name__) from None
        self._etag = reply.etag if _ETAG.fullmatch(reply.etag) else ""
        _tell_changes(self._routes or {}, routes)
        self._routes = routes
        if not self._is_pinned:
            self._poll_s = min(max(hint_s or _POLL_S, _LEAST_HINT_S), _LONGEST_HINT_S)


def _tell_changes(before: Mapping[str, Route], after: Mapping[str, Route]) -> None:
    for name, route in after.items():
        old = before.get(name)
        if old is None or (old.mode, old.percent) != (route.mode, route.percent):
            share = f" {route.percent:g} %" if route.mode == "canary" else ""
            _log.info("route %s: %s%s", name, route.mode, share)


def _run(poller_ref: "weakref.ref[Poller]", stop: threading.Event) -> None:
    while True:
        poller = poller_ref()
        if poller is None:
            return
        try:
            poller.poll()
        except Exception:  # a bug of ours must not leave every worker without a switch
            _log.exception("rollout not read")
        pause_s = poller.pause_s()
        del poller
        if stop.wait(pause_s):
            return

