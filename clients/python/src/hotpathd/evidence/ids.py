"""Request ids as 64-bit numbers: ten million of them are compared and sorted without a text being kept.

Word by word multiplied with odd random factors and folded: two ids are equal by chance once in 2^64. The factors are drawn once;
readers are born by fork and have the same.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, List, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LONGEST = 32
LONGEST_ROUTE = 16
_FACTORS = np.array([secrets.randbits(64) | 1 for _ in range(16)], np.uint64)



def mixed(id_words: Sequence[Array], id_length: Array, route_words: Sequence[Array], route_length: Array) -> Array:
    """Of ids and routes as words, zeros behind their ends."""
    return hashed([*id_words, id_length.astype(np.uint64), *route_words, route_length.astype(np.uint64)]).view(np.int64)


def of(request_ids: Sequence[str], routes: Sequence[str]) -> Array:
    """The same, of texts."""
    id_texts, route_texts = _short(request_ids, LONGEST), _short(routes, LONGEST_ROUTE)
    return mixed(_words(id_texts, LONGEST), _lengths(id_texts), _words(route_texts, LONGEST_ROUTE), _lengths(route_texts))


def hashed(words: Sequence[Array]) -> Array:
    total = np.zeros(len(words[0]), np.uint64)
    for at, word in enumerate(words):
        total = (total ^ word) * _FACTORS[at]
        total ^= total >> np.uint64(32)  # a difference in a word's last byte must reach more than the last byte
    return total


def _short(texts: Sequence[str], longest: int) -> List[bytes]:
    """A longer one by its digest: by chance it is that of another, as seldom as two ids are."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return [text if len(text) <= longest else hashlib.blake2b(text, digest_size=longest).digest() for text in encoded]


def _words(texts: Sequence[bytes], longest: int) -> List[Array]:
    grid = np.frombuffer(b"".join(text.ljust(longest, b"\0") for text in texts), "<u8").reshape(len(texts), longest // 8)
    return list(grid.T)


def _lengths(texts: Sequence[bytes]) -> Array:
    return np.fromiter(map(len, texts), np.uint64, len(texts))
