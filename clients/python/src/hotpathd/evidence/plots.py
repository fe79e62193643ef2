"""The page's plots, as SVG that follows the page's colours.

Matplotlib draws in a few colours that stand for the page's variables; they are put in afterwards, so that one plot
serves light and dark.
"""

from __future__ import annotations

import io
import re
from typing import Any, Callable, Dict, List, Optional, Tuple

import matplotlib

matplotlib.use("svg")

import numpy as np  # noqa: E402
from matplotlib import ticker  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from . import blocks  # noqa: E402
from .route import Route, Series  # noqa: E402
from .sides import Window  # noqa: E402
from .sizes import word  # noqa: E402

Array = NDArray[Any]
OLD, NEW, INK, FAINT, BAD = "#010201", "#020301", "#030401", "#040501", "#050601"
_VARIABLES = {OLD: "--old", NEW: "--new", INK: "--ink", FAINT: "--faint", BAD: "--bad"}
_STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "hotpathd", "font.family": "sans-serif", "font.size": 9, "text.color": INK, "axes.edgecolor": FAINT,
    "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "grid.color": FAINT, "grid.linewidth": 0.4, "axes.grid": True, "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "lines.linewidth": 1.6,
}  # fmt: skip
MOST_SLICES = 48
LEAST = 20  # calls in a slice of time, before its p95 says anything
_METADATA: Dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}


def of(route: Route, window: Window) -> List[Tuple[str, str, str]]:
    """(title, what it shows, SVG) of each plot that the route's events allow."""
    wanted: List[Tuple[str, str, Callable[[Route, Window], Optional[str]]]] = [
        ("Latency", "How long callers waited, or would have waited. Further left is better.", _latency),
        ("Over time", "p95 in slices of the window.", _over_time),
        ("By payload size", "The middle call of each size, on both sides.", _by_size),
        ("Fallbacks", "Calls that were to be the sidecar's and took the old path after all, by reason.", _fallbacks),
        ("Cost of a month", "With the prices and the traffic of rollout.yaml.", _cost),
    ]
    with matplotlib.rc_context(_STYLE):
        found = [(title, note, draw(route, window)) for title, note, draw in wanted]
    return [(title, note, svg) for title, note, svg in found if svg]


