"""Many documents at once, on one loop. With a daemon running: PYTHONPATH=src python3 examples/asyncio_use.py"""

import asyncio
from typing import List

import hotpathd

DOCUMENTS = ["Lift.\n\nA wing turns moving air downward.", "Drag is the price.", "Weight.\n\nThrust."]


async def old_split(document: str) -> List[str]:
    """The old code: the fallback."""
    await asyncio.sleep(0)
    return document.split("\n\n")


async def main() -> None:
    async with hotpathd.AsyncClient(modes={"chunk": "on"}) as sidecar:

        async def split(document: str) -> None:
            pieces = await sidecar.chunk(document, max=8, timeout=1.0, fallback=lambda: old_split(document))
            print([piece.text for piece in pieces], sidecar.last)

        await asyncio.gather(*map(split, DOCUMENTS))


if __name__ == "__main__":
    asyncio.run(main())
