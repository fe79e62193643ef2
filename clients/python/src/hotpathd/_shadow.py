"""Work for after the caller has its result: one thread, and a queue that drops rather than grows."""

from __future__ import annotations

import logging
import queue
import threading
import weakref
from typing import Callable, Optional

from . import _fork

QUEUE_LIMIT = 64  # comparisons that wait; a sidecar as fast as the callers needs none of them
MAX_BYTES = 64 * 1024 * 1024  # of requests and results that wait
Job = Callable[[], None]
_log = logging.getLogger("hotpathd")


class Shadow:
    """Jobs report for themselves; one that raises is a bug of ours, and logged."""

    def __init__(self) -> None:
        self._closed = False
        self._dropped = 0
        self.after_fork()
        _fork.register(self)

    def after_fork(self) -> None:
        """What the parent had queued is the parent's to do."""
        self._queue: "queue.SimpleQueue[Optional[Job]]" = queue.SimpleQueue()
        self._bytes = 0
        self._thread: Optional[threading.Thread] = None
        self._lock = threading.Lock()

    @property
    def dropped(self) -> int:
        return self._dropped

    def offer(self, job: Job, size: int) -> bool:
        """False where the job will not be done."""
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

        self._queue.put(weighed)
        return True

    def _let_go(self, size: int) -> None:
        with self._lock:
            self._bytes -= size

    def close(self, wait_s: float) -> None:
        """Lets the job under way end, for a while, and drops the others, which count."""
        with self._lock:
            self._closed = True
            thread = self._thread
        while True:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            with self._lock:
                self._dropped += job is not None
        self._queue.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join(wait_s)

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


def _run(jobs: "queue.SimpleQueue[Optional[Job]]") -> None:
    while True:
        job = jobs.get()
        if job is None:
            return
        try:
            job()
        except Exception:
            _log.exception("a shadow call was not compared")
        del job
