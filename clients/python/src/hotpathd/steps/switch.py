"""Where a route stands: off, in shadow, at a share of the keys, or on."""

from __future__ import annotations

import re
from typing import Dict, NamedTuple, Optional, Union

from .problem import Unusable

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?) *%?")
_MODES = ("off", "shadow", "canary", "on")

Fields = Dict[str, Union[str, float]]


class Switch(NamedTuple):
    """`percent` in canary only: elsewhere nothing depends on it, so two switches are equal by effect."""

    mode: str
    percent: Optional[float] = None

    def __str__(self) -> str:
        return self.mode if self.percent is None else f"{number(self.percent)} %"

    def fields(self) -> Fields:
        return {"mode": self.mode} if self.percent is None else {"mode": self.mode, "percent": self.percent}


OFF = Switch("off")
SHADOW = Switch("shadow")
ON = Switch("on")


def number(percent: float) -> str:
    """As the configuration writes it: at most two decimals."""
    return f"{percent:.2f}".rstrip("0").rstrip(".")


def percent_of(text: str) -> float:
    found = _PERCENT.fullmatch(text.strip())
    if not found or float(found[1]) > 100:
        raise Unusable(f"{text!r} is no percentage: 0 to 100, at most two decimals")
    return float(found[1])


def switch_of(text: str) -> Switch:
    """`shadow`, `off`, `on`, or a percentage; all keys are `on`."""
    word = text.strip().lower()
    if word in ("off", "shadow", "on"):
        return Switch(word)
    percent = percent_of(word)
    return ON if percent == 100 else Switch("canary", percent)


def from_fields(fields: object) -> Switch:
    """What `Switch.fields` gave, from JSON."""
    if not isinstance(fields, dict):
        raise Unusable("a switch is an object of mode and percent")
    mode, percent = fields.get("mode"), fields.get("percent")
    if mode == "canary" and isinstance(percent, (int, float)) and 0 <= percent <= 100:
        return Switch("canary", float(percent))
    if mode in _MODES and mode != "canary" and percent is None:
        return Switch(str(mode))
    raise Unusable(f"no switch: {fields!r}")
