"""What became of each call, one JSON object a line, written off the callers' path.

A caller puts a small record into a bounded queue; a thread hashes, formats and writes. A full
queue or a full disk costs events, which are counted, and nothing else. The file is opened for
appending and each batch is one write, so that processes may share it; at `max_bytes` it is
renamed to PATH.1, by whichever process comes first.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import logging
import os
import queue
import re
import socket
import threading
import weakref
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Union

from . import _fork, _rollout

Event = Dict[str, Any]

QUEUE_LIMIT = 10_000
_CLOSE_S = 5.0  # how long the end of a program waits for its events
_BATCH_S = 0.25  # how long an event waits for company: a second is promised
_STAGES = ("queue", "parse", "compute", "write")
_STAGE = re.compile(r"(?:^|,)[ \t]*(queue|parse|compute|write);dur=[ \t]*([0-9.]{1,20})[ \t]*(?=[,;]|$)")
_HOST = socket.gethostname()
_log = logging.getLogger("hotpathd")


class Record(NamedTuple):
    """An event in the making: what the caller's thread knows, unformatted."""

    ts: float
    route: str
    mode: str
    salt: str
    key: Union[str, bytes, None]
    path: str
    outcome: str
    reason: str
    sidecar_ms: Optional[float]
    legacy_ms: Optional[float]
    total_ms: float
    legacy_cpu_s: Optional[float]
    client_cpu_s: Optional[float]
    server_timing: str
    match: Optional[bool]
    diff: Optional[str]
    bytes_in: Optional[int]
    request_id: str
    traceparent: Optional[str]


