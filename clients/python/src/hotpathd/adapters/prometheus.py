"""Events as metrics of prometheus-client: hotpathd.Client(on_event=PrometheusEvents()).

    hotpathd_client_calls_total{route,mode,outcome,reason,path}
    hotpathd_client_duration_seconds{route,side}           side = total | sidecar | legacy
    hotpathd_client_cpu_seconds_total{route,side}          side = legacy | client
    hotpathd_client_comparisons_total{route,result}        result = match | mismatch
    hotpathd_client_events_dropped_total
"""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from . import _readings
from ._readings import Event


class PrometheusEvents:
    """One for each registry; several clients may share it."""

    def __init__(
        self, registry: CollectorRegistry = REGISTRY, namespace: str = "hotpathd_client"
    ) -> None:
        def counter(name: str, what: str, *names: str) -> Counter:
            return Counter(name, what, names, namespace=namespace, registry=registry)

        self._calls = counter("calls", "Calls by what became of them.", *_readings.LABELS)
        self._cpu = counter("cpu_seconds", "CPU time of the calling thread.", "route", "side")
        self._compared = counter(
            "comparisons", "Results compared in mode shadow.", "route", "result"
        )
        self._dropped = counter(
            "events_dropped", "Events that were lost: all else counts too little."
        )
        self._durations = Histogram(
            "duration_seconds", "What the caller waited, and what each side took.",
            ("route", "side"), namespace=namespace, registry=registry, buckets=_readings.BUCKETS_S,
        )  # fmt: skip

    def __call__(self, event: Event) -> None:
        route = event["route"]
        self._calls.labels(**_readings.labels(event)).inc()
        for side, seconds in _readings.durations(event):
            self._durations.labels(route, side).observe(seconds)
        for side, seconds in _readings.cpu_times(event):
            self._cpu.labels(route, side).inc(max(seconds, 0.0))
        result = _readings.comparison(event)
        if result is not None:
            self._compared.labels(route, result).inc()
        self._dropped.inc(_readings.lost(event))
