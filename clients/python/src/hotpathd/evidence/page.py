"""The report as one HTML file: nothing is fetched by it, and nothing in it runs."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import jinja2
from markupsafe import Markup

from . import words
from .book import Judged
from .sides import Window

Json = Dict[str, Any]


def render(report: Json, judged: Sequence[Judged], window: Window) -> str:
    from . import plots

    environment = jinja2.Environment(loader=jinja2.PackageLoader("hotpathd.evidence", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.globals["words"] = words
    drawn = {one.route.name: [(title, note, Markup(svg)) for title, note, svg in plots.of(one.route, window)] for one in judged}
    return environment.get_template("page.html.j2").render(
        report=report, plots=drawn, tiles={name: tiles(route) for name, route in report["routes"].items()}, scale=scale
    )


def tiles(route: Json) -> List[Json]:
    """What a manager wants first: few numbers, each with what it is beside."""
    rows = {row["key"]: row for row in route["table"]}
    out = []
    for key in ("p50", "p95", "cpu", "cost"):
        row = rows.get(key)
        if row and row["old"] and row["new"]:
            out.append({"name": row["name"], "value": change(row), "note": f"{words.bare(row['old']['value'], row['unit'])} → {_short(row['new'], row)}", "tone": tone(row)})
        elif row and row["old"]:
            out.append({"name": row["name"], "value": _short(row["old"], row), "note": "old code", "tone": ""})
    for key in ("fallbacks" if rows.get("fallbacks") else "shadow_failures", "mismatches"):
        row = rows.get(key)
        if row and row["new"]:
            out.append({"name": row["name"], "value": _short(row["new"], row), "note": f"at most {words.number(row['new']['high'], '%')}", "tone": ""})
    return out


def change(row: Json) -> str:
    old, new = row["old"]["value"], row["new"]["value"]
    return f"{new / old - 1:+.0%}".replace("-", "−") if old else "?"


def tone(row: Json) -> str:
    """Coloured only where the whole interval is on one side."""
    one = row["difference"]
    if not one or one["low"] is None or one["high"] is None:
        return ""
    return "good" if one["high"] < 0 else "bad" if one["low"] > 0 else ""


def _short(one: Json, row: Json) -> str:
    return words.number(one["value"], row["unit"])


def scale(test: Json) -> Optional[Json]:
    """The stop rule's interval on a line from 60 % less to 60 % more, or as wide as it takes; places in percent of the line."""
    ratio = test["ratio"]
    if not ratio or None in ratio.values():
        return None
    reach = max(0.6, test["limit"] - 1 + 0.1, min(abs(ratio["value"] - 1) * 1.2, 3.0))

    def place(value: float) -> float:
        return round(float(min(max((value - 1 + reach) / (2 * reach), 0.0), 1.0)) * 100, 2)

    low, high = place(ratio["low"]), place(ratio["high"])
    return {
        "low": low, "width": max(round(high - low, 2), 0.4), "value": place(ratio["value"]), "limit": place(test["limit"]), "reach": f"{reach:.0%}",
        "words": " ".join(f"{ratio[name] - 1:+.1%}" for name in ("value",)), "from": f"{ratio['low'] - 1:+.1%}", "to": f"{ratio['high'] - 1:+.1%}",
        "confidence": f"{test['confidence']:.2%}",
    }  # fmt: skip
