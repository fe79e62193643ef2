"""Random configurations in random layouts, with the values that they mean."""

from __future__ import annotations

import random
from typing import Any, Dict, List, Optional, Tuple

_COMMENTS = ["", "", "", " # why", "  # é😀: { mode: on }", " #"]
_ABOVE = ["", "", "", "# mode: off\n", "\n", "# é😀 - 'quoted'\n", "  # percent: 3\n"]
Values = Optional[Dict[str, Any]]


def random_configuration(dice: random.Random) -> Tuple[str, Values]:
    newline = dice.choice(["\n", "\n", "\r\n"])
    values = _values(dice)
    if values and dice.random() < 0.15:
        text = _flow(dice, values, json=dice.random() < 0.5) + dice.choice(["", "\n"])
    else:
        text = dice.choice(["", "# first\n", "---\n"]) + _block(dice, values or {}, 0, dice.choice([2, 3, 4]))
        text += dice.choice(["", "# last\n", "\n\n"])
    if not values:
        values = {} if text.lstrip().startswith("{") else None
    return text.replace("\n", newline), values


def _values(dice: random.Random) -> Dict[str, Any]:
    values: Dict[str, Any] = {}
    if dice.random() < 0.6:
        values["listen"] = ["127.0.0.1:0", "unix:/tmp/é"]
    if dice.random() < 0.6:
        values["workers"] = dice.randrange(9)
    if dice.random() < 0.85:
        values["routes"] = _routes(dice)
    if dice.random() < 0.5:
        values["limits"] = {"idle_s": 3, "memory": "1GiB"}
    items = list(values.items())
    dice.shuffle(items)
    return dict(items)


def _routes(dice: random.Random) -> Any:
    if dice.random() < 0.1:
        return None
    routes = {}
    for name in dice.sample(["chunk", "score", "own-route"], dice.randint(1, 3)):
        fields = {
            "mode": dice.choice(["off", "shadow", "canary", "on", True, False]),
            "percent": dice.choice([0, 5, 100, 12.25, 0.5]),
            "deadline_ms": dice.randrange(1, 999),
            "salt": dice.choice(["chunk", "é", "a: b"]),
        }
        kept = dice.sample(sorted(fields), dice.randint(0, 4))
        routes[name] = {field: fields[field] for field in kept} or dice.choice([None, {}])
    return routes


def _block(dice: random.Random, values: Dict[str, Any], indent: int, step: int) -> str:
    lines: List[str] = []
    for key, value in values.items():
        lines.append(dice.choice(_ABOVE))
        name = " " * indent + _key(dice, key)
        if isinstance(value, dict) and value and dice.random() < 0.7:
            lines += [f"{name}:{dice.choice(_COMMENTS)}\n", _block(dice, value, indent + step, step)]
        elif value is None:
            lines.append(f"{name}:{dice.choice(['', ' ~', ' null'])}{dice.choice(_COMMENTS)}\n")
        else:
            lines.append(f"{name}:{dice.choice([' ', '   '])}{_flow(dice, value)}{dice.choice(_COMMENTS)}\n")
    return "".join(lines)


def _key(dice: random.Random, key: str) -> str:
    return dice.choice([key, key, key, f'"{key}"', f"'{key}'"])


def _flow(dice: random.Random, value: Any, json: bool = False) -> str:
    if isinstance(value, dict):
        blank = "" if json else dice.choice(["", " ", "\n      "])
        pairs = (f'"{k}": {_flow(dice, v, json)}' if json else f"{_key(dice, k)}: {_flow(dice, v)}" for k, v in value.items())
        return "{" + blank + f",{blank or ' '}".join(pairs) + blank + "}"
    if isinstance(value, list):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    if isinstance(value, bool):
        return dice.choice(["on", "true", "On"]) if value else dice.choice(["off", "false", "OFF"])
    if isinstance(value, str):
        return f'"{value}"' if json or dice.random() < 0.3 or ":" in value or value in ("on", "off") else value
    return "null" if value is None else str(value)
