"""One route's numbers: the baseline table, the stop rule's test, mismatches, fallbacks. No judgement here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, List, NamedTuple, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from . import blocks, intervals, sides
from .intervals import Interval
from .mismatches import Cluster, clusters
from .rules import Rules
from .scrapes import Daemon
from .sides import Counts, Window
from . import sizes
from .breakeven import BreakEven
from .together import Together, together

Array = NDArray[Any]
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
GIB = float(1 << 30)
HOURS = 730.0  # of a month
LEAST = 100  # calls of each side, before even harm is looked for
MOST_FOR_A_MIDDLE = 1_000_000


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


class Series(NamedTuple):
    """Values in ms, and when they were (microseconds), by the order of the events."""

    values: Array
    times: Array

    def __len__(self) -> int:
        return len(self.values)


class Held(NamedTuple):
    """What is held whether calls come or not."""

    memory: Optional[float]  # of a daemon, in bytes
    beside: Optional[float]  # its CPU beside its calls, by time: 0.01 is a hundredth of a core
    service: Optional[Tuple[float, float]]  # the service's own memory, before and after


@dataclass
class Side:
    took: Series
    cpu: Series
    earlier: Optional[Array] = None  # what calls took before the window, by time; of a guard


@dataclass
class Route:
    name: str
    kind: str
    counts: Counts
    old: Side
    new: Side
    fallback_effect: float = 1.0  # of fallbacks that come in runs
    cpu_bound: Optional[float] = None  # CPU by time of the old code, of the middle call: a busy machine delays the others
    cpu_of_process: Optional[float] = None
    rows: List[Row] = field(default_factory=list)
    ledger: List[Fallback] = field(default_factory=list)
    clusters: List[Cluster] = field(default_factory=list)
    compared: int = 0
    differing: int = 0
    noise: int = 0
    noise_differing: int = 0
    break_even: Optional[BreakEven] = None
    together: Optional[Together] = None  # of a canary

    def row(self, key: str) -> Optional[Row]:
        return next((row for row in self.rows if row.key == key), None)


def measure(window: Window, name: str, rules: Rules, daemon: Optional[Daemon], service: Optional[Daemon] = None, guard: bool = False) -> Route:
    kind, old_index, new_index = sides.compared(window, name, max(rules.stop.minimum, LEAST))
    columns = Columns(window)
    shadow = kind == "shadow"
    old = Side(columns.series("legacy_ms" if shadow else "total_ms", old_index), columns.series("cpu_legacy", old_index))
    took = columns.series("sidecar_ms", _answered(window, new_index)) if shadow else columns.series("total_ms", new_index)
    new = Side(took, _new_cpu(columns, new_index, kind, _cpu_of_a_request(daemon, name)))
    route = Route(name, kind, window.counted(name), old, new)
    route.cpu_bound = _cpu_bound(columns, old_index)
    route.fallback_effect = _runs(window, new_index, columns)
    _compare(window, route)
    route.ledger = _ledger(window, columns, route)
    if guard:
        old.earlier, new.earlier = (_by_time(columns.series("total_ms", index)) for index in sides.earlier(window, name, kind))
    if kind == "canary":
        route.together = together(columns.of("ts", old_index), columns.of("ts", new_index))
    route.break_even = sizes.break_even(window, name, kind, old_index, new_index)
    route.rows = list(_rows(route, rules, _held(window, daemon, service)))
    return route


def _held(window: Window, daemon: Optional[Daemon], service: Optional[Daemon]) -> Held:
    seconds = (window.last - window.first) / 1e6
    beside = daemon.beside if daemon else None
    return Held(daemon.memory if daemon else None, beside / seconds if beside is not None and seconds > 0 else None, service.residents if service else None)


class Columns:
    """Columns of some events."""

    def __init__(self, window: Window) -> None:
        self._table = window.table
        self._index, self._times = np.zeros(0, np.uint32), np.zeros(0, np.int64)

    def of(self, name: str, index: Array) -> Array:
        return self._table.at(name, index)

    def finite(self, name: str, index: Array) -> Array:
        values = self.of(name, index)
        chosen: Array = values[np.isfinite(values)]
        return chosen

    def series(self, name: str, index: Array) -> Series:
        return self.timed(self.of(name, index), index)

    def timed(self, values: Array, index: Array) -> Series:
        """Series of the same events share their times."""
        if self._index is not index:
            self._index, self._times = index, self.of("ts", index)
        known = np.isfinite(values)
        return Series(values, self._times) if known.all() else Series(values[known], self._times[known])


def _by_time(series: Series) -> Array:
    return blocks.in_time(*series)


def _answered(window: Window, index: Array) -> Array:
    """Of calls in mode shadow: a failure has no latency to compare."""
    good = np.array([cell.outcome == "ok" for cell in window.cells] or [False])
    chosen: Array = index[good[window.cell[index]]]
    return chosen


def _new_cpu(columns: Columns, index: Array, kind: str, daemon_ms: Optional[float]) -> Series:
    """The client's, the daemon's, and the old code's where it ran after all.

    The daemon's is its own count for each request where scrapes say it; else its stages, by the clock.
    """
    client = columns.of("cpu_client", index)
    stages = columns.of("server_ms", index)
    served = np.nan_to_num(stages) if daemon_ms is None else np.where(np.isfinite(columns.of("sidecar_ms", index)), daemon_ms, 0.0)
    total = client + served
    if kind != "shadow":
        total = total + np.nan_to_num(columns.of("cpu_legacy", index))
    return columns.timed(total, index)


def _runs(window: Window, index: Array, columns: Columns) -> float:
    """Of fallbacks, or of failures in shadow: how many calls tell as much as one."""
    if not len(index):
        return 1.0
    failed = np.array([sides.is_fallback(cell) or (cell.path == "both" and cell.outcome == "fallback") for cell in window.cells])
    hits = failed[window.cell[index]]
    return blocks.design_effect(blocks.in_time(hits, columns.of("ts", index))) if hits.any() else 1.0


def _cpu_bound(columns: Columns, index: Array) -> Optional[float]:
    some = index[:: len(index) // MOST_FOR_A_MIDDLE + 1]
    took, cpu = columns.of("legacy_ms", some), columns.of("cpu_legacy", some)
    known = np.isfinite(cpu) & (took > 0)
    return float(np.median(cpu[known] / took[known])) if known.any() else None


def _cpu_of_a_request(daemon: Optional[Daemon], route: str) -> Optional[float]:
    """Milliseconds."""
    if daemon is None:
        return None
    requests = daemon.grown("hotpathd_requests_total", route=route)
    return daemon.grown("hotpathd_request_cpu_seconds_total", route=route) / requests * 1e3 if requests else None


def _compare(window: Window, route: Route) -> None:
    both = window.where(route.name, lambda cell: cell.path == "both")
    noise = window.where(route.name, sides.is_noise)
    matches, again = window.table.at("match", both), window.table.at("match", noise)
    route.compared, route.differing = int((matches >= 0).sum()), int((matches == 0).sum())
    route.noise, route.noise_differing = int((again >= 0).sum()), int((again == 0).sum())
    route.clusters = clusters(window, route.name, both[matches == 0])


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


def _rows(route: Route, rules: Rules, held: Held) -> List[Row]:
    old, new = route.old, route.new
    rows = [Row("n", "calls", "", _exact(len(old.took)), _exact(len(new.took)), None)]
    for name, q in QUANTILES.items():
        sides = intervals.quantile(*old.took, q), intervals.quantile(*new.took, q)
        rows.append(_pair(name, f"{name} latency", "ms", *sides, intervals.quantile_difference(*old.took, *new.took, q)))
    means = intervals.mean(*old.cpu), intervals.mean(*new.cpu)
    cpu = _pair("cpu", "CPU per 1,000 calls", "s", *means, intervals.mean_difference(*old.cpu, *new.cpu))
    rows.append(cpu)
    if held.memory is not None:
        rows.append(Row("memory", "memory of the sidecar", "MiB", None, _exact(held.memory / (1 << 20)), None))
    if held.beside is not None:
        rows.append(Row("beside", "CPU beside calls (of a core)", "%", None, _exact(held.beside * 100), None))
    if held.service:
        before, after = (_exact(one / (1 << 20)) for one in held.service)
        rows.append(Row("service", "memory of the service", "MiB", before, after, _exact(after.value - before.value)))
    rows += _rates(route, route.counts)
    cost = _cost(route, rules, cpu, held)
    return [row for row in rows + ([cost] if cost else []) if row.old or row.new]


def _pair(key: str, name: str, unit: str, old: Interval, new: Interval, difference: Interval) -> Row:
    return Row(key, name, unit, known(old), known(new), known(difference))


def known(one: Interval) -> Optional[Interval]:
    return None if math.isnan(one.value) else one


def _rates(route: Route, counts: Counts) -> List[Row]:
    live = max(counts.new - counts.cancelled, 0) if route.kind in ("canary", "on") else 0
    rows = []
    for key, name, count in (("fallbacks", "fallbacks", counts.fallbacks), ("timeouts", "... by a timeout", counts.timeouts), ("errors", "... by an error", counts.errors)):
        rows.append(_rate_row(key, name, count, live, route.fallback_effect))
    if counts.shadow:
        rows.append(_rate_row("shadow_failures", "failures in shadow", counts.shadow_failures, counts.shadow, route.fallback_effect if not live else 1.0))
    if route.compared:
        rows.append(_rate_row("mismatches", "mismatches", route.differing, route.compared))
    if route.noise:
        old = intervals.rate(route.noise_differing, route.noise)
        rows.append(Row("noise", "old code beside itself (A/A)", "%", _scaled(old, 100), None, None))
    return rows


def _rate_row(key: str, name: str, count: int, total: int, effect: float = 1.0) -> Row:
    return Row(key, name, "%", None, _scaled(known(intervals.rate(count, total, effect=effect)), 100), None)


def _cost(route: Route, rules: Rules, cpu: Row, held: Held) -> Optional[Row]:
    """A month's: CPU of all its requests, and what daemons take that only wait, as if they were there for this route alone."""
    requests, prices = rules.requests(route.name), rules.prices
    if requests is None or prices.vcpu_hour is None or cpu.old is None:
        return None
    of_ms = requests / 1e3 / 3600 * prices.vcpu_hour
    before = _scaled(cpu.old, of_ms)
    if cpu.new is None:
        return Row("cost", "cost of a month", prices.currency, before, None, None)
    waiting = (held.beside or 0.0) * HOURS * prices.vcpu_hour + (held.memory or 0.0) / GIB * (prices.gib_month or 0.0)
    more = rules.replicas * waiting
    return Row("cost", "cost of a month", prices.currency, before, _scaled(cpu.new, of_ms, more), _scaled(cpu.difference, of_ms, more))


def _exact(value: float) -> Interval:
    return Interval(float(value), float(value), float(value))


def _scaled(one: Optional[Interval], factor: float, more: float = 0.0) -> Optional[Interval]:
    return None if one is None else Interval(*(value * factor + more for value in one))
