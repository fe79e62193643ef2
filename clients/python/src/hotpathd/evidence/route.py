"""One route's numbers: the baseline table, the stop rule's test, mismatches, fallbacks. No judgement here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, List, NamedTuple, Optional

import numpy as np
from numpy.typing import NDArray

from . import figures, sides
from .figures import Interval
from .mismatches import Cluster, clusters
from .rules import Rules
from .scrapes import Daemon
from .sides import Counts, Window
from .sizes import BreakEven, break_even

Array = NDArray[Any]
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
GIB = float(1 << 30)


class Row(NamedTuple):
    """A line of the baseline table; all of them are the better, the lower."""

    key: str
    name: str
    unit: str
    old: Optional[Interval]
    new: Optional[Interval]
    difference: Optional[Interval]


@dataclass(frozen=True)
class Fallback:
    reason: str
    count: int
    share: float  # of calls that were to be the sidecar's
    added_p50: Optional[float]  # ms that the caller waited for nothing
    added_p95: Optional[float]
    added_total_s: float


@dataclass
class Sample:
    """What is kept of one side: latencies in ms, sorted once, and CPU in ms."""

    took: Array
    cpu: Array
    ordered: Array = field(init=False)

    def __post_init__(self) -> None:
        self.ordered = np.sort(self.took)


@dataclass
class Route:
    name: str
    kind: str
    counts: Counts
    old: Sample
    new: Sample
    rows: List[Row] = field(default_factory=list)
    ledger: List[Fallback] = field(default_factory=list)
    clusters: List[Cluster] = field(default_factory=list)
    compared: int = 0
    differing: int = 0
    noise: int = 0
    noise_differing: int = 0
    break_even: Optional[BreakEven] = None
    old_index: Any = None
    new_index: Any = None

    def row(self, key: str) -> Optional[Row]:
        return next((row for row in self.rows if row.key == key), None)


def measure(window: Window, name: str, rules: Rules, daemon: Optional[Daemon]) -> Route:
    kind, old_index, new_index = sides.compared(window, name, rules.stop.minimum)
    columns = Columns(window)
    old = Sample(columns.finite("total_ms" if kind != "shadow" else "legacy_ms", old_index), _old_cpu(columns, old_index))
    took = columns.finite("sidecar_ms" if kind == "shadow" else "total_ms", _answered(window, new_index) if kind == "shadow" else new_index)
    new = Sample(took, _new_cpu(columns, new_index, kind, _cpu_of_a_request(daemon, name)))
    route = Route(name, kind, window.counted(name), old, new, old_index=old_index, new_index=new_index)
    _compare(window, route)
    route.ledger = _ledger(window, columns, route)
    route.break_even = break_even(window, name)
    route.rows = list(_rows(route, rules, daemon))
    return route


class Columns:
    """Columns of the table, one in memory at a time."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._name, self._column = "", np.zeros(0)

    def of(self, name: str, index: Array) -> Array:
        if name != self._name:
            self._name, self._column = name, self._window.table.column(name)
        chosen: Array = self._column[index]
        return chosen

    def finite(self, name: str, index: Array) -> Array:
        values = self.of(name, index)
        chosen: Array = values[np.isfinite(values)]
        return chosen


def _answered(window: Window, index: Array) -> Array:
    """Of calls in mode shadow: a failure has no latency to compare."""
    good = np.array([cell.outcome == "ok" for cell in window.cells] or [False])
    chosen: Array = index[good[window.cell[index]]]
    return chosen


def _old_cpu(columns: Columns, index: Array) -> Array:
    return columns.finite("cpu_legacy", index)


def _new_cpu(columns: Columns, index: Array, kind: str, daemon_ms: Optional[float]) -> Array:
    """The client's, the daemon's, and the old code's where it ran after all.

    The daemon's is its own count for each request where scrapes say it; else its stages, by the clock.
    """
    if not len(index):
        return np.zeros(0, np.float32)
    client = columns.of("cpu_client", index)
    stages = columns.of("server_ms", index)
    served = np.nan_to_num(stages) if daemon_ms is None else np.where(np.isfinite(columns.of("sidecar_ms", index)), daemon_ms, 0.0)
    total = client + served
    if kind != "shadow":
        total = total + np.nan_to_num(columns.of("cpu_legacy", index))
    chosen: Array = total[np.isfinite(total)]
    return chosen


def _cpu_of_a_request(daemon: Optional[Daemon], route: str) -> Optional[float]:
    """Milliseconds."""
    if daemon is None:
        return None
    requests = daemon.grown("hotpathd_requests_total", route=route)
    return daemon.grown("hotpathd_request_cpu_seconds_total", route=route) / requests * 1e3 if requests else None


