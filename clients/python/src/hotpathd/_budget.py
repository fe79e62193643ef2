"""One call's time: a duration that every step draws from, on a clock that only goes forward.

A socket's own timeout counts silence, so a peer that drips a byte now and then is never late for
it. Here each operation gets what is left of the whole.
"""

from __future__ import annotations

import socket
from typing import Callable, Union

from ._failure import Failure

Clock = Callable[[], float]

LONGEST_S = 86400.0  # keeps every value in range for sockets and for the header
_SMALL_BYTES = 64 * 1024  # read in any case: 15 ms at worst
_VALUE_S = 400e-9  # measured of the standard library: 127 ns for a number, 430 for an array of one
_BYTE_S = 3e-9  # and of long strings
_COUNT_S = 3e-9  # counting values is three looks at each byte
_EARLY_S = 0.005  # what a timer may fire early, with room


class Budget:
    """`seconds` from `started` on; zero, negative and NaN are spent from the start."""

    def __init__(self, seconds: float, clock: Clock, started: float) -> None:
        self._clock = clock
        self._end = started + (min(seconds, LONGEST_S) if seconds > 0 else 0.0)
        self._granted_until = float("inf")  # by the daemon, as we have asked it to

    def cut(self, end: float) -> bool:
        """Ends it at `end` on the clock, where that is earlier; whether it is."""
        earlier = end < self._end
        if earlier:
            self._end = end
        return earlier

    def left(self) -> float:
        """Seconds left; Failure("timeout") when there are none."""
        left = self._end - self._clock()
        if left <= 0:
            raise Failure("timeout")
        return left

    def check_reading(self, body: Union[bytes, bytearray]) -> None:
        """Failure("timeout") where JSON would take longer to read than is left: reading it cannot be
        broken off."""
        size = len(body)
        if size <= _SMALL_BYTES:
            return
        if size * (_BYTE_S + _COUNT_S) > self.left():
            raise Failure("timeout", f"a reply of {size} bytes")
        values = body.count(b",") + body.count(b"[") + body.count(b"{")
        if values * _VALUE_S + size * _BYTE_S > self.left():
            raise Failure("timeout", f"a reply of {size} bytes")

    def grant_ms(self) -> int:
        """Whole milliseconds for X-Request-Timeout-Ms, at least 1."""
        left = self.left()
        ms = int(left * 1000) or 1
        self._granted_until = self._end - left + ms / 1000
        return ms

    def failure(self, error: OSError) -> Failure:
        """What an error of the socket means for the call.

        A TimeoutError without a number is none of the socket's, which never blocks: a signal handler
        has raised it, which is the caller giving up, so it is raised again.
        """
        if isinstance(error, (socket.timeout, TimeoutError)) and error.errno is None:
            raise error
        if self._clock() >= self._granted_until - _EARLY_S:
            # while a body is still coming in, the daemon ends a late request by hanging up
            return Failure("timeout", type(error).__name__)
        return Failure("connect", type(error).__name__)
