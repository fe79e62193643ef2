"""hotpathd: one CPU-bound step done by a local daemon, with the old code as its fallback."""

from ._client import Client, Last

__version__ = "0.1.0"
__all__ = ["Client", "Last", "__version__"]
