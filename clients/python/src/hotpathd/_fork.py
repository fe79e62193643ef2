"""What a forked child has to begin anew: locks that another thread may have held, and threads.

One handler for the whole module, which holds its objects weakly: handlers cannot be taken back.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    def after_fork(self) -> None:
        """Called in the child, before anything else runs there."""


_known: "weakref.WeakSet[Forkable]" = weakref.WeakSet()


def register(it: Forkable) -> None:
    _known.add(it)


def _after_fork_in_child() -> None:
    for it in list(_known):
        it.after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
