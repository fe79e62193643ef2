"""Work for after the caller has its result: one thread, and a queue that drops rather than grows."""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import weakref
from typing import Callable, Optional, Tuple

from . import _events, _fork  # whose exit handler is registered first, and so runs last

QUEUE_LIMIT = 64  # comparisons that wait; a sidecar as fast as the callers needs none of them
MAX_BYTES = 64 * 1024 * 1024  # of requests and results that wait
Job = Callable[[], None]
Jobs = queue.SimpleQueue[Optional[Tuple[Job, Job]]]  # to be done, or to be told that it was not
_log = logging.getLogger("hotpathd")


class Shadow:
    """Jobs report for themselves; one that raises is a bug of ours, and logged."""

    def __init__(self) -> None:
        self._closed = False
        self._dropped = 0
        self.after_fork()
        _fork.register(self)
        _open.add(self)

    def after_fork(self) -> None:
        """What the parent had queued is the parent's to do."""
        self._queue: Jobs = queue.SimpleQueue()
        self._bytes = 0
        self._thread: Optional[threading.Thread] = None
        self._lock = threading.Lock()

    @property
    def dropped(self) -> int:
        return self._dropped

    def offer(self, job: Job, drop: Job, size: int) -> bool:
        """False where the job will not be done; `drop` is called where that turns out later."""
        taken = not self._closed and self._queue.qsize() < QUEUE_LIMIT and self._is_running()
        with self._lock:
            if not taken or self._bytes + size > MAX_BYTES:
                self._dropped += 1
                return False
            self._bytes += size

        def weighed() -> None:
            try:
                job()
            finally:
                self._let_go(size)

        self._queue.put((weighed, drop))
        if self._closed:
            self._drop_all()  # it was closed meanwhile
        return True

    def _let_go(self, size: int) -> None:
        with self._lock:
            self._bytes -= size

    def close(self, wait_s: float) -> None:
        """Drops what waits, which counts, and lets the job under way end, for a while."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._drop_all()
        self._queue.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join(wait_s)

    def _drop_all(self) -> None:
        while True:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                return
            if waiting is None:
                self._queue.put(None)
                return
            with self._lock:
                self._dropped += 1
            _do(waiting[1])

    def _is_running(self) -> bool:
        if self._thread is not None:
            return True
        with self._lock:
            if self._thread is not None or self._closed:
                return not self._closed
            # It holds the queue and not this object, which takes it along when it is forgotten.
            thread = threading.Thread(
                target=_run, args=(self._queue,), name="hotpathd-shadow", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
            weakref.finalize(self, self._queue.put, None).atexit = False
        return True


def _do(job: Job) -> None:
    try:
        job()
    except Exception:
        _log.exception("a shadow call was not compared")


def _run(jobs: Jobs) -> None:
    while True:
        waiting = jobs.get()
        if waiting is None:
            return
        _do(waiting[0])
        del waiting


def _at_exit() -> None:
    for shadow in list(_open):
        shadow.close(1.0)


_open: "weakref.WeakSet[Shadow]" = weakref.WeakSet()
atexit.register(_at_exit)