def event_of(record: Record, caller: Optional[str]) -> Event:
    r = record
    key_hash = bucket = None
    if r.key is not None:
        key_hash = _rollout.key_hash(r.salt, r.key)
        bucket = _rollout.bucket(r.route, r.salt, r.key)
    return {
        "v": 1,
        "ts": datetime.fromtimestamp(r.ts, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "route": r.route,
        "mode": r.mode,
        "key_hash": key_hash,
        "bucket": bucket,
        "path": r.path,
        "outcome": r.outcome,
        "reason": r.reason,
        "sidecar_ms": _rounded(r.sidecar_ms),
        "legacy_ms": _rounded(r.legacy_ms),
        "total_ms": _rounded(r.total_ms),
        "cpu_ms": {"legacy": _ms(r.legacy_cpu_s), "client": _ms(r.client_cpu_s)},
        "server": _server(r.server_timing),
        "match": r.match,
        "diff": r.diff,
        "bytes_in": r.bytes_in,
        "request_id": r.request_id,
        "trace_id": r.traceparent[3:35] if r.traceparent else None,
        "caller": caller,
        "pid": os.getpid(),
        "host": _HOST,
    }


def _ms(seconds: Optional[float]) -> Optional[float]:
    return None if seconds is None else round(seconds * 1000, 3)


def _rounded(ms: Optional[float]) -> Optional[float]:
    return None if ms is None else round(ms, 3)


def _server(timing: str) -> Optional[Dict[str, float]]:
    found = {stage: float(ms) for stage, ms in _STAGE.findall(timing) if _is_number(ms)}
    return {stage: found[stage] for stage in _STAGES if stage in found} or None


def _is_number(digits: str) -> bool:
    return digits.count(".") <= 1 and digits != "."


class Events:
    """A queue, a thread, a file and perhaps a hook."""

    def __init__(
        self,
        path: Optional[str],
        hook: Optional[Callable[[Event], None]],
        caller: Optional[str],
        max_bytes: int,
    ) -> None:
        self._hook = hook
        self._caller = caller
        self._file = None if path is None else _File(path, max_bytes)
        self._dropped = 0
        self._untold = 0  # dropped, and no event has said so yet
        self._troubled = False
        self._closed = False
        self.after_fork()
        _fork.register(self)
        _open.add(self)

    def after_fork(self) -> None:
        """What the parent had queued is the parent's to write."""
        self._queue: "queue.SimpleQueue[Optional[Record]]" = queue.SimpleQueue()
        self._thread: Optional[threading.Thread] = None
        self._lock = threading.RLock()  # a signal handler may call, too
        self._writing = threading.Lock()
        self._stop = threading.Event()

    @property
    def dropped(self) -> int:
        return self._dropped

    def put(self, record: Record) -> None:
        if self._closed or self._queue.qsize() >= QUEUE_LIMIT:
            self._drop(1)
            return
        self._queue.put(record)
        if self._thread is None:
            self._start()

    def close(self) -> None:
        """Writes what is queued and ends the thread."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        self._stop.set()
        self._queue.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join(_CLOSE_S)
        # A file that hangs, or a hook that closes its own client, has the lock: not waited for.
        if self._writing.acquire(timeout=0 if thread is not None and thread.is_alive() else _CLOSE_S):
            try:
                self._write(self._take(None))
                if self._file is not None:
                    self._file.close()
            finally:
                self._writing.release()

    def write(self, first: Optional[Record] = None) -> None:
        """`first` and everything that is queued now, in one batch."""
        with self._writing:
            self._write(self._take(first))

    def _take(self, first: Optional[Record]) -> List[Event]:
        events: List[Event] = []
        if first is not None:
            self._add(first, events)
        for _ in range(QUEUE_LIMIT):
            try:
                record = self._queue.get_nowait()
            except queue.Empty:
                break
            if record is not None:
                self._add(record, events)
        return events

    def _add(self, record: Record, events: List[Event]) -> None:
        event = event_of(record, self._caller)
        with self._lock:
            untold, self._untold = self._untold, 0
        if untold:
            event["dropped"] = untold
        events.append(event)
        if self._hook is not None:
            try:
                self._hook(event)
            except Exception:  # the user's: must not end the events
                self._trouble("on_event raised")

    def _write(self, events: List[Event]) -> None:
        if not events or self._file is None:
            return
        lines = [json.dumps(event, separators=(",", ":")) + "\n" for event in events]
        try:
            self._file.append("".join(lines).encode("ascii"))
        except OSError:
            self._drop(len(events))
            self._trouble("events not written")

    def _trouble(self, what: str) -> None:
        if not self._troubled:
            _log.warning("%s; further failures are only counted", what, exc_info=True)
        self._troubled = True

    def _drop(self, count: int) -> None:
        with self._lock:
            self._dropped += count
            self._untold += count

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._closed:
                return
            thread = threading.Thread(
                target=_run,
                args=(weakref.ref(self), self._queue, self._stop),
                name="hotpathd-events",
                daemon=True,
            )
            try:
                thread.start()
            except RuntimeError:
                return  # no thread to be had now: a later event tries again
            self._thread = thread

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()


class _File:
    """An append-only file that turns over at a size, shared among processes."""

    def __init__(self, path: str, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._fd = -1
        self._torn = b""  # a newline after a line that a full disk has cut

    def append(self, data: bytes) -> None:
        self._reopen()
        size = os.fstat(self._fd).st_size
        if size and size + len(data) > self._max_bytes:
            self._turn()
        data = self._torn + data
        while data:
            data = data[os.write(self._fd, data) :]
            self._torn = b"\n" if data else b""

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _reopen(self) -> None:
        if self._fd >= 0 and not self._is_current():
            self.close()  # another process has turned it over, or it was removed
        if self._fd < 0:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._fd = os.open(self._path, flags, 0o640)

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            return False

    def _turn(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)  # on the file itself: its renamer is alone with it
        try:
            if self._is_current():
                os.replace(self._path, self._path + ".1")
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._reopen()


def _run(
    events_ref: "weakref.ref[Events]",
    records: "queue.SimpleQueue[Optional[Record]]",
    stop: threading.Event,
) -> None:
    while True:
        record = records.get()
        if record is not None:
            stop.wait(_BATCH_S)
        events = events_ref()
        if events is None:
            return
        try:
            events.write(record)
        except Exception:  # a bug of ours must not end the events
            events._trouble("events not written")
        del events
        if stop.is_set():
            return


def _at_exit() -> None:
    for events in list(_open):
        events.close()


_open: "weakref.WeakSet[Events]" = weakref.WeakSet()
atexit.register(_at_exit)
