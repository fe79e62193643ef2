"""One call on its way: not asked, or asked; then the old code, perhaps; then told.

The blocking client's `_run` drives its states, the asyncio client's the same, awaiting what may wait.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, NamedTuple, Optional, Tuple

from . import _deadline, _json, _rollout, _size
from ._budget import Budget
from ._compare import Comparing
from ._events import Record
from ._failure import REASONS, Failure, of_callback, of_status
from ._http import Reply
from ._request import encode, id_of
from ._rollout import DEFAULT_DEADLINE_S, Key, Route
from ._shadow_call import ShadowCall
from ._transport import Request

if TYPE_CHECKING:
    from ._core import Core

Arguments = Tuple[Tuple[Any, ...], Dict[str, Any]]
NO_ARGUMENTS: Arguments = ((), {})
NOWHERE = Route("off", 0.0, DEFAULT_DEADLINE_S, "")
_GIVEN_UP = Failure("cancelled")
_JSON = "application/json"
_log = logging.getLogger("hotpathd")


class Last(NamedTuple):
    """What became of the latest call; all empty before the first one."""

    outcome: str = ""  # ok | fallback (asked, in vain) | legacy (not asked)
    reason: str = ""  # why not ok: a word of the table in the README
    path: str = ""  # whose result was returned: sidecar | legacy
    sidecar_ms: Optional[float] = None  # None: not asked
    legacy_ms: Optional[float] = None  # None: not run
    total_ms: float = 0.0
    request_id: str = ""  # the one in the daemon's log
    detail: str = ""  # for people: status and code, or type and place of an exception


NO_CALL = Last()


class Ended(NamedTuple):
    """What `Last` is made of, once somebody asks: seconds on the monotonic clock."""

    failure: Optional[Failure]
    started: float
    turned: Optional[float]  # to the old code
    ended: float
    request_id: str

    def last(self) -> Last:
        failure, started, turned, ended, request_id = self
        total_ms = (ended - started) * 1e3
        if failure is None:
            return Last("ok", "", "sidecar", total_ms, None, total_ms, request_id)
        sidecar_ms = legacy_ms = None
        if failure.outcome == "fallback":
            sidecar_ms = ((ended if turned is None else turned) - started) * 1e3
        if turned is not None:
            legacy_ms = (ended - turned) * 1e3
        return Last(
            failure.outcome, failure.reason, "legacy", sidecar_ms, legacy_ms, total_ms, request_id,
            failure.detail,
        )  # fmt: skip


class Call:
    """A call as its caller wants it, and what is learnt of it on the way.

    `body` and `key` are values, or made by the caller's functions over its own arguments, which run
    only where they are needed. `take` takes the parsed answer before the arguments.
    """

    __slots__ = (
        "core", "route", "body", "make_body", "key", "make_key", "take", "arguments", "timeout",
        "compare", "request_id", "traceparent", "rule", "mode", "ticket", "failure", "budget",
        "is_cut", "started", "turned", "cpu_started", "cpu_turned", "shadow", "is_told",
        "bytes_in", "server_timing",
    )  # fmt: skip

    def __init__(
        self,
        core: "Core",
        route: str,
        body: Any,
        take: Optional[Callable[..., Any]],
        key: Key = None,
        timeout: Optional[float] = None,
        compare: Optional[Comparing] = None,
        request_id: Optional[str] = None,
        traceparent: Optional[str] = None,
        arguments: Arguments = NO_ARGUMENTS,
        make_body: Optional[Callable[..., Any]] = None,
        make_key: Optional[Callable[..., Key]] = None,
    ) -> None:
        self.core = core
        self.route = route
        self.body = body
        self.take = take
        self.key = key if key is None or type(key) is str else _rollout.as_key(key)
        self.timeout = timeout
        self.compare = compare
        self.request_id = id_of(request_id)
        self.traceparent = traceparent
        self.arguments = arguments
        self.make_body = make_body
        self.make_key = make_key
        self.rule = NOWHERE
        self.mode = "live"
        self.ticket = 0
        self.failure: Optional[Failure] = _GIVEN_UP  # until something else is known
        self.is_cut = False  # the caller's deadline left the sidecar less than its timeout
        self.turned: Optional[float] = None
        self.cpu_turned = 0.0
        self.shadow: Optional[ShadowCall] = None
        self.is_told = False
        self.bytes_in: Optional[int] = None
        self.server_timing = ""
        self.cpu_started = core._cpu_clock()
        self.started = core._clock()

    # The sidecar

    def begins(self) -> bool:
        """Whether the sidecar is asked."""
        try:
            refusal = self.core._refusal(self)
        except Exception as error:  # of the caller's function for its key
            refusal = of_callback("contract", error)
        if refusal is None:
            return True
        self.failure = refusal
        return False

    def read_key(self) -> Key:
        if self.make_key is not None:
            args, kwargs = self.arguments
            self.key = _rollout.as_key(self.make_key(*args, **kwargs))
        return self.key

    def read_body(self) -> Any:
        if self.make_body is None:
            return self.body
        args, kwargs = self.arguments
        return self.make_body(*args, **kwargs)

    def request(self) -> Request:
        """It is written, and its budget known. Raises Failure."""
        try:
            body = self.read_body()
        except Exception as error:
            raise of_callback("contract", error) from None
        encoded = encode(body)
        self.bytes_in = len(encoded)
        writer = self.core._writer
        self.traceparent = writer.traceparent(self.traceparent)
        self._make_budget()
        return writer.request(self.route, self.mode, self.request_id, self.traceparent, encoded)

    def _make_budget(self) -> None:
        seconds = self.core._timeout if self.timeout is None else self.timeout
        try:
            seconds = self.rule.deadline_s if seconds is None else float(seconds)
        except (TypeError, ValueError):
            raise Failure("contract", "timeout is no number") from None
        self.budget = Budget(seconds, self.core._clock, self.started)
        end = _deadline.of_caller()
        if end is not None:
            self.is_cut = self.budget.cut(end - self.core._reserves.of(self.route))

    def result(self, reply: Reply) -> Any:
        """What the caller makes of the answer. Raises Failure."""
        self.server_timing = reply.server_timing
        if reply.status != 200:
            raise of_status(reply.status, reply.body)
        if reply.content_type != _JSON and not _is_json(reply.content_type):
            raise Failure("bad_reply", "not application/json")
        if reply.request_id != self.request_id and reply.request_id:
            raise Failure("bad_reply", "another request's id")
        if reply.contract != _contract_of(self.route):
            raise Failure("bad_reply", "another contract")
        self.budget.check_reading(reply.body)
        try:
            result = _json.loads(reply.body)
            if self.take is not None:
                args, kwargs = self.arguments
                result = self.take(result, *args, **kwargs)
        except Exception as error:
            raise of_callback("bad_reply", error) from None
        self.failure = None
        self.core._heard(self, "")
        return result

    def is_over(self, error: BaseException) -> bool:
        """Whether asking ended in an error that is the caller's; any other leads to the old code."""
        if not isinstance(error, Failure):
            self.core._heard(self, "cancelled")
            return True
        self.failure = Failure(error.reason, error.detail)  # without the frames that have seen the document
        # A caller in haste says nothing of the sidecar.
        in_haste = self.is_cut and error.reason == "timeout"
        self.core._heard(self, "cancelled" if in_haste else error.reason)
        return False

    # The old code

    def turn(self) -> None:
        """The old code is next."""
        assert self.failure is not None
        if self.failure.reason == "shadow":
            self.shadow = ShadowCall.of(self)
        self.cpu_turned = self.core._cpu_clock()
        self.turned = self.core._clock()

    def follow(self, result: Any, again: Callable[[], Any]) -> None:
        """Has the old code's result compared, where that is due; `again` runs it once more."""
        if self.shadow is not None:
            reason, self.is_told = self.shadow.follow(result, again)
            self.failure = Failure(reason)

    def shadowed(self, body: Any) -> "Call":
        """The same call once more, for the comparison; `body` as it was before the old code ran."""
        call = Call(
            self.core, self.route, body, self.take, self.key, self.timeout, self.compare,
            self.request_id, self.traceparent, self.arguments,
        )  # fmt: skip
        call.mode, call.rule = "shadow", self.rule
        return call

    # The end

    def end(self) -> Ended:
        """What became of it; its event, too, unless a comparison will see to it."""
        core = self.core
        self.shadow = None  # which holds this call: a circle would wait for the collector
        ended = self.so_far()
        if self.turned is not None:
            core._reserves.learn(self.route, ended.ended - self.turned)
        failure = self.failure
        if failure is not None and failure.outcome == "fallback":
            _log.debug("%s %s: %s %s", self.route, self.request_id, failure.reason, failure.detail)
        if core._events is not None and not self.is_told:
            self.tell(ended.last(), self.cpu_s())
        return ended

    def so_far(self) -> Ended:
        now = self.core._clock()
        return Ended(self.failure, self.started, self.turned, now, self.request_id)

    def cpu_s(self) -> "Tuple[Optional[float], Optional[float]]":
        """The old code's CPU time and the client's own, where they are known."""
        if not self.cpu_started:
            return None, None
        now = time.thread_time()
        if self.turned is None:
            return None, now - self.cpu_started
        return now - self.cpu_turned, self.cpu_turned - self.cpu_started

    def tell(
        self,
        last: Last,
        cpu_s: "Tuple[Optional[float], Optional[float]]",
        match: Optional[bool] = None,
        diff: Optional[str] = None,
    ) -> None:
        if self.core._events is None:
            return
        if last.reason == "canary":
            self.bytes_in = _size.of_some(self.read_body)
        key = self.key if isinstance(self.key, (str, bytes)) else None
        self.core._events.put(
            Record(
                time.time(), self.route, self.rule.mode, self.rule.salt, key, last.path,
                last.outcome, last.reason, last.sidecar_ms, last.legacy_ms, last.total_ms, *cpu_s,
                self.server_timing, match, diff, self.bytes_in, self.request_id, self.traceparent,
            )
        )  # fmt: skip


NOT_ASKED = {reason: Failure(reason) for reason, row in REASONS.items() if row[0] == "legacy"}


def _contract_of(route: str) -> str:
    return ("score" if route == "rerank" else route) + "/1"  # rerank is another name of score


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip(" \t").lower() == _JSON
