"""Where the columns are meanwhile: one file without a name, so that nothing of it stays, whatever ends the report.

All readers, which are born by fork, write to it; each claims its place at the end, under a lock of the kernel's that is a process's own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from typing import Any, Iterator, NamedTuple, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Store(NamedTuple):
    fd: int

    def append(self, columns: Sequence[Array]) -> int:
        """One after the other; the offset of the first."""
        begin = at = self._claim(sum(column.nbytes for column in columns))
        for column in columns:
            left = np.ascontiguousarray(column).view(np.uint8).data
            while left:
                written = os.pwrite(self.fd, left, at)
                at, left = at + written, left[written:]
        return begin

    def _claim(self, size: int) -> int:
        fcntl.lockf(self.fd, fcntl.LOCK_EX)
        try:
            end = os.fstat(self.fd).st_size
            os.ftruncate(self.fd, end + size)
            return end
        finally:
            fcntl.lockf(self.fd, fcntl.LOCK_UN)

    def read(self, dtype: Any, count: int, offset: int) -> Array:
        out = np.empty(count, dtype)
        left = out.view(np.uint8).data
        while left:
            done = os.preadv(self.fd, [left], offset)
            if not done:
                raise OSError(0, "the columns end early")
            offset, left = offset + done, left[done:]
        return out


@contextlib.contextmanager
def opened(folder: Optional[str]) -> Iterator[Store]:
    with tempfile.TemporaryFile(prefix="hotpathd-report.", dir=folder) as file:
        yield Store(file.fileno())
