"""A WSGI service whose workers are forked after the client's first call. In this folder:
pip install gunicorn ../..; with a daemon running:

    gunicorn --preload --workers 2 gunicorn_app:application
    curl --data 'Lift.' http://127.0.0.1:8000/

A worker's first answer may say legacy: it has not heard the daemon's modes yet.
"""

import json
import os
from typing import Any, Callable, Iterable, List

import hotpathd

sidecar = hotpathd.Client(caller="web/1.0")


def old_split(document: str) -> List[str]:
    """The old code: the fallback."""
    return [part.strip() for part in document.split("\n\n") if part.strip()]


def split(document: str) -> List[str]:
    pieces = sidecar.chunk(document, max=128, fallback=lambda: old_split(document))
    return [piece.text for piece in pieces]


split(
    "With --preload this call is made before the fork, and leaves a connection and a thread behind."
)


def application(environ: "dict[str, Any]", start_response: Callable[..., Any]) -> Iterable[bytes]:
    document = environ["wsgi.input"].read().decode("utf-8")
    answer = {"pieces": split(document), "path": sidecar.last.path, "pid": os.getpid()}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode("utf-8")]