def _axes(height: float = 2.6) -> Tuple[Figure, Any]:
    figure = Figure(figsize=(6.2, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata=_METADATA)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    text = re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img">', text, count=1)
    return re.sub(r"font: ([0-9.]+px) 'sans-serif'[^;\"]*", r"font-size: \1", text)


def _sides(route: Route) -> List[Tuple[str, str, Series]]:
    both = [("old", OLD, route.old.took), ("sidecar", NEW, route.new.took)]
    return [(name, colour, side) for name, colour, side in both if len(side)]


def _latency(route: Route, window: Window) -> Optional[str]:
    sides = _sides(route)
    if not sides:
        return None
    figure, axes = _axes()
    low = max(min(float(side.values.min()) for _, _, side in sides), 1e-3)
    high = max(max(float(np.quantile(side.values, 0.9995)) for _, _, side in sides), low * 1.5)
    edges = np.geomspace(low, high * 1.01, 61)
    for name, colour, side in sides:
        share = np.histogram(side.values, edges)[0] / len(side) * 100
        axes.stairs(share, edges, color=colour, fill=True, alpha=0.22)
        axes.stairs(share, edges, color=colour, label=f"{name} ({len(side):,})", linewidth=1.4)
        axes.axvline(float(np.quantile(side.values, 0.95)), color=colour, linestyle="--", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(_plain))
    axes.set_xlabel("milliseconds; dashed: p95")
    axes.set_ylabel("% of calls")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper right")
    return _svg(figure)


def _plain(value: float, _: object) -> str:
    return f"{value:g}"


def _over_time(route: Route, window: Window) -> Optional[str]:
    sides = _sides(route)
    if not sides:
        return None
    figure, axes = _axes()
    first = min(int(side.times.min()) for _, _, side in sides)
    last = max(int(side.times.max()) for _, _, side in sides)
    slices = int(np.clip(sum(len(side) for _, _, side in sides) // (4 * LEAST), 1, MOST_SLICES))
    edges = np.linspace(first, last + 1, slices + 1).astype(np.int64)
    for name, colour, side in sides:
        points = _p95_by_time(side, edges)
        axes.plot([np.datetime64(x, "us") for x, _ in points], [y for _, y in points], color=colour, label=name, marker="o", markersize=2.5)
    axes.set_ylabel("p95, ms")
    axes.set_ylim(bottom=0)
    axes.legend(loc="best")
    figure.autofmt_xdate(rotation=0, ha="center")
    axes.xaxis.set_major_locator(_dates())
    axes.xaxis.set_major_formatter(_date_words(axes.xaxis.get_major_locator()))
    return _svg(figure)


def _p95_by_time(side: Series, edges: Array) -> List[Tuple[int, float]]:
    values, times = blocks.in_time(side.values, side.times), side.times
    if values is not side.values:
        times = np.sort(times)
    cuts = np.searchsorted(times, edges)
    found = [(int(edges[at] + edges[at + 1]) // 2, values[cuts[at] : cuts[at + 1]]) for at in range(len(edges) - 1)]
    return [(at, float(np.quantile(part, 0.95))) for at, part in found if len(part) >= LEAST]


def _dates() -> Any:
    from matplotlib.dates import AutoDateLocator

    return AutoDateLocator(minticks=3)  # type: ignore[no-untyped-call]


def _date_words(locator: Any) -> Any:
    from matplotlib.dates import ConciseDateFormatter

    return ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]


def _by_size(route: Route, window: Window) -> Optional[str]:
    found = route.break_even
    if found is None or len(found.buckets) < 2:
        return None
    figure, axes = _axes()
    sizes = [one.size for one in found.buckets]
    for name, colour, sides in (("old", OLD, [one.old for one in found.buckets]), ("sidecar", NEW, [one.new for one in found.buckets])):
        axes.plot(sizes, [one.value for one in sides], color=colour, marker="o", markersize=3, label=name)
        axes.fill_between(sizes, [one.low for one in sides], [one.high for one in sides], color=colour, alpha=0.2, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: word(value)))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(_plain))
    if found.above is not None and sizes[0] < found.above < sizes[-1]:
        axes.axvline(found.above, color=INK, linestyle=":", linewidth=1.2)
        axes.annotate(f"pays above {word(found.above)}", (found.above, 0.98), xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points", va="top")
    axes.set_xlabel("request body")
    axes.set_ylabel("p50, ms")
    axes.legend(loc="lower right")
    return _svg(figure)


def _fallbacks(route: Route, window: Window) -> Optional[str]:
    if not route.ledger:
        return None
    figure, axes = _axes(0.7 + 0.32 * len(route.ledger))
    names = [one.reason for one in reversed(route.ledger)]
    bars = axes.barh(names, [one.count for one in reversed(route.ledger)], color=BAD, height=0.6)
    axes.bar_label(bars, [f"{one.count:,}, {one.added_total_s:.3g} s lost" for one in reversed(route.ledger)], padding=4)
    axes.margins(x=0.3)
    axes.grid(axis="y", visible=False)
    return _svg(figure)


def _cost(route: Route, window: Window) -> Optional[str]:
    row = route.row("cost")
    if row is None or row.old is None:
        return None
    figure, axes = _axes(1.5)
    for at, (name, colour, one) in enumerate((("sidecar", NEW, row.new), ("old", OLD, row.old))):
        if one is None:
            continue
        error = [[max(one.value - one.low, 0)], [max(one.high - one.value, 0)]]
        axes.barh([name], [one.value], color=colour, height=0.6, xerr=error if np.isfinite(error).all() else None, error_kw={"ecolor": INK, "capsize": 3})
    axes.set_xlabel(f"{row.unit} a month")
    axes.grid(axis="y", visible=False)
    return _svg(figure)
