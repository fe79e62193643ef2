"""A Celery task. In this folder: pip install celery ../..; with a daemon running, and without a broker, in this process:

    python3 celery_task.py

With a broker, a worker of its own, and callers (split.delay(...)) elsewhere with the same two settings:

    export CELERY_BROKER_URL=redis://127.0.0.1:6379/0 CELERY_RESULT_BACKEND=redis://127.0.0.1:6379/1
    celery -A celery_task worker
"""

import os
from typing import Any, List

import hotpathd
from celery import Celery
from celery.signals import worker_process_shutdown

app = Celery(
    "documents",
    broker=os.environ.get("CELERY_BROKER_URL", "memory://"),
    backend=os.environ.get("CELERY_RESULT_BACKEND", "cache+memory://"),
)
# Made at import, before the worker forks: each process opens connections and threads of its own.
sidecar = hotpathd.Client(caller="celery/1.0")


def old_split(document: str) -> List[str]:
    """The old code: the fallback."""
    return [part.strip() for part in document.split("\n\n") if part.strip()]


@app.task  # type: ignore[untyped-decorator]
def split(document: str, document_id: str) -> List[str]:
    pieces = sidecar.chunk(document, max=128, key=document_id, fallback=lambda: old_split(document))
    return [piece.text for piece in pieces]


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def end(**_: Any) -> None:
    """The processes of Celery's pool end without running atexit: their last events are written here."""
    sidecar.close()


if __name__ == "__main__":
    print(split("Lift.\n\nDrag is the price.", "7"), sidecar.last)
