"""The README's snippet. With a daemon running: PYTHONPATH=src python3 examples/first_use.py"""

import hotpathd

sidecar = hotpathd.Client(modes={"chunk": "on"})  # without modes: what the daemon's rollout says


@sidecar.path(
    "chunk",
    timeout=0.25,
    request=lambda document: {"text": document, "chunk": {"max": 12}},
    reply=lambda body, document: [body["text"][c["start"] : c["end"]] for c in body["chunks"]],
)
def split(document: str) -> "list[str]":
    """The old code stays where it is: it is the fallback."""
    return [part.strip() for part in document.split("\n\n")]


if __name__ == "__main__":
    print(split("Lift.\n\nA wing turns moving air downward, and is pushed up.\n\nDrag is the price."))
    print(sidecar.last)
