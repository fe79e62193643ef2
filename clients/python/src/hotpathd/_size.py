"""How large the request would have been of a call that a canary leaves to the old path: the report compares both paths by size.

Writing it takes the caller's time, after the old code's, so it is done for some.
"""

from __future__ import annotations

import random
from typing import Any, Callable, Optional

from ._request import encode

SHARE = 0.05


def of_some(read_body: Callable[[], Any]) -> Optional[int]:
    if random.random() >= SHARE:
        return None
    try:
        return len(encode(read_body()))
    except Exception:  # of the caller's own functions: the size is not known, which is what None says
        return None
