"""Events as metrics of OpenTelemetry, and what became of a call as attributes of its span.

    sidecar = hotpathd.Client(on_event=OpenTelemetryEvents())
    ...
    annotate(sidecar.last)               # in the span in which the call was made

    hotpathd.client.calls {hotpathd.route, .mode, .outcome, .reason, .path}
    hotpathd.client.duration, in seconds {hotpathd.route, hotpathd.side = total | sidecar | legacy}
    hotpathd.client.cpu, in seconds {hotpathd.route, hotpathd.side = legacy | client}
    hotpathd.client.comparisons {hotpathd.route, hotpathd.result = match | mismatch}
    hotpathd.client.events.dropped
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from opentelemetry import metrics, trace

from .. import Last
from . import _readings
from ._readings import Event


class OpenTelemetryEvents:
    """By the API alone: where the service has set up no SDK, it does nothing."""

    def __init__(self, provider: Optional[metrics.MeterProvider] = None) -> None:
        meter = metrics.get_meter("hotpathd", meter_provider=provider)
        self._calls = meter.create_counter(
            "hotpathd.client.calls", "{call}", "Calls by what became of them."
        )
        self._cpu = meter.create_counter(
            "hotpathd.client.cpu", "s", "CPU time of the calling thread."
        )
        self._compared = meter.create_counter(
            "hotpathd.client.comparisons", "{comparison}", "Results compared in mode shadow."
        )
        self._dropped = meter.create_counter(
            "hotpathd.client.events.dropped", "{event}", "Events that were lost."
        )
        self._durations = meter.create_histogram(
            "hotpathd.client.duration", "s", "What the caller waited, and what each side took.",
            explicit_bucket_boundaries_advisory=_readings.BUCKETS_S,
        )  # fmt: skip

    def __call__(self, event: Event) -> None:
        self._calls.add(1, _named(_readings.labels(event)))
        for side, seconds in _readings.durations(event):
            self._durations.record(seconds, _named({"route": event["route"], "side": side}))
        for side, seconds in _readings.cpu_times(event):
            self._cpu.add(max(seconds, 0.0), _named({"route": event["route"], "side": side}))
        result = _readings.comparison(event)
        if result is not None:
            self._compared.add(1, _named({"route": event["route"], "result": result}))
        if _readings.lost(event):
            self._dropped.add(_readings.lost(event))


def annotate(last: Last, span: Optional[trace.Span] = None) -> None:
    """Writes `client.last` to the span, by default the current one."""
    span = span or trace.get_current_span()
    known = {name: value for name, value in last._asdict().items() if value not in (None, "")}
    span.set_attributes(_named(known))


def _named(values: Mapping[str, Any]) -> Dict[str, Any]:
    return {f"hotpathd.{name}": value for name, value in values.items()}
