"""hotpathd: one CPU-bound step done by a local daemon, with the old code as its fallback."""

from ._aio import AsyncClient
from ._breaker import Breaker
from ._call import Last
from ._client import Client
from ._compare import Compare
from ._deadline import deadline
from ._helpers import Chunk, Ranked

__version__ = "0.1.0"
__all__ = [
    "AsyncClient",
    "Breaker",
    "Chunk",
    "Client",
    "Compare",
    "Last",
    "Ranked",
    "__version__",
    "deadline",
]