def _compare(window: Window, route: Route) -> None:
    matches = window.table.column("match")
    both = window.where(route.name, lambda cell: cell.path == "both")
    noise = window.where(route.name, sides.is_noise)
    route.compared, route.differing = int((matches[both] >= 0).sum()), int((matches[both] == 0).sum())
    route.noise, route.noise_differing = int((matches[noise] >= 0).sum()), int((matches[noise] == 0).sum())
    route.clusters = clusters(window, route.name, both[matches[both] == 0])


def _ledger(window: Window, columns: Columns, route: Route) -> List[Fallback]:
    out = []
    wanted = {cell.reason for cell in window.cells if cell.route == route.name and sides.is_fallback(cell)}
    meant = max(route.counts.new - route.counts.cancelled, 1)
    for reason in wanted:
        index = window.where(route.name, lambda cell: sides.is_fallback(cell) and cell.reason == reason)
        if not len(index):
            continue
        added = columns.finite("sidecar_ms", index)
        p50, p95 = (float(np.quantile(added, q)) for q in (0.5, 0.95)) if len(added) else (None, None)
        out.append(Fallback(reason, len(index), len(index) / meant, p50, p95, float(added.sum(dtype=np.float64)) / 1e3))
    return sorted(out, key=lambda one: -one.count)


def _rows(route: Route, rules: Rules, daemon: Optional[Daemon]) -> "List[Row]":
    counts, old, new = route.counts, route.old, route.new
    rows = [Row("n", "calls", "", _exact(len(old.took)), _exact(len(new.took)), None)]
    for name, q in QUANTILES.items():
        rows.append(
            Row(name, f"{name} latency", "ms", figures.quantile(old.ordered, q), figures.quantile(new.ordered, q),
                figures.difference_of_quantiles(new.ordered, old.ordered, q))
        )  # fmt: skip
    cpu_old, cpu_new = figures.mean(old.cpu), figures.mean(new.cpu)
    rows.append(Row("cpu", "CPU per 1,000 calls", "s", cpu_old, cpu_new, figures.difference_of_means(cpu_new, cpu_old)))
    memory = daemon.memory if daemon else None
    if memory:
        grown = memory / (1 << 20)
        rows.append(Row("memory", "memory of the sidecar", "MiB", None, _exact(grown), None))
    rows += _rates(route, counts)
    cost = _cost(route, rules, cpu_old, cpu_new, memory)
    return [row for row in rows + ([cost] if cost else []) if row.old or row.new]


def _rates(route: Route, counts: Counts) -> List[Row]:
    live = max(counts.new - counts.cancelled, 0) if route.kind in ("canary", "on") else 0
    failures = counts.shadow_failures
    rows = []
    for key, name, count in (("fallbacks", "fallbacks", counts.fallbacks), ("timeouts", "timeouts", counts.timeouts), ("errors", "errors", counts.errors)):
        rows.append(_rate_row(key, name, count, live))
    if counts.shadow:
        rows.append(_rate_row("shadow_failures", "failures in shadow", failures, counts.shadow))
    if route.compared:
        rows.append(_rate_row("mismatches", "mismatches", route.differing, route.compared))
    if route.noise:
        old = figures.rate(route.noise_differing, route.noise)
        rows.append(Row("noise", "old code beside itself (A/A)", "%", _scaled(old, 100), None, None))
    return rows


def _rate_row(key: str, name: str, count: int, total: int) -> Row:
    return Row(key, name, "%", None, _scaled(figures.rate(count, total), 100), None)


def _cost(route: Route, rules: Rules, old: Optional[Interval], new: Optional[Interval], memory: Optional[float]) -> Optional[Row]:
    """A month's: CPU of all its requests, and the daemons' memory."""
    requests, prices = rules.requests(route.name), rules.prices
    if requests is None or prices.vcpu_hour is None or old is None:
        return None
    of_ms = requests / 1e3 / 3600 * prices.vcpu_hour
    held = memory / GIB * rules.replicas * prices.gib_month if memory and prices.gib_month is not None else 0.0
    before = _scaled(old, of_ms)
    if new is None or not len(route.new.cpu):
        return Row("cost", "cost of a month", prices.currency, before, None, None)
    after = Interval(*(value * of_ms + held for value in new))
    return Row("cost", "cost of a month", prices.currency, before, after, figures.difference_of_means(after, before))


def _exact(value: float) -> Interval:
    return Interval(float(value), float(value), float(value))


def _scaled(one: Optional[Interval], factor: float) -> Optional[Interval]:
    return None if one is None else Interval(*(value * factor for value in one))
