"""Mode shadow, one comparison: the sidecar's answer, or the old code's second, beside its first."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Callable, Optional, Tuple

from . import _compare, _rollout
from ._failure import REASONS, Failure

if TYPE_CHECKING:
    from ._call import Call, Last

_log = logging.getLogger("hotpathd")


class ShadowCall:
    """Made before the old code runs, as that may change the caller's arguments."""

    def __init__(self, live: "Call", body: Any, noise: bool) -> None:
        self._live = live
        self._body = body
        self._noise = noise

    @classmethod
    def of(cls, live: "Call") -> "Optional[ShadowCall]":
        """The comparison that will follow the old code, or None where this call has none."""
        core, rule = live.core, live.rule
        if core._events is None:
            return None  # nobody would hear of it
        try:
            key = live.read_key()
            if rule.shadow_percent < 100 and not _rollout.is_in(
                _rollout.bucket(live.route, rule.salt, key), rule.shadow_percent
            ):
                return None
            live.traceparent = core._writer.traceparent(live.traceparent)  # of the caller's thread
            noise = core._noise > 0 and _rollout.is_in(_rollout.bucket("", "", None), core._noise)
            return cls(live, _compare.snapshot(live.read_body()), noise)
        except Exception as error:  # of the caller's own functions; the old code is not their business
            _log.debug("%s: not shadowed: %s", live.route, type(error).__name__)
            return None

    def follow(self, old: Any, again: Callable[[], Any]) -> Tuple[str, bool]:
        """Queues it, now that the old code's result is there. The reason for the caller's call, and
        whether the comparison will tell of it."""
        live = self._live
        try:
            self._old = _compare.snapshot(old)
            size = _compare.weight(self._body) + _compare.weight(self._old)
        except (RuntimeError, MemoryError):
            # RecursionError, of a result that holds itself or is very deep; or another thread has
            # changed it meanwhile. Not ours to refuse.
            return "shadow", False
        self._again = again if self._noise else None
        self._known = live.so_far().last()
        self._cpu_s = live.cpu_s()
        if live.core._shadow.offer(self._run, self._drop, size):
            return "shadow", True
        return "shadow_dropped", False

    def _drop(self) -> None:
        """The client is closed before its turn came."""
        self._live.tell(self._known._replace(reason="shadow_dropped"), self._cpu_s)

    def _run(self) -> None:
        """On the shadow's thread."""
        clock = self._live.core._clock
        started = clock()
        call = self._live.shadowed(self._body)
        reason = detail = ""
        new = None
        try:
            new = self._again() if self._again is not None else _answer(call)
        except Failure as failure:
            reason, detail = failure.reason, failure.detail
        except Exception as error:  # of the old code's second run
            reason, detail = "bad_compare", type(error).__name__
        took_ms = (clock() - started) * 1e3
        match = diff = None
        if not reason:
            try:
                match, diff = _compare.judge(call.compare, self._old, new)
            except Exception as error:  # of the user's comparison, or too deep a result
                reason, detail = "bad_compare", type(error).__name__
        if reason:
            _log.debug("%s %s: %s %s", call.route, call.request_id, reason, detail)
        call.tell(self._last(reason, took_ms), self._cpu_s, match, diff)

    def _last(self, reason: str, took_ms: float) -> "Last":
        """The caller's times, and the comparison's outcome."""
        if self._noise:
            return self._known._replace(outcome="legacy", reason=reason or "noise")
        if reason == "breaker_open":
            return self._known._replace(outcome="legacy", reason=reason)
        outcome = REASONS[reason][0] if reason else "ok"
        return self._known._replace(outcome=outcome, reason=reason, path="both", sidecar_ms=took_ms)


def _answer(call: "Call") -> Any:
    core = call.core
    if not core._admits(call):
        raise Failure("breaker_open")
    try:
        return call.result(core._transport.exchange(call.request(), call.budget))
    except BaseException as error:
        call.is_over(error)
        raise
