"""What the adapters' tests are run with."""

from __future__ import annotations

import asyncio
import pathlib

import hotpathd

ROOT = pathlib.Path(__file__).parents[4]
MODES = {"chunk": "on", "score": "on"}
TEXTS = {
    "sample": (ROOT / "docs/sample.txt").read_text(encoding="utf-8"),
    "README": (ROOT / "README.md").read_text(encoding="utf-8"),
    "dirty": "It\u00e2\u20ac\u2122s  one.\r\n\r\n\r\n\r\nTwo\u00a0words \U0001f600 and more of them.\f\n\nPage two.",
}
QUERY = "lift of a wing"
CANDIDATES = ["a boat", "the lift of a wing", "lift", "a boat"]


def on_a_loop(url, use):
    """What `use` returns, awaited with an asyncio client."""

    async def main():
        async with hotpathd.AsyncClient(url, modes=MODES, timeout=10) as client:
            return await use(client)

    return asyncio.run(main())


def end_shadow(client):
    """Waits for the comparisons that are under way, and writes their events."""
    while client._shadow._queue.qsize():
        pass
    client.close()
