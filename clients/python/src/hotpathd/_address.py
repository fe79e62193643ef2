"""Where the daemon is: http://HOST:PORT or unix:PATH.

A host is an IP address or localhost. Any other name would have to be looked up, and a look-up
takes as long as it likes, outside of every call's budget.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import NamedTuple, Optional, Tuple, Union
from urllib.parse import urlsplit

SOCKET_PATH = "/run/hotpathd/hotpathd.sock"
TCP_URL = "http://127.0.0.1:8377"


class Address(NamedTuple):
    """What a socket connects to, and what the Host header says."""

    family: socket.AddressFamily
    target: Union[str, Tuple[str, int]]
    host: str
    url: str


def find(url: Optional[str]) -> Address:
    """`url`, else $HOTPATHD_URL, else the daemon's Unix socket if it is there, else its TCP port."""
    if url is None:
        url = os.environ.get("HOTPATHD_URL") or None
    if url is None:
        url = "unix:" + SOCKET_PATH if os.path.exists(SOCKET_PATH) else TCP_URL
    return parse(url)


def parse(url: str) -> Address:
    """ValueError says what is wrong and what would be right."""
    if url.startswith("unix:"):
        return _unix(url)
    parts = urlsplit(url)
    bare = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme != "http" or not parts.hostname or not bare:
        raise ValueError(f"{url!r}: expected http://HOST:PORT or unix:PATH")
    name = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    try:
        ip = ipaddress.ip_address(name)
    except ValueError:
        raise ValueError(f"{url!r}: HOST is an IP address or localhost") from None
    port = 80 if parts.port is None else parts.port
    if ip.version == 6:
        return Address(socket.AF_INET6, (name, port), f"[{name}]:{port}", url)
    return Address(socket.AF_INET, (name, port), f"{name}:{port}", url)


def _unix(url: str) -> Address:
    path = url[len("unix:") :]
    if path.startswith("//"):
        path = path[2:]
    if not path or "\0" in path:
        raise ValueError(f"{url!r}: expected unix:PATH")
    return Address(socket.AF_UNIX, path, "localhost", url)
