"""A FastAPI service. In this folder: pip install fastapi uvicorn ../..; with a daemon running:

    uvicorn fastapi_app:app
    curl --json '{"id": "7", "text": "Lift."}' http://127.0.0.1:8000/split
"""

import contextlib
from typing import Any, AsyncIterator, Dict, List

import hotpathd
from fastapi import FastAPI, Request
from pydantic import BaseModel


class Document(BaseModel):
    id: str
    text: str


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Dict[str, Any]]:
    async with hotpathd.AsyncClient(caller="api/1.0") as sidecar:
        yield {"sidecar": sidecar}


app = FastAPI(lifespan=lifespan)


def old_split(document: str) -> List[str]:
    """The old code: the fallback. One that takes long belongs into asyncio.to_thread."""
    return [part.strip() for part in document.split("\n\n") if part.strip()]


@app.post("/split")
async def split(document: Document, request: Request) -> Dict[str, Any]:
    sidecar: hotpathd.AsyncClient = request.state.sidecar
    pieces = await sidecar.chunk(
        document.text, max=128, key=document.id, fallback=lambda: old_split(document.text)
    )
    return {"pieces": [piece.text for piece in pieces], "path": sidecar.last.path}
